//! A real Git server, infra repositories with history, and a hermetic place to run ripcord in.
//!
//! A test starts with a [`Scratch`], fills an [`InfraRepo`] with history, offers it through a
//! [`GitServer`] or an [`SshServer`], runs the real binary with [`Ripcord`], and compares a
//! person's clone before and after with [`Snapshot`].
#![expect(
    clippy::disallowed_methods,
    reason = "tests start git and ripcord themselves, in an environment made for them"
)]

mod images;
mod infra;
mod naive;
mod output;
mod postgres;
mod ripcord;
mod scratch;
mod serving;
mod snapshot;
mod ssh;

pub use ripcord_gitserver::{
    Fault, GitServer, Options, Step, Traffic, create_repository, install_hook,
};

pub use crate::images::ImageRegistry;
pub use crate::infra::{Commit, InfraRepo, deployment, kustomization, overlay};
pub use crate::naive::{NaiveScript, Strictness};
pub use crate::output::Output;
pub use crate::postgres::PostgresServer;
pub use crate::ripcord::{Ripcord, Running};
pub use crate::scratch::{FIXED_DATE, Scratch};
pub use crate::serving::{Serving, ask};
pub use crate::snapshot::Snapshot;
pub use crate::ssh::SshServer;
