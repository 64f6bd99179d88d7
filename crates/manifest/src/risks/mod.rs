//! What in a change deserves a warning before it is undone.

mod immutable;
mod meaning;
mod migration;

use crate::facts::ObjectRef;
use crate::formats::object;
use crate::read::text_of;
use crate::yaml::{Node, Stream};
use meaning::{Meaning, meaning};

/// One risk-relevant fact about a change to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// What kind of risk.
    pub kind: RiskKind,
    /// The object it is about; none when the path alone says it.
    pub object: Option<ObjectRef>,
    /// What was seen, as a fragment. Values of Secrets are never part of it.
    pub detail: String,
}

/// Kinds of risk when a version goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskKind {
    /// The change carries a database migration: older code may not work with the newer schema.
    DatabaseMigration,
    /// A CustomResourceDefinition changed: stored objects may not fit the older one.
    CustomResourceDefinition,
    /// A field changed that the API server never changes on a living object.
    ImmutableField,
    /// A Job changed: its pod template is immutable, and it runs again.
    Job,
    /// A Helm or Argo CD hook changed: it runs again.
    Hook,
    /// A Secret changed.
    Secret,
}

/// One object of one version of the file.
struct Seen<'n, 't> {
    object: ObjectRef,
    node: &'n Node<'t>,
    /// What it means, without layout and comments.
    meaning: Meaning,
}

/// Risk-relevant facts about a change of one file from `before` to `after`; `None` is no file.
///
/// Only objects whose meaning differs count: a comment or a reordered file is no risk. Files that
/// cannot be parsed (templates among them) are judged by their path alone.
pub fn risks(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Vec<Risk> {
    if before == after {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Some(word) = migration::word_in(path) {
        found.push(Risk {
            kind: RiskKind::DatabaseMigration,
            object: None,
            detail: format!("the path mentions {word:?}"),
        });
    }
    let is_manifest = path.ends_with(".yaml") || path.ends_with(".yml") || path.ends_with(".json");
    let text = |bytes: Option<&'_ [u8]>| match bytes {
        Some(bytes) if is_manifest => text_of(bytes).unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let (before, after) = (text(before), text(after));
    let (before, after) = (Stream::parse(&before), Stream::parse(&after));
    let (before, after) = (objects(&before), objects(&after));
    for new in &after {
        let old = before
            .iter()
            .find(|old| same_object(&old.object, &new.object));
        if old.is_none_or(|old| old.meaning != new.meaning) {
            judge(old, new, &mut found);
        }
    }
    for old in &before {
        if !after
            .iter()
            .any(|new| same_object(&old.object, &new.object))
        {
            judge_removed(old, &mut found);
        }
    }
    found
}

fn objects<'n, 't>(stream: &'n Stream<'t>) -> Vec<Seen<'n, 't>> {
    let mut seen = Vec::new();
    for (index, document) in stream.documents.iter().enumerate() {
        let Ok(document) = document else {
            continue;
        };
        let root = &document.root;
        let items = root.get("items").map_or(&[][..], Node::items);
        for node in std::iter::once(root).chain(items) {
            if let Some(object) = object::is_object(node)
                .then(|| object::read(node, index))
                .flatten()
            {
                seen.push(Seen {
                    object,
                    node,
                    meaning: meaning(node),
                });
            }
        }
    }
    seen
}

fn same_object(a: &ObjectRef, b: &ObjectRef) -> bool {
    a.kind == b.kind && a.name == b.name && a.namespace == b.namespace && a.api_group == b.api_group
}

fn judge(old: Option<&Seen<'_, '_>>, new: &Seen<'_, '_>, found: &mut Vec<Risk>) {
    let change = if old.is_some() { "changed" } else { "added" };
    judge_kind(new, change, found);
    if let Some(detail) = migration::in_object(new.node, &new.object.name)
        .or_else(|| old.and_then(|old| migration::in_object(old.node, &old.object.name)))
    {
        found.push(risk(RiskKind::DatabaseMigration, new, detail));
    }
    if let Some(old) = old {
        for field in immutable::changed(old.node, new.node, &new.object) {
            found.push(risk(
                RiskKind::ImmutableField,
                new,
                format!("{field} changed"),
            ));
        }
    }
}

fn judge_removed(old: &Seen<'_, '_>, found: &mut Vec<Risk>) {
    judge_kind(old, "removed", found);
    if let Some(detail) = migration::in_object(old.node, &old.object.name) {
        found.push(risk(RiskKind::DatabaseMigration, old, detail));
    }
}

fn judge_kind(seen: &Seen<'_, '_>, change: &str, found: &mut Vec<Risk>) {
    let kind = match (seen.object.api_group.as_str(), seen.object.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            Some(RiskKind::CustomResourceDefinition)
        }
        ("batch", "Job") => Some(RiskKind::Job),
        ("", "Secret")
        | ("bitnami.com", "SealedSecret")
        | ("external-secrets.io", "ExternalSecret") => Some(RiskKind::Secret),
        _ => None,
    };
    if let Some(kind) = kind {
        found.push(risk(kind, seen, format!("{} {change}", seen.object.kind)));
    }
    let annotations = seen.node.at(&["metadata", "annotations"]);
    for hook in ["helm.sh/hook", "argocd.argoproj.io/hook"] {
        if let Some(when) = annotations.and_then(|annotations| annotations.text_at(hook)) {
            found.push(risk(
                RiskKind::Hook,
                seen,
                format!("{hook}: {when} {change}"),
            ));
        }
    }
}

fn risk(kind: RiskKind, seen: &Seen<'_, '_>, detail: String) -> Risk {
    Risk {
        kind,
        object: Some(seen.object.clone()),
        detail,
    }
}
