//! From what the API says to `ripcord_domain::live`. What is absent stays absent; nothing fails here.

mod application;
mod application_set;
mod managed;
mod project;
mod workload;

pub use application::application;
pub use application_set::application_set;
pub(crate) use managed::{changed_by, managed_by};
pub use project::{Project, project};
pub use workload::{is_pod_of, pod, revision_of_controller, revision_of_replica_set, workload};

use jiff::Timestamp;
use serde_json::Value;

/// A text; empty where there is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The entries of a list.
pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    items(value).map(text).collect()
}

/// An instant.
pub(crate) fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
