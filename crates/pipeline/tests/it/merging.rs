//! What becomes of people's edits when the files are written again.

use proptest::prelude::*;
use ripcord_domain::config::Forge;
use ripcord_pipeline::{Outcome, Settings, Side, Texts, files, regenerate};

use crate::{FORGES, SIDES, initialised, settings, write};

const FILE: &str = ".github/workflows/hotfix.yml";
const BASE: &str = ".ripcord/pipeline/.github/workflows/hotfix.yml";

fn service() -> Settings {
    settings(Forge::Github, Side::Service)
}

fn outcome(settings: &Settings, there: &Texts, path: &str) -> Outcome {
    let changes = regenerate(settings, there).unwrap();
    changes
        .into_iter()
        .find(|change| change.path == path)
        .unwrap()
        .outcome
}

#[test]
fn what_is_written_twice_is_written_once() {
    for forge in FORGES {
        for side in SIDES {
            let settings = settings(forge, side);
            let there = initialised(&settings);
            for change in regenerate(&settings, &there).unwrap() {
                assert!(
                    matches!(change.outcome, Outcome::Unchanged | Outcome::Kept),
                    "{change:?}"
                );
                assert_eq!(change.writes, []);
            }
        }
    }
}

#[test]
fn a_file_that_nobody_touched_is_replaced() {
    let mut there = initialised(&service());
    let mut settings = service();
    settings.branch = "trunk".to_owned();
    assert_eq!(outcome(&settings, &there, FILE), Outcome::Updated);
    write(&settings, &mut there);
    assert_eq!(there, initialised(&settings));
}

#[test]
fn an_edit_survives_a_new_version_of_another_line() {
    let mut there = initialised(&service());
    let edited = there[FILE].replace("timeout-minutes: 45", "timeout-minutes: 90");
    there.insert(FILE.to_owned(), edited);
    assert_eq!(outcome(&service(), &there, FILE), Outcome::Unchanged);
    let mut settings = service();
    settings.ripcord.version = "0.5.0".to_owned();
    assert_eq!(outcome(&settings, &there, FILE), Outcome::Merged);
    write(&settings, &mut there);
    assert!(there[FILE].contains("timeout-minutes: 90"));
    assert!(there[FILE].contains("RIPCORD_VERSION: \"0.5.0\""));
    assert_eq!(outcome(&settings, &there, FILE), Outcome::Unchanged);
}

#[test]
fn a_conflict_leaves_the_file_and_puts_the_new_text_beside_it() {
    let mut there = initialised(&service());
    let edited = there[FILE].replace("RIPCORD_VERSION: \"0.4.0\"", "RIPCORD_VERSION: \"0.3.9\"");
    there.insert(FILE.to_owned(), edited.clone());
    let base = there[BASE].clone();
    let mut settings = service();
    settings.ripcord.version = "0.5.0".to_owned();
    let changes = regenerate(&settings, &there).unwrap();
    let change = changes.iter().find(|change| change.path == FILE).unwrap();
    assert_eq!(change.outcome, Outcome::Conflict);
    let hint = change.hint.as_ref().unwrap();
    assert!(hint.contains(&format!("mv {FILE}.new {BASE}")), "{hint}");
    write(&settings, &mut there);
    let new = &files(&settings).unwrap()[0].text;
    assert_eq!((&there[FILE], &there[BASE]), (&edited, &base));
    assert_eq!(&there[&format!("{FILE}.new")], new);
    // Taken over as the hint says, it is a local edit like any other.
    let taken = there.remove(&format!("{FILE}.new")).unwrap();
    there.insert(BASE.to_owned(), taken);
    assert_eq!(outcome(&settings, &there, FILE), Outcome::Unchanged);
}

#[test]
fn a_file_that_somebody_else_wrote_is_left_alone() {
    let mut there = Texts::new();
    there.insert(FILE.to_owned(), "on: push\n".to_owned());
    assert_eq!(outcome(&service(), &there, FILE), Outcome::Conflict);
    write(&service(), &mut there);
    assert_eq!(there[FILE], "on: push\n");
}

#[test]
fn a_file_with_the_very_text_is_taken_as_our_own() {
    let mut there = initialised(&service());
    there.remove(BASE);
    assert_eq!(outcome(&service(), &there, FILE), Outcome::Unchanged);
    write(&service(), &mut there);
    assert_eq!(there[BASE], there[FILE]);
}

#[test]
fn gitlabs_own_file_is_written_only_where_there_is_none() {
    let gitlab = settings(Forge::Gitlab, Side::Infra);
    let mut there = Texts::new();
    there.insert(".gitlab-ci.yml".to_owned(), "stages: [a]\n".to_owned());
    assert_eq!(outcome(&gitlab, &there, ".gitlab-ci.yml"), Outcome::Kept);
    write(&gitlab, &mut there);
    assert_eq!(there[".gitlab-ci.yml"], "stages: [a]\n");
}

#[test]
fn line_ends_of_another_system_are_kept_and_are_no_edit() {
    let dos = |text: &str| text.replace('\n', "\r\n");
    let mut there: Texts = initialised(&service())
        .into_iter()
        .map(|(path, text)| (path, dos(&text)))
        .collect();
    assert_eq!(outcome(&service(), &there, FILE), Outcome::Unchanged);
    let edited = there[FILE].replace("timeout-minutes: 45", "timeout-minutes: 90");
    there.insert(FILE.to_owned(), edited);
    let mut settings = service();
    settings.ripcord.version = "0.5.0".to_owned();
    assert_eq!(outcome(&settings, &there, FILE), Outcome::Merged);
    write(&settings, &mut there);
    let text = &there[FILE];
    assert!(text.contains("timeout-minutes: 90\r\n") && text.contains("\"0.5.0\"\r\n"));
    assert!(!text.replace("\r\n", "").contains('\n'));
}

/// An edit that a person makes: a line that is put in, or one that goes.
#[derive(Clone, Debug)]
enum Edit {
    Put(usize, String),
    Drop(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (0_usize..200, "[a-z]{1,8}").prop_map(|(at, word)| Edit::Put(at, format!("# own {word}"))),
        (0_usize..200).prop_map(Edit::Drop),
    ];
    proptest::collection::vec(edit, 1..6)
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits {
        match edit {
            Edit::Put(at, line) => lines.insert(at % (lines.len() + 1), line.clone()),
            Edit::Drop(at) => {
                lines.remove(at % lines.len());
            }
        }
    }
    lines.join("\n") + "\n"
}

/// How often each line is there.
fn counted(text: &str) -> std::collections::BTreeMap<&str, i64> {
    let mut counts = std::collections::BTreeMap::new();
    for line in text.lines() {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

/// What a text has more of, or less of, than another, line by line.
fn difference<'t>(from: &'t str, to: &'t str) -> std::collections::BTreeMap<&'t str, i64> {
    let mut counts = counted(to);
    for (line, count) in counted(from) {
        *counts.entry(line).or_default() -= count;
    }
    counts.retain(|_, count| *count != 0);
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_people_edit_is_kept(edits in edits(), version in "[0-9]\\.[0-9]\\.[1-9]", trunk: bool) {
        let mut there = initialised(&service());
        let old = there[FILE].clone();
        let own = edited(&old, &edits);
        there.insert(FILE.to_owned(), own.clone());
        let mut settings = service();
        settings.ripcord.version = version;
        if trunk {
            settings.branch = "trunk".to_owned();
        }
        let before = there.clone();
        let outcome = outcome(&settings, &there, FILE);
        write(&settings, &mut there);
        let new = &files(&settings).unwrap()[0].text;
        let merged = &there[FILE];
        if outcome == Outcome::Conflict {
            prop_assert_eq!(merged, &before[FILE]);
            prop_assert_eq!(&there[BASE], &before[BASE]);
            prop_assert_eq!(&there[&format!("{FILE}.new")], new);
        } else if *merged != *new {
            // Every line that was put in or taken out is, beside what is new.
            let mut both = difference(&old, &own);
            for (line, count) in difference(&old, new) {
                *both.entry(line).or_default() += count;
            }
            both.retain(|_, count| *count != 0);
            prop_assert_eq!(difference(&old, merged), both);
        } else {
            // The edit was what is new, or there was none.
            prop_assert!(own == old || own == *new || merged == new);
        }
        // Once more changes nothing.
        let again = there.clone();
        write(&settings, &mut there);
        prop_assert_eq!(again, there);
    }
}
