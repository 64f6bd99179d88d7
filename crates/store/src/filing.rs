//! What is to be written of events that came in: which incident each belongs to, as the domain decides.

use std::collections::BTreeSet;

use ripcord_domain::incident::Incident;
use ripcord_domain::incident::event::{Event, EventId, IncidentId};
use ripcord_domain::incident::joining::{Belongs, belongs, keys_of};

use crate::{DeliveryNumber, Records, StoreError};

/// What is to be written in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filing {
    /// The version of the records that it was decided on.
    pub version: i64,
    /// New events, with the incident each is filed under; none is production's own.
    pub events: Vec<(Option<IncidentId>, Event)>,
    /// Events that were kept before their incident was known, and that incident.
    pub found: Vec<(EventId, IncidentId)>,
    /// Incidents that are new or changed.
    pub incidents: Vec<Incident>,
    /// Incidents that turned out to be another one: theirs are its events from now on.
    pub merged: Vec<(IncidentId, IncidentId)>,
    /// Deliveries that are done.
    pub understood: Vec<DeliveryNumber>,
    /// Deliveries that were not understood, and why.
    pub dead: Vec<(DeliveryNumber, String)>,
}

/// Files events, again where somebody else filed meanwhile. `fresh` gives an id that no incident has.
///
/// # Errors
/// The records cannot be read or written; nothing was.
pub fn file(
    records: &mut dyn Records,
    events: &[Event],
    fresh: impl FnMut() -> IncidentId,
) -> Result<(), StoreError> {
    file_with(records, events, &[], &[], fresh)
}

/// Files events together with the deliveries that they came from: those that are done, and those of which nothing
/// could be made.
///
/// # Errors
/// The records cannot be read or written; nothing was.
pub fn file_with(
    records: &mut dyn Records,
    events: &[Event],
    understood: &[DeliveryNumber],
    dead: &[(DeliveryNumber, String)],
    mut fresh: impl FnMut() -> IncidentId,
) -> Result<(), StoreError> {
    loop {
        let mut filing = decide(records, events.to_vec(), &mut fresh)?;
        filing.understood = understood.to_vec();
        filing.dead = dead.to_vec();
        match records.file(&filing) {
            Err(StoreError::Overtaken) => {}
            done => return done,
        }
    }
}

/// Says what is to be written of events. `fresh` gives an id that no incident has.
///
/// # Errors
/// What is known cannot be read.
pub fn decide(
    records: &mut dyn Records,
    events: Vec<Event>,
    mut fresh: impl FnMut() -> IncidentId,
) -> Result<Filing, StoreError> {
    let version = records.version()?;
    let keys: BTreeSet<_> = events.iter().flat_map(keys_of).collect();
    let mut told = records.told(&events)?;
    let mut known = records.known(&keys)?;
    let mut filing = Filing {
        version,
        ..Filing::default()
    };
    let mut changed: BTreeSet<IncidentId> = BTreeSet::new();
    for event in events {
        if !told.insert(event.id.as_str().to_owned()) {
            continue;
        }
        let into = match belongs(&event, &known) {
            Belongs::ToProduction | Belongs::Unknown(_) => {
                filing.events.push((None, event));
                continue;
            }
            Belongs::ToNew => {
                // A command line without a server chose the id already.
                let id = event.incident.clone().unwrap_or_else(&mut fresh);
                let mut new = Incident::new(id.clone());
                for early in records.waiting_for(&id)? {
                    new.absorb(&early);
                    filing.found.push((early.id, id.clone()));
                }
                known.push(new);
                id
            }
            Belongs::To { incident, same } => {
                let (parts, rest): (Vec<_>, Vec<_>) =
                    known.into_iter().partition(|one| same.contains(&one.id));
                known = rest;
                for part in parts {
                    filing.merged.push((part.id.clone(), incident.clone()));
                    if let Some(into) = known.iter_mut().find(|one| one.id == incident) {
                        into.names.insert(part.id.as_str().to_owned());
                        into.merge(part);
                    }
                }
                incident
            }
        };
        if let Some(incident) = known.iter_mut().find(|one| one.id == into) {
            if let Some(meant) = event.incident.as_ref().filter(|meant| **meant != into) {
                incident.names.insert(meant.as_str().to_owned());
            }
            incident.absorb(&event);
            changed.insert(into.clone());
        }
        filing.events.push((Some(into), event));
    }
    for (gone, into) in &filing.merged {
        for (incident, _) in &mut filing.events {
            if incident.as_ref() == Some(gone) {
                *incident = Some(into.clone());
            }
        }
    }
    // Those that were merged into another one are not known any more.
    known.retain(|incident| changed.contains(&incident.id));
    filing.incidents = known;
    Ok(filing)
}
