//! A real control plane, Argo CD and Argo Rollouts on loopback, without containers.
//!
//! A [`Testbed`] is a value: a Kubernetes API with its controllers, nodes whose pods behave as their
//! image says ([`pods`]), Argo CD, Argo Rollouts and a Git server, and when they are asked for a forge,
//! bots that bump versions, and an image registry. Components can be stopped and
//! paused ([`Part`]), and the ways between them made slow, cut or broken ([`Network`]); the registry has
//! troubles of its own ([`Trouble`]). When it is dropped, or its process is killed, nothing is left of it.
//!
//! Pipelines run too: workflows of a folder by [`Act`], those of the forge by a [`Runner`], with a scanner that
//! knows what a test tells it ([`write_grype_database`], [`write_trivy_database`]).
//!
//! The programs are built from `testbed/tools/` once and kept ([`tools`]).
#![expect(
    clippy::disallowed_methods,
    reason = "a testbed starts other programs: no secret of a user passes through it"
)]

mod act;
mod application;
mod argocd;
mod bed;
mod cluster;
mod component;
mod forge;
mod image_bots;
mod link;
mod logs;
mod objects;
mod part;
pub mod pods;
mod ports;
mod process;
mod registry;
mod responder;
mod runner;
mod scanner;
mod scene;
mod site;
pub mod tools;
mod traffic;

pub use act::{Act, Ran, StepRan, Workflow};
pub use application::{Application, REFRESH, Refused, operation};
pub use argocd::{NAMESPACE, PASSWORD};
pub use bed::{Options, Testbed};
pub use cluster::Cluster;
pub use forge::{FORGE_USER, Forge};
pub use link::{Link, Network};
pub use objects::Objects;
pub use part::{Part, Paused};
pub use pods::Pace;
pub use registry::{Image, Registry, Trouble};
pub use ripcord_gitserver::GitServer;
pub use runner::{Runner, RunnerOptions};
pub use scanner::{Vulnerability, npm_lock_file, write_grype_database, write_trivy_database};
pub use scene::{PodSeen, Scene, scenes};
pub use traffic::{Requests, Traffic};
