//! What happens in these tests: alerts about one service, in the minutes after five.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, IncidentId, Source, SourceKind,
};
use ripcord_domain::incident::report::{AlertReport, AlertState};
use ripcord_domain::{Environment, Service};
use ripcord_store::{Delivery, Records, filing};

pub(crate) fn at(minute: i64) -> Timestamp {
    let five: Timestamp = "2026-11-27T17:00:00Z".parse().unwrap();
    five + SignedDuration::from_mins(minute)
}

pub(crate) fn alert(name: &str, from: i64, to: Option<i64>) -> Event {
    let report = AlertReport {
        alert: name.into(),
        state: if to.is_some() {
            AlertState::Resolved
        } else {
            AlertState::Firing
        },
        started: at(from),
        ended: to.map(at),
        condition: None,
        title: format!("{name} is bad"),
        severity: None,
        group: None,
        labels: BTreeMap::new(),
    };
    Event {
        id: EventId::new(format!("{name}/{from}/{to:?}")),
        observed: at(to.unwrap_or(from)),
        received: at(from + 1),
        source: Source {
            kind: SourceKind::Alertmanager,
            name: "prometheus".into(),
        },
        confidence: Confidence::Reported,
        incident: None,
        concern: Some(Concern {
            service: Service::new("payments"),
            environment: Environment::new("production"),
        }),
        link: None,
        author: None,
        fact: Fact::Alert(report),
    }
}

pub(crate) fn delivery(key: &str) -> Delivery {
    Delivery {
        source: "prometheus".into(),
        key: key.into(),
        received: at(0),
        headers: vec![("content-type".into(), "application/json".into())],
        body: b"{\"\xff\":1}".to_vec(),
    }
}

pub(crate) fn file(records: &mut dyn Records, events: &[Event]) {
    let mut number = records.version().unwrap();
    let fresh = || {
        number += 1;
        IncidentId::new(format!("i-{number}"))
    };
    let decided = filing::decide(records, events.to_vec(), fresh).unwrap();
    records.file(&decided).unwrap();
}
