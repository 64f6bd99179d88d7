//! Each wrong result that another tool is known for, and the right one. Which tool: `incident-side-facts.md`, 2.5.

use ripcord_domain::incident::event::{Fact, IncidentId};
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::DeployStage;
use ripcord_metrics::{Because, Counts, Doubt, Measure, Outcome, Reason};

use crate::story::{Counted, DAY, HOUR, Story, at, charged, concern, failed, october, undecided};

const PAYMENTS: &str = "payments";

/// A deploy a day, so many.
fn daily(number: i64) -> Story {
    let mut story = Story::default();
    for day in 0..number {
        story.deploy(PAYMENTS, &format!("d{day:02}"), day * DAY);
    }
    story
}

fn share_of(counted: &Counted) -> f64 {
    let (hits, of) = counted.fail_rate();
    hits as f64 / of as f64
}

#[test]
fn six_incidents_on_four_of_23_deploys_are_17_percent_and_not_26() {
    let mut story = daily(23);
    for (incident, deploy) in [(1, 3), (2, 3), (3, 3), (4, 8), (5, 12), (6, 20)] {
        let (incident, start) = (format!("i-{incident}"), deploy * DAY + incident * HOUR);
        story.alert(&incident, PAYMENTS, start, Some(start + 30));
        story.charge(&incident, PAYMENTS, Some(&format!("d{deploy:02}")));
    }
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (4, 23));
    assert!((share_of(&counted) - 0.174).abs() < 0.0005);
}

#[test]
fn more_incidents_than_deploys_are_never_more_than_100_percent() {
    let mut story = daily(2);
    for incident in 0..6 {
        let (incident, start) = (format!("i-{incident}"), DAY + incident * HOUR);
        story.alert(&incident, PAYMENTS, start, Some(start + 30));
        story.charge(&incident, PAYMENTS, Some("d01"));
    }
    assert_eq!(story.october().fail_rate(), (1, 2));
}

#[test]
fn a_webhook_that_comes_again_inflates_nothing() {
    let mut story = daily(4);
    story.alert("i-1", PAYMENTS, DAY + HOUR, Some(DAY + 2 * HOUR));
    story.charge("i-1", PAYMENTS, Some("d01"));
    let once = story.october();
    assert_eq!(once.fail_rate(), (1, 4));
    let again = story.repeated().repeated();
    assert_eq!(again.october().0, once.0);
}

#[test]
fn a_deployment_is_divided_by_and_not_what_it_is_made_of() {
    let mut story = daily(4);
    // Many changes, told by three sources, and synced twice more by a controller that heals.
    let report = story.stage(PAYMENTS, "d03", DeployStage::Serving, 3 * DAY + 5);
    report.paths = (0..50).map(|file| format!("file-{file}")).collect();
    for sync in ["sync-1", "sync-2"] {
        for (stage, minute) in [(DeployStage::Started, 20), (DeployStage::Healthy, 25)] {
            let report = story.stage(PAYMENTS, "d03", stage, 3 * DAY + minute);
            report.deploy = sync.into();
        }
    }
    story.alert("i-1", PAYMENTS, 3 * DAY + 30, Some(3 * DAY + 40));
    story.charge("i-1", PAYMENTS, Some("d03"));
    let counted = story.october();
    assert_eq!((counted.number(), counted.fail_rate()), (4, (1, 4)));
    assert_eq!(counted.deployment(PAYMENTS, "d03").again.len(), 2);
}

#[test]
fn an_unresolved_incident_is_not_resolved_in_no_time() {
    let mut story = daily(2);
    story.alert("i-1", PAYMENTS, DAY + HOUR, None);
    story.charge("i-1", PAYMENTS, Some("d01"));
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (1, 2));
    assert_eq!(counted.recovery(), (None, 0, 1));
    let so_far = (60 * DAY - DAY - HOUR) * 60_000;
    let measure = Measure::FailedDeploymentRecoveryTime;
    assert_eq!(
        counted.counts(measure, "d01"),
        Counts::GoesOn {
            milliseconds: Some(so_far)
        }
    );
}

#[test]
fn hours_are_not_cut_off() {
    let mut story = daily(2);
    story.alert("i-1", PAYMENTS, DAY + HOUR, Some(DAY + HOUR + 119));
    story.charge("i-1", PAYMENTS, Some("d01"));
    assert_eq!(story.october().recovery().0, Some(119.0));
}

#[test]
fn one_median_has_one_clock() {
    let mut story = daily(4);
    story.alert("i-1", PAYMENTS, DAY + HOUR, Some(DAY + 2 * HOUR));
    story.charge("i-1", PAYMENTS, Some("d01"));
    // No alert: when a person wrote it down is another clock than when an alert fired.
    let opened = Fact::Opened {
        title: "nobody can pay".into(),
        severity: None,
    };
    story.say("i-2", PAYMENTS, 2 * DAY + 5 * HOUR, opened);
    story.recovery("i-2", PAYMENTS, 2 * DAY + 6 * HOUR, "d02", "back");
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (2, 4));
    assert_eq!(counted.recovery(), (Some(60.0), 1, 0));
    let moment = Moment::Fired;
    assert_eq!(
        counted.left_out(Measure::FailedDeploymentRecoveryTime, "d02"),
        Reason::NotRecorded { moment }
    );
    // From the start is a figure of its own, with each of its spans from a start.
    assert_eq!(
        counted.median(Measure::RecoveryTimeFromStart),
        (Some(119.0), 1, 0)
    );
}

#[test]
fn a_deploy_of_weeks_ago_is_not_blamed() {
    let mut story = daily(2);
    story.alert("i-1", PAYMENTS, 20 * DAY, Some(20 * DAY + 30));
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (0, 2));
    assert_eq!(counted.recovery(), (None, 0, 0));
    let reason = counted.left_out(Measure::ChangeFailRate, "i-1");
    assert_eq!(reason, Reason::CauseUnknown);
}

#[test]
fn a_cloud_outage_is_charged_to_no_deploy() {
    let mut story = daily(3);
    story.alert("i-1", PAYMENTS, DAY + HOUR, Some(DAY + 3 * HOUR));
    story.charge("i-1", PAYMENTS, None);
    // Somebody went back all the same, by a recovery and then in Git, to no avail.
    story.recovery("i-1", PAYMENTS, DAY + HOUR + 10, "d01", "back-1");
    story.rollback(PAYMENTS, "back-1", DAY + HOUR + 11, "d01");
    story.rollback(PAYMENTS, "back-2", DAY + 2 * HOUR, "d01");
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (0, 5));
    assert_eq!(counted.outcome("d01"), Outcome::Good);
    let reason = counted.left_out(Measure::ChangeFailRate, "i-1");
    assert_eq!(reason, Reason::NoDeploy);
    let reason = counted.left_out(Measure::FailedDeploymentRecoveryTime, "i-1");
    assert_eq!(reason, Reason::NoDeploy);
}

#[test]
fn each_service_is_counted_by_itself_and_not_the_project() {
    let mut story = daily(3);
    story.deploy("web", "w1", DAY);
    story.deploy("web", "w2", 2 * DAY);
    story.alert("i-1", PAYMENTS, DAY + HOUR, Some(DAY + 2 * HOUR));
    story.charge("i-1", PAYMENTS, Some("d01"));
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (1, 3));
    assert_eq!(counted.share("web", Measure::ChangeFailRate), (0, 2));
    assert_eq!(counted.0.applications.len(), 2);
}

#[test]
fn a_failure_during_a_canary_is_not_charged_to_the_deploy_before() {
    let mut story = daily(2);
    story.stage(PAYMENTS, "canary", DeployStage::Committed, 2 * DAY);
    story.stage(PAYMENTS, "canary", DeployStage::Started, 2 * DAY + 1);
    story.stage(PAYMENTS, "canary", DeployStage::Serving, 2 * DAY + 2);
    story.alert("i-1", PAYMENTS, 2 * DAY + 5, Some(2 * DAY + 25));
    story.recovery("i-1", PAYMENTS, 2 * DAY + 15, "canary", "back");
    story.stage(PAYMENTS, "canary", DeployStage::Aborted, 2 * DAY + 16);
    story.rollback(PAYMENTS, "back", 2 * DAY + 17, "canary");
    let counted = story.october();
    let incident = IncidentId::new("i-1");
    assert_eq!(
        counted.outcome("canary"),
        failed(Because::Undone { incident })
    );
    assert_eq!(counted.outcome("d01"), Outcome::Good);
    assert_eq!(counted.fail_rate(), (1, 4));
    assert_eq!(counted.recovery(), (Some(20.0), 1, 0));
}

#[test]
fn a_rollback_is_not_the_next_culprit() {
    let mut story = daily(2);
    story.alert("i-1", PAYMENTS, DAY + 20, Some(DAY + 50));
    story.recovery("i-1", PAYMENTS, DAY + 30, "d01", "back");
    story.rollback(PAYMENTS, "back", DAY + 31, "d01");
    // The next alert comes after the rollback, which was then the latest deploy.
    story.alert("i-2", PAYMENTS, DAY + 5 * HOUR, Some(DAY + 6 * HOUR));
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (1, 3));
    assert_eq!(counted.outcome("back"), Outcome::Good);
    // Somebody went back from the rollback: still nobody said that it failed.
    story.rollback(PAYMENTS, "back-again", 2 * DAY, "back");
    let counted = story.october();
    assert_eq!(counted.outcome("back"), undecided(Reason::ReworkUndone));
    assert_eq!(counted.fail_rate(), (1, 3));
    let rework = counted.share(PAYMENTS, Measure::DeploymentReworkRate);
    assert_eq!(rework, (2, 4));
    // Only a person can say so.
    story.charge("i-2", PAYMENTS, Some("back"));
    assert_eq!(story.october().outcome("back"), charged("i-2"));
}

#[test]
fn closing_a_ticket_restores_no_service() {
    let mut story = daily(3);
    story.alert("i-1", PAYMENTS, DAY + HOUR, Some(DAY + HOUR + 30));
    story.charge("i-1", PAYMENTS, Some("d01"));
    story.close("i-1", PAYMENTS, 10 * DAY);
    assert_eq!(story.october().recovery(), (Some(30.0), 1, 0));
    // Closed while the alert fires: it goes on.
    story.alert("i-2", PAYMENTS, 2 * DAY + HOUR, None);
    story.charge("i-2", PAYMENTS, Some("d02"));
    story.close("i-2", PAYMENTS, 2 * DAY + 2 * HOUR);
    assert_eq!(story.october().recovery(), (Some(30.0), 1, 1));
}

#[test]
fn the_median_of_a_few_is_in_their_middle() {
    let mut story = daily(5);
    for (day, minutes) in [(1, 10), (2, 20), (3, 30), (4, 40)] {
        let (incident, start) = (format!("i-{day}"), day * DAY + HOUR);
        story.alert(&incident, PAYMENTS, start, Some(start + minutes));
        story.charge(&incident, PAYMENTS, Some(&format!("d{day:02}")));
    }
    // The greatest whose percent rank is at most a half would be 20.
    assert_eq!(story.october().recovery(), (Some(25.0), 4, 0));
}

#[test]
fn an_end_after_the_period_counts() {
    let mut story = daily(31);
    // Deployed in October; the alert and its end are in November.
    story.alert("i-1", PAYMENTS, 31 * DAY + HOUR, Some(33 * DAY));
    story.charge("i-1", PAYMENTS, Some("d30"));
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (1, 31));
    let minutes = (2 * DAY - HOUR) as f64;
    assert_eq!(counted.recovery(), (Some(minutes), 1, 0));
    // And it is not November's, which it only ended in.
    let mut november = october();
    november.period.from = at(31 * DAY);
    november.period.to = at(59 * DAY);
    assert_eq!(story.count(&november).recovery(), (None, 0, 0));
}

#[test]
fn a_redeploy_of_the_same_version_is_no_rollback() {
    let mut story = daily(2);
    for (stage, minute) in [(DeployStage::Started, 1), (DeployStage::Healthy, 5)] {
        let report = story.stage(PAYMENTS, "again", stage, DAY + HOUR + minute);
        report.is_rollback = true;
        report.version = Some("d01".into());
        report.replaced = Some("d01".into());
    }
    let counted = story.october();
    assert_eq!(counted.outcome("d01"), Outcome::Good);
    let rework = counted.share(PAYMENTS, Measure::DeploymentReworkRate);
    assert_eq!(rework, (0, 3));
}

#[test]
fn what_is_undecided_is_not_divided_by() {
    let mut story = daily(10);
    story.alert("i-1", PAYMENTS, 2 * DAY + HOUR, Some(2 * DAY + 2 * HOUR));
    story.charge("i-1", PAYMENTS, Some("d02"));
    // Nobody said what caused this one; it may have been d05.
    story.alert("i-2", PAYMENTS, 5 * DAY + HOUR, Some(5 * DAY + 2 * HOUR));
    story.stage(PAYMENTS, "begun", DeployStage::Started, 10 * DAY);
    let mut request = october();
    // The last one was healthy less than a day ago.
    request.as_of = at(10 * DAY + 5);
    request.doubts = vec![Doubt {
        deploy: "d05".into(),
        concern: concern(PAYMENTS),
        incident: IncidentId::new("i-2"),
    }];
    let counted = story.count(&request);
    assert_eq!((counted.number(), counted.fail_rate()), (11, (1, 8)));
    let incident = IncidentId::new("i-2");
    for (id, reason) in [
        ("d05", Reason::Suspected { incident }),
        ("d09", Reason::NotSettled),
        ("begun", Reason::NotEverywhere),
    ] {
        assert_eq!(counted.left_out(Measure::ChangeFailRate, id), reason);
    }
    // Once it is said what it was, the doubt is gone.
    story.charge("i-2", PAYMENTS, None);
    assert_eq!(story.count(&request).fail_rate(), (1, 9));
}
