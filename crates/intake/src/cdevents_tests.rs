use serde_json::json;

use super::*;
use crate::{Headers, Mapping, understand};

fn said(body: &Value) -> Result<Understood, NotUnderstood> {
    let mapping = r#"{"environments":{"prd":"production"},"services":{"svc/pay":"pay"}}"#;
    let (mapping, body): (Mapping, _) = (serde_json::from_str(mapping).unwrap(), body.to_string());
    let at = "2026-11-20T17:25:00Z".parse().unwrap();
    let kind = SourceKind::Cdevents;
    understand(kind, "c", &mapping, Headers::default(), body.as_bytes(), at)
}

fn told(body: &Value) -> Event {
    match said(body) {
        Ok(Understood::Told(mut told)) => told.events.remove(0),
        other => panic!("{other:?}"),
    }
}

fn body(kind: &str) -> Value {
    json!({
        "context": {"specversion": "0.5.1", "id": "e1", "source": "/ci", "type": kind,
            "timestamp": "2026-11-20T17:00:00Z", "chainId": "c1", "links": []},
        "subject": {"id": "pay", "type": "service", "content": {
            "environment": {"id": "prd"}, "artifactId": "pkg:oci/pay@sha256%3A00"}},
    })
}

/// An incident as the version of the specification writes it.
fn incident(predicate: &str, version: &str, at: &str) -> Value {
    let mut body = json!({
        "context": {"id": format!("e-{predicate}"), "source": "/monitoring", "timestamp": at,
            "type": format!("dev.cdevents.incident.{predicate}.{version}")},
        "subject": {"id": "inc-7", "type": "incident", "content": {"description": "Many <b>errors</b>",
            "environment": {"id": "prd", "source": "/k8s"}, "service": {"id": "svc/pay", "source": "/k8s"},
            "artifactId": "pkg:oci/pay@sha256%3A00"}},
    });
    if predicate == "reported" {
        body["subject"]["content"]["ticketURI"] = json!("https://tickets.example/7");
    }
    body
}

fn report(event: &Event) -> &AlertReport {
    match &event.fact {
        Fact::Alert(report) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_mode_tells_the_same_deploy_of_any_minor_version() {
    for version in ["0.1.1", "0.2.0", "0.3.0", "0.9.1"] {
        let binary = body(&format!("dev.cdevents.service.rolledback.{version}"));
        let structured = json!({"specversion": "1.0", "id": "e1", "data": binary});
        let encoded = BASE64.encode(binary.to_string());
        let encoded = json!({"specversion": "1.0", "id": "e1", "data_base64": encoded});
        assert_eq!(said(&binary), said(&structured));
        assert_eq!(said(&binary), said(&encoded));
        let event = told(&binary);
        assert_eq!(event.id.as_str(), "cdevents/c/%2Fci/e1");
        assert_eq!(event.concern.unwrap().to_string(), "pay in production");
        assert!(matches!(event.fact, Fact::Deploy(report) if report.is_rollback));
    }
}

#[test]
fn another_major_version_says_nothing_and_what_is_missing_is_named() {
    for kind in [
        "dev.cdevents.service.deployed.1.0.0",
        "dev.cdevents.incident.detected.1.0.0",
        "dev.cdevents.incident.detected",
        "dev.cdevents.change.merged.0.3.0",
        "dev.cdeventsx.mine-incident.detected.0.3.0",
    ] {
        let said = said(&body(kind));
        assert!(matches!(said, Ok(Understood::Nothing(_))), "{kind}");
    }
    for kind in ["service.deployed", "incident.detected"] {
        let mut body = body(&format!("dev.cdevents.{kind}.0.3.0"));
        assert!(matches!(said(&body), Ok(Understood::Told(_))));
        body["subject"]["content"] = json!({});
        let error = said(&body).unwrap_err().to_string();
        assert!(
            error.contains("`subject.content.environment.id`"),
            "{error}"
        );
    }
}

#[test]
fn an_incident_that_is_detected_or_reported_fires() {
    for version in ["0.1.0", "0.2.0", "0.3.0"] {
        let detected = told(&incident("detected", version, "2026-11-20T17:00:00Z"));
        assert_eq!(
            detected.concern.as_ref().unwrap().to_string(),
            "pay in production"
        );
        assert_eq!(detected.confidence, Confidence::Reported);
        let alert = report(&detected);
        assert_eq!((alert.state, alert.ended), (AlertState::Firing, None));
        // It is text, and stays what it is.
        assert_eq!(alert.title, "Many <b>errors</b>");
        let reported = told(&incident("reported", version, "2026-11-20T17:02:00Z"));
        assert_eq!(reported.link.as_deref(), Some("https://tickets.example/7"));
        assert_eq!(report(&reported).alert, alert.alert);
        assert_ne!(reported.id, detected.id);
    }
}

#[test]
fn its_end_is_of_the_same_alert_and_only_the_end_is_known() {
    let detected = told(&incident("detected", "0.3.0", "2026-11-20T17:00:00Z"));
    let resolved = told(&incident("resolved", "0.3.0", "2026-11-20T17:20:00Z"));
    let end: Timestamp = "2026-11-20T17:20:00Z".parse().unwrap();
    assert_eq!(report(&resolved).alert, report(&detected).alert);
    assert_eq!(report(&resolved).state, AlertState::Resolved);
    assert_eq!(report(&resolved).ended, Some(end));
    assert_eq!(resolved.confidence, Confidence::Inferred);
    let mut elsewhere = incident("resolved", "0.3.0", "2026-11-20T17:20:00Z");
    elsewhere["subject"]["source"] = json!("/other");
    assert_ne!(report(&told(&elsewhere)).alert, report(&detected).alert);
}

#[test]
fn an_incident_of_no_service_is_about_nothing_that_is_known() {
    let mut body = incident("detected", "0.3.0", "2026-11-20T17:00:00Z");
    body["subject"]["content"]["service"] = Value::Null;
    assert_eq!(told(&body).concern, None);
}
