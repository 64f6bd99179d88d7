use serde_json::json;

use super::*;
use crate::{Mapping, understand};

fn said(kind: &str, body: &Value) -> Result<Understood, NotUnderstood> {
    let (pairs, mapping, body) = ([(KIND, kind)], Mapping::default(), body.to_string());
    let at = "2026-11-20T17:25:00Z".parse().unwrap();
    understand(
        SourceKind::Gitlab,
        "g",
        &mapping,
        Headers(&pairs),
        body.as_bytes(),
        at,
    )
}

fn event(kind: &str, body: &Value) -> (Event, DeployReport) {
    let Ok(Understood::Told(told)) = said(kind, body) else {
        panic!("{:?}", said(kind, body))
    };
    let Fact::Deploy(report) = &told.events[0].fact else {
        panic!()
    };
    (told.events[0].clone(), report.clone())
}

#[test]
fn a_push_has_the_subject_of_its_newest_commit_and_a_tag_says_nothing() {
    let mut body = json!({
        "ref": "refs/heads/main", "after": "b2", "user_username": "ada",
        "project": {"default_branch": "main", "path_with_namespace": "acme/infra"},
        "commits": [
            {"id": "a1", "message": "One", "timestamp": "2026-11-20T16:00:00Z", "added": ["x"]},
            {"id": "b2", "message": "Two\n", "timestamp": "2026-11-20T17:00:00Z", "modified": ["y"]},
        ],
    });
    let (event, report) = event("Push Hook", &body);
    assert_eq!(report.subject.as_deref(), Some("Two"));
    assert_eq!(report.paths, ["x", "y"]);
    assert_eq!(event.observed.to_string(), "2026-11-20T17:00:00Z");
    assert_eq!(event.confidence, Confidence::Inferred);
    assert!(matches!(
        said("Tag Push Hook", &body),
        Ok(Understood::Nothing(_))
    ));
    body["after"] = json!("0000");
    assert!(matches!(
        said("Push Hook", &body),
        Ok(Understood::Nothing(_))
    ));
}

#[test]
fn a_deployment_has_the_instant_of_its_status() {
    let mut body = json!({
        "status": "success", "status_changed_at": "2026-11-20 18:00:00 +0100", "deployment_id": 15,
        "environment": "staging", "ref": "v2", "commit_title": "Two", "user": {"username": "ada"},
        "project": {"name": "pay", "path_with_namespace": "acme/pay"},
    });
    let (told, report) = event("Deployment Hook", &body);
    assert_eq!(told.observed.to_string(), "2026-11-20T17:00:00Z");
    assert_eq!(told.concern.unwrap().to_string(), "pay in staging");
    assert_eq!(report.stage, Some(DeployStage::Synced));
    assert_eq!(report.deploy, "acme/pay/15");
    body["status_changed_at"] = json!("yesterday");
    let error = said("Deployment Hook", &body).unwrap_err().to_string();
    assert!(
        error.contains("`status_changed_at` is the text `yesterday`"),
        "{error}"
    );
}

#[test]
fn a_pipeline_tells_checks_and_one_that_was_tried_again_is_flaky() {
    let mut body = json!({
        "object_attributes": {"id": 3, "status": "success", "sha": "b2", "finished_at": "2026-11-20 17:00:00 UTC"},
        "project": {"path_with_namespace": "acme/pay"},
        "builds": [
            {"name": "test", "status": "success"}, {"name": "test", "status": "failed"},
            {"name": "lint", "status": "failed"}, {"name": "scan", "status": "skipped"},
            {"name": "late", "status": "running"},
        ],
    });
    let (told, report) = event("Pipeline Hook", &body);
    assert_eq!(told.observed.to_string(), "2026-11-20T17:00:00Z");
    assert_eq!(report.stage, None);
    let found: Vec<_> = report
        .checks
        .iter()
        .map(|one| (one.name.as_str(), one.result))
        .collect();
    assert_eq!(
        found,
        [
            ("test", CheckResult::Flaky),
            ("lint", CheckResult::Failed),
            ("scan", CheckResult::Skipped)
        ]
    );
    body["object_attributes"]["finished_at"] = Value::Null;
    assert!(matches!(
        said("Pipeline Hook", &body),
        Ok(Understood::Nothing(_))
    ));
}
