//! A YAML (and so JSON) text as a tree of nodes that know their bytes.
//!
//! The tree mirrors the text: keys keep their order and may repeat, aliases stay aliases (they are
//! never expanded, so a "billion laughs" file costs no more than its own length), and a document
//! that cannot be read does not hide the ones beside it.

mod build;
mod scalar;

use std::borrow::Cow;
use std::ops::Range;

pub use granit_parser::ScalarStyle;
pub(crate) use scalar::{Place, Wording, word};
pub use scalar::{Reading, reading};

/// Deepest nesting of block collections that is read; Kubernetes schemas stay below 60.
const BLOCK_DEPTH: usize = 160;
/// Deepest nesting of flow collections (`{}`, `[]`, and so JSON) that is read.
const FLOW_DEPTH: usize = 96;

/// All documents of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream<'t> {
    /// The documents in order, separated by `---`. Comments between two separators make a document
    /// of their own whose root is null, as they do for `kubectl`.
    pub documents: Vec<Result<Document<'t>, ParseProblem>>,
}

/// One document that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<'t> {
    /// The top node.
    pub root: Node<'t>,
}

/// Why one document could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseProblem {
    /// Line of the text (not of the document), from 1.
    pub line: usize,
    /// What the parser says, without a period.
    pub message: String,
}

/// A value with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'t> {
    /// What the node is.
    pub kind: NodeKind<'t>,
    /// Bytes of the node: of a scalar including its quotes, without anchor and tag; of a block
    /// scalar its content; of a block collection up to where the next token was found, which may
    /// lie behind comments (see [`Node::content_end`]).
    pub span: Range<usize>,
    /// Number of the anchor (`&name`) this node carries, unique in the stream.
    pub anchor: Option<usize>,
    /// Explicit tag such as `!!str`, as written.
    pub tag: Option<String>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind<'t> {
    /// A single value. An absent value (`key:`) is the plain scalar `~` with an empty span.
    Scalar {
        /// The value after escapes and folding.
        value: Cow<'t, str>,
        /// How it is written.
        style: ScalarStyle,
    },
    /// A mapping, in the order of the text, repeated keys included.
    Map {
        /// Key and value of each entry.
        entries: Vec<(Node<'t>, Node<'t>)>,
        /// Written with braces.
        flow: bool,
    },
    /// A sequence.
    Seq {
        /// The items in order.
        items: Vec<Node<'t>>,
        /// Written with brackets.
        flow: bool,
    },
    /// `*name`: the number of the anchor it points to, `None` when there is no such anchor.
    Alias(Option<usize>),
}

impl<'t> Stream<'t> {
    /// Reads a text. Never fails as a whole.
    pub fn parse(text: &'t str) -> Self {
        build::stream(text)
    }
}

impl<'t> Node<'t> {
    /// The text of a scalar that is present; `None` for collections, aliases and nulls.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { value, style } => {
                let null = *style == ScalarStyle::Plain
                    && self.tag.is_none()
                    && matches!(reading(value), Reading::Null);
                (!null).then_some(value.as_ref())
            }
            _ => None,
        }
    }

    /// The entries of a mapping, none for anything else.
    pub fn entries(&self) -> &[(Node<'t>, Node<'t>)] {
        match &self.kind {
            NodeKind::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The items of a sequence, none for anything else.
    pub fn items(&self) -> &[Node<'t>] {
        match &self.kind {
            NodeKind::Seq { items, .. } => items,
            _ => &[],
        }
    }

    /// Whether the node is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.kind, NodeKind::Map { .. })
    }

    /// The value under `key`. With a repeated key it is the last one, which is the one that
    /// Kubernetes tools take when they accept the file at all.
    pub fn get(&self, key: &str) -> Option<&Node<'t>> {
        self.entries()
            .iter()
            .rev()
            .find(|(k, _)| k.is_key(key))
            .map(|(_, value)| value)
    }

    /// The value under a chain of keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Node<'t>> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of the scalar under `key`.
    pub fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Node::text)
    }

    /// Whether this node, as a mapping key, reads `key`.
    pub(crate) fn is_key(&self, key: &str) -> bool {
        matches!(&self.kind, NodeKind::Scalar { value, .. } if value == key)
    }

    /// Whether the node is `key:` with nothing behind it (not even a written `null`).
    pub(crate) fn is_absent(&self) -> bool {
        self.span.is_empty()
            && matches!(
                &self.kind,
                NodeKind::Scalar {
                    style: ScalarStyle::Plain,
                    ..
                }
            )
    }

    /// Where the last byte of content ends. Unlike the end of `span` it never reaches over
    /// comments or line ends behind a block collection.
    pub fn content_end(&self) -> usize {
        let mut node = self;
        loop {
            let last = match &node.kind {
                NodeKind::Map {
                    entries,
                    flow: false,
                } => entries.last().map(|(k, v)| {
                    // `key:` ends behind the key, the empty value may be reported anywhere.
                    if v.is_absent() && v.span.start < k.span.end {
                        k
                    } else {
                        v
                    }
                }),
                NodeKind::Seq { items, flow: false } => items.last(),
                _ => None,
            };
            match last {
                Some(child) => node = child,
                None => return node.span.end,
            }
        }
    }
}
