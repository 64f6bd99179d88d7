//! Secrets: that a field differs, and never what it says, neither now nor before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Difference, Step, author, owned_by_people, spelled};
use crate::live::application::ObjectKey;

/// Whether an object is a Secret.
pub(super) fn is_one(key: &ObjectKey) -> bool {
    key.kind == "Secret" && key.group.is_empty()
}

/// The fields of a Secret that differ from what was applied, without a value.
pub(super) fn differences(applied: Option<&Value>, object: &Value) -> Vec<Difference> {
    let fields = match applied {
        Some(applied) => differing(applied, object),
        None => owned_by_people(object)
            .into_iter()
            // Nothing below an entry of it, should there be anything.
            .map(|path| path.into_iter().take(2).collect::<Vec<_>>())
            .filter(|path| path.first() == Some(&field("data")))
            .map(|path| (spelled(&path), path))
            .collect(),
    };
    fields
        .into_iter()
        .map(|(field, path)| {
            let author = author(object, &path);
            Difference {
                field,
                is_secret: true,
                applied: None,
                now: None,
                by: author.as_ref().map(|author| author.manager.clone()),
                at: author.and_then(|author| author.at),
            }
        })
        .collect()
}

/// The names of the fields that differ, as Git writes them, and where they are in the object: the API
/// server moves what is written as `stringData` into `data`.
fn differing(applied: &Value, object: &Value) -> Vec<(String, Vec<Step>)> {
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
        let place = [field("data"), field(&name)];
        (spelled(&[field(written), field(&name)]), place.to_vec())
    };
    plain_ones.chain(encoded_ones).map(named).collect()
}

fn field(name: &str) -> Step {
    Step::Field(name.to_owned())
}

/// Line breaks in what is encoded are none of it.
fn decoded(text: &str) -> Option<Vec<u8>> {
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
        let found = of_object(&key(), &object);
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
        let found = of_object(&key(), &object);
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
        assert_eq!(of_object(&key(), &object), []);
    }

    #[test]
    fn a_key_that_was_taken_away_differs() {
        let object = secret(&json!({"data": {"password": "eA=="}}), &Value::Null);
        assert_eq!(fields(&of_object(&key(), &object)), ["data.password"]);
    }

    #[test]
    fn what_argo_cds_api_does_not_show_is_not_claimed_to_differ() {
        let applied = json!({"data": {"a": "++++++++"}, "stringData": {"b": "word"}});
        let object = secret(&applied, &json!({"a": "++++++++", "b": "+++++++++"}));
        assert_eq!(of_object(&key(), &object), []);
        let changed = secret(&applied, &json!({"a": "+++++++++", "b": "++++++++"}));
        assert_eq!(fields(&of_object(&key(), &changed)), ["data.a"]);
    }
}
