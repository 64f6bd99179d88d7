//! `incident sync`.

use ripcord_casebook::CaseError;
use ripcord_client::Server;
use ripcord_domain::Problem;
use ripcord_domain::incident::event::{Event, SourceKind};
use ripcord_store::{EventNumber, Records};
use schemars::JsonSchema;
use serde::Serialize;

use crate::render::{Output, incident as screen};

/// How many events are read, and sent at the most, at a time: with long notes still less than a call may have.
const AT_ONCE: u32 = 200;

/// What a server was told.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Synced {
    /// The number of the JSON form.
    pub(crate) schema: u32,
    /// The server.
    pub(crate) server: String,
    /// How many events it was told, or would be.
    pub(crate) events: usize,
    /// Nothing was sent.
    pub(crate) dry_run: bool,
}

pub(super) fn run(
    server: &Server,
    records: &mut dyn Records,
    dry_run: bool,
    output: &mut Output,
) -> Result<(), Problem> {
    let events = if dry_run {
        waiting(server, records)?
    } else {
        tell(server, records)?
    };
    let synced = Synced {
        schema: ripcord_casebook::SCHEMA,
        server: server.name().to_owned(),
        events,
        dry_run,
    };
    output.value(&synced, |screen| screen::synced(screen, &synced));
    Ok(())
}

/// Tells a server what it was not told yet, oldest first; how many events.
pub(crate) fn tell(server: &Server, records: &mut dyn Records) -> Result<usize, Problem> {
    let runtime = ripcord_runbook::runtime()?;
    each(server, records, |records, events, until| {
        if !events.is_empty() {
            runtime.block_on(server.tell(events))?;
        }
        // Not before the server has said that it has them.
        Ok(records
            .pass_on(server.name(), until)
            .map_err(CaseError::from)?)
    })
}

fn waiting(server: &Server, records: &mut dyn Records) -> Result<usize, Problem> {
    each(server, records, |_, _, _| Ok(()))
}

/// Goes through what a server was not told; how many events there were.
fn each(
    server: &Server,
    records: &mut dyn Records,
    mut with: impl FnMut(&mut dyn Records, &[Event], EventNumber) -> Result<(), Problem>,
) -> Result<usize, Problem> {
    let mut told = records.passed_on(server.name()).map_err(CaseError::from)?;
    let mut count = 0;
    loop {
        let next = records.events_after(told, AT_ONCE);
        let next = next.map_err(CaseError::from)?;
        let Some(&(last, _)) = next.last() else {
            return Ok(count);
        };
        let ours: Vec<Event> = next
            .into_iter()
            .map(|(_, event)| event)
            .filter(is_ours)
            .collect();
        with(records, &ours, last)?;
        count += ours.len();
        told = last;
    }
}

/// What this machine said or read itself; what other systems told is theirs to tell.
fn is_ours(event: &Event) -> bool {
    matches!(event.source.kind, SourceKind::Ripcord | SourceKind::Git)
}
