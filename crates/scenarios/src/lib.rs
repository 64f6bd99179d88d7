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
use ripcord_suspect::accuracy::{Accuracy, Outcome};
use ripcord_suspect::{DeployName, Onset, Pods, naive, rank};

pub use world::{SERVICES, began_before, concern, knowledge, onset_at, plain, seconds};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A bad version, while only a few pods have it.
    CanaryFailure,
    /// Two deploys within minutes, one of them bad.
    TwoAtOnce,
    /// A deploy of what the service calls.
    Dependency,
    /// Settings, and no version.
    ConfigOnly,
    /// A migration of a database.
    Migration,
    /// A failure of what everything stands on, without a deploy.
    CloudOutage,
    /// A failure of the service by itself, without a deploy.
    OwnFailure,
    /// An alert that had fired before the deploy.
    PreExisting,
    /// An alert that goes and comes, and began with a deploy.
    Flapping,
    /// One commit that changes many services.
    FanOut,
    /// A harm that shows hours after its deploy.
    SlowLeak,
    /// A change in the cluster by hand.
    ByHand,
}

impl Scenario {
    /// Every one.
    pub const ALL: [Self; 12] = [
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
#[derive(Debug)]
pub struct Case {
    /// What began.
    pub onset: Onset,
    /// What was deployed around it.
    pub changes: Vec<Deployed>,
    /// What caused it; none: no deploy.
    pub cause: Option<DeployName>,
}

/// How often a rule is right over so many cases of each scenario.
pub fn measure(scenarios: &[Scenario], cases: u64, rule: impl Fn(&Case) -> Outcome) -> Accuracy {
    let mut accuracy = Accuracy::default();
    for scenario in scenarios {
        for seed in 0..cases {
            let case = make(*scenario, seed);
            accuracy.count(case.cause.as_ref(), &rule(&case));
        }
    }
    accuracy
}

/// What ripcord says of a case.
pub fn ripcord(case: &Case) -> Outcome {
    Outcome::from(&rank(&case.onset, &case.changes, &knowledge()))
}

/// What the rule "the latest deploy" says of a case.
pub fn latest(case: &Case) -> Outcome {
    by_commit(naive::latest(&case.onset, &case.changes), case)
}

/// What the rule "the nearest deploy within half an hour" says of a case.
pub fn nearest(case: &Case) -> Outcome {
    let named = naive::nearest_within_30_min(&case.onset, &case.changes);
    by_commit(named, case)
}

/// To name the right commit at another of its services counts as right: these rules know no services.
fn by_commit(named: Option<DeployName>, case: &Case) -> Outcome {
    let cause = case.cause.as_ref();
    let named = named.map(|named| match cause {
        Some(cause) if cause.id == named.id => cause.clone(),
        _ => named,
    });
    named.into()
}

/// Chance, and what it has made so far.
struct Maker {
    chance: fastrand::Rng,
    onset: Onset,
    changes: Vec<Deployed>,
}

/// One case of a scenario.
pub fn make(scenario: Scenario, seed: u64) -> Case {
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
