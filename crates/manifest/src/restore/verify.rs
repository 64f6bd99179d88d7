//! Proves that an edited text reads as the old one with exactly the wanted changes.

use super::change::{Change, Effect, NewScalar};
use super::error::EditError;
use crate::yaml::{Node, NodeKind, Reading, ScalarStyle, Stream, reading};

/// What a node means, without its place and its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Scalar {
        value: String,
        /// How a plain scalar reads; quoted ones are text.
        reading: Reading,
        anchor: Option<usize>,
        tag: Option<String>,
    },
    Map(Vec<(Value, Value)>, Option<usize>, Option<String>),
    Seq(Vec<Value>, Option<usize>, Option<String>),
    Alias(Option<usize>),
}

/// Compares two streams.
pub(super) fn same_but_for(
    old: &Stream<'_>,
    new: &Stream<'_>,
    changes: &[Change],
) -> Result<(), EditError> {
    let failed = |message: String| Err(EditError::Verification { message });
    if old.documents.len() != new.documents.len() {
        return failed(format!(
            "{} documents became {}",
            old.documents.len(),
            new.documents.len()
        ));
    }
    for (index, (old, new)) in old.documents.iter().zip(&new.documents).enumerate() {
        let equal = match (old, new) {
            (Ok(old), Ok(new)) => {
                let mut expected = value(&old.root);
                expect(&mut expected, index, changes) && expected == value(&new.root)
            }
            // A document that could not be read before is no proof, but it is not touched either:
            // all changes lie in documents that can be read.
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if !equal {
            return failed(format!("document {index} reads otherwise"));
        }
    }
    Ok(())
}

fn value(node: &Node<'_>) -> Value {
    match &node.kind {
        NodeKind::Scalar { value, style } => Value::Scalar {
            reading: match style {
                ScalarStyle::Plain => reading(value),
                _ => Reading::Text,
            },
            value: value.to_string(),
            anchor: node.anchor,
            tag: node.tag.clone(),
        },
        NodeKind::Map { entries, .. } => Value::Map(
            entries.iter().map(|(k, v)| (value(k), value(v))).collect(),
            node.anchor,
            node.tag.clone(),
        ),
        NodeKind::Seq { items, .. } => Value::Seq(
            items.iter().map(value).collect(),
            node.anchor,
            node.tag.clone(),
        ),
        NodeKind::Alias(id) => Value::Alias(*id),
    }
}

/// Applies the wanted changes to the old tree; false when one does not fit.
fn expect(root: &mut Value, document: usize, changes: &[Change]) -> bool {
    let mut effects: Vec<&Effect> = changes
        .iter()
        .filter(|c| c.document == document)
        .map(|c| &c.effect)
        .collect();
    // Values first, while positions are those of the old tree. Then entries from the last to the
    // first; of several behind the same one the last written comes first.
    effects.reverse();
    effects.sort_by_key(|effect| match effect {
        Effect::Insert { after, .. } => (1, usize::MAX - after, 0),
        Effect::Remove { entry, .. } => (1, usize::MAX - entry, 1),
        Effect::Append { .. } => (2, 0, 0),
        _ => (0, 0, 0),
    });
    effects
        .into_iter()
        .all(|effect| apply(root, effect).is_some())
}

fn apply(root: &mut Value, effect: &Effect) -> Option<()> {
    match effect {
        Effect::Set { at, to } => set(at_trail(root, at)?, to)?,
        Effect::SetInside { at, inner, text } => {
            let Value::Scalar { value, .. } = at_trail(root, at)? else {
                return None;
            };
            value.get(inner.clone())?;
            value.replace_range(inner.clone(), text);
        }
        Effect::Insert {
            into,
            after,
            key,
            value,
        } => {
            let Value::Map(entries, ..) = at_trail(root, into)? else {
                return None;
            };
            let at = (after + 1).min(entries.len());
            entries.insert(at, entry(key, value));
        }
        Effect::Append { into, item } => {
            let Value::Seq(items, ..) = at_trail(root, into)? else {
                return None;
            };
            let entries = item.iter().map(|(key, value)| entry(key, value)).collect();
            items.push(Value::Map(entries, None, None));
        }
        Effect::Remove { from, entry } => {
            let Value::Map(entries, ..) = at_trail(root, from)? else {
                return None;
            };
            (*entry < entries.len()).then(|| entries.remove(*entry))?;
        }
        Effect::Swap {
            within,
            entry: at,
            key,
            value,
        } => {
            let Value::Map(entries, ..) = at_trail(root, within)? else {
                return None;
            };
            *entries.get_mut(*at)? = entry(key, value);
        }
    }
    Some(())
}

fn set(node: &mut Value, to: &NewScalar) -> Option<()> {
    let Value::Scalar { value, reading, .. } = node else {
        return None;
    };
    value.clone_from(&to.value);
    *reading = to.reading;
    Some(())
}

fn entry(key: &str, value: &NewScalar) -> (Value, Value) {
    (key_scalar(key), new_scalar(value))
}

/// Keys are compared as text: whether a key such as `digest` is quoted means nothing.
fn key_scalar(key: &str) -> Value {
    new_scalar(&NewScalar {
        value: key.to_owned(),
        reading: Reading::Text,
    })
}

fn new_scalar(scalar: &NewScalar) -> Value {
    Value::Scalar {
        value: scalar.value.clone(),
        reading: scalar.reading,
        anchor: None,
        tag: None,
    }
}

fn at_trail<'v>(root: &'v mut Value, trail: &[usize]) -> Option<&'v mut Value> {
    trail.iter().try_fold(root, |node, at| match node {
        Value::Map(entries, ..) => entries.get_mut(*at).map(|(_, value)| value),
        Value::Seq(items, ..) => items.get_mut(*at),
        _ => None,
    })
}
