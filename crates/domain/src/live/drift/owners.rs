//! Who wrote which field, as the API server remembers it
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).

use jiff::Timestamp;
use serde_json::Value;

use super::{Applier, Change, LAST_APPLIED, Step, is_wanted, shown, spelled};
use crate::live::workload::Author;

/// Programs that apply what Git says.
const APPLIERS: [&str; 2] = ["argocd-controller", "argocd-application-controller"];

/// Programs that are part of a cluster, and whose fields nobody means to say in Git. Before server-side
/// apply nobody was written down.
const CONTROLLERS: [&str; 11] = [
    "kube-controller-manager",
    "kube-scheduler",
    "kube-apiserver",
    "cloud-controller-manager",
    "kubelet",
    "horizontal-pod-autoscaler",
    "cluster-autoscaler",
    "rollouts-controller",
    "argo-rollouts",
    "before-first-apply",
    "unknown",
];

fn manager(entry: &Value) -> &str {
    entry["manager"].as_str().unwrap_or_default()
}

fn at(entry: &Value) -> Option<Timestamp> {
    entry["time"].as_str()?.parse().ok()
}

fn is_applier(entry: &Value) -> bool {
    APPLIERS.contains(&manager(entry))
}

/// Who owns what is wanted: a status is a report, a scale is a wish.
fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| entry["subresource"] != "status")
}

/// Who wrote the annotation of client-side apply last.
fn of_annotation(object: &Value) -> Option<&Value> {
    let annotation = format!("f:{LAST_APPLIED}");
    entries(object)
        .filter(|entry| {
            !entry["fieldsV1"]["f:metadata"]["f:annotations"][annotation.as_str()].is_null()
        })
        .max_by_key(|entry| at(entry))
}

/// Whether Argo CD applied the object last by server-side apply. An annotation of before that stays, and
/// says what was applied then.
pub(super) fn is_server_side(object: &Value) -> bool {
    let applied =
        entries(object).filter(|entry| is_applier(entry) && entry["operation"] == "Apply");
    let Some(applied) = applied.max_by_key(|entry| at(entry)) else {
        return false;
    };
    of_annotation(object).is_none_or(|owner| !is_applier(owner) || at(owner) <= at(applied))
}

/// Who applied an object last, where that was not Argo CD.
pub(super) fn foreign_applier(object: &Value) -> Option<Applier> {
    let owner = of_annotation(object).filter(|owner| !is_applier(owner))?;
    let owns = leaves(&owner["fieldsV1"])
        .into_iter()
        .filter(|path| is_of_a_wish(path))
        .filter_map(|path| Some(spelled(&resolved(object, &path)?.0)))
        .collect();
    Some(Applier {
        by: manager(owner).to_owned(),
        at: at(owner),
        owns,
    })
}

/// The fields of what is wanted that neither Argo CD nor the cluster itself owns: whoever changes a field of
/// somebody else owns it alone.
pub(super) fn taken_over(object: &Value) -> Vec<Change> {
    let of_git: Vec<Vec<&str>> = entries(object)
        .filter(|entry| is_applier(entry))
        .flat_map(|entry| leaves(&entry["fieldsV1"]))
        .collect();
    let others = entries(object)
        .filter(|entry| !is_applier(entry) && !CONTROLLERS.contains(&manager(entry)));
    let mut seen: Vec<Vec<&str>> = Vec::new();
    let mut found = Vec::new();
    for path in others.flat_map(|entry| leaves(&entry["fieldsV1"])) {
        if !is_of_a_wish(&path) || of_git.contains(&path) || seen.contains(&path) {
            continue;
        }
        if let Some((steps, now)) = resolved(object, &path) {
            found.push(Change {
                path: steps,
                applied: None,
                now: Some(now),
                is_taken_over: true,
            });
        }
        seen.push(path);
    }
    found
}

fn is_of_a_wish(path: &[&str]) -> bool {
    let mut names = path.iter().map(|name| name.strip_prefix("f:"));
    let mut next = || names.next().flatten();
    let Some(first) = next() else {
        return false;
    };
    is_wanted(first, next(), next())
}

/// The paths of all fields that a set owns, as it writes them.
fn leaves(fields: &Value) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    walk(fields, &mut Vec::new(), &mut found);
    found
}

fn walk<'a>(fields: &'a Value, path: &mut Vec<&'a str>, found: &mut Vec<Vec<&'a str>>) {
    for (name, below) in fields.as_object().into_iter().flatten() {
        // The thing itself, beside what is in it.
        if name == "." {
            continue;
        }
        path.push(name);
        if is_leaf(below) {
            found.push(path.clone());
        } else {
            walk(below, path, found);
        }
        path.pop();
    }
}

/// Whether all that is below is owned too.
fn is_leaf(below: &Value) -> bool {
    below.as_object().is_none_or(serde_json::Map::is_empty)
}

/// A path of a set as steps into the object, and what stands there; none where nothing does.
fn resolved(object: &Value, path: &[&str]) -> Option<(Vec<Step>, Value)> {
    let mut value = object;
    let mut steps = Vec::new();
    for part in path {
        if let Some(name) = part.strip_prefix("f:") {
            value = value.get(name)?;
            steps.push(Step::Field(name.to_owned()));
            continue;
        }
        let mut items = value.as_array()?.iter().enumerate();
        let (at, item) = items.find(|(at, item)| is_entry(part, *at, item))?;
        steps.push(Step::Entry {
            name: called(part, at, item),
            at,
            item: item.clone(),
        });
        value = item;
    }
    Some((steps, value.clone()))
}

/// Whether a part of a path means an entry of a list: by its keys, its value or its place.
fn is_entry(part: &str, at: usize, item: &Value) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    if let Some(keys) = part.strip_prefix("k:").and_then(parsed) {
        return keys.as_object().is_some_and(|keys| {
            keys.iter()
                .all(|(name, value)| item[name.as_str()] == *value)
        });
    }
    if let Some(value) = part.strip_prefix("v:").and_then(parsed) {
        return *item == value;
    }
    part.strip_prefix("i:") == Some(at.to_string().as_str())
}

/// An entry as people call it: by its name, else by the keys by which it is known.
fn called(part: &str, at: usize, item: &Value) -> String {
    if let Some(name) = item["name"].as_str().filter(|_| part.contains("\"name\"")) {
        return name.to_owned();
    }
    let keys = part.strip_prefix("k:");
    let keys = keys.and_then(|keys| serde_json::from_str::<Value>(keys).ok());
    match keys.as_ref().and_then(Value::as_object) {
        Some(keys) => keys.values().map(shown).collect::<Vec<_>>().join("/"),
        None => at.to_string(),
    }
}

/// Who owns a field, or all that it stands in; the last writer where several do.
pub(super) fn author(object: &Value, path: &[Step]) -> Option<Author> {
    entries(object)
        .filter(|entry| owns(&entry["fieldsV1"], path))
        .map(|entry| Author {
            manager: manager(entry).to_owned(),
            at: at(entry),
        })
        .max_by_key(|author| author.at)
}

fn owns(fields: &Value, path: &[Step]) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return true;
    };
    fields
        .as_object()
        .into_iter()
        .flatten()
        .any(|(name, below)| {
            let is_it = match step {
                Step::Field(field) => name.strip_prefix("f:") == Some(field.as_str()),
                Step::Entry { at, item, .. } => is_entry(name, *at, item),
            };
            is_it && (is_leaf(below) || owns(below, rest))
        })
}
