//! How often verdicts are right, over cases whose cause is known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::verdict::{Answer, DeployName, Verdict};

/// What a rule made of one case: all that is counted of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The deploys, the most suspicious first.
    pub ranked: Vec<DeployName>,
    /// What it said.
    pub answer: Answer,
}

impl From<&Verdict> for Outcome {
    fn from(verdict: &Verdict) -> Self {
        let ranked = verdict.suspects.iter().map(|one| one.deploy.clone());
        Self {
            ranked: ranked.collect(),
            answer: verdict.answer.clone(),
        }
    }
}

/// A rule that names one deploy or none: none is "no deploy".
impl From<Option<DeployName>> for Outcome {
    fn from(named: Option<DeployName>) -> Self {
        Self {
            ranked: named.iter().cloned().collect(),
            answer: named.map_or(Answer::NoDeploy, Answer::Deploy),
        }
    }
}

/// Counts over cases whose cause is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accuracy {
    /// Cases that a deploy caused.
    pub of_deploys: u32,
    /// Cases that no deploy caused.
    pub of_nothing: u32,
    /// Of the former, those where the cause was ranked first, named or not.
    pub first: u32,
    /// Those where it was among the first three.
    pub in_three: u32,
    /// Cases where a deploy was named.
    pub named: u32,
    /// Those where it was the right one.
    pub named_right: u32,
    /// Cases where it was said that it is no deploy.
    pub none: u32,
    /// Those where that was right.
    pub none_right: u32,
}

impl Accuracy {
    /// Counts a case: what caused it, if a deploy did, and what a rule made of it.
    pub fn count(&mut self, cause: Option<&DeployName>, outcome: &Outcome) {
        match cause {
            Some(cause) => {
                self.of_deploys += 1;
                let place = outcome.ranked.iter().position(|ranked| ranked == cause);
                self.first += u32::from(place == Some(0));
                self.in_three += u32::from(place.is_some_and(|place| place < 3));
            }
            None => self.of_nothing += 1,
        }
        match &outcome.answer {
            Answer::Deploy(named) => {
                self.named += 1;
                self.named_right += u32::from(cause == Some(named));
            }
            Answer::NoDeploy => {
                self.none += 1;
                self.none_right += u32::from(cause.is_none());
            }
            Answer::Unclear => {}
        }
    }

    /// The share of cases of deploys where the cause was ranked first.
    pub fn top_1(&self) -> Option<f64> {
        share(self.first, self.of_deploys)
    }

    /// The share of cases of deploys where the cause was among the first three.
    pub fn top_3(&self) -> Option<f64> {
        share(self.in_three, self.of_deploys)
    }

    /// The share of named deploys that were the cause.
    pub fn precision(&self) -> Option<f64> {
        share(self.named_right, self.named)
    }

    /// The share of cases of deploys where the cause was named.
    pub fn recall(&self) -> Option<f64> {
        share(self.named_right, self.of_deploys)
    }

    /// The share of "no deploy" that was right: a harm that is slow is easily called so.
    pub fn no_deploy_precision(&self) -> Option<f64> {
        share(self.none_right, self.none)
    }

    /// The share of cases without a deploy where that was said.
    pub fn no_deploy(&self) -> Option<f64> {
        share(self.none_right, self.of_nothing)
    }
}

/// None where there was no such case: a share of nothing is no figure.
fn share(part: u32, of: u32) -> Option<f64> {
    (of > 0).then(|| f64::from(part) / f64::from(of))
}

#[cfg(test)]
mod tests {
    use ripcord_domain::incident::event::Concern;
    use ripcord_domain::{Environment, Service};

    use super::*;

    fn name(id: &str) -> DeployName {
        DeployName {
            id: id.to_owned(),
            concern: Concern {
                service: Service::new("pay"),
                environment: Environment::new("production"),
            },
        }
    }

    #[test]
    fn an_abstention_is_neither_named_nor_none() {
        let mut accuracy = Accuracy::default();
        let unclear = Outcome {
            ranked: vec![name("b"), name("a")],
            answer: Answer::Unclear,
        };
        accuracy.count(Some(&name("a")), &unclear);
        accuracy.count(None, &unclear);
        accuracy.count(Some(&name("a")), &Some(name("a")).into());
        accuracy.count(None, &None.into());
        assert_eq!(accuracy.top_1(), Some(0.5));
        assert_eq!(accuracy.top_3(), Some(1.0));
        assert_eq!(accuracy.precision(), Some(1.0));
        assert_eq!(accuracy.recall(), Some(0.5));
        assert_eq!(accuracy.no_deploy(), Some(0.5));
        assert_eq!(accuracy.no_deploy_precision(), Some(1.0));
        assert_eq!(Accuracy::default().precision(), None);
    }
}
