//! What a way back leaves behind, or runs without being asked: hooks, pruning, Jobs, fields.

use serde_json::{Value, json};

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE};

/// The version whose migration ran last.
fn migrated(incident: &Incident<'_>) -> String {
    let image = incident.kubectl(&["get", "job", "ledger-migrate", "-o", "jsonpath={..image}"]);
    image.rsplit(':').next().unwrap().to_owned()
}

#[test]
fn an_operation_that_applies_runs_no_hook() {
    let mut incident = Incident::none_yet("hooks", "left-apply", "ledger");
    let broken = incident.deploy("v15");
    incident.wait_until_durable(&broken);
    assert_eq!(migrated(&incident), "v15");
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.version(), GOOD);
    assert_eq!(migrated(&incident), "v15");
}

#[test]
fn auto_sync_of_a_revert_runs_its_hooks() {
    let mut incident = Incident::none_yet("hooks", "left-hooks", "ledger");
    let broken = incident.deploy("v15");
    incident.wait_until_durable(&broken);
    let reverted = incident.revert();
    incident.scene.refresh().unwrap();
    incident.wait_until_durable(&reverted);
    assert_eq!(migrated(&incident), GOOD);
}

/// Adds an object to what the service consists of.
fn add(incident: &mut Incident<'_>, file: &str, object: &Value) {
    let path = format!("services/{SERVICE}/base/{file}");
    incident.scene.infra().write(&path, object.to_string());
    incident.edit("base/kustomization.yaml", |text| {
        text.replace("resources:\n", &format!("resources:\n  - {file}\n"))
    });
}

/// A bad version that brings a ConfigMap along, then a revert of it.
fn with_an_extra_object(scene: &str, name: &str) -> (Incident<'static>, String) {
    let mut incident = Incident::none_yet(scene, name, SERVICE);
    let extra = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"},
    });
    add(&mut incident, "extra.yaml", &extra);
    incident.bad = incident.deploy("v15");
    incident.wait_until_durable(&incident.bad);
    incident.edit("base/kustomization.yaml", |text| {
        text.replace("  - extra.yaml\n", "")
    });
    let reverted = incident.revert();
    (incident, reverted)
}

fn extra(incident: &Incident<'_>) -> String {
    let found = incident.kubectl(&["get", "configmap", "extra", "--ignore-not-found"]);
    found.lines().skip(1).collect()
}

#[test]
fn what_the_bad_version_added_stays_when_nothing_prunes() {
    let (incident, reverted) = with_an_extra_object("auto", "left-extra");
    let mut operation = ripcord_testbed::operation(&reverted);
    operation["sync"]["prune"] = false.into();
    incident.patch(&json!([
        {"op": "add", "path": "/operation", "value": operation},
        {"op": "add", "path": "/status/operationState", "value": null},
    ]));
    incident.scene.refresh().unwrap();
    incident.wait("the sync is done", |app| {
        app["status"]["operationState"]["syncResult"]["revision"] == *reverted
            && app["status"]["operationState"]["phase"] == "Succeeded"
    });
    incident.wait("it is drift", |app| {
        app["status"]["sync"]["status"] == "OutOfSync"
    });
    std::thread::sleep(A_WHILE);
    assert_ne!(extra(&incident), "");
}

#[test]
fn what_the_bad_version_added_goes_when_the_operation_prunes() {
    let (incident, reverted) = with_an_extra_object("auto", "left-pruned");
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    assert_eq!(extra(&incident), "");
}

/// A Job of the service that is no hook, as it was when the good version was deployed.
fn with_a_job(name: &str) -> Incident<'static> {
    let mut incident = Incident::none_yet("auto-heal", name, SERVICE);
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "seed"},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "acme/payments-service"}],
        }}},
    });
    add(&mut incident, "job.yaml", &job);
    incident.scene.refresh().unwrap();
    let tip = incident.scene.infra().tip().unwrap();
    incident.wait_until_durable(&tip);
    incident
}

fn fails_on_the_job(app: &Value) -> bool {
    let state = &app["status"]["operationState"];
    let resources = state["syncResult"]["resources"].as_array();
    resources.is_some_and(|all| {
        all.iter().any(|one| {
            let message = one["message"].as_str().unwrap_or_default();
            one["kind"] == "Job" && message.contains("field is immutable")
        })
    })
}

#[test]
fn a_deploy_that_fails_on_an_immutable_job_has_changed_the_deployment() {
    let mut incident = with_a_job("left-job-deploy");
    incident.deploy(BAD);
    incident.wait("the sync fails", fails_on_the_job);
    assert_eq!(incident.version(), BAD);
}

#[test]
fn a_revert_that_fails_on_an_immutable_job_has_changed_the_deployment_back() {
    let mut incident = with_a_job("left-job-revert");
    // So that self-heal does not make it again of the good version.
    incident.without_auto_sync(|incident| {
        incident.kubectl(&["delete", "job", "seed"]);
        incident.bad = incident.scene.deploy(SERVICE, "v15").unwrap();
    });
    incident.wait_until_durable(&incident.bad);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    let app = incident.wait("the sync fails", |app| {
        fails_on_the_job(app) && app["status"]["operationState"]["phase"] == "Failed"
    });
    assert_eq!(app["status"]["sync"]["status"], "OutOfSync");
    assert_eq!(incident.version(), GOOD);
    // Without it the same sync ends well.
    incident.kubectl(&["delete", "job", "seed"]);
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
}

const ENV: &str = "          env:\n            - name: REGION\n              value: north\n";

fn env(incident: &Incident<'_>) -> Value {
    let deployment = incident.workload("apps/v1", "Deployment");
    deployment["spec"]["template"]["spec"]["containers"][0]["env"].clone()
}

/// The bad version took a variable away, an undo has brought it back.
fn undone_with_a_field(incident: &mut Incident<'_>) {
    incident.edit("base/deployment.yaml", |text| format!("{text}{ENV}"));
    incident.good = incident.deploy(GOOD);
    incident.wait_until_durable(&incident.good);
    incident.edit("base/deployment.yaml", |text| text.replace(ENV, ""));
    incident.bad = incident.deploy("v15");
    incident.wait_until_durable(&incident.bad);
    assert_eq!(env(incident), Value::Null);
    incident.undo();
    incident.wait_for_version(GOOD);
    assert_eq!(env(incident)[0]["name"], "REGION");
    incident.edit("base/deployment.yaml", |text| format!("{text}{ENV}"));
}

/// The next deploy takes it away for good, and is done.
fn taken_away(incident: &mut Incident<'_>) -> String {
    incident.edit("base/deployment.yaml", |text| text.replace(ENV, ""));
    let removed = incident.deploy("v16");
    incident.wait_for_version("v16");
    incident.wait("the deploy is done", |app| {
        app["operation"].is_null()
            && app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["sync"]["revision"] == *removed
    });
    removed
}

#[test]
fn a_field_that_an_undo_brought_back_outlives_its_removal_from_git() {
    let mut incident = Incident::none_yet("auto", "left-field", SERVICE);
    undone_with_a_field(&mut incident);
    // Nothing is applied by it: what runs is what is wanted already.
    let reverted = incident.revert();
    incident.scene.refresh().unwrap();
    incident.wait_until_durable(&reverted);
    let removed = taken_away(&mut incident);
    assert_eq!(env(&incident)[0]["name"], "REGION");
    // Not even a whole sync takes it away now.
    incident.sync_to(&removed);
    incident.wait_until_durable(&removed);
    assert_eq!(env(&incident)[0]["name"], "REGION");
}

#[test]
fn a_whole_sync_of_the_revert_makes_such_a_field_gits_again() {
    let mut incident = Incident::none_yet("auto", "left-owned", SERVICE);
    undone_with_a_field(&mut incident);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    taken_away(&mut incident);
    assert_eq!(env(&incident), Value::Null);
}

#[test]
fn under_server_side_apply_such_a_field_stays_although_the_revert_was_synced() {
    let mut incident = Incident::none_yet("auto", "left-server-side", SERVICE);
    let options = json!(["CreateNamespace=true", "ServerSideApply=true"]);
    incident.merge(&json!({"spec": {"syncPolicy": {"syncOptions": options}}}));
    undone_with_a_field(&mut incident);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    let removed = taken_away(&mut incident);
    incident.wait_until_durable(&removed);
    assert_eq!(env(&incident)[0]["name"], "REGION");
}
