//! How instants, documents and the states of deliveries are written, the same in every kind of database.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// It waits to be understood.
pub(crate) const WAITING: i64 = 0;
/// Its events are kept.
pub(crate) const UNDERSTOOD: i64 = 1;
/// It was not understood.
pub(crate) const DEAD: i64 = 2;

/// Microseconds since 1970 in UTC, so that instants compare and sort as numbers.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The instant that was written as microseconds.
pub(crate) fn instant(micros: i64) -> Result<Timestamp, jiff::Error> {
    Timestamp::from_microsecond(micros)
}

/// JSON of an event, an incident or headers. It holds no NUL, which is escaped.
pub(crate) fn written<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string(value)
}

/// What was written as JSON.
pub(crate) fn parsed<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}
