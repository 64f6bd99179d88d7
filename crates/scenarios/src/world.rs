//! A small shop: who calls whom, and deploys in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::Concern;
use ripcord_domain::incident::report::{AnalysisReport, Change, DeployStage};
use ripcord_domain::{Environment, Service};
use ripcord_suspect::Knowledge;

/// The services.
pub const SERVICES: [&str; 10] = [
    "web", "gateway", "pay", "cart", "stock", "price", "ledger", "mail", "search", "report",
];

/// Whom each calls, by its place in [`SERVICES`].
const CALLS: [&[usize]; 10] = [
    &[1, 8],
    &[2, 3],
    &[6],
    &[4, 5],
    &[],
    &[],
    &[],
    &[],
    &[4],
    &[6],
];

pub(crate) fn calls(service: usize) -> &'static [usize] {
    CALLS[service]
}

/// The graph is known; rates and half-lives are not.
pub fn knowledge() -> Knowledge {
    let name = |service: &usize| Service::new(SERVICES[*service]);
    let called = |calls: &&[usize]| calls.iter().map(name).collect::<BTreeSet<_>>();
    let names = SERVICES.iter().map(|service| Service::new(*service));
    Knowledge {
        depends_on: names.zip(CALLS.iter().map(called)).collect(),
        ..Knowledge::default()
    }
}

/// When every alert begins.
pub fn onset_at() -> Timestamp {
    Timestamp::constant(1_800_000_000, 0)
}

/// A service in an environment.
pub fn concern(service: usize, environment: &str) -> Concern {
    Concern {
        service: Service::new(SERVICES[service]),
        environment: Environment::new(environment),
    }
}

/// A span from a number of seconds.
pub fn seconds(number: f64) -> SignedDuration {
    SignedDuration::from_secs_f64(number)
}

pub(crate) fn analysis(phase: &str) -> AnalysisReport {
    AnalysisReport {
        run: "shop/run".to_owned(),
        rollout: None,
        version: None,
        phase: phase.to_owned(),
        started: None,
        ended: None,
        metrics: Vec::new(),
    }
}

/// A deploy of a version to the first service, so many minutes before the alert.
pub fn plain(id: &str, minutes: f64) -> Deployed {
    let mut deploy = began_before(id, 0, "production", minutes);
    deploy.changes.push(Change::Version);
    deploy.version = Some(format!("v-{id}"));
    deploy
}

/// A deploy that began so many minutes before the alert.
pub fn began_before(id: &str, service: usize, environment: &str, minutes: f64) -> Deployed {
    let began = onset_at() - seconds(minutes * 60.0);
    Deployed {
        id: id.to_owned(),
        concern: concern(service, environment),
        stages: BTreeMap::from([(DeployStage::Started, began)]),
        commit: None,
        version: None,
        replaced: None,
        changes: Vec::new(),
        paths: Vec::new(),
        subject: None,
        by: None,
        is_rollback: false,
        hotfix: None,
        application: None,
        cluster: None,
        checks: Vec::new(),
        analyses: Vec::new(),
        events: Vec::new(),
    }
}
