//! Where a field stands inside a document.

use std::fmt;
use std::str::FromStr;

/// A chain of steps from the top of a document to a field, such as
/// `spec.template.spec.containers[app].image`.
///
/// List entries are addressed by what names them, never by position when they have a name, so that
/// the path stays true when entries move. Keys with unusual characters are quoted:
/// `metadata.annotations."example.com/tag"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    steps: Vec<Step>,
}

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The value under a mapping key.
    Key(String),
    /// The list entry at a position, for lists whose entries have no name.
    Index(usize),
    /// The list entry whose `field` has `value`: `[env=prod]`, or `[app]` for the field `name`. In
    /// a list of image strings `[acme/app]` is the one for this image.
    Entry {
        /// The naming field, `None` for `name`.
        field: Option<String>,
        /// Its value.
        value: String,
    },
}

/// A text that is not a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a field path: {0:?}")]
pub struct FieldPathError(pub String);

impl FieldPath {
    /// The path to the top of the document.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path from steps.
    pub fn from_steps(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// The steps from the top.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// This path and one step more.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = Vec::with_capacity(self.steps.len() + 1);
        steps.extend_from_slice(&self.steps);
        steps.push(step);
        Self { steps }
    }

    /// This path and the key behind it.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// This path and the keys behind it.
    #[must_use]
    pub fn keys(&self, keys: &[&str]) -> Self {
        keys.iter().fold(self.clone(), |path, key| path.key(key))
    }

    /// The steps behind `base`, when this path starts with it.
    pub(crate) fn behind(&self, base: &Self) -> Option<&[Step]> {
        self.steps.strip_prefix(base.steps.as_slice())
    }

    /// This path continued with `steps`.
    pub(crate) fn join(&self, steps: &[Step]) -> Self {
        let mut all = self.steps.clone();
        all.extend_from_slice(steps);
        Self { steps: all }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    write_word(f, key, is_plain_key(key))?;
                }
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Entry { field, value } => {
                    f.write_str("[")?;
                    if let Some(field) = field {
                        write_word(f, field, is_plain_key(field))?;
                        f.write_str("=")?;
                    }
                    write_word(f, value, is_plain_entry(value))?;
                    f.write_str("]")?;
                }
            }
        }
        Ok(())
    }
}

fn is_plain_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '$' | '~'))
}

fn is_plain_entry(value: &str) -> bool {
    !value.is_empty()
        && !value.bytes().all(|b| b.is_ascii_digit())
        && value.chars().all(|c| {
            c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | ':' | '@' | '+' | '*' | '~')
        })
}

fn write_word(f: &mut fmt::Formatter<'_>, word: &str, plain: bool) -> fmt::Result {
    if plain {
        return f.write_str(word);
    }
    // A JSON string: one known way to escape anything onto one line.
    write!(f, "{}", serde_json::Value::from(word))
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| FieldPathError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<FieldPath> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (first, quoted, after) = take_word(inside, |c| !matches!(c, ']' | '='))?;
            if let Some(after) = after.strip_prefix('=') {
                let (value, _, after) = take_word(after, |c| c != ']')?;
                steps.push(Step::Entry {
                    field: Some(first),
                    value,
                });
                rest = after.strip_prefix(']')?;
            } else {
                rest = after.strip_prefix(']')?;
                let index = if quoted || !first.bytes().all(|b| b.is_ascii_digit()) {
                    None
                } else {
                    Some(first.parse::<usize>().ok()?)
                };
                steps.push(match index {
                    Some(index) => Step::Index(index),
                    None => Step::Entry {
                        field: None,
                        value: first,
                    },
                });
            }
        } else {
            if !steps.is_empty() {
                rest = rest.strip_prefix('.')?;
            }
            let (key, _, after) = take_word(rest, |c| !matches!(c, '.' | '[' | ']'))?;
            steps.push(Step::Key(key));
            rest = after;
        }
    }
    Some(FieldPath { steps })
}

/// A quoted or a bare word, whether it was quoted, and what follows.
fn take_word(text: &str, bare: impl Fn(char) -> bool) -> Option<(String, bool, &str)> {
    if text.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let word = values.next()?.ok()?;
        return Some((word, true, &text[values.byte_offset()..]));
    }
    let end = text.find(|c| !bare(c)).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), false, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_keys_and_names_survive_printing() {
        for text in [
            "spec.template.spec.containers[app].image",
            "metadata.annotations.\"example.com/tag\"",
            "elements[env=prod][0][\"0\"][\"a]b\"].\"\".\"x\\\"y\\n\"",
            "",
        ] {
            let path: FieldPath = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
        for text in ["a..b", "[", "a[", "a]b", ".a", "a.", "[]", "\"a"] {
            assert!(text.parse::<FieldPath>().is_err(), "{text}");
        }
    }
}
