//! One change: the bytes it replaces, and what it means for the value tree.

use crate::yaml::Reading;
use std::ops::Range;

/// Positions of children from the top of a document down to a node.
pub(super) type Trail = Vec<usize>;

/// A change to the text together with its meaning.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Bytes that are replaced; empty for an insertion.
    pub(super) span: Range<usize>,
    /// What replaces them.
    pub(super) text: String,
    /// Which document.
    pub(super) document: usize,
    /// What changes in the tree.
    pub(super) effect: Effect,
}

/// A scalar as it will read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewScalar {
    pub(super) value: String,
    /// How it reads.
    pub(super) reading: Reading,
}

/// What a change means for the value tree of its document. Positions are those before all changes.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    /// The scalar at a trail has another value.
    Set { at: Trail, to: NewScalar },
    /// A part of the text in the scalar at a trail has another text.
    SetInside {
        at: Trail,
        inner: Range<usize>,
        text: String,
    },
    /// A map has a new entry behind its `after`th.
    Insert {
        into: Trail,
        after: usize,
        key: String,
        value: NewScalar,
    },
    /// A sequence has a new last item.
    Append {
        into: Trail,
        item: Vec<(String, NewScalar)>,
    },
    /// The entry of a map is gone.
    Remove { from: Trail, entry: usize },
    /// The entry of a map has another key and value.
    Swap {
        within: Trail,
        entry: usize,
        key: String,
        value: NewScalar,
    },
}

/// The text with all changes; `None` when they overlap.
pub(super) fn apply(text: &str, changes: &[Change]) -> Option<String> {
    let mut ordered: Vec<&Change> = changes.iter().collect();
    ordered.sort_by_key(|change| (change.span.start, change.span.end));
    let mut edited = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for change in ordered {
        edited.push_str(text.get(at..change.span.start)?);
        edited.push_str(&change.text);
        at = change.span.end;
    }
    edited.push_str(text.get(at..)?);
    Some(edited)
}
