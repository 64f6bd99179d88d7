//! The formats that declare versions: each knows where one tool keeps them.

mod argo;
mod chart;
pub(crate) mod embedded;
mod flux;
mod kustomize;
pub(crate) mod object;
mod values;
mod version;
pub(crate) mod version_file;
mod workload;

use crate::collect::{Collector, Scope};
use crate::facts::DeclarationKind;
use crate::field_path::Step;
use crate::screen::FileShape;
use crate::yaml::Node;

/// Reads one document.
pub(crate) fn document(
    collector: &mut Collector,
    scope: Scope<'_>,
    shape: FileShape,
    text: &str,
    root: &Node<'_>,
) {
    match shape {
        // Flux has a kind of the same name, and some keep it in a file of the same name.
        FileShape::Kustomization if !is_foreign_object(root) => {
            kustomize::read(collector, scope, root);
        }
        FileShape::ImageTag => version_file::image_tag(collector, scope, root),
        FileShape::Chart => chart::read(collector, scope, root),
        _ if object::is_object(root) => object_document(collector, scope, text, root),
        FileShape::Manifest { versions } => values::read(collector, scope, root, versions),
        _ => {}
    }
}

fn is_foreign_object(root: &Node<'_>) -> bool {
    object::is_object(root) && object::group(root) != "kustomize.config.k8s.io"
}

fn object_document(collector: &mut Collector, scope: Scope<'_>, text: &str, root: &Node<'_>) {
    let kind = root.text_at("kind").unwrap_or_default();
    // `kubectl get -o yaml` writes `kind: List`; typed lists such as `DeploymentList` also exist.
    if let Some(items) = root.get("items").filter(|_| kind.ends_with("List")) {
        for (index, item) in items.items().iter().enumerate() {
            if object::is_object(item) && item.get("items").is_none() {
                let top = scope.top.key("items").then(Step::Index(index));
                object_document(collector, Scope { top: &top, ..scope }, text, item);
            }
        }
        return;
    }
    let group = object::group(root);
    if group == "kustomize.config.k8s.io" {
        return kustomize::read(collector, scope, root);
    }
    let Some(object) = object::read(root, scope.document) else {
        return;
    };
    let scope = Scope {
        object: Some(&object),
        ..scope
    };
    match (group, kind) {
        ("argoproj.io", "Application") => {
            let scope = scope.of_kind(DeclarationKind::ArgoApplication);
            argo::application(collector, scope, text, root);
        }
        ("argoproj.io", "ApplicationSet") => {
            let scope = scope.of_kind(DeclarationKind::ArgoApplicationSet);
            argo::application_set(collector, scope, text, root);
        }
        ("helm.toolkit.fluxcd.io", "HelmRelease") => flux::helm_release(collector, scope, root),
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            kustomize::flux_images(collector, scope, root);
        }
        ("source.toolkit.fluxcd.io", _) => flux::source(collector, scope, kind, root),
        _ => workload::read(collector, scope, root),
    }
    collector.facts.objects.push(object);
}
