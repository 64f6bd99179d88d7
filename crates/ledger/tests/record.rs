//! What is recorded outlasts whoever recorded it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::route::{Hold, Method};
use ripcord_domain::plan::{Outcome, Plan};
use ripcord_domain::recovery::{HoldRecord, Recovery, RecoveryId, Standing};
use ripcord_ledger::{Ledger, LedgerError};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn recovery(id: &str, standing: Standing, started: &str) -> Recovery {
    Recovery {
        schema: 1,
        id: RecoveryId::new(id),
        key: None,
        standing,
        method: Method::Auto,
        started: at(started),
        ended: None,
        owner: "Olga <olga@acme.io>".into(),
        reason: None,
        incident: None,
        services: Vec::new(),
        aim: Aim::default(),
        plan: Plan {
            schema: 1,
            action: "rollback".into(),
            outcome: Outcome::Planned,
            remote: "https://git.example/acme/infra.git".into(),
            branch: "main".into(),
            base: "0".into(),
            services: Vec::new(),
            changes: Vec::new(),
            warnings: Vec::new(),
            commit: None,
            pushed: None,
            image_policies: Vec::new(),
            cluster: Vec::new(),
        },
        request: serde_json::Value::Null,
        agreed: serde_json::Value::Null,
        watch_seconds: 0,
        runs_hooks: false,
        replays_canary: false,
        parts: Vec::new(),
        steps: Vec::new(),
        holds: Vec::new(),
        bots_until: None,
        bots: Vec::new(),
        missing: Vec::new(),
        relapse: None,
        evidence: Vec::new(),
    }
}

fn hold(released: Option<Timestamp>) -> HoldRecord {
    HoldRecord {
        kind: Hold::Window,
        application: AppName {
            namespace: "argocd".into(),
            name: "pay".into(),
        },
        project: None,
        window: None,
        replaced: None,
        owner: "Olga".into(),
        taken: at("2026-11-27T17:15:00Z"),
        until: at("2026-11-27T17:45:00Z"),
        released,
    }
}

#[test]
fn what_was_saved_is_there_for_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let saved = recovery("r-1", Standing::Running, "2026-11-27T17:15:00Z");
    Ledger::open(folder.path()).unwrap().save(&saved).unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    assert_eq!(ledger.load("r-1").unwrap(), saved);
    assert!(matches!(ledger.load("r-2"), Err(LedgerError::Unknown(_))));
}

#[test]
fn unfinished_are_those_under_way_half_done_or_holding() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let mut holding = recovery("r-h", Standing::Failed, "2026-11-27T17:04:00Z");
    holding.holds = vec![hold(None)];
    let mut tidy = recovery("r-t", Standing::Failed, "2026-11-27T17:05:00Z");
    tidy.holds = vec![hold(Some(at("2026-11-27T17:20:00Z")))];
    for one in [
        recovery("r-1", Standing::Restored, "2026-11-27T17:01:00Z"),
        recovery("r-2", Standing::Partial, "2026-11-27T17:02:00Z"),
        recovery("r-3", Standing::Running, "2026-11-27T17:03:00Z"),
        holding,
        tidy,
    ] {
        ledger.save(&one).unwrap();
    }
    let ids = |found: Vec<Recovery>| {
        found
            .into_iter()
            .map(|one| one.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(ledger.unfinished().unwrap()), ["r-h", "r-3", "r-2"]);
    assert_eq!(ids(ledger.list(2).unwrap()), ["r-t", "r-h"]);
    let all = ids(ledger.all().unwrap());
    assert_eq!(all, ["r-t", "r-h", "r-3", "r-2", "r-1"]);
}

#[test]
fn a_key_names_one_recovery() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let mut first = recovery("r-1", Standing::Restored, "2026-11-27T17:01:00Z");
    first.key = Some("click".into());
    ledger.save(&first).unwrap();
    assert_eq!(ledger.of_key("click").unwrap(), Some(first.clone()));
    assert_eq!(ledger.of_key("other").unwrap(), None);
    let mut second = recovery("r-2", Standing::Running, "2026-11-27T17:02:00Z");
    second.key = first.key;
    assert!(ledger.save(&second).is_err());
}

#[test]
fn only_its_user_can_read_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("state/ripcord");
    Ledger::open(&own).unwrap();
    let mode = fs::metadata(&own).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_record_that_cannot_be_written_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let error = Ledger::open(&file.join("below")).err().unwrap();
    assert!(error.to_string().contains("a-file"), "{error}");
}

#[test]
fn a_record_of_a_newer_ripcord_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Ledger::open(folder.path()).unwrap());
    let file = folder.path().join("recoveries.sqlite");
    let db = rusqlite::Connection::open(file).unwrap();
    db.execute_batch("PRAGMA user_version = 99;").unwrap();
    drop(db);
    assert!(matches!(
        Ledger::open(folder.path()),
        Err(LedgerError::Newer { .. })
    ));
}

#[test]
fn ids_are_drawn_until_one_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let taken = RecoveryId::from_chance(1);
    ledger
        .save(&recovery(
            taken.as_str(),
            Standing::Restored,
            "2026-11-27T17:01:00Z",
        ))
        .unwrap();
    let mut chances = [1, 2].into_iter();
    let fresh = ledger.fresh_id(|| chances.next().unwrap()).unwrap();
    assert_eq!(fresh, RecoveryId::from_chance(2));
}
