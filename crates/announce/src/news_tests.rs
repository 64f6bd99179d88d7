use ripcord_domain::incident::event::{Confidence, EventId, IncidentId, Source};
use ripcord_domain::incident::report::{AlertReport, AlertState};
use ripcord_domain::names::{Environment, Service};
use ripcord_domain::recovery::RecoveryId;

use super::*;

fn at(minute: u8) -> Timestamp {
    format!("2026-11-20T17:{minute:02}:00Z").parse().unwrap()
}

fn event(id: &str, kind: SourceKind, minute: u8, fact: Fact) -> Event {
    Event {
        id: EventId::new(id),
        observed: at(minute),
        received: at(minute),
        source: Source {
            kind,
            name: "s".to_owned(),
        },
        confidence: Confidence::Reported,
        incident: None,
        concern: Some(Concern {
            service: Service::new("pay"),
            environment: Environment::new("production"),
        }),
        link: None,
        author: None,
        fact,
    }
}

fn deploy(kind: SourceKind, stage: DeployStage) -> Event {
    let report = DeployReport {
        deploy: "d1".to_owned(),
        stage: Some(stage),
        ..DeployReport::default()
    };
    event("e1", kind, 0, Fact::Deploy(report))
}

fn came(event: &Event) -> Option<Came> {
    let news = of_event(event);
    assert!(news.len() <= 1);
    match news.first()?.what {
        What::Deploy { came, .. } => Some(came),
        _ => None,
    }
}

fn keys(news: &[News]) -> Vec<&str> {
    news.iter().map(|one| one.key.as_str()).collect()
}

#[test]
fn only_where_a_deploy_came_to_is_news() {
    use DeployStage::{Aborted, Committed, Degraded, Failed, Healthy, Serving, Started, Synced};
    for stage in [Committed, Started, Serving] {
        assert_eq!(came(&deploy(SourceKind::Argocd, stage)), None);
    }
    for (stage, expected) in [
        (Synced, Came::Deployed),
        (Healthy, Came::Healthy),
        (Aborted, Came::Aborted),
        (Failed, Came::Failed),
        (Degraded, Came::Degraded),
    ] {
        assert_eq!(came(&deploy(SourceKind::Argocd, stage)), Some(expected));
    }
    // Argo Rollouts says only that it is complete.
    assert_eq!(
        came(&deploy(SourceKind::Rollouts, Healthy)),
        Some(Came::Deployed)
    );
    let mut unknown = deploy(SourceKind::Github, Synced);
    unknown.concern = None;
    assert_eq!(of_event(&unknown), []);
}

fn recovery(standing: Standing, minute: u8) -> Event {
    let report = RecoveryReport {
        recovery: RecoveryId::new("r-1"),
        standing,
        incident: Some("INC-7".to_owned()),
        started: at(1),
        from: "v2".to_owned(),
        to: "v1".to_owned(),
        committed: None,
        commit: None,
        good: None,
        synced: None,
        durable: None,
        undoes: Vec::new(),
        missing: Vec::new(),
    };
    event("e", SourceKind::Ripcord, minute, Fact::Recovery(report))
}

#[test]
fn a_recovery_begins_once_and_each_way_that_it_ends_is_told() {
    let running = of_event(&recovery(Standing::Running, 2));
    assert_eq!(keys(&running), ["recovery/r-1/pay/production/running"]);
    assert_eq!(running, of_event(&recovery(Standing::Running, 3)));
    let restored = of_event(&recovery(Standing::Restored, 5));
    assert_eq!(restored[0].key, running[0].key);
    assert_eq!(restored[1].key, "recovery/r-1/pay/production/restored");
    // A hold was let go of afterwards.
    assert_eq!(
        of_event(&recovery(Standing::Restored, 8))[1].key,
        restored[1].key
    );
    assert_eq!(restored[1].incident.as_deref(), Some("INC-7"));
    assert_ne!(
        of_event(&recovery(Standing::Relapsed, 9))[1].key,
        restored[1].key
    );
}

#[test]
fn each_step_of_a_hotfix_is_told_once_however_much_is_told_at_once() {
    let report = |committed, ready| HotfixReport {
        hotfix: "fix-1".to_owned(),
        incident: None,
        started: Some(at(1)),
        committed,
        ready,
        overridden: Vec::new(),
    };
    let told = |report| of_event(&event("e", SourceKind::Ripcord, 9, Fact::Hotfix(report)));
    let (first, all) = (
        told(report(None, None)),
        told(report(Some(at(2)), Some(at(3)))),
    );
    assert_eq!(first.len(), 1);
    assert_eq!(all.len(), 3);
    assert_eq!(first[0].key, all[0].key);
}

fn alert(state: AlertState, minute: u8) -> Event {
    let report = AlertReport {
        alert: "a".to_owned(),
        state,
        started: at(1),
        ended: (state == AlertState::Resolved).then(|| at(minute)),
        condition: None,
        title: "Many errors".to_owned(),
        severity: Some("page".to_owned()),
        group: None,
        labels: std::collections::BTreeMap::new(),
    };
    event(
        &format!("a{minute}"),
        SourceKind::Alertmanager,
        minute,
        Fact::Alert(report),
    )
}

fn said(minute: u8, fact: Fact) -> Event {
    let mut said = event(&format!("s{minute}"), SourceKind::Ripcord, minute, fact);
    said.author = Some("ada".to_owned());
    said
}

fn incident(events: &[Event]) -> Incident {
    let mut incident = Incident::new(IncidentId::new("i-1"));
    for event in events {
        incident.absorb(event);
    }
    incident
}

#[test]
fn an_incident_tells_how_it_stands_and_the_same_again_by_the_same_keys() {
    let why = String::new();
    let although = Vec::new();
    let mut events = vec![alert(AlertState::Firing, 1)];
    let opened = of_incident(&incident(&events));
    assert_eq!(keys(&opened), ["incident/i-1/opened"]);
    assert_eq!(opened[0].at, at(1));
    events.push(alert(AlertState::Resolved, 5));
    let quiet = of_incident(&incident(&events));
    assert_eq!(
        keys(&quiet),
        [
            "incident/i-1/opened",
            "incident/i-1/quiet/2026-11-20T17:05:00Z"
        ]
    );
    events.push(said(
        7,
        Fact::Closed {
            why: why.clone(),
            although,
        },
    ));
    let closed = of_incident(&incident(&events));
    assert_eq!(keys(&closed)[..2], keys(&quiet));
    assert_eq!(closed[2].key, "incident/i-1/closed/2026-11-20T17:07:00Z");
    assert_eq!(closed[2].by.as_deref(), Some("ada"));
    events.push(said(8, Fact::Reopened { why }));
    let keys = keys(&of_incident(&incident(&events))).join(" ");
    assert!(
        keys.ends_with("incident/i-1/reopened/2026-11-20T17:08:00Z"),
        "{keys}"
    );
    // In whatever order it came in.
    events.reverse();
    let reversed = of_incident(&incident(&events));
    assert_eq!(keys, self::keys(&reversed).join(" "));
}

#[test]
fn an_incident_that_is_not_over_tells_no_end() {
    let firing = incident(&[
        alert(AlertState::Firing, 1),
        alert(AlertState::Acknowledged, 2),
    ]);
    assert_eq!(of_incident(&firing).len(), 1);
    let opened = Fact::Opened {
        title: "slow".to_owned(),
        severity: None,
    };
    let by_hand = of_incident(&incident(&[said(1, opened)]));
    assert_eq!(keys(&by_hand), ["incident/i-1/opened"]);
    assert_eq!(by_hand[0].by.as_deref(), Some("ada"));
    assert_eq!(of_incident(&Incident::new(IncidentId::new("i-2"))), []);
}
