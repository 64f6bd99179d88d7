//! What went through the server.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::switches::Step;

/// Counts since the start of the server or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// TCP connections taken.
    pub connections: u64,
    /// Requests of all kinds, refused ones included.
    pub requests: u64,
    /// Requests for the list of references or the capabilities, for fetch and push alike.
    pub refs: u64,
    /// `POST git-upload-pack`; protocol version 2 lists references with these, too.
    pub fetches: u64,
    /// `POST git-receive-pack` with something in it.
    pub pushes: u64,
    /// Bytes from clients, HTTP headers included.
    pub up: u64,
    /// Bytes to clients, HTTP headers included.
    pub down: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) connections: AtomicU64,
    requests: AtomicU64,
    refs: AtomicU64,
    fetches: AtomicU64,
    pushes: AtomicU64,
    pub(crate) up: AtomicU64,
    pub(crate) down: AtomicU64,
}

impl Meter {
    pub(crate) fn request(&self, step: Step) {
        self.requests.fetch_add(1, Relaxed);
        match step {
            Step::Refs => self.refs.fetch_add(1, Relaxed),
            Step::Fetch => self.fetches.fetch_add(1, Relaxed),
            Step::Push => self.pushes.fetch_add(1, Relaxed),
            Step::Any => 0,
        };
    }

    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            connections: self.connections.load(Relaxed),
            requests: self.requests.load(Relaxed),
            refs: self.refs.load(Relaxed),
            fetches: self.fetches.load(Relaxed),
            pushes: self.pushes.load(Relaxed),
            up: self.up.load(Relaxed),
            down: self.down.load(Relaxed),
        }
    }

    pub(crate) fn reset(&self) {
        let counters = [
            &self.connections,
            &self.requests,
            &self.refs,
            &self.fetches,
            &self.pushes,
            &self.up,
            &self.down,
        ];
        for counter in counters {
            counter.store(0, Relaxed);
        }
    }
}
