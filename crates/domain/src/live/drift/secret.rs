//! Secrets: that a field differs, and never what it says, neither now nor before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Difference, Step, changes, difference, spelled};
use crate::live::application::ObjectKey;

/// What a Secret keeps: compared here, and by its names only.
const VALUES: [&str; 2] = ["data", "stringData"];

/// Whether an object is a Secret.
pub(super) fn is_one(key: &ObjectKey) -> bool {
    key.kind == "Secret" && key.group.is_empty()
}

/// The fields of a Secret that differ from what was applied, without a value.
pub(super) fn differences(
    applied: Option<&Value>,
    by_owners: bool,
    object: &Value,
) -> Vec<Difference> {
    let mut found: Vec<Difference> = match applied {
        Some(applied) => differing(applied, object)
            .into_iter()
            .map(|(field, path)| {
                let now = super::Change {
                    path,
                    applied: None,
                    // Only a key that is there has somebody who wrote it.
                    now: object["data"][field.key.as_str()]
                        .as_str()
                        .map(|_| Value::Null),
                    is_taken_over: false,
                };
                Difference {
                    field: field.spelled,
                    ..difference(object, &now)
                }
            })
            .collect(),
        None => changes(None, by_owners, object, &["stringData"])
            .into_iter()
            .filter(|change| change.path.first() == Some(&field("data")))
            .map(|mut change| {
                // Nothing below an entry of it, should there be anything.
                change.path.truncate(2);
                difference(object, &change)
            })
            .collect(),
    };
    // A name of a label is none of its secrets; what it says may be.
    let is_told = |change: &super::Change| {
        let now = change.now.as_ref().and_then(Value::as_str);
        !now.is_some_and(is_masked)
    };
    let beside = changes(applied, by_owners, object, &VALUES);
    let beside = beside.iter().filter(|change| is_told(change));
    found.extend(beside.map(|change| difference(object, change)));
    for one in &mut found {
        (one.is_secret, one.applied, one.now) = (true, None, None);
    }
    found
}

/// A key of a Secret, as Git writes where it is.
struct Key {
    key: String,
    spelled: String,
}

/// The names of the fields that differ, as Git writes them, and where they are in the object: the API
/// server moves what is written as `stringData` into `data`.
fn differing(applied: &Value, object: &Value) -> Vec<(Key, Vec<Step>)> {
    let (plain, encoded) = (&applied["stringData"], &applied["data"]);
    let entries = |from: &Value| {
        let map = from.as_object().cloned().unwrap_or_default();
        map.into_iter()
            .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
    };
    let now = |name: &str| object["data"][name].as_str();
    let plain_ones = entries(plain)
        .filter(|(name, text)| !is_same_plain(text, now(name)))
        .map(|(name, _)| ("stringData", name));
    let encoded_ones = entries(encoded)
        .filter(|(name, _)| plain[name.as_str()].is_null())
        .filter(|(name, text)| !is_same(text, now(name)))
        .map(|(name, _)| ("data", name));
    let named = |(written, name): (&str, String)| {
        let spelled = spelled(&[field(written), field(&name)]);
        let place = vec![field("data"), field(&name)];
        (Key { key: name, spelled }, place)
    };
    plain_ones.chain(encoded_ones).map(named).collect()
}

fn field(name: &str) -> Step {
    Step::Field(name.to_owned())
}

/// Line breaks in what is encoded are none of it.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_whitespace().collect();
    STANDARD.decode(text).ok()
}

fn is_same(applied: &str, now: Option<&str>) -> bool {
    match now {
        // Empty and absent are one.
        None => applied.trim().is_empty(),
        Some(now) => {
            applied == now || (decoded(applied).is_some() && decoded(applied) == decoded(now))
        }
    }
}

fn is_same_plain(applied: &str, now: Option<&str>) -> bool {
    match now {
        None => applied.is_empty(),
        // Argo CD's API shows no values. What it does not show is not known to differ.
        Some(now) if is_masked(now) => applied == now || !is_masked(applied),
        Some(now) => decoded(now).as_deref() == Some(applied.as_bytes()),
    }
}

/// Argo CD's API puts signs in the place of a value: equal ones for equal values.
fn is_masked(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'+')
}

#[cfg(test)]
mod tests {
    use super::super::{LAST_APPLIED, of_object};
    use super::*;
    use serde_json::json;

    fn key() -> ObjectKey {
        ObjectKey {
            version: "v1".into(),
            kind: "Secret".into(),
            name: "db".into(),
            ..ObjectKey::default()
        }
    }

    fn by_hand() -> Value {
        json!([{"manager": "kubectl-patch", "operation": "Update", "time": "2026-11-27T17:20:00Z",
                "fieldsV1": {"f:data": {"f:password": {}, "f:token": {}}}}])
    }

    fn secret(applied: &Value, data: &Value) -> Value {
        json!({
            "metadata": {
                "annotations": {LAST_APPLIED: applied.to_string()}, "managedFields": by_hand(),
            },
            "data": data,
        })
    }

    fn of(object: &Value) -> Vec<Difference> {
        of_object(&key(), object).differences
    }

    fn fields(found: &[Difference]) -> Vec<&str> {
        found.iter().map(|one| one.field.as_str()).collect()
    }

    #[test]
    fn a_secret_that_was_changed_tells_its_field_and_who_and_no_value() {
        let (old, new) = (STANDARD.encode("old-word"), STANDARD.encode("new-word"));
        let object = secret(
            &json!({"data": {"password": old, "same": "eA=="}, "stringData": {"token": "old-word"}}),
            &json!({"password": new, "token": new, "same": "eA=="}),
        );
        let found = of(&object);
        assert_eq!(fields(&found), ["stringData.token", "data.password"]);
        for one in &found {
            assert!(one.is_secret);
            assert_eq!(one.by.as_deref(), Some("kubectl-patch"));
        }
        let told = format!("{found:?}{}", serde_json::to_string(&found).unwrap());
        for word in [old.as_str(), new.as_str(), "old-word", "new-word"] {
            assert!(!told.contains(word), "{told}");
        }
    }

    #[test]
    fn under_server_side_apply_no_value_of_a_secret_is_told_either() {
        let object = json!({
            "metadata": {"managedFields": by_hand()},
            "data": {"password": "bmV3LXdvcmQ=", "token": "bmV3LXdvcmQ="},
        });
        let found = of(&object);
        assert_eq!(fields(&found), ["data.password", "data.token"]);
        assert!(!format!("{found:?}").contains("bmV3LXdvcmQ="), "{found:?}");
    }

    #[test]
    fn a_secret_as_it_was_applied_does_not_differ_however_it_was_written() {
        let object = secret(
            &json!({
                "data": {"wrapped": "bmV3LX\ndvcmQ=", "over": "eA==", "none": ""},
                "stringData": {"plain": "new-word", "over": "new-word"},
            }),
            &json!({"wrapped": "bmV3LXdvcmQ=", "plain": "bmV3LXdvcmQ=", "over": "bmV3LXdvcmQ="}),
        );
        assert_eq!(of(&object), []);
    }

    #[test]
    fn a_key_that_was_taken_away_differs() {
        let object = secret(&json!({"data": {"password": "eA=="}}), &Value::Null);
        assert_eq!(fields(&of(&object)), ["data.password"]);
    }

    #[test]
    fn what_argo_cds_api_does_not_show_is_not_claimed_to_differ() {
        let applied = json!({"data": {"a": "++++++++"}, "stringData": {"b": "word"}});
        let object = secret(&applied, &json!({"a": "++++++++", "b": "+++++++++"}));
        assert_eq!(of(&object), []);
        let changed = secret(&applied, &json!({"a": "+++++++++", "b": "++++++++"}));
        assert_eq!(fields(&of(&changed)), ["data.a"]);
    }
}
