use super::*;
use crate::live::application::{AutoSync, Operation, OperationState};
use crate::live::drift::IgnoredFields;

fn now() -> Timestamp {
    "2026-11-27T17:30:00Z".parse().unwrap()
}

/// An Application that was synced to what it is compared with, this many seconds ago.
fn app(auto_sync: Option<bool>, heals: u32, seconds: i64) -> Application {
    Application {
        auto_sync: auto_sync.map(|self_heals| AutoSync {
            self_heals,
            ..AutoSync::default()
        }),
        revisions: vec!["a".into()],
        operation_state: Some(OperationState {
            phase: "Succeeded".into(),
            synced: vec!["a".into()],
            ended: now()
                .checked_sub(jiff::SignedDuration::from_secs(seconds))
                .ok(),
            operation: Operation {
                heals,
                ..Operation::default()
            },
            ..OperationState::default()
        }),
        ..Application::default()
    }
}

fn undoing(app: &Application) -> Undoing<'_> {
    Undoing {
        app,
        held_until: None,
        windows: Some(Windows::Open),
        rolls_in_steps: None,
        now: now(),
    }
}

fn replicas() -> Difference {
    Difference {
        field: "spec.replicas".into(),
        place: vec!["spec".into(), "replicas".into()],
        ..Difference::default()
    }
}

fn said(undoing: Undoing<'_>) -> String {
    undoing.of(&Resource::default(), Some(&replicas()))
}

#[test]
fn self_heal_is_said_to_wait_as_long_as_it_waits() {
    let of = |heals, seconds| said(undoing(&app(Some(true), heals, seconds)));
    assert_eq!(of(0, 1), "self-heal, in about 1 s");
    assert_eq!(of(3, 100), "self-heal, in about 1 s");
    assert!(
        of(3, 8).starts_with("self-heal, in about 10 s by"),
        "{}",
        of(3, 8)
    );
    assert!(of(30, 0).starts_with("self-heal, in about 300 s by"));
    assert_eq!(
        [0, 1, 2, 3, 4, 5, 6, 99].map(waits),
        [0, 2, 6, 18, 54, 162, 300, 300]
    );
}

#[test]
fn without_self_heal_or_auto_sync_nothing_undoes_it_before_somebody_acts() {
    assert_eq!(
        said(undoing(&app(Some(false), 0, 9))),
        "auto-sync at the next commit, of anybody"
    );
    assert_eq!(
        said(undoing(&app(None, 0, 9))),
        "nothing until somebody asks for a sync"
    );
}

#[test]
fn a_field_that_is_ignored_is_not_said_to_be_healed() {
    let mut app = app(Some(true), 0, 9);
    app.ignored = vec![IgnoredFields {
        group: "*".into(),
        kind: "*".into(),
        pointers: vec!["/spec/replicas".into()],
        ..IgnoredFields::default()
    }];
    assert!(said(undoing(&app)).starts_with("nothing by itself: ignoreDifferences"));
    app.sync_options = vec!["RespectIgnoreDifferences=true".into()];
    assert!(said(undoing(&app)).starts_with("nothing: ignoreDifferences"));
    app.ignored[0].pointers = Vec::new();
    app.ignored[0].expressions = vec![".spec | select(.x)".into()];
    assert!(said(undoing(&app)).contains("which is not known"));
}

#[test]
fn a_closed_window_and_a_hold_keep_self_heal_still_and_a_hold_that_is_past_does_not() {
    let app = app(Some(true), 0, 9);
    let closed = Undoing {
        windows: Some(Windows::OnlyManual),
        ..undoing(&app)
    };
    assert!(said(closed).starts_with("nothing by itself while a sync window"));
    let hold = |until: &str| Undoing {
        held_until: until.parse().ok(),
        ..undoing(&app)
    };
    assert_eq!(
        said(hold("2026-11-27T17:45:00Z")),
        "nothing while a recovery holds it, until 2026-11-27T17:45:00Z"
    );
    assert_eq!(
        said(hold("2026-11-27T17:15:00Z")),
        "self-heal, in about 1 s"
    );
    let unknown = Undoing {
        windows: None,
        ..undoing(&app)
    };
    assert!(said(unknown).ends_with("windows of its project are not known"));
}

#[test]
fn a_set_that_syncs_in_steps_undoes_it_although_there_is_no_auto_sync() {
    let mut app = app(None, 0, 9);
    app.application_set = Some("all".into());
    let steps = |rolls_in_steps| Undoing {
        rolls_in_steps,
        ..undoing(&app)
    };
    assert!(
        said(steps(Some(true))).starts_with("its ApplicationSet, which syncs it in about 1.5 s")
    );
    assert!(said(steps(None)).starts_with("not known: its ApplicationSet"));
    assert_eq!(
        said(steps(Some(false))),
        "nothing until somebody asks for a sync"
    );
}

#[test]
fn after_a_sync_that_failed_self_heal_is_still() {
    let mut app = app(Some(true), 0, 9);
    let state = app.operation_state.as_mut().unwrap();
    state.phase = "Failed".into();
    assert!(said(undoing(&app)).starts_with("auto-sync at the next commit, of anybody; the last"));
    app.operation_state.as_mut().unwrap().synced = Vec::new();
    assert!(said(undoing(&app)).starts_with("nothing until somebody asks for a sync: the last"));
}

#[test]
fn a_commit_that_is_not_synced_yet_is_synced_without_self_heal_too() {
    let mut app = app(Some(false), 0, 9);
    app.revisions = vec!["b".into()];
    assert!(said(undoing(&app)).starts_with("auto-sync as soon as Argo CD compares"));
    assert_eq!(
        untold(&app, &Resource::default(), None),
        "commit b is not synced yet"
    );
    app.generate_paths = vec![".".into()];
    assert!(said(undoing(&app)).starts_with("auto-sync at the next commit that changes its paths"));
}

#[test]
fn a_sync_that_is_under_way_is_not_promised_to_undo_it() {
    let mut app = app(Some(true), 0, 9);
    app.operation = Some(Operation::default());
    assert!(said(undoing(&app)).starts_with("the sync that is under way, if it is about it; else"));
}

#[test]
fn what_was_taken_over_is_not_said_to_be_undone_while_argo_cd_says_synced() {
    let app = app(Some(true), 0, 9);
    let synced = Resource {
        is_synced: true,
        ..Resource::default()
    };
    let taken_over = Difference {
        is_taken_over: true,
        ..replicas()
    };
    let said = |difference: &Difference| undoing(&app).of(&synced, Some(difference));
    assert!(said(&taken_over).starts_with("nothing as long as Argo CD says Synced"));
    assert!(said(&replicas()).ends_with("; so far Argo CD says Synced"));
    let text = undoing(&app).of(&Resource::default(), Some(&taken_over));
    assert!(
        text.ends_with("; nothing, should Git not name the field"),
        "{text}"
    );
}

#[test]
fn who_applied_an_object_behind_argo_cd_is_why_its_fields_are_untold() {
    let applier = Applier {
        by: "kubectl-client-side-apply".into(),
        at: "2026-11-27T17:20:00Z".parse().ok(),
        owns: Vec::new(),
    };
    let app = app(Some(false), 0, 9);
    let why = untold(&app, &Resource::default(), Some(&applier));
    assert_eq!(
        why,
        "kubectl-client-side-apply applied it last at 2026-11-27T17:20:00Z, not Argo CD: what Git says stands nowhere in it"
    );
}
