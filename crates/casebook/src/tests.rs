use jiff::Timestamp;
use jiff::tz::TimeZone;
use ripcord_domain::incident::State;
use ripcord_domain::incident::deadline::Task;
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, Source, SourceKind,
};
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::{AlertReport, AlertState, DeployReport, DeployStage};
use ripcord_store::{Sqlite, filing};
use ripcord_suspect::Answer;

use super::board::LOOKS_BACK;
use super::*;

fn at(text: &str) -> Timestamp {
    format!("2026-11-20T{text}Z").parse().unwrap()
}

fn records(folder: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(&folder.path().join("incidents.db")).unwrap()
}

fn anna(now: &str, chance: u128) -> Teller<'static> {
    Teller {
        author: "anna",
        place: "laptop",
        now: at(now),
        chance,
    }
}

fn payments() -> Concern {
    Concern {
        service: ripcord_domain::Service::new("payments"),
        environment: ripcord_domain::Environment::new("production"),
    }
}

fn told(id: &str, when: &str, fact: Fact) -> Event {
    Event {
        id: EventId::new(id),
        observed: at(when),
        received: at(when),
        source: Source {
            kind: SourceKind::Alertmanager,
            name: "alerts".to_owned(),
        },
        confidence: Confidence::Reported,
        incident: None,
        concern: Some(payments()),
        link: None,
        author: None,
        fact,
    }
}

fn alert(state: AlertState, ended: Option<&str>) -> Fact {
    Fact::Alert(AlertReport {
        alert: "a1".to_owned(),
        state,
        started: at("17:15:00"),
        ended: ended.map(at),
        condition: Some(at("17:14:00")),
        title: "payments fail".to_owned(),
        severity: None,
        group: None,
        labels: std::collections::BTreeMap::new(),
    })
}

fn file(records: &mut Sqlite, events: &[Event]) {
    let mut next = 0;
    let fresh = || {
        next += 1;
        ripcord_domain::incident::event::IncidentId::from_chance(next)
    };
    filing::file(records, events, fresh).unwrap();
}

fn opened(title: &str) -> Saying {
    Saying::Open {
        title: title.to_owned(),
        severity: None,
        concern: Some(payments()),
        name: Some("INC-7".to_owned()),
    }
}

#[test]
fn what_a_person_opened_is_found_by_its_name_and_by_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    let said = say(
        &mut records,
        None,
        &opened("payments fail"),
        &anna("17:20:00", 7),
    )
    .unwrap();
    assert_eq!(find(&mut records, "INC-7").unwrap().id, said.id);
    assert_eq!(find(&mut records, said.id.as_str()).unwrap(), said);
    assert_eq!(said.title(), "payments fail");
    let unknown = find(&mut records, "INC-8").unwrap_err();
    assert!(unknown.to_string().contains("INC-8"));
}

#[test]
fn an_incident_opened_while_its_alert_fires_is_the_alerts_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    file(
        &mut records,
        &[told("1", "17:15:05", alert(AlertState::Firing, None))],
    );
    say(
        &mut records,
        None,
        &opened("customers call"),
        &anna("17:20:00", 7),
    )
    .unwrap();
    let all = briefs(&mut records, 10).unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].firing, 1);
    assert_eq!(all[0].title, "customers call");
}

#[test]
fn an_incident_whose_alert_fires_is_closed_only_by_who_says_so_and_what_was_missing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    file(
        &mut records,
        &[told("1", "17:15:05", alert(AlertState::Firing, None))],
    );
    let id = briefs(&mut records, 1).unwrap()[0].id.clone();
    let close = |although_not_over| Saying::Close {
        why: "it is a test".to_owned(),
        although_not_over,
    };
    let refused = say(
        &mut records,
        Some(id.as_str()),
        &close(false),
        &anna("17:30:00", 8),
    );
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("the alert `payments fail` fires"),
        "{refused}"
    );
    assert_ne!(
        find(&mut records, id.as_str()).unwrap().state(),
        State::Closed
    );
    let closed = say(
        &mut records,
        Some(id.as_str()),
        &close(true),
        &anna("17:31:00", 9),
    )
    .unwrap();
    assert_eq!(closed.state(), State::Closed);
    assert_eq!(closed.closing.value().unwrap().although.len(), 1);
    assert_eq!(closed.closing.value().unwrap().by.as_deref(), Some("anna"));
}

#[test]
fn a_quiet_incident_is_closed_without_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    let ended = alert(AlertState::Resolved, Some("17:40:00"));
    file(&mut records, &[told("1", "17:40:05", ended)]);
    let id = briefs(&mut records, 1).unwrap()[0].id.clone();
    let close = Saying::Close {
        why: "rolled back".to_owned(),
        although_not_over: false,
    };
    let closed = say(
        &mut records,
        Some(id.as_str()),
        &close,
        &anna("17:50:00", 8),
    )
    .unwrap();
    assert_eq!(closed.state(), State::Closed);
}

#[test]
fn a_correction_keeps_what_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    file(
        &mut records,
        &[told("1", "17:15:05", alert(AlertState::Firing, None))],
    );
    let id = briefs(&mut records, 1).unwrap()[0].id.clone();
    let correct = Saying::Correct {
        moment: Moment::Fired,
        at: Some(at("17:12:00")),
        why: "the monitoring's clock was late".to_owned(),
    };
    let corrected = say(
        &mut records,
        Some(id.as_str()),
        &correct,
        &anna("17:50:00", 8),
    )
    .unwrap();
    let case = case(&mut records, corrected, &TimeZone::UTC).unwrap();
    let fired = case
        .instants
        .iter()
        .find(|one| one.moment == Moment::Fired)
        .unwrap();
    assert_eq!(fired.at, Some(at("17:12:00")));
    let correction = fired.corrected.as_ref().unwrap();
    assert_eq!(correction.recorded, Some(at("17:15:00")));
    assert_eq!(correction.by, "anna");
}

#[test]
fn the_deploy_before_the_alert_is_suspected_and_what_a_person_charges_is_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    let deploy = DeployReport {
        deploy: "c0ffee".to_owned(),
        commit: Some("c0ffee".to_owned()),
        version: Some("v16".to_owned()),
        stage: Some(DeployStage::Started),
        ..DeployReport::default()
    };
    let deploy = told("d", "17:10:00", Fact::Deploy(deploy));
    file(
        &mut records,
        &[
            deploy,
            told("1", "17:15:05", alert(AlertState::Firing, None)),
        ],
    );
    let incident = records.incidents(1).unwrap().remove(0);
    let id = incident.id.clone();
    let before = case(&mut records, incident, &TimeZone::UTC).unwrap();
    let suspicion = before.suspicion.unwrap();
    assert_eq!(suspicion.suspects[0].deploy.id, "c0ffee");
    assert_ne!(suspicion.answer, Answer::NoDeploy);
    assert!((suspicion.suspects[0].minutes_before - 4.0).abs() < 0.01);
    assert_eq!(before.cause, None, "a suspicion is no cause");
    let charge = Saying::Charge {
        deploy: Some("c0ffee".to_owned()),
        why: "the stack trace is of its new code".to_owned(),
    };
    let charged = say(
        &mut records,
        Some(id.as_str()),
        &charge,
        &anna("18:00:00", 8),
    )
    .unwrap();
    let after = case(&mut records, charged, &TimeZone::UTC).unwrap();
    assert_eq!(after.cause.as_deref(), Some("c0ffee"));
    let started = after
        .instants
        .iter()
        .find(|one| one.moment == Moment::DeployStarted);
    assert_eq!(started.unwrap().at, Some(at("17:10:00")));
}

#[test]
fn an_empty_note_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    let said = say(
        &mut records,
        None,
        &opened("payments fail"),
        &anna("17:20:00", 7),
    )
    .unwrap();
    let empty = Saying::Note {
        text: " \n".to_owned(),
    };
    let refused = say(&mut records, Some("INC-7"), &empty, &anna("17:21:00", 8));
    assert!(matches!(refused, Err(CaseError::Empty(_))));
    let long = Saying::Note {
        text: "x".repeat(20_000),
    };
    let refused = say(&mut records, Some("INC-7"), &long, &anna("17:21:00", 8));
    assert!(matches!(refused, Err(CaseError::TooLong { .. })));
    assert_eq!(records.events_of(&said.id).unwrap().len(), 2);
}

#[test]
fn the_board_has_production_first_and_what_is_wrong_on_top() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    let mut number = 0;
    let mut deploy = |service: &str, environment: &str, stage| {
        number += 1;
        let report = DeployReport {
            deploy: service.to_owned(),
            stage: Some(stage),
            ..DeployReport::default()
        };
        let mut event = told(&number.to_string(), "16:00:00", Fact::Deploy(report));
        event.concern = Some(Concern {
            service: ripcord_domain::Service::new(service),
            environment: ripcord_domain::Environment::new(environment),
        });
        event
    };
    let events = [
        deploy("cart", "dev", DeployStage::Healthy),
        deploy("web", "prod", DeployStage::Failed),
        deploy("search", "prod", DeployStage::Committed),
        told("a", "17:15:00", alert(AlertState::Firing, None)),
    ];
    file(&mut records, &events);
    let known = board(&mut records, at("17:20:00")).unwrap();
    let environments: Vec<&str> = known
        .environments
        .iter()
        .map(ripcord_domain::Environment::as_str)
        .collect();
    assert_eq!(environments, ["prod", "production", "dev"]);
    let names = |board: &Board| -> Vec<String> {
        let services = board.services.iter();
        services.map(|(service, _)| service.to_string()).collect()
    };
    assert_eq!(names(&known), ["payments", "web", "cart", "search"]);
    let place = |board: &Board, row: usize, column: usize| {
        board.services[row].1[column].as_ref().unwrap().clone()
    };
    assert_eq!(place(&known, 0, 1).health, Health::Wrong { firing: true });
    assert_eq!(place(&known, 0, 1).incidents, [known.open[0].id.clone()]);
    assert_eq!(place(&known, 3, 0).health, Health::Unknown);
    let ended = alert(AlertState::Resolved, Some("17:30:00"));
    file(&mut records, &[told("b", "17:30:00", ended)]);
    let quiet = board(&mut records, at("17:31:00")).unwrap();
    assert_eq!(names(&quiet), ["web", "cart", "payments", "search"]);
    assert_eq!(place(&quiet, 2, 1).health, Health::Unknown);
    let month_later = at("17:31:00") + LOOKS_BACK;
    let later = board(&mut records, month_later).unwrap();
    assert_eq!(names(&later), ["payments"], "it is still not closed");
}

static UTC: TimeZone = TimeZone::UTC;

fn looking(now: &str) -> Minding<'static> {
    Minding {
        place: "server",
        zone: &UTC,
        close_after: Some(jiff::SignedDuration::from_mins(60)),
        now: at(now),
        chance: 7,
    }
}

fn facts(events: &[Event]) -> Vec<String> {
    let each = events.iter().map(|event| match &event.fact {
        Fact::Reminded { deadline } => format!("{deadline:?}"),
        Fact::Closed { .. } => "closed".to_owned(),
        other => format!("{other:?}"),
    });
    each.collect()
}

#[test]
fn what_is_due_and_not_done_is_said_once_and_by_one_of_two_servers() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    file(
        &mut records,
        &[told("1", "17:15:00", alert(AlertState::Firing, None))],
    );
    let mut mind_at = |now| facts(&mind(&mut records, &looking(now)).unwrap());
    assert!(mind_at("17:16:00").is_empty(), "nothing is due yet");
    assert_eq!(mind_at("17:18:00"), ["GoBack"]);
    assert_eq!(mind_at("17:21:00"), ["MakeDurable"]);
    assert!(mind_at("17:22:00").is_empty(), "once is enough");
    let mut another = Sqlite::open(&folder.path().join("incidents.db")).unwrap();
    assert!(mind(&mut another, &looking("17:22:00")).unwrap().is_empty());
}

#[test]
fn what_was_decided_in_time_is_not_reminded_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    file(
        &mut records,
        &[told("1", "17:15:00", alert(AlertState::Firing, None))],
    );
    let id = records.incidents(1).unwrap()[0].id.to_string();
    let no_deploy = Saying::Charge {
        deploy: None,
        why: "the region is down".into(),
    };
    say(&mut records, Some(&id), &no_deploy, &anna("17:16:00", 1)).unwrap();
    let said = mind(&mut records, &looking("19:00:00")).unwrap();
    assert!(said.is_empty(), "{:?}", facts(&said));
}

#[test]
fn an_incident_is_closed_after_an_hour_of_quiet_and_not_while_an_alert_fires() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    file(
        &mut records,
        &[told("1", "17:15:00", alert(AlertState::Firing, None))],
    );
    let closed = |records: &mut Sqlite, now| {
        let said = mind(records, &looking(now)).unwrap();
        facts(&said).contains(&"closed".to_owned())
    };
    assert!(!closed(&mut records, "21:00:00"), "it fires");
    let ended = alert(AlertState::Resolved, Some("17:20:00"));
    file(&mut records, &[told("2", "17:20:00", ended)]);
    let state = |records: &mut Sqlite| records.incidents(1).unwrap()[0].state();
    let by_people = Minding {
        close_after: None,
        ..looking("23:00:00")
    };
    mind(&mut records, &by_people).unwrap();
    assert_eq!(state(&mut records), State::Quiet);
    assert!(closed(&mut records, "23:30:00"));
    assert_eq!(state(&mut records), State::Closed);
    assert!(!closed(&mut records, "23:59:00"), "it is closed once");
    // It fires again: it is not over after all, and will be closed again when it is.
    let mut again = told("3", "23:40:00", alert(AlertState::Firing, None));
    if let Fact::Alert(report) = &mut again.fact {
        report.started = at("23:40:00");
    }
    file(&mut records, &[again]);
    assert_eq!(state(&mut records), State::Open);
}

#[test]
fn a_review_that_is_written_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(&folder);
    let incident = say(
        &mut records,
        None,
        &opened("payments fail"),
        &anna("17:15:00", 1),
    )
    .unwrap();
    let id = incident.id.to_string();
    let due = |incident: &Incident| {
        let all = incident.deadlines(&TimeZone::UTC).into_iter();
        all.filter(|one| one.met.is_none())
            .map(|one| one.task)
            .collect::<Vec<_>>()
    };
    assert!(due(&incident).contains(&Task::Review));
    let reviewed = Saying::Reviewed {
        place: "docs/reviews/INC-7.md".into(),
    };
    let incident = say(&mut records, Some(&id), &reviewed, &anna("18:00:00", 2)).unwrap();
    assert!(!due(&incident).contains(&Task::Review));
}
