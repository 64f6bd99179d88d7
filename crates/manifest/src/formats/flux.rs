//! Flux HelmReleases and sources (<https://fluxcd.io/flux/components/helm/helmreleases/>,
//! <https://fluxcd.io/flux/components/source/>).

use crate::collect::{Collector, Scope, field_at};
use crate::facts::{DeclarationKind, Reference, Role};
use crate::formats::values;
use crate::yaml::Node;

/// Reads chart version and values of a HelmRelease.
pub(crate) fn helm_release(collector: &mut Collector, scope: Scope<'_>, root: &Node<'_>) {
    let scope = scope.of_kind(DeclarationKind::FluxHelmRelease);
    let keys = ["spec", "chart", "spec"];
    if let Some(chart) = root.at(&keys) {
        let owner = scope.top.keys(&keys);
        let fields = [(Role::Chart, "chart"), (Role::Revision, "version")];
        let fields = fields
            .iter()
            .filter_map(|(role, key)| field_at(*role, &owner, chart, key));
        let fields = fields.collect();
        collector.declare(
            scope,
            owner,
            chart.text_at("chart").unwrap_or_default(),
            fields,
        );
        for file in chart.get("valuesFiles").map_or(&[][..], Node::items) {
            if let Some(file) = file.text() {
                collector.refer(Reference::HelmValuesFile(file.to_owned()));
            }
        }
    }
    if let Some(values) = root.at(&["spec", "values"]) {
        values::read_inside(
            collector,
            scope,
            &scope.top.keys(&["spec", "values"]),
            values,
        );
    }
}

/// Reads the reference of a source: what its `ref` fixes. A branch fixes nothing.
pub(crate) fn source(collector: &mut Collector, scope: Scope<'_>, kind: &str, root: &Node<'_>) {
    let scope = scope.of_kind(DeclarationKind::FluxSource);
    let Some(spec) = root.get("spec") else {
        return;
    };
    if kind == "HelmChart" {
        let owner = scope.top.key("spec");
        let fields = [(Role::Chart, "chart"), (Role::Revision, "version")];
        let fields = fields
            .iter()
            .filter_map(|(role, key)| field_at(*role, &owner, spec, key));
        let fields = fields.collect();
        collector.declare(
            scope,
            owner,
            spec.text_at("chart").unwrap_or_default(),
            fields,
        );
        return;
    }
    let Some(reference) = spec.get("ref") else {
        return;
    };
    let owner = scope.top.keys(&["spec", "ref"]);
    let fields = [
        (Role::Tag, "tag"),
        (Role::Revision, "semver"),
        (Role::Digest, "digest"),
        (Role::Revision, "commit"),
    ];
    let fields = fields
        .iter()
        .filter_map(|(role, key)| field_at(*role, &owner, reference, key));
    let fields = fields.collect();
    let url = spec.text_at("url").unwrap_or_default();
    let name = url.strip_prefix("oci://").unwrap_or(url);
    collector.declare(scope, owner, name, fields);
}
