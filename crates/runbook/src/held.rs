//! Holds that stand on an Application, whoever took them: as the cluster shows them.

use jiff::Timestamp;
use ripcord_connect::project;
use ripcord_domain::live::application::{AppName, Application};
use ripcord_domain::live::windows::Window;

use crate::holds::MARK;

/// A hold of a recovery, of this machine or of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) application: AppName,
    /// The name of the recovery.
    pub(crate) recovery: String,
    pub(crate) by: By,
    /// Since when, where that is seen.
    pub(crate) since: Option<Timestamp>,
    /// When it ends by itself, or was to be let go; none where that is over or cannot be read.
    pub(crate) until: Option<Timestamp>,
}

/// What holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A window of this project, and which one of them.
    Window { project: String, at: usize },
    /// The state of the last operation.
    Mark,
}

/// The holds among the windows of a project that are about an Application.
pub(crate) fn by_windows(
    app: &Application,
    name: &str,
    windows: &[Window],
    now: Timestamp,
) -> Vec<Held> {
    let ours = windows.iter().enumerate().filter_map(|(at, window)| {
        let recovery = window.held_by().filter(|_| window.is_about(app))?;
        let open = window.open_at(now);
        Some(Held {
            application: app.name.clone(),
            recovery: recovery.to_owned(),
            by: By::Window {
                project: name.to_owned(),
                at,
            },
            since: open.map(|(opened, _)| project::taken(opened)),
            until: open.map(|(_, until)| until),
        })
    });
    ours.collect()
}

/// The hold in the state of the last operation of an Application.
pub(crate) fn by_mark(app: &Application) -> Option<Held> {
    let state = app.operation_state.as_ref().filter(|_| app.is_marked())?;
    let (recovery, rest) = state.message.strip_prefix(MARK)?.split_once(' ')?;
    let until = rest.strip_prefix("until ")?.split(';').next()?;
    Some(Held {
        application: app.name.clone(),
        recovery: recovery.to_owned(),
        by: By::Mark,
        since: None,
        until: until.parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holds::mark_of;
    use ripcord_domain::live::application::OperationState;
    use ripcord_domain::recovery::RecoveryId;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn app() -> Application {
        Application {
            name: AppName {
                namespace: "argocd".into(),
                name: "pay".into(),
            },
            ..Application::default()
        }
    }

    #[test]
    fn a_window_says_who_holds_and_since_when() {
        let taken = at("2026-11-27T17:15:42Z");
        let freeze = Window {
            applications: vec!["*".into()],
            description: "freeze".into(),
            ..Window::default()
        };
        let windows = [freeze, project::hold(&app().name, "r-abc", taken, 30)];
        let held = by_windows(&app(), "team", &windows, at("2026-11-27T17:20:00Z"));
        assert_eq!(held.len(), 1, "{held:?}");
        assert_eq!(held[0].recovery, "r-abc");
        assert_eq!(held[0].since, Some(at("2026-11-27T17:15:00Z")));
        assert_eq!(held[0].until, Some(at("2026-11-27T17:45:00Z")));
        let window = By::Window {
            project: "team".into(),
            at: 1,
        };
        assert_eq!(held[0].by, window);
        let over = by_windows(&app(), "team", &windows, at("2026-11-28T09:00:00Z"));
        assert_eq!((over.len(), over[0].until), (1, None));
        let mut other = app();
        other.name.name = "cart".into();
        assert!(by_windows(&other, "team", &windows, taken).is_empty());
    }

    #[test]
    fn a_mark_says_who_holds_and_until_when() {
        let until = at("2026-11-27T17:45:00Z");
        let mut marked = app();
        marked.operation_state = Some(OperationState {
            phase: "Failed".into(),
            message: mark_of(&RecoveryId::new("r-abc"), until),
            ..OperationState::default()
        });
        let held = by_mark(&marked).unwrap();
        assert_eq!((held.recovery.as_str(), held.by), ("r-abc", By::Mark));
        assert_eq!(held.until, Some(until));
        // Whatever an operation did since has ended it.
        marked.operation_state.as_mut().unwrap().synced = vec!["c".into()];
        assert_eq!(by_mark(&marked), None);
        assert_eq!(by_mark(&app()), None);
    }
}
