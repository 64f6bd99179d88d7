//! Files that can be read in one sitting, and names that say something.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Lines above which a file is several files.
const MOST: usize = 600;
/// Names that would take in anything.
const DRAWERS: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "manager",
];

/// Fails with every file that is too long or named like a drawer.
pub(crate) fn check(root: &Path) -> Result<()> {
    let listed = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root)
        .output()
        .context("git could not be started")?;
    let mut wrong = Vec::new();
    for name in String::from_utf8_lossy(&listed.stdout).lines() {
        let Ok(text) = std::fs::read_to_string(root.join(name)) else {
            continue;
        };
        let lines = text.lines().count();
        if lines > MOST {
            wrong.push(format!("{name} has {lines} lines, more than {MOST}"));
        }
        let stem = name
            .rsplit('/')
            .next()
            .unwrap_or(name)
            .trim_end_matches(".rs");
        if DRAWERS.contains(&stem) {
            wrong.push(format!("{name}: `{stem}` says nothing about its job"));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        bail!("sizes:\n  {}", wrong.join("\n  "))
    }
}
