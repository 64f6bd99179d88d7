use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::{Headers, Mapping, understand};

const START: &str = "2026-11-20T17:00:00Z";
const END: &str = "2026-11-20T17:20:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn said(body: &Value) -> Result<Understood, NotUnderstood> {
    let body = body.to_string();
    let kind = SourceKind::Alertmanager;
    let received = at("2026-11-20T17:25:00Z");
    let (mapping, headers) = (Mapping::default(), Headers::default());
    understand(kind, "main", &mapping, headers, body.as_bytes(), received)
}

fn told(body: &Value) -> Told {
    match said(body).unwrap() {
        Understood::Told(told) => told,
        Understood::Nothing(why) => panic!("{why}"),
    }
}

fn alert(status: &str, fingerprint: &str, end: &str) -> Value {
    json!({
        "status": status, "fingerprint": fingerprint, "startsAt": START, "endsAt": end,
        "labels": {"alertname": "HighErrors", "service": "pay", "severity": "page"},
        "annotations": {"summary": "Many errors"},
        "generatorURL": "https://prom.example/graph",
    })
}

fn body(alerts: &[Value]) -> Value {
    json!({
        "version": "4", "groupKey": "{}:{alertname=\"HighErrors\"}", "truncatedAlerts": 0,
        "status": "firing", "receiver": "ripcord", "externalURL": "http://am", "alerts": alerts,
    })
}

fn report(event: &Event) -> &AlertReport {
    match &event.fact {
        Fact::Alert(report) => report,
        other => panic!("{other:?}"),
    }
}

const NONE: &str = "0001-01-01T00:00:00Z";

#[test]
fn each_alert_is_judged_alone_and_not_by_its_group() {
    let told = told(&body(&[
        alert("firing", "f1", NONE),
        alert("resolved", "f2", END),
    ]));
    let [first, second] = told.events.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        first.id.as_str(),
        format!("alertmanager/main/f1/{START}/firing")
    );
    assert_eq!(first.observed, at(START));
    assert_eq!(report(first).state, AlertState::Firing);
    assert_eq!(report(first).ended, None);
    assert_eq!(report(first).title, "Many errors");
    assert_eq!(report(first).severity.as_deref(), Some("page"));
    assert_eq!(
        first.concern.as_ref().unwrap().to_string(),
        "pay in production"
    );
    assert_eq!(first.link.as_deref(), Some("https://prom.example/graph"));
    assert_eq!(
        second.id.as_str(),
        format!("alertmanager/main/f2/{START}/resolved/{END}")
    );
    assert_eq!(second.observed, at(END));
    assert_eq!(report(second).ended, Some(at(END)));
}

#[test]
fn a_repeat_is_the_same_event_and_a_new_firing_is_another() {
    let first = told(&body(&[alert("firing", "f1", NONE)]));
    let mut again = body(&[alert("firing", "f1", NONE)]);
    again["notification_reason"] = json!("repeat interval elapsed");
    // The same instant in another zone is the same.
    again["alerts"][0]["startsAt"] = json!("2026-11-20T18:00:00+01:00");
    assert_eq!(told(&again).events[0].id, first.events[0].id);
    again["alerts"][0]["startsAt"] = json!("2026-11-20T19:00:00Z");
    assert_ne!(told(&again).events[0].id, first.events[0].id);
}

#[test]
fn alerts_that_were_left_out_are_counted() {
    let mut cut = body(&[alert("firing", "f1", NONE)]);
    cut["truncatedAlerts"] = json!(7);
    assert_eq!(told(&cut).cut_off, 7);
    cut["alerts"] = json!([]);
    assert_eq!(told(&cut).cut_off, 7);
    assert!(matches!(said(&body(&[])), Ok(Understood::Nothing(_))));
}

#[test]
fn a_body_of_another_form_is_refused_in_clear_words() {
    for other in [
        json!({"text": "fire"}),
        json!([]),
        json!({"version": "5", "alerts": []}),
    ] {
        let error = said(&other).unwrap_err().to_string();
        assert!(error.contains("`payload`"), "{error}");
    }
    let error = said(&json!({"version": "4"})).unwrap_err().to_string();
    assert!(error.contains("no list `alerts`"), "{error}");
}

#[test]
fn one_alert_that_cannot_be_read_does_not_take_the_others_with_it() {
    let told = told(&body(&[
        json!("what"),
        alert("firing", "f1", NONE),
        alert("resolved", "f2", NONE),
    ]));
    assert_eq!(told.events.len(), 1);
    assert_eq!(told.passed_over.len(), 2);
    assert!(said(&body(&[json!({"status": "firing"})])).is_err());
}

#[test]
fn hostile_text_is_cut_and_its_links_are_dropped() {
    let mut hostile = alert("firing", &"f".repeat(5000), NONE);
    hostile["annotations"]["summary"] = json!("\u{1b}[2J".repeat(9000));
    hostile["generatorURL"] = json!("javascript:alert(1)");
    let told = told(&body(&[hostile]));
    let event = &told.events[0];
    assert!(report(event).title.chars().count() <= 1024);
    assert!(!report(event).title.contains('\u{1b}'));
    assert!(event.id.as_str().len() <= 512);
    assert_eq!(event.link, None);
}

#[test]
fn without_a_fingerprint_the_labels_tell_alerts_apart() {
    let mut bare = alert("firing", "", NONE);
    bare["annotations"] = Value::Null;
    let one = told(&body(&[bare.clone()]));
    assert_eq!(report(&one.events[0]).title, "HighErrors");
    bare["labels"]["pod"] = json!("p-1");
    let other = told(&body(&[bare]));
    assert_ne!(one.events[0].id, other.events[0].id);
}

#[test]
fn grafana_is_known_by_its_body_wherever_it_was_sent() {
    let mut grafana = body(&[alert("firing", "f1", NONE)]);
    grafana["version"] = json!("1");
    grafana["alerts"][0]["values"] = json!({"A": 12.5});
    grafana["alerts"][0]["dashboardURL"] = json!("https://grafana.example/d/1");
    grafana["alerts"][0]["panelURL"] = json!("");
    for org in [None, Some(1)] {
        if let Some(org) = org {
            grafana["orgId"] = json!(org);
        }
        let told = told(&grafana);
        let event = &told.events[0];
        assert_eq!(event.source.kind, SourceKind::Grafana);
        assert!(event.id.as_str().starts_with("grafana/main/f1/"));
        assert_eq!(event.link.as_deref(), Some("https://grafana.example/d/1"));
    }
}

/// The bodies of Alertmanager by what each generation added: 0.19 gave alerts a fingerprint, 0.21 counts those that it
/// cuts off, 0.32 says why it notifies, 0.34 by which route.
fn generation(version: &str) -> Value {
    let mut body = body(&[alert("firing", "f1", NONE), alert("resolved", "f2", END)]);
    let object = body.as_object_mut().unwrap();
    if version >= "0.32" {
        let reason = json!("some alerts resolved");
        object.insert("notification_reason".to_owned(), reason);
    }
    if version >= "0.34" {
        object.insert("routeLabels".to_owned(), json!({"team": "payments"}));
    }
    if version < "0.21" {
        object.remove("truncatedAlerts");
    }
    if version < "0.19" {
        for alert in body["alerts"].as_array_mut().unwrap() {
            alert.as_object_mut().unwrap().remove("fingerprint");
        }
    }
    body
}

#[test]
fn each_generation_is_judged_by_its_alerts_alone() {
    for version in ["0.18", "0.20", "0.28", "0.32", "0.34"] {
        for status in ["firing", "resolved"] {
            let mut body = generation(version);
            body["status"] = json!(status);
            let told = told(&body);
            let states: Vec<_> = told.events.iter().map(|e| report(e).state).collect();
            assert_eq!(
                states,
                [AlertState::Firing, AlertState::Resolved],
                "{version}"
            );
            assert_eq!(told.cut_off, 0);
            assert!(told.passed_over.is_empty());
        }
    }
}

#[test]
fn why_it_notifies_makes_no_alert_another_one() {
    let quiet = told(&generation("0.28")).events;
    for reason in [
        "first notification",
        "new alerts added",
        "some alerts resolved",
        "all alerts resolved",
        "repeat interval elapsed",
        "none",
        "unknown",
        "a reason of a later version",
    ] {
        let mut body = generation("0.34");
        body["notification_reason"] = json!(reason);
        assert_eq!(told(&body).events, quiet, "{reason}");
    }
    for wrong in [Value::Null, json!(7), json!({"x": []})] {
        let mut body = generation("0.34");
        (body["notification_reason"], body["routeLabels"]) = (wrong.clone(), wrong);
        body["truncatedAlerts"] = json!("many");
        assert_eq!(told(&body).events, quiet);
    }
}
