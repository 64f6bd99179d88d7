use proptest::prelude::*;

use super::*;

/// Deploys of one place, a minute apart; `!` marks a revert, `~` a reapply, `-` a removal.
pub(crate) fn timeline(first: Option<&str>, versions: &[&str]) -> Timeline {
    let state = |version: &str| -> State {
        let id = PlaceId {
            path: "a.yaml".into(),
            key: "image".parse().unwrap(),
        };
        State::from([(
            id,
            vec![Value {
                role: "tag".into(),
                value: version.into(),
            }],
        )])
    };
    let mut before = first.map(state);
    let deploys = versions
        .iter()
        .enumerate()
        .map(|(i, version)| {
            let claim = match version.chars().next() {
                Some('!') => Claim::Revert,
                Some('~') => Claim::Reapply,
                _ => Claim::None,
            };
            let name = version.trim_start_matches(['!', '~']);
            let after = if name == "-" {
                State::new()
            } else {
                state(name)
            };
            let deploy = Deploy {
                commit: format!("{i:040x}"),
                at: Timestamp::from_second(60 * i64::try_from(i).unwrap()).unwrap(),
                author: "Ann".into(),
                subject: String::new(),
                pull_request: None,
                claim,
                before: before.clone(),
                after: after.clone(),
            };
            before = Some(after);
            deploy
        })
        .collect();
    Timeline {
        deploys,
        complete: first.is_none(),
        moves: Vec::new(),
    }
}

fn judged(first: Option<&str>, versions: &[&str]) -> (Vec<usize>, Vec<usize>, Vec<bool>) {
    let judgement = timeline(first, versions).judge(Timestamp::from_second(600).unwrap());
    let flags = judgement.verdicts.iter().map(|v| v.is_rollback).collect();
    (judgement.line, judgement.rolled_back, flags)
}

#[test]
fn going_back_cuts_the_line() {
    let (line, bad, rollbacks) = judged(None, &["v1", "v2", "v1"]);
    assert_eq!((line, bad), (vec![2], vec![1]));
    assert_eq!(rollbacks, [false, false, true]);
}

#[test]
fn a_version_between_is_cut_too_when_a_rollback_skips_it() {
    let (line, bad, _) = judged(None, &["v1", "v2", "v3", "v1", "v4"]);
    assert_eq!((line, bad), (vec![3, 4], vec![1, 2]));
}

#[test]
fn a_reapplied_version_is_good_again_and_goes_forward() {
    let (line, bad, rollbacks) = judged(None, &["v1", "v2", "!v1", "~v2", "v3"]);
    assert_eq!((line, bad), (vec![2, 3, 4], vec![]));
    assert_eq!(rollbacks, [false, false, true, false, false]);
}

#[test]
fn a_revert_to_a_version_older_than_the_history_read_still_counts() {
    let (line, bad, rollbacks) = judged(Some("v8"), &["!v7"]);
    assert_eq!((line, bad), (vec![0], vec![BEFORE_ALL]));
    assert_eq!(rollbacks, [true]);
}

#[test]
fn coming_back_after_a_removal_is_no_rollback() {
    let (line, bad, rollbacks) = judged(None, &["v1", "-", "v1"]);
    assert_eq!((line, bad), (vec![0, 2], vec![]));
    assert_eq!(rollbacks, [false, false, false]);
}

#[test]
fn ends_and_durations_are_told() {
    let timeline = timeline(None, &["v1", "v2", "v1", "v3"]);
    let verdicts = timeline
        .judge(Timestamp::from_second(1000).unwrap())
        .verdicts;
    let ended: Vec<Ended> = verdicts.iter().map(|v| v.ended).collect();
    assert_eq!(
        ended,
        [
            Ended::Replaced,
            Ended::RolledBack,
            Ended::Replaced,
            Ended::Running
        ]
    );
    assert_eq!(verdicts[3].served_seconds, 1000 - 180);
}

#[test]
fn a_clock_that_runs_backwards_gives_no_negative_duration() {
    let mut timeline = timeline(None, &["v1", "v2"]);
    timeline.deploys[1].at = Timestamp::from_second(-50).unwrap();
    assert_eq!(
        timeline.judge(Timestamp::UNIX_EPOCH).verdicts[0].served_seconds,
        0
    );
}

proptest! {
    /// Whatever happened: what runs is on top of the line, and nothing is both good and bad.
    #[test]
    fn the_line_ends_with_what_runs(versions in proptest::collection::vec("[!~]?v[1-5]", 1..20)) {
        let mut names: Vec<&str> = Vec::new();
        for version in &versions {
            let plain = |v: &str| v.trim_start_matches(['!', '~']).to_owned();
            if names.last().is_none_or(|last| plain(last) != plain(version)) {
                names.push(version);
            }
        }
        let timeline = timeline(None, &names);
        let judgement = timeline.judge(Timestamp::from_second(100_000).unwrap());
        prop_assert_eq!(judgement.line.last(), Some(&(timeline.deploys.len() - 1)));
        let current = timeline.state(timeline.deploys.len() - 1);
        for &bad in &judgement.rolled_back {
            prop_assert!(timeline.state(bad) != current);
            prop_assert!(!judgement.line.contains(&bad));
        }
        prop_assert!(judgement.line.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
