//! What any Kubernetes object says about itself.

use crate::collect::Collector;
use crate::facts::{Destination, ObjectRef};
use crate::yaml::Node;

/// Whether a document is a Kubernetes object: it has `apiVersion` and `kind`.
pub(crate) fn is_object(root: &Node<'_>) -> bool {
    root.text_at("apiVersion").is_some() && root.text_at("kind").is_some()
}

/// The API group, empty for the core group.
pub(crate) fn group<'n>(root: &'n Node<'_>) -> &'n str {
    root.text_at("apiVersion")
        .and_then(|v| v.split_once('/'))
        .map_or("", |(group, _)| group)
}

/// The object of a document; `None` without a name.
pub(crate) fn read(root: &Node<'_>, document: usize) -> Option<ObjectRef> {
    let metadata = root.get("metadata")?;
    let name = metadata.text_at("name").filter(|name| is_name(name))?;
    let labels = metadata.get("labels");
    let label = |key| {
        labels
            .and_then(|labels| labels.text_at(key))
            .map(str::to_owned)
    };
    let kind = root.text_at("kind").filter(|kind| is_name(kind))?;
    Some(ObjectRef {
        api_group: group(root).to_owned(),
        kind: kind.to_owned(),
        namespace: metadata.text_at("namespace").map(str::to_owned),
        name: name.to_owned(),
        document,
        labels_service: label("app.kubernetes.io/name").or_else(|| label("app")),
        destination: if kind == "Application" {
            destination(root)
        } else {
            None
        },
        source_paths: source_paths(root, kind),
    })
}

/// Whether a text can name something; names become parts of keys, which are one line.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

/// Notes the objects of a document without reading versions from it.
pub(crate) fn note_all(collector: &mut Collector, document: usize, root: &Node<'_>) {
    if is_object(root) {
        collector.facts.objects.extend(read(root, document));
    }
}

fn destination(root: &Node<'_>) -> Option<Destination> {
    let destination = root.at(&["spec", "destination"])?;
    let text = |key| destination.text_at(key).map(str::to_owned);
    Some(Destination {
        namespace: text("namespace"),
        cluster: text("name").or(text("server")),
    })
}

fn source_paths(root: &Node<'_>, kind: &str) -> Vec<String> {
    let spec = match (group(root), kind) {
        ("argoproj.io", "Application") => root.get("spec"),
        ("argoproj.io", "ApplicationSet") => root.at(&["spec", "template", "spec"]),
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            let path = root.at(&["spec", "path"]).and_then(Node::text);
            return path.map(str::to_owned).into_iter().collect();
        }
        _ => None,
    };
    let Some(spec) = spec else {
        return Vec::new();
    };
    let one = spec.get("source");
    let many = spec.get("sources").map_or(&[][..], Node::items);
    one.into_iter()
        .chain(many)
        .filter_map(|source| source.text_at("path"))
        .map(str::to_owned)
        .collect()
}
