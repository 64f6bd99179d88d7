//! A deployment: what is deployed and tried again until something else is.

use jiff::Timestamp;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::report::DeployStage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request::Rules;

/// What a deployment is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// It brings a change that was planned.
    Change,
    /// It goes back to an earlier version.
    Rollback,
    /// It ships a hotfix.
    Hotfix {
        /// Its name.
        name: String,
    },
}

impl Kind {
    /// Whether it is work that an incident made, and so never the one that is blamed by itself.
    pub fn is_rework(&self) -> bool {
        *self != Self::Change
    }
}

/// A deployment, with each time that its commit was synced until another one was.
#[derive(Clone, Debug)]
pub(crate) struct Rollout<'a> {
    /// The first time.
    pub(crate) first: &'a Deployed,
    /// The same commit again, with nothing else between: a retry, or a sync that changed nothing.
    pub(crate) again: Vec<&'a Deployed>,
    /// When it began.
    pub(crate) began: Timestamp,
    /// Its commit had been deployed before another one was.
    pub(crate) returns: bool,
}

/// Deploys as they are to be counted.
pub(crate) struct Sorted<'a> {
    /// The deployments, oldest first.
    pub(crate) rollouts: Vec<Rollout<'a>>,
    /// Commits of which no source told that they ran, and when they were in Git.
    pub(crate) only_in_git: Vec<(&'a Deployed, Timestamp)>,
    /// Those of which no source told when.
    pub(crate) undated: Vec<&'a Deployed>,
}

/// Sorts the deploys of one application.
pub(crate) fn sort(deploys: &[Deployed], rules: Rules) -> Sorted<'_> {
    let mut sorted = Sorted {
        rollouts: Vec::new(),
        only_in_git: Vec::new(),
        undated: Vec::new(),
    };
    let mut dated = Vec::new();
    for deploy in deploys {
        match deploy.began() {
            None => sorted.undated.push(deploy),
            Some(at) if !rules.commit_is_deployment && is_only_in_git(deploy) => {
                sorted.only_in_git.push((deploy, at));
            }
            Some(at) => dated.push((at, deploy)),
        }
    }
    dated.sort_by_key(|(at, deploy)| (*at, &deploy.id));
    for (began, deploy) in dated {
        let same =
            |one: &Rollout<'_>| one.first.commit.is_some() && one.first.commit == deploy.commit;
        match sorted.rollouts.last_mut() {
            Some(last) if same(last) => last.again.push(deploy),
            _ => {
                let returns = sorted.rollouts.iter().any(same);
                sorted.rollouts.push(Rollout {
                    first: deploy,
                    again: Vec::new(),
                    began,
                    returns,
                });
            }
        }
    }
    sorted
}

fn is_only_in_git(deploy: &Deployed) -> bool {
    let mut stages = deploy.stages.keys();
    stages.all(|stage| *stage == DeployStage::Committed)
}

impl<'a> Rollout<'a> {
    /// Each time, oldest first.
    pub(crate) fn tries(&self) -> impl Iterator<Item = &'a Deployed> {
        std::iter::once(self.first).chain(self.again.iter().copied())
    }

    /// When a stage was reached first.
    pub(crate) fn at(&self, stage: DeployStage) -> Option<Timestamp> {
        self.tries().filter_map(|one| one.at(stage)).min()
    }

    /// The version that it brought.
    pub(crate) fn version(&self) -> Option<&'a str> {
        self.tries().find_map(|one| one.version.as_deref())
    }

    /// The version that ran before.
    pub(crate) fn replaced(&self) -> Option<&'a str> {
        self.first.replaced.as_deref()
    }

    /// What it is for. A redeploy of the version that ran goes back to nothing, whatever its source calls it.
    pub(crate) fn kind(&self) -> Kind {
        if let Some(name) = self.tries().find_map(|one| one.hotfix.clone()) {
            return Kind::Hotfix { name };
        }
        let changes_nothing = self.version().is_some() && self.version() == self.replaced();
        if self.tries().any(|one| one.is_rollback) && !changes_nothing {
            Kind::Rollback
        } else {
            Kind::Change
        }
    }

    /// Whether it was stopped before it was everywhere, and stayed so.
    pub(crate) fn was_stopped(&self) -> bool {
        self.at(DeployStage::Aborted).is_some() && self.at(DeployStage::Healthy).is_none()
    }

    /// When it was everywhere: healthy; where nothing is told of its pods, applied.
    pub(crate) fn through(&self, rules: Rules) -> Option<Timestamp> {
        let applied = || {
            let unseen = self.at(DeployStage::Serving).is_none();
            self.at(DeployStage::Synced).filter(|_| unseen)
        };
        let committed = || {
            let alone = rules.commit_is_deployment && self.tries().all(is_only_in_git);
            self.at(DeployStage::Committed).filter(|_| alone)
        };
        self.at(DeployStage::Healthy)
            .or_else(applied)
            .or_else(committed)
    }
}
