//! What a finished process left.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The whole result of a process. Its `Debug` form prints everything, for failing assertions.
#[must_use = "a test that does not look at the result proves nothing"]
#[derive(Clone)]
pub struct Output {
    /// The exit code; -1 when a signal ended the process.
    pub code: i32,
    /// Standard output. Bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Standard error. Bytes that are not UTF-8 are replaced.
    pub stderr: String,
    command: String,
}

impl Output {
    pub(crate) fn new(command: &std::process::Command, output: &std::process::Output) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let command = words
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command,
        }
    }

    /// Whether the process ended with 0.
    pub fn succeeded(&self) -> bool {
        self.code == 0
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("not JSON: {self:?}"))
    }

    /// Gives the output back if the exit code is this one.
    ///
    /// # Panics
    ///
    /// With everything the process printed, if it is another one.
    #[track_caller]
    pub fn assert_code(self, code: i32) -> Self {
        assert!(self.code == code, "expected exit code {code}: {self:?}");
        self
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
            command,
        } = self;
        write!(
            f,
            "\n$ {command}\nexit code {code}\n--- stdout\n{stdout}--- stderr\n{stderr}---\n"
        )
    }
}
