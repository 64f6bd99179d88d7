//! What a way back leaves behind, or runs without being asked: hooks, pruning, Jobs, fields.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry as Owner;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE, version};

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
    incident.refresh();
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

/// Syncs as told, with more than the usual.
fn sync_with(incident: &Incident<'_>, revision: &str, sync: &Value) {
    let mut operation = ripcord_testbed::operation(revision);
    for (name, value) in sync.as_object().unwrap() {
        operation["sync"][name] = value.clone();
    }
    let asked = incident.scene.application().ask(&operation);
    asked.unwrap().unwrap();
    incident.acted();
}

#[test]
fn what_the_bad_version_added_stays_when_nothing_prunes() {
    let (incident, reverted) = with_an_extra_object("auto", "left-extra");
    sync_with(&incident, &reverted, &json!({"prune": false}));
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
fn what_the_bad_version_added_goes_when_only_the_policy_prunes() {
    let (incident, reverted) = with_an_extra_object("auto-heal", "left-by-policy");
    sync_with(&incident, &reverted, &json!({"prune": false}));
    incident.wait_until("it goes", || extra(&incident).is_empty());
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
    incident.refresh();
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

/// The Job is of the bad version too; then a revert.
fn with_a_job_of_the_bad_version(name: &str) -> (Incident<'static>, String) {
    let mut incident = with_a_job(name);
    // So that self-heal does not make it again of the good version.
    incident.without_auto_sync(|incident| {
        incident.kubectl(&["delete", "job", "seed"]);
        incident.bad = incident.scene.deploy(SERVICE, "v15").unwrap();
    });
    incident.wait_until_durable(&incident.bad);
    let reverted = incident.revert();
    (incident, reverted)
}

#[test]
fn a_forced_replacement_makes_an_immutable_job_anew() {
    let (incident, reverted) = with_a_job_of_the_bad_version("left-job-forced");
    let forced = json!({
        "syncOptions": ["Replace=true"], "syncStrategy": {"apply": {"force": true}},
    });
    sync_with(&incident, &reverted, &forced);
    incident.wait_until_durable(&reverted);
    let image = incident.kubectl(&["get", "job", "seed", "-o", "jsonpath={..image}"]);
    assert_eq!(image, format!("acme/{SERVICE}:{GOOD}"));
}

#[test]
fn a_revert_that_fails_on_an_immutable_job_has_changed_the_deployment_back() {
    let (incident, reverted) = with_a_job_of_the_bad_version("left-job-revert");
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
    without_a_field(incident);
    incident.undo();
    brought_back(incident);
}

/// The bad version takes a variable away.
fn without_a_field(incident: &mut Incident<'_>) {
    incident.edit("base/deployment.yaml", |text| format!("{text}{ENV}"));
    incident.good = incident.deploy(GOOD);
    incident.wait_until_durable(&incident.good);
    incident.edit("base/deployment.yaml", |text| text.replace(ENV, ""));
    incident.bad = incident.deploy("v15");
    incident.wait_until_durable(&incident.bad);
    assert_eq!(env(incident), Value::Null);
}

/// An undo has brought it back, and so does Git.
fn brought_back(incident: &mut Incident<'_>) {
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
    incident.refresh();
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

const SERVER_SIDE: [&str; 2] = ["CreateNamespace=true", "ServerSideApply=true"];

/// An Application whose syncs are server-side.
fn server_side(name: &str) -> Incident<'static> {
    let incident = Incident::none_yet("auto", name, SERVICE);
    incident.merge(&json!({"spec": {"syncPolicy": {"syncOptions": SERVER_SIDE}}}));
    incident
}

#[test]
fn an_operation_has_the_sync_options_that_it_names_and_not_the_policys() {
    let mut incident = server_side("left-options");
    let applied = |incident: &Incident<'_>| {
        let deployment = incident.workload("apps/v1", "Deployment");
        let owners = deployment["metadata"]["managedFields"]
            .as_array()
            .unwrap()
            .clone();
        owners.iter().any(|owner| {
            owner["manager"] == "argocd-controller"
                && owner["operation"] == "Apply"
                && !owner["fieldsV1"]["f:spec"]["f:replicas"].is_null()
        })
    };
    let reverted = incident.edit("base/deployment.yaml", |text| {
        text.replace("replicas: 4", "replicas: 3")
    });
    sync_with(&incident, &reverted, &json!({}));
    incident.wait_until_durable(&reverted);
    assert!(!applied(&incident), "it was not server-side");
    sync_with(&incident, &reverted, &json!({"syncOptions": SERVER_SIDE}));
    incident.wait_until("it was server-side", || applied(&incident));
}

#[test]
fn under_server_side_apply_an_undo_in_the_name_of_client_side_apply_leaves_nothing() {
    let mut incident = server_side("left-as-apply");
    without_a_field(&mut incident);
    undo_as(&incident, "kubectl-client-side-apply");
    brought_back(&mut incident);
    let reverted = incident.revert();
    sync_with(&incident, &reverted, &json!({"syncOptions": SERVER_SIDE}));
    incident.wait_until_durable(&reverted);
    taken_away(&mut incident);
    assert_eq!(env(&incident), Value::Null);
}

#[test]
fn under_server_side_apply_nothing_is_left_when_the_undos_ownership_is_taken_away() {
    let mut incident = server_side("left-disowned");
    undone_with_a_field(&mut incident);
    let reverted = incident.revert();
    sync_with(&incident, &reverted, &json!({"syncOptions": SERVER_SIDE}));
    incident.wait_until_durable(&reverted);
    // Now Argo CD owns it too; before the sync nobody would.
    disown(&incident);
    taken_away(&mut incident);
    assert_eq!(env(&incident), Value::Null);
}

/// Gives the Deployment the pods of the good version, as the owner of this name.
fn undo_as(incident: &Incident<'_>, owner: &str) {
    let sets = incident.api("apps/v1", "ReplicaSet", incident.scene.name());
    let deployments = incident.api("apps/v1", "Deployment", incident.scene.name());
    incident.bed.block_on(async {
        let listed = sets.list(&ListParams::default()).await.unwrap();
        let template = |set: &DynamicObject| {
            let found = &set.data["spec"]["template"];
            let is_good =
                version(&set.data) == GOOD && !found["spec"]["containers"][0]["env"].is_null();
            is_good.then(|| found.clone())
        };
        let mut template = listed.items.iter().find_map(template).unwrap();
        let labels = template["metadata"]["labels"].as_object_mut().unwrap();
        labels.remove("pod-template-hash");
        let replace = json!([{"op": "replace", "path": "/spec/template", "value": template}]);
        let patch: json_patch::Patch = serde_json::from_value(replace).unwrap();
        let params = PatchParams {
            field_manager: Some(owner.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::<()>::Json(patch);
        deployments.patch(SERVICE, &params, &patch).await.unwrap();
    });
    incident.acted();
}

/// Takes the ownership away that `kubectl rollout undo` took.
fn disown(incident: &Incident<'_>) {
    let deployments = incident.api("apps/v1", "Deployment", incident.scene.name());
    incident.bed.block_on(async {
        let found = deployments.get(SERVICE).await.unwrap();
        let owners = found.metadata.managed_fields.unwrap();
        let is_undos = |owner: &Owner| owner.manager.as_deref() == Some("kubectl");
        let index = owners.iter().position(is_undos).unwrap();
        let path = format!("/metadata/managedFields/{index}");
        let patch: json_patch::Patch =
            serde_json::from_value(json!([{"op": "remove", "path": path}])).unwrap();
        let patch = Patch::<()>::Json(patch);
        deployments
            .patch(SERVICE, &PatchParams::default(), &patch)
            .await
            .unwrap();
    });
}

#[test]
fn under_server_side_apply_such_a_field_stays_although_the_revert_was_synced() {
    let mut incident = server_side("left-server-side");
    undone_with_a_field(&mut incident);
    let reverted = incident.revert();
    sync_with(&incident, &reverted, &json!({"syncOptions": SERVER_SIDE}));
    incident.wait_until_durable(&reverted);
    let removed = taken_away(&mut incident);
    incident.wait_until_durable(&removed);
    assert_eq!(env(&incident)[0]["name"], "REGION");
}
