//! A runner for the forge's Actions: takes jobs from Gitea and runs them on this machine by act.
//!
//! Steps begin in an empty folder. `actions/checkout`, whatever the version, is a stand-in that fetches from
//! the forge with the job's token (`testbed/actions/checkout`); other actions must be given as folders.
//! `services:` and containers are not there.

mod payload;
mod protocol;
mod task;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::protocol::Registered;
use self::task::Task;
use crate::act::{Act, LABEL};
use crate::bed::Testbed;
use crate::forge;

/// How often the forge is asked for a task.
const FETCH_EVERY: Duration = Duration::from_millis(100);

/// What a runner shall be.
#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// What it is called.
    pub name: String,
    /// What jobs may say that they run on.
    pub labels: Vec<String>,
    /// Folders of actions: `owner/name@ref`, or `owner/name` for every version.
    pub actions: BTreeMap<String, PathBuf>,
    /// Folders whose programs steps find before those of the machine.
    pub programs: Vec<PathBuf>,
}

impl Default for RunnerOptions {
    /// One for `ubuntu-latest`.
    fn default() -> Self {
        Self {
            name: "testbed".to_owned(),
            labels: vec![LABEL.to_owned()],
            actions: BTreeMap::new(),
            programs: Vec::new(),
        }
    }
}

/// A runner, which does one job at a time. It stops when dropped, in the middle of a job as a machine that
/// is switched off: the forge hears nothing of it.
pub struct Runner<'a> {
    // It works with the testbed's own clients.
    _bed: &'a Testbed,
    // Dropped to stop the thread.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Testbed {
    /// Starts a runner for the forge's Actions. More than one can work at the same time.
    ///
    /// # Errors
    /// There is no forge or act in this testbed; the forge does not take the runner.
    pub fn runner(&self, options: RunnerOptions) -> Result<Runner<'_>> {
        let forge = self.forge()?.url().to_owned();
        let act = Act::new(self.tools())?;
        let token = forge::runner_token(self.main().site(), &self.path())?;
        let registered = Registered::new(
            self.handle(),
            self.http(),
            &forge,
            &token,
            &options.name,
            &options.labels,
        )?;
        let (stop, stopped) = mpsc::channel();
        let trouble = Arc::new(Mutex::new(None));
        let told = Arc::clone(&trouble);
        let thread = std::thread::Builder::new()
            .name("testbed-runner".into())
            .spawn(move || work(&registered, &act, &options, &stopped, &told))
            .context("cannot start a thread")?;
        Ok(Runner {
            _bed: self,
            stop: Some(stop),
            thread: Some(thread),
            trouble,
        })
    }
}

impl Runner<'_> {
    /// What the runner and the forge last did not agree on: the forge was down, or refused something. None
    /// when all is well.
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It has told its trouble already.
            let _ = thread.join();
        }
    }
}

/// Does one task after another until it is stopped.
fn work(
    forge: &Registered,
    act: &Act,
    options: &RunnerOptions,
    stopped: &mpsc::Receiver<()>,
    trouble: &Mutex<Option<String>>,
) {
    let is_stopped = || stopped.try_recv() == Err(TryRecvError::Disconnected);
    while stopped.recv_timeout(FETCH_EVERY) == Err(RecvTimeoutError::Timeout) {
        let done = forge.fetch().and_then(|task| match task {
            Some(task) => Task::new(forge, task).run(act, options, &is_stopped),
            None => Ok(()),
        });
        if let Err(error) = done {
            let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
            *trouble = Some(format!("{error:#}"));
        }
    }
}
