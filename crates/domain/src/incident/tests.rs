use jiff::SignedDuration;
use proptest::prelude::*;

use jiff::tz::TimeZone;

use super::deadline::Task;
use super::event::{Confidence, Source};
use super::joining::{Belongs, belongs};
use super::report::{DeployReport, DeployStage};
use super::*;
use crate::names::{Environment, Service};

fn at(minute: i64) -> Timestamp {
    let five: Timestamp = "2026-11-27T17:00:00Z".parse().unwrap();
    five + SignedDuration::from_mins(minute)
}

fn concern(service: &str) -> Concern {
    Concern {
        service: Service::new(service),
        environment: Environment::new("production"),
    }
}

fn event(id: &str, minute: i64, fact: Fact) -> Event {
    Event {
        id: EventId::new(id),
        observed: at(minute),
        received: at(minute + 1),
        source: Source {
            kind: SourceKind::Alertmanager,
            name: "prometheus".into(),
        },
        confidence: Confidence::Reported,
        incident: None,
        concern: Some(concern("payments")),
        link: None,
        author: None,
        fact,
    }
}

fn alert(name: &str, from: i64, to: Option<i64>) -> Event {
    let state = if to.is_some() {
        AlertState::Resolved
    } else {
        AlertState::Firing
    };
    let report = AlertReport {
        alert: name.into(),
        state,
        started: at(from),
        ended: to.map(at),
        condition: None,
        title: format!("{name} is bad"),
        severity: None,
        group: None,
        labels: BTreeMap::new(),
    };
    event(
        &format!("{name}/{from}/{to:?}"),
        to.unwrap_or(from),
        Fact::Alert(report),
    )
}

fn of(events: &[Event]) -> Incident {
    let mut incident = Incident::new(IncidentId::new("i-1"));
    for event in events {
        incident.absorb(event);
    }
    incident
}

/// What a store does with events, in the order in which they come in.
fn incidents(events: &[Event]) -> Vec<Incident> {
    let mut known: Vec<Incident> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let into = match belongs(event, &known) {
            Belongs::ToProduction | Belongs::Unknown(_) => continue,
            Belongs::ToNew => {
                known.push(Incident::new(IncidentId::new(format!("i-{number}"))));
                known.last_mut().unwrap()
            }
            Belongs::To { incident, same } => {
                let (parts, rest) = known.into_iter().partition(|one| same.contains(&one.id));
                known = rest;
                let into = known.iter_mut().find(|one| one.id == incident).unwrap();
                let parts: Vec<Incident> = parts;
                for part in parts {
                    into.merge(part);
                }
                into
            }
        };
        into.absorb(event);
    }
    for incident in &mut known {
        incident.id = IncidentId::new("any");
    }
    known.sort_by_key(|incident| serde_json::to_string(incident).unwrap());
    known
}

#[test]
fn an_alert_that_ended_before_its_firing_came_in_is_over() {
    let late = of(&[alert("a", 0, Some(5)), alert("a", 0, None)]);
    assert_eq!(late.state(), State::Quiet);
    assert_eq!(late.quiet_since(), Some(at(5)));
}

#[test]
fn the_end_of_a_group_is_not_the_end_of_each_alert() {
    let incident = of(&[alert("a", 0, Some(5)), alert("b", 1, None)]);
    assert_eq!(incident.state(), State::Open);
    assert_eq!(incident.missing_to_close(), ["the alert `b is bad` fires"]);
}

#[test]
fn the_time_of_an_end_was_overwritten_by_each_later_message() {
    let mut again = alert("a", 0, Some(5));
    again.observed = at(60);
    again.id = EventId::new("a later message of the same");
    let incident = of(&[alert("a", 0, Some(5)), again]);
    let restored = incident
        .instants(None, &[])
        .into_iter()
        .find(|one| one.moment == Moment::Restored);
    assert_eq!(restored.unwrap().at, Some(at(5)));
}

#[test]
fn an_unresolved_incident_has_no_end() {
    let incident = of(&[alert("a", 0, None)]);
    let instants = incident.instants(None, &[]);
    let restored = instants
        .iter()
        .find(|one| one.moment == Moment::Restored)
        .unwrap();
    assert_eq!(restored.at, None);
}

#[test]
fn a_correction_is_kept_beside_what_was_recorded() {
    let mut correction = event(
        "c",
        30,
        Fact::Corrected {
            moment: Moment::Fired,
            at: Some(at(-3)),
            why: "customers wrote earlier".into(),
        },
    );
    correction.author = Some("Ada".into());
    let incident = of(&[alert("a", 0, None), correction]);
    let instants = incident.instants(None, &[]);
    let fired = instants
        .iter()
        .find(|one| one.moment == Moment::Fired)
        .unwrap();
    assert_eq!(fired.at, Some(at(-3)));
    let corrected = fired.corrected.as_ref().unwrap();
    assert_eq!(
        (corrected.recorded, corrected.by.as_str()),
        (Some(at(0)), "Ada")
    );
}

#[test]
fn an_incident_that_was_closed_opens_when_it_breaks_out_again() {
    let closed = Fact::Closed {
        why: "quiet".into(),
        although: Vec::new(),
    };
    let closed = event("close", 10, closed);
    let over = [alert("a", 0, Some(5)), closed];
    assert_eq!(of(&over).state(), State::Closed);
    let again = [&over[..], &[alert("a", 12, None)]].concat();
    assert_eq!(of(&again).state(), State::Open);
    assert_eq!(incidents(&again).len(), 1);
}

#[test]
fn hours_later_it_is_another_incident() {
    let events = [alert("a", 0, Some(5)), alert("a", 300, None)];
    assert_eq!(incidents(&events).len(), 2);
}

#[test]
fn an_alert_that_touches_two_incidents_makes_them_one() {
    let apart = [alert("a", 0, Some(5)), alert("b", 100, Some(110))];
    assert_eq!(incidents(&apart).len(), 2);
    let bridged = [&apart[..], &[alert("c", 4, Some(99))]].concat();
    assert_eq!(incidents(&bridged).len(), 1);
}

#[test]
fn alerts_of_two_services_are_two_incidents() {
    let mut other = alert("b", 0, None);
    other.concern = Some(concern("cart"));
    assert_eq!(incidents(&[alert("a", 0, None), other]).len(), 2);
}

#[test]
fn a_recovery_that_names_an_incident_belongs_there_whatever_its_service() {
    let opened = Fact::Opened {
        title: "payments fail".into(),
        severity: None,
    };
    let mut opened = event("open", 0, opened);
    opened.incident = Some(IncidentId::new("i-known"));
    let mut known = Incident::new(IncidentId::new("i-known"));
    known.absorb(&opened);
    known.names.insert("INC-7".into());
    let report = RecoveryReport {
        recovery: RecoveryId::new("r-1"),
        standing: Standing::Running,
        incident: Some("INC-7".into()),
        started: at(900),
        from: "v2".into(),
        to: "v1".into(),
        committed: None,
        commit: None,
        good: None,
        synced: None,
        durable: None,
        undoes: Vec::new(),
        missing: Vec::new(),
    };
    let mut recovery = event("r", 900, Fact::Recovery(report));
    recovery.concern = Some(concern("cart"));
    let expected = Belongs::To {
        incident: IncidentId::new("i-known"),
        same: Vec::new(),
    };
    assert_eq!(belongs(&recovery, &[known]), expected);
}

#[test]
fn a_note_on_an_incident_that_is_not_known_is_not_lost_in_another() {
    let mut note = event("n", 1, Fact::Note { text: "hm".into() });
    note.incident = Some(IncidentId::new("i-else"));
    let known = of(&[alert("a", 0, None)]);
    let unknown = Belongs::Unknown(IncidentId::new("i-else"));
    assert_eq!(belongs(&note, &[known]), unknown);
}

#[test]
fn what_several_sources_tell_of_a_commit_is_one_deploy() {
    let report = |deploy: &str, stage, commit: &str| DeployReport {
        deploy: deploy.into(),
        stage: Some(stage),
        commit: Some(commit.into()),
        ..DeployReport::default()
    };
    let mut git = event(
        "g",
        0,
        Fact::Deploy(report("abc", DeployStage::Committed, "abc")),
    );
    git.source.kind = SourceKind::Git;
    let argo = |id: &str, minute, stage, history: &str| {
        let mut event = event(id, minute, Fact::Deploy(report(history, stage, "abc")));
        event.source.kind = SourceKind::Argocd;
        event
    };
    let events = [
        argo("s", 3, DeployStage::Synced, "uid/7"),
        git,
        argo("b", 2, DeployStage::Started, "uid/7"),
        argo("again", 50, DeployStage::Started, "uid/9"),
    ];
    let found = deploy::deploys(&events);
    let ids: Vec<&str> = found.iter().map(|deploy| deploy.id.as_str()).collect();
    assert_eq!(ids, ["abc", "abc#2"]);
    assert_eq!(found[0].began(), Some(at(2)));
    assert_eq!(found[0].at(DeployStage::Committed), Some(at(0)));
    assert_eq!(found[1].began(), Some(at(50)));
}

#[test]
fn who_knows_no_commit_tells_of_the_one_that_brought_the_version_then() {
    let told = |id: &str, minute, kind, stage, commit: Option<&str>, version: &str| {
        let report = DeployReport {
            deploy: id.into(),
            stage: Some(stage),
            commit: commit.map(Into::into),
            version: Some(version.into()),
            ..DeployReport::default()
        };
        let mut event = event(id, minute, Fact::Deploy(report));
        event.source.kind = kind;
        event
    };
    let argo = |minute, commit, version| {
        let id = format!("argo-{commit}");
        let (kind, stage) = (SourceKind::Argocd, DeployStage::Started);
        told(&id, minute, kind, stage, Some(commit), version)
    };
    let rollout = |id, minute, version| {
        let (kind, stage) = (SourceKind::Rollouts, DeployStage::Serving);
        told(id, minute, kind, stage, None, version)
    };
    let mut events = vec![
        argo(0, "a", "v2"),
        argo(10, "b", "v1"),
        argo(20, "c", "v2"),
        rollout("r1", 1, "v2"),
        rollout("r2", 11, "v1"),
        rollout("r3", 19, "v2"),
        // Of a version that no commit brought, and of one that was brought long before.
        rollout("r4", 21, "v3"),
        rollout("r5", 81, "v2"),
    ];
    let found = deploy::deploys(&events);
    let serving = |id: &str| {
        let deploy = found.iter().find(|deploy| deploy.id == id);
        deploy.unwrap().at(DeployStage::Serving)
    };
    let ids: Vec<&str> = found.iter().map(|deploy| deploy.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "a#2", "c", "r4", "r5"]);
    assert_eq!(serving("a"), Some(at(1)));
    assert_eq!(serving("b"), Some(at(11)));
    // The clock of one is ahead, and nobody knows: the last one before it is taken.
    assert_eq!(serving("a#2"), Some(at(19)));
    assert_eq!((serving("r4"), serving("r5")), (Some(at(21)), Some(at(81))));
    events.reverse();
    assert_eq!(deploy::deploys(&events), found);
}

#[test]
fn the_review_of_a_friday_is_due_on_monday_evening() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let friday = at(15);
    let due = Task::Review.due(friday, &zone);
    assert_eq!(due.to_string(), "2026-11-30T17:00:00Z");
}

/// Alerts of one service, some of which overlap: each fires and most end.
fn told() -> impl Strategy<Value = Vec<Event>> {
    let one = (0..4_usize, 0..400_i64, proptest::option::of(1..60_i64));
    proptest::collection::vec(one, 1..8).prop_map(|alerts| {
        let mut events = Vec::new();
        for (name, from, length) in alerts {
            let name = ["a", "b", "c", "d"][name];
            events.push(alert(name, from, None));
            events.extend(length.map(|length| alert(name, from, Some(from + length))));
        }
        events
    })
}

proptest! {
    #[test]
    fn any_order_and_any_doubling_come_to_the_same_incident(
        events in told(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut shuffled: Vec<Event> = order.iter().map(|index| index.get(&events).clone()).collect();
        shuffled.extend(events.iter().rev().cloned());
        prop_assert_eq!(of(&events), of(&shuffled));
    }

    #[test]
    fn parts_that_are_merged_are_what_the_whole_is(events in told(), cut in any::<prop::sample::Index>()) {
        let (one, other) = events.split_at(cut.index(events.len()));
        let mut merged = of(other);
        merged.merge(of(one));
        prop_assert_eq!(of(&events), merged);
    }

    #[test]
    fn what_is_kept_as_json_is_read_back_the_same(events in told()) {
        let incident = of(&events);
        let text = serde_json::to_string(&incident).unwrap();
        prop_assert_eq!(serde_json::from_str::<Incident>(&text).unwrap(), incident);
    }
}
