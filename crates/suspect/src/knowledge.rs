//! What is known of the services before anything is wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ripcord_domain::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Once a week: together with [`HARM`] and a few deploys a day this makes between a half and three quarters of
/// the alerts those of a change, which is what is published of large operations.
pub const ALERTS_PER_HOUR: f64 = 1.0 / 168.0;
/// The share of deploys that do harm: one in twenty.
pub const HARM: f64 = 0.05;
/// Within a quarter of an hour half of the harm of a deploy that is not slow is seen.
pub const HALF_LIFE_MINUTES: f64 = 15.0;

/// What is known of the services: who needs whom, how often they alert of themselves, how fast harm is seen.
///
/// The default knows no dependency and takes the constants of this module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Knowledge {
    /// The services that each service calls.
    pub depends_on: BTreeMap<Service, BTreeSet<Service>>,
    /// How often a service alerts without a deploy, per hour.
    pub alerts_per_hour: BTreeMap<Service, f64>,
    /// In how many minutes half of the harm of a deploy is seen.
    pub half_life_minutes: BTreeMap<Service, f64>,
    /// The share of deploys that do harm.
    pub harm: f64,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self {
            depends_on: BTreeMap::new(),
            alerts_per_hour: BTreeMap::new(),
            half_life_minutes: BTreeMap::new(),
            harm: HARM,
        }
    }
}

/// A number from history is used only where it can be one: a rate of zero would make everything a deploy.
fn sound(known: Option<&f64>, within: (f64, f64), default: f64) -> f64 {
    let number = known.copied().filter(|number| number.is_finite());
    number.map_or(default, |number| number.clamp(within.0, within.1))
}

impl Knowledge {
    /// How often the service alerts without a deploy, per hour; at least once in a year.
    pub fn rate(&self, service: &Service) -> f64 {
        let known = self.alerts_per_hour.get(service);
        sound(known, (1.0 / 8760.0, 60.0), ALERTS_PER_HOUR)
    }

    /// In how many minutes half of the harm of a deploy of the service is seen.
    pub fn half_life(&self, service: &Service) -> f64 {
        let known = self.half_life_minutes.get(service);
        sound(known, (1.0, 1440.0), HALF_LIFE_MINUTES)
    }

    /// The share of deploys that do harm.
    pub fn harm(&self) -> f64 {
        sound(Some(&self.harm), (0.001, 0.9), HARM)
    }

    /// How many calls it is from one service to the other, by the shortest way; none: no way is known.
    pub fn steps(&self, from: &Service, to: &Service) -> Option<usize> {
        let mut seen = BTreeSet::from([from]);
        let mut next = VecDeque::from([(from, 0)]);
        while let Some((service, steps)) = next.pop_front() {
            if service == to {
                return Some(steps);
            }
            for called in self.depends_on.get(service).into_iter().flatten() {
                if seen.insert(called) {
                    next.push_back((called, steps + 1));
                }
            }
        }
        None
    }
}
