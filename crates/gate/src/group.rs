//! Groups of processes, each ended as a whole: what a command starts itself has no business after it.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// What runs now, of all gates of this process: a signal ends it all.
static RUNNING: Mutex<Running> = Mutex::new(Running {
    groups: Vec::new(),
    ended_by: None,
});

struct Running {
    groups: Vec<Pid>,
    /// The signal that ended it. Nothing is started after that.
    ended_by: Option<&'static str>,
}

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A command with all that it starts. It ends with this value at the latest.
pub(crate) struct Group {
    pub(crate) child: Child,
    id: Pid,
}

impl Group {
    /// Starts a command in a group of its own.
    ///
    /// # Errors
    /// It cannot be started, or the gate was ended by a signal.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        // The lock is held meanwhile: no signal may come between a start and its note.
        let mut running = running();
        if let Some(signal) = running.ended_by {
            let why = format!("the gate was ended by {signal}");
            return Err(io::Error::new(io::ErrorKind::Interrupted, why));
        }
        let child = command.process_group(0).spawn()?;
        let id = Pid::from_child(&child);
        running.groups.push(id);
        Ok(Self { child, id })
    }

    /// Ends all of it.
    pub(crate) fn end(&mut self) {
        let _ = kill_process_group(self.id, Signal::KILL);
        // It may have left its own group, and must not be waited for then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        running().groups.retain(|id| *id != self.id);
    }
}

/// Ends everything that runs, and lets nothing start any more.
pub(crate) fn end_all(signal: &'static str) {
    let mut running = running();
    running.ended_by.get_or_insert(signal);
    for group in &running.groups {
        let _ = kill_process_group(*group, Signal::KILL);
    }
}

/// The signal that ended the gate, if one did.
pub(crate) fn ended_by() -> Option<&'static str> {
    running().ended_by
}
