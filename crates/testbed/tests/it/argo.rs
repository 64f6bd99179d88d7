//! Argo CD and Argo Rollouts are real: they read the repository and change the cluster.

use ripcord_testkit::{InfraRepo, Scratch, deployment};
use serde_json::{Value, json};

use crate::place::Place;

fn web(image: &str) -> String {
    let mut text = deployment("web");
    text += "\n";
    let begin = text.find("image: ").unwrap();
    let end = begin + text[begin..].find('\n').unwrap();
    text.replace_range(begin..end, &format!("image: {image}"));
    text
}

fn repository(place: &Place, name: &str) -> (Scratch, InfraRepo) {
    let scratch = Scratch::new().unwrap();
    let path = place.bed.git().create(name).unwrap();
    let infra = InfraRepo::open(&scratch, &path).unwrap();
    (scratch, infra)
}

fn application(place: &Place, repository: &str, policy: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": place.namespace, "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": place.bed.url_for_argocd(repository).unwrap(),
                "targetRevision": "main",
                "path": "web",
            },
            "destination": {
                "server": "https://kubernetes.default.svc",
                "namespace": place.namespace,
            },
            "syncPolicy": policy,
        },
    })
}

fn applications(place: &Place) -> kube::Api<kube::api::DynamicObject> {
    let objects = place.bed.objects();
    let api = objects.api("argoproj.io/v1alpha1", "Application", Some("argocd"));
    place.bed.block_on(api).unwrap()
}

#[test]
fn a_commit_becomes_what_runs_and_a_bad_one_is_degraded() {
    let place = Place::new("argo-sync");
    let (_scratch, mut infra) = repository(&place, "argo-sync.git");
    infra.write("web/web.yaml", web("acme/web:v1"));
    infra.commit("Deploy web v1").land().unwrap();
    let automated = json!({"automated": {"selfHeal": true, "prune": true}});
    place.apply(&application(&place, "argo-sync.git", &automated));
    let apps = applications(&place);
    place.sees(
        &apps,
        "argo-sync",
        "/status/health/status",
        &json!("Healthy"),
    );
    place.sees(&apps, "argo-sync", "/status/sync/status", &json!("Synced"));

    infra.write("web/web.yaml", web("acme/web:v2-crash"));
    let bad = infra.commit("Deploy web v2").land().unwrap();
    let mut refreshed = application(&place, "argo-sync.git", &automated);
    refreshed["metadata"]["annotations"] = json!({"argocd.argoproj.io/refresh": "normal"});
    place.apply(&refreshed);
    place.sees(&apps, "argo-sync", "/status/sync/revision", &json!(bad));
    place.sees_pod("web", "the bad version crashes", |status| {
        let main = &status["containerStatuses"][0];
        main["image"] == "acme/web:v2-crash"
            && main["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    });
}

#[test]
fn a_change_behind_its_back_is_undone() {
    let place = Place::new("argo-heal");
    let (_scratch, mut infra) = repository(&place, "argo-heal.git");
    infra.write("web/web.yaml", web("acme/web:v1"));
    infra.commit("Deploy web v1").land().unwrap();
    let automated = json!({"automated": {"selfHeal": true}});
    place.apply(&application(&place, "argo-heal.git", &automated));
    place.sees(
        &applications(&place),
        "argo-heal",
        "/status/health/status",
        &json!("Healthy"),
    );
    let deployments = place.api("apps/v1", "Deployment");
    let image = "/spec/template/spec/containers/0/image";
    let patch = json!([{"op": "replace", "path": image, "value": "acme/web:other"}]);
    let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
    place.bed.block_on(async {
        let patch = kube::api::Patch::<()>::Json(patch);
        let params = kube::api::PatchParams::default();
        deployments.patch("web", &params, &patch).await.unwrap();
    });
    place.sees(&deployments, "web", image, &json!("acme/web:v1"));
}

#[test]
fn argo_cd_has_the_configuration_that_it_is_delivered_with() {
    let place = Place::new("argo-config");
    let settings = place
        .bed
        .block_on(place.bed.objects().api("v1", "ConfigMap", Some("argocd")))
        .unwrap();
    let found = place.bed.block_on(settings.get("argocd-cm")).unwrap();
    let exclusions = found.data["data"]["resource.exclusions"].as_str().unwrap();
    assert!(exclusions.contains("EndpointSlice"), "{exclusions}");
}

#[test]
fn a_canary_stops_at_its_first_step() {
    let place = Place::new("argo-rollout");
    let rollout = |image: &str| {
        let mut rollout = place.deployment("web", image, &crate::place::quick());
        rollout["apiVersion"] = "argoproj.io/v1alpha1".into();
        rollout["kind"] = "Rollout".into();
        rollout["spec"]["replicas"] = 4.into();
        rollout["spec"]["strategy"] =
            json!({"canary": {"steps": [{"setWeight": 25}, {"pause": {}}]}});
        rollout
    };
    place.apply(&rollout("acme/web:v1"));
    let rollouts = place.api("argoproj.io/v1alpha1", "Rollout");
    place.sees(&rollouts, "web", "/status/phase", &json!("Healthy"));
    place.apply(&rollout("acme/web:v2"));
    place.sees(&rollouts, "web", "/status/phase", &json!("Paused"));
    place.sees(&rollouts, "web", "/status/updatedReplicas", &json!(1));
}
