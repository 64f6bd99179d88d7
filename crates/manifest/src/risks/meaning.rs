//! What a node says, without layout, comments and the order of keys.

use crate::yaml::{Node, NodeKind};

/// What a node says, as text that is equal when and only when the values are.
pub(super) type Meaning = String;

/// Writes it down.
pub(super) fn meaning(node: &Node<'_>) -> Meaning {
    let mut text = String::new();
    write_meaning(node, &mut text);
    text
}

fn write_meaning(node: &Node<'_>, text: &mut String) {
    match &node.kind {
        NodeKind::Scalar { .. } => match node.text() {
            Some(value) => text.push_str(&serde_json::Value::from(value).to_string()),
            None => text.push_str("null"),
        },
        NodeKind::Map { entries, .. } => {
            text.push('{');
            // The order of keys means nothing to Kubernetes.
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.text().cmp(&b.text()));
            for (key, value) in sorted {
                write_meaning(key, text);
                text.push(':');
                write_meaning(value, text);
                text.push(',');
            }
            text.push('}');
        }
        NodeKind::Seq { items, .. } => {
            text.push('[');
            for item in items {
                write_meaning(item, text);
                text.push(',');
            }
            text.push(']');
        }
        NodeKind::Alias(id) => {
            text.push('*');
            text.push_str(&id.unwrap_or_default().to_string());
        }
    }
}
