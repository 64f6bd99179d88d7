//! Finds the node that a path means.

use crate::field_path::{FieldPath, Step};
use crate::image::overridden_image;
use crate::yaml::Node;

/// The node at `path`, `None` when there is none.
pub(crate) fn node<'n, 't>(root: &'n Node<'t>, path: &FieldPath) -> Option<&'n Node<'t>> {
    path.steps().iter().try_fold(root, |node, step| {
        let at = *children(node, step).last()?;
        child(node, at)
    })
}

/// The positions of the children that a step can mean. More than one is a duplicate.
pub(crate) fn children(node: &Node<'_>, step: &Step) -> Vec<usize> {
    let matching = |found: &dyn Fn(&Node<'_>) -> bool| {
        node.items()
            .iter()
            .enumerate()
            .filter(|(_, item)| found(item))
            .map(|(at, _)| at)
            .collect()
    };
    match step {
        Step::Key(key) => {
            let keys = node.entries().iter().enumerate();
            keys.filter(|(_, (k, _))| k.is_key(key))
                .map(|(at, _)| at)
                .collect()
        }
        Step::Index(index) => (*index < node.items().len())
            .then_some(*index)
            .into_iter()
            .collect(),
        Step::Entry { field, value } => {
            let field = field.as_deref().unwrap_or("name");
            matching(&|item| match item.text() {
                Some(text) => overridden_image(text).is_some_and(|(name, _)| name == value),
                None => item.text_at(field) == Some(value),
            })
        }
    }
}

/// The child at a position: the value of a map's entry, or a sequence's item.
pub(crate) fn child<'n, 't>(node: &'n Node<'t>, at: usize) -> Option<&'n Node<'t>> {
    node.entries()
        .get(at)
        .map(|(_, value)| value)
        .or_else(|| node.items().get(at))
}
