//! An alert.

use jiff::Timestamp;
use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{AlertReport, AlertState};

use super::Said;
use super::pick::Item;
use crate::mapping::body::AlertFields;
use crate::understand::Arrival;
use crate::wording;

/// The words for a state that need no table.
const STATES: [(&str, AlertState); 3] = [
    ("firing", AlertState::Firing),
    ("acknowledged", AlertState::Acknowledged),
    ("resolved", AlertState::Resolved),
];

/// Reads one; an error says what is amiss with which path.
pub(super) fn read(
    arrival: &Arrival<'_>,
    fields: &AlertFields,
    item: Item<'_>,
) -> Result<Said, String> {
    let Some(state) = item.word("state", &fields.state, &fields.words, &STATES)? else {
        return Ok(Said::Nothing("its state says nothing here".to_owned()));
    };
    let alert = item.needed("id", &fields.id)?;
    let times = Times::of(state, fields, item)?;
    let labels = item.labels("labels", fields.labels.as_ref())?;
    let service = item.text("service", fields.service.as_ref())?;
    let environment = item.text("environment", fields.environment.as_ref())?;
    let title = item.text("title", fields.title.as_ref())?;
    let observed = times.observed.unwrap_or(arrival.received);
    let begin = times.started.to_string();
    let word = format!("{state:?}").to_lowercase();
    // Out of what the body says alone: told again it is the same.
    let told = times.observed.map(|at| at.to_string()).unwrap_or_default();
    Ok(Said::Event(Box::new(Event {
        id: wording::id(&["generic", arrival.source, &alert, &begin, &word, &told]),
        observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Generic),
        confidence: times.confidence(),
        incident: None,
        concern: arrival
            .mapping
            .concern_told(service.as_deref(), environment.as_deref(), &labels),
        link: item.link("link", fields.link.as_ref())?,
        author: item.text("author", fields.author.as_ref())?,
        fact: Fact::Alert(AlertReport {
            state,
            started: times.started,
            ended: (state == AlertState::Resolved).then_some(observed),
            condition: None,
            title: title.unwrap_or_else(|| format!("alert {alert}")),
            severity: item.text("severity", fields.severity.as_ref())?,
            group: item.text("group", fields.group.as_ref())?,
            labels,
            alert,
        }),
    })))
}

/// The instants of an alert.
struct Times {
    started: Timestamp,
    /// `started` is when it began, and not only the earliest that is told.
    start_is_told: bool,
    /// When what is told was so; none: it is told after that, nobody knows how long.
    observed: Option<Timestamp>,
}

impl Times {
    fn of(state: AlertState, fields: &AlertFields, item: Item<'_>) -> Result<Self, String> {
        let started = item.instant("started", fields.started.as_ref())?;
        let ended = item.instant("ended", fields.ended.as_ref())?;
        let at = item.instant("at", fields.at.as_ref())?;
        let observed = match state {
            AlertState::Firing => started.or(at),
            AlertState::Acknowledged => at,
            AlertState::Resolved => ended.or(at),
        };
        // When it came in is no instant of an alert: told again it would be another.
        let earliest = started.or(observed).ok_or_else(|| {
            let fields = [
                ("started", fields.started.as_ref()),
                ("ended", fields.ended.as_ref()),
                ("at", fields.at.as_ref()),
            ];
            item.without_instant(&fields)
        })?;
        Ok(Self {
            started: earliest,
            start_is_told: started.is_some() || state == AlertState::Firing,
            observed,
        })
    }

    fn confidence(&self) -> Confidence {
        if self.start_is_told && self.observed.is_some() {
            Confidence::Reported
        } else {
            Confidence::Inferred
        }
    }
}
