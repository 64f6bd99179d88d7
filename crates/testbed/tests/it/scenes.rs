//! Every scene comes to rest, and what happens in it can be seen.

use ripcord_testbed::{Options, Scene, Testbed, scenes};
use serde_json::{Value, json};

use crate::place::SOON;

/// What the responder says of a service.
fn asked(bed: &Testbed, namespace: &str, service: &str) -> (u16, Value) {
    let url = format!("{}/{namespace}/{service}", bed.responder());
    bed.block_on(async {
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    })
}

fn wait_for_answer(bed: &Testbed, namespace: &str, service: &str, status: u16, image: &Value) {
    let url = format!("{}/{namespace}/{service}", bed.responder());
    let what = format!("{service} answers {status}");
    let waited = bed.wait_for(&what, SOON, || async {
        let answer = reqwest::get(&url)
            .await
            .map_err(|error| error.to_string())?;
        let said = answer.status().as_u16();
        let body: Value = answer.json().await.map_err(|error| error.to_string())?;
        if said == status && body["image"] == *image {
            Ok(())
        } else {
            Err(format!("{said} {body}"))
        }
    });
    bed.block_on(waited).unwrap();
}

#[test]
fn every_scene_becomes_healthy() {
    let bed = Testbed::shared().unwrap();
    let set: Vec<Scene> = scenes()
        .unwrap()
        .iter()
        .map(|scene| Scene::set(bed, scene, &format!("scene-{scene}")).unwrap())
        .collect();
    assert!(set.len() >= 15);
    for scene in &set {
        if scene.name() == "scene-manual" {
            // Nobody has synced it yet; that is the scene.
            continue;
        }
        scene.wait_until("Healthy").unwrap();
    }
}

#[test]
fn the_repository_has_a_month_of_history() {
    let bed = Testbed::shared().unwrap();
    let mut scene = Scene::set(bed, "manual", "scene-history").unwrap();
    let infra = scene.infra();
    let deploys = infra
        .git(&["log", "--format=%an %s", "--grep=payments-service", "main"])
        .unwrap();
    assert_eq!(deploys.lines().count(), 13, "{deploys}");
    let dates = infra.git(&["log", "--format=%ct", "main"]).unwrap();
    let dates: Vec<i64> = dates.lines().map(|line| line.parse().unwrap()).collect();
    let days = (dates[0] - dates[dates.len() - 1]) / (24 * 3600);
    assert!((15..=30).contains(&days), "{days}");
    assert!(dates.windows(2).all(|pair| pair[0] >= pair[1]));
    let tip = infra
        .read("services/payments-service/overlays/production/kustomization.yaml")
        .unwrap();
    assert!(tip.contains("newTag: v14"), "{tip}");
}

#[test]
fn traffic_follows_what_the_ready_pods_run() {
    let bed = Testbed::shared().unwrap();
    let mut scene = Scene::set(bed, "auto-heal", "scene-traffic").unwrap();
    assert_eq!(asked(bed, "scene-traffic", "nothing").0, 503);
    scene.wait_until("Healthy").unwrap();
    let service = "payments-service";
    let good = json!("acme/payments-service:v14");
    wait_for_answer(bed, "scene-traffic", service, 200, &good);
    // Ready, and answering with errors: no probe sees it.
    scene.deploy(service, "v15-errors").unwrap();
    scene.refresh().unwrap();
    let bad = json!("acme/payments-service:v15-errors");
    wait_for_answer(bed, "scene-traffic", service, 500, &bad);
}

#[test]
fn the_requests_that_fail_through_an_incident_are_counted() {
    let bed = Testbed::shared().unwrap();
    let mut scene = Scene::set(bed, "auto-heal", "scene-users").unwrap();
    scene.wait_until("Healthy").unwrap();
    let service = "payments-service";
    let versions = |version: &str| {
        let image = json!(format!("acme/{service}:{version}"));
        let status = if version.ends_with("errors") {
            500
        } else {
            200
        };
        wait_for_answer(bed, "scene-users", service, status, &image);
    };
    versions("v14");
    let users = scene.traffic(service);
    for version in ["v15-errors", "v16"] {
        scene.deploy(service, version).unwrap();
        scene.refresh().unwrap();
        versions(version);
    }
    scene.wait_until("Healthy").unwrap();
    let through = users.end().unwrap();
    assert!(through.failed > 0 && through.answered > 0, "{through:?}");
    let (first, last) = through.failing.unwrap();
    assert!(first < last, "{through:?}");
}

#[test]
fn one_argo_cd_deploys_to_two_clusters() {
    let options = Options {
        rollouts: false,
        more_clusters: vec!["edge".into()],
        ..Options::default()
    };
    let bed = Testbed::start(&options).unwrap();
    let edge = bed.register("edge").unwrap();
    let here = Scene::set(&bed, "auto-heal", "here").unwrap();
    let there = Scene::set_on(&bed, "auto-heal", "there", &edge).unwrap();
    here.wait_until("Healthy").unwrap();
    there.wait_until("Healthy").unwrap();
    let pods = |cluster: usize, namespace: &str| {
        bed.block_on(async {
            let objects = bed.clusters()[cluster].objects();
            let api = objects.api("v1", "Pod", Some(namespace)).await.unwrap();
            let listed = api.list(&kube::api::ListParams::default()).await.unwrap();
            listed.items.len()
        })
    };
    assert_eq!((pods(0, "here"), pods(1, "here")), (4, 0));
    assert_eq!((pods(0, "there"), pods(1, "there")), (0, 4));
}

#[test]
fn a_scene_that_there_is_not_is_told_with_those_that_there_are() {
    let bed = Testbed::shared().unwrap();
    let error = Scene::set(bed, "thursday", "scene-none").err().unwrap();
    assert!(error.to_string().contains("auto-heal"), "{error}");
}
