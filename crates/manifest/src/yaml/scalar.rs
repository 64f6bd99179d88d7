//! How a scalar reads, and how a value has to be written so that it reads the same.

use super::ScalarStyle;

/// What a plain scalar means to the tools that read manifests.
///
/// These tools use go-yaml, which still knows parts of YAML 1.1
/// (<https://github.com/go-yaml/yaml#compatibility>), so anything that either version of YAML takes
/// for something else than a string counts as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Text.
    Text,
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `no`, `on`, …
    Bool,
    /// An integer or a float, in any notation.
    Number,
    /// A date, with or without a time.
    Timestamp,
    /// The merge key `<<`.
    Merge,
}

/// Reads a plain scalar.
pub fn reading(plain: &str) -> Reading {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => return Reading::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" | "yes" | "Yes" | "YES" | "no"
        | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" | "y" | "Y" | "n" | "N" => {
            return Reading::Bool;
        }
        "<<" => return Reading::Merge,
        _ => {}
    }
    if is_number(plain) {
        Reading::Number
    } else if is_timestamp(plain) {
        Reading::Timestamp
    } else {
        Reading::Text
    }
}

fn is_number(plain: &str) -> bool {
    let body = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    if matches!(body, ".inf" | ".Inf" | ".INF") || matches!(plain, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = body.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|c| c == '_' || c.is_digit(radix));
        }
    }
    // YAML 1.1 also reads `1:30` as a sexagesimal number; go-yaml does not, but quoting is free.
    if body.contains(':') {
        return body.starts_with(|c: char| c.is_ascii_digit())
            && body.split(':').all(|part| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|c| c.is_ascii_digit() || c == '.' || c == '_')
            });
    }
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit() || c == '_');
    let any = |s: &str| s.chars().any(|c| c.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && (any(whole) || any(fraction))
        && exponent.is_none_or(|e| {
            let e = e.strip_prefix(['+', '-']).unwrap_or(e);
            !e.is_empty() && e.chars().all(|c| c.is_ascii_digit())
        })
}

fn is_timestamp(plain: &str) -> bool {
    let b = plain.as_bytes();
    let date = b.len() >= 8
        && b[..4].iter().all(u8::is_ascii_digit)
        && b[4] == b'-'
        && b[5].is_ascii_digit();
    date && b.iter().all(|c| {
        c.is_ascii_digit() || matches!(c, b'-' | b':' | b'.' | b'+' | b'T' | b't' | b'Z' | b' ')
    })
}

/// Where a scalar stands, which decides what it may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a block collection.
    Block,
    /// In a flow collection.
    Flow,
    /// In JSON: always double-quoted unless it is a literal.
    Json,
}

/// A value with the way somebody wrote it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wording<'a> {
    pub(crate) value: &'a str,
    pub(crate) style: ScalarStyle,
}

/// Writes `target`'s value where a scalar in the style `current` stands, or where none stands yet.
///
/// Quotes that are there stay. A plain target next to a plain current is copied, so that a number
/// stays the number that the target's tools saw. A quoted target is only written plain when it
/// still reads as text. `None` when the value cannot stand on one line.
pub(crate) fn word(
    target: Wording<'_>,
    current: Option<ScalarStyle>,
    place: Place,
) -> Option<String> {
    let value = target.value;
    if value
        .chars()
        .any(|c| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
    {
        return None;
    }
    let target_plain = target.style == ScalarStyle::Plain;
    if place == Place::Json {
        let literal =
            target_plain && is_json_number(value) && current != Some(ScalarStyle::DoubleQuoted);
        return Some(if literal {
            value.to_owned()
        } else {
            double_quoted(value)
        });
    }
    let style = match current.unwrap_or(target.style) {
        ScalarStyle::Plain if can_be_plain(value, place) => {
            if target_plain || reading(value) == Reading::Text {
                ScalarStyle::Plain
            } else {
                target.style
            }
        }
        ScalarStyle::SingleQuoted => ScalarStyle::SingleQuoted,
        _ => ScalarStyle::DoubleQuoted,
    };
    let printable = !value.chars().any(char::is_control);
    Some(match style {
        ScalarStyle::Plain => value.to_owned(),
        ScalarStyle::SingleQuoted if printable => format!("'{}'", value.replace('\'', "''")),
        _ => double_quoted(value),
    })
}

fn is_json_number(value: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(value).is_ok()
}

fn double_quoted(value: &str) -> String {
    // A JSON string is a YAML double-quoted scalar: https://yaml.org/spec/1.2.2/#57-escaped-characters
    serde_json::Value::from(value).to_string()
}

/// Whether the plain form would be read back as this very text
/// (<https://yaml.org/spec/1.2.2/#733-plain-style>; stricter than the specification).
fn can_be_plain(value: &str, place: Place) -> bool {
    let Some(first) = value.chars().next() else {
        return false;
    };
    let indicator = matches!(
        first,
        '-' | '?'
            | ':'
            | ','
            | '['
            | ']'
            | '{'
            | '}'
            | '#'
            | '&'
            | '*'
            | '!'
            | '|'
            | '>'
            | '\''
            | '"'
            | '%'
            | '@'
            | '`'
            | '='
    );
    !indicator
        && !value.chars().any(char::is_control)
        && !value.starts_with(char::is_whitespace)
        && !value.ends_with(char::is_whitespace)
        && !value.ends_with(':')
        && !value.contains(": ")
        && !value.contains(" #")
        && (place == Place::Block || !value.contains([',', '[', ']', '{', '}']))
        && !matches!(value, "---" | "...")
        && !value.starts_with("... ")
}
