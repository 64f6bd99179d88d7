//! What nobody says: that something is due and not done, and that an incident is over.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ripcord_domain::incident::deadline::{Deadline, Task};
use ripcord_domain::incident::event::{
    Confidence, Event, EventId, Fact, IncidentId, Source, SourceKind,
};
use ripcord_domain::incident::{Incident, State};
use ripcord_store::{Records, StoreError, filing};

use crate::fresh;

/// How many incidents are looked at, the newest first. What is older was looked at when it was new.
const LOOKED_AT: u32 = 500;

/// For how long after it was due a reminder still helps anybody.
const TOO_LATE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Who looks, when, and by what rules.
#[derive(Clone, Debug)]
pub struct Minding<'a> {
    /// What the server is called.
    pub place: &'a str,
    /// The time zone of the team: working days are theirs.
    pub zone: &'a TimeZone,
    /// For how long nothing may have happened before an incident of which nothing is missing is closed; none: it
    /// is closed by people only.
    pub close_after: Option<SignedDuration>,
    /// Now.
    pub now: Timestamp,
    /// From chance.
    pub chance: u128,
}

/// Reminds of what is due and not done, once of each, and closes what is over. The events that were filed.
///
/// Servers that share records may look at the same time: what they write has the same ids.
///
/// # Errors
/// The records cannot be read or written; nothing was.
pub fn mind(records: &mut dyn Records, by: &Minding<'_>) -> Result<Vec<Event>, StoreError> {
    let incidents = records.incidents(LOOKED_AT)?;
    let events: Vec<Event> = incidents
        .iter()
        .flat_map(|incident| due(incident, by).into_iter().chain(over(incident, by)))
        .collect();
    if !events.is_empty() {
        filing::file(records, &events, || fresh(by.chance))?;
    }
    Ok(events)
}

fn due(incident: &Incident, by: &Minding<'_>) -> Vec<Event> {
    let is_closed = incident.state() == State::Closed;
    let is_to_be_said = |deadline: &Deadline| {
        deadline.is_overdue(by.now)
            && by.now.duration_since(deadline.due) <= TOO_LATE
            && !incident.reminded.contains_key(&deadline.task)
            // Of what is over only the review is left to be done.
            && (!is_closed || deadline.task == Task::Review)
    };
    let deadlines = incident.deadlines(by.zone).into_iter();
    let said = deadlines.filter(is_to_be_said).map(|deadline| {
        let fact = Fact::Reminded {
            deadline: deadline.task,
        };
        let id = format!("reminded/{}/{:?}", incident.id, deadline.task);
        event(id, &incident.id, fact, by)
    });
    said.collect()
}

fn over(incident: &Incident, by: &Minding<'_>) -> Option<Event> {
    let (after, latest) = (by.close_after?, incident.latest?);
    if incident.state() != State::Quiet || by.now.duration_since(latest) < after {
        return None;
    }
    let fact = Fact::Closed {
        why: format!(
            "every alert is quiet, every recovery holds, and nothing happened for {} minutes",
            after.as_mins()
        ),
        although: Vec::new(),
    };
    let id = format!("over/{}/{latest}", incident.id);
    Some(event(id, &incident.id, fact, by))
}

fn event(id: String, incident: &IncidentId, fact: Fact, by: &Minding<'_>) -> Event {
    Event {
        id: EventId::new(id),
        observed: by.now,
        received: by.now,
        source: Source {
            kind: SourceKind::Ripcord,
            name: by.place.to_owned(),
        },
        confidence: Confidence::Observed,
        incident: Some(incident.clone()),
        concern: None,
        link: None,
        author: None,
        fact,
    }
}
