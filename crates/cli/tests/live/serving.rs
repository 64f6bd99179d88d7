//! A server beside a real Argo CD, and as the manifests in `deploy/` bring it into a cluster.

use std::path::Path;
use std::time::{Duration, Instant};

use ripcord_testbed::Testbed;
use ripcord_testkit::{Ripcord, Scratch, Serving};
use serde_json::{Value, json};

use crate::outage::{Outage, PAYMENTS};

const TOKEN: &str = "0123456789abcdef-rosa";

/// An alert that fires now.
#[expect(
    clippy::disallowed_methods,
    reason = "the deploys of a real Argo CD are dated by the clock of this machine"
)]
fn firing() -> String {
    json!({
        "version": "4", "groupKey": "g", "status": "firing",
        "alerts": [{
            "status": "firing", "labels": {"alertname": "PaymentsFail", "service": PAYMENTS}, "annotations": {},
            "startsAt": jiff::Timestamp::now(), "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f1",
        }],
    })
    .to_string()
}

#[test]
fn what_argo_cd_synced_without_a_webhook_is_among_the_suspects() {
    let outage = Outage::of("auto", "live-looked-at", PAYMENTS);
    let settings = outage.scratch.path().join("server.yaml");
    let text = json!({
        "records": outage.scratch.path().join("incidents.sqlite"),
        "sources": {"prometheus": {"kind": "alertmanager", "secrets": [{"env": "ALERTS"}]}},
        "argocd": {"main": {
            "mapping": {"services": {"argocd/live-looked-at": PAYMENTS}}, "every_seconds": 5,
        }},
        "tokens": [{"name": "rosa", "role": "responder", "secret": {"env": "ROSA"}}],
    });
    std::fs::write(&settings, text.to_string()).unwrap();
    let ripcord = outage
        .ripcord()
        .env("ALERTS", "alert-secret")
        .env("ROSA", TOKEN);
    let server = Serving::start(&ripcord, settings.to_str().unwrap()).unwrap();
    let (status, _) = server
        .call("POST", "/intake/prometheus", "alert-secret", &firing())
        .unwrap();
    assert_eq!(status, 202);
    let until = Instant::now() + Duration::from_mins(1);
    let suspicion = loop {
        let get = |path: &str| -> Value {
            let (_, body) = server.call("GET", path, TOKEN, "").unwrap();
            serde_json::from_str(&body).unwrap()
        };
        let listed = get("/api/v1/incidents");
        let suspicion = match listed["incidents"][0]["id"].as_str() {
            Some(id) => get(&format!("/api/v1/incidents/{id}"))["suspicion"].clone(),
            None => Value::Null,
        };
        if suspicion["suspects"][0].is_object() {
            break suspicion;
        }
        assert!(Instant::now() < until, "{listed} {suspicion}");
        std::thread::sleep(Duration::from_millis(200));
    };
    let first = &suspicion["suspects"][0]["deploy"];
    assert_eq!(first["id"], outage.bad, "{suspicion}");
    let _ = server.end().unwrap();
}

#[test]
fn the_manifests_are_taken_by_a_cluster_and_their_settings_by_a_server() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/kustomize/base");
    let bed = Testbed::shared().unwrap();
    let folder = base.to_str().unwrap();
    bed.kubectl("ripcord", &["apply", "-k", folder]).unwrap();
    let made = bed.kubectl("ripcord", &["get", "deployment", "ripcord", "-o", "json"]);
    let made: Value = serde_json::from_str(&made.unwrap()).unwrap();
    // What the namespace's rule for pods refuses is only warned of at a Deployment, and no pod would come.
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let pods = bed
            .kubectl("ripcord", &["get", "pods", "-o", "name"])
            .unwrap();
        if !pods.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "no pod is made: {made:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
    bed.kubectl("ripcord", &["delete", "-k", folder, "--wait=false"])
        .unwrap();

    let scratch = Scratch::new().unwrap();
    let text = std::fs::read_to_string(base.join("settings/server.yaml")).unwrap();
    let here = scratch.path().join("incidents.sqlite");
    let text = text.replace("/var/lib/ripcord/incidents.sqlite", here.to_str().unwrap());
    let settings = scratch.path().join("server.yaml");
    std::fs::write(&settings, text).unwrap();
    let checked = Ripcord::new(&scratch, env!("CARGO_BIN_EXE_ripcord"))
        .env("ALERTMANAGER_TOKEN", "alert-secret")
        .env("TOKEN_ON_CALL", TOKEN)
        .run(["serve", "--check", "--settings", settings.to_str().unwrap()])
        .unwrap();
    let _ = checked.assert_code(0);
}
