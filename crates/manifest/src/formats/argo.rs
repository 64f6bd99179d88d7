//! Argo CD Applications and ApplicationSets
//! (<https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml>,
//! <https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators-List/>).

use crate::collect::{Collector, Scope, entry_steps, field, field_at};
use crate::facts::{Reference, Role, VersionField};
use crate::field_path::{FieldPath, Step};
use crate::formats::version::is_fixed_revision;
use crate::formats::{embedded, values};
use crate::image::{ImageReference, overridden_image};
use crate::yaml::Node;

/// Reads an Application.
pub(crate) fn application(
    collector: &mut Collector,
    scope: Scope<'_>,
    text: &str,
    root: &Node<'_>,
) {
    if let Some(spec) = root.get("spec") {
        read_sources(collector, scope, text, &scope.top.key("spec"), spec);
    }
}

/// Reads an ApplicationSet.
pub(crate) fn application_set(
    collector: &mut Collector,
    scope: Scope<'_>,
    text: &str,
    root: &Node<'_>,
) {
    let Some(spec) = root.get("spec") else {
        return;
    };
    let path = scope.top.key("spec");
    if let Some(generators) = spec.get("generators") {
        read_generators(collector, scope, &path.key("generators"), generators);
    }
    if let Some(spec) = spec.at(&["template", "spec"]) {
        read_sources(
            collector,
            scope,
            text,
            &path.keys(&["template", "spec"]),
            spec,
        );
    }
}

fn read_sources(
    collector: &mut Collector,
    scope: Scope<'_>,
    text: &str,
    path: &FieldPath,
    spec: &Node<'_>,
) {
    if let Some(source) = spec.get("source") {
        read_source(collector, scope, text, &path.key("source"), source);
    }
    let sources = spec.get("sources").map_or(&[][..], Node::items);
    for (source, step) in sources.iter().zip(entry_steps(
        sources,
        &["name", "ref", "chart", "path", "repoURL"],
    )) {
        read_source(
            collector,
            scope,
            text,
            &path.key("sources").then(step),
            source,
        );
    }
}

fn read_source(
    collector: &mut Collector,
    scope: Scope<'_>,
    text: &str,
    path: &FieldPath,
    source: &Node<'_>,
) {
    let chart = field_at(Role::Chart, path, source, "chart");
    let revision = field_at(Role::Revision, path, source, "targetRevision")
        .filter(|field| chart.is_some() || is_fixed_revision(&field.value));
    if let Some(revision) = revision {
        let repository = source.text_at("repoURL").unwrap_or_default();
        let subject = chart
            .as_ref()
            .map_or_else(|| last_segment(repository), |c| &c.value)
            .to_owned();
        collector.declare(
            scope,
            path.clone(),
            &subject,
            chart.into_iter().chain([revision]).collect(),
        );
    }
    if let Some(helm) = source.get("helm") {
        read_helm(collector, scope, text, &path.key("helm"), helm);
    }
    let images = source
        .at(&["kustomize", "images"])
        .map_or(&[][..], Node::items);
    for item in images {
        let Some((name, image)) = item.text().and_then(overridden_image) else {
            continue;
        };
        if image.is_pinned() {
            let step = Step::Entry {
                field: None,
                value: name.to_owned(),
            };
            let owner = path.keys(&["kustomize", "images"]).then(step);
            let fields = field(Role::Image, owner.clone(), item)
                .into_iter()
                .collect();
            collector.declare(scope, owner, name, fields);
        }
    }
}

fn read_helm(
    collector: &mut Collector,
    scope: Scope<'_>,
    text: &str,
    path: &FieldPath,
    helm: &Node<'_>,
) {
    for file in helm.get("valueFiles").map_or(&[][..], Node::items) {
        // `{{…}}` in an ApplicationSet becomes a name only when it is rendered.
        if let Some(file) = file.text().filter(|file| !file.contains("{{")) {
            collector.refer(Reference::HelmValuesFile(file.to_owned()));
        }
    }
    let parameters = helm.get("parameters").map_or(&[][..], Node::items);
    for (parameter, step) in parameters.iter().zip(entry_steps(parameters, &["name"])) {
        let name = parameter.text_at("name").unwrap_or_default();
        let Some(role) = parameter_role(name) else {
            continue;
        };
        let owner = path.key("parameters").then(step);
        let Some(field) = field_at(role, &owner, parameter, "value") else {
            continue;
        };
        let image = ImageReference::parse(&field.value);
        if role != Role::Image || image.is_some_and(|image| image.is_pinned()) {
            collector.declare(scope, owner, name, vec![field]);
        }
    }
    if let Some(values) = helm.get("valuesObject") {
        values::read_inside(collector, scope, &path.key("valuesObject"), values);
    }
    if let Some(values) = helm.get("values") {
        embedded::read_values(collector, scope, text, &path.key("values"), values);
    }
}

/// What a Helm parameter sets, by the last part of its name.
fn parameter_role(name: &str) -> Option<Role> {
    match name.rsplit('.').next().unwrap_or(name) {
        "tag" | "imageTag" | "image_tag" | "imageVersion" => Some(Role::Tag),
        "digest" => Some(Role::Digest),
        "image" => Some(Role::Image),
        _ => None,
    }
}

fn read_generators(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    generators: &Node<'_>,
) {
    for (index, generator) in generators.items().iter().enumerate() {
        let path = path.then(Step::Index(index));
        if let Some(elements) = generator.at(&["list", "elements"]) {
            read_elements(
                collector,
                scope,
                &path.keys(&["list", "elements"]),
                elements,
            );
        }
        for file in generator.at(&["git", "files"]).map_or(&[][..], Node::items) {
            if let Some(file) = file.text_at("path") {
                collector.refer(Reference::GeneratorFile(file.to_owned()));
            }
        }
        // Both combine the elements of other generators; Argo CD allows two levels.
        for combined in ["matrix", "merge"] {
            if let Some(inner) = generator.at(&[combined, "generators"]) {
                let path = path.keys(&[combined, "generators"]);
                read_generators(collector, scope, &path, inner);
            }
        }
    }
}

fn read_elements(
    collector: &mut Collector,
    scope: Scope<'_>,
    path: &FieldPath,
    elements: &Node<'_>,
) {
    let naming = [
        "cluster",
        "env",
        "environment",
        "name",
        "app",
        "service",
        "namespace",
        "url",
    ];
    let items = elements.items();
    for (element, step) in items.iter().zip(entry_steps(items, &naming)) {
        let owner = path.then(step);
        let fields: Vec<VersionField> = element
            .entries()
            .iter()
            .filter_map(|(k, v)| element_field(&owner, k.text()?, v))
            .collect();
        let subject = ["service", "app", "name"]
            .into_iter()
            .find_map(|key| element.text_at(key))
            .unwrap_or_default();
        collector.declare(scope, owner.clone(), subject, fields);
        for key in ["image", "values", "helm"] {
            if let Some(inner) = element.get(key).filter(|inner| inner.is_map()) {
                values::read_keyed(collector, scope, &owner, key, inner);
            }
        }
    }
}

/// A version field of a list element, by its key.
fn element_field(owner: &FieldPath, key: &str, value: &Node<'_>) -> Option<VersionField> {
    let role = match key {
        "tag" | "imageTag" | "image_tag" | "version" | "imageVersion" | "image_version"
        | "appVersion" | "app_version" => Role::Tag,
        "image" => Role::Image,
        "digest" | "imageDigest" => Role::Digest,
        "revision" | "targetRevision" | "chartVersion" | "chart_version" | "helmVersion" => {
            Role::Revision
        }
        _ => return None,
    };
    let field = field(role, owner.key(key), value)?;
    let fixed = match key {
        "revision" | "targetRevision" => is_fixed_revision(&field.value),
        "image" => ImageReference::parse(&field.value).is_some_and(|image| image.is_pinned()),
        _ => true,
    };
    fixed.then_some(field)
}

fn last_segment(url: &str) -> &str {
    let trimmed = url.trim_end_matches('/');
    let name = trimmed.rsplit(['/', ':']).next().unwrap_or(trimmed);
    name.strip_suffix(".git").unwrap_or(name)
}
