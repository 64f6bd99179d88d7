//! What was applied beside what is there now.

use serde_json::Value;

use super::pairs::pairs;
use super::secret::decoded;
use super::{Change, Step, is_wanted, shown};

/// Everything that was applied and is otherwise now. What others added beside stays unmentioned: apply
/// leaves it alone too.
pub(super) fn changes(applied: &Value, object: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    for (name, value) in applied.as_object().into_iter().flatten() {
        let mut path = vec![Step::Field(name.clone())];
        if name == "binaryData" {
            binary(value, &object[name.as_str()], &mut path, &mut found);
        } else {
            compare(value, &object[name.as_str()], &mut path, &mut found);
        }
    }
    found.retain(|change| {
        let mut names = change.path.iter().map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Entry { .. } => None,
        });
        let mut next = || names.next().flatten();
        let first = next().unwrap_or_default();
        is_wanted(first, next(), next())
    });
    found
}

/// Whether everything that one value says is said by another too.
pub(super) fn is_covered(applied: &Value, now: &Value) -> bool {
    let mut found = Vec::new();
    compare(applied, now, &mut Vec::new(), &mut found);
    found.is_empty()
}

fn compare(applied: &Value, now: &Value, path: &mut Vec<Step>, found: &mut Vec<Change>) {
    // The API server drops what says no more than nothing does.
    if is_zero(applied) && is_zero(now) {
        return;
    }
    match (applied, now) {
        // `null` in a manifest is as if it were not written.
        (Value::Null, _) => {}
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                path.push(Step::Field(name.clone()));
                compare(value, &now[name.as_str()], path, found);
                path.pop();
            }
        }
        (Value::Array(items), Value::Array(others))
            if are_objects(items) && are_objects(others) =>
        {
            for (at, pair) in pairs(items, others).into_iter().enumerate() {
                let other = pair.other.and_then(|there| others.get(there));
                path.push(Step::Entry {
                    name: pair.name,
                    at: pair.other.unwrap_or(at),
                    item: other.unwrap_or(&items[at]).clone(),
                });
                compare(&items[at], other.unwrap_or(&Value::Null), path, found);
                path.pop();
            }
        }
        // Others add theirs, and apply leaves them.
        (Value::Array(items), Value::Array(others)) if is_set(path) => {
            let is_gone = items.iter().any(|item| !others.contains(item));
            if is_gone {
                found.push(changed(path, applied, now));
            }
        }
        (applied, now) if is_same(applied, now) => {}
        (applied, now) => found.push(changed(path, applied, now)),
    }
}

fn changed(path: &[Step], applied: &Value, now: &Value) -> Change {
    Change {
        path: path.to_vec(),
        applied: Some(applied.clone()),
        now: (!now.is_null()).then(|| now.clone()),
        is_taken_over: false,
    }
}

/// Values that are bytes: line breaks in what is encoded are none of them.
fn binary(applied: &Value, now: &Value, path: &mut Vec<Step>, found: &mut Vec<Change>) {
    let bytes = |value: &Value| value.as_str().and_then(decoded);
    for (name, value) in applied.as_object().into_iter().flatten() {
        let other = &now[name.as_str()];
        if bytes(value).is_none() || bytes(value) != bytes(other) {
            path.push(Step::Field(name.clone()));
            compare(value, other, path, found);
            path.pop();
        }
    }
}

fn are_objects(items: &[Value]) -> bool {
    items.iter().all(Value::is_object)
}

/// Lists of plain values are replaced as a whole, but for those that several may add to.
fn is_set(path: &[Step]) -> bool {
    matches!(path.last(), Some(Step::Field(name)) if name == "finalizers")
}

/// What a field says that is not written: zero, empty, or nothing but such fields.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_f64().is_some_and(|n| n.abs() < f64::EPSILON),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_zero),
    }
}

/// The API server writes some values otherwise than they were given: `1` for `"1"`, `1` CPU for `1000m`.
pub(super) fn is_same(applied: &Value, now: &Value) -> bool {
    if let (Value::Array(items), Value::Array(others)) = (applied, now) {
        let mut both = items.iter().zip(others);
        return items.len() == others.len() && both.all(|(one, other)| is_same(one, other));
    }
    if applied == now {
        return true;
    }
    let (one, other) = (shown(applied), shown(now));
    one == other || is_same_quantity(&one, &other)
}

/// Whether the API server may have written one quantity for the other. It never writes a fraction: where
/// there is one now, as in a version, texts count.
fn is_same_quantity(applied: &str, now: &str) -> bool {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if now.contains('.') || (is_plain(applied) && is_plain(now)) {
        return false;
    }
    match (quantity(applied), quantity(now)) {
        (Some(one), Some(other)) => (one - other).abs() <= one.abs().max(other.abs()) * 1e-12,
        _ => false,
    }
}

/// A quantity of Kubernetes as a number
/// (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: &[(&str, f64)] = &[
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    let is_number = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = is_number.then(|| number.parse::<f64>().ok()).flatten()?;
    Some(number * factor)
}
