//! Bodies of systems that are not known here, read by the mapping of their source.
//!
//! What is missing, or is of another kind than it must be, is told with its path, what the path gave and what was
//! expected, so that a mapping can be made by trying it.

mod alert;
mod deploy;
mod pick;
#[cfg(test)]
#[path = "generic_tests.rs"]
mod tests;

use ripcord_domain::incident::event::Event;
use serde_json::Value;

use crate::mapping::body::{Body, Path};
use crate::shape::shown;
use crate::understand::{Arrival, NotUnderstood, Told, Understood};
use pick::Item;

/// Reads a body.
pub(crate) fn read(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let Some(mapping) = &arrival.mapping.body else {
        let why = "it says nothing of it: `body` is not there";
        return Err(NotUnderstood::NotMapped(why.to_owned()));
    };
    let each = match mapping {
        Body::Alert(fields) => fields.each.as_ref(),
        Body::Deploy(fields) => fields.each.as_ref(),
    };
    let items = items(each, body).map_err(NotUnderstood::NotMapped)?;
    let are_several = items.len() > 1;
    let (mut told, mut silent) = (Told::default(), None);
    for (at, item) in items.into_iter().enumerate() {
        let read = match mapping {
            Body::Alert(fields) => alert::read(arrival, fields, Item(item)),
            Body::Deploy(fields) => deploy::read(arrival, fields, Item(item)),
        };
        match read {
            Ok(Said::Event(event)) => told.events.push(*event),
            Ok(Said::Nothing(why)) => silent = Some(why),
            Err(why) if are_several => told.passed_over.push(format!("number {}: {why}", at + 1)),
            Err(why) => told.passed_over.push(why),
        }
    }
    if !told.events.is_empty() {
        return Ok(Understood::Told(told));
    }
    if let Some(why) = told.passed_over.into_iter().next() {
        return Err(NotUnderstood::NotMapped(why));
    }
    let silent = silent.unwrap_or_else(|| "it tells of nothing".to_owned());
    Ok(Understood::Nothing(silent))
}

/// What one of the things that a body tells of says.
enum Said {
    Event(Box<Event>),
    /// Nothing, and why.
    Nothing(String),
}

/// What a body tells of, one by one.
fn items<'v>(each: Option<&Path>, body: &'v Value) -> Result<Vec<&'v Value>, String> {
    let found = match each {
        None => vec![body],
        Some(path) => path.all(body),
    };
    match (found.as_slice(), each) {
        ([Value::Array(list)], _) => Ok(list.iter().collect()),
        ([], Some(path)) if !path.chooses() => Err(format!(
            "`each`: the path `{path}` gave nothing of {}; expected a list",
            shown(body)
        )),
        _ => Ok(found),
    }
}
