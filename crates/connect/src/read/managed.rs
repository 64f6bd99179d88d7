//! Who an object belongs to, for what somebody else manages from Git is put back by them; and who changed it.

use ripcord_domain::live::workload::Author;
use serde_json::Value;

use crate::read::{instant, items, text};

/// Marks by which GitOps tools know what is theirs.
const MARKS: &[(&str, &str, &str)] = &[
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ("labels", "argocd.argoproj.io/instance", "Argo CD"),
    ("labels", "app.kubernetes.io/instance", "Argo CD or Helm"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
    ("annotations", "meta.helm.sh/release-name", "Helm"),
];

/// Who puts an object back to what Git says, by its metadata.
pub(crate) fn managed_by(meta: &Value) -> Option<String> {
    let by_mark = MARKS.iter().find_map(|(place, name, tool)| {
        let mark = text(&meta[place][name]);
        let owner = mark.split(':').next().unwrap_or_default();
        (!owner.is_empty()).then(|| format!("{tool} ({owner})"))
    });
    by_mark.or_else(|| {
        let owner = items(&meta["ownerReferences"]).next()?;
        Some(format!("{} {}", text(&owner["kind"]), text(&owner["name"])))
    })
}

/// Who wrote what is wanted last: controllers write the status only.
pub(crate) fn changed_by(meta: &Value) -> Option<Author> {
    items(&meta["managedFields"])
        .filter(|entry| entry["subresource"].is_null() && entry["fieldsV1"]["f:spec"].is_object())
        .map(|entry| Author {
            manager: text(&entry["manager"]),
            at: instant(&entry["time"]),
        })
        .max_by_key(|author| author.at)
}
