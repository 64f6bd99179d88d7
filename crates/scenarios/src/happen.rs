//! How each scenario goes.

use jiff::Timestamp;
use ripcord_domain::Service;
use ripcord_domain::incident::report::{Change, DeployStage};
use ripcord_suspect::{DeployName, Earlier};

use super::world::{self, SERVICES, knowledge, seconds};
use super::{Maker, Scenario};

impl Maker {
    pub(super) fn happen(&mut self, scenario: Scenario, service: usize) -> Option<DeployName> {
        match scenario {
            Scenario::CanaryFailure => {
                let minutes = self.minutes(1.0, 20.0);
                let bad = self.deploy(service, minutes, &[Change::Version]);
                self.pods("old", 12, 0.05);
                self.pods(&format!("v{bad}"), 3, 0.8);
                if self.chance.f64() < 0.3 {
                    self.changes[bad].analyses = vec![world::analysis("Failed")];
                }
                self.named(bad)
            }
            Scenario::TwoAtOnce => {
                let minutes = self.minutes(2.0, 60.0);
                let bad = self.deploy(service, minutes, &[Change::Version]);
                let other = if self.chance.bool() {
                    service
                } else {
                    self.needed(service)
                };
                let apart = self.chance.f64() * 6.0 - 3.0;
                self.deploy(other, minutes + apart, &[Change::Config]);
                if self.chance.bool() {
                    self.pods("old", 6, 0.05);
                    self.pods(&format!("v{bad}"), 6, 0.8);
                }
                self.named(bad)
            }
            Scenario::Dependency => {
                let mut bad_service = self.needed(service);
                if self.chance.f64() < 0.3 {
                    bad_service = self.needed(bad_service);
                }
                let minutes = self.minutes(1.0, 60.0);
                let bad = self.deploy(bad_service, minutes, &[Change::Version]);
                for (other, name) in SERVICES.iter().enumerate() {
                    let knowledge = knowledge();
                    let changed = Service::new(SERVICES[bad_service]);
                    let needs = knowledge.steps(&Service::new(*name), &changed).is_some();
                    if needs && self.chance.bool() {
                        self.alert_too(other);
                    }
                }
                self.named(bad)
            }
            Scenario::ConfigOnly => self.own(service, 60.0, &[Change::Config]),
            Scenario::Migration => {
                let named = self.own(service, 60.0, &[Change::Version, Change::Migration]);
                let version = format!("v{}", self.changes.len() - 1);
                self.pods("old", 4, 0.8);
                self.pods(&version, 4, 0.8);
                named
            }
            Scenario::CloudOutage => {
                for other in 0..SERVICES.len() {
                    if self.chance.f64() < 0.6 {
                        self.alert_too(other);
                    }
                }
                None
            }
            Scenario::OwnFailure => None,
            Scenario::PreExisting => {
                let between = self.minutes(5.0, 60.0);
                self.deploy(service, between, &[Change::Version]);
                let before = between + self.minutes(5.0, 60.0);
                self.fired(before, before - 4.0);
                None
            }
            Scenario::Flapping => {
                let mut ago = 0.0;
                for _ in 0..self.chance.usize(1..5) {
                    let ended = ago + self.minutes(5.0, 30.0);
                    ago = ended + self.minutes(2.0, 10.0);
                    self.fired(ago, ended);
                }
                if self.chance.bool() {
                    self.deploy(service, ago / 2.0, &[Change::Version]);
                }
                let minutes = ago + self.minutes(1.0, 60.0);
                let bad = self.deploy(service, minutes, &[Change::Version]);
                self.named(bad)
            }
            Scenario::FanOut => {
                let kind = if self.chance.bool() {
                    Change::SharedBase
                } else {
                    Change::Config
                };
                let minutes = self.minutes(1.0, 60.0);
                let bad = self.deploy(service, minutes, &[kind]);
                let (id, commit) = (
                    self.changes[bad].id.clone(),
                    self.changes[bad].commit.clone(),
                );
                for other in (0..SERVICES.len()).filter(|other| *other != service) {
                    let later = minutes - self.chance.f64() * minutes.min(3.0);
                    let number = self.deploy(other, later, &[kind]);
                    self.changes[number].commit.clone_from(&commit);
                    self.changes[number].commit.clone_from(&commit);
                    self.changes[number].id.clone_from(&id);
                    if self.chance.f64() < 0.4 {
                        self.alert_too(other);
                    }
                }
                self.named(bad)
            }
            Scenario::SlowLeak => {
                let minutes = self.minutes(180.0, 720.0);
                let bad = self.deploy(service, minutes, &[Change::Version]);
                self.named(bad)
            }
            Scenario::ByHand => {
                let named = self.own(service, 60.0, &[Change::ByHand]);
                if let Some(drift) = self.changes.last_mut() {
                    drift.commit = None;
                    // Drift is seen, not announced.
                    if let Some(at) = drift.stages.remove(&DeployStage::Started) {
                        drift.stages.insert(DeployStage::Synced, at);
                    }
                }
                named
            }
        }
    }

    fn own(&mut self, service: usize, to: f64, kinds: &[Change]) -> Option<DeployName> {
        let minutes = self.minutes(1.0, to);
        let bad = self.deploy(service, minutes, kinds);
        self.named(bad)
    }

    /// A service that it calls; itself where it calls none.
    fn needed(&mut self, service: usize) -> usize {
        let called = world::calls(service);
        if called.is_empty() {
            service
        } else {
            called[self.chance.usize(0..called.len())]
        }
    }

    fn fired(&mut self, from: f64, to: f64) {
        let at = |minutes: f64| -> Timestamp { self.onset.began - seconds(minutes * 60.0) };
        let earlier = Earlier {
            began: at(from),
            ended: Some(at(to)),
        };
        self.onset.earlier.push(earlier);
    }
}
