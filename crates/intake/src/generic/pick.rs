//! The values that the paths of a mapping lead to, each as what it must be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::mapping::body::{Field, Path};
use crate::shape::shown;
use crate::wording;

/// Labels of one item that are kept.
const MOST_LABELS: usize = 64;

/// One of the things that a body tells of.
#[derive(Clone, Copy)]
pub(super) struct Item<'v>(pub(super) &'v Value);

/// What a field gave, and by which path.
struct Found<'v> {
    value: &'v Value,
    by: &'v Path,
}

impl Found<'_> {
    fn is_not(&self, name: &str, expected: &str) -> String {
        let Self { value, by } = self;
        format!(
            "`{name}`: the path `{by}` gave {}; expected {expected}",
            shown(value)
        )
    }
}

impl<'v> Item<'v> {
    /// A text; none where no path leads to anything.
    pub(super) fn text(
        self,
        name: &str,
        field: Option<&'v Field>,
    ) -> Result<Option<String>, String> {
        let paths = match field {
            None => return Ok(None),
            Some(Field::Always(always)) => return Ok(Some(wording::line(always))),
            Some(Field::Paths(paths)) => paths,
        };
        let Some(found) = self.first(name, paths)? else {
            return Ok(None);
        };
        let text = text(found.value);
        let text = text.ok_or_else(|| found.is_not(name, "a text or a number"))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A text that must be there.
    pub(super) fn needed(self, name: &str, field: &Field) -> Result<String, String> {
        let text = self.text(name, Some(field))?;
        text.ok_or_else(|| self.gives_none(name, field, "a text or a number"))
    }

    /// What a word means, by a table of the source's words and by our own; none where it says nothing.
    pub(super) fn word<T: Copy>(
        self,
        name: &str,
        field: &'v Field,
        table: &BTreeMap<String, Option<T>>,
        own: &[(&str, T)],
    ) -> Result<Option<T>, String> {
        let word = self.needed(name, field)?;
        let is_it = |known: &str| known.to_lowercase() == word.to_lowercase();
        if let Some((_, meant)) = table.iter().find(|(known, _)| is_it(known)) {
            return Ok(*meant);
        }
        if let Some((_, meant)) = own.iter().find(|(known, _)| is_it(known)) {
            return Ok(Some(*meant));
        }
        let known = table.keys().map(String::as_str);
        let known: Vec<&str> = known.chain(own.iter().map(|(known, _)| *known)).collect();
        let expected = format!("one of {}, or another in `words`", known.join(", "));
        Err(match field {
            Field::Always(_) => format!("`{name}` is always `{word}`; expected {expected}"),
            Field::Paths(paths) => match self.first(name, paths)? {
                Some(found) => found.is_not(name, &expected),
                None => self.gives_none(name, field, &expected),
            },
        })
    }

    /// An instant; none where no path leads to one, and where it is Go's or a database's way to write "none".
    pub(super) fn instant(
        self,
        name: &str,
        field: Option<&'v Field>,
    ) -> Result<Option<Timestamp>, String> {
        let paths = match field {
            None => return Ok(None),
            Some(Field::Always(_)) => {
                return Err(format!("`{name}` is no instant if it is always the same"));
            }
            Some(Field::Paths(paths)) => paths,
        };
        for path in paths {
            let Some(found) = self.first(name, std::slice::from_ref(path))? else {
                continue;
            };
            let at = instant(found.value).ok_or_else(|| {
                let expected = "an instant as RFC 3339, such as 2026-11-20T17:00:00Z, or as seconds, milli-, micro- \
                                or nanoseconds since 1970";
                found.is_not(name, expected)
            })?;
            if at > Timestamp::UNIX_EPOCH {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// That none of these fields gives an instant, and one of them must.
    pub(super) fn without_instant(self, fields: &[(&str, Option<&Field>)]) -> String {
        let mapped = fields.iter().filter_map(|&(name, field)| {
            let paths = paths_of(field?);
            Some(format!("`{name}` ({paths})"))
        });
        format!(
            "none of {} gave an instant of {}; expected one",
            mapped.collect::<Vec<_>>().join(", "),
            shown(self.0)
        )
    }

    /// The address of a page; none where it is of no web.
    pub(super) fn link(
        self,
        name: &str,
        field: Option<&'v Field>,
    ) -> Result<Option<String>, String> {
        let Some(Field::Paths(paths)) = field else {
            let always = self.text(name, field)?;
            return Ok(always.as_deref().and_then(wording::address));
        };
        let Some(found) = self.first(name, paths)? else {
            return Ok(None);
        };
        let link = found.value.as_str();
        let link = link.ok_or_else(|| found.is_not(name, "an address"))?;
        Ok(wording::address(link))
    }

    /// Whether something is so; what is not told is not so.
    pub(super) fn is_so(self, name: &str, field: Option<&'v Field>) -> Result<bool, String> {
        let told = self.text(name, field)?;
        match told.as_deref().map(str::to_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(format!("`{name}` is `{other}`; expected `true` or `false`")),
        }
    }

    /// Labels out of objects, and out of lists of texts such as `name:value` or `name=value`.
    pub(super) fn labels(
        self,
        name: &str,
        path: Option<&'v Path>,
    ) -> Result<BTreeMap<String, String>, String> {
        let mut labels = BTreeMap::new();
        let Some(path) = path else {
            return Ok(labels);
        };
        for value in path.all(self.0) {
            match value {
                Value::Null => {}
                Value::Object(object) => labels.extend(
                    object
                        .iter()
                        .filter_map(|(name, value)| Some((wording::line(name), text(value)?))),
                ),
                Value::Array(list) => labels.extend(list.iter().filter_map(tag)),
                Value::String(_) => labels.extend(tag(value)),
                _ => {
                    let found = Found { value, by: path };
                    return Err(
                        found.is_not(name, "an object, or a list of texts such as `name:value`")
                    );
                }
            }
            if labels.len() > MOST_LABELS {
                return Ok(labels.into_iter().take(MOST_LABELS).collect());
            }
        }
        Ok(labels)
    }

    /// What the first path that leads to something leads to.
    fn first(self, name: &str, paths: &'v [Path]) -> Result<Option<Found<'v>>, String> {
        for by in paths {
            let mut found = by.all(self.0);
            found.retain(|value| !is_empty(value));
            match found.as_slice() {
                [] => {}
                [value] => return Ok(Some(Found { value, by })),
                several => {
                    return Err(format!(
                        "`{name}`: the path `{by}` gave {} values; expected one",
                        several.len()
                    ));
                }
            }
        }
        Ok(None)
    }

    fn gives_none(self, name: &str, field: &'v Field, expected: &str) -> String {
        format!(
            "`{name}`: {} gave nothing of {}; expected {expected}",
            paths_of(field),
            shown(self.0)
        )
    }
}

/// The paths of a field, as words.
fn paths_of(field: &Field) -> String {
    match field {
        Field::Always(always) => format!("the text `{always}`"),
        Field::Paths(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
            format!("the path {}", paths.join(" or "))
        }
    }
}

/// What stands for nothing: many senders write each of their fields.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// A value as a text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(wording::line(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_so) => Some(is_so.to_string()),
        _ => None,
    }
}

/// A label out of a text such as `name:value`.
fn tag(value: &Value) -> Option<(String, String)> {
    let (name, value) = value.as_str()?.split_once([':', '='])?;
    Some((wording::line(name), wording::line(value)))
}

/// An instant as RFC 3339, or as a number since 1970; how many digits it has tells its unit: seconds have twelve
/// from the year 5138 on, milliseconds had them in 1973.
fn instant(value: &Value) -> Option<Timestamp> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    if let Ok(number) = text.parse::<i64>() {
        return match text.trim_start_matches('-').len() {
            ..12 => Timestamp::from_second(number).ok(),
            12..15 => Timestamp::from_millisecond(number).ok(),
            15..18 => Timestamp::from_microsecond(number).ok(),
            18.. => Timestamp::from_nanosecond(i128::from(number)).ok(),
        };
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let since = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
        return Timestamp::UNIX_EPOCH.checked_add(since).ok();
    }
    text.parse().ok()
}
