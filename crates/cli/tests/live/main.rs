//! `ripcord` puts a service back on a real Argo CD.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod bots;
mod by_server;
mod digests;
mod disk;
mod doctor;
mod drift;
mod faults;
mod followed;
mod forge;
mod friday;
mod generated;
mod held;
mod hotfix;
mod in_cluster;
mod kills;
mod meanwhile;
mod operations;
mod outage;
mod overtaken;
mod parts;
mod pipelines;
mod running_bots;
mod schemas;
mod serving;
mod settings;
mod sources;
mod trivy;
mod under_way;
mod ways;
mod without_git;
