//! What is said of alerts whose cause is known.
//!
//! The bounds are well under what is measured: they are to show a rule that broke, not to hold a figure.

use ripcord_domain::incident::report::DeployStage;
use ripcord_scenarios::{
    Case, Scenario, began_before, concern, knowledge, latest, make, nearest, onset_at, plain,
    ripcord, seconds,
};
use ripcord_suspect::accuracy::{Accuracy, Outcome};
use ripcord_suspect::{Answer, Knowledge, Onset, Pods, Reason, Verdict, rank};

const CASES: u64 = 300;

fn measure(scenarios: &[Scenario], rule: impl Fn(&Case) -> Outcome) -> Accuracy {
    ripcord_scenarios::measure(scenarios, CASES, rule)
}

fn verdict(case: &Case) -> Verdict {
    rank(&case.onset, &case.changes, &knowledge())
}

fn at_least(figure: Option<f64>, least: f64) {
    assert!(figure >= Some(least), "{figure:?} is under {least}");
}

fn onset() -> Onset {
    Onset::new(concern(0, "production"), onset_at())
}

#[test]
fn over_all_scenarios_it_beats_both_naive_rules() {
    let (ours, latest, nearest) = (
        measure(&Scenario::ALL, ripcord),
        measure(&Scenario::ALL, latest),
        measure(&Scenario::ALL, nearest),
    );
    for naive in [latest, nearest] {
        assert!(ours.top_1() > naive.top_1());
        assert!(ours.precision() > naive.precision());
        assert!(ours.no_deploy() > naive.no_deploy());
    }
    at_least(ours.top_1(), 0.8);
    at_least(ours.top_3(), 0.95);
    at_least(ours.precision(), 0.95);
}

#[test]
fn a_deploy_after_the_alert_or_elsewhere_is_never_suspected() {
    for scenario in Scenario::ALL {
        for seed in 0..CASES {
            let case = make(scenario, seed);
            let verdict = verdict(&case);
            for deploy in &case.changes {
                let after = deploy.began() > Some(case.onset.began);
                let elsewhere = deploy.concern.environment != case.onset.concern.environment;
                let name = deploy.into();
                let suspected = verdict.suspects.iter().any(|one| one.deploy == name);
                assert!(!suspected || !(after || elsewhere), "{scenario:?} {seed}");
            }
        }
    }
}

#[test]
fn a_canary_whose_pods_alone_alert_is_named() {
    let accuracy = measure(&[Scenario::CanaryFailure], ripcord);
    at_least(accuracy.recall(), 0.95);
    at_least(accuracy.precision(), 0.97);
}

#[test]
fn a_deploy_of_what_the_service_calls_is_found() {
    let accuracy = measure(&[Scenario::Dependency], ripcord);
    at_least(accuracy.top_1(), 0.85);
    at_least(accuracy.recall(), 0.6);
}

#[test]
fn settings_migrations_and_changes_by_hand_are_found_without_a_version() {
    for scenario in [
        Scenario::ConfigOnly,
        Scenario::Migration,
        Scenario::ByHand,
        Scenario::FanOut,
    ] {
        let accuracy = measure(&[scenario], ripcord);
        at_least(accuracy.top_1(), 0.9);
        at_least(accuracy.precision(), 0.95);
    }
}

#[test]
fn what_happens_without_a_deploy_is_called_so() {
    for scenario in [
        Scenario::CloudOutage,
        Scenario::OwnFailure,
        Scenario::PreExisting,
    ] {
        let accuracy = measure(&[scenario], ripcord);
        at_least(accuracy.no_deploy(), 0.7);
        assert!(u64::from(accuracy.named) * 10 < CASES, "{accuracy:?}");
    }
}

#[test]
fn an_outage_hours_after_the_last_deploy_is_no_deploy() {
    let changes = [plain("a", 200.0), plain("b", 600.0)];
    let verdict = rank(&onset(), &changes, &knowledge());
    assert_eq!(verdict.answer, Answer::NoDeploy);
}

#[test]
fn a_deploy_while_the_alert_flaps_is_excluded_and_the_one_before_it_is_not() {
    let accuracy = measure(&[Scenario::Flapping], ripcord);
    at_least(accuracy.top_1(), 0.8);
    for seed in 0..CASES {
        let case = make(Scenario::Flapping, seed);
        let first = case.onset.first();
        for one in verdict(&case).suspects {
            let deploy = case
                .changes
                .iter()
                .find(|deploy| one.deploy == (*deploy).into());
            assert!(deploy.is_some_and(|deploy| deploy.began() <= Some(first)));
        }
    }
    let mut onset = onset();
    let minutes = |minutes| onset_at() - seconds(minutes * 60.0);
    onset.earlier.push(ripcord_suspect::Earlier {
        began: minutes(40.0),
        ended: Some(minutes(30.0)),
    });
    let verdict = rank(&onset, &[plain("between", 20.0)], &knowledge());
    assert_eq!(verdict.excluded[0].reason, Reason::AlreadyFiring);
    assert_eq!(verdict.answer, Answer::NoDeploy);
}

#[test]
fn two_deploys_that_look_the_same_are_both_not_named() {
    let mut changes = [plain("a", 5.0), plain("b", 5.0)];
    let verdict = rank(&onset(), &changes, &knowledge());
    assert_eq!(verdict.answer, Answer::Unclear);
    // A rule of time alone cannot tell them apart, pods can.
    changes[1].version = Some("bad".to_owned());
    let mut onset = onset();
    let pods = |alerting, quiet| Pods { alerting, quiet };
    onset.running.insert("v-a".to_owned(), pods(0, 6));
    onset.running.insert("bad".to_owned(), pods(3, 0));
    let verdict = rank(&onset, &changes, &knowledge());
    assert_eq!(verdict.answer, Answer::Deploy((&changes[1]).into()));
}

#[test]
fn a_slow_leak_is_listed_and_not_named() {
    let accuracy = measure(&[Scenario::SlowLeak], ripcord);
    at_least(accuracy.top_3(), 0.8);
    assert!(u64::from(accuracy.named) * 10 < CASES, "{accuracy:?}");
}

#[test]
fn a_rollback_is_suspected_less_than_what_it_is_not() {
    let mut changes = [plain("a", 5.0), plain("b", 5.0)];
    changes[0].is_rollback = true;
    let verdict = rank(&onset(), &changes, &knowledge());
    assert_eq!(verdict.suspects[0].deploy.id, "b");
}

#[test]
fn a_canary_that_was_stopped_long_before_the_alert_is_not_named_for_having_failed() {
    let mut changes = [plain("a", 25.0), plain("b", 25.0)];
    let stopped = onset_at() - seconds(1200.0);
    changes[0].stages.insert(DeployStage::Aborted, stopped);
    let verdict = rank(&onset(), &changes, &knowledge());
    assert_eq!(verdict.suspects[0].deploy.id, "b");
}

#[test]
fn a_deploy_on_its_way_is_suspected_from_its_commit_on() {
    let mut change = plain("a", 5.0);
    let committed = change.stages.remove(&DeployStage::Started);
    let healthy = onset_at() + seconds(60.0);
    change.stages = committed
        .map(|at| (DeployStage::Committed, at))
        .into_iter()
        .collect();
    change.stages.insert(DeployStage::Healthy, healthy);
    let verdict = rank(&onset(), &[change], &knowledge());
    assert_eq!(verdict.suspects.len(), 1);
    assert!(verdict.excluded.is_empty());
}

#[test]
fn the_version_in_the_labels_of_the_alert_tells_two_deploys_apart() {
    let changes = [plain("a", 5.0), plain("b", 5.0)];
    let mut onset = onset();
    onset
        .labels
        .insert("app_version".to_owned(), "v-b".to_owned());
    let with = rank(&onset, &changes, &knowledge());
    assert_eq!(with.suspects[0].deploy.id, "b");
    onset.labels = [("replicas".to_owned(), "v-b".to_owned())].into();
    let without = rank(&onset, &changes, &knowledge());
    assert_eq!(without.answer, Answer::Unclear);
}

#[test]
fn each_exclusion_has_its_reason() {
    let changes = [
        began_before("after", 0, "production", -1.0),
        began_before("old", 0, "production", 1500.0),
        began_before("path", 7, "production", 5.0),
        began_before("staging", 0, "staging", 5.0),
    ];
    let verdict = rank(&onset(), &changes, &knowledge());
    let reasons: Vec<&Reason> = verdict.excluded.iter().map(|one| &one.reason).collect();
    assert_eq!(
        reasons,
        [
            &Reason::AfterOnset,
            &Reason::TooOld,
            &Reason::NoPath,
            &Reason::OtherEnvironment
        ]
    );
    let nothing = rank(&onset(), &[], &Knowledge::default());
    assert_eq!(nothing.answer, Answer::NoDeploy);
}
