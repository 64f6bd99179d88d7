//! A handle to one component.

use std::path::PathBuf;

use anyhow::Result;
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::process::Starter;

/// A component that can be stopped, paused, started again.
pub struct Part<'a> {
    cluster: &'a Cluster,
    starter: &'a Starter,
    runtime: &'a Runtime,
    name: &'a str,
}

impl<'a> Part<'a> {
    pub(crate) fn new(
        cluster: &'a Cluster,
        starter: &'a Starter,
        runtime: &'a Runtime,
        name: &'a str,
    ) -> Self {
        Self {
            cluster,
            starter,
            runtime,
            name,
        }
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Errors
    /// There is no such component.
    pub fn stop(&self) -> Result<()> {
        self.cluster.end(self.name, true)
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    /// There is no such component.
    pub fn kill(&self) -> Result<()> {
        self.cluster.end(self.name, false)
    }

    /// Starts it again and waits until it is ready.
    ///
    /// # Errors
    /// There is no such component, or it does not start.
    pub fn start(&self) -> Result<()> {
        self.cluster.launch_again(self.starter, self.name)?;
        self.runtime
            .block_on(self.cluster.wait_until_ready(self.name))
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// There is no such component, or it does not start.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.start()
    }

    /// Stops it in its tracks for a while; it goes on when the guard is dropped.
    ///
    /// # Errors
    /// There is no such component, or it is stopped.
    pub fn pause(&self) -> Result<Paused<'a>> {
        self.cluster
            .with_process(self.name, crate::process::Process::pause)?;
        Ok(Paused {
            cluster: self.cluster,
            name: self.name.to_owned(),
        })
    }

    /// The number of its process; none when it is stopped.
    pub fn process(&self) -> Option<u32> {
        let processes = self.cluster.processes();
        processes
            .into_iter()
            .find_map(|(name, id)| (name == self.name).then_some(id).flatten())
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.cluster.site().log(self.name)
    }
}

/// A component that is paused until this is dropped.
#[must_use = "it goes on when this is dropped"]
pub struct Paused<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        // It may have been killed meanwhile.
        let _ = self
            .cluster
            .with_process(&self.name, crate::process::Process::resume);
    }
}
