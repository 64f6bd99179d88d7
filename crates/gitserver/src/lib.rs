//! A smart-HTTP Git server on loopback, over `git http-backend`: for the demo and for tests.
//!
//! Git itself answers every request, so that clients meet what they meet at a real host. What this
//! crate adds are the *switches*: credentials, a slow or broken network, a host that refuses, and
//! somebody else who pushes first. All of them can be turned while the server runs.
#![expect(
    clippy::disallowed_methods,
    reason = "starts git itself: this crate may not depend on the repository layer that it tests"
)]

mod answer;
mod backend;
mod repository;
mod switches;
mod traffic;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

pub use crate::repository::{create_repository, install_hook};
pub use crate::switches::{Fault, Options, Step};
pub use crate::traffic::Traffic;

use crate::answer::Host;
use crate::backend::Backend;
use crate::switches::Switches;
use crate::traffic::Meter;

/// How long open requests may take to end when the server is dropped.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// A running server. It stops, and ends the git processes it started, when dropped.
#[derive(Debug)]
pub struct GitServer {
    root: PathBuf,
    address: SocketAddr,
    switches: Arc<Switches>,
    meter: Arc<Meter>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl GitServer {
    /// Serves the bare repositories under `root` on a free port of 127.0.0.1.
    ///
    /// The port is open when this returns. Fails without git or its `http-backend`.
    pub fn start(root: &Path, options: Options) -> Result<Self> {
        let root = root
            .canonicalize()
            .with_context(|| format!("no folder {}", root.display()))?;
        let backend = Backend::find(&root)?;
        let switches = Arc::new(Switches::new(options));
        let meter = Arc::new(Meter::default());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("gitserver")
            .enable_all()
            .build()
            .context("cannot start the server's runtime")?;
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("cannot listen on 127.0.0.1")?;
        let address = listener.local_addr()?;
        let host = Host {
            backend,
            switches: Arc::clone(&switches),
            meter: Arc::clone(&meter),
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("gitserver".into())
            .spawn(move || {
                runtime.block_on(answer::serve(listener, host, stopped));
                // Drops what is still open, and with it the git processes behind it.
                runtime.shutdown_timeout(SHUTDOWN);
            })?;
        Ok(Self {
            root,
            address,
            switches,
            meter,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the repository `repo`, a path below the root such as `infra.git`.
    pub fn url(&self, repo: &str) -> String {
        format!("http://{}/{repo}", self.address)
    }

    /// The folder of the repository `repo`.
    pub fn path(&self, repo: &str) -> PathBuf {
        self.root.join(repo)
    }

    /// Makes an empty bare repository that takes pushes and partial clones.
    pub fn create(&self, repo: &str) -> Result<PathBuf> {
        create_repository(&self.root, repo)
    }

    /// Writes an executable hook, such as a `pre-receive` that refuses, into the repository.
    pub fn install_hook(&self, repo: &str, name: &str, script: &str) -> Result<()> {
        install_hook(&self.path(repo), name, script)
    }

    /// Demands basic authentication from now on, or no longer.
    pub fn set_auth(&self, user_and_password: Option<(&str, &str)>) {
        self.switches.change(|options| {
            options.auth = user_and_password.map(|(user, word)| (user.into(), word.into()));
        });
    }

    /// Refuses pushes with 403 from now on, as a host does for an account with read access.
    pub fn set_read_only(&self, read_only: bool) {
        self.switches
            .change(|options| options.read_only = read_only);
    }

    /// Waits this long before each request is looked at: one round trip of a distant host.
    pub fn set_latency(&self, latency: Duration) {
        self.switches.change(|options| options.latency = latency);
    }

    /// Limits each connection, in each direction, to this many bytes a second.
    pub fn set_throttle(&self, bytes_per_second: Option<u64>) {
        self.switches
            .change(|options| options.bytes_per_second = bytes_per_second);
    }

    /// Runs `action` at the next `times` pushes, when the client has seen the references but its
    /// push is not handed to git yet: the moment at which somebody else's push hurts.
    ///
    /// The action may push through this server itself; that push does not run it again.
    /// Replaces an earlier action.
    pub fn before_push(&self, times: u32, action: impl FnMut() + Send + 'static) {
        self.switches.set_before_push(times, Box::new(action));
    }

    /// Makes the next `times` requests of the kind `step` fail as `fault` says.
    ///
    /// Faults queue up: of those that fit a request, the one set first is used.
    pub fn fail(&self, step: Step, fault: Fault, times: u32) {
        self.switches.add_fault(step, fault, times);
    }

    /// Forgets all faults and the `before_push` action.
    pub fn heal(&self) {
        self.switches.heal();
    }

    /// What went through the server since its start or the last [`GitServer::reset_traffic`].
    pub fn traffic(&self) -> Traffic {
        self.meter.read()
    }

    /// Sets the counters to zero.
    pub fn reset_traffic(&self) {
        self.meter.reset();
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed already; a second one here would abort.
            let _ = thread.join();
        }
    }
}
