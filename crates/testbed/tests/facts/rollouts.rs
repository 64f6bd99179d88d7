//! Canaries and blue-green deploys of Argo Rollouts under Argo CD.

use serde_json::{Value, json};

use crate::incident::{A_WHILE, BAD, GOOD, Incident, version};

const CANARY: &str = "checkout";

fn rollout(incident: &Incident<'_>) -> Value {
    incident.workload("argoproj.io/v1alpha1", "Rollout")
}

fn rollouts(incident: &Incident<'_>, args: &[&str]) {
    let args = [&["argo", "rollouts"], args, &[incident.service]].concat();
    incident.kubectl(&args);
}

fn wait_for(incident: &Incident<'_>, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    incident.wait_until(what, || {
        last = rollout(incident);
        holds(&last)
    });
    last
}

fn pods(incident: &Incident<'_>) -> Vec<String> {
    let pods = incident.scene.pods(incident.service).unwrap();
    pods.into_iter().map(|pod| pod.version).collect()
}

/// A version that was promoted to everybody.
fn promoted(incident: &mut Incident<'_>, version: &str) {
    incident.bad = incident.deploy(version);
    incident.wait("the deploy is synced", |app| {
        app["status"]["sync"]["revision"] == *incident.bad
    });
    wait_for(incident, "the canary begins", |rollout| {
        rollout["status"]["currentPodHash"] != rollout["status"]["stableRS"]
    });
    rollouts(incident, &["promote", "--full"]);
    incident.wait_until_durable(&incident.bad);
    let all = [version; 4];
    incident.wait_until("all pods are of it", || pods(incident) == all);
}

fn is_paused(rollout: &Value) -> bool {
    rollout["status"]["phase"] == "Paused"
}

#[test]
fn an_abort_takes_the_bad_pods_away_and_leaves_git_as_it_is() {
    let incident = Incident::of("canary", "roll-abort", CANARY);
    rollouts(&incident, &["abort"]);
    incident.wait_until("no bad pod", || pods(&incident) == [GOOD; 4]);
    let app = incident.wait("the Application says so", |app| {
        app["status"]["health"]["status"] == "Degraded"
    });
    assert_eq!(app["status"]["sync"]["status"], "Synced");
    std::thread::sleep(A_WHILE);
    assert_eq!(version(&rollout(&incident)), BAD);
    assert_eq!(pods(&incident), [GOOD; 4]);
}

#[test]
fn an_abort_a_revert_and_a_refresh_are_durable() {
    let mut incident = Incident::of("canary", "roll-durable", CANARY);
    rollouts(&incident, &["abort"]);
    let reverted = incident.revert();
    incident.refresh();
    incident.wait_until_durable(&reverted);
    incident.wait_until("no bad pod", || pods(&incident) == [GOOD; 4]);
    std::thread::sleep(A_WHILE);
    assert_eq!(pods(&incident), [GOOD; 4]);
}

#[test]
fn an_undo_of_a_rollout_is_undone_by_self_heal() {
    let incident = Incident::of("canary", "roll-undo", CANARY);
    rollouts(&incident, &["undo"]);
    assert_eq!(version(&rollout(&incident)), GOOD);
    wait_for(&incident, "undone", |rollout| version(rollout) == BAD);
}

#[test]
fn a_revert_after_full_promotion_waits_in_its_canary_until_it_is_promoted() {
    let mut incident = Incident::none_yet("canary", "roll-promote", CANARY);
    promoted(&mut incident, "v15");
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    wait_for(&incident, "it waits", is_paused);
    std::thread::sleep(A_WHILE);
    let seen = pods(&incident);
    let bad = seen.iter().filter(|version| *version == "v15").count();
    assert_eq!(bad, 3, "{seen:?}");
    rollouts(&incident, &["promote", "--full"]);
    incident.wait_until_durable(&reverted);
    incident.wait_until("no bad pod", || pods(&incident) == [GOOD; 4]);
}

#[test]
fn a_full_promotion_before_the_revert_is_seen_is_lost() {
    let mut incident = Incident::none_yet("canary", "roll-early", CANARY);
    promoted(&mut incident, "v15");
    let rollouts = incident.api("argoproj.io/v1alpha1", "Rollout", incident.scene.name());
    let promote = json!({"status": {"promoteFull": true}});
    let patch = kube::api::Patch::Merge(&promote);
    let params = kube::api::PatchParams::default();
    incident
        .bed
        .block_on(rollouts.patch_status(CANARY, &params, &patch))
        .unwrap();
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    wait_for(&incident, "it waits all the same", is_paused);
}

#[test]
fn with_a_rollback_window_a_revert_skips_the_canary() {
    let mut incident = Incident::none_yet("canary", "roll-window", CANARY);
    incident.edit("base/rollout.yaml", |text| {
        text.replace(
            "  strategy:",
            "  rollbackWindow:\n    revisions: 3\n  strategy:",
        )
    });
    promoted(&mut incident, "v15");
    let reverted = incident.revert();
    incident.refresh();
    incident.wait_until_durable(&reverted);
    incident.wait_until("no bad pod", || pods(&incident) == [GOOD; 4]);
}

#[test]
fn a_blue_green_revert_within_the_delay_starts_no_new_pods() {
    let mut incident = Incident::none_yet("blue-green", "roll-blue-green", "search");
    incident.bad = incident.deploy("v15");
    let active = |incident: &Incident<'_>| rollout(incident)["status"]["blueGreen"].clone();
    let before = active(&incident)["activeSelector"].clone();
    wait_for(&incident, "switched", |rollout| {
        rollout["status"]["blueGreen"]["activeSelector"] != before
    });
    let names = |incident: &Incident<'_>| {
        let all = incident.kubectl(&["get", "pods", "-o", "name", "-l", "app=search"]);
        all.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let with_both = names(&incident);
    assert_eq!(with_both.len(), 8, "{with_both:?}");
    incident.revert();
    incident.refresh();
    wait_for(&incident, "switched back", |rollout| {
        rollout["status"]["blueGreen"]["activeSelector"] == before
    });
    assert_eq!(names(&incident), with_both);
}

/// Gives the canary a router of traffic: an Ingress whose weights Argo Rollouts writes. `more` are
/// further settings of its strategy.
fn with_a_router(name: &str, more: &str) -> Incident<'static> {
    let mut incident = Incident::none_yet("canary", name, CANARY);
    let service = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": CANARY}, "ports": [{"port": 80}]},
        })
    };
    let backend = json!({"service": {"name": "checkout-stable", "port": {"number": 80}}});
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": CANARY},
        "spec": {"ingressClassName": "nginx", "rules": [{
            "host": "checkout.example",
            "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
        }]},
    });
    let folder = "services/checkout/base";
    let infra = incident.scene.infra();
    for (file, object) in [
        ("stable.yaml", service("checkout-stable")),
        ("canary.yaml", service("checkout-canary")),
        ("ingress.yaml", ingress),
    ] {
        infra.write(&format!("{folder}/{file}"), object.to_string());
    }
    incident.edit("base/kustomization.yaml", |text| {
        let more = "resources:\n  - stable.yaml\n  - canary.yaml\n  - ingress.yaml\n";
        text.replace("resources:\n", more)
    });
    let tip = incident.edit("base/rollout.yaml", |text| {
        let router = "    canary:
      stableService: checkout-stable
      canaryService: checkout-canary
      trafficRouting:
        nginx:
          stableIngress: checkout
";
        text.replace("    canary:\n", &format!("{router}{more}"))
    });
    incident.refresh();
    // Nobody gives the Ingress an address here, so the Application never becomes Healthy.
    incident.wait("synced", |app| {
        app["status"]["sync"]["status"] == "Synced" && app["status"]["sync"]["revision"] == *tip
    });
    wait_for(&incident, "its router is seen", |rollout| {
        let generation = rollout["metadata"]["generation"].to_string();
        let status = &rollout["status"];
        status["phase"] == "Healthy" && status["observedGeneration"] == generation.as_str()
    });
    incident
}

/// The share of requests that the canary gets.
fn weight(incident: &Incident<'_>) -> String {
    incident.kubectl(&[
        "get",
        "ingress",
        "checkout-checkout-canary",
        "--ignore-not-found",
        "-o",
        "jsonpath={.metadata.annotations.nginx\\.ingress\\.kubernetes\\.io/canary-weight}",
    ])
}

#[test]
fn with_a_router_an_abort_turns_the_traffic_at_once_and_the_bad_pods_stay_for_a_while() {
    let mut incident = with_a_router("roll-router", "");
    incident.deploy("v15");
    incident.wait_until("a quarter of the traffic", || weight(&incident) == "25");
    wait_for(&incident, "it waits", is_paused);
    rollouts(&incident, &["abort"]);
    incident.wait_until("no traffic", || weight(&incident) == "0");
    std::thread::sleep(A_WHILE);
    assert!(pods(&incident).contains(&"v15".to_owned()));
}

#[test]
fn with_a_stable_side_that_shrinks_an_abort_turns_the_traffic_only_as_its_pods_come_back() {
    let mut incident = with_a_router("roll-dynamic", "      dynamicStableScale: true\n");
    incident.deploy("v15");
    incident.wait_until("a quarter of the traffic", || weight(&incident) == "25");
    let count = |wanted: &str| {
        let all = pods(&incident);
        all.iter().filter(|version| *version == wanted).count()
    };
    incident.wait_until("the stable side shrinks", || count(GOOD) == 3);
    rollouts(&incident, &["abort"]);
    incident.wait_until("no traffic", || weight(&incident) == "0");
    let good = incident.scene.pods(CANARY).unwrap();
    let ready = good.iter().filter(|pod| pod.version == GOOD && pod.ready);
    assert_eq!(ready.count(), 4, "{good:?}");
}
