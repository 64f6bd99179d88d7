//! The figures of delivery, counted from recorded incidents and deploys: deployment frequency, change lead time, change
//! fail rate, failed deployment recovery time and deployment rework rate.
//!
//! [`Metrics::of`] counts them, each application (a service in an environment) by itself: figures of several are never
//! added up. Each figure carries the words that define it and one row for every deployment and incident that it
//! counts or leaves out, with the reason; its value is computed from those rows alone. [`text`] shows them, [`csv()`]
//! writes the rows.
//!
//! What the figures rest on:
//!
//! - A deployment is charged with an incident only where a person said so or somebody went back from it; that it was the
//!   last one before the alert is no reason. What is only suspected is undecided and in no ratio.
//! - A span has two recorded ends, and all spans of a figure begin by the same clock. What is not over is shown as that.
//! - With an interval that leaves it open, nothing is called better or worse.
//!
//! No I/O and no clock: the same incidents and deploys, in any order and told twice, give the same bytes.

mod cause;
mod compare;
mod definition;
mod figure;
mod history;
mod judge;
mod metrics;
mod period;
mod reason;
mod request;
mod rollout;
mod span;
mod statistics;
mod table;
pub mod text;
mod value;

pub use compare::{Before, Verdict};
pub use figure::{About, Counts, Figure, Measure, Row};
pub use judge::{Because, Outcome};
pub use metrics::{Application, Deployment, Metrics, SCHEMA};
pub use period::Period;
pub use reason::Reason;
pub use request::{Doubt, Request, Rules};
pub use rollout::Kind;
pub use statistics::{FEWEST, Interval};
pub use table::{CsvError, csv};
pub use value::Value;
