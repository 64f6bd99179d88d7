//! How long things took, and whether that is another time than before.

use jiff::SignedDuration;
use ripcord_domain::incident::event::Fact;
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::DeployStage;
use ripcord_metrics::{Counts, Measure, Reason, Value, Verdict};

use crate::story::{Counted, DAY, HOUR, Story, at, october};

const PAYMENTS: &str = "payments";

#[test]
fn lead_time_is_from_the_commit_to_everywhere() {
    let mut story = Story::default();
    story.deploy(PAYMENTS, "d1", DAY);
    story.stage(PAYMENTS, "no-commit", DeployStage::Started, 2 * DAY);
    story.stage(PAYMENTS, "no-commit", DeployStage::Healthy, 2 * DAY + 1);
    story.stage(PAYMENTS, "no-end", DeployStage::Committed, 3 * DAY);
    story.stage(PAYMENTS, "no-end", DeployStage::Synced, 3 * DAY + 1);
    story.stage(PAYMENTS, "turned", DeployStage::Committed, 4 * DAY + 5);
    story.stage(PAYMENTS, "turned", DeployStage::Healthy, 4 * DAY);
    story.rollback(PAYMENTS, "back", 5 * DAY, "d1");
    let counted = story.october();
    assert_eq!(counted.median(Measure::ChangeLeadTime), (Some(10.0), 1, 0));
    let why = |id| counted.left_out(Measure::ChangeLeadTime, id);
    let not_recorded = |moment| Reason::NotRecorded { moment };
    assert_eq!(why("no-commit"), not_recorded(Moment::Merged));
    assert_eq!(why("no-end"), not_recorded(Moment::DeployHealthy));
    assert_eq!(why("back"), Reason::BringsNoChange);
    let (from, to) = (at(4 * DAY + 5), at(4 * DAY));
    assert_eq!(why("turned"), Reason::Contradictory { from, to });
}

/// One deploy with two incidents, the second of which is longer.
fn twice() -> Story {
    let mut story = Story::default();
    story.deploy(PAYMENTS, "d1", DAY);
    for (incident, from, to) in [("i-1", 20, 30), ("i-2", 25, 80)] {
        story.alert(incident, PAYMENTS, DAY + from, Some(DAY + to));
        story.charge(incident, PAYMENTS, Some("d1"));
    }
    story
}

#[test]
fn a_deploy_with_several_incidents_recovers_once_from_the_first_to_the_last() {
    let counted = twice().october();
    assert_eq!(counted.recovery(), (Some(60.0), 1, 0));
    let from_start = counted.median(Measure::RecoveryTimeFromStart);
    assert_eq!(from_start, (Some(79.0), 1, 0));
}

#[test]
fn one_incident_that_goes_on_keeps_the_recovery_open() {
    let mut story = twice();
    story.alert("i-3", PAYMENTS, DAY + 90, None);
    story.charge("i-3", PAYMENTS, Some("d1"));
    assert_eq!(story.october().recovery(), (None, 0, 1));
    // As it was known before any of this: it took no time yet, and not less.
    let mut request = october();
    request.as_of = at(DAY + 5);
    let measure = Measure::FailedDeploymentRecoveryTime;
    let milliseconds = Some(0);
    let counts = story.count(&request).counts(measure, "d1");
    assert_eq!(counts, Counts::GoesOn { milliseconds });
}

#[test]
fn what_a_person_corrected_counts() {
    let mut story = twice();
    let correct = |moment, minute: Option<i64>| Fact::Corrected {
        moment,
        at: minute.map(at),
        why: "read the graph".into(),
    };
    let fact = correct(Moment::Fired, Some(DAY + 15));
    story.say("i-1", PAYMENTS, 40 * DAY, fact);
    let fact = correct(Moment::Restored, Some(DAY + 50));
    story.say("i-2", PAYMENTS, 40 * DAY, fact);
    assert_eq!(story.october().recovery(), (Some(35.0), 1, 0));
    story.say("i-2", PAYMENTS, 41 * DAY, correct(Moment::Restored, None));
    let measure = Measure::FailedDeploymentRecoveryTime;
    let moment = Moment::Restored;
    let reason = Reason::NotRecorded { moment };
    assert_eq!(story.october().left_out(measure, "d1"), reason);
    // Also where an alert was forgotten and fires to this day.
    story.alert("i-2", PAYMENTS, DAY + 100, None);
    assert_eq!(story.october().left_out(measure, "d1"), reason);
}

#[test]
fn a_start_that_is_only_concluded_is_no_start() {
    let mut story = Story::default();
    story.stage(PAYMENTS, "d1", DeployStage::Serving, DAY);
    story.stage(PAYMENTS, "d1", DeployStage::Healthy, DAY + 5);
    story.alert("i-1", PAYMENTS, DAY + 20, Some(DAY + 30));
    story.charge("i-1", PAYMENTS, Some("d1"));
    let counted = story.october();
    assert_eq!(counted.recovery(), (Some(10.0), 1, 0));
    let moment = Moment::DeployStarted;
    assert_eq!(
        counted.left_out(Measure::RecoveryTimeFromStart, "d1"),
        Reason::NotRecorded { moment }
    );
}

#[test]
fn an_incident_without_an_alert_that_nobody_closed_goes_on() {
    let mut story = Story::default();
    story.deploy(PAYMENTS, "d1", DAY);
    let opened = Fact::Opened {
        title: "nobody can pay".into(),
        severity: None,
    };
    story.say("i-1", PAYMENTS, DAY + 20, opened);
    story.charge("i-1", PAYMENTS, Some("d1"));
    let measure = Measure::FailedDeploymentRecoveryTime;
    let counts = |story: &Story| story.october().counts(measure, "d1");
    assert_eq!(counts(&story), Counts::GoesOn { milliseconds: None });
    story.close("i-1", PAYMENTS, 3 * DAY);
    let moment = Moment::Fired;
    let reason = Reason::NotRecorded { moment };
    assert_eq!(counts(&story), Counts::No { reason });
}

/// In September and in October so many deploys, each healthy so many minutes after its commit.
fn months(september: &[i64], october: &[i64]) -> Story {
    let mut story = Story::default();
    for (month, minutes) in [(-31, september), (0, october)] {
        for (number, minutes) in (0..).zip(minutes) {
            let (id, start) = (format!("m{month}-{number}"), month * DAY + number * HOUR);
            story.stage(PAYMENTS, &id, DeployStage::Committed, start);
            story.stage(PAYMENTS, &id, DeployStage::Started, start);
            story.stage(PAYMENTS, &id, DeployStage::Healthy, start + minutes);
        }
    }
    story
}

fn verdict(counted: &Counted, measure: Measure) -> Verdict {
    let before = counted.figure(PAYMENTS, measure).before.as_ref();
    before.unwrap().verdict
}

#[test]
fn a_difference_is_only_claimed_where_it_is_shown() {
    let lead = |september: &[i64], october: &[i64]| {
        verdict(
            &months(september, october).october(),
            Measure::ChangeLeadTime,
        )
    };
    let (short, long) = (
        [10, 11, 12, 13, 14, 15, 16, 17],
        [50, 51, 52, 53, 54, 55, 56, 57],
    );
    assert_eq!(lead(&long, &short), Verdict::Better);
    assert_eq!(lead(&short, &long), Verdict::Worse);
    // The median doubled, and chance does that.
    let (low, high) = ([10, 20, 10, 90, 80, 10, 20], [10, 40, 90, 80, 10, 40, 20]);
    assert_eq!(lead(&low, &high), Verdict::NoDifferenceShown);
    assert_eq!(lead(&long[..5], &short), Verdict::TooFew);
}

#[test]
fn more_deploys_are_better_and_more_failures_are_worse() {
    let mut story = months(&[10; 30], &[10; 60]);
    let frequency = |story: &Story| verdict(&story.october(), Measure::DeploymentFrequency);
    assert_eq!(frequency(&story), Verdict::Better);
    let few = months(&[10; 8], &[10; 9]);
    assert_eq!(frequency(&few), Verdict::NoDifferenceShown);
    for number in 0..20 {
        let incident = format!("i-{number}");
        let start = number * HOUR + 30;
        story.alert(&incident, PAYMENTS, start, Some(start + 5));
        story.charge(&incident, PAYMENTS, Some(&format!("m0-{number}")));
    }
    let counted = story.october();
    assert_eq!(verdict(&counted, Measure::ChangeFailRate), Verdict::Worse);
    let caught = counted.figure(PAYMENTS, Measure::CaughtByTheGate);
    assert!(caught.before.is_none());
}

#[test]
fn nothing_is_claimed_where_something_goes_on_or_was_not_recorded() {
    let mut story = months(&[10; 8], &[10; 8]);
    for (month, minutes) in [(-31, 300), (0, 10)] {
        for number in 0..8 {
            let incident = format!("i{month}-{number}");
            let start = month * DAY + number * HOUR + 30;
            let spread = minutes + number;
            story.alert(&incident, PAYMENTS, start, Some(start + spread));
            story.charge(&incident, PAYMENTS, Some(&format!("m{month}-{number}")));
        }
    }
    let measure = Measure::FailedDeploymentRecoveryTime;
    assert_eq!(verdict(&story.october(), measure), Verdict::Better);
    let mut request = october();
    request.recorded_since = Some(at(-31 * DAY + 1));
    let counted = story.count(&request);
    assert_eq!(verdict(&counted, measure), Verdict::NotRecorded);
    let before = counted.figure(PAYMENTS, measure).before.as_ref();
    assert_eq!(before.unwrap().difference, None);
    request.recorded_since = Some(at(-31 * DAY));
    assert_eq!(verdict(&story.count(&request), measure), Verdict::Better);
    let mut long_open = story.clone();
    long_open.alert("i-open", PAYMENTS, -10 * DAY, None);
    long_open.charge("i-open", PAYMENTS, Some("m-31-7"));
    assert_eq!(verdict(&long_open.october(), measure), Verdict::GoesOn);
    story.alert("i-open", PAYMENTS, 10 * DAY, None);
    story.charge("i-open", PAYMENTS, Some("m0-7"));
    assert_eq!(verdict(&story.october(), measure), Verdict::GoesOn);
}

#[test]
fn the_interval_of_few_is_not_given() {
    let interval = |number| {
        let story = months(&[], &vec![10; number]);
        match story
            .october()
            .figure(PAYMENTS, Measure::ChangeLeadTime)
            .value
        {
            Value::Spans { interval, n, .. } => (n, interval.is_some()),
            ref other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(interval(5), (5, false));
    assert_eq!(interval(6), (6, true));
}

#[test]
fn a_period_is_compared_with_the_one_of_the_same_length_before_it() {
    let counted = months(&[10; 3], &[10; 3]).october();
    let figure = counted.figure(PAYMENTS, Measure::DeploymentFrequency);
    let before = figure.before.as_ref().unwrap();
    assert_eq!(before.period.to, counted.0.period.from);
    assert_eq!(before.period.length(), SignedDuration::from_hours(31 * 24));
    assert!(matches!(before.value, Value::Count { number: 3, .. }));
}
