//! What a cluster shows of a service, and what a recovery makes of it: decisions without I/O.
//!
//! [`image`] tells good pods from bad ones, [`route`] decides which path is taken when, [`proof`] says
//! what is still missing. [`windows`] what a project allows when. The other modules are what is seen: [`application`], [`workload`].

pub mod application;
pub mod drift;
pub mod image;
pub mod proof;
pub mod route;
pub mod windows;
pub mod workload;
