//! The decision as a table: what differs from the usual case, and what comes of it.

use super::*;

fn key(kind: &str) -> ObjectKey {
    ObjectKey {
        group: "apps".into(),
        version: "v1".into(),
        kind: kind.into(),
        namespace: "pay".into(),
        name: "pay".into(),
    }
}

fn deployment() -> WorkloadSeen {
    WorkloadSeen {
        key: key("Deployment"),
        kind: Kind::Deployment,
        runs: Verdict::Bad,
        good_revision: Some(7),
        templates_unread: None,
        is_paused: false,
        rollout: None,
        waits_for_broken_pods: false,
    }
}

fn rollout(seen: RolloutSeen) -> WorkloadSeen {
    WorkloadSeen {
        key: key("Rollout"),
        kind: Kind::Rollout,
        rollout: Some(seen),
        ..deployment()
    }
}

const MID_CANARY: RolloutSeen = RolloutSeen {
    is_under_way: true,
    is_aborted: false,
    stable: Verdict::Good,
    window_covers: false,
    borrows_template: false,
};

const PROMOTED: RolloutSeen = RolloutSeen {
    is_under_way: false,
    stable: Verdict::Bad,
    ..MID_CANARY
};

/// Auto-sync, nothing runs, everything may be done.
fn usual() -> Situation {
    Situation {
        syncs_itself: true,
        rolling_sync: false,
        is_busy: false,
        images_tell: true,
        windows: Windows::Open,
        windows_last: true,
        no_window: None,
        no_state_hold: None,
        good_commit: Some("0123456789abcdef".into()),
        git_is_away: None,
        workloads: vec![deployment()],
    }
}

/// A route in one line: terminate? hold, live, push?, operate?
fn line(wishes: Wishes, seen: &Situation) -> String {
    let route = choose(wishes, seen);
    let mut words = Vec::new();
    if route.terminate {
        words.push("terminate".to_owned());
    }
    match route.hold {
        Hold::NotNeeded => {}
        hold => words.push(format!("hold:{hold:?}").to_lowercase()),
    }
    for change in &route.live {
        words.push(match change {
            Live::Abort { .. } => "abort".to_owned(),
            Live::Undo { revision, .. } => format!("undo:{revision}"),
            Live::SyncOld { .. } => "old".to_owned(),
        });
    }
    if route.push {
        words.push("push".to_owned());
    }
    if route.operate {
        words.push("operate".to_owned());
    }
    if !route.promote.is_empty() {
        words.push("promote".to_owned());
    }
    if !route.unstick.is_empty() {
        words.push("unstick".to_owned());
    }
    assert!(!words.is_empty() && (route.push || !route.why.is_empty()));
    words.join(" ")
}

#[test]
fn templates_that_may_not_be_read_are_not_said_to_be_none() {
    let mut seen = usual();
    seen.good_commit = None;
    seen.workloads[0].good_revision = None;
    let why = |seen: &Situation| choose(Wishes::default(), seen).why.join("; ");
    assert!(why(&seen).contains("no template of the good version is kept"));
    seen.workloads[0].templates_unread = Some("replicasets.apps is forbidden".into());
    let said = why(&seen);
    assert!(said.contains("cannot be read (replicasets.apps is forbidden)"));
    assert!(!said.contains("no template"), "{said}");
}

#[test]
fn the_way_depends_on_what_is_seen() {
    let auto = Wishes::default();
    let of = |change: fn(&mut Situation)| {
        let mut seen = usual();
        change(&mut seen);
        line(auto, &seen)
    };
    assert_eq!(of(|_| {}), "hold:window undo:7 push operate");
    assert_eq!(of(|seen| seen.syncs_itself = false), "undo:7 push operate");
    assert_eq!(
        of(|seen| seen.no_window = Some("the project is in Git".into())),
        "hold:state undo:7 push operate"
    );
    assert_eq!(
        of(|seen| {
            seen.no_window = Some("forbidden".into());
            seen.no_state_hold = Some("too old".into());
        }),
        "hold:impossible push operate"
    );
    assert_eq!(
        of(|seen| seen.is_busy = true),
        "terminate hold:window undo:7 push operate"
    );
    assert_eq!(
        of(|seen| seen.windows = Windows::OnlyManual),
        "undo:7 push operate"
    );
    assert_eq!(
        of(|seen| {
            seen.windows = Windows::OnlyManual;
            seen.windows_last = false;
        }),
        "hold:window undo:7 push operate",
        "a window that is about to end holds nothing"
    );
    assert_eq!(
        of(|seen| {
            seen.windows = Windows::Closed;
            seen.is_busy = true;
        }),
        "undo:7 push operate"
    );
    assert_eq!(
        of(|seen| seen.workloads[0].good_revision = None),
        "hold:window old push operate"
    );
    assert_eq!(
        of(|seen| seen.images_tell = false),
        "hold:window old push operate"
    );
    assert_eq!(
        of(|seen| {
            seen.workloads[0].good_revision = None;
            seen.good_commit = None;
        }),
        "push operate"
    );
    assert_eq!(
        of(|seen| seen.workloads[0].is_paused = true),
        "hold:window old push operate"
    );
    assert_eq!(
        of(|seen| seen.git_is_away = Some("unreachable".into())),
        "hold:window undo:7 operate"
    );
    assert_eq!(
        of(|seen| seen.workloads[0].waits_for_broken_pods = true),
        "hold:window undo:7 push operate unstick"
    );
    assert_eq!(
        of(|seen| seen.workloads[0].runs = Verdict::Good),
        "push operate"
    );
}

#[test]
fn a_set_that_syncs_in_steps_is_held_by_a_window_or_not_at_all() {
    let mut seen = Situation {
        rolling_sync: true,
        syncs_itself: false,
        ..usual()
    };
    let auto = Wishes::default();
    assert_eq!(line(auto, &seen), "hold:window undo:7 push operate");
    seen.no_window = Some("forbidden".into());
    assert_eq!(line(auto, &seen), "hold:impossible push operate");
}

#[test]
fn rollouts_are_aborted_only_while_they_are_under_way_to_the_bad_version() {
    let auto = Wishes::default();
    let of = |seen: RolloutSeen| {
        line(
            auto,
            &Situation {
                workloads: vec![rollout(seen)],
                ..usual()
            },
        )
    };
    assert_eq!(of(MID_CANARY), "abort push operate");
    assert_eq!(
        of(RolloutSeen {
            is_aborted: true,
            ..MID_CANARY
        }),
        "push operate"
    );
    assert_eq!(
        of(RolloutSeen {
            stable: Verdict::Other,
            ..MID_CANARY
        }),
        "hold:window undo:7 push operate"
    );
    assert_eq!(of(PROMOTED), "hold:window undo:7 push operate promote");
    assert_eq!(
        of(RolloutSeen {
            window_covers: true,
            ..PROMOTED
        }),
        "hold:window undo:7 push operate"
    );
    let careful = Wishes {
        replay_canary: true,
        ..auto
    };
    let promoted = Situation {
        workloads: vec![rollout(PROMOTED)],
        ..usual()
    };
    assert_eq!(line(careful, &promoted), "hold:window undo:7 push operate");
}

#[test]
fn each_method_alone_does_its_part_only() {
    let by = |method| {
        line(
            Wishes {
                method,
                ..Wishes::default()
            },
            &usual(),
        )
    };
    assert_eq!(by(Method::Git), "push");
    assert_eq!(by(Method::Argocd), "hold:window old");
    assert_eq!(by(Method::Undo), "hold:window undo:7");
    let canary = Situation {
        workloads: vec![rollout(MID_CANARY)],
        ..usual()
    };
    let abort = Wishes {
        method: Method::Abort,
        ..Wishes::default()
    };
    assert_eq!(line(abort, &canary), "abort");
}

#[test]
fn without_a_hold_the_cluster_is_never_changed_while_argo_cd_would_change_it_back() {
    for method in [Method::Auto, Method::Undo, Method::Argocd] {
        for rolling_sync in [false, true] {
            let seen = Situation {
                rolling_sync,
                no_window: Some("forbidden".into()),
                no_state_hold: Some("too old".into()),
                ..usual()
            };
            let route = choose(
                Wishes {
                    method,
                    ..Wishes::default()
                },
                &seen,
            );
            assert!(route.live.is_empty(), "{route:?}");
        }
    }
}

#[test]
fn where_images_do_not_tell_only_a_rollout_that_was_at_rest_skips_its_steps() {
    let of = |seen: RolloutSeen| {
        let mut workload = rollout(seen);
        workload.runs = Verdict::Unconcerned;
        let untold = Situation {
            images_tell: false,
            workloads: vec![workload],
            ..usual()
        };
        choose(Wishes::default(), &untold).promote.len()
    };
    assert_eq!(of(PROMOTED), 1);
    assert_eq!(of(MID_CANARY), 0);
}

#[test]
fn a_template_that_a_rollout_borrows_is_undone_where_it_stands() {
    let borrowed = RolloutSeen {
        borrows_template: true,
        ..PROMOTED
    };
    let mut rollout = rollout(borrowed);
    rollout.good_revision = None;
    let seen = Situation {
        workloads: vec![rollout, deployment()],
        ..usual()
    };
    let way = line(Wishes::default(), &seen);
    assert_eq!(way, "hold:window undo:7 push operate promote");
}
