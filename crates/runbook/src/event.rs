//! What happens on the way, for who watches: a person or a program.

use std::sync::Arc;

use jiff::Timestamp;
use ripcord_domain::live::proof::Missing;
use ripcord_domain::recovery::{Recovery, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A recovery begins; the plan and the ways are in it.
    Begun {
        /// It.
        recovery: Box<Recovery>,
    },
    /// A step was begun or has ended.
    Step {
        /// The recovery.
        id: String,
        /// The step.
        step: Step,
        /// Seconds since the recovery began.
        seconds: f64,
    },
    /// What is waited for has changed.
    Waiting {
        /// The recovery.
        id: String,
        /// Each thing.
        missing: Vec<Missing>,
        /// Seconds since the recovery began.
        seconds: f64,
    },
    /// All pods are of the good version and ready, and none of the bad one is left.
    Good {
        /// The recovery.
        id: String,
        /// When.
        at: Timestamp,
        /// Seconds since the recovery began.
        seconds: f64,
    },
    /// Something that whoever watches should know.
    Note {
        /// The recovery.
        id: String,
        /// What.
        what: String,
        /// Seconds since the recovery began.
        seconds: f64,
    },
    /// It has ended.
    Ended {
        /// It, with its receipt.
        recovery: Box<Recovery>,
    },
}

/// Where events go. Two lanes speak at once.
pub type Sink = Arc<dyn Fn(&Event) + Send + Sync>;
