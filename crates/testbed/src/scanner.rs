//! What a scanner knows: a database for Grype that holds what a test says, as old as it says.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde::Serialize;

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

    /// The lock file of an npm project that depends on one version of the package and nothing else:
    /// `package-lock.json`, as Grype reads it.
    pub fn lock_file(&self, version: &str) -> String {
        let package = &self.package;
        serde_json::json!({
            "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
            "packages": {
                "": {"name": "app", "version": "1.0.0", "dependencies": {package: version}},
                format!("node_modules/{package}"): {
                    "version": version,
                    "resolved": format!("https://registry.npmjs.org/{package}/-/{package}-{version}.tgz"),
                },
            },
        })
        .to_string()
    }
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
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", folder.display()));
        }
        _ => {}
    }
    let mut writer = Command::new(tools.program("grype-db-writer")?)
        .args(["-built", &built.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("grype-db-writer could not be started")?;
    if let Some(mut input) = writer.stdin.take() {
        // When it does not read, it says why below.
        let _ = input.write_all(serde_json::to_string(known)?.as_bytes());
    }
    let output = writer.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "grype-db-writer: {}", said.trim());
    Ok(())
}
