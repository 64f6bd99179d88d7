//! The figures and the four questions.

use ripcord_domain::incident::event::{Event, Fact, SourceKind};
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::{
    AlertState, Change, CheckReport, CheckResult, DeployStage, HotfixReport,
};
use ripcord_review::{
    Canary, CurrentPolicy, GateKind, Knowledge, Policy, Review, Span, State, Support, Trigger,
    Verdict,
};

use crate::scenario::{
    alert, analysis, at, bare, charge, cloud, contradictory, deploy, event, full, recovery, report,
    review,
};

fn span<'a>(review: &'a Review, name: &str) -> &'a Span {
    &review
        .figures
        .iter()
        .find(|figure| figure.name == name)
        .unwrap()
        .span
}

fn took(seconds: i64) -> Span {
    Span::Took {
        milliseconds: seconds * 1000,
    }
}

#[test]
fn each_figure_is_between_the_two_instants_that_it_names() {
    let review = review(&full(), &Knowledge::default());
    for (name, seconds) in [
        ("deploy to condition", 480),
        ("condition to alert", 60),
        ("deploy to alert", 540),
        ("healthy everywhere to alert", 240),
        ("alert to informed", 20),
        ("informed to decision", 160),
        ("decision to commit", 11),
        ("commit to synced", 21),
        ("synced to healthy", 38),
        ("healthy to restored", 110),
        ("alert to rollback in Git", 191),
        ("alert to rollback healthy", 250),
        ("rollback to full fix", 85_850),
    ] {
        assert_eq!(*span(&review, name), took(seconds), "{name}");
    }
}

#[test]
fn what_is_not_known_says_which_end_is_missing() {
    let review = review(&bare(), &Knowledge::default());
    let missing = |moments: &[Moment]| Span::Unknown {
        missing: moments.to_vec(),
    };
    assert_eq!(
        *span(&review, "alert to restored"),
        missing(&[Moment::Restored])
    );
    assert_eq!(
        *span(&review, "commit to synced"),
        missing(&[Moment::BackCommitted, Moment::BackSynced])
    );
    assert_eq!(*span(&review, "alert to informed"), took(2));
}

#[test]
fn clocks_that_contradict_each_other_are_not_clamped() {
    let review = review(&contradictory(), &Knowledge::default());
    assert_eq!(
        *span(&review, "commit to synced"),
        Span::Contradictory {
            milliseconds: -8000
        }
    );
    assert_eq!(
        *span(&review, "alert to restored"),
        Span::Contradictory {
            milliseconds: -40_000
        }
    );
    assert_eq!(
        *span(&review, "deploy to condition"),
        Span::Contradictory {
            milliseconds: -120_000
        }
    );
}

#[test]
fn where_no_deploy_explains_it_no_deploy_is_judged() {
    let review = review(&cloud(), &Knowledge::default());
    let questions = &review.pipeline;
    for answer in [
        &questions.warnings,
        &questions.canary.answer,
        &questions.automatic.answer,
        &questions.gates.answer,
    ] {
        assert_eq!(answer.state, State::NotApplicable);
    }
    assert!(matches!(
        span(&review, "deploy to alert"),
        Span::Unknown { .. }
    ));
}

/// A deploy at 0 that somebody charged, an alert at 540 whose condition was true from 480, back from 720 to 790.
fn charged() -> Vec<Event> {
    vec![
        deploy("a1b2c3", 0, DeployStage::Started, "v42"),
        deploy("a1b2c3", 300, DeployStage::Healthy, "v42"),
        alert("PaymentErrors", AlertState::Firing, 540, None, Some(480)),
        recovery([720, 731, 740, 752, 790], "a1b2c3"),
        alert("PaymentErrors", AlertState::Resolved, 540, Some(900), None),
        charge(Some("a1b2c3")),
    ]
}

#[test]
fn checks_that_nobody_read_are_unknown_and_not_passed() {
    let mut events = charged();
    let state = |events: &[Event], read| {
        let knowledge = Knowledge {
            checks_read: read,
            ..Knowledge::default()
        };
        review(events, &knowledge).pipeline.warnings.state
    };
    assert_eq!(
        (state(&events, false), state(&events, true)),
        (State::Unknown, State::No)
    );
    let check = |result| {
        vec![CheckReport {
            name: "unit".into(),
            result,
        }]
    };
    report(&mut events[0]).checks = check(CheckResult::Passed);
    assert_eq!(
        (state(&events, false), state(&events, true)),
        (State::Unknown, State::No)
    );
    for bad in [
        CheckResult::Failed,
        CheckResult::Flaky,
        CheckResult::Skipped,
    ] {
        report(&mut events[0]).checks = check(bad);
        assert_eq!(
            (state(&events, false), state(&events, true)),
            (State::Yes, State::Yes)
        );
    }
}

#[test]
fn a_result_of_a_gate_that_was_overridden_counts_only_for_the_hotfix_that_is_charged() {
    let mut events = charged();
    let hotfix = HotfixReport {
        hotfix: "card-limit".into(),
        incident: None,
        started: Some(at(-50)),
        committed: None,
        ready: None,
        overridden: vec!["secrets".into()],
    };
    events.push(event("h", -50, SourceKind::Ripcord, Fact::Hotfix(hotfix)));
    assert_eq!(
        review(&events, &Knowledge::default())
            .pipeline
            .warnings
            .state,
        State::Unknown
    );
    report(&mut events[0]).hotfix = Some("card-limit".into());
    let review = review(&events, &Knowledge::default());
    assert_eq!(review.pipeline.warnings.evidence[0].events[0].as_str(), "h");
    assert_eq!(review.pipeline.gates.data[0].kind, GateKind::Override);
}

#[test]
fn that_no_canary_ran_is_only_said_where_it_is_known() {
    let state = |canary| {
        review(
            &charged(),
            &Knowledge {
                canary,
                ..Knowledge::default()
            },
        )
        .pipeline
        .canary
        .answer
        .state
    };
    assert_eq!(state(Canary::Unknown), State::Unknown);
    assert_eq!(state(Canary::Present), State::Unknown);
    assert_eq!(state(Canary::Absent), State::No);
}

#[test]
fn results_after_the_deploy_was_everywhere_are_not_results_before() {
    let with = |ended| {
        let mut events = charged();
        events.push(analysis(
            30,
            ended,
            "Successful",
            &[("errors", "Successful", false, &["1"])],
        ));
        review(&events, &Knowledge::default()).pipeline.canary
    };
    assert_eq!(with(210).answer.state, State::Yes);
    assert_eq!(with(210).data[0].values, ["1"]);
    assert_eq!(with(400).answer.state, State::No);
    let mut events = charged();
    events.remove(1);
    events.push(analysis(30, 210, "Successful", &[]));
    let unknown = review(&events, &Knowledge::default()).pipeline.canary;
    assert_eq!(
        (unknown.answer.state, unknown.data[0].before_everywhere),
        (State::Unknown, None)
    );
}

fn policy(acts_when: Trigger) -> Knowledge {
    let policy = Policy {
        name: "tried".into(),
        acts_when,
    };
    Knowledge {
        current: CurrentPolicy::Off,
        stricter: vec![policy],
        ..Knowledge::default()
    }
}

fn holds(seconds: u32) -> Trigger {
    Trigger::ConditionHolds {
        alert: None,
        seconds,
    }
}

/// What is said of one policy, and how many seconds it saves.
fn estimate(events: &[Event], acts_when: Trigger) -> (Verdict, Option<i64>) {
    let review = review(events, &policy(acts_when));
    let one = &review.pipeline.automatic.data[0];
    (
        one.verdict,
        one.saved_milliseconds.map(|saved| saved / 1000),
    )
}

#[test]
fn what_a_policy_saves_is_its_instant_against_the_decision() {
    let fires = || Trigger::AlertFires { alert: None };
    assert_eq!(estimate(&charged(), fires()), (Verdict::Faster, Some(180)));
    assert_eq!(
        estimate(&charged(), holds(60)),
        (Verdict::Faster, Some(180))
    );
    assert_eq!(
        estimate(&charged(), holds(10)),
        (Verdict::Faster, Some(230))
    );
    assert_eq!(
        estimate(&charged(), holds(300)),
        (Verdict::NotFaster, Some(-60))
    );
    assert_eq!(
        estimate(&charged(), holds(3600)),
        (Verdict::WouldNotAct, None)
    );
    let other = Trigger::AlertFires {
        alert: Some("Other".into()),
    };
    assert_eq!(estimate(&charged(), other), (Verdict::WouldNotAct, None));
}

#[test]
fn a_policy_does_not_act_on_what_was_bad_before_the_deploy() {
    let mut events = charged();
    events[0].observed = at(550);
    let fires = Trigger::AlertFires { alert: None };
    assert_eq!(estimate(&events, fires), (Verdict::WouldNotAct, None));
    assert_eq!(estimate(&events, holds(1)), (Verdict::WouldNotAct, None));
}

#[test]
fn what_was_not_recorded_makes_it_unknowable() {
    let mut no_condition = charged();
    no_condition[2] = alert("PaymentErrors", AlertState::Firing, 540, None, None);
    assert_eq!(
        estimate(&no_condition, holds(1)),
        (Verdict::Unknowable, None)
    );
    let fails = Trigger::AnalysisFails {
        metric: None,
        inconclusive: false,
        dry_run: false,
    };
    assert_eq!(estimate(&charged(), fails), (Verdict::Unknowable, None));
    let mut no_way_back = charged();
    no_way_back.remove(3);
    let fires = Trigger::AlertFires { alert: None };
    assert_eq!(estimate(&no_way_back, fires), (Verdict::Unknowable, None));
    let state = review(&no_way_back, &Knowledge::default())
        .pipeline
        .automatic
        .answer
        .state;
    assert_eq!(state, State::Unknown);
}

#[test]
fn a_metric_that_is_only_tried_acts_only_in_a_policy_that_says_so() {
    let fails = |dry_run| Trigger::AnalysisFails {
        metric: Some("error-rate".into()),
        inconclusive: false,
        dry_run,
    };
    assert_eq!(estimate(&full(), fails(true)), (Verdict::Faster, Some(510)));
    assert_eq!(
        estimate(&full(), fails(false)),
        (Verdict::WouldNotAct, None)
    );
}

#[test]
fn gates_that_said_no_come_before_those_in_doubt_and_guesses() {
    let review = review(
        &full(),
        &Knowledge {
            required_checks: Some(["load".to_owned()].into()),
            ..Knowledge::default()
        },
    );
    let ranked: Vec<(Support, GateKind)> = review
        .pipeline
        .gates
        .data
        .iter()
        .map(|gate| (gate.support, gate.kind))
        .collect();
    assert_eq!(
        ranked,
        [
            (Support::SaidNo, GateKind::Check),
            (Support::SaidNo, GateKind::DryRun),
            (Support::Doubted, GateKind::Check),
            (Support::Doubted, GateKind::BakeTime),
            (Support::Possible, GateKind::Threshold),
            (Support::Possible, GateKind::Config),
        ]
    );
    assert!(
        review.pipeline.gates.data[0]
            .text
            .contains("it was required")
    );
    assert_eq!(
        review.pipeline.gates.data[1].evidence.events[0].as_str(),
        "analysis"
    );
}

#[test]
fn how_long_a_canary_must_watch_is_from_the_deploy_to_the_condition() {
    let bake = |events: &[Event], canary| {
        let review = review(
            events,
            &Knowledge {
                canary,
                ..Knowledge::default()
            },
        );
        let gates = review.pipeline.gates.data;
        gates
            .into_iter()
            .find(|gate| gate.kind == GateKind::BakeTime)
            .and_then(|gate| gate.bake_milliseconds)
    };
    assert_eq!(bake(&charged(), Canary::Absent), Some(480_000));
    assert_eq!(bake(&charged(), Canary::Unknown), None);
    assert_eq!(bake(&contradictory(), Canary::Absent), None);
    let mut long = charged();
    long.push(analysis(30, 600, "Successful", &[]));
    assert_eq!(bake(&long, Canary::Present), None);
}

#[test]
fn a_kind_of_change_alone_shows_no_gate() {
    let mut events = charged();
    let gates = |events: &[Event]| review(events, &Knowledge::default()).pipeline.gates;
    assert_eq!(gates(&events).answer.state, State::Unknown);
    assert!(gates(&events).data.is_empty());
    report(&mut events[0]).changes = vec![Change::Migration];
    assert_eq!(gates(&events).answer.state, State::Unknown);
    assert_eq!(gates(&events).data[0].kind, GateKind::Migration);
}

#[test]
fn an_analysis_that_stopped_the_deploy_is_not_a_gate_that_was_missing() {
    let with = |stage, phase: &str| {
        let mut events = charged();
        events[1] = deploy("a1b2c3", 300, stage, "v42");
        events.push(analysis(30, 210, phase, &[]));
        let data = review(&events, &Knowledge::default()).pipeline.gates.data;
        data.first().map(|gate| gate.kind)
    };
    assert_eq!(with(DeployStage::Aborted, "Failed"), None);
    assert_eq!(
        with(DeployStage::Healthy, "Failed"),
        Some(GateKind::Analysis)
    );
    assert_eq!(
        with(DeployStage::Healthy, "Inconclusive"),
        Some(GateKind::Inconclusive)
    );
}

#[test]
fn a_migration_in_the_way_is_said() {
    let mut events = charged();
    let across = |events: &[Event]| {
        let estimates = review(events, &policy(Trigger::AlertFires { alert: None }))
            .pipeline
            .automatic
            .data;
        estimates[0]
            .assumptions
            .iter()
            .any(|one| one.contains("migration"))
    };
    assert!(!across(&events));
    report(&mut events[0]).changes = vec![Change::Migration];
    assert!(across(&events));
}

#[test]
fn what_was_stopped_was_never_everywhere() {
    let mut events = charged();
    events[1] = deploy("a1b2c3", 300, DeployStage::Aborted, "v42");
    events.push(analysis(30, 210, "Failed", &[]));
    let canary = review(&events, &Knowledge::default()).pipeline.canary;
    assert_eq!(
        (canary.answer.state, canary.data[0].before_everywhere),
        (State::Yes, Some(true))
    );
}

#[test]
fn an_analysis_that_ended_when_the_deploy_was_everywhere_could_not_have_stopped_it() {
    let mut events = charged();
    let tried = [("errors", "Failed", true, &["1"][..])];
    events.push(analysis(30, 400, "Failed", &tried));
    let gates = review(&events, &Knowledge::default()).pipeline.gates.data;
    assert!(
        gates.iter().all(|gate| gate.kind == GateKind::BakeTime),
        "{gates:?}"
    );
}

#[test]
fn instants_of_several_recoveries_are_said_to_be_of_several() {
    let notes = |events: &[Event]| review(events, &Knowledge::default()).notes;
    let mut events = charged();
    assert!(
        !notes(&events)
            .iter()
            .any(|note| note.contains("recoveries"))
    );
    let mut second = recovery([800, 810, 820, 830, 840], "a1b2c3");
    second.id = ripcord_domain::incident::event::EventId::new("second");
    if let Fact::Recovery(report) = &mut second.fact {
        report.recovery = ripcord_domain::recovery::RecoveryId::new("r-second00");
    }
    events.push(second);
    assert!(
        notes(&events)
            .iter()
            .any(|note| note.contains("2 recoveries"))
    );
}
