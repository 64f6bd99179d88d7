//! Incidents that reviews are made of.

use jiff::{SignedDuration, Timestamp};

use ripcord_domain::incident::Incident;
use ripcord_domain::incident::deploy::{Deployed, deploys};
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, IncidentId, Source, SourceKind,
};
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::{
    AlertReport, AlertState, AnalysisReport, Change, CheckReport, CheckResult, DeployReport,
    DeployStage, HotfixReport, MetricReport, RecoveryReport,
};
use ripcord_domain::recovery::{RecoveryId, Standing};
use ripcord_domain::{Environment, Service};
use ripcord_review::{Knowledge, Review};

/// Seconds after five o'clock.
pub(crate) fn at(second: i64) -> Timestamp {
    let five: Timestamp = "2026-11-27T17:00:00Z".parse().unwrap();
    five + SignedDuration::from_secs(second)
}

pub(crate) fn event(id: &str, second: i64, kind: SourceKind, fact: Fact) -> Event {
    Event {
        id: EventId::new(id),
        observed: at(second),
        received: at(second + 2),
        source: Source {
            kind,
            name: "main".into(),
        },
        confidence: Confidence::Reported,
        incident: None,
        concern: Some(Concern {
            service: Service::new("payments"),
            environment: Environment::new("production"),
        }),
        link: None,
        author: None,
        fact,
    }
}

pub(crate) fn alert(
    title: &str,
    state: AlertState,
    from: i64,
    to: Option<i64>,
    condition: Option<i64>,
) -> Event {
    let report = AlertReport {
        alert: title.into(),
        state,
        started: at(from),
        ended: to.map(at),
        condition: condition.map(at),
        title: title.into(),
        severity: Some("critical".into()),
        group: None,
        labels: std::collections::BTreeMap::default(),
    };
    let seen = to.unwrap_or(from);
    event(
        &format!("{title}-{state:?}-{seen}"),
        seen,
        SourceKind::Alertmanager,
        Fact::Alert(report),
    )
}

pub(crate) fn deploy(id: &str, second: i64, stage: DeployStage, version: &str) -> Event {
    let report = DeployReport {
        deploy: id.into(),
        stage: Some(stage),
        commit: Some(id.into()),
        version: Some(version.into()),
        ..DeployReport::default()
    };
    event(
        &format!("{id}-{stage:?}"),
        second,
        SourceKind::Argocd,
        Fact::Deploy(report),
    )
}

/// The deploy's report, to be made more of.
pub(crate) fn report(event: &mut Event) -> &mut DeployReport {
    match &mut event.fact {
        Fact::Deploy(report) => report,
        _ => unreachable!("a deploy"),
    }
}

pub(crate) fn analysis(
    second: i64,
    ended: i64,
    phase: &str,
    metrics: &[(&str, &str, bool, &[&str])],
) -> Event {
    let metrics = metrics
        .iter()
        .map(|(name, phase, dry_run, values)| MetricReport {
            name: (*name).into(),
            phase: (*phase).into(),
            dry_run: *dry_run,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            query: None,
        });
    let report = AnalysisReport {
        run: "payments/payments-7-2".into(),
        rollout: None,
        version: None,
        phase: phase.into(),
        started: Some(at(second)),
        ended: Some(at(ended)),
        metrics: metrics.collect(),
    };
    event(
        "analysis",
        ended,
        SourceKind::Rollouts,
        Fact::Analysis(report),
    )
}

/// Seconds: decided, committed, only good pods, synced, healthy.
pub(crate) fn recovery(steps: [i64; 5], undoes: &str) -> Event {
    let [decided, committed, good, synced, durable] = steps;
    let report = RecoveryReport {
        recovery: RecoveryId::new("r-abcdefgh"),
        standing: Standing::Restored,
        incident: None,
        started: at(decided),
        from: "v42".into(),
        to: "v41".into(),
        committed: Some(at(committed)),
        commit: Some("e5f6a7".into()),
        good: Some(at(good)),
        synced: Some(at(synced)),
        durable: Some(at(durable)),
        undoes: vec![undoes.into()],
        missing: Vec::new(),
    };
    event(
        "recovery",
        durable,
        SourceKind::Ripcord,
        Fact::Recovery(report),
    )
}

pub(crate) fn closed(second: i64) -> Event {
    let fact = Fact::Closed {
        why: "quiet, and the recovery holds".into(),
        although: Vec::new(),
    };
    let mut event = event("closed", second, SourceKind::Ripcord, fact);
    event.confidence = Confidence::Observed;
    event
}

pub(crate) fn incident(events: &[Event]) -> (Incident, Vec<Deployed>) {
    let mut incident = Incident::new(IncidentId::new("i-payments"));
    for event in events {
        incident.absorb(event);
    }
    (incident, deploys(events))
}

pub(crate) fn review(events: &[Event], knowledge: &Knowledge) -> Review {
    let (incident, deploys) = incident(events);
    Review::of(&incident, events, &deploys, knowledge)
}

/// A canary that was only tried, a page, the way back, and a hotfix on the next day.
pub(crate) fn full() -> Vec<Event> {
    let mut merged = deploy("a1b2c3", -300, DeployStage::Committed, "v42");
    merged.source.kind = SourceKind::Git;
    let change = report(&mut merged);
    change.subject = Some("Take cards in the new way".into());
    change.replaced = Some("v41".into());
    change.changes = vec![Change::Version, Change::Config];
    change.checks = vec![
        CheckReport {
            name: "unit".into(),
            result: CheckResult::Passed,
        },
        CheckReport {
            name: "e2e".into(),
            result: CheckResult::Flaky,
        },
        CheckReport {
            name: "load".into(),
            result: CheckResult::Failed,
        },
    ];
    let mut acknowledged = alert("PaymentErrors", AlertState::Acknowledged, 540, None, None);
    acknowledged.observed = at(600);
    acknowledged.author = Some("Ada Example".into());
    let mut again = alert("PaymentErrors", AlertState::Firing, 540, None, Some(480));
    again.id = EventId::new("told again");
    again.observed = at(660);
    let mut firing = alert("PaymentErrors", AlertState::Firing, 540, None, Some(480));
    firing.link = Some("https://alerts.example/7?a=1&b=2".into());
    let reminder = event(
        "reminder",
        700,
        SourceKind::Ripcord,
        Fact::Reminded {
            deadline: ripcord_domain::incident::deadline::Task::GoBack,
        },
    );
    let mut correction = event(
        "correction",
        4000,
        SourceKind::Ripcord,
        Fact::Corrected {
            moment: Moment::Informed,
            at: Some(at(560)),
            why: "support called first".into(),
        },
    );
    correction.author = Some("Ada Example".into());
    let hotfix = HotfixReport {
        hotfix: "card-limit".into(),
        incident: None,
        started: Some(at(3600)),
        committed: Some(at(86_400)),
        ready: Some(at(86_640)),
        overridden: vec!["licence scan".into()],
    };
    vec![
        merged,
        deploy("a1b2c3", 0, DeployStage::Started, "v42"),
        deploy("a1b2c3", 20, DeployStage::Serving, "v42"),
        analysis(
            30,
            210,
            "Successful",
            &[
                ("error-rate", "Failed", true, &["0.01", "0.04", "0.09"]),
                ("latency", "Successful", false, &["[120]", "[180]"]),
            ],
        ),
        deploy("a1b2c3", 240, DeployStage::Synced, "v42"),
        deploy("a1b2c3", 300, DeployStage::Healthy, "v42"),
        firing,
        acknowledged,
        again,
        reminder,
        recovery([720, 731, 740, 752, 790], "a1b2c3"),
        alert("PaymentErrors", AlertState::Resolved, 540, Some(900), None),
        correction,
        event("hotfix", 86_640, SourceKind::Ripcord, Fact::Hotfix(hotfix)),
        closed(90_000),
    ]
}

/// An alert, and nothing else.
pub(crate) fn bare() -> Vec<Event> {
    vec![alert("Up", AlertState::Firing, 0, None, None)]
}

/// The way back was synced before it was committed, and the alert ended before it began.
pub(crate) fn contradictory() -> Vec<Event> {
    vec![
        deploy("a1b2c3", 600, DeployStage::Started, "v42"),
        alert("PaymentErrors", AlertState::Firing, 540, None, Some(480)),
        recovery([720, 760, 740, 752, 790], "a1b2c3"),
        alert("PaymentErrors", AlertState::Resolved, 540, Some(500), None),
        charge(Some("a1b2c3")),
    ]
}

pub(crate) fn charge(deploy: Option<&str>) -> Event {
    let why = match deploy {
        Some(_) => "the error is in its new code",
        None => "the zone lost its network; the provider says so",
    };
    let fact = Fact::Charged {
        deploy: deploy.map(str::to_owned),
        why: why.into(),
    };
    let mut event = event("charge", 5000, SourceKind::Ripcord, fact);
    event.author = Some("Ada Example".into());
    event
}

/// Nothing of ours: a cloud was away for hours, with a deploy not long before.
pub(crate) fn cloud() -> Vec<Event> {
    vec![
        deploy("a1b2c3", -1200, DeployStage::Started, "v42"),
        deploy("a1b2c3", -1100, DeployStage::Healthy, "v42"),
        alert("ZoneUnreachable", AlertState::Firing, 0, None, Some(-30)),
        alert("PaymentErrors", AlertState::Firing, 40, None, Some(-20)),
        alert("ZoneUnreachable", AlertState::Resolved, 0, Some(9000), None),
        alert("PaymentErrors", AlertState::Resolved, 40, Some(9100), None),
        charge(None),
        closed(10_000),
    ]
}
