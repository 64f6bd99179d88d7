//! An Application as it is seen, for tests.

use jiff::Timestamp;
use ripcord_connect::workloads::Seen;
use ripcord_domain::live::application::{AppName, Application, ObjectKey};
use ripcord_domain::live::image::{Aim, Mark, Verdict};
use ripcord_domain::live::route::{Situation, Windows, WorkloadSeen};
use ripcord_domain::live::workload::{Kind, Pod, Replacement, Revision, Workload};

use crate::observe::{Observed, Watched};

fn key() -> ObjectKey {
    ObjectKey {
        group: "apps".into(),
        version: "v1".into(),
        kind: "Deployment".into(),
        namespace: "pay".into(),
        name: "pay".into(),
    }
}

fn mark(tag: &str) -> Mark {
    Mark {
        name: None,
        tag: Some(tag.to_owned()),
        digest: None,
    }
}

/// An earlier template with one image.
pub(super) fn revision(number: i64, image: &str) -> Revision {
    Revision {
        number,
        name: format!("pay-{number}"),
        hash: number.to_string(),
        images: vec![image.to_owned()],
        template: serde_json::Value::Null,
    }
}

/// A pod that was ready after two seconds.
pub(super) fn pod(image: &str, digest: Option<&str>) -> Pod {
    let pulled = digest.map(|digest| (image.to_owned(), digest.to_owned()));
    Pod {
        name: "pay-1".into(),
        uid: "1".into(),
        images: vec![image.to_owned()],
        pulled: pulled.into_iter().collect(),
        is_ready: true,
        is_going: false,
        is_over: false,
        template: None,
        trouble: None,
        made: "2026-11-27T17:00:00Z".parse().ok(),
        ready_since: "2026-11-27T17:00:02Z".parse().ok(),
    }
}

/// An Application under auto-sync with one Deployment that runs an image, and no earlier template; v2 is to go
/// back to v1.
pub(super) fn observed(image: &str) -> Observed {
    let aim = Aim {
        good: vec![mark("v1")],
        bad: vec![mark("v2")],
        ran: Vec::new(),
    };
    let runs: Verdict = aim.of([image]);
    let workload = Workload {
        key: key(),
        kind: Kind::Deployment,
        uid: "u".into(),
        generation: 1,
        observed: 1,
        wanted: 1,
        replicas: 1,
        updated: 1,
        available: 1,
        terminating: None,
        is_paused: false,
        images: vec![image.to_owned()],
        selector: String::new(),
        template: None,
        replacement: Replacement::default(),
        rollout: None,
        changed_by: None,
    };
    Observed {
        app: Application {
            name: AppName {
                namespace: "argocd".into(),
                name: "pay".into(),
            },
            ..Application::default()
        },
        aim,
        situation: Situation {
            syncs_itself: true,
            rolling_sync: false,
            is_busy: false,
            images_tell: true,
            windows: Windows::Open,
            windows_last: false,
            no_window: None,
            no_state_hold: None,
            good_commit: None,
            git_is_away: None,
            workloads: vec![WorkloadSeen {
                key: key(),
                kind: Kind::Deployment,
                runs,
                good_revision: None,
                templates_unread: None,
                is_paused: false,
                rollout: None,
                waits_for_broken_pods: false,
            }],
        },
        workloads: vec![Watched {
            seen: Seen {
                workload,
                pods: vec![pod(image, None)],
            },
            revisions: Vec::new(),
            unread: None,
        }],
        project: AppName {
            namespace: "argocd".into(),
            name: "default".into(),
        },
        settings_from: None,
        at: Timestamp::UNIX_EPOCH,
        holds: Vec::new(),
    }
}
