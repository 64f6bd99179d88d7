//! The gate of a hotfix: reduced on purpose, never skipped.
//!
//! What it asks for is policy of the service's own repository; what it found is a record that travels with the
//! image. Four results of a scan are told apart: something was found, the scanner failed, its database is too
//! old, nothing was looked at.

mod policy;
mod record;

pub use policy::{
    Build, CheckPolicy, Command, GatePolicy, NormalCheck, Scan, Scanner, Severity, Sign,
};
pub use record::{Checked, FOUND_MOST, Finding, Override, Record, SCHEMA, Skipped, Tool, Verdict};
