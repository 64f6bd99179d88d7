//! Alerts whose cause is known, made from chance with a fixed seed.
//!
//! The numbers here are not those of the scorer: delays are spread evenly on a logarithmic scale and not halved
//! every quarter of an hour, and each case stands among deploys of the day that have nothing to do with it, in the
//! same environment, with clocks that are a minute off.

mod happen;
mod world;

use ripcord_domain::Service;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::report::Change;
use ripcord_suspect::{DeployName, Onset, Pods};

pub(crate) use world::{SERVICES, began_before, concern, knowledge, onset_at, plain, seconds};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    CanaryFailure,
    TwoAtOnce,
    Dependency,
    ConfigOnly,
    Migration,
    CloudOutage,
    OwnFailure,
    PreExisting,
    Flapping,
    FanOut,
    SlowLeak,
    ByHand,
}

impl Scenario {
    pub(crate) const ALL: [Self; 12] = [
        Self::CanaryFailure,
        Self::TwoAtOnce,
        Self::Dependency,
        Self::ConfigOnly,
        Self::Migration,
        Self::CloudOutage,
        Self::OwnFailure,
        Self::PreExisting,
        Self::Flapping,
        Self::FanOut,
        Self::SlowLeak,
        Self::ByHand,
    ];
}

/// An alert whose cause is known.
pub(crate) struct Case {
    pub(crate) onset: Onset,
    pub(crate) changes: Vec<Deployed>,
    pub(crate) cause: Option<DeployName>,
}

/// Chance, and what it has made so far.
struct Maker {
    chance: fastrand::Rng,
    onset: Onset,
    changes: Vec<Deployed>,
}

/// One case of a scenario.
pub(crate) fn make(scenario: Scenario, seed: u64) -> Case {
    let mut chance = fastrand::Rng::with_seed(seed * 64 + scenario as u64);
    let service = chance.usize(0..SERVICES.len());
    let onset = Onset::new(concern(service, "production"), onset_at());
    let mut maker = Maker {
        chance,
        onset,
        changes: Vec::new(),
    };
    maker.noise();
    let cause = maker.happen(scenario, service);
    maker.count_all_pods_of_one_version(service);
    maker.jitter();
    maker.chance.shuffle(&mut maker.changes);
    Case {
        onset: maker.onset,
        changes: maker.changes,
        cause,
    }
}

impl Maker {
    fn noise(&mut self) {
        for service in 0..SERVICES.len() {
            for _ in 0..self.chance.usize(0..5) {
                let minutes = self.chance.f64() * 1500.0 - 60.0;
                self.deploy(service, minutes, &[]);
            }
        }
        let mut elsewhere = began_before("staging-1", 0, "staging", 5.0);
        elsewhere.version = Some("v-staging".to_owned());
        self.changes.push(elsewhere);
        if self.chance.f64() < 0.1 {
            let other = self.chance.usize(0..SERVICES.len());
            self.alert_too(other);
        }
    }

    /// A deploy this long before the alert; of no kind given, one by chance.
    fn deploy(&mut self, service: usize, minutes: f64, kinds: &[Change]) -> usize {
        let number = self.changes.len();
        let mut deploy = began_before(&format!("c{number}"), service, "production", minutes);
        deploy.commit = Some(deploy.id.clone());
        deploy.changes = kinds.to_vec();
        if kinds.is_empty() {
            let usual = [
                Change::Version,
                Change::Version,
                Change::Config,
                Change::Capacity,
            ];
            deploy
                .changes
                .push(usual[self.chance.usize(0..usual.len())]);
            deploy.is_rollback = self.chance.f64() < 0.05;
        }
        if deploy.changes.contains(&Change::Version) {
            deploy.version = Some(format!("v{number}"));
        }
        if self.chance.f64() < 0.2 {
            let phase = if self.chance.f64() < 0.9 {
                "Successful"
            } else {
                "Inconclusive"
            };
            deploy.analyses.push(world::analysis(phase));
        }
        self.changes.push(deploy);
        number
    }

    /// Evenly on a logarithmic scale.
    fn minutes(&mut self, from: f64, to: f64) -> f64 {
        from * (to / from).powf(self.chance.f64())
    }

    fn named(&self, number: usize) -> Option<DeployName> {
        self.changes.get(number).map(DeployName::from)
    }

    fn alert_too(&mut self, service: usize) {
        let service = Service::new(SERVICES[service]);
        if service != self.onset.concern.service {
            self.onset.also_alerting.insert(service);
        }
    }

    fn pods(&mut self, version: &str, all: u32, share: f64) {
        let alerting = (0..all).filter(|_| self.chance.f64() < share).count();
        let alerting = u32::try_from(alerting).unwrap_or(all);
        let quiet = all - alerting;
        self.onset
            .running
            .insert(version.to_owned(), Pods { alerting, quiet });
    }

    /// In half of the other cases somebody counted pods, and all run what was deployed last.
    fn count_all_pods_of_one_version(&mut self, service: usize) {
        if !self.onset.running.is_empty() || self.chance.bool() {
            return;
        }
        let own = self
            .changes
            .iter()
            .filter(|deploy| deploy.concern == concern(service, "production"));
        let before = own.filter(|deploy| deploy.began() <= Some(self.onset.began));
        let last = before
            .filter(|deploy| deploy.version.is_some())
            .max_by_key(|deploy| deploy.began());
        let version = last.and_then(|deploy| deploy.version.clone());
        self.pods(&version.unwrap_or_else(|| "old".to_owned()), 9, 0.8);
    }

    fn jitter(&mut self) {
        for deploy in &mut self.changes {
            let off = seconds((self.chance.f64() * 2.0 - 1.0) * 60.0);
            for at in deploy.stages.values_mut() {
                *at += off;
            }
        }
    }
}
