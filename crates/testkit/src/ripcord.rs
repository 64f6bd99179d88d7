//! The real binary, run as a person or a pipeline runs it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::output::Output;
use crate::scratch::Scratch;

/// How to run ripcord: each `run` and `spawn` starts one process with these settings.
#[derive(Debug)]
pub struct Ripcord {
    scratch: Scratch,
    binary: PathBuf,
    dir: PathBuf,
    variables: Vec<(String, String)>,
}

impl Ripcord {
    /// The binary at `binary`, in the environment of `scratch` and in its folder.
    ///
    /// Tests of the command line pass `env!("CARGO_BIN_EXE_ripcord")`. The clock stands at noon of
    /// the day of [`crate::FIXED_DATE`], a few hours after the default history.
    pub fn new(scratch: &Scratch, binary: impl Into<PathBuf>) -> Self {
        let dir = scratch.path().to_owned();
        let (scratch, binary) = (scratch.clone(), binary.into());
        Self {
            scratch,
            binary,
            dir,
            variables: vec![],
        }
        .at("2026-10-01T12:00:00Z")
    }

    /// Runs in this folder, such as a clone.
    #[must_use]
    pub fn in_dir(mut self, dir: impl AsRef<Path>) -> Self {
        dir.as_ref().clone_into(&mut self.dir);
        self
    }

    /// Sets a variable on top of the hermetic environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.variables
            .push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Fixes ripcord's clock to an RFC 3339 time.
    #[must_use]
    pub fn at(self, now: &str) -> Self {
        self.env("RIPCORD_NOW", now)
    }

    /// The command, for what the other methods do not offer.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.scratch.command(&self.binary);
        command
            .current_dir(&self.dir)
            .args(args)
            .stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Output> {
        let mut command = self.command(args);
        let output = command.output().with_context(|| self.missing())?;
        Ok(Output::new(&command, &output))
    }

    /// Starts it and does not wait: to kill it, or to run several at once.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Running> {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().with_context(|| self.missing())?;
        Ok(Running {
            child: Some(child),
            command,
        })
    }

    fn missing(&self) -> String {
        format!("cannot run {}", self.binary.display())
    }
}

/// A process that runs. It is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Option<Child>,
    command: Command,
}

impl Running {
    /// The process id, for signals other than KILL.
    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Ends it with SIGKILL, as a power cut would, and gives what it had printed.
    pub fn kill(mut self) -> Result<Output> {
        if let Some(child) = &mut self.child {
            child.kill()?;
        }
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Output> {
        let child = self.child.take().context("waited for already")?;
        let output = child.wait_with_output()?;
        Ok(Output::new(&self.command, &output))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
