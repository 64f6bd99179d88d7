//! Deploys that no webhook told of, read from the infra repo by a server.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::incidents::{Desk, FIRING, TOKEN, serving, settings};
use crate::stage::Stage;

#[test]
fn a_deploy_whose_webhook_was_lost_is_found_in_git_and_suspected() {
    let stage = Stage::with(|infra| {
        infra
            .deploy("payments", "production", "v1")
            .at("2026-09-01T08:00:00Z")
            .land()
            .unwrap();
    });
    let mut infra = stage.infra;
    let desk = Desk::new();
    let file = settings(&desk);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = format!(
        "{text}infra:\n  - {{repo: '{}', every_seconds: 5}}\n",
        stage.server.url("infra.git")
    );
    std::fs::write(&file, text).unwrap();
    let server = serving(&desk, &file);
    // Between two looks two deploys are made: the one in the middle is not lost either.
    for (version, at) in [("v2", "11:40:00"), ("v3", "11:50:00")] {
        infra
            .deploy("payments", "production", version)
            .at(&format!("2026-10-01T{at}Z"))
            .land()
            .unwrap();
    }
    let (status, _) = server
        .call("POST", "/intake/prometheus", "alert-secret", FIRING)
        .unwrap();
    assert_eq!(status, 202);
    let until = Instant::now() + Duration::from_mins(1);
    let shown = loop {
        let (_, listed) = server.call("GET", "/api/v1/incidents", TOKEN, "").unwrap();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        if let Some(id) = listed["incidents"][0]["id"].as_str() {
            let (_, shown) = server
                .call("GET", &format!("/api/v1/incidents/{id}"), TOKEN, "")
                .unwrap();
            let shown: Value = serde_json::from_str(&shown).unwrap();
            if shown["deploys"].as_array().unwrap().len() == 2 {
                break shown;
            }
        }
        assert!(Instant::now() < until, "{listed}");
        std::thread::sleep(Duration::from_millis(200));
    };
    let versions: Vec<_> = shown["deploys"].as_array().unwrap().iter().collect();
    assert_eq!(versions[0]["version"], "v2", "{shown}");
    assert_eq!(versions[1]["version"], "v3");
    assert_eq!(versions[1]["replaced"], "v2");
    let suspect = &shown["suspicion"]["suspects"][0]["deploy"];
    assert!(
        suspect
            .to_string()
            .contains(versions[1]["id"].as_str().unwrap()),
        "{shown}"
    );
    let _ = server.end().unwrap();
}

#[test]
fn a_repository_that_is_away_keeps_no_server_from_serving_and_is_said_once() {
    let desk = Desk::new();
    let file = settings(&desk);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = format!(
        "{text}infra:\n  - {{repo: 'http://olga:hunter2@127.0.0.1:1/infra.git', every_seconds: 5}}\n"
    );
    std::fs::write(&file, text).unwrap();
    let server = serving(&desk, &file);
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let (_, figures) = server.call("GET", "/metrics", "", "").unwrap();
        let failed = figures
            .lines()
            .find(|line| line.contains("ripcord_looks_total") && line.contains(r#"answered="no""#));
        if failed.is_some_and(|line| !line.ends_with(" 1")) {
            assert!(!figures.contains("hunter2"), "{figures}");
            break;
        }
        assert!(Instant::now() < until, "{figures}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let (status, _) = server.call("GET", "/healthz", "", "").unwrap();
    assert_eq!(status, 200);
    let said = server.end().unwrap();
    assert_eq!(said.matches("cannot be asked").count(), 1, "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
