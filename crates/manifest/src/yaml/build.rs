//! Builds the tree from parser events, without recursion.

use super::{BLOCK_DEPTH, Document, FLOW_DEPTH, Node, NodeKind, ParseProblem, Stream};
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};
use std::borrow::Cow;
use std::ops::Range;

/// A collection whose end has not been seen.
struct Open<'t> {
    node: Node<'t>,
    /// The key whose value comes next, inside a mapping.
    key: Option<Node<'t>>,
}

pub(super) fn stream(text: &str) -> Stream<'_> {
    let mut options = granit_parser::options! {
        emit_unresolved_aliases: true,
        block_nesting_limit: BLOCK_DEPTH,
        flow_nesting_limit: FLOW_DEPTH,
    };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut root = None;
    while let Some(next) = parser.next_event() {
        match next {
            Ok((Event::DocumentEnd, _)) => {
                open.clear();
                if let Some(root) = root.take() {
                    documents.push(Ok(Document { root }));
                }
            }
            Ok((event, span)) => {
                if let Some(finished) = take(&mut open, event, &span) {
                    root = Some(finished);
                }
            }
            Err(error) => {
                open.clear();
                root = None;
                documents.push(Err(ParseProblem {
                    line: error.marker().line(),
                    message: error.info(),
                }));
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    Stream { documents }
}

/// Feeds one event; gives the node that it completed at the top.
fn take<'t>(open: &mut Vec<Open<'t>>, event: Event<'t>, span: &Span) -> Option<Node<'t>> {
    let bytes = span.byte_range().unwrap_or_default();
    let finished = match event {
        Event::Scalar(value, style, anchor, tag) => {
            node(NodeKind::Scalar { value, style }, bytes, anchor, tag)
        }
        Event::Alias(id) => node(NodeKind::Alias(Some(id)), bytes, 0, None),
        Event::UnresolvedAlias(_) => node(NodeKind::Alias(None), bytes, 0, None),
        Event::MappingStart(style, anchor, tag) => {
            let kind = NodeKind::Map {
                entries: Vec::new(),
                flow: style == StructureStyle::Flow,
            };
            open.push(Open {
                node: node(kind, bytes, anchor, tag),
                key: None,
            });
            return None;
        }
        Event::SequenceStart(style, anchor, tag) => {
            let kind = NodeKind::Seq {
                items: Vec::new(),
                flow: style == StructureStyle::Flow,
            };
            open.push(Open {
                node: node(kind, bytes, anchor, tag),
                key: None,
            });
            return None;
        }
        Event::MappingEnd | Event::SequenceEnd => {
            let mut closed = open.pop()?;
            if let (Some(key), NodeKind::Map { entries, .. }) =
                (closed.key.take(), &mut closed.node.kind)
            {
                let absent = NodeKind::Scalar {
                    value: Cow::Borrowed("~"),
                    style: ScalarStyle::Plain,
                };
                let end = key.span.end;
                entries.push((key, node(absent, end..end, 0, None)));
            }
            closed.node.span.end = bytes.end.max(closed.node.span.start);
            closed.node
        }
        _ => return None,
    };
    let Some(parent) = open.last_mut() else {
        return Some(finished);
    };
    match &mut parent.node.kind {
        NodeKind::Map { entries, .. } => match parent.key.take() {
            None => parent.key = Some(finished),
            Some(key) => entries.push((key, finished)),
        },
        NodeKind::Seq { items, .. } => items.push(finished),
        _ => {}
    }
    None
}

fn node<'t>(
    kind: NodeKind<'t>,
    span: Range<usize>,
    anchor: usize,
    tag: Option<Cow<'t, Tag>>,
) -> Node<'t> {
    Node {
        kind,
        span,
        anchor: (anchor != 0).then_some(anchor),
        tag: tag.map(|tag| tag.original()),
    }
}
