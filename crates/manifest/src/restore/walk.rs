//! Walks a path through a document and refuses what cannot be edited safely.

use super::change::Trail;
use super::error::Unsafe;
use super::locate;
use crate::field_path::{FieldPath, Step};
use crate::yaml::{Node, NodeKind};
use std::collections::HashSet;

/// How far a path leads.
pub(super) struct Reached<'n, 't, 's> {
    /// The last node that exists.
    pub(super) node: &'n Node<'t>,
    /// Positions down to it.
    pub(super) trail: Trail,
    /// The steps that lead nowhere; empty when the path was walked to its end.
    pub(super) rest: &'s [Step],
    /// Where the key of the last node ends, when it is the value of an entry.
    pub(super) key_end: Option<usize>,
    /// Whether the node stands inside braces or brackets.
    pub(super) in_flow: bool,
}

/// Walks as far as the path leads. An anchored node that an alias uses is refused: an edit below it
/// would change the places of the aliases, too.
pub(super) fn to<'n, 't, 's>(
    root: &'n Node<'t>,
    path: &'s FieldPath,
) -> Result<Reached<'n, 't, 's>, Unsafe> {
    let used = used_anchors(root);
    let shared = |node: &Node<'_>| node.anchor.is_some_and(|anchor| used.contains(&anchor));
    let mut reached = Reached {
        node: root,
        trail: Vec::new(),
        rest: path.steps(),
        key_end: None,
        in_flow: false,
    };
    loop {
        if shared(reached.node) || matches!(reached.node.kind, NodeKind::Alias(_)) {
            return Err(Unsafe::Alias);
        }
        let Some((step, rest)) = reached.rest.split_first() else {
            return Ok(reached);
        };
        let at = match locate::children(reached.node, step).as_slice() {
            [] => return Ok(reached),
            [at] => *at,
            _ => return Err(Unsafe::DuplicateKey),
        };
        let Some(node) = locate::child(reached.node, at) else {
            return Ok(reached);
        };
        reached.in_flow |= matches!(
            reached.node.kind,
            NodeKind::Map { flow: true, .. } | NodeKind::Seq { flow: true, .. }
        );
        reached.key_end = reached.node.entries().get(at).map(|(key, _)| key.span.end);
        reached.trail.push(at);
        reached.node = node;
        reached.rest = rest;
    }
}

/// The node at a trail.
pub(super) fn by_trail<'n, 't>(root: &'n Node<'t>, trail: &[usize]) -> Option<&'n Node<'t>> {
    trail
        .iter()
        .try_fold(root, |node, at| locate::child(node, *at))
}

/// The anchors that aliases of the document point to.
fn used_anchors(root: &Node<'_>) -> HashSet<usize> {
    let mut used = HashSet::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match &node.kind {
            NodeKind::Alias(id) => used.extend(*id),
            NodeKind::Map { entries, .. } => open.extend(entries.iter().flat_map(|(k, v)| [k, v])),
            NodeKind::Seq { items, .. } => open.extend(items),
            NodeKind::Scalar { .. } => {}
        }
    }
    used
}
