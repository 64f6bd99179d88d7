//! What a cluster shows of a service, and what a recovery makes of it: decisions without I/O.
//!
//! [`image`] tells good pods from bad ones, [`route`] decides which path is taken when, [`proof`] says
//! what is still missing, [`stuck`] which pods nobody replaces, [`windows`] what a project allows when,
//! [`bot`] who would bump a version again, [`drift`] what was changed by hand, [`release`] what is known of
//! Argo CD's own versions, [`generated`] what an ApplicationSet makes from what. The other modules are what
//! is seen: [`application`], [`workload`].

pub mod application;
pub mod bot;
pub mod drift;
pub mod generated;
pub mod glob;
pub mod image;
pub mod proof;
pub mod release;
pub mod route;
pub mod stuck;
pub mod windows;
pub mod workload;
