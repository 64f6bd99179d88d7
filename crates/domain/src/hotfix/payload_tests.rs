use proptest::prelude::*;
use serde_json::json;

use super::*;

fn said() -> Value {
    json!({
        "service": "checkout-service",
        "image": "ghcr.io/acme/checkout-service",
        "tag": "hotfix-1",
        "digest": format!("sha256:{}", "ab".repeat(32)),
        "environment": "production",
        "hotfix": {"name": "INC-31-double-charge", "incident": "INC-31"},
        "correlation_id": "d-7f3k9qxy",
        "source": {"repository": "https://git.example/acme/checkout.git", "commit": "a".repeat(40)},
        "gate": {"schema": 1, "b": [1, {"z": 1, "a": 2}]},
    })
}

fn with(field: &str, value: Value) -> Result<Payload, Problem> {
    let mut said = said();
    said[field] = value;
    Payload::read(&said.to_string())
}

#[test]
fn every_form_reads_the_same() {
    let bare = Payload::read(&said().to_string()).unwrap();
    let event = json!({"action": EVENT, "client_payload": said(), "branch": "main", "sender": {}});
    assert_eq!(Payload::read(&event.to_string()).unwrap(), bare);
    let mut inputs = Map::new();
    for (name, text) in bare.texts() {
        inputs.insert(name.to_owned(), Value::String(text));
    }
    inputs.insert("proof".into(), json!(""));
    let event = json!({"inputs": inputs, "ref": "refs/heads/main"});
    assert_eq!(Payload::read(&event.to_string()).unwrap(), bare);
    let mut variables = Map::new();
    variables.insert("OTHER".into(), json!("x"));
    for (name, text) in bare.texts() {
        variables.insert(format!("{VARIABLE}{}", name.to_uppercase()), json!(text));
    }
    let found = |name: &str| variables.get(name)?.as_str().map(str::to_owned);
    assert_eq!(Payload::of_variables(found).unwrap(), bare);
    let trigger = json!({"variables": variables});
    assert_eq!(Payload::read(&trigger.to_string()).unwrap(), bare);
}

#[test]
fn what_cannot_be_is_named() {
    let wrong = [
        ("service", json!("")),
        ("service", json!("a\nb")),
        ("service", json!(["a"])),
        ("image", json!("ghcr.io/acme/pay:v1")),
        ("image", json!("pay")),
        ("image", json!("ghcr.io/../x")),
        ("image", json!("ghcr.io/Acme/pay")),
        ("tag", json!("-x")),
        ("tag", json!("a b")),
        ("digest", json!("sha256:12")),
        ("digest", json!(format!("sha256:{}", "AB".repeat(32)))),
        ("environment", json!(" production")),
        ("correlation_id", json!("a")),
        ("correlation_id", json!("a;b;c;d")),
        ("source", json!({"commit": "abc"})),
        (
            "source",
            json!({"commit": "a".repeat(40), "repository": "https://u:p@host/x"}),
        ),
        ("hotfix", json!(true)),
        ("hotfix", json!({"name": "../x"})),
        ("extra", json!(1)),
    ];
    for (field, value) in wrong {
        let problem = with(field, value.clone()).unwrap_err();
        assert_eq!(problem.code, BAD_PAYLOAD, "{field}: {value}");
        let named = problem.message.contains(field) || problem.message.contains("hotfix");
        assert!(named || field == "service", "{field}: {}", problem.message);
    }
    let message = with(
        "source",
        json!({"commit": "a".repeat(40), "repository": "https://u:p@host/x"}),
    )
    .unwrap_err()
    .message;
    assert!(!message.contains("u:p"), "{message}");
}

#[test]
fn a_payload_over_the_limit_is_refused() {
    let problem = with("gate", json!("x".repeat(MOST_CHARACTERS))).unwrap_err();
    assert!(problem.message.contains("65535"), "{}", problem.message);
}

#[test]
fn another_event_is_no_deploy() {
    let event = json!({"action": "cleanup", "client_payload": said()});
    assert!(Payload::read(&event.to_string()).is_err());
    for text in ["", "[]", "7", "{", "null", "\"x\""] {
        assert_eq!(Payload::read(text).unwrap_err().code, BAD_PAYLOAD, "{text}");
    }
}

#[test]
fn a_hotfix_says_what_it_was_built_of() {
    assert!(
        with("source", Value::Null)
            .unwrap_err()
            .message
            .contains("source")
    );
    let mut normal = said();
    normal.as_object_mut().unwrap().remove("source");
    normal["hotfix"] = json!(false);
    assert!(Payload::read(&normal.to_string()).unwrap().hotfix.is_none());
}

#[test]
fn the_signed_text_does_not_depend_on_the_order_of_keys_and_covers_every_field() {
    let at: Timestamp = "2026-11-20T17:15:00Z".parse().unwrap();
    let one = Payload::read(&said().to_string()).unwrap();
    let other = with("gate", json!({"b": [1, {"a": 2, "z": 1}], "schema": 1})).unwrap();
    assert_eq!(one.signed_text("k", at), other.signed_text("k", at));
    let changed = [
        with("tag", json!("v2")).unwrap(),
        with("environment", json!("staging")).unwrap(),
        with("gate", json!({"schema": 2})).unwrap(),
        with("hotfix", json!({"name": "INC-32"})).unwrap(),
    ];
    for other in changed {
        assert_ne!(one.signed_text("k", at), other.signed_text("k", at));
    }
    assert_ne!(one.signed_text("k", at), one.signed_text("k2", at));
}

proptest! {
    #[test]
    fn any_text_is_a_payload_or_a_clear_error(text in ".{0,200}") {
        if let Err(problem) = Payload::read(&text) {
            prop_assert_eq!(problem.code, BAD_PAYLOAD);
        }
    }

    #[test]
    fn any_field_is_taken_or_refused_without_a_panic(field in 0usize..10, text in "\\PC{0,80}") {
        if let Ok(payload) = with(FIELDS[field], json!(text)) {
            prop_assert_eq!(Payload::read(&payload.text()).unwrap(), payload);
        }
    }
}

#[test]
fn a_whole_number_is_signed_alike_however_a_forge_writes_it() {
    let of = |text: &str| canonical(&serde_json::from_str(text).unwrap());
    assert_eq!(
        of(r#"{"seconds": 42.0, "x": [0.0]}"#),
        of(r#"{"x": [0], "seconds": 42}"#)
    );
    assert_ne!(of("42.5"), of("42"));
    assert_eq!(of("-3.0"), "-3");
}
