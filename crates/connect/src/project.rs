//! A project of Argo CD: its sync windows, and the one by which a recovery holds.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ripcord_domain::live::application::{AppName, ObjectKey};
use ripcord_domain::live::windows::{HOLD, Window};
use serde_json::{Value, json};

use crate::access::{self, Permission};
use crate::cluster::{Cluster, Patch, path_of};
use crate::error::ConnectError;
use crate::read::{self, Project};

fn path(namespace: &str, name: &str) -> String {
    path_of(&ObjectKey {
        group: "argoproj.io".into(),
        version: "v1alpha1".into(),
        kind: "AppProject".into(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

/// A project as it is now.
///
/// # Errors
/// There is none; the cluster does not answer or allow it.
pub async fn project(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Project, ConnectError> {
    Ok(read::project(&object(cluster, namespace, name).await?))
}

async fn object(cluster: &Cluster, namespace: &str, name: &str) -> Result<Value, ConnectError> {
    if let Some(server) = cluster.server() {
        return server.project(name).await;
    }
    let what = format!("AppProject {name}");
    cluster.get(&what, &path(namespace, name)).await
}

/// Whether whoever asks may change a project.
///
/// # Errors
/// The cluster does not answer.
pub async fn may_change(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<bool, ConnectError> {
    if let Some(server) = cluster.server() {
        return server.may("projects", "update", name).await;
    }
    let permission = Permission {
        verb: "patch",
        group: "argoproj.io",
        resource: "appprojects",
        namespace: namespace.to_owned(),
    };
    access::is_allowed(cluster, &permission).await
}

/// Writes other windows into a project, on the condition that nobody else wrote it meanwhile.
async fn write_windows(
    cluster: &Cluster,
    what: &str,
    project: &Value,
    windows: Vec<Value>,
) -> Result<(), ConnectError> {
    // A project that names no windows stays one.
    let windows = if windows.is_empty() {
        Value::Null
    } else {
        Value::Array(windows)
    };
    if let Some(server) = cluster.server() {
        let mut project = project.clone();
        project["spec"]["syncWindows"] = windows;
        return server.write_project(&project).await;
    }
    let meta = &project["metadata"];
    let version = &meta["resourceVersion"];
    let path = path(&read::text(&meta["namespace"]), &read::text(&meta["name"]));
    let mut write =
        vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})];
    if windows.is_null() {
        write.push(json!({"op": "remove", "path": "/spec/syncWindows"}));
    } else {
        write.push(json!({"op": "add", "path": "/spec/syncWindows", "value": windows}));
    }
    cluster
        .patch(what, &path, Patch::Json, &Value::Array(write))
        .await
        .map(drop)
}

/// How many minutes before now a hold's window opens. Argo CD goes by its own clock: in a window that opens
/// now by a clock that is ahead of it nothing would be held yet.
const OPENS_BEFORE: i64 = 10;

/// The window by which one Application is held, from `now` for a while: it opened before now and ends by
/// itself, should nobody be left to take it away.
pub fn hold(app: &AppName, recovery: &str, now: Timestamp, minutes: i64) -> Window {
    let start = now
        .checked_sub(SignedDuration::from_mins(OPENS_BEFORE))
        .unwrap_or(now)
        .to_zoned(TimeZone::UTC);
    let minutes = minutes.saturating_add(OPENS_BEFORE);
    Window {
        kind: "deny".into(),
        schedule: format!(
            "{} {} {} {} *",
            start.minute(),
            start.hour(),
            start.day(),
            start.month()
        ),
        duration: format!("{minutes}m"),
        time_zone: "UTC".into(),
        applications: vec![app.name.clone()],
        namespaces: Vec::new(),
        clusters: Vec::new(),
        must_fit_all: false,
        manual_sync: true,
        description: format!("{HOLD}{recovery}"),
    }
}

/// When a hold was taken whose window opened then, to the minute.
pub fn taken(opened: Timestamp) -> Timestamp {
    let after = SignedDuration::from_mins(OPENS_BEFORE);
    opened.checked_add(after).unwrap_or(opened)
}

/// When a hold's window ends by itself.
pub fn ends(now: Timestamp, minutes: i64) -> Timestamp {
    let start = now.as_second() - now.as_second().rem_euclid(60);
    let start = Timestamp::from_second(start).unwrap_or(now);
    start
        .checked_add(SignedDuration::from_mins(minutes))
        .unwrap_or(start)
}

fn written(window: &Window) -> Value {
    json!({
        "kind": window.kind,
        "schedule": window.schedule,
        "duration": window.duration,
        "timeZone": window.time_zone,
        "applications": window.applications,
        "manualSync": window.manual_sync,
        "description": window.description,
    })
}

/// Whether a window is the one of a hold. Releases of Argo CD that know no descriptions drop them.
fn is_of(window: &Window, hold: &Window) -> bool {
    window.kind == hold.kind
        && window.schedule == hold.schedule
        && window.duration == hold.duration
        && window.applications == hold.applications
        && (window.description.is_empty() || window.description == hold.description)
}

/// Whether a hold stands.
pub fn has(project: &Project, hold: &Window) -> bool {
    let windows = project.windows.iter().flatten();
    windows.clone().any(|window| is_of(window, hold))
}

/// Adds the window of a hold, if it is not there.
///
/// # Errors
/// Not allowed; a conflict where the project changed meanwhile.
pub async fn add(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    hold: &Window,
) -> Result<(), ConnectError> {
    let found = object(cluster, namespace, name).await?;
    if has(&read::project(&found), hold) {
        return Ok(());
    }
    let mut windows = written_in(&found);
    windows.push(written(hold));
    let what = format!("a window of AppProject {name}");
    write_windows(cluster, &what, &found, windows).await
}

/// The windows as the project has them: fields that are not known here are kept.
fn written_in(project: &Value) -> Vec<Value> {
    read::items(&project["spec"]["syncWindows"])
        .cloned()
        .collect()
}

/// Takes the window of a hold away, if it is there; others stay as they are.
///
/// # Errors
/// Not allowed; a conflict where the project changed meanwhile.
pub async fn remove(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    hold: &Window,
) -> Result<(), ConnectError> {
    let found = object(cluster, namespace, name).await?;
    let seen = read::project(&found);
    let known = seen.windows.as_deref().unwrap_or_default();
    let Some(at) = known.iter().position(|window| is_of(window, hold)) else {
        return Ok(());
    };
    let mut windows = written_in(&found);
    windows.remove(at);
    let what = format!("the windows of AppProject {name}");
    write_windows(cluster, &what, &found, windows).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_stands_by_clocks_that_differ_and_ends_by_itself() {
        let now: Timestamp = "2026-11-27T17:15:42Z".parse().unwrap();
        let app = AppName {
            namespace: "argocd".into(),
            name: "pay".into(),
        };
        let window = hold(&app, "r-1", now, 30);
        assert_eq!(window.schedule, "5 17 27 11 *");
        assert_eq!(window.duration, "40m");
        assert_eq!(window.applications, ["pay"]);
        assert!(window.manual_sync);
        assert_eq!(ends(now, 30).to_string(), "2026-11-27T17:45:00Z");
    }

    #[test]
    fn a_window_of_somebody_else_is_not_ours() {
        let now: Timestamp = "2026-11-27T17:15:42Z".parse().unwrap();
        let app = AppName::default();
        let ours = hold(&app, "r-1", now, 30);
        let theirs = Window {
            description: "freeze".into(),
            ..ours.clone()
        };
        let project = Project {
            windows: Some(vec![theirs]),
            ..Project::default()
        };
        assert!(!has(&project, &ours));
    }
}
