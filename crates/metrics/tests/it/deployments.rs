//! What counts as a deployment, and what came of it.

use ripcord_domain::incident::event::{Fact, IncidentId};
use ripcord_domain::incident::report::DeployStage;
use ripcord_metrics::{
    About, Because, Counts, Doubt, Kind, Measure, Metrics, Outcome, Reason, Request,
};

use crate::story::{Counted, DAY, HOUR, Story, at, charged, concern, failed, october, undecided};

const PAYMENTS: &str = "payments";

fn two() -> Story {
    let mut story = Story::default();
    story.deploy(PAYMENTS, "d1", DAY);
    story.deploy(PAYMENTS, "d2", 3 * DAY);
    story
}

fn rolled_back(by: &str) -> Outcome {
    failed(Because::RolledBack { by: by.into() })
}

#[test]
fn a_rollback_without_an_incident_makes_a_failure_of_what_it_left() {
    let mut story = two();
    story.rollback(PAYMENTS, "back", 3 * DAY + HOUR, "d2");
    let counted = story.october();
    assert_eq!(counted.outcome("d2"), rolled_back("back"));
    assert_eq!(counted.fail_rate(), (1, 3));
    let measure = Measure::FailedDeploymentRecoveryTime;
    assert_eq!(counted.left_out(measure, "d2"), Reason::NoIncident);
}

#[test]
fn a_rollback_left_the_version_that_it_replaced_and_else_the_one_before() {
    let mut story = two();
    story.deploy(PAYMENTS, "d3", 4 * DAY);
    story.rollback(PAYMENTS, "back", 5 * DAY, "d2");
    assert_eq!(story.october().outcome("d2"), rolled_back("back"));
    assert_eq!(story.october().outcome("d3"), Outcome::Good);
    let mut story = two();
    story.deploy(PAYMENTS, "back", 5 * DAY).is_rollback = true;
    assert_eq!(story.october().outcome("d2"), rolled_back("back"));
    // What it replaced is not known here: nobody else is blamed for it.
    let mut story = two();
    story.rollback(PAYMENTS, "back", 5 * DAY, "elsewhere");
    assert_eq!(story.october().fail_rate(), (0, 3));
}

#[test]
fn a_rollback_in_an_incident_with_another_cause_blames_only_that_cause() {
    let mut story = two();
    story.alert("i-1", PAYMENTS, 3 * DAY + HOUR, Some(3 * DAY + 3 * HOUR));
    story.rollback(PAYMENTS, "back", 3 * DAY + 2 * HOUR, "d2");
    // While nobody says what it was, that somebody went back is what is known.
    assert_eq!(story.october().outcome("d2"), rolled_back("back"));
    story.charge("i-1", PAYMENTS, Some("d1"));
    assert_eq!(story.october().outcome("d1"), charged("i-1"));
    assert_eq!(story.october().outcome("d2"), Outcome::Good);
}

#[test]
fn a_rollback_is_explained_by_the_incident_that_it_was_made_in_and_by_no_other() {
    // The alert was over before the commit of the recovery was there.
    let mut story = two();
    story.alert("i-1", PAYMENTS, 3 * DAY + HOUR, Some(3 * DAY + HOUR + 10));
    story.charge("i-1", PAYMENTS, None);
    story.recovery("i-1", PAYMENTS, 3 * DAY + HOUR + 5, "d2", "back");
    story.rollback(PAYMENTS, "back", 3 * DAY + 2 * HOUR, "d2");
    assert_eq!(story.october().outcome("d2"), Outcome::Good);
    let explained = |service, incident: fn(&mut Story, &str)| {
        let mut story = two();
        story.rollback(PAYMENTS, "back", 3 * DAY + 2 * HOUR, "d2");
        incident(&mut story, service);
        story.charge("i-1", service, None);
        story.october().outcome("d2")
    };
    let during = |story: &mut Story, service: &str| {
        story.alert("i-1", service, 3 * DAY + HOUR, Some(3 * DAY + 3 * HOUR));
    };
    let later = |story: &mut Story, service: &str| {
        story.alert("i-1", service, 3 * DAY + 5 * HOUR, None);
    };
    let closed = |story: &mut Story, service: &str| {
        let opened = Fact::Opened {
            title: "slow".into(),
            severity: None,
        };
        story.say("i-1", service, 3 * DAY + HOUR, opened);
        story.close("i-1", service, 3 * DAY + HOUR + 5);
    };
    assert_eq!(explained(PAYMENTS, during), Outcome::Good);
    assert_eq!(explained("web", during), rolled_back("back"));
    assert_eq!(explained(PAYMENTS, later), rolled_back("back"));
    assert_eq!(explained(PAYMENTS, closed), rolled_back("back"));
}

#[test]
fn a_doubt_is_of_one_service() {
    let mut story = shared();
    story.alert("i-1", "web", DAY + HOUR, Some(DAY + 2 * HOUR));
    let incident = IncidentId::new("i-1");
    let mut request = october();
    request.doubts.push(Doubt {
        deploy: "base".into(),
        concern: concern("web"),
        incident: incident.clone(),
    });
    let doubt = undecided(Reason::Suspected { incident });
    assert_eq!(outcomes(&story.count(&request)), [Outcome::Good, doubt]);
}

/// A canary that the gate stopped and that Git was put back from, without an alert.
fn caught() -> Story {
    let mut story = two();
    story.stage(PAYMENTS, "canary", DeployStage::Started, 5 * DAY);
    story.stage(PAYMENTS, "canary", DeployStage::Serving, 5 * DAY + 1);
    story.stage(PAYMENTS, "canary", DeployStage::Aborted, 5 * DAY + 9);
    story.recovery("i-1", PAYMENTS, 5 * DAY + 10, "canary", "back");
    story
}

#[test]
fn a_canary_that_was_stopped_is_on_a_line_of_its_own() {
    let mut story = caught();
    let counted = story.october();
    assert_eq!(counted.outcome("canary"), Outcome::Caught);
    assert_eq!((counted.number(), counted.fail_rate()), (2, (0, 2)));
    let line = counted.share(PAYMENTS, Measure::CaughtByTheGate);
    assert_eq!(line, (1, 3));
    let reason = counted.left_out(Measure::ChangeFailRate, "canary");
    assert_eq!(reason, Reason::Caught);
    assert!(counted.0.applications[0].undated.is_empty());
    // Git is put back by rollbacks: the canary harmed nobody for all that.
    story.rollback(PAYMENTS, "back", 5 * DAY + 10, "canary");
    story.rollback(PAYMENTS, "by-hand", 5 * DAY + 30, "canary");
    assert_eq!(story.october().outcome("canary"), Outcome::Caught);
}

#[test]
fn a_canary_that_was_stopped_and_is_suspected_is_undecided() {
    let mut story = caught();
    story.alert("i-2", PAYMENTS, 5 * DAY + 5, Some(5 * DAY + 12));
    let incident = IncidentId::new("i-2");
    let mut request = october();
    request.doubts.push(Doubt {
        deploy: "canary".into(),
        concern: concern(PAYMENTS),
        incident: incident.clone(),
    });
    let outcome = story.count(&request).outcome("canary");
    assert_eq!(outcome, undecided(Reason::Suspected { incident }));
}

#[test]
fn a_canary_that_was_stopped_can_be_counted_as_failed() {
    let mut request = october();
    request.rules.caught_is_failed = true;
    let counted = caught().count(&request);
    assert_eq!(counted.outcome("canary"), failed(Because::Stopped));
    assert_eq!((counted.number(), counted.fail_rate()), (3, (1, 3)));
    let line = counted.share(PAYMENTS, Measure::CaughtByTheGate);
    assert_eq!(line, (0, 3));
}

#[test]
fn a_canary_that_did_harm_before_it_was_stopped_failed() {
    let mut story = caught();
    story.alert("i-1", PAYMENTS, 5 * DAY + 5, Some(5 * DAY + 12));
    let incident = IncidentId::new("i-1");
    let outcome = story.october().outcome("canary");
    assert_eq!(outcome, failed(Because::Undone { incident }));
}

#[test]
fn rollbacks_and_hotfixes_are_rework() {
    let mut story = two();
    story.rollback(PAYMENTS, "back", 3 * DAY + HOUR, "d2");
    story.deploy(PAYMENTS, "fix", 4 * DAY).hotfix = Some("card-limit".into());
    let counted = story.october();
    let rework = |id| counted.counts(Measure::DeploymentReworkRate, id);
    let hit = |because| Counts::Hit {
        because: [because].into(),
    };
    assert_eq!(rework("d1"), Counts::In);
    assert_eq!(rework("back"), hit(Because::IsRollback));
    let name = "card-limit".to_owned();
    assert_eq!(rework("fix"), hit(Because::IsHotfix { name: name.clone() }));
    let fix = counted.deployment(PAYMENTS, "fix");
    assert_eq!(fix.purpose, Kind::Hotfix { name });
    let share = counted.share(PAYMENTS, Measure::DeploymentReworkRate);
    assert_eq!(share, (2, 4));
}

#[test]
fn a_hotfix_that_a_recovery_undid_waits_for_a_person() {
    let mut story = two();
    story.deploy(PAYMENTS, "fix", 4 * DAY).hotfix = Some("card-limit".into());
    story.alert("i-1", PAYMENTS, 4 * DAY + HOUR, Some(4 * DAY + 2 * HOUR));
    story.recovery("i-1", PAYMENTS, 4 * DAY + HOUR + 5, "fix", "back");
    let outcome = story.october().outcome("fix");
    assert_eq!(outcome, undecided(Reason::ReworkUndone));
    story.charge("i-1", PAYMENTS, Some("fix"));
    assert_eq!(story.october().outcome("fix"), charged("i-1"));
}

#[test]
fn a_commit_that_nobody_saw_running_is_no_deployment_unless_it_is_to_be() {
    let mut story = two();
    story.stage(PAYMENTS, "merged", DeployStage::Committed, 6 * DAY);
    let counted = story.october();
    assert_eq!(counted.number(), 2);
    for measure in [Measure::DeploymentFrequency, Measure::ChangeFailRate] {
        assert_eq!(counted.left_out(measure, "merged"), Reason::OnlyInGit);
    }
    let mut request = october();
    request.rules.commit_is_deployment = true;
    let counted = story.count(&request);
    assert_eq!((counted.number(), counted.fail_rate()), (3, (0, 3)));
    // One of which more is told is judged by that.
    story.stage(PAYMENTS, "merged", DeployStage::Started, 6 * DAY + 1);
    let outcome = story.count(&request).outcome("merged");
    assert_eq!(outcome, undecided(Reason::NotEverywhere));
}

#[test]
fn deploys_of_which_neither_commit_nor_version_is_known_are_several_and_may_be_rollbacks() {
    let mut story = Story::default();
    for (id, day) in [("sync-1", 1), ("sync-2", 2)] {
        let report = story.stage(PAYMENTS, id, DeployStage::Healthy, day * DAY);
        (report.commit, report.version) = (None, None);
        report.is_rollback = day == 2;
    }
    let counted = story.october();
    assert_eq!(counted.number(), 2);
    assert_eq!(counted.outcome("sync-1"), rolled_back("sync-2"));
}

#[test]
fn of_a_deploy_that_was_put_together_twice_the_fuller_one_counts() {
    let mut story = Story::default();
    story.stage(PAYMENTS, "d1", DeployStage::Started, DAY);
    let partial = story.deploys();
    story.stage(PAYMENTS, "d1", DeployStage::Healthy, DAY + 5);
    let full = story.deploys();
    for both in [[partial.clone(), full.clone()], [full, partial]] {
        let counted = Counted(Metrics::of(&october(), &[], &both.concat()));
        assert_eq!(counted.outcome("d1"), Outcome::Good);
    }
}

#[test]
fn a_rollout_of_which_not_all_is_told() {
    use DeployStage::{Aborted, Degraded, Failed, Healthy, Serving, Started, Synced};
    let stages = |stages: &[(DeployStage, i64)]| {
        let mut story = Story::default();
        for (stage, minute) in stages {
            story.stage(PAYMENTS, "d1", *stage, *minute);
        }
        story.october().outcome("d1")
    };
    // Where nothing is told of pods, applied is all there is.
    assert_eq!(stages(&[(Started, 0), (Synced, 1)]), Outcome::Good);
    let unseen = undecided(Reason::NotEverywhere);
    assert_eq!(stages(&[(Started, 0), (Synced, 1), (Serving, 2)]), unseen);
    assert_eq!(stages(&[(Started, 0)]), unseen);
    let failed = undecided(Reason::RolloutFailed);
    assert_eq!(stages(&[(Started, 0), (Failed, 1)]), failed);
    // A retry went through.
    let retried = [(Started, 0), (Aborted, 1), (Healthy, 9)];
    assert_eq!(stages(&retried), Outcome::Good);
    let retried = [(Started, 0), (Failed, 1), (Healthy, 9)];
    assert_eq!(stages(&retried), Outcome::Good);
    let unhealthy = undecided(Reason::FoundUnhealthy);
    assert_eq!(
        stages(&[(Started, 0), (Synced, 1), (Degraded, 4)]),
        unhealthy
    );
    assert_eq!(stages(&[(Healthy, 1), (Degraded, 4)]), unhealthy);
    assert_eq!(stages(&[(Degraded, 1), (Healthy, 4)]), Outcome::Good);
}

#[test]
fn a_commit_that_comes_back_is_another_deployment() {
    let mut story = two();
    for (stage, minute) in [(DeployStage::Started, 0), (DeployStage::Healthy, 5)] {
        let report = story.stage(PAYMENTS, "d1", stage, 4 * DAY + minute);
        report.deploy = "sync-3".into();
    }
    let counted = story.october();
    assert_eq!(counted.number(), 3);
    let reason = counted.left_out(Measure::ChangeLeadTime, "d1#2");
    assert_eq!(reason, Reason::DeployedBefore);
}

/// One commit that reached payments and web.
fn shared() -> Story {
    let mut story = Story::default();
    story.deploy(PAYMENTS, "base", DAY);
    story.deploy("web", "base", DAY);
    story
}

fn outcomes(counted: &Counted) -> [Outcome; 2] {
    [PAYMENTS, "web"].map(|service| counted.deployment(service, "base").outcome.clone())
}

#[test]
fn a_commit_that_reached_several_services_failed_where_the_incident_is() {
    let mut story = shared();
    story.alert("i-1", "web", DAY + HOUR, Some(DAY + 2 * HOUR));
    story.charge("i-1", "web", Some("base"));
    assert_eq!(outcomes(&story.october()), [Outcome::Good, charged("i-1")]);
}

#[test]
fn a_commit_that_reached_several_services_and_harmed_a_third_is_in_doubt_in_each() {
    let mut story = shared();
    story.alert("i-1", "mail", DAY + HOUR, Some(DAY + 2 * HOUR));
    story.charge("i-1", "mail", Some("base"));
    let incident = IncidentId::new("i-1");
    let doubt = undecided(Reason::Suspected { incident });
    assert_eq!(outcomes(&story.october()), [doubt.clone(), doubt]);
}

#[test]
fn an_incident_of_one_service_may_be_the_fault_of_another() {
    let mut story = two();
    story.deploy("web", "w1", DAY);
    story.alert("i-1", "web", 3 * DAY + HOUR, Some(3 * DAY + 2 * HOUR));
    story.charge("i-1", "web", Some("d2"));
    let counted = story.october();
    assert_eq!(counted.outcome("d2"), charged("i-1"));
    assert_eq!(counted.share("web", Measure::ChangeFailRate), (0, 1));
    let web = counted.figure("web", Measure::ChangeFailRate);
    let row = web
        .rows
        .iter()
        .find(|row| matches!(row.about, About::Incident(_)));
    let elsewhere = Counts::No {
        reason: Reason::CausedElsewhere {
            concern: concern(PAYMENTS),
        },
    };
    assert_eq!(row.unwrap().counts, elsewhere);
}

#[test]
fn a_charge_of_an_unknown_deploy_is_said() {
    let mut story = two();
    story.alert("i-1", PAYMENTS, 3 * DAY + HOUR, Some(3 * DAY + 2 * HOUR));
    story.charge("i-1", PAYMENTS, Some("gone"));
    let counted = story.october();
    assert_eq!(counted.fail_rate(), (0, 2));
    let deploy = "gone".to_owned();
    let reason = counted.left_out(Measure::ChangeFailRate, "i-1");
    assert_eq!(reason, Reason::CauseNotAmong { deploy });
}

#[test]
fn what_has_no_instant_is_in_no_period_and_named() {
    let mut story = two();
    story.stage(PAYMENTS, "when", DeployStage::Started, 0).stage = None;
    let note = Fact::Note { text: "hm".into() };
    story.say("i-9", PAYMENTS, DAY, note);
    let counted = story.october();
    assert_eq!(counted.number(), 2);
    let undated = &counted.0.applications[0].undated;
    let incident = About::Incident(IncidentId::new("i-9"));
    assert_eq!(*undated, [About::Deploy("when".into()), incident]);
}

#[test]
fn only_what_is_asked_for_is_counted_and_a_service_without_records_is_shown() {
    let mut request = october();
    request.applications = [concern("web"), concern("mail")].into();
    let counted = shared().count(&request);
    let names: Vec<_> = counted
        .0
        .applications
        .iter()
        .map(|one| &one.concern)
        .collect();
    assert_eq!(names, [&concern("mail"), &concern("web")]);
    assert_eq!(counted.share("mail", Measure::ChangeFailRate), (0, 0));
}

#[test]
fn a_period_that_is_not_over_ends_now_and_one_turned_round_is_empty() {
    let request = Request::new(at(0), at(31 * DAY), at(14 * DAY));
    let counted = two().count(&request);
    assert_eq!(counted.0.period.to, at(14 * DAY));
    let figure = counted.figure(PAYMENTS, Measure::DeploymentFrequency);
    let json = serde_json::to_value(&figure.value).unwrap();
    assert_eq!(json["per_week"], 1.0);
    let turned = Request::new(at(9 * DAY), at(0), at(14 * DAY));
    let counted = two().count(&turned);
    assert_eq!(counted.number(), 0);
    assert_eq!(counted.0.period.to, counted.0.period.from);
    assert!(Metrics::of(&turned, &[], &[]).applications.is_empty());
}
