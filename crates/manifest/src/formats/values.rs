//! Helm values, and any other map that is no Kubernetes object: image fields at any depth.
//!
//! There is no schema for values. The names below are those of `helm create` and of the large chart
//! collections: `image: {registry, repository, tag, digest}`, `image: name:tag`, `imageTag`.

use crate::collect::{Collector, Scope, entry_steps, field, field_at};
use crate::facts::{DeclarationKind, Role, VersionField};
use crate::field_path::{FieldPath, Step};
use crate::formats::version::looks_like_version;
use crate::image::ImageReference;
use crate::yaml::{Node, NodeKind};

/// Fields that hold the tag of an image whatever stands around them.
const TAG_KEYS: [&str; 8] = [
    "imageTag",
    "image_tag",
    "image-tag",
    "imageVersion",
    "image_version",
    "dockerTag",
    "docker_tag",
    "newTag",
];
/// Fields that hold the version of the whole file's subject, at the top only.
const TOP_KEYS: [&str; 4] = [
    "appVersion",
    "app_version",
    "releaseVersion",
    "release_version",
];
/// Keys above values that name no component.
const LAYERS: [&str; 8] = [
    "global",
    "values",
    "valuesObject",
    "helm",
    "source",
    "sources",
    "spec",
    "template",
];
/// What names the entries of lists in values.
const NAMING: [&str; 5] = ["name", "id", "key", "env", "cluster"];

/// Reads a values file. `versions`: the file name says that a bare `version` is one.
pub(crate) fn read(collector: &mut Collector, scope: Scope<'_>, root: &Node<'_>, versions: bool) {
    if !root.is_map() {
        return read_below(collector, scope, scope.top, root, "");
    }
    let version_file = scope.of_kind(DeclarationKind::VersionFile);
    for key in TOP_KEYS {
        declare_scalar(collector, version_file, scope.top, root, key);
    }
    // A compose file or a CI pipeline has a `version` of its own format.
    let other_format = [
        "services",
        "jobs",
        "tasks",
        "dependencies",
        "lockfileVersion",
        "openapi",
    ]
    .iter()
    .any(|key| root.get(key).is_some());
    if versions && !other_format && root.text_at("version").is_some_and(looks_like_version) {
        declare_scalar(collector, version_file, scope.top, root, "version");
    }
    read_map(collector, scope, scope.top, root, "");
}

/// Reads a map whose scalars under the keys `done` are read already.
pub(crate) fn read_without(
    collector: &mut Collector,
    scope: Scope<'_>,
    root: &Node<'_>,
    done: &[&str],
) {
    let known = collector.facts.declarations.len();
    let spans: Vec<_> = done
        .iter()
        .filter_map(|key| root.get(key))
        .map(|node| node.span.clone())
        .collect();
    read_map(collector, scope, scope.top, root, "");
    let mut added = collector.facts.declarations.split_off(known);
    added.retain(|declaration| !declaration.fields.iter().any(|f| spans.contains(&f.span)));
    collector.facts.declarations.append(&mut added);
}

/// Reads the values inside another document, such as `spec.values` of a HelmRelease.
pub(crate) fn read_inside(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    values: &Node<'_>,
) {
    read_below(collector, scope, path, values, "");
}

/// The same for the map under `key` of `path`, where the key itself says something (`image`).
pub(crate) fn read_keyed(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    key: &str,
    values: &Node<'_>,
) {
    read_below(collector, scope, &path.key(key), values, key);
}

fn declare_scalar(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    map: &Node<'_>,
    key: &str,
) {
    if let Some(field) = field_at(Role::Tag, path, map, key) {
        collector.declare(scope, field.path.clone(), "", vec![field]);
    }
}

fn read_below(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    node: &Node<'_>,
    parent: &str,
) {
    match &node.kind {
        NodeKind::Map { .. } => read_map(collector, scope, path, node, parent),
        NodeKind::Seq { items, .. } => {
            for (item, step) in items.iter().zip(entry_steps(items, &NAMING)) {
                if matches!(item.kind, NodeKind::Map { .. } | NodeKind::Seq { .. }) {
                    let path = path.then(step);
                    read_below(collector, scope, &path, item, parent);
                }
            }
        }
        _ => {}
    }
}

fn read_map(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    map: &Node<'_>,
    parent: &str,
) {
    let own = own_image(path, map, parent);
    let own_tag = own
        .iter()
        .find(|f| f.role == Role::Tag)
        .map(|f| f.span.clone());
    if !own.is_empty() {
        let name = own
            .iter()
            .find(|f| f.role == Role::Name)
            .map(|f| f.value.clone());
        let subject = name.unwrap_or_else(|| component(path).to_owned());
        collector.declare(scope, path.clone(), &subject, own);
    }
    for (key, value) in map.entries() {
        let Some(name) = key.text() else {
            continue;
        };
        if !matches!(value.kind, NodeKind::Scalar { .. }) {
            // Paths are only worth building where something is nested.
            read_below(collector, scope, &path.key(name), value, name);
            continue;
        }
        if own_tag.as_ref() == Some(&value.span) {
            continue;
        }
        if is_image_key(name) {
            read_image(collector, scope, path, name, value);
        } else if TAG_KEYS.contains(&name)
            || name == "tag" && value.text().is_some_and(looks_like_version)
        {
            let subject = component(path).to_owned();
            if let Some(field) = field(Role::Tag, path.key(name), value) {
                collector.declare(scope, field.path.clone(), &subject, vec![field]);
            }
        }
    }
}

/// The fields of a map that is itself an image: it stands under an image key, or has a repository.
fn own_image(path: &FieldPath, map: &Node<'_>, parent: &str) -> Vec<VersionField> {
    let under_image = is_image_key(parent);
    // `image: name` beside `tag: v1` is the flat form of the same thing.
    let flat = map
        .text_at("image")
        .and_then(ImageReference::parse)
        .is_some_and(|i| !i.is_pinned());
    if !under_image && !flat && map.get("repository").is_none() {
        return Vec::new();
    }
    let mut fields = Vec::new();
    let name = ["repository", "image", "name", "repo"]
        .into_iter()
        .filter(|key| under_image || *key == "repository" || flat && *key == "image")
        .find_map(|key| field_at(Role::Name, path, map, key));
    let mut tags = vec!["tag"];
    if flat {
        tags.extend(TAG_KEYS);
    }
    if under_image {
        tags.push("version");
    }
    let tag = tags
        .into_iter()
        .find_map(|key| field_at(Role::Tag, path, map, key));
    let digest = ["digest", "sha"]
        .into_iter()
        .find_map(|key| field_at(Role::Digest, path, map, key));
    if tag.is_none() && digest.is_none() {
        return Vec::new();
    }
    fields.extend(field_at(Role::Other, path, map, "registry"));
    fields.extend(name);
    fields.extend(tag);
    fields.extend(digest);
    fields
}

fn read_image(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    key: &str,
    value: &Node<'_>,
) {
    let Some(field) = field(Role::Image, path.key(key), value) else {
        return;
    };
    if let Some(image) = ImageReference::parse(&field.value).filter(ImageReference::is_pinned) {
        let subject = image.name.to_owned();
        collector.declare(scope, field.path.clone(), &subject, vec![field]);
    }
}

fn is_image_key(key: &str) -> bool {
    key == "image" || key.ends_with("Image") || key.ends_with("_image") || key.ends_with("-image")
}

/// The nearest key above that names a component, for a subject when no repository is written.
fn component(path: &FieldPath) -> &str {
    path.steps()
        .iter()
        .rev()
        .find_map(|step| match step {
            Step::Key(key) if !is_image_key(key) && !LAYERS.contains(&key.as_str()) => {
                Some(key.as_str())
            }
            Step::Entry { value, .. } => Some(value.as_str()),
            _ => None,
        })
        .unwrap_or_default()
}
