//! Files in the tree that the program itself prints.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

/// Writes `schemas/*.json`.
pub(crate) fn write(root: &Path) -> Result<()> {
    let folder = root.join("schemas");
    std::fs::create_dir_all(&folder)?;
    for name in ["plan", "status", "history", "init", "problem", "config"] {
        let output = Command::new("cargo")
            .args([
                "run", "-q", "--locked", "-p", "ripcord", "--", "schema", name,
            ])
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
