//! A run whose events are read while it goes on, to do something in the middle of it.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// When something is done: when a step has begun, or when it has ended well.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Begun,
    Ended,
}

/// A run that prints its events. It is killed when dropped.
pub(crate) struct Followed {
    child: Option<Child>,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it printed so far.
    pub(crate) events: Vec<Value>,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
}

impl Followed {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child: Some(child),
            lines,
            events: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Reads on until a step is there, unless it was before; fails if the run ends before.
    pub(crate) fn until(&mut self, step: &str, at: At) {
        let state = match at {
            At::Begun => "running",
            At::Ended => "done",
        };
        let is_it =
            |event: &Value| event["step"]["kind"] == step && event["step"]["state"] == state;
        let mut is_there = self.events.iter().any(is_it);
        while !is_there && let Some(event) = self.next() {
            is_there = is_it(&event);
        }
        assert!(is_there, "it ended before {step}: {:#?}", self.events);
    }

    fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.lines.next()?.unwrap();
            if let Ok(event) = serde_json::from_str::<Value>(&line) {
                self.events.push(event.clone());
                return Some(event);
            }
        }
    }

    /// Ends it as a loss of power would.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Reads on to its end.
    pub(crate) fn end(mut self) -> Ended {
        while self.next().is_some() {}
        let child = self.child.take().unwrap();
        let output = child.wait_with_output().unwrap();
        Ended {
            code: output.status.code(),
            events: std::mem::take(&mut self.events),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
