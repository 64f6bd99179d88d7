use serde_json::json;

use super::*;
use crate::{Headers, Mapping, understand};

/// What Argo Rollouts' notifications engine made of the template in `deploy/notifications`, of a Rollout with hostile
/// labels and an analysis that failed.
const RENDERED: &str = include_str!("../testdata/rollouts.json");
const TEMPLATE: &str =
    include_str!("../../../deploy/notifications/argo-rollouts-notification-configmap.yaml");

fn said(body: &Value) -> Result<Understood, NotUnderstood> {
    let (mapping, body) = (Mapping::default(), body.to_string());
    let at = "2026-11-20T17:25:00Z".parse().unwrap();
    let kind = SourceKind::Rollouts;
    understand(kind, "r", &mapping, Headers::default(), body.as_bytes(), at)
}

fn told(body: &Value) -> Vec<Event> {
    match said(body) {
        Ok(Understood::Told(told)) => told.events,
        other => panic!("{other:?}"),
    }
}

fn rendered() -> Value {
    serde_json::from_str(RENDERED).unwrap()
}

fn stage(word: &str) -> (Option<DeployStage>, bool) {
    let mut body = rendered();
    body["told"] = json!(word);
    match &told(&body)[0].fact {
        Fact::Deploy(report) => (report.stage, report.is_rollback),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_trigger_tells_its_stage() {
    assert_eq!(stage("updated"), (Some(DeployStage::Started), false));
    assert_eq!(stage("step"), (Some(DeployStage::Serving), false));
    assert_eq!(stage("completed"), (Some(DeployStage::Healthy), false));
    assert_eq!(stage("aborted"), (Some(DeployStage::Aborted), false));
    assert_eq!(stage("went-back"), (None, true));
}

#[test]
fn a_step_that_lets_nothing_serve_is_no_stage() {
    let mut body = rendered();
    (body["told"], body["analyses"]) = (json!("step"), json!([]));
    assert_eq!(told(&body).len(), 1);
    for step in [json!({"pause": {}}), json!({"setWeight": 0}), json!({})] {
        body["step"] = step;
        assert!(matches!(said(&body), Ok(Understood::Nothing(_))));
    }
}

#[test]
fn an_analysis_comes_with_what_it_measured() {
    let events = told(&rendered());
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(event.observed.to_string(), "2026-11-20T17:02:50Z");
    assert_eq!(
        event.concern.as_ref().unwrap().to_string(),
        "pay in production"
    );
    let Fact::Analysis(report) = &event.fact else {
        panic!("{event:?}")
    };
    assert_eq!(report.run, "shop/pay-6d4f-7-1");
    assert_eq!(report.phase, "Failed");
    assert_eq!(report.version.as_deref(), Some("registry.example/pay:v2"));
    let [errors, latency] = report.metrics.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(errors.values, ["[0.01]", "[0.31]"]);
    assert_eq!(
        errors.query.as_deref(),
        Some(r#"sum(rate(errors{app="pay"}[1m]))"#)
    );
    assert!(latency.dry_run && !errors.dry_run);
}

#[test]
fn an_analysis_that_goes_on_is_another_event_and_the_same_told_twice_is_one() {
    let first = told(&rendered());
    assert_eq!(told(&rendered()), first);
    let mut body = rendered();
    body["told"] = json!("aborted");
    // Told along with something else it is still the same.
    assert_eq!(told(&body)[1], first[0]);
    body["analyses"][0]["metrics"][0]["measurements"][1]["value"] = json!("[0.5]");
    assert_ne!(told(&body)[1].id, first[0].id);
    let again = told(&body)[0].id.clone();
    body["at"] = json!("2026-11-20T19:00:00Z");
    // The same revision, aborted a second time.
    assert_ne!(told(&body)[0].id, again);
}

#[test]
fn what_somebody_writes_into_a_label_stays_a_text_of_it() {
    let note = "\"},{\"told\":\"x\" </script>\n{{.secrets}}";
    assert_eq!(rendered()["labels"]["note"], json!(note));
    // An argument of an analysis may be a secret: none is sent.
    assert!(!RENDERED.contains("secret-argument"));
}

#[test]
fn the_rendering_has_each_field_of_the_template_and_each_recipient_is_known() {
    let (_, dict) = TEMPLATE.split_once("-}}\n          {{- dict\n").unwrap();
    let (dict, _) = dict.split_once("| toJson").unwrap();
    let fields = dict
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"'));
    let fields: Vec<&str> = fields.map(|line| line.split_once('"').unwrap().0).collect();
    let body = rendered();
    assert_eq!(body.as_object().unwrap().len(), fields.len());
    for field in fields {
        assert!(body.get(field).is_some(), "{field}");
    }
    let recipients = TEMPLATE.split("recipients: [ripcord:").skip(1);
    let recipients: Vec<&str> = recipients
        .map(|rest| rest.split_once(']').unwrap().0)
        .collect();
    assert_eq!(recipients.len(), 6);
    for word in recipients {
        let mut body = rendered();
        body["told"] = json!(word);
        assert!(!told(&body).is_empty(), "{word}");
    }
    // What Argo CD remembers for good, Argo Rollouts must not be told to.
    assert!(!TEMPLATE.contains("oncePer:"));
    // A trigger that nobody subscribes to tells nothing, and a subscription without a trigger neither.
    let triggers = TEMPLATE.split("  trigger.").skip(1);
    for trigger in triggers.map(|rest| rest.split_once(':').unwrap().0) {
        assert!(TEMPLATE.matches(trigger).count() >= 2, "{trigger}");
    }
}

#[test]
fn another_form_is_refused_with_what_is_there() {
    let error = said(&json!({"text": "x"})).unwrap_err().to_string();
    assert!(error.contains("rollouts/1") && error.contains("an object with text"));
    for (field, value, word) in [
        ("told", json!("#alerts"), "`subscriptions`"),
        ("revision", json!(""), "`revision` is an empty text"),
        ("at", json!(5), "`at` is the number 5"),
    ] {
        let mut body = rendered();
        body[field] = value;
        let error = said(&body).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
