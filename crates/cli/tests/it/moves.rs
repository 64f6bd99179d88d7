//! Repositories whose folders were rearranged.

use ripcord_testkit::InfraRepo;

use crate::stage::{Stage, assert_says, json};

fn overlay(version: &str, replicas: u8) -> String {
    format!(
        "images:\n  - name: acme/payments\n    newTag: {version}\nreplicas:\n  - {{name: payments, count: {replicas}}}\n"
    )
}

const BEFORE: &str = "apps/payments/overlays/production/kustomization.yaml";
const AFTER: &str = "services/payments/overlays/production/kustomization.yaml";

/// Two deploys, then the folder moves, with what `also` changes in the same commit.
fn moved(infra: &mut InfraRepo, also: impl FnOnce(&mut InfraRepo) -> String) {
    for version in ["v1", "v2"] {
        infra.write(BEFORE, overlay(version, 1));
        infra.commit("deploy").land().unwrap();
    }
    let text = also(infra);
    infra.remove(BEFORE);
    infra.write(AFTER, text);
    infra.commit("Rearrange").land().unwrap();
}

fn tag(stage: &Stage) -> String {
    stage.infra.read(AFTER).unwrap()
}

#[test]
fn the_past_of_a_service_does_not_end_where_its_folder_was_moved() {
    let stage = Stage::with(|infra| moved(infra, |_| overlay("v2", 1)));
    let history = json(stage.run(&["history", "payments", "-o", "json"]), 0);
    let versions: Vec<&str> = history["deploys"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|deploy| deploy["to"].as_str())
        .collect();
    assert_eq!(versions, ["v2", "v1"], "a move is no deploy");
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(tag(&stage), overlay("v1", 1));
    assert!(stage.infra.read(BEFORE).is_err());
}

#[test]
fn a_deploy_in_the_commit_that_moved_the_folder_is_one() {
    let stage = Stage::with(|infra| moved(infra, |_| overlay("v3", 1)));
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(tag(&stage), overlay("v2", 1));
}

#[test]
fn later_settings_survive_a_rollback_to_before_the_move() {
    let stage = Stage::with(|infra| {
        moved(infra, |_| overlay("v2", 1));
        infra.write(AFTER, overlay("v2", 5));
        infra.commit("scale").land().unwrap();
    });
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(tag(&stage), overlay("v1", 5));
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!(tag(&stage), overlay("v2", 5));
}

#[test]
fn exact_does_not_undo_a_move() {
    let stage = Stage::with(|infra| moved(infra, |_| overlay("v2", 1)));
    let args = [
        "rollback",
        "payments",
        "production",
        "--scope",
        "exact",
        "--yes",
    ];
    let output = stage.run(&args).assert_code(3);
    assert_says(&output, &[BEFORE, "--scope version"]);
    assert_eq!(tag(&stage), overlay("v2", 1));
}

#[test]
fn a_service_that_was_copied_has_no_past_of_another() {
    let stage = Stage::with(|infra| {
        for version in ["v1", "v2"] {
            infra.write(BEFORE, overlay(version, 1));
            infra.commit("deploy").land().unwrap();
        }
        let copy = "apps/refunds/overlays/production/kustomization.yaml";
        infra.write(copy, overlay("v2", 1));
        infra.commit("A new service").land().unwrap();
    });
    let output = stage.run(&["rollback", "refunds", "production", "--yes"]);
    let _ = output.assert_code(1);
}
