//! The real binary against a real Git server, as people and pipelines meet it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of a test may fail it on the spot"
)]

mod bots;
mod choice;
mod clones;
mod contract;
mod debts;
mod doctor;
mod documents;
mod drop_guard;
mod duel;
mod faults;
mod gate;
mod guard;
mod hostile;
mod hotfix_broken;
mod hotfix_ship;
mod hotfix_start;
mod incidents;
mod lookout;
mod machine;
mod metrics;
mod moves;
mod naive;
mod naive_clones;
mod pipeline;
mod pre_receive;
mod quarantine;
mod race;
mod receive;
mod reland;
mod scope;
mod serve_broken;
mod setup;
mod signing;
mod stage;
mod terminal;
mod ugly;
