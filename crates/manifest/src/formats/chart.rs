//! `Chart.yaml` (<https://helm.sh/docs/topics/charts/#the-chartyaml-file>).

use crate::collect::{Collector, Scope, entry_steps, field_at};
use crate::facts::{DeclarationKind, Role};
use crate::yaml::Node;

/// Reads the dependencies and the application version of a chart.
pub(crate) fn read(collector: &mut Collector, scope: Scope<'_>, root: &Node<'_>) {
    let scope = scope.of_kind(DeclarationKind::ChartAppVersion);
    if let Some(field) = field_at(Role::Tag, scope.top, root, "appVersion") {
        let subject = root.text_at("name").unwrap_or_default();
        collector.declare(scope, field.path.clone(), subject, vec![field]);
    }
    let scope = scope.of_kind(DeclarationKind::ChartDependency);
    let items = root.get("dependencies").map_or(&[][..], Node::items);
    for (dependency, step) in items.iter().zip(entry_steps(items, &["alias", "name"])) {
        // A chart may depend on another one twice under two aliases.
        let owner = scope.top.key("dependencies").then(step);
        let fields = field_at(Role::Revision, &owner, dependency, "version")
            .into_iter()
            .collect();
        collector.declare(
            scope,
            owner,
            dependency.text_at("name").unwrap_or_default(),
            fields,
        );
    }
}
