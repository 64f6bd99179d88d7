use serde_json::json;

use super::*;
use crate::{Mapping, understand};

fn said(kind: &str, body: &Value) -> Result<Understood, NotUnderstood> {
    let pairs = [("x-github-event", kind)];
    let (mapping, body) = (Mapping::default(), body.to_string());
    let received = Timestamp::from_second(1_795_194_060).unwrap();
    let kind = SourceKind::Github;
    understand(
        kind,
        "infra",
        &mapping,
        Headers(&pairs),
        body.as_bytes(),
        received,
    )
}

fn one(kind: &str, body: &Value) -> (Event, DeployReport) {
    let Understood::Told(told) = said(kind, body).unwrap() else {
        panic!("nothing")
    };
    let event = told.events.into_iter().next().unwrap();
    let Fact::Deploy(report) = event.fact.clone() else {
        panic!("no deploy")
    };
    (event, report)
}

fn pushed() -> Value {
    json!({
        "ref": "refs/heads/main", "after": "c0ffee", "deleted": false,
        "compare": "https://github.com/acme/infra/compare/a...b", "pusher": {"name": "ada"},
        "repository": {
            "name": "infra", "full_name": "acme/infra", "default_branch": "main", "pushed_at": 1_795_194_000,
        },
        "head_commit": {"message": "Deploy pay v2\n\nlong", "timestamp": "2026-11-01T00:00:00Z"},
        "commits": [
            {"added": ["b"], "modified": ["a"], "removed": []},
            {"added": [], "modified": ["a"], "removed": ["c"]},
        ],
    })
}

fn deployed(state: &str) -> Value {
    json!({
        "deployment": {"id": 7, "ref": "v2", "environment": "staging", "creator": {"login": "ada"}},
        "deployment_status": {
            "id": 9, "state": state, "created_at": "2026-11-20T17:00:00Z", "log_url": "javascript:x",
        },
        "repository": {"name": "pay", "full_name": "acme/pay"},
    })
}

#[test]
fn a_push_to_the_deployed_branch_is_a_commit_at_the_time_of_the_push() {
    let (event, report) = one("push", &pushed());
    assert_eq!(event.id.as_str(), "github/infra/push/acme%2Finfra/c0ffee");
    assert_eq!(event.observed.as_second(), 1_795_194_000);
    assert_eq!(event.confidence, Confidence::Reported);
    assert_eq!(report.stage, Some(DeployStage::Committed));
    assert_eq!(report.subject.as_deref(), Some("Deploy pay v2"));
    assert_eq!(report.paths, ["a", "b", "c"]);
}

#[test]
fn the_time_of_a_commit_is_only_inferred_to_be_that_of_its_push() {
    let mut bare = pushed();
    bare["repository"]["pushed_at"] = Value::Null;
    assert_eq!(one("push", &bare).0.confidence, Confidence::Inferred);
}

#[test]
fn a_push_elsewhere_and_kinds_that_are_not_known_say_nothing() {
    let mut elsewhere = pushed();
    elsewhere["ref"] = json!("refs/tags/main");
    let mut deleted = pushed();
    deleted["deleted"] = json!(true);
    let nothing = |kind: &str, body: &Value| matches!(said(kind, body), Ok(Understood::Nothing(_)));
    assert!(nothing("push", &elsewhere) && nothing("push", &deleted));
    assert!(nothing("ping", &json!({})) && nothing("star", &json!([])));
    assert!(nothing("deployment_status", &deployed("queued")));
}

#[test]
fn a_deployment_that_ended_well_is_applied_and_not_yet_healthy() {
    let (event, report) = one("deployment_status", &deployed("success"));
    assert_eq!(report.stage, Some(DeployStage::Synced));
    assert_eq!(report.version.as_deref(), Some("v2"));
    assert_eq!(event.concern.unwrap().to_string(), "pay in staging");
    assert_eq!(event.link, None);
    let (failed, report) = one("deployment_status", &deployed("error"));
    assert_eq!(report.stage, Some(DeployStage::Failed));
    assert_eq!(failed.id, event.id, "an id is that of the status");
}

#[test]
fn what_is_missing_is_named() {
    let mut cut = pushed();
    cut["repository"]["full_name"] = Value::Null;
    let error = said("push", &cut).unwrap_err().to_string();
    assert!(error.contains("`repository.full_name`"), "{error}");
    let (kind, at) = (SourceKind::Github, Timestamp::UNIX_EPOCH);
    let error = understand(
        kind,
        "s",
        &Mapping::default(),
        Headers::default(),
        b"{}",
        at,
    );
    assert!(error.unwrap_err().to_string().contains("X-GitHub-Event"));
}
