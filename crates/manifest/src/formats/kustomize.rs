//! Kustomize: `images` and the files a kustomization is made of
//! (<https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>).

use crate::collect::{Collector, Scope, entry_steps, field_at};
use crate::facts::{DeclarationKind, Reference, Role, VersionField};
use crate::field_path::FieldPath;
use crate::yaml::Node;

/// Reads a kustomization or a component.
pub(crate) fn read(collector: &mut Collector, scope: Scope<'_>, root: &Node<'_>) {
    let images = scope.of_kind(DeclarationKind::KustomizeImage);
    read_images(
        collector,
        images,
        &scope.top.key("images"),
        root.get("images"),
    );
    read_helm_charts(
        collector,
        scope.of_kind(DeclarationKind::ChartDependency),
        root,
    );
    for (key, make) in [
        (
            "resources",
            Reference::KustomizeResource as fn(String) -> Reference,
        ),
        ("bases", Reference::KustomizeBase),
        ("components", Reference::KustomizeComponent),
        ("generators", Reference::KustomizeResource),
        ("transformers", Reference::KustomizeResource),
        ("crds", Reference::KustomizeResource),
        ("patchesStrategicMerge", Reference::Patch),
    ] {
        for item in root.get(key).map_or(&[][..], Node::items) {
            refer(collector, item.text(), make);
        }
    }
    for key in ["patches", "patchesJson6902", "replacements"] {
        for item in root.get(key).map_or(&[][..], Node::items) {
            refer(collector, item.text_at("path"), Reference::Patch);
        }
    }
    for key in ["configMapGenerator", "secretGenerator"] {
        for generator in root.get(key).map_or(&[][..], Node::items) {
            for list in ["files", "envs"] {
                for item in generator.get(list).map_or(&[][..], Node::items) {
                    // `files` entries may be `key=path`.
                    let path = item
                        .text()
                        .map(|t| t.split_once('=').map_or(t, |(_, path)| path));
                    refer(collector, path, Reference::GeneratorFile);
                }
            }
            refer(
                collector,
                generator.text_at("env"),
                Reference::GeneratorFile,
            );
        }
    }
}

/// Reads `spec.images` of a Flux Kustomization
/// (<https://fluxcd.io/flux/components/kustomize/kustomizations/#images>).
pub(crate) fn flux_images(collector: &mut Collector, scope: Scope<'_>, root: &Node<'_>) {
    let scope = scope.of_kind(DeclarationKind::FluxKustomization);
    let path = scope.top.keys(&["spec", "images"]);
    read_images(collector, scope, &path, root.at(&["spec", "images"]));
}

fn read_images(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    images: Option<&Node<'_>>,
) {
    let items = images.map_or(&[][..], Node::items);
    for (image, step) in items.iter().zip(entry_steps(items, &["name"])) {
        let owner = path.then(step);
        let fields: Vec<VersionField> = [
            (Role::Name, "newName"),
            (Role::Tag, "newTag"),
            (Role::Digest, "digest"),
        ]
        .into_iter()
        .filter_map(|(role, key)| field_at(role, &owner, image, key))
        .collect();
        let subject = image.text_at("name").unwrap_or_default();
        collector.declare(scope, owner, subject, fields);
    }
}

/// `helmCharts` inflate a chart at a version
/// (<https://kubectl.docs.kubernetes.io/references/kustomize/builtins/#_helmchartinflationgenerator_>).
fn read_helm_charts(collector: &mut Collector, scope: Scope<'_>, root: &Node<'_>) {
    let items = root.get("helmCharts").map_or(&[][..], Node::items);
    for (chart, step) in items
        .iter()
        .zip(entry_steps(items, &["releaseName", "name"]))
    {
        let owner = scope.top.key("helmCharts").then(step);
        let fields = field_at(Role::Revision, &owner, chart, "version")
            .into_iter()
            .collect();
        collector.declare(
            scope,
            owner,
            chart.text_at("name").unwrap_or_default(),
            fields,
        );
        refer(
            collector,
            chart.text_at("valuesFile"),
            Reference::HelmValuesFile,
        );
        for file in chart
            .get("additionalValuesFiles")
            .map_or(&[][..], Node::items)
        {
            refer(collector, file.text(), Reference::HelmValuesFile);
        }
    }
}

/// Notes a path; inline patches and remote resources are no files of this repository.
fn refer(collector: &mut Collector, path: Option<&str>, make: fn(String) -> Reference) {
    let Some(path) = path.map(str::trim) else {
        return;
    };
    // An inline patch of one line is a map in JSON or YAML.
    let inline = path.contains(['\n', '{']) || path.contains(": ");
    let remote = path.contains("://") || path.contains("?ref=") || path.starts_with("git@");
    if !path.is_empty() && !inline && !remote {
        collector.refer(make(path.to_owned()));
    }
}
