//! Signs of a database migration.

use crate::yaml::{Node, NodeKind};

/// Words that tools and people use for schema migrations.
const WORDS: [&str; 6] = [
    "migration",
    "migrate",
    "flyway",
    "liquibase",
    "alembic",
    "goose",
];

/// The word of a migration in a text.
pub(super) fn word_in(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    WORDS.into_iter().find(|word| {
        text.match_indices(word).any(|(at, _)| {
            // `mongoose` is no `goose`.
            !text[..at].ends_with(|c: char| c.is_ascii_alphabetic()) || *word != "goose"
        })
    })
}

/// What in an object speaks of a migration: its name, its containers' names, images, commands,
/// arguments and environment.
pub(super) fn in_object(object: &Node<'_>, name: &str) -> Option<String> {
    if let Some(word) = word_in(name) {
        return Some(format!("the name mentions {word:?}"));
    }
    let mut open = vec![object];
    while let Some(node) = open.pop() {
        for key in ["initContainers", "containers"] {
            for container in node.get(key).map_or(&[][..], Node::items) {
                if let Some(detail) = in_container(container) {
                    return Some(detail);
                }
            }
        }
        // Containers stand below maps only: spec, template, jobTemplate.
        open.extend(
            node.entries()
                .iter()
                .map(|(_, value)| value)
                .filter(|value| value.is_map()),
        );
    }
    None
}

fn in_container(container: &Node<'_>) -> Option<String> {
    let name = container.text_at("name").unwrap_or("?");
    for field in ["name", "image", "command", "args", "env"] {
        let mut open: Vec<&Node<'_>> = container.get(field).into_iter().collect();
        while let Some(node) = open.pop() {
            match &node.kind {
                NodeKind::Scalar { value, .. } => {
                    if let Some(word) = word_in(value) {
                        return Some(format!("{field} of container {name} mentions {word:?}"));
                    }
                }
                NodeKind::Map { entries, .. } => open.extend(entries.iter().map(|(_, v)| v)),
                NodeKind::Seq { items, .. } => open.extend(items),
                NodeKind::Alias(_) => {}
            }
        }
    }
    None
}
