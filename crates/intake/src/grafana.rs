//! What is particular to Grafana's webhook: Alertmanager's, with an organization and version 1.

use serde_json::Value;

use crate::wording;

/// Whether a body is Grafana's.
pub(crate) fn is_its(body: &Value) -> bool {
    let version = body.get("version").and_then(Value::as_str);
    body.get("orgId").is_some() || version == Some("1")
}

/// Where a person sees more of an alert: the panel, else the dashboard, else the rule.
pub(crate) fn link(alert: &Value) -> Option<String> {
    ["/panelURL", "/dashboardURL", "/generatorURL"]
        .into_iter()
        .find_map(|pointer| wording::link(alert, pointer))
}
