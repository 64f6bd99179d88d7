//! What a scanner knows: a database for Grype or Trivy that holds what a test says, as old as it says.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::tools::Toolbox;

/// A vulnerability that the database shall know.
#[derive(Clone, Debug, Serialize)]
pub struct Vulnerability {
    /// What a finding shows, such as `GHSA-mh6f-8j2x-4483`.
    pub id: String,
    /// Its other name, such as `CVE-2018-1000851`.
    pub cve: String,
    /// The kind of package: `npm`, `go-module`, `java-archive`.
    pub ecosystem: String,
    /// The name of the package.
    pub package: String,
    /// Which versions have it: `< 3.3.7`.
    pub affected: String,
    /// The first version without it; empty when there is none.
    pub fixed: String,
    /// `critical`, `high`, `medium`, `low` or `negligible`.
    pub severity: String,
    /// One sentence.
    pub description: String,
}

impl Vulnerability {
    /// The one that came into `event-stream` with a new maintainer: critical, of npm, in 3.3.6, gone in
    /// 3.3.7.
    pub fn event_stream() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            id: text("GHSA-mh6f-8j2x-4483"),
            cve: text("CVE-2018-1000851"),
            ecosystem: text("npm"),
            package: text("event-stream"),
            affected: text("= 3.3.6"),
            fixed: text("3.3.7"),
            severity: text("critical"),
            description: text("A dependency of event-stream takes wallets."),
        }
    }

    /// The lock file of an npm project that depends on one version of the package and nothing else.
    pub fn lock_file(&self, version: &str) -> String {
        npm_lock_file(&[(&self.package, version)])
    }
}

/// The lock file of an npm project that depends on these packages, each by name and version, and nothing else:
/// `package-lock.json`, as scanners read it.
pub fn npm_lock_file(packages: &[(&str, &str)]) -> String {
    let wanted: BTreeMap<&str, &str> = packages.iter().copied().collect();
    let mut all = json!({"": {"name": "app", "version": "1.0.0", "dependencies": wanted}});
    for (name, version) in packages {
        all[format!("node_modules/{name}")] = json!({
            "version": version,
            "resolved": format!("https://registry.npmjs.org/{name}/-/{name}-{version}.tgz"),
        });
    }
    json!({
        "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": all,
    })
    .to_string()
}

/// Writes a database for Grype into a folder, which is what `GRYPE_DB_CACHE_DIR` names. It says that it
/// was built at `built`; Grype refuses one that is older than five days. One that is there is replaced.
///
/// Grype asks the network unless `GRYPE_DB_AUTO_UPDATE` and `GRYPE_CHECK_FOR_APP_UPDATE` are `false`.
///
/// # Errors
/// The tools of [`crate::tools::Group::Ci`] were not prepared; the folder cannot be written.
pub fn write_grype_database(
    tools: &Toolbox,
    folder: &Path,
    built: Timestamp,
    known: &[Vulnerability],
) -> Result<()> {
    write_database(tools, "grype-db-writer", folder, built, known)
}

/// The same for Trivy, whose `TRIVY_CACHE_DIR` names the folder. For a day after `built` Trivy asks nobody for
/// a newer one.
///
/// # Errors
/// As of [`write_grype_database`]; a severity that Trivy does not know.
pub fn write_trivy_database(
    tools: &Toolbox,
    folder: &Path,
    built: Timestamp,
    known: &[Vulnerability],
) -> Result<()> {
    write_database(tools, "trivy-db-writer", folder, built, known)
}

fn write_database(
    tools: &Toolbox,
    program: &str,
    folder: &Path,
    built: Timestamp,
    known: &[Vulnerability],
) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", folder.display()));
        }
        _ => {}
    }
    let mut writer = Command::new(tools.program(program)?)
        .args(["-built", &built.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} could not be started"))?;
    if let Some(mut input) = writer.stdin.take() {
        // When it does not read, it says why below.
        let _ = input.write_all(serde_json::to_string(known)?.as_bytes());
    }
    let output = writer.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", said.trim());
    Ok(())
}
