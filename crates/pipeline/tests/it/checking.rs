//! `--check`: each kind of drift, alone.

use ripcord_domain::config::Forge;
use ripcord_pipeline::{Level, Rule, Settings, Side, Texts, check};

use crate::{initialised, settings};

const FILE: &str = ".github/workflows/hotfix.yml";

fn service() -> Settings {
    settings(Forge::Github, Side::Service)
}

/// The rules that are broken, with their files.
fn broken(settings: &Settings, there: &Texts) -> Vec<(String, Rule)> {
    check(settings, there)
        .unwrap()
        .findings
        .into_iter()
        .map(|finding| (finding.path, finding.rule))
        .collect()
}

fn only(rule: Rule) -> Vec<(String, Rule)> {
    vec![(FILE.to_owned(), rule)]
}

#[test]
fn a_file_that_went_is_missing() {
    let mut there = initialised(&service());
    there.remove(FILE);
    assert_eq!(broken(&service(), &there), only(Rule::Missing));
}

#[test]
fn a_file_that_ripcord_writes_differently_now_is_outdated() {
    let there = initialised(&service());
    let mut settings = service();
    settings.scanner = None;
    assert_eq!(broken(&settings, &there), only(Rule::Outdated));
}

#[test]
fn an_edit_that_breaks_no_rule_is_told_and_fails_nothing() {
    let mut there = initialised(&service());
    let edited = there[FILE].replace("timeout-minutes: 45", "timeout-minutes: 60");
    there.insert(FILE.to_owned(), edited);
    assert_eq!(broken(&service(), &there), only(Rule::LocalEdits));
    assert_eq!(check(&service(), &there).unwrap().failures().count(), 0);
}

#[test]
fn a_file_that_somebody_else_wrote_is_told_and_judged() {
    let mut there = initialised(&service());
    there.remove(&format!(".ripcord/pipeline/{FILE}"));
    let edited = there[FILE].replace("timeout-minutes: 45", "timeout-minutes: 60");
    there.insert(FILE.to_owned(), edited);
    assert_eq!(broken(&service(), &there), only(Rule::HandWritten));
    let spoiled = there[FILE].replace(
        "--record \"$RUNNER_TEMP/gate-record.json\" --signed-off-by \"$GITHUB_ACTOR\"\n\n",
        "|| true\n\n",
    );
    there.insert(FILE.to_owned(), spoiled);
    let report = check(&service(), &there).unwrap();
    let failures: Vec<Rule> = report.failures().map(|finding| finding.rule).collect();
    assert_eq!(failures, [Rule::GateNotBlocking]);
}

#[test]
fn a_new_text_that_still_waits_is_told() {
    let mut there = initialised(&service());
    there.insert(format!("{FILE}.new"), String::new());
    assert_eq!(broken(&service(), &there), only(Rule::NotTakenOver));
}

#[test]
fn another_workflow_that_ships_hotfixes_is_judged_too_and_no_other() {
    let mut there = initialised(&service());
    let path = ".github/workflows/emergency.yaml";
    there.insert(
        path.to_owned(),
        there[FILE].replace("timeout-minutes: 45\n    ", ""),
    );
    there.insert(
        ".github/workflows/ci.yml".to_owned(),
        "on: push\njobs:\n  a:\n    steps:\n      - uses: a/b@v1\n".to_owned(),
    );
    assert_eq!(
        broken(&service(), &there),
        [(path.to_owned(), Rule::NoTimeout)]
    );
}

#[test]
fn gitlabs_own_file_has_to_include_ours() {
    let gitlab = settings(Forge::Gitlab, Side::Service);
    let root = ".gitlab-ci.yml";
    for (text, fine) in [
        ("include: /.gitlab/ripcord.gitlab-ci.yml\n", true),
        ("include:\n  - local: .gitlab/ripcord.gitlab-ci.yml\n", true),
        (
            "include: [{local: [a.yml, .gitlab/ripcord.gitlab-ci.yml]}]\n",
            true,
        ),
        ("include: [.gitlab/other.yml]\n", false),
        ("stages: [a]\n", false),
    ] {
        let mut there = initialised(&gitlab);
        there.insert(root.to_owned(), text.to_owned());
        let expected = [(root.to_owned(), Rule::NotIncluded)];
        let found = broken(&gitlab, &there);
        assert_eq!(found, if fine { &[][..] } else { &expected }, "{text}");
    }
}

#[test]
fn every_rule_has_a_hint_and_a_word_of_its_own() {
    let mut words: Vec<&str> = Rule::ALL.iter().map(|rule| rule.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Rule::ALL.len());
    for rule in Rule::ALL {
        assert!(!rule.hint().is_empty());
        // Programs read the same word that people do.
        let json = format!("\"{}\"", rule.word());
        assert_eq!(serde_json::to_string(rule).unwrap(), json);
        assert!(matches!(rule.level(), Level::Failure | Level::Information));
    }
}
