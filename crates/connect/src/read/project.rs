//! Projects of Argo CD and their sync windows
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/sync_windows/>).

use ripcord_domain::live::windows::Window;
use serde_json::Value;

use crate::read::{items, managed_by, text, texts};

/// A project, as far as a hold needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Who puts it back to what Git says, if anybody does.
    pub managed_by: Option<String>,
    /// Its windows; none where the project does not name any.
    pub windows: Option<Vec<Window>>,
}

/// What is read of a project.
pub fn project(object: &Value) -> Project {
    let meta = &object["metadata"];
    let windows = &object["spec"]["syncWindows"];
    Project {
        name: text(&meta["name"]),
        namespace: text(&meta["namespace"]),
        managed_by: managed_by(meta),
        windows: windows
            .is_array()
            .then(|| items(windows).map(window).collect()),
    }
}

fn window(window: &Value) -> Window {
    Window {
        kind: text(&window["kind"]),
        schedule: text(&window["schedule"]),
        duration: text(&window["duration"]),
        time_zone: text(&window["timeZone"]),
        applications: texts(&window["applications"]),
        namespaces: texts(&window["namespaces"]),
        clusters: texts(&window["clusters"]),
        must_fit_all: window["andOperator"] == true,
        manual_sync: window["manualSync"] == true,
        description: text(&window["description"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_project_that_an_application_tracks_is_managed() {
        let tracked = json!({"metadata": {"annotations": {
            "argocd.argoproj.io/tracking-id": "parent:argoproj.io/AppProject:argocd/team",
        }}});
        assert_eq!(
            project(&tracked).managed_by.as_deref(),
            Some("Argo CD (parent)")
        );
        assert_eq!(
            project(&json!({"metadata": {"name": "default"}})).managed_by,
            None
        );
    }
}
