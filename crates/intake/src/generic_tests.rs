use jiff::Timestamp;
use proptest::prelude::*;
use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{AlertReport, AlertState, DeployReport, DeployStage};
use serde_json::{Value, json};

use crate::{Headers, Mapping, NotUnderstood, Told, Understood, understand};

fn mapping(body: &Value) -> Mapping {
    serde_json::from_value(json!({"body": body, "services": {"host-7": "pay"}})).unwrap()
}

fn said(mapping: &Mapping, body: &Value) -> Result<Understood, NotUnderstood> {
    let body = body.to_string();
    let at = "2026-11-20T17:25:00Z".parse().unwrap();
    let (kind, headers) = (SourceKind::Generic, Headers::default());
    understand(kind, "m", mapping, headers, body.as_bytes(), at)
}

fn told(mapping: &Mapping, body: &Value) -> Told {
    match said(mapping, body) {
        Ok(Understood::Told(told)) => told,
        other => panic!("{other:?}"),
    }
}

fn error(mapping: &Mapping, body: &Value) -> String {
    said(mapping, body).unwrap_err().to_string()
}

fn alerts() -> Mapping {
    mapping(&json!({"alert": {
        "id": "$.check.id", "state": "$.check.state", "words": {"CRIT": "firing", "ack": "acknowledged", "OK": "resolved", "FLAPPING": null},
        "title": ["$.check.output", "$.check.name"], "severity": "$.severity", "service": "$.host", "environment": "$.env",
        "labels": "$.tags", "started": "$.since", "ended": "$.until", "at": "$.now", "link": "$.url", "author": "$.who",
    }}))
}

fn alert(state: &str) -> Value {
    json!({"check": {"id": 17, "state": state, "name": "http", "output": ""}, "host": "host-7", "env": "staging",
        "severity": 2, "tags": ["team:payments", "zone=eu", 5], "since": "2026-11-20T17:00:00Z", "url": "https://mon.example/17"})
}

fn report(event: &Event) -> &AlertReport {
    match &event.fact {
        Fact::Alert(report) => report,
        other => panic!("{other:?}"),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn an_alert_is_read_by_its_paths() {
    let told = told(&alerts(), &alert("crit"));
    let event = &told.events[0];
    assert_eq!(
        event.id.as_str(),
        "generic/m/17/2026-11-20T17:00:00Z/firing/2026-11-20T17:00:00Z"
    );
    assert_eq!(
        event.concern.as_ref().unwrap().to_string(),
        "pay in staging"
    );
    assert_eq!(event.link.as_deref(), Some("https://mon.example/17"));
    assert_eq!(event.confidence, Confidence::Reported);
    let report = report(event);
    assert_eq!(report.alert, "17");
    assert_eq!(report.state, AlertState::Firing);
    // The first path led to an empty text only.
    assert_eq!(report.title, "http");
    assert_eq!(report.severity.as_deref(), Some("2"));
    assert_eq!(report.labels["team"], "payments");
    assert_eq!(report.labels["zone"], "eu");
}

#[test]
fn told_again_it_is_the_same_event_and_each_state_is_its_own() {
    let ids: Vec<_> = ["CRIT", "crit", "firing", "ack", "ok", "resolved"]
        .iter()
        .map(|state| told(&alerts(), &alert(state)).events[0].id.clone())
        .collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[4] == ids[5]);
    assert!(ids[2] != ids[3] && ids[3] != ids[4]);
}

#[test]
fn an_end_without_an_instant_is_over_by_when_it_came_and_says_so() {
    let mut body = alert("OK");
    let arrival = told(&alerts(), &body);
    assert_eq!(arrival.events[0].confidence, Confidence::Inferred);
    assert_eq!(
        report(&arrival.events[0]).ended,
        Some(at("2026-11-20T17:25:00Z"))
    );
    body["now"] = json!(1_763_658_000_i64);
    let now = told(&alerts(), &body);
    assert_eq!(now.events[0].confidence, Confidence::Reported);
    assert_eq!(
        report(&now.events[0]).ended,
        Some(at("2025-11-20T17:00:00Z"))
    );
    body["until"] = json!("2026-11-20T17:10:00Z");
    assert_eq!(
        report(&told(&alerts(), &body).events[0]).ended,
        Some(at("2026-11-20T17:10:00Z"))
    );
}

#[test]
fn an_end_that_does_not_say_when_it_began_is_an_end_all_the_same() {
    let mut body = alert("OK");
    body["since"] = json!("0001-01-01T00:00:00Z");
    body["until"] = json!("2026-11-20T17:10:00Z");
    let told = told(&alerts(), &body);
    let report = report(&told.events[0]);
    assert_eq!(
        (Some(report.started), report.ended),
        (report.ended, Some(at("2026-11-20T17:10:00Z")))
    );
    assert_eq!(told.events[0].confidence, Confidence::Inferred);
}

#[test]
fn without_any_instant_it_is_not_taken() {
    for state in ["CRIT", "ack", "OK"] {
        let mut body = alert(state);
        body["since"] = Value::Null;
        let error = error(&alerts(), &body);
        assert!(error.contains("`started` (the path `$.since`)"), "{error}");
        assert!(error.contains("an object with check, host"), "{error}");
    }
}

#[test]
fn instants_are_known_in_each_unit() {
    let units = [
        json!(1_763_658_000),
        json!("1763658000"),
        json!(1_763_658_000.0),
        json!(1_763_658_000_000_i64),
        json!(1_763_658_000_000_000_i64),
        json!("1763658000000000000"),
        json!("2025-11-20T18:00:00+01:00"),
    ];
    for unit in units {
        let mut body = alert("CRIT");
        body["since"] = unit.clone();
        assert_eq!(
            report(&told(&alerts(), &body).events[0]).started,
            at("2025-11-20T17:00:00Z"),
            "{unit}"
        );
    }
    for wrong in [
        json!("yesterday"),
        json!({}),
        json!(true),
        json!("2026-11-20 17:00"),
        json!(1e300),
        json!("NaN"),
    ] {
        let mut body = alert("CRIT");
        body["since"] = wrong.clone();
        let error = error(&alerts(), &body);
        assert!(
            error.contains("`started`: the path `$.since` gave") && error.contains("RFC 3339"),
            "{error}"
        );
    }
}

#[test]
fn an_error_names_the_path_what_it_gave_and_what_was_expected() {
    for (pointer, value, words) in [
        (
            "/check/state",
            json!("weird"),
            "`state`: the path `$.check.state` gave the text `weird`; expected one of CRIT",
        ),
        (
            "/check/state",
            Value::Null,
            "`state`: the path `$.check.state` gave nothing of an object with check",
        ),
        (
            "/check/id",
            json!([1]),
            "`id`: the path `$.check.id` gave a list of 1; expected a text or a number",
        ),
        (
            "/host",
            json!({"a": 1}),
            "`service`: the path `$.host` gave an object with a; expected a text",
        ),
        (
            "/tags",
            json!(7),
            "`labels`: the path `$.tags` gave the number 7; expected an object, or a list",
        ),
        (
            "/url",
            json!(7),
            "`link`: the path `$.url` gave the number 7; expected an address",
        ),
    ] {
        let mut body = alert("CRIT");
        *body.pointer_mut(pointer).unwrap() = value;
        let error = error(&alerts(), &body);
        assert!(error.contains(words), "{error}");
    }
    let several = mapping(&json!({"alert": {"id": "$..id", "state": "$.s", "at": "$.t"}}));
    let error = error(
        &several,
        &json!({"id": 1, "x": {"id": 2}, "s": "firing", "t": 5}),
    );
    assert!(error.contains("gave 2 values; expected one"), "{error}");
}

#[test]
fn a_state_that_says_nothing_is_nothing() {
    assert!(matches!(
        said(&alerts(), &alert("flapping")),
        Ok(Understood::Nothing(_))
    ));
}

#[test]
fn lists_tell_of_several_and_one_that_cannot_be_read_does_not_take_the_others_with_it() {
    let list = json!([alert("CRIT"), "what", alert("FLAPPING")]);
    let fields = |each: &str| {
        let mut fields = serde_json::to_value(&alerts().body).unwrap();
        fields["alert"]["each"] = json!(each);
        mapping(&fields)
    };
    for (mapping, body) in [
        (alerts(), list.clone()),
        (fields("$.items"), json!({"items": list})),
        (fields("$.items[*]"), json!({"items": list})),
        (
            fields("$.items[?@.check || @ == 'what']"),
            json!({"items": list}),
        ),
    ] {
        let told = told(&mapping, &body);
        assert_eq!(told.events.len(), 1);
        assert_eq!(told.passed_over.len(), 1);
        assert!(
            told.passed_over[0].starts_with("number 2: `state`"),
            "{:?}",
            told.passed_over
        );
    }
    let lost = error(&fields("$.items"), &json!({"alerts": []}));
    assert!(
        lost.contains("`each`: the path `$.items` gave nothing of an object with alerts"),
        "{lost}"
    );
    for none in [json!({"items": []}), json!({"items": [{"x": 1}]})] {
        let choice = fields("$.items[?@.check]");
        assert!(matches!(said(&choice, &none), Ok(Understood::Nothing(_))));
    }
    assert!(matches!(
        said(&fields("$.items"), &json!({"items": []})),
        Ok(Understood::Nothing(_))
    ));
}

#[test]
fn a_deploy_is_read_by_its_paths() {
    let deploys = mapping(&json!({"deploy": {
        "id": "$.release.id", "stage": "$.event", "words": {"release.finished": "healthy"}, "at": ["$.finished", "$.started"],
        "service": {"always": "pay"}, "environment": "$.target", "version": "$.release.tag", "replaced": "$.previous.tag",
        "by": "$.user", "rollback": "$.back", "commit": "$.release.sha",
    }}));
    let mut body = json!({"event": "release.finished", "release": {"id": "r9", "tag": "v2", "sha": "0123abc"}, "previous": null,
        "started": 1_763_658_000, "finished": 1_763_658_300, "target": "eu", "user": "ada", "back": true});
    let told = told(&deploys, &body);
    let event = &told.events[0];
    assert_eq!(
        event.id.as_str(),
        "generic/m/deploy/r9/healthy/2025-11-20T17:05:00Z"
    );
    assert_eq!(event.concern.as_ref().unwrap().to_string(), "pay in eu");
    let Fact::Deploy(report) = &event.fact else {
        panic!("{event:?}")
    };
    let expected = DeployReport {
        deploy: "r9".to_owned(),
        stage: Some(DeployStage::Healthy),
        commit: Some("0123abc".to_owned()),
        version: Some("v2".to_owned()),
        by: Some("ada".to_owned()),
        is_rollback: true,
        ..DeployReport::default()
    };
    assert_eq!(*report, expected);
    body["back"] = json!("perhaps");
    let wrong = error(&deploys, &body);
    assert!(wrong.contains("`rollback` is `perhaps`"), "{wrong}");
    (body["back"], body["finished"], body["started"]) = (json!(false), Value::Null, json!(""));
    let timeless = error(&deploys, &body);
    assert!(
        timeless.contains("none of `at` (the path `$.finished` or `$.started`)"),
        "{timeless}"
    );
}

#[test]
fn what_is_hostile_stays_text_and_is_cut() {
    let mut body = alert("CRIT");
    body["check"]["name"] = json!("<script>alert(1)</script>\u{1b}[2J\u{202e}");
    body["url"] = json!("javascript:alert(1)");
    body["check"]["id"] = json!("x".repeat(9000));
    body["tags"] = (0..500)
        .map(|n| (format!("l{n}"), json!("v".repeat(3000))))
        .collect();
    let told = told(&alerts(), &body);
    let event = &told.events[0];
    assert_eq!(report(event).title, "<script>alert(1)</script> [2J");
    assert_eq!(event.link, None);
    assert!(event.id.as_str().len() <= 512);
    assert_eq!(report(event).labels.len(), 64);
    assert!(
        report(event)
            .labels
            .values()
            .all(|value| value.len() <= 1024)
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}|CRIT|2026-11-20T17:00:00Z".prop_map(Value::from),
    ];
    let name = "check|id|state|name|output|host|since|until|now|tags|url|.{0,3}";
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_body_makes_it_panic_or_grow(part in any_value(), which in 0..8_usize) {
        let mut body = alert("CRIT");
        let places = ["/check", "/check/id", "/check/state", "/since", "/tags", "/url", "/host", ""];
        *body.pointer_mut(places[which]).unwrap() = part;
        match said(&alerts(), &body) {
            Ok(Understood::Told(told)) => for event in told.events {
                prop_assert!(event.id.as_str().len() <= 512);
                prop_assert!(report(&event).title.chars().count() <= 1024);
            },
            Ok(Understood::Nothing(why)) => prop_assert!(why.len() < 4096),
            Err(error) => prop_assert!(error.to_string().len() < 4096),
        }
    }

    #[test]
    fn no_path_makes_it_panic(path in "\\$(\\.[a-z]{1,3}|\\[[0-9*:?@-]{0,6}\\]|\\.\\.|\\*){0,5}|.{0,12}", part in any_value()) {
        let mapping = json!({"body": {"alert": {"each": path, "id": path, "state": {"always": "firing"}, "at": path, "labels": path}}});
        if let Ok(mapping) = serde_json::from_value::<Mapping>(mapping) {
            let _ = said(&mapping, &part);
            let written = serde_json::to_value(&mapping).unwrap();
            prop_assert_eq!(serde_json::from_value::<Mapping>(written).unwrap(), mapping);
        }
    }
}
