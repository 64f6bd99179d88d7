//! Fields that a body must have, and what to say where it has them not: the name, and what was there instead.

use serde_json::Value;

use crate::understand::{Arrival, NotUnderstood};
use crate::wording;

/// Characters of a value that is shown in an error.
const SHOWN: usize = 60;

/// A text that must be there.
pub(crate) fn needed(
    arrival: &Arrival<'_>,
    body: &Value,
    pointer: &str,
) -> Result<String, NotUnderstood> {
    wording::text(body, pointer).ok_or_else(|| missing(arrival, body, pointer))
}

/// A text or a number as a text: ids are one or the other.
pub(crate) fn name(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::Number(number) => Some(number.to_string()),
        _ => wording::text(body, pointer),
    }
}

/// That a field is not what it must be.
pub(crate) fn missing(arrival: &Arrival<'_>, body: &Value, pointer: &str) -> NotUnderstood {
    arrival.not_understood(instead(body, pointer))
}

/// What is amiss with a field: how far its path goes, and what is there.
pub(crate) fn instead(body: &Value, pointer: &str) -> String {
    let dotted = |pointer: &str| pointer.trim_start_matches('/').replace('/', ".");
    if let Some(there) = body.pointer(pointer) {
        return format!("`{}` is {}", dotted(pointer), shown(there));
    }
    let mut up = pointer;
    while let Some((parent, _)) = up.rsplit_once('/') {
        if let Some(there) = body.pointer(parent).filter(|_| !parent.is_empty()) {
            let (whole, parent) = (dotted(pointer), dotted(parent));
            return format!("it has no `{whole}`: `{parent}` is {}", shown(there));
        }
        up = parent;
    }
    format!("it has no `{}`: it is {}", dotted(pointer), shown(body))
}

/// A value in few words: of an object its fields, for those are what was misnamed.
pub(crate) fn shown(value: &Value) -> String {
    let words = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
        Value::String(text) => format!("the text `{}`", wording::line(text)),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(object) if object.is_empty() => "an object without fields".to_owned(),
        Value::Object(object) => {
            let names = object.keys().take(12).map(|name| wording::line(name));
            let names = names.collect::<Vec<_>>().join(", ");
            let cut: String = names.chars().take(4 * SHOWN).collect();
            return format!("an object with {cut}");
        }
    };
    if words.chars().count() <= SHOWN {
        return words;
    }
    let cut: String = words.chars().take(SHOWN).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::instead;

    #[test]
    fn an_error_names_the_path_and_what_is_there() {
        let body = json!({"a": {"x": 1, "y": {}}, "n": null});
        assert_eq!(
            instead(&body, "/a/b"),
            "it has no `a.b`: `a` is an object with x, y"
        );
        assert_eq!(
            instead(&body, "/a/x/z/q"),
            "it has no `a.x.z.q`: `a.x` is the number 1"
        );
        assert_eq!(instead(&body, "/n"), "`n` is null");
        assert_eq!(
            instead(&body, "/m"),
            "it has no `m`: it is an object with a, n"
        );
        let long = json!({ "t": "é".repeat(9000) });
        assert!(instead(&long, "/t").chars().count() < 80);
    }
}
