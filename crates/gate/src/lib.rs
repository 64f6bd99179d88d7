//! The gate of a hotfix: what its policy asks for, run here, ended by its time box, and written down.
//!
//! Checks and the scan of the sources run at once; then the image is built, scanned, and signed if the scan lets it.
//! Nothing is ever "failed, so skipped": a scan that says nothing stops the hotfix unless a person decides, and
//! that decision is in the record.

mod command;
mod defaults;
mod group;
mod report;
mod run;
mod scan;
mod secrets;
mod signals;

pub use defaults::unit_tests;
pub use report::{Report, read_grype, read_osv, read_sarif, read_trivy};
pub use run::{Event, Gate, run};
