use jiff::Timestamp;

use super::*;
use crate::timeline::tests::timeline;

fn chosen(first: Option<&str>, versions: &[&str], wanted: &Wanted) -> Result<String, String> {
    let timeline = timeline(first, versions);
    let judgement = timeline.judge(Timestamp::from_second(6000).unwrap());
    match choose(
        &timeline,
        &judgement,
        wanted,
        None,
        "payments in production",
    ) {
        Ok(Choice::To { state, .. }) => Ok(version_of(&state, None)),
        Ok(Choice::AlreadyThere { why }) => Err(format!("already: {why}")),
        Err(problem) => Err(problem.code),
    }
}

const LAST_GOOD: Wanted = Wanted::LastGood { again: false };
const AGAIN: Wanted = Wanted::LastGood { again: true };

#[test]
fn the_newest_earlier_version_that_was_not_rolled_back_from() {
    assert_eq!(chosen(None, &["v1", "v2"], &LAST_GOOD), Ok("v1".into()));
    assert_eq!(
        chosen(None, &["v1", "v2", "v1", "v3"], &LAST_GOOD),
        Ok("v1".into())
    );
    assert_eq!(chosen(Some("v0"), &["v1"], &LAST_GOOD), Ok("v0".into()));
}

#[test]
fn a_second_run_never_brings_the_bad_version_back() {
    let second = chosen(None, &["v0", "v1", "v2", "v1"], &LAST_GOOD).unwrap_err();
    assert!(
        second.starts_with("already: it was already rolled back to v1 by Ann"),
        "{second}"
    );
    assert_eq!(
        chosen(None, &["v0", "v1", "v2", "v1"], &AGAIN),
        Ok("v0".into())
    );
}

#[test]
fn the_first_deploy_ever_has_nothing_before_it() {
    assert_eq!(
        chosen(None, &["v1"], &LAST_GOOD),
        Err("no_earlier_version".into())
    );
    assert_eq!(
        chosen(None, &["v1", "v2", "v1"], &AGAIN),
        Err("no_earlier_version".into())
    );
}

#[test]
fn a_target_by_steps_or_by_version() {
    let history = ["v1", "v2", "v3", "v2", "v4"];
    assert_eq!(chosen(None, &history, &Wanted::Steps(2)), Ok("v1".into()));
    assert_eq!(
        chosen(None, &history, &Wanted::Version("v3".into())),
        Ok("v3".into())
    );
    assert_eq!(
        chosen(None, &history, &Wanted::Steps(3)),
        Err("no_earlier_version".into())
    );
    assert_eq!(
        chosen(None, &history, &Wanted::Version("v9".into())),
        Err("unknown_version".into())
    );
    assert!(
        chosen(None, &history, &Wanted::Version("v4".into()))
            .unwrap_err()
            .starts_with("already")
    );
}

#[test]
fn candidates_come_best_first_and_rolled_back_ones_last() {
    let timeline = timeline(None, &["v1", "v2", "v3", "v2", "v4"]);
    let judgement = timeline.judge(Timestamp::from_second(6000).unwrap());
    let all = candidates(&timeline, &judgement, None, &|_| String::new());
    let names: Vec<(&str, bool)> = all
        .iter()
        .map(|c| (c.version.as_str(), c.rolled_back))
        .collect();
    assert_eq!(names, [("v2", false), ("v1", false), ("v3", true)]);
    assert_eq!(all[0].served_seconds, Some(60));
}
