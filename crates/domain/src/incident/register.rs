//! Values that come to the same whatever order their sources report in.
//!
//! Webhooks arrive late, twice and in any order, so what an incident knows is never "the last that came in".
//! Each value here is a choice by the instant that its source gives, and by the event's id where two give the
//! same: taking in the same reports in any order, any number of times, leaves the same value.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::EventId;

/// A value with the instant that its source gives it, and the event that said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dated<T> {
    /// When it was so.
    pub at: Timestamp,
    /// Which event said so.
    pub event: EventId,
    /// What was said.
    pub value: T,
}

impl<T> Dated<T> {
    fn order(&self) -> (Timestamp, &EventId) {
        (self.at, &self.event)
    }
}

/// Keeps the earliest: what happened once and is told again must not move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct First<T>(pub Option<Dated<T>>);

/// Keeps the latest: how something stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Last<T>(pub Option<Dated<T>>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Last<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> First<T> {
    /// Takes in a report; whether the value is another one now.
    pub fn take(&mut self, report: Dated<T>) -> bool {
        let keeps = (self.0.as_ref()).is_some_and(|known| known.order() <= report.order());
        if !keeps {
            self.0 = Some(report);
        }
        !keeps
    }

    /// When, if it was reported.
    pub fn at(&self) -> Option<Timestamp> {
        self.0.as_ref().map(|known| known.at)
    }

    /// Takes in what another one knows.
    pub fn merge(&mut self, other: Self) {
        if let Some(report) = other.0 {
            self.take(report);
        }
    }
}

impl<T> Last<T> {
    /// Takes in a report; whether the value is another one now.
    pub fn take(&mut self, report: Dated<T>) -> bool {
        let keeps = (self.0.as_ref()).is_some_and(|known| known.order() >= report.order());
        if !keeps {
            self.0 = Some(report);
        }
        !keeps
    }

    /// When, if it was reported.
    pub fn at(&self) -> Option<Timestamp> {
        self.0.as_ref().map(|known| known.at)
    }

    /// What was said last.
    pub fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|known| &known.value)
    }

    /// Takes in what another one knows.
    pub fn merge(&mut self, other: Self) {
        if let Some(report) = other.0 {
            self.take(report);
        }
    }
}
