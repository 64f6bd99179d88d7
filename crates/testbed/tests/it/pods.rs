//! Pods behave as their image says, and Kubernetes sees it as it would see a kubelet's word.

use ripcord_testbed::pods::BEHAVIOURS;
use serde_json::{Value, json};

use crate::place::{Place, quick};

fn reason(status: &Value) -> &Value {
    &status["containerStatuses"][0]["state"]["waiting"]["reason"]
}

fn ready(status: &Value) -> &Value {
    let conditions = status["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|one| one["type"] == "Ready")
        .map_or(&Value::Null, |one| &one["status"])
}

#[test]
fn a_usual_image_becomes_ready_and_its_deployment_available() {
    let place = Place::new("pods-ready");
    place.apply(&place.deployment("web", "acme/web:v1", &quick()));
    let deployments = place.api("apps/v1", "Deployment");
    place.sees(&deployments, "web", "/status/availableReplicas", &json!(1));
}

#[test]
fn what_an_image_is_called_decides_how_its_pods_end() {
    let place = Place::new("pods-bad");
    let start = |name: &str| {
        let image = format!("acme/web:v2-{name}");
        place.apply(&place.deployment(name, &image, &quick()));
    };
    for name in BEHAVIOURS {
        start(name);
    }
    place.sees_pod("crash", "a crash loop", |status| {
        reason(status) == "CrashLoopBackOff" && ready(status) == "False"
    });
    place.sees_pod("oom", "too little memory", |status| {
        let last = &status["containerStatuses"][0]["lastState"]["terminated"];
        last["reason"] == "OOMKilled" && last["exitCode"] == 137
    });
    place.sees_pod("no-image", "an image that is not there", |status| {
        reason(status) == "ImagePullBackOff" && status["phase"] == "Pending"
    });
    place.sees_pod("never-ready", "a process that is never ready", |status| {
        let running = &status["containerStatuses"][0]["state"]["running"];
        running.is_object() && ready(status) == "False"
    });
}

#[test]
fn a_tag_that_is_only_the_behaviour_counts_and_one_that_contains_it_does_not() {
    let place = Place::new("pods-tags");
    place.apply(&place.deployment("only", "acme/web:crash", &quick()));
    place.apply(&place.deployment("part", "acme/web:crashless", &quick()));
    place.sees_pod("only", "a crash loop", |status| {
        reason(status) == "CrashLoopBackOff"
    });
    place.sees_pod("part", "a ready pod", |status| ready(status) == "True");
}

#[test]
fn an_annotation_decides_over_the_image() {
    let place = Place::new("pods-annotated");
    let mut annotations = quick();
    annotations["testbed.ripcord/behaves"] = "crash".into();
    place.apply(&place.deployment("web", "acme/web:v1", &annotations));
    place.sees_pod("web", "a crash loop", |status| {
        reason(status) == "CrashLoopBackOff"
    });
}

#[test]
fn a_pod_that_fails_later_is_ready_first() {
    let place = Place::new("pods-later");
    let mut annotations = quick();
    annotations["testbed.ripcord/fails-after"] = "2s".into();
    place.apply(&place.deployment("web", "acme/web:v2-fails-later", &annotations));
    place.sees_pod("web", "ready", |status| ready(status) == "True");
    place.sees_pod("web", "not ready any more", |status| {
        ready(status) == "False"
    });
}

#[test]
fn jobs_succeed_fail_and_hang() {
    let place = Place::new("pods-jobs");
    place.apply(&place.job("good", "acme/migrate:v1"));
    place.apply(&place.job("unready", "acme/migrate:v2-never-ready"));
    place.apply(&place.job("bad", "acme/migrate:v2-fails"));
    place.apply(&place.job("hung", "acme/migrate:v2-hangs"));
    let jobs = place.api("batch/v1", "Job");
    place.sees(&jobs, "good", "/status/succeeded", &json!(1));
    place.sees(&jobs, "unready", "/status/succeeded", &json!(1));
    place.sees(&jobs, "bad", "/status/failed", &json!(1));
    place.sees(&jobs, "hung", "/status/ready", &json!(1));
}

#[test]
fn a_pod_that_does_not_listen_stays_until_its_grace_is_over() {
    let place = Place::new("pods-grace");
    let mut annotations = quick();
    annotations["testbed.ripcord/stops"] = "killed".into();
    let mut stubborn = place.deployment("web", "acme/web:v1", &annotations);
    stubborn["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 3.into();
    place.apply(&stubborn);
    place.sees_pod("web", "ready", |status| ready(status) == "True");
    let pods = place.api("v1", "Pod");
    let bed = place.bed;
    let took = bed.block_on(async {
        let listed = pods.list(&kube::api::ListParams::default()).await.unwrap();
        let name = listed.items[0].metadata.name.clone().unwrap();
        let asked = std::time::Instant::now();
        pods.delete(&name, &kube::api::DeleteParams::default())
            .await
            .unwrap();
        bed.wait_for("the pod is gone", crate::place::SOON, || async {
            match pods.get_opt(&name).await {
                Ok(None) => Ok(asked.elapsed()),
                other => Err(format!("{:?}", other.map(|found| found.is_some()))),
            }
        })
        .await
        .unwrap()
    });
    // `deletionTimestamp` has whole seconds.
    assert!(took.as_secs_f64() > 1.9, "{took:?}");
}
