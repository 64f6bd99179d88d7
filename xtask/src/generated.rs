//! Files in the tree that the program itself prints.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

/// What `ripcord schema` can print.
const NAMES: [&str; 34] = [
    "plan",
    "status",
    "history",
    "init",
    "recovery",
    "event",
    "doctor",
    "drift",
    "problem",
    "guard",
    "quarantine",
    "release",
    "gate",
    "debts",
    "merge-back",
    "reland-check",
    "reland",
    "shipment",
    "started",
    "received",
    "payload",
    "pipeline",
    "pipeline-check",
    "incident",
    "incidents",
    "brief",
    "synced",
    "metrics",
    "tried",
    "dead-letters",
    "review",
    "settings",
    "config",
    "openapi",
];

/// Writes `schemas/*.json` as the built program prints them.
pub(crate) fn write(root: &Path, program: &Path) -> Result<()> {
    let folder = root.join("schemas");
    std::fs::create_dir_all(&folder)?;
    for name in NAMES {
        let output = Command::new(program)
            .args(["schema", name])
            .current_dir(root)
            .output()?;
        if !output.status.success() {
            bail!(
                "`ripcord schema {name}` failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        std::fs::write(folder.join(format!("{name}.json")), &output.stdout)?;
    }
    Ok(())
}
