//! The components of a testbed, one file each: which program, how it is started, how one knows that
//! it is ready, how it is stopped.

mod apiserver;
mod application_controller;
mod applicationset_controller;
mod argocd_server;
mod controller_manager;
mod etcd;
mod gitea;
mod image_reflector;
mod kwok;
mod redis;
mod registry;
mod repo_server;
mod rollouts;
mod scheduler;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

pub(crate) use apiserver::APISERVER;
pub(crate) use application_controller::APPLICATION_CONTROLLER;
pub(crate) use applicationset_controller::APPLICATIONSET_CONTROLLER;
pub(crate) use argocd_server::ARGOCD_SERVER;
pub(crate) use controller_manager::CONTROLLER_MANAGER;
pub(crate) use etcd::ETCD;
pub(crate) use gitea::GITEA;
pub(crate) use image_reflector::IMAGE_REFLECTOR;
pub(crate) use kwok::KWOK;
pub(crate) use redis::REDIS;
pub(crate) use registry::REGISTRY;
pub(crate) use repo_server::REPO_SERVER;
pub(crate) use rollouts::ROLLOUTS;
pub(crate) use scheduler::SCHEDULER;

use crate::process::Launch;
use crate::site::Site;

/// A part of a testbed that is a process of its own.
pub(crate) struct Component {
    /// What it is called in logs, handles and errors.
    pub(crate) name: &'static str,
    /// How it is started.
    pub(crate) launch: fn(&Site) -> Result<Launch>,
    /// How one knows that it is ready.
    pub(crate) ready: fn(&Site) -> Result<Ready>,
    /// How long it may take to stop before it is killed.
    pub(crate) patience: Duration,
}

/// What a component answers when it is ready.
#[derive(Debug)]
pub(crate) enum Ready {
    /// It takes connections.
    Listens(SocketAddr),
    /// It answers 200 at this address.
    Answers(String),
    /// The Kubernetes API says that it is.
    Kubernetes,
}

/// How long a component that keeps nothing may take to stop.
const SHORT: Duration = Duration::from_secs(3);
