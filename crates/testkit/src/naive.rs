//! The script that people use today, to show beside ripcord where it goes wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::output::Output;
use crate::scratch::Scratch;

const SCRIPT: &str = r#"SERVICE=$1
ENVIRONMENT=${2:-production}
LAST_DEPLOY=$(git log --oneline --grep="deploy: $SERVICE" -1 --format="%H")
git revert "$LAST_DEPLOY" --no-edit
git push
"#;

/// Whether the shell stops at the first failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Every line runs, whatever the one before did.
    Plain,
    /// With `set -euo pipefail`.
    Strict,
}

/// An emergency rollback script: find the last deploy by its subject, revert it, push.
#[derive(Debug)]
pub struct NaiveScript {
    scratch: Scratch,
    file: PathBuf,
}

impl NaiveScript {
    /// Writes the script into the scratch folder.
    pub fn new(scratch: &Scratch, strictness: Strictness) -> Result<Self> {
        let (name, options) = match strictness {
            Strictness::Plain => ("rollback-plain.sh", ""),
            Strictness::Strict => ("rollback-strict.sh", "set -euo pipefail\n"),
        };
        let file = scratch.path().join(name);
        fs::write(&file, format!("#!/bin/bash\n{options}{SCRIPT}"))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        Ok(Self {
            scratch: scratch.clone(),
            file,
        })
    }

    /// The script's file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Runs it in a clone with a work tree: `args` are the service and, if given, the environment.
    pub fn run(&self, clone: &Path, args: &[&str]) -> Result<Output> {
        // Through bash: a file that was only just written may still be busy for exec.
        let mut command = self.scratch.command("bash");
        command.arg(&self.file).args(args).current_dir(clone);
        let output = command.output().context("cannot run bash")?;
        Ok(Output::new(&command, &output))
    }
}
