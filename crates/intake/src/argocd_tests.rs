use serde_json::json;

use super::*;
use crate::{Headers, Mapping, understand};

/// What Go made of the template in `deploy/notifications`, of an Application with hostile labels.
const RENDERED: &str = include_str!("../testdata/argocd.json");
const TEMPLATE: &str = include_str!("../../../deploy/notifications/argocd-notifications-cm.yaml");

fn said(body: &Value) -> Result<Understood, NotUnderstood> {
    let (mapping, body) = (Mapping::default(), body.to_string());
    let at = "2026-11-20T17:25:00Z".parse().unwrap();
    let kind = SourceKind::Argocd;
    understand(kind, "a", &mapping, Headers::default(), body.as_bytes(), at)
}

fn stages(body: &Value) -> Vec<(DeployStage, String)> {
    let Ok(Understood::Told(told)) = said(body) else {
        panic!("{:?}", said(body))
    };
    let stage = |event: &Event| match &event.fact {
        Fact::Deploy(report) => (report.stage.unwrap(), event.observed.to_string()),
        other => panic!("{other:?}"),
    };
    told.events.iter().map(stage).collect()
}

fn rendered() -> Value {
    serde_json::from_str(RENDERED).unwrap()
}

#[test]
fn what_the_template_gives_tells_every_stage() {
    let body = rendered();
    assert_eq!(
        stages(&body),
        [
            (DeployStage::Started, "2026-11-20T17:00:00Z".to_owned()),
            (DeployStage::Synced, "2026-11-20T17:00:20Z".to_owned()),
            (DeployStage::Degraded, "2026-11-20T17:03:00Z".to_owned()),
        ]
    );
    let Ok(Understood::Told(told)) = said(&body) else {
        panic!()
    };
    assert_eq!(
        told.events[0].concern.as_ref().unwrap().to_string(),
        "pay in production"
    );
    let Fact::Deploy(report) = &told.events[0].fact else {
        panic!()
    };
    assert_eq!(report.application.as_deref(), Some("argocd/pay-production"));
    assert_eq!(report.commit.as_deref(), Some("0123abc"));
    assert_eq!(report.version.as_deref(), Some("registry.example/pay:v2"));
    assert_eq!(body["historyId"], json!(7));
    // What somebody writes into a label stays a text of it.
    assert_eq!(
        body["labels"]["note"],
        json!("\"},{\"phase\":\"x\" </script>\n{{.secrets}}")
    );
}

#[test]
fn the_rendering_has_each_field_of_the_template() {
    let (_, dict) = TEMPLATE.split_once("{{- dict\n").unwrap();
    let (dict, _) = dict.split_once("| toJson").unwrap();
    let fields = dict
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"'));
    let fields: Vec<&str> = fields.map(|line| line.split_once('"').unwrap().0).collect();
    assert_eq!(fields.len(), 19);
    let body = rendered();
    assert_eq!(body.as_object().unwrap().len(), fields.len());
    for field in fields {
        assert!(body.get(field).is_some(), "{field}");
    }
    let per: Vec<&str> = TEMPLATE
        .lines()
        .filter(|line| line.contains("oncePer:"))
        .collect();
    assert!(!per.is_empty() && per.iter().all(|line| !line.contains("revision")));
}

#[test]
fn a_health_from_before_the_operation_says_nothing_of_it() {
    let mut body = rendered();
    body["healthSince"] = json!("2026-11-20T16:59:59Z");
    assert_eq!(stages(&body).len(), 2);
    body["phase"] = json!("Running");
    assert_eq!(stages(&body).len(), 1);
    body["phase"] = json!("Error");
    assert_eq!(stages(&body)[1].0, DeployStage::Failed);
}

#[test]
fn another_form_is_refused_with_what_is_there() {
    let error = said(&json!({"text": "x"})).unwrap_err().to_string();
    assert!(
        error.contains("argocd/1") && error.contains("an object with text"),
        "{error}"
    );
    let mut body = rendered();
    body["startedAt"] = json!(5);
    let error = said(&body).unwrap_err().to_string();
    assert!(error.contains("`startedAt` is the number 5"), "{error}");
}
