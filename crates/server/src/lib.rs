//! Takes in what other systems tell, and answers for it.
//!
//! What a sender is told is true: "accepted" is said only of what is on the disk.

pub mod access;
pub mod announcer;
pub mod api;
pub mod audit;
pub mod clerk;
pub mod desk;
pub mod figures;
pub mod filer;
pub mod filing;
pub mod intake;
mod live;
pub mod looks;
mod minder;
pub mod openapi;
pub mod serve;
pub mod session;
pub mod settings;
pub mod source;
mod web;
