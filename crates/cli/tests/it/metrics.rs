//! The figures of delivery, from what a server took in to the command line.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::incidents::{Desk, FIRING, TOKEN, serving, settings};
use crate::stage::{assert_says, json as parsed};

/// What Argo CD's notification says of a sync that went well.
fn sync(minute: u32, version: &str) -> String {
    let at = |second: u32| format!("2026-10-01T11:{minute:02}:{second:02}Z");
    json!({
        "ripcord": "argocd/1", "event": version, "uid": "u-1", "name": "payments", "namespace": "argocd",
        "cluster": "https://kubernetes.default.svc", "project": "default", "labels": {"app": "payments"},
        "phase": "Succeeded", "startedAt": at(0), "finishedAt": at(20), "sync": "Synced",
        "health": "Healthy", "healthSince": at(40), "historyId": minute, "revision": format!("commit-of-{version}"),
        "revisions": null, "images": [format!("registry.example/payments:{version}")], "message": "ok",
    })
    .to_string()
}

#[test]
fn a_deploy_that_a_person_charged_with_an_incident_is_the_one_that_failed() {
    let desk = Desk::new();
    let records = desk.write("incidents.sqlite", "");
    let file = settings(&desk);
    let text = std::fs::read_to_string(&file).unwrap();
    let argocd = "  argocd: {kind: argocd, secrets: [{env: ALERTS}]}\n";
    let text = text.replace("tokens:", &format!("{argocd}tokens:"));
    let file = desk.write("both.yaml", &format!("records: '{records}'\n{text}"));
    let server = serving(&desk, &file);
    for (minute, version) in [(30, "v1"), (50, "v2")] {
        let body = sync(minute, version);
        assert_eq!(
            server
                .call("POST", "/intake/argocd", "alert-secret", &body)
                .unwrap()
                .0,
            202
        );
    }
    assert_eq!(
        server
            .call("POST", "/intake/prometheus", "alert-secret", FIRING)
            .unwrap()
            .0,
        202
    );
    let until = Instant::now() + Duration::from_mins(1);
    let id = loop {
        let (_, listed) = server.call("GET", "/api/v1/incidents", TOKEN, "").unwrap();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        if let Some(id) = listed["incidents"][0]["id"].as_str() {
            break id.to_owned();
        }
        assert!(Instant::now() < until, "{listed}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let _ = server.end().unwrap();

    let run = |words: &[&str]| {
        let words = [words, &["--records", &records]].concat();
        desk.ripcord()
            .at("2026-10-03T12:00:00Z")
            .run(words)
            .unwrap()
    };
    let failed = |metrics: &Value| {
        let figures = metrics["applications"][0]["figures"].as_array().unwrap();
        let rate = figures
            .iter()
            .find(|figure| figure["measure"] == "change_fail_rate");
        rate.unwrap().clone()
    };
    let before = failed(&parsed(run(&["metrics", "-o", "json"]), 0));
    assert_ne!(before["value"]["count"], 1, "only suspected: {before}");
    let why = ["--why", "the stack trace is of its code"];
    let charge = [
        &["incident", "charge", &id, "--deploy", "commit-of-v2"][..],
        &why,
    ]
    .concat();
    let _ = run(&charge).assert_code(0);
    let shown = run(&["metrics", "--rows"]).assert_code(0);
    assert_says(
        &shown,
        &["change fail rate", "50", "payments in production"],
    );
    let csv = run(&["metrics", "--csv"]).assert_code(0);
    assert!(csv.stdout.contains("commit-of-v2"), "{}", csv.stdout);
    // None that is asked for is not every one.
    let other = run(&["metrics", "--service", "cart"]).assert_code(1);
    assert_says(&other, &["neither a deploy nor an incident"]);
}

#[test]
fn a_period_that_is_empty_is_told() {
    let desk = Desk::new();
    let words = ["metrics", "--since", "1h", "--until", "2h"];
    let refused = desk.run(&words).assert_code(2);
    assert_says(&refused, &["is empty", "--until"]);
}
