//! The time that is counted over.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From an instant to another one, the end left out, so that periods that follow each other share nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// From.
    pub from: Timestamp,
    /// To; what is exactly then is in the next period.
    pub to: Timestamp,
}

impl Period {
    /// Whether an instant is in it.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// How long it is.
    pub fn length(&self) -> SignedDuration {
        self.to.duration_since(self.from)
    }

    /// The period of the same length that ends where this one begins.
    #[must_use]
    pub fn before(&self) -> Self {
        let from = self.from.checked_sub(self.length());
        Self {
            from: from.unwrap_or(Timestamp::MIN),
            to: self.from,
        }
    }

    /// What of it is over at an instant.
    pub(crate) fn until(&self, at: Timestamp) -> Self {
        Self {
            from: self.from,
            to: self.to.min(at).max(self.from),
        }
    }
}
