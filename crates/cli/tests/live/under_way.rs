//! A sync of the bad version that is still under way when it is to go back.

use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

/// Rolls back, and fails unless what was under way was ended first.
fn ended_first(outage: &mut Outage<'_>) {
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let steps = recovery["steps"].as_array().unwrap();
    let at = |kind: &str| steps.iter().position(|step| step["kind"] == kind);
    let ended = at("terminate");
    assert!(ended.is_some() && ended < at("operate"), "{recovery:#}");
    outage.assert_restored(GOOD);
}

#[test]
fn a_migration_that_hangs_is_ended() {
    let mut outage = Outage::none_yet("hooks", "hook-hangs", "ledger", "hook-hangs");
    outage.hang_in_hook();
    ended_first(&mut outage);
}

#[test]
fn a_migration_that_cannot_be_deleted_does_not_keep_its_sync() {
    let mut outage = Outage::none_yet("hooks", "hook-stays", "ledger", "hook-stays");
    outage.hang_in_hook();
    set_finalizers(&outage, "[\"acme.example/nobody-removes-it\"]");
    ended_first(&mut outage);
    set_finalizers(&outage, "null");
}

fn set_finalizers(outage: &Outage<'_>, list: &str) {
    let patch = format!("{{\"metadata\": {{\"finalizers\": {list}}}}}");
    let args = [
        "patch",
        "job",
        "ledger-migrate",
        "--type=merge",
        "-p",
        &patch,
    ];
    outage.scene.kubectl(&args).unwrap();
}

#[test]
fn a_sync_that_fails_and_is_tried_again_is_ended() {
    let mut outage = Outage::none_yet("auto-heal", "retries", PAYMENTS, "retries");
    let overlay = "services/payments-service/overlays/production";
    let infra = outage.scene.infra();
    let broken = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n";
    infra.write(&format!("{overlay}/broken.yaml"), broken);
    let list = format!("{overlay}/kustomization.yaml");
    let text = infra.read(&list).unwrap().replace(GOOD, BAD);
    infra.write(
        &list,
        text.replace("resources:", "resources:\n  - broken.yaml"),
    );
    outage.bad = infra.commit("Deploy payments-service v15").land().unwrap();
    outage.scene.refresh().unwrap();
    outage.wait("it is tried again", |outage| {
        let state = outage.app()["status"]["operationState"].clone();
        state["phase"] == "Running" && state["message"].to_string().contains("etrying")
    });
    ended_first(&mut outage);
}
