//! What an object says otherwise than what was applied to it, and who made it so.

mod secret;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::live::application::ObjectKey;
use crate::live::workload::Author;

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Where, such as `spec.template.spec.containers[main].image`.
    pub field: String,
    /// It is a Secret's: that it differs is told, and what it says never is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_secret: bool,
    /// What was applied from Git; none where the object does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
    /// What it says now; none where it was taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// Who wrote it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A step into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    /// An entry of a list that is known by its name.
    Named(String),
    At(usize),
}

/// The annotation in which client-side apply keeps what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Programs that apply what Git says.
const APPLIERS: [&str; 2] = ["argocd-controller", "argocd-application-controller"];

/// Where an object differs from what was applied to it last.
///
/// Client-side apply keeps that in an annotation. Under server-side apply there is none: then the fields
/// count that people's programs own, and what Git says of them is not known from here. Of a Secret only
/// the names of its fields are told: what this prints ends up in tickets, chats and logs.
pub fn of_object(key: &ObjectKey, object: &Value) -> Vec<Difference> {
    let kept = object["metadata"]["annotations"][LAST_APPLIED].as_str();
    let applied = kept.and_then(|text| serde_json::from_str::<Value>(text).ok());
    if secret::is_one(key) {
        return secret::differences(applied.as_ref(), object);
    }
    let mut found = Vec::new();
    match applied {
        Some(applied) => {
            let mut path = vec![Step::Field("spec".into())];
            compare(&applied["spec"], &object["spec"], &mut path, &mut found);
            if applied["data"].is_object() {
                path = vec![Step::Field("data".into())];
                compare(&applied["data"], &object["data"], &mut path, &mut found);
            }
        }
        None => {
            for path in owned_by_people(object) {
                let now = value_at(object, &path);
                found.push((path, None, now));
            }
        }
    }
    found
        .into_iter()
        .map(|(path, applied, now)| {
            let author = author(object, &path);
            Difference {
                field: spelled(&path),
                is_secret: false,
                applied: applied.map(|value| shown(&value)),
                now: now.map(|value| shown(&value)),
                by: author.as_ref().map(|author| author.manager.clone()),
                at: author.and_then(|author| author.at),
            }
        })
        .collect()
}

type Found = (Vec<Step>, Option<Value>, Option<Value>);

/// Everything that was applied and is otherwise now. What others added beside stays unmentioned: apply
/// leaves it alone too.
fn compare(applied: &Value, now: &Value, path: &mut Vec<Step>, found: &mut Vec<Found>) {
    match (applied, now) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                path.push(Step::Field(name.clone()));
                compare(value, &now[name.as_str()], path, found);
                path.pop();
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            for (at, item) in items.iter().enumerate() {
                let name = item["name"].as_str();
                let (step, other) = match name {
                    Some(name) => (
                        Step::Named(name.to_owned()),
                        others.iter().find(|other| other["name"] == *name),
                    ),
                    None => (Step::At(at), others.get(at)),
                };
                path.push(step);
                compare(item, other.unwrap_or(&Value::Null), path, found);
                path.pop();
            }
        }
        // `null` in a manifest is as if it were not written.
        (Value::Null, _) => {}
        (applied, now) if same(applied, now) => {}
        (applied, now) => found.push((
            path.clone(),
            Some(applied.clone()),
            (!now.is_null()).then(|| now.clone()),
        )),
    }
}

/// The API server writes some values otherwise than they were given: `1` for `"1"`, `1` CPU for `1000m`.
fn same(applied: &Value, now: &Value) -> bool {
    if applied == now {
        return true;
    }
    let (one, other) = (shown(applied), shown(now));
    one == other || matches!((quantity(&one), quantity(&other)), (Some(a), Some(b)) if (a - b).abs() < 1e-9)
        // Empty and absent are one to it.
        || (now.is_null() && (one.is_empty() || one == "{}" || one == "[]" || one == "false"))
}

/// A quantity of Kubernetes as a number
/// (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: &[(&str, f64)] = &[
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("m", 0.001),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
    ];
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    number.parse::<f64>().ok().map(|number| number * factor)
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| entry["subresource"].is_null())
}

/// Programs by which people change things.
fn is_by_hand(entry: &Value) -> bool {
    let manager = entry["manager"].as_str().unwrap_or_default();
    !APPLIERS.contains(&manager)
        && (manager.starts_with("kubectl") || manager.contains("dashboard") || manager == "lens")
}

/// The fields of what is wanted that people's programs own.
fn owned_by_people(object: &Value) -> Vec<Vec<Step>> {
    let wanted = ["spec", "data"].map(|name| Step::Field(name.into()));
    let mut found = Vec::new();
    for entry in entries(object).filter(|entry| is_by_hand(entry)) {
        owned(&entry["fieldsV1"], &mut Vec::new(), &mut |path| {
            let is_wanted = path.first().is_some_and(|first| wanted.contains(first));
            if is_wanted && !found.contains(&path.to_vec()) {
                found.push(path.to_vec());
            }
        });
    }
    found
}

/// Walks the leaves of a set of owned fields
/// (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).
fn owned(fields: &Value, path: &mut Vec<Step>, leaf: &mut dyn FnMut(&[Step])) {
    let Some(fields) = fields.as_object() else {
        return;
    };
    for (name, below) in fields {
        let Some(step) = step_of(name) else {
            continue;
        };
        path.push(step);
        if below.as_object().is_none_or(serde_json::Map::is_empty) {
            leaf(path);
        } else {
            owned(below, path, leaf);
        }
        path.pop();
    }
}

/// `f:image` is a field, `k:{"name":"main"}` an entry of a list.
fn step_of(name: &str) -> Option<Step> {
    if let Some(field) = name.strip_prefix("f:") {
        return Some(Step::Field(field.to_owned()));
    }
    let key: Value = serde_json::from_str(name.strip_prefix("k:")?).ok()?;
    let value = key
        .get("name")
        .or_else(|| key.as_object()?.values().next())?;
    Some(Step::Named(shown(value)))
}

/// Who owns a field, or the nearest one above it; the last writer where several do.
fn author(object: &Value, path: &[Step]) -> Option<Author> {
    let mut best: Option<(usize, Author)> = None;
    for entry in entries(object) {
        let mut fields = &entry["fieldsV1"];
        let mut depth = 0;
        for step in path {
            let below = fields.as_object().and_then(|fields| {
                fields
                    .iter()
                    .find(|(name, _)| step_of(name).as_ref() == Some(step))
            });
            match below {
                Some((_, below)) => fields = below,
                None => break,
            }
            depth += 1;
        }
        let author = Author {
            manager: entry["manager"].as_str().unwrap_or_default().to_owned(),
            at: entry["time"].as_str().and_then(|text| text.parse().ok()),
        };
        if depth > 1
            && best
                .as_ref()
                .is_none_or(|(known, who)| (depth, author.at) > (*known, who.at))
        {
            best = Some((depth, author));
        }
    }
    best.map(|(_, author)| author)
}

fn value_at(object: &Value, path: &[Step]) -> Option<Value> {
    let mut value = object;
    for step in path {
        value = match step {
            Step::Field(name) => value.get(name)?,
            Step::Named(name) => value.as_array()?.iter().find(|item| {
                item.as_object()
                    .is_some_and(|item| item.values().any(|v| shown(v) == *name))
            })?,
            Step::At(at) => value.get(at)?,
        };
    }
    Some(value.clone())
}

fn spelled(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Named(name) => {
                text.push('[');
                text.push_str(name);
                text.push(']');
            }
            Step::At(at) => {
                text.push('[');
                text.push_str(&at.to_string());
                text.push(']');
            }
        }
    }
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment() -> ObjectKey {
        ObjectKey {
            group: "apps".into(),
            kind: "Deployment".into(),
            ..ObjectKey::default()
        }
    }

    fn applied(spec: &Value) -> String {
        json!({"kind": "Deployment", "spec": spec}).to_string()
    }

    fn spec(image: &str, replicas: i64) -> Value {
        json!({"replicas": replicas, "template": {"spec": {"containers": [
            {"name": "proxy", "image": "envoy:1"},
            {"name": "main", "image": image, "resources": {"limits": {"cpu": "1"}}},
        ]}}})
    }

    fn by_hand(fields: &Value) -> Value {
        json!([
            {"manager": "argocd-controller", "operation": "Update", "time": "2026-11-27T17:00:00Z",
             "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "kubectl-set", "operation": "Update", "time": "2026-11-27T17:20:00Z",
             "fieldsV1": fields},
        ])
    }

    fn image_is_theirs() -> Value {
        json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"main\"}": {"f:image": {}},
        }}}}})
    }

    #[test]
    fn an_image_that_somebody_set_is_named_with_who_and_when() {
        let mut live = spec("acme/pay:v14", 4);
        live["template"]["spec"]["containers"][1]["resources"]["limits"]["cpu"] = json!("1000m");
        live["strategy"] = json!({"type": "RollingUpdate"});
        let object = json!({
            "metadata": {
                "annotations": {LAST_APPLIED: applied(&spec("acme/pay:v15", 4))},
                "managedFields": by_hand(&image_is_theirs()),
            },
            "spec": live,
        });
        let found = of_object(&deployment(), &object);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].field, "spec.template.spec.containers[main].image");
        assert_eq!(found[0].applied.as_deref(), Some("acme/pay:v15"));
        assert_eq!(found[0].now.as_deref(), Some("acme/pay:v14"));
        assert_eq!(found[0].by.as_deref(), Some("kubectl-set"));
        assert_eq!(found[0].at.unwrap().to_string(), "2026-11-27T17:20:00Z");
    }

    #[test]
    fn what_was_taken_away_is_a_difference_and_what_was_added_beside_is_not() {
        let mut live = spec("acme/pay:v15", 4);
        live["template"]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .remove(0);
        live["template"]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "injected", "image": "x"}));
        let object = json!({
            "metadata": {"annotations": {LAST_APPLIED: applied(&spec("acme/pay:v15", 4))}},
            "spec": live,
        });
        let found = of_object(&deployment(), &object);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].field, "spec.template.spec.containers[proxy]");
        assert_eq!(found[0].now, None);
    }

    #[test]
    fn under_server_side_apply_the_fields_of_peoples_programs_count() {
        let object = json!({
            "metadata": {"managedFields": by_hand(&image_is_theirs())},
            "spec": spec("acme/pay:v14", 4),
        });
        let found = of_object(&deployment(), &object);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].applied, None);
        assert_eq!(found[0].now.as_deref(), Some("acme/pay:v14"));
    }

    #[test]
    fn quantities_are_compared_as_numbers() {
        assert!(same(&json!("0.5"), &json!("500m")));
        assert!(same(&json!("1Gi"), &json!("1024Mi")));
        assert!(same(&json!(1), &json!("1")));
        assert!(!same(&json!("1Gi"), &json!("1G")));
    }
}
