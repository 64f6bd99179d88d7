//! The web pages of the server, as functions of data: what is wrong first, then what to do.
//!
//! Everything that is shown may have been written by anybody who can name a label or a commit. Templates escape it,
//! `line` of [`ripcord_review::escape`] takes away what would mislead a reader, an address is a link only where it is
//! one of the web, and a command is shown only where it means in a shell what it says. A page works without its
//! script; the script only keeps it fresh.
//!
//! No I/O and no clock: the same data give the same bytes.

pub mod asset;
mod board;
mod brief;
pub mod command;
mod dead_letters;
mod door;
mod incident;
mod incidents;
mod mark;
mod notice;
mod shell;
mod text;
mod when;

pub use board::board;
pub use dead_letters::{Letter, dead_letters};
pub use door::{bounce, login};
pub use incident::filter::{Filter, Kind};
pub use incident::incident;
pub use incidents::incidents;
pub use notice::{Notice, notice};
pub use shell::{Reader, View};
pub use text::address;
