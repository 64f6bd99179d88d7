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
