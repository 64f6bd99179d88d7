//! A recovery: the cluster and Git at once, proven.
//!
//! [`recover`] plans on Git, looks at the cluster, and then goes two ways at the same time: what makes
//! production good at once (`live`) and the commit that makes it last (`ripcord_recovery::ship`). Where
//! both meet Argo CD is asked to sync the commit, everything is waited for, holds are let go, and it is
//! watched whether it stays so (`durable`). Which way is taken is decided in
//! `ripcord_domain::live::route` alone.
//!
//! Every step is saved before and after (`record`), does nothing where its work is done already, and can
//! be done again: [`Wish::Resume`] goes through the same steps.

mod applications;
mod away;
mod bots;
mod concern;
pub mod doctor;
pub mod drift;
mod durable;
mod event;
mod finish;
mod first_answer;
mod generate;
mod held;
mod holds;
mod late;
mod left_behind;
mod live;
mod observe;
mod picture;
mod prepare;
mod record;
mod recover;
pub mod serving;
mod taken_up;
mod tend;
mod unrecorded;
mod watch;

pub use bots::release_bots;
pub use event::{Event, Sink};
pub use holds::release_all;
pub use record::Clock;
pub use recover::{Approval, Setting, Site, Wish, recover, runtime};
