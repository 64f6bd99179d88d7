//! What an object says otherwise than what was applied to it, who made it so, and what will undo it.
//!
//! [`of_object`] compares, `owners` reads who wrote which field, [`Undoing`] says what becomes of it.

mod compare;
mod ignored;
mod owners;
mod pairs;
mod secret;
mod undoing;

pub use ignored::IgnoredFields;
pub use undoing::{Undoing, untold};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::live::application::ObjectKey;

/// One field that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Where, such as `spec.template.spec.containers[main].image`.
    pub field: String,
    /// It is a Secret's: that it differs is told, and what it says never is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_secret: bool,
    /// Only that somebody else than Argo CD owns it is known: Git may say the same, or not name it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_taken_over: bool,
    /// What was applied from Git; none where the object does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
    /// What it says now; none where it was taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// Who wrote it last; none where it was taken away, which nobody keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The same place in the object as it is now: keys, and numbers in lists.
    #[serde(skip)]
    pub place: Vec<String>,
}

/// Who applied an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Applier {
    /// The program, as it called itself.
    pub by: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The fields that it owns: what it changed is among them, what it took away is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owns: Vec<String>,
}

/// What one object tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// The fields that differ.
    pub differences: Vec<Difference>,
    /// Who applied it last, where that was not Argo CD: then what Git says stands nowhere in it.
    pub applied_by: Option<Applier>,
}

/// A step into an object.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    /// An entry of a list: how it is called, where it is, and what it says.
    Entry {
        name: String,
        at: usize,
        item: Value,
    },
}

/// A place that differs.
struct Change {
    path: Vec<Step>,
    applied: Option<Value>,
    now: Option<Value>,
    is_taken_over: bool,
}

/// The annotation in which client-side apply keeps what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Where an object differs from what Argo CD applied to it last.
///
/// Client-side apply keeps that in an annotation, and so does anybody else's `kubectl apply`: then it says
/// nothing of Git. Under server-side apply there is none: the fields count that others own and Argo CD does
/// not, and what Git says of them is not known from here. Of a Secret only the names of its fields are told:
/// what this prints ends up in tickets, chats and logs.
pub fn of_object(key: &ObjectKey, object: &Value) -> Finding {
    let kept = object["metadata"]["annotations"][LAST_APPLIED].as_str();
    let kept = kept.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let applied_by = owners::foreign_applier(object);
    let by_owners = owners::is_server_side(object) || kept.is_none();
    let applied = kept.filter(|applied| {
        // In another version of the kind fields have other names.
        let is_comparable = applied["apiVersion"].is_null()
            || object["apiVersion"].is_null()
            || applied["apiVersion"] == object["apiVersion"];
        !by_owners && applied_by.is_none() && is_comparable
    });
    let differences = if secret::is_one(key) {
        secret::differences(applied.as_ref(), by_owners, object)
    } else {
        let changes = changes(applied.as_ref(), by_owners, object, &[]);
        changes
            .iter()
            .map(|change| difference(object, change))
            .collect()
    };
    Finding {
        differences,
        applied_by,
    }
}

/// Every place that differs, but below the fields that are left out.
fn changes(
    applied: Option<&Value>,
    by_owners: bool,
    object: &Value,
    left_out: &[&str],
) -> Vec<Change> {
    let mut found = match applied {
        Some(applied) => compare::changes(applied, object),
        None if by_owners => owners::taken_over(object),
        None => Vec::new(),
    };
    found.retain(|change| {
        !matches!(change.path.first(), Some(Step::Field(name)) if left_out.contains(&name.as_str()))
    });
    found
}

/// A place that differs, with who wrote it.
fn difference(object: &Value, change: &Change) -> Difference {
    // Who takes a field away owns nothing of it.
    let author = change
        .now
        .is_some()
        .then(|| owners::author(object, &change.path));
    let author = author.flatten();
    Difference {
        field: spelled(&change.path),
        is_secret: false,
        is_taken_over: change.is_taken_over,
        applied: change.applied.as_ref().map(shown),
        now: change.now.as_ref().map(shown),
        by: author.as_ref().map(|author| author.manager.clone()),
        at: author.and_then(|author| author.at),
        place: place(&change.path),
    }
}

/// Fields of the metadata that the API server sets, or that an object cannot change.
const SERVER_SET: [&str; 12] = [
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "clusterName",
];

/// Whether what stands there is wanted by somebody: not what the API server or a controller reports.
fn is_wanted(first: &str, second: Option<&str>, third: Option<&str>) -> bool {
    match (first, second) {
        ("apiVersion" | "kind" | "status", _) => false,
        ("metadata", Some("annotations")) => third != Some(LAST_APPLIED),
        ("metadata", Some(part)) => !SERVER_SET.contains(&part),
        _ => true,
    }
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
            Step::Entry { name, .. } => {
                text.push('[');
                text.push_str(name);
                text.push(']');
            }
        }
    }
    text
}

fn place(path: &[Step]) -> Vec<String> {
    let part = |step: &Step| match step {
        Step::Field(name) => name.clone(),
        Step::Entry { at, .. } => at.to_string(),
    };
    path.iter().map(part).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
