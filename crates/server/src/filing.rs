//! Understands what was kept, and files it under its incidents.

use ripcord_domain::incident::event::IncidentId;
use ripcord_intake::{Headers, Understood, understand};
use ripcord_store::{Delivery, Records, StoreError, filing};

use crate::source::Sources;

/// How many deliveries are understood in one transaction at the most.
const AT_ONCE: u32 = 200;

/// Understands and files deliveries that wait; how many. Those of which nothing can be made become dead letters.
///
/// # Errors
/// The records cannot be read or written; nothing is lost, and the next call does the same again.
pub fn file_waiting(
    records: &mut dyn Records,
    sources: &Sources,
    mut fresh: impl FnMut() -> IncidentId,
) -> Result<usize, StoreError> {
    let waiting = records.waiting(AT_ONCE)?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let (mut events, mut understood, mut dead) = (Vec::new(), Vec::new(), Vec::new());
    for (number, delivery) in &waiting {
        match read(sources, delivery) {
            Ok(Understood::Told(told)) => {
                events.extend(told.events);
                understood.push(*number);
            }
            Ok(Understood::Nothing(_)) => understood.push(*number),
            Err(why) => dead.push((*number, why)),
        }
    }
    filing::file_with(records, &events, &understood, &dead, &mut fresh)?;
    Ok(waiting.len())
}

fn read(sources: &Sources, delivery: &Delivery) -> Result<Understood, String> {
    let name = &delivery.source;
    let source = sources.get(name);
    let source = source.ok_or_else(|| format!("no source `{name}` is configured any more"))?;
    let headers = delivery.headers.iter();
    let headers: Vec<(&str, &str)> = headers
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mapping = &source.mapping;
    let read = understand(
        source.kind,
        name,
        mapping,
        Headers(&headers),
        &delivery.body,
        delivery.received,
    );
    read.map_err(|error| error.to_string())
}
