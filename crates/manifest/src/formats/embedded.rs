//! YAML inside a YAML string: `helm.values` of an Application, written as a literal block.

use crate::collect::{Collector, Scope};
use crate::field_path::FieldPath;
use crate::formats::values;
use crate::yaml::{Node, NodeKind, ScalarStyle, Stream};
use std::ops::Range;

/// The content of a literal block scalar, with a way back to the bytes of the file.
///
/// A literal block keeps its lines as they are, less the indentation
/// (<https://yaml.org/spec/1.2.2/#812-literal-style>), so a place inside is a place in the file.
/// Folded and quoted strings have no such way back and are not read.
pub(crate) struct EmbeddedText<'n> {
    pub(crate) inner: &'n str,
    outer: &'n str,
    /// Where the content of each line starts in the file.
    lines: Vec<usize>,
}

impl<'n> EmbeddedText<'n> {
    pub(crate) fn new(file: &'n str, node: &'n Node<'_>) -> Option<Self> {
        let NodeKind::Scalar {
            value,
            style: ScalarStyle::Literal,
        } = &node.kind
        else {
            return None;
        };
        // A first line that is blank or indented further hides how deep the block is indented.
        if value.starts_with(['\n', ' ']) {
            return None;
        }
        let line_start = file
            .get(..node.span.start)?
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let indent = node.span.start - line_start;
        let mut lines = Vec::new();
        let mut at = line_start;
        for line in file.get(line_start..node.span.end)?.split_inclusive('\n') {
            lines.push(at + indent.min(line.len()));
            at += line.len();
        }
        Some(Self {
            inner: value,
            outer: file,
            lines,
        })
    }

    /// The bytes of the file for a range of the content, when both read the same.
    pub(crate) fn outer(&self, inner: &Range<usize>) -> Option<Range<usize>> {
        let before = self.inner.get(..inner.start)?;
        let line = before.bytes().filter(|b| *b == b'\n').count();
        let column = inner.start - before.rfind('\n').map_or(0, |at| at + 1);
        let start = self.lines.get(line)? + column;
        let outer = start..start + inner.len();
        (self.outer.get(outer.clone())? == self.inner.get(inner.clone())?).then_some(outer)
    }
}

/// Reads values that are embedded as text. Nothing is reported about what cannot be read: the outer
/// document is fine.
pub(crate) fn read_values(
    collector: &mut Collector,
    scope: Scope<'_>,
    file: &str,
    path: &FieldPath,
    node: &Node<'_>,
) {
    let Some(embedded) = EmbeddedText::new(file, node) else {
        return;
    };
    let stream = Stream::parse(embedded.inner);
    let [Ok(document)] = stream.documents.as_slice() else {
        return;
    };
    let known = collector.facts.declarations.len();
    values::read_inside(collector, scope, path, &document.root);
    let mut added = collector.facts.declarations.split_off(known);
    added.retain_mut(|declaration| {
        declaration
            .fields
            .iter_mut()
            .all(|field| match embedded.outer(&field.span) {
                Some(outer) => {
                    field.span = outer;
                    true
                }
                None => false,
            })
    });
    collector.facts.declarations.append(&mut added);
}
