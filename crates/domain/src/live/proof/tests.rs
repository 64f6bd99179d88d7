use super::*;
use crate::live::application::{AppName, ObjectKey, Operation, Resource};
use crate::live::image::Mark;
use crate::live::workload::{Replacement, RolloutState};

fn mark(tag: &str) -> Mark {
    Mark {
        name: Some("acme/pay".into()),
        tag: Some(tag.into()),
        digest: None,
    }
}

fn aim() -> Aim {
    Aim {
        good: vec![mark("v1")],
        bad: vec![mark("v2")],
        ..Aim::default()
    }
}

fn deployment() -> Workload {
    Workload {
        key: ObjectKey {
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
            namespace: "pay".into(),
            name: "pay".into(),
        },
        kind: Kind::Deployment,
        uid: "1".into(),
        generation: 3,
        observed: 3,
        wanted: 2,
        replicas: 2,
        updated: 2,
        available: 2,
        terminating: Some(0),
        is_paused: false,
        images: vec!["acme/pay:v1".into()],
        selector: "app=pay".into(),
        template: Some("new".into()),
        replacement: Replacement::default(),
        rollout: None,
        changed_by: None,
    }
}

fn pod(tag: &str) -> Pod {
    Pod {
        name: "pay-1".into(),
        uid: "2".into(),
        images: vec![format!("acme/pay:{tag}")],
        pulled: Vec::new(),
        is_ready: true,
        is_going: false,
        is_over: false,
        template: Some("new".into()),
        trouble: None,
        made: None,
        ready_since: None,
    }
}

fn application() -> Application {
    Application {
        name: AppName {
            namespace: "argocd".into(),
            name: "pay".into(),
        },
        sources: vec![Source::default()],
        sync: "Synced".into(),
        revisions: vec!["ours".into()],
        health: "Healthy".into(),
        ..Application::default()
    }
}

fn codes(missing: &[Missing]) -> Vec<&str> {
    missing.iter().map(|one| one.code.as_str()).collect()
}

fn disagreement(app: &Application, prunes: bool) -> Vec<Missing> {
    let expected = Expected {
        aim: &aim(),
        is_accepted: &|revision| revision == "ours",
        is_ours: &|_| true,
        prunes,
    };
    agreement(&expected, app)
}

#[test]
fn nothing_is_missing_when_all_pods_are_good_and_all_agree() {
    let pods_seen = [pod("v1"), pod("v1")];
    assert!(pods(&aim(), &deployment(), &pods_seen).is_empty());
    assert!(workload(&aim(), &deployment()).is_empty());
    assert!(disagreement(&application(), true).is_empty());
}

#[test]
fn a_bad_pod_that_is_ending_still_counts() {
    let ending = Pod {
        is_going: true,
        is_ready: false,
        ..pod("v2")
    };
    let missing = pods(&aim(), &deployment(), &[pod("v1"), pod("v1"), ending]);
    assert_eq!(codes(&missing), ["bad_pods_left"]);
}

#[test]
fn a_bad_pod_that_is_over_does_not_count() {
    let over = Pod {
        is_over: true,
        ..pod("v2")
    };
    assert!(pods(&aim(), &deployment(), &[pod("v1"), pod("v1"), over]).is_empty());
}

#[test]
fn good_pods_must_be_ready_and_as_many_as_wanted() {
    let starting = Pod {
        is_ready: false,
        trouble: Some("ImagePullBackOff".into()),
        ..pod("v1")
    };
    let missing = pods(&aim(), &deployment(), &[pod("v1"), starting]);
    assert_eq!(codes(&missing), ["pods_not_ready"]);
    assert!(missing[0].what.contains("ImagePullBackOff"));
    let missing = pods(&aim(), &deployment(), &[pod("v1")]);
    assert_eq!(codes(&missing), ["pods_not_ready"]);
}

#[test]
fn where_images_do_not_tell_a_pod_of_another_template_is_bad() {
    let only_configuration = Aim::default();
    let old = Pod {
        template: Some("old".into()),
        ..pod("v1")
    };
    let missing = pods(
        &only_configuration,
        &deployment(),
        &[pod("v1"), pod("v1"), old],
    );
    assert_eq!(codes(&missing), ["bad_pods_left"]);
}

#[test]
fn a_spec_that_is_not_observed_proves_nothing() {
    let unseen = Workload {
        generation: 4,
        ..deployment()
    };
    assert_eq!(codes(&workload(&aim(), &unseen)), ["not_observed"]);
}

#[test]
fn counters_that_differ_and_pods_that_end_are_missing() {
    let mixed = Workload {
        replicas: 3,
        terminating: Some(1),
        ..deployment()
    };
    assert_eq!(
        codes(&workload(&aim(), &mixed)),
        ["counters_differ", "pods_ending"]
    );
}

#[test]
fn a_template_that_says_the_bad_version_is_missing_whatever_pods_run() {
    let bad = Workload {
        images: vec!["acme/pay:v2".into()],
        ..deployment()
    };
    assert_eq!(codes(&workload(&aim(), &bad)), ["template_is_bad"]);
}

#[test]
fn a_canary_that_waits_is_missing_and_an_aborted_one_serves_good_pods() {
    let state = RolloutState {
        current_hash: "new".into(),
        stable_hash: "old".into(),
        phase: "Paused".into(),
        ..RolloutState::default()
    };
    let waiting = Workload {
        kind: Kind::Rollout,
        rollout: Some(state.clone()),
        ..deployment()
    };
    assert_eq!(codes(&workload(&aim(), &waiting)), ["rollout_under_way"]);
    let aborted = Workload {
        rollout: Some(RolloutState {
            is_aborted: true,
            phase: "Degraded".into(),
            ..state
        }),
        ..waiting
    };
    let stable = Pod {
        template: Some("old".into()),
        ..pod("v1")
    };
    let none: [&str; 0] = [];
    assert_eq!(
        codes(&pods(&Aim::default(), &aborted, &[stable.clone(), stable])),
        none
    );
}

#[test]
fn synced_to_our_commit_while_a_bad_operation_waits_is_a_false_green() {
    let app = Application {
        operation: Some(Operation {
            is_automated: true,
            ..Operation::default()
        }),
        ..application()
    };
    assert_eq!(codes(&disagreement(&app, true)), ["operation_pending"]);
}

#[test]
fn synced_to_another_commit_is_missing() {
    let app = Application {
        revisions: vec!["theirs".into()],
        ..application()
    };
    assert_eq!(codes(&disagreement(&app, true)), ["other_revision"]);
}

#[test]
fn synced_before_its_settings_changed_is_a_false_green() {
    let app = Application {
        is_outdated: true,
        ..application()
    };
    assert_eq!(codes(&disagreement(&app, true)), ["settings_changed"]);
}

#[test]
fn what_the_bad_version_added_may_stay_only_when_nothing_prunes() {
    let left = Resource {
        wants_pruning: true,
        ..Resource::default()
    };
    let mut app = Application {
        sync: "OutOfSync".into(),
        resources: vec![left],
        ..application()
    };
    assert!(disagreement(&app, false).is_empty());
    assert_eq!(codes(&disagreement(&app, true)), ["not_synced"]);
    app.resources.push(Resource::default());
    assert_eq!(codes(&disagreement(&app, false)), ["not_synced"]);
}

#[test]
fn a_tag_that_now_names_what_the_bad_version_ran_is_no_way_back() {
    let ran_by = |tag: &str, digest: &str| Pod {
        pulled: vec![
            ("envoy:1.30".into(), "sha256:ee".into()),
            (format!("acme/pay:{tag}"), digest.into()),
        ],
        ..pod(tag)
    };
    let mut aim = aim();
    aim.ran = ran(
        &aim,
        [&ran_by("v2", "sha256:bb"), &ran_by("v1", "sha256:aa")],
    );
    assert_eq!(aim.ran, ["sha256:bb"], "what both have tells nothing");
    let good = ran_by("v1", "sha256:aa");
    assert!(pods(&aim, &deployment(), &[good.clone(), good.clone()]).is_empty());
    let moved = ran_by("v1", "sha256:bb");
    let missing = pods(&aim, &deployment(), &[good, moved]);
    assert_eq!(codes(&missing), ["same_image"]);
    assert!(missing[0].what.contains("acme/pay:v1"), "{missing:?}");
}
