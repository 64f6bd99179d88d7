use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn sarif_tells_how_bad_by_the_score_of_the_rule() {
    let sarif = |score: Value| {
        json!({"version": "2.1.0", "runs": [{
            "tool": {"driver": {"name": "x", "version": "1", "rules": [
                {"id": "CVE-1", "properties": {"security-severity": score}}]}},
            "results": [{"ruleId": "CVE-1", "level": "error"}]}]})
    };
    let of = |score: Value| {
        read_sarif(sarif(score).to_string().as_bytes())
            .unwrap()
            .findings[0]
            .severity
    };
    assert_eq!(of(json!("9.0")), Severity::Critical);
    assert_eq!(of(json!(9.8)), Severity::Critical);
    assert_eq!(of(json!("8.9")), Severity::High);
}

#[test]
fn a_sarif_error_without_a_score_is_critical_and_a_word_is_a_severity() {
    let of = |level: &str, said: Value| {
        let sarif = json!({"version": "2.1.0", "runs": [{
            "tool": {"driver": {"name": "x", "rules": [
                {"id": "CVE-1", "properties": {"security-severity": said}}]}},
            "results": [{"ruleId": "CVE-1", "level": level}]}]});
        let report = read_sarif(sarif.to_string().as_bytes()).unwrap();
        report.findings[0].severity
    };
    assert_eq!(of("error", Value::Null), Severity::Critical);
    assert_eq!(of("warning", Value::Null), Severity::Medium);
    assert_eq!(of("warning", json!("CRITICAL")), Severity::Critical);
    assert_eq!(of("error", json!("medium")), Severity::Medium);
    assert_eq!(
        of("error", json!("?")),
        Severity::Critical,
        "it says nothing"
    );
    assert_eq!(of("error", json!("NaN")), Severity::Critical);
}

#[test]
fn a_sarif_run_that_says_that_it_failed_is_no_report() {
    let run = |well: Value| {
        json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [],
            "invocations": [{"executionSuccessful": true}, {"executionSuccessful": well}]}]})
    };
    let read = |well: Value| read_sarif(run(well).to_string().as_bytes());
    assert!(read(json!(true)).is_ok());
    let why = read(json!(false)).unwrap_err();
    assert!(why.contains("did not end well"), "{why}");
}

#[test]
fn what_is_no_report_is_none() {
    for bytes in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"{\"version\": \"2.0.0\"}",
        b"{\"version\":\"2.1.0\",\"runs\":[]}",
    ] {
        assert!(read_sarif(bytes).is_err());
        assert!(read_trivy(bytes).is_err());
        assert!(read_grype(bytes).is_err());
        assert!(read_osv(bytes).is_err());
    }
}

#[test]
fn osv_takes_the_score_of_the_group() {
    let said = json!({"results": [{"packages": [{
        "package": {"name": "lodash", "version": "4.17.4"},
        "vulnerabilities": [{"id": "GHSA-1"}, {"id": "GHSA-2", "database_specific": {"severity": "LOW"}}],
        "groups": [{"ids": ["GHSA-1"], "max_severity": "9.1"}]}]}]});
    let report = read_osv(said.to_string().as_bytes()).unwrap();
    let bad: Vec<Severity> = report.findings.iter().map(|one| one.severity).collect();
    assert_eq!(bad, [Severity::Critical, Severity::Low]);
}

#[test]
fn what_grype_leaves_out_is_counted() {
    let said = json!({"descriptor": {"name": "grype"}, "matches": [], "ignoredMatches": [
        {"vulnerability": {"id": "CVE-1", "severity": "Critical"}},
        {"vulnerability": {"id": "CVE-2"}}]});
    let report = read_grype(said.to_string().as_bytes()).unwrap();
    assert_eq!(report.ignored, [Severity::Critical, Severity::Unknown]);
}

#[test]
fn files_and_the_system_are_no_packages() {
    let of = |said: Value| {
        let read = read_components(said.to_string().as_bytes())?;
        Ok::<_, String>((read.packages, read.files))
    };
    let said = json!({"bomFormat": "CycloneDX", "components": [
        {"type": "file", "name": "/package-lock.json"},
        {"type": "operating-system", "name": "alpine"},
        {"type": "library", "name": "ms"}]});
    assert_eq!(of(said), Ok((1, vec!["/package-lock.json".to_owned()])));
    assert_eq!(of(json!({"bomFormat": "CycloneDX"})), Ok((0, vec![])));
    assert!(of(json!({})).is_err());
    assert!(read_components(b"").is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9.]{0,8}".prop_map(Value::from),
    ];
    let keys = "version|runs|tool|driver|rules|results|ruleId|ruleIndex|properties|security-severity|locations|id|SchemaVersion|Results|Vulnerabilities|matches|descriptor|packages|groups|name";
    leaf.prop_recursive(5, 48, 6, move |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys, inside, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_report_makes_a_panic(mut said in any_json(), raw in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (read_sarif(&raw), read_trivy(&raw), read_grype(&raw), read_osv(&raw));
        if let Some(fields) = said.as_object_mut() {
            fields.insert("version".into(), json!("2.1.0"));
            fields.insert("SchemaVersion".into(), json!(2));
        }
        let bytes = said.to_string().into_bytes();
        let _ = (read_sarif(&bytes), read_trivy(&bytes), read_grype(&bytes), read_osv(&bytes));
    }
}
