//! Somebody else pushes at the same time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use ripcord_testkit::{InfraRepo, Ripcord};

use crate::stage::{BINARY, Stage, assert_says, count, deploy, json, live};

const ROLLBACK: [&str; 4] = ["rollback", "payments", "production", "--yes"];

/// At the next push, this version of this service lands first.
fn somebody_deploys(stage: &Stage, service: &'static str, version: &'static str) {
    let mut infra = stage.infra.clone();
    stage.server.before_push(1, move || {
        deploy(&mut infra, service, "production", version);
    });
}

#[test]
fn a_deploy_of_another_service_in_between_costs_one_more_attempt() {
    let stage = Stage::payments();
    somebody_deploys(&stage, "orders", "o2");
    let args = [&ROLLBACK[..], &["-o", "json"]].concat();
    let plan = json(stage.run(&args), 0);
    assert_eq!(plan["pushed"]["attempts"], 2);
    assert_eq!(stage.live(), "good000");
    assert_eq!(live(&stage.infra, "orders", "production"), "o2");
    assert_eq!(stage.commits(), 5);
    assert_eq!(plan["pushed"]["commit"], stage.tip());
    stage.assert_one_on_top_of(plan["base"].as_str().unwrap());
}

#[test]
fn a_deploy_of_the_same_service_in_between_stops_the_rollback() {
    let stage = Stage::payments();
    somebody_deploys(&stage, "payments", "hope333");
    let output = stage.roll_back().assert_code(4);
    assert_says(&output, &["hope333", "nothing was pushed", "--onto-latest"]);
    assert_eq!((stage.live(), stage.commits()), ("hope333".into(), 4));
}

#[test]
fn onto_latest_goes_on_over_a_deploy_of_the_same_service() {
    let stage = Stage::payments();
    somebody_deploys(&stage, "payments", "hope333");
    let args = [&ROLLBACK[..], &["--to", "good000", "--onto-latest"]].concat();
    let _ = stage.run(&args).assert_code(0);
    assert_eq!((stage.live(), stage.commits()), ("good000".into(), 5));
}

#[test]
fn onto_latest_never_deploys_the_version_that_one_wanted_to_leave() {
    let stage = Stage::payments();
    somebody_deploys(&stage, "payments", "hope333");
    let args = [&ROLLBACK[..], &["--onto-latest"]].concat();
    let _ = stage.run(&args).assert_code(0);
    assert_eq!(stage.live(), "good000");
}

#[test]
fn five_lost_races_in_a_row_are_survived() {
    let stage = Stage::payments();
    let mut infra = stage.infra.clone();
    let mut number = 1;
    stage.server.before_push(5, move || {
        number += 1;
        deploy(&mut infra, "orders", "production", &format!("o{number}"));
    });
    let args = [&ROLLBACK[..], &["-o", "json"]].concat();
    let plan = json(stage.run(&args), 0);
    assert_eq!(plan["pushed"]["attempts"], 6);
    assert_eq!((stage.live(), stage.commits()), ("good000".into(), 9));
}

#[test]
fn somebody_elses_same_rollback_in_between_is_enough() {
    let stage = Stage::payments();
    let other = Ripcord::new(&stage.scratch, BINARY).at("2026-10-01T11:59:58Z");
    let url = stage.url();
    let code = Arc::new(AtomicI32::new(-1));
    let seen = Arc::clone(&code);
    stage.server.before_push(1, move || {
        let output = other.run(["--repo", &url].iter().chain(&ROLLBACK)).unwrap();
        seen.store(output.code, SeqCst);
    });
    let output = stage.roll_back().assert_code(0);
    assert_says(&output, &["nothing was pushed"]);
    assert_eq!(code.load(SeqCst), 0);
    assert_eq!((stage.live(), stage.commits()), ("good000".into(), 4));
}

#[test]
fn two_people_at_once_make_one_rollback() {
    let stage = Stage::payments();
    let clones = ["ann", "bob"].map(|name| stage.clone(name));
    let running = clones.map(|clone| {
        let clone: PathBuf = clone;
        stage.ripcord().in_dir(clone).spawn(ROLLBACK).unwrap()
    });
    for one in running {
        let _ = one.wait().unwrap().assert_code(0);
    }
    assert_eq!((stage.live(), stage.commits()), ("good000".into(), 4));
}

fn eight() -> (Stage, Vec<String>) {
    let names: Vec<String> = (0..8).map(|n| format!("svc-{n}")).collect();
    let stage = Stage::with(|infra| {
        for version in ["good000", "bad1111"] {
            for name in &names {
                infra.set_version(name, "production", version);
            }
            infra
                .commit(&format!("deploy: train {version}"))
                .land()
                .unwrap();
        }
    });
    (stage, names)
}

fn assert_all_landed_in_line(infra: &InfraRepo, names: &[String]) {
    for name in names {
        assert_eq!(live(infra, name, "production"), "good000", "{name}");
    }
    assert_eq!(count(infra), 2 + names.len());
    let merges = infra.git(&["rev-list", "--merges", "main"]).unwrap();
    assert_eq!(merges, "");
}

#[test]
fn eight_rollbacks_of_different_services_from_clones_all_land_in_line() {
    let (stage, names) = eight();
    let clones: Vec<PathBuf> = names.iter().map(|name| stage.clone(name)).collect();
    let mut running = vec![];
    for (name, clone) in names.iter().zip(&clones) {
        let ripcord = stage.ripcord().in_dir(clone);
        running.push(ripcord.spawn(["rollback", name, "--yes"]).unwrap());
    }
    for one in running {
        let _ = one.wait().unwrap().assert_code(0);
    }
    assert_all_landed_in_line(&stage.infra, &names);
}

#[test]
fn eight_rollbacks_by_url_that_share_a_cache_all_land_in_line() {
    let (stage, names) = eight();
    let url = stage.url();
    let mut running = vec![];
    for name in &names {
        let args = ["--repo", &url, "rollback", name, "--yes"];
        running.push(stage.ripcord().spawn(args).unwrap());
    }
    let failed: Vec<_> = running
        .into_iter()
        .map(|one| one.wait().unwrap())
        .filter(|output| !output.succeeded())
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_all_landed_in_line(&stage.infra, &names);
}

#[test]
fn a_plan_never_pushes() {
    let stage = Stage::payments();
    let pushed = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&pushed);
    stage
        .server
        .before_push(1, move || *seen.lock().unwrap() = true);
    let _ = stage
        .run(&["plan", "payments", "production"])
        .assert_code(0);
    let _ = stage
        .run(&["rollback", "payments", "production", "--dry-run"])
        .assert_code(0);
    assert!(!*pushed.lock().unwrap());
    assert_eq!((stage.live(), stage.commits()), ("bad1111".into(), 3));
}

#[test]
fn an_undo_survives_a_lost_race() {
    let stage = Stage::payments();
    let _ = stage.roll_back().assert_code(0);
    somebody_deploys(&stage, "orders", "o2");
    let plan = json(stage.run(&["undo", "--yes", "-o", "json"]), 0);
    assert_eq!(plan["pushed"]["attempts"], 2);
    assert_eq!(stage.live(), "bad1111");
    assert_eq!(live(&stage.infra, "orders", "production"), "o2");
    stage.assert_one_on_top_of(plan["base"].as_str().unwrap());
}

#[test]
fn an_undo_does_not_take_back_a_deploy_that_landed_meanwhile() {
    let stage = Stage::payments();
    let _ = stage.roll_back().assert_code(0);
    somebody_deploys(&stage, "payments", "hope333");
    let output = stage.run(&["undo", "--yes"]).assert_code(4);
    assert_says(&output, &["nothing was pushed"]);
    assert_eq!((stage.live(), stage.commits()), ("hope333".into(), 5));
}

#[test]
fn a_branch_for_a_pull_request_does_not_wait_for_the_main_one() {
    let stage = Stage::payments();
    somebody_deploys(&stage, "orders", "o2");
    let args = [
        &ROLLBACK[..],
        &["--push-to", "rollback/payments", "-o", "json"],
    ]
    .concat();
    let plan = json(stage.run(&args), 0);
    assert_eq!(plan["pushed"]["branch"], "rollback/payments");
    assert_eq!(plan["pushed"]["attempts"], 1);
    assert_eq!(stage.live(), "bad1111");
    let parent = stage
        .infra
        .git(&["rev-parse", "rollback/payments^"])
        .unwrap();
    assert_eq!(plan["base"], parent);
}
