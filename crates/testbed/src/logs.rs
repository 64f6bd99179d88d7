//! Where the logs of testbeds are found: `target/testbed/logs`. Those of a testbed that ended well are
//! removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};

/// How many testbeds that failed are remembered.
const KEPT: usize = 10;

/// Makes the folder for the logs of a testbed; the oldest of others are removed.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")),
        PathBuf::from,
    );
    let root = target.join("testbed").join("logs");
    fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let root = root.canonicalize()?;
    let mut old: Vec<(SystemTime, PathBuf)> = fs::read_dir(&root)?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    old.sort();
    for (_, path) in old.iter().rev().skip(KEPT) {
        // Another testbed may do the same at the same time.
        let _ = fs::remove_dir_all(path);
    }
    let folder = root.join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Says where the logs are, beside what a failed test says.
#[expect(
    clippy::print_stderr,
    reason = "a failed test has no other way to add a line"
)]
pub(crate) fn tell(logs: &Path) {
    eprintln!("the testbed's logs are in {}", logs.display());
}
