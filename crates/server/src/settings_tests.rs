use ripcord_domain::incident::event::SourceKind;

use super::*;

const GENERIC: &str = "
sources:
  checkmk:
    kind: generic
    secrets: [{env: CHECKMK_TOKEN}]
    mapping:
      environments: {prd: production}
      body:
        alert:
          each: $.events[*]
          id: $.id
          state: $.state
          words: {CRIT: firing, OK: resolved, FLAPPING: null}
          started: [$.since, $.first]
          at: $.now
          severity: {always: page}
";

fn refused(settings: &str) -> String {
    Settings::parse(settings).unwrap_err().to_string()
}

#[test]
fn a_source_of_any_kind_says_how_it_is_read() {
    let settings = Settings::parse(GENERIC).unwrap();
    let source = &settings.sources["checkmk"];
    assert_eq!(source.kind, SourceKind::Generic);
    assert!(source.mapping.body.is_some());
    // What is not said is as it always is.
    assert_eq!(
        source.mapping.default_environment.as_deref(),
        Some("production")
    );
}

#[test]
fn a_mapping_that_cannot_be_used_is_refused_where_it_is_written() {
    for (from, to, words) in [
        (
            "kind: generic",
            "kind: grafana",
            "the source `checkmk`: how a body of Grafana is read is known",
        ),
        ("$.events[*]", "$.events[", "`$.events[` is no JSONPath"),
        ("id: $.id", "id: id", "`id` is no JSONPath"),
        ("$.first]", "first]", "`first` is no JSONPath"),
        ("CRIT: firing", "CRIT: fire", "fire"),
        ("alert:", "alarm:", "alarm"),
        ("at: $.now", "when: $.now", "when"),
    ] {
        let error = refused(&GENERIC.replace(from, to));
        assert!(error.contains(words), "{to}: {error}");
    }
    let timeless = GENERIC
        .replace("at: $.now", "")
        .replace("started: [$.since, $.first]", "");
    assert!(refused(&timeless).contains("`started` or `at`"));
    let bare = GENERIC.split("      body:").next().unwrap();
    assert!(refused(bare).contains("needs `body`"));
}

#[test]
fn each_who_is_told_has_an_address_and_a_secret_that_is_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        format!("{{file: '{}'}}", file.display())
    };
    let key = write("key", "R0UTINGKEY\n");
    let hook = write("hook", "https://hooks.slack.com/services/s3cr3t");
    let settings = format!(
        "announce:
  changes: {{kind: pagerduty, routing_key: {key}}}
  broker: {{kind: cdevents, url: 'https://broker.example'}}
  room: {{kind: slack, webhook: {hook}}}
  app: {{kind: slack, token: {key}, channel: C1}}
  graphs: {{kind: grafana, url: 'https://grafana.example', token: {key}}}
"
    );
    let told = Settings::parse(&settings).unwrap().announce().unwrap();
    let names: Vec<&str> = told.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["app", "broker", "changes", "graphs", "room"]);
    assert!(!format!("{told:?}").contains("s3cr3t"));
    for (from, to, words) in [
        ("channel: C1", "room: C1", "room"),
        (
            ", channel: C1",
            "",
            "`app` needs a `webhook`, or a `token` with a `channel`",
        ),
        ("https://broker", "broker", "the address of `broker`"),
        ("kind: grafana", "kind: kibana", "kibana"),
        (", routing_key", ", key", "key"),
        ("/hook", "/gone", "gone"),
    ] {
        let wrong = settings.replace(from, to);
        let refused = Settings::parse(&wrong).and_then(|settings| settings.announce());
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(words), "{to}: {error}");
    }
}
