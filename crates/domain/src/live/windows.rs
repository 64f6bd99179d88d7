//! Sync windows of a project: what they allow at a moment
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/sync_windows/>).

use std::str::FromStr as _;

use cronexpr::Crontab;
use jiff::{SignedDuration, Timestamp};

use crate::live::application::Application;
use crate::live::glob::fits;
use crate::live::route::Windows;

/// What the description of a hold's window begins with; the recovery's name follows.
pub const HOLD: &str = "ripcord ";

/// A window as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// `allow` or `deny`.
    pub kind: String,
    /// When it opens, as cron says it.
    pub schedule: String,
    /// For how long, as Go says it.
    pub duration: String,
    /// The zone of the schedule; empty is UTC.
    pub time_zone: String,
    /// Names of Applications, with `*`.
    pub applications: Vec<String>,
    /// Names of namespaces.
    pub namespaces: Vec<String>,
    /// Names or addresses of clusters.
    pub clusters: Vec<String>,
    /// All that is named must fit; else one of it.
    pub must_fit_all: bool,
    /// People may sync all the same.
    pub manual_sync: bool,
    /// What it is for.
    pub description: String,
}

impl Window {
    /// Whether it is open at a moment; none where it cannot be read.
    pub fn is_active(&self, now: Timestamp) -> Option<bool> {
        let (from, _) = self.opening(now)?;
        Some(from < now)
    }

    /// From when until when it is open, if it is at a moment.
    pub fn open_at(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.opening(now).filter(|(from, _)| *from < now)
    }

    /// The first opening that is not over at a moment, and its end.
    fn opening(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let zone = if self.time_zone.is_empty() {
            "UTC"
        } else {
            &self.time_zone
        };
        let schedule = Crontab::from_str(&format!("{} {zone}", self.schedule)).ok()?;
        let duration: SignedDuration = self.duration.parse().ok()?;
        // The last opening lies within its length before now, as Argo CD computes it.
        let next = schedule.find_next(now.checked_sub(duration).ok()?).ok()?;
        let from = next.timestamp();
        Some((from, from.checked_add(duration).ok()?))
    }

    /// Whether it is a hold of a recovery, this one's or another's.
    pub fn is_hold(&self) -> bool {
        self.held_by().is_some()
    }

    /// The name of the recovery that holds by it, if it is a hold.
    pub fn held_by(&self) -> Option<&str> {
        self.description.strip_prefix(HOLD)
    }

    /// Whether it is about an Application.
    pub fn is_about(&self, app: &Application) -> bool {
        let to = &app.destination;
        let parts = [
            (&self.applications, vec![app.name.name.as_str()]),
            (&self.namespaces, vec![to.namespace.as_str()]),
            (&self.clusters, vec![to.name.as_str(), to.server.as_str()]),
        ];
        let mut named = parts.iter().filter(|(globs, _)| !globs.is_empty());
        let fits = |(globs, names): &(&Vec<String>, Vec<&str>)| {
            globs
                .iter()
                .any(|glob| names.iter().any(|name| fits(glob, name)))
        };
        if self.must_fit_all {
            let mut any = false;
            named.all(|part| {
                any = true;
                fits(part)
            }) && any
        } else {
            named.any(fits)
        }
    }
}

/// What windows allow for an Application at a moment. One that cannot be read counts as open to all, as
/// Argo CD complains of it elsewhere.
pub fn allowed(windows: &[Window], app: &Application, now: Timestamp) -> Windows {
    let about: Vec<(&Window, bool)> = windows
        .iter()
        .filter(|window| window.is_about(app))
        .filter_map(|window| Some((window, window.is_active(now)?)))
        .collect();
    let of = |kind: &str, active: bool| {
        about
            .iter()
            .filter(|(window, is_active)| window.kind == kind && *is_active == active)
            .map(|(window, _)| *window)
            .collect::<Vec<_>>()
    };
    let closed_by = |windows: &[&Window]| {
        if windows.iter().all(|window| window.manual_sync) {
            Windows::OnlyManual
        } else {
            Windows::Closed
        }
    };
    let denies = of("deny", true);
    if !denies.is_empty() {
        return closed_by(&denies);
    }
    if !of("allow", true).is_empty() {
        return Windows::Open;
    }
    let shut = of("allow", false);
    if shut.is_empty() {
        Windows::Open
    } else {
        closed_by(&shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::application::{AppName, Destination};

    fn app() -> Application {
        Application {
            name: AppName {
                namespace: "argocd".into(),
                name: "pay-production".into(),
            },
            destination: Destination {
                server: "https://kubernetes.default.svc".into(),
                name: String::new(),
                namespace: "pay".into(),
            },
            ..Application::default()
        }
    }

    fn window(kind: &str, schedule: &str, manual_sync: bool) -> Window {
        Window {
            kind: kind.into(),
            schedule: schedule.into(),
            duration: "1h".into(),
            applications: vec!["pay-*".into()],
            manual_sync,
            ..Window::default()
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_is_open_for_its_length() {
        let window = window("deny", "0 17 * * *", true);
        assert_eq!(window.is_active(at("2026-11-27T16:59:59Z")), Some(false));
        assert_eq!(window.is_active(at("2026-11-27T17:00:01Z")), Some(true));
        assert_eq!(window.is_active(at("2026-11-27T17:59:59Z")), Some(true));
        assert_eq!(window.is_active(at("2026-11-27T18:00:01Z")), Some(false));
        let dated = Window {
            schedule: "15 17 27 11 *".into(),
            duration: "30m".into(),
            ..window
        };
        assert_eq!(dated.is_active(at("2026-11-27T17:15:01Z")), Some(true));
        assert_eq!(dated.is_active(at("2026-11-28T17:15:01Z")), Some(false));
    }

    #[test]
    fn a_zone_moves_a_window() {
        let berlin = Window {
            time_zone: "Europe/Berlin".into(),
            ..window("deny", "0 18 * * *", true)
        };
        assert_eq!(berlin.is_active(at("2026-11-27T17:30:00Z")), Some(true));
    }

    #[test]
    fn people_pass_only_when_every_active_deny_lets_them() {
        let now = at("2026-11-27T17:30:00Z");
        let (soft, hard) = (
            window("deny", "0 17 * * *", true),
            window("deny", "0 17 * * *", false),
        );
        let of = |windows: &[Window]| allowed(windows, &app(), now);
        assert_eq!(of(&[]), Windows::Open);
        assert_eq!(of(std::slice::from_ref(&soft)), Windows::OnlyManual);
        assert_eq!(of(&[soft, hard]), Windows::Closed);
        let shut = window("allow", "0 3 * * *", false);
        assert_eq!(of(std::slice::from_ref(&shut)), Windows::Closed);
        let open = window("allow", "0 17 * * *", false);
        assert_eq!(of(&[shut, open]), Windows::Open);
    }

    #[test]
    fn a_window_of_others_says_nothing() {
        let now = at("2026-11-27T17:30:00Z");
        let other = Window {
            applications: vec!["cart".into()],
            ..window("deny", "0 17 * * *", false)
        };
        assert_eq!(
            allowed(std::slice::from_ref(&other), &app(), now),
            Windows::Open
        );
        let both = Window {
            namespaces: vec!["pay".into()],
            must_fit_all: true,
            ..other
        };
        assert_eq!(allowed(&[both], &app(), now), Windows::Open);
    }

    #[test]
    fn a_hold_is_known_by_what_it_says_of_itself() {
        let hold = Window {
            description: "ripcord r-abc".into(),
            ..window("deny", "0 17 * * *", true)
        };
        assert!(hold.is_hold());
        assert!(!window("deny", "0 17 * * *", true).is_hold());
    }
}
