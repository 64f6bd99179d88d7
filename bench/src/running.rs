//! A run of ripcord, and when it said what.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Steps by which ripcord changes what runs.
const CHANGES: [&str; 3] = ["undo", "abort", "sync_old"];

/// A process whose lines are noted as they come. It is killed when dropped.
pub(crate) struct Running {
    child: Child,
    started: Instant,
    reader: Option<JoinHandle<Vec<(Instant, String)>>>,
}

/// A process that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    started: Instant,
    lines: Vec<(Instant, String)>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("ripcord could not be started")?;
        let stdout = child.stdout.take().context("no pipe")?;
        Ok(Self {
            child,
            started,
            reader: Some(std::thread::spawn(move || noted(stdout))),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Whether it has ended, and otherwise than it should.
    pub(crate) fn has_failed(&mut self, expected: i32) -> Result<bool> {
        let status = self.child.try_wait()?;
        Ok(status.is_some_and(|status| status.code() != Some(expected)))
    }

    /// Waits for its end; it is killed when that does not come in time.
    pub(crate) fn wait_within(mut self, limit: Duration) -> Result<Ended> {
        while !self.has_ended()? {
            if self.started.elapsed() > limit {
                self.child.kill()?;
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.wait()
    }

    fn wait(mut self) -> Result<Ended> {
        let status = self.child.wait()?;
        let reader = self.reader.take().context("waited for already")?;
        let Ok(lines) = reader.join() else {
            bail!("the reader panicked");
        };
        Ok(Ended {
            code: status.code(),
            started: self.started,
            lines,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn noted(stdout: ChildStdout) -> Vec<(Instant, String)> {
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    lines.map(|line| (Instant::now(), line)).collect()
}

impl Ended {
    /// When it said first that a step of these kinds was done, in seconds from its start.
    fn done(&self, kinds: &[&str]) -> Option<f64> {
        let is_it = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            let step = &event["step"];
            step["state"] == "done" && kinds.iter().any(|kind| step["kind"] == *kind)
        };
        let found = self.lines.iter().find(|(_, line)| is_it(line));
        found.map(|(at, _)| at.duration_since(self.started).as_secs_f64())
    }

    /// When it had changed what runs.
    pub(crate) fn changed(&self) -> Option<f64> {
        self.done(&CHANGES)
    }

    /// When its commit was on the branch.
    pub(crate) fn pushed(&self) -> Option<f64> {
        self.done(&["push"])
    }

    /// What it said, without the plan and the receipt, which are long.
    pub(crate) fn said(&self) -> String {
        const LONGEST: usize = 600;
        let lines = self.lines.iter().map(|(_, line)| line.as_str());
        let short: Vec<&str> = lines.filter(|line| line.len() < LONGEST).collect();
        short.join("\n")
    }
}
