//! Is it the deploy? What changed before an alert, ranked, each with its reasons.
//!
//! [`rank`] compares, for one alert, the deploys that may have caused it with each other *and with none of them*:
//! at most three quarters of incidents come of a change, and a tool that always names the last deploy is wrong for
//! the rest. What it returns are probabilities that sum to 1 with "no change", and one of three things to say:
//! this deploy, no deploy, or that it cannot be told.
//!
//! No I/O and no clock: the same alert, deploys and knowledge give the same verdict in any order.

pub mod accuracy;
mod exclude;
mod factors;
mod knowledge;
pub mod naive;
mod onset;
mod pods;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use ripcord_domain::Service;
use ripcord_domain::incident::deploy::Deployed;

pub use exclude::WINDOW;
pub use knowledge::{ALERTS_PER_HOUR, HALF_LIFE_MINUTES, HARM, Knowledge};
pub use onset::{Earlier, Onset, Pods, RECURS_WITHIN};
pub use verdict::{
    AHEAD_BY, About, Answer, DeployName, Excluded, Factor, NAMED_FROM, NO_CHANGE_UP_TO,
    NO_DEPLOY_FROM, Reason, Suspect, Verdict,
};

/// A suspect before it is compared with the others.
struct Weighed<'a> {
    suspect: Suspect,
    commit: Option<&'a str>,
    weight: f64,
}

/// Ranks the deploys that may have caused the alert. The deploys are told apart by their id and concern.
pub fn rank(onset: &Onset, changes: &[Deployed], knowledge: &Knowledge) -> Verdict {
    let (mut weighed, mut excluded) = (Vec::new(), Vec::new());
    let mut reached: BTreeMap<&str, BTreeSet<&Service>> = BTreeMap::new();
    for deploy in changes {
        if let Some(commit) = &deploy.commit {
            let services = reached.entry(commit).or_default();
            services.insert(&deploy.concern.service);
        }
    }
    for deploy in changes {
        let name = DeployName::from(deploy);
        match exclude::judge(onset, deploy, knowledge) {
            Ok((began, distance)) => {
                let commit = deploy.commit.as_deref();
                let reached = commit.and_then(|commit| reached.get(commit));
                let case = factors::Case {
                    onset,
                    deploy,
                    began,
                    distance,
                    reached,
                    knowledge,
                };
                let factors = factors::weigh(&case);
                let weight = factors.iter().map(|factor| factor.weight).sum();
                let suspect = Suspect {
                    deploy: name,
                    probability: 0.0,
                    minutes_before: factors::minutes_before(onset, began),
                    factors,
                };
                weighed.push(Weighed {
                    suspect,
                    commit,
                    weight,
                });
            }
            Err(reason) => excluded.push(Excluded {
                deploy: name,
                reason,
            }),
        }
    }
    weighed.sort_by(|a, b| {
        let by_weight = b.weight.total_cmp(&a.weight);
        by_weight.then_with(|| a.suspect.deploy.cmp(&b.suspect.deploy))
    });
    let weighed = join_commits(weighed, &mut excluded);
    excluded.sort_by(|a, b| a.deploy.cmp(&b.deploy));
    compare(weighed, excluded)
}

/// One commit that reached several services is one change: else its deploys would take from each other.
fn join_commits<'a>(weighed: Vec<Weighed<'a>>, excluded: &mut Vec<Excluded>) -> Vec<Weighed<'a>> {
    let mut nearest: BTreeMap<&str, DeployName> = BTreeMap::new();
    let mut kept = Vec::new();
    for one in weighed {
        let name = &one.suspect.deploy;
        let known = one.commit.and_then(|commit| nearest.get(commit));
        // The same service again is another deploy of the commit, with its own beginning.
        if let Some(known) = known.filter(|known| known.concern != name.concern) {
            excluded.push(Excluded {
                deploy: name.clone(),
                reason: Reason::SameCommit(known.clone()),
            });
            continue;
        }
        if let Some(commit) = one.commit {
            nearest.entry(commit).or_insert_with(|| name.clone());
        }
        kept.push(one);
    }
    kept
}

/// Weights, the greatest first, are made probabilities. "No change" weighs zero: the others are against it.
fn compare(weighed: Vec<Weighed<'_>>, excluded: Vec<Excluded>) -> Verdict {
    let greatest = weighed.first().map_or(0.0, |one| one.weight).max(0.0);
    let odds = |weight: f64| (weight - greatest).exp();
    let all = odds(0.0) + weighed.iter().map(|one| odds(one.weight)).sum::<f64>();
    let no_change = odds(0.0) / all;
    let suspects: Vec<Suspect> = weighed
        .into_iter()
        .map(|one| Suspect {
            probability: odds(one.weight) / all,
            ..one.suspect
        })
        .collect();
    Verdict {
        answer: Verdict::answer(&suspects, no_change),
        suspects,
        excluded,
        no_change,
    }
}
