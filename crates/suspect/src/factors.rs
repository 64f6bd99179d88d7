//! The reasons for and against one deploy.
//!
//! The weights of `Usual`, `Time` and `Pods` are calculated. The others are judgement: each is the logarithm of how
//! many times more often the sign is expected with a deploy that does harm than without. They are set by what the
//! sign means, not fitted to examples; they may be replaced when enough incidents with a known cause are there.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::Service;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::report::{Change, CheckResult, DeployStage};

use crate::exclude::{Distance, WINDOW};
use crate::knowledge::Knowledge;
use crate::onset::Onset;
use crate::pods;
use crate::verdict::{About, Factor};

/// The share of harm that is slow: leaks, full disks, queues, jobs of the night.
const SLOW: f64 = 0.15;
/// Half of the slow harm is seen within this time.
const SLOW_HALF_LIFE_MINUTES: f64 = 240.0;
/// A deploy of a service that is called does harm to the caller three times less often than its own.
const DIRECT: f64 = -1.1;
/// Each further call: timeouts, fallbacks and retries stand in between.
const FURTHER: f64 = -0.9;
/// A deploy that was stopped longer than this before the alert was gone by then.
const STOPPED_BEFORE: SignedDuration = SignedDuration::from_mins(10);
/// The labels in whose names one of these stands tell of a version; a `1` elsewhere is not one.
const OF_VERSIONS: [&str; 5] = ["version", "image", "tag", "revision", "release"];
/// Of what is shared most services use only a part.
const SHARED: f64 = -1.4;

fn factor(about: About, weight: f64, sentence: impl Into<String>) -> Factor {
    Factor {
        about,
        weight,
        sentence: sentence.into(),
    }
}

/// One deploy before one alert.
pub(crate) struct Case<'a> {
    pub(crate) onset: &'a Onset,
    pub(crate) deploy: &'a Deployed,
    pub(crate) began: Timestamp,
    pub(crate) distance: Distance,
    /// The services that its commit was deployed to.
    pub(crate) reached: Option<&'a BTreeSet<&'a Service>>,
    pub(crate) knowledge: &'a Knowledge,
}

/// Every reason that there is, the weightiest first.
pub(crate) fn weigh(case: &Case<'_>) -> Vec<Factor> {
    let (onset, deploy, knowledge) = (case.onset, case.deploy, case.knowledge);
    let mut factors = vec![
        usual(onset, knowledge),
        time(onset, deploy, case.began, knowledge),
        far(deploy, case.distance),
    ];
    factors.extend(of_pods(onset, deploy));
    factors.extend(of_labels(onset, deploy));
    factors.extend(of_others(case));
    factors.extend(of_canary(onset, deploy));
    factors.extend(of_checks(deploy));
    factors.extend(of_kind(deploy));
    if deploy.is_rollback {
        let sentence = "goes back to a version that ran before";
        factors.push(factor(About::Rollback, -1.5, sentence));
    }
    factors.sort_by(|a, b| (b.weight.abs().total_cmp(&a.weight.abs())).then(a.about.cmp(&b.about)));
    factors
}

/// How often a deploy does harm against how often the service alerts in an hour without one.
fn usual(onset: &Onset, knowledge: &Knowledge) -> Factor {
    let first = onset.first();
    let earlier = onset
        .earlier
        .iter()
        .filter(|episode| episode.began < first && first.duration_since(episode.began) <= WINDOW);
    let today = earlier.count();
    let rate = knowledge.rate(&onset.concern.service);
    let rate = rate.max(today as f64 / WINDOW.as_secs_f64() * 3600.0);
    let sentence = match today {
        0 => format!("the service alerts {rate:.3} times an hour without a deploy"),
        times => format!("the alert fired {times} times in the 24 h before"),
    };
    factor(About::Usual, (knowledge.harm() / rate).ln(), sentence)
}

/// The density of harm, per hour, at this time after the rollout's start.
fn time(onset: &Onset, deploy: &Deployed, began: Timestamp, knowledge: &Knowledge) -> Factor {
    let minutes = minutes_before(onset, began);
    let density = |half_life: f64| {
        let per_hour = 60.0 * std::f64::consts::LN_2 / half_life;
        per_hour * (-std::f64::consts::LN_2 * minutes / half_life).exp()
    };
    let fast = knowledge.half_life(&deploy.concern.service);
    let density = (1.0 - SLOW) * density(fast) + SLOW * density(SLOW_HALF_LIFE_MINUTES);
    let ago = match minutes {
        minutes if minutes < 1.0 => "less than a minute".to_owned(),
        minutes if minutes < 120.0 => format!("{minutes:.0} min"),
        minutes => format!("{:.1} h", minutes / 60.0),
    };
    let sentence = if deploy.start_is_known() {
        format!("started {ago} before the alert")
    } else {
        format!("began {ago} before the alert; its rollout's start was not seen")
    };
    factor(About::Time, density.ln(), sentence)
}

/// How many minutes it began before the first alert.
pub(crate) fn minutes_before(onset: &Onset, began: Timestamp) -> f64 {
    onset.first().duration_since(began).as_secs_f64().max(0.0) / 60.0
}

fn far(deploy: &Deployed, distance: Distance) -> Factor {
    let service = &deploy.concern.service;
    let (weight, sentence) = match distance {
        Distance::Calls(0) => (0.0, "it is the service that alerts".to_owned()),
        Distance::Calls(1) => (DIRECT, format!("the service that alerts calls {service}")),
        Distance::Calls(steps) => (
            DIRECT + FURTHER * (steps - 1) as f64,
            format!("{service} is {steps} calls away"),
        ),
        Distance::Shared => (
            SHARED,
            "it changes what several services are made of".to_owned(),
        ),
    };
    factor(About::Distance, weight, sentence)
}

fn of_pods(onset: &Onset, deploy: &Deployed) -> Option<Factor> {
    // Another service's version is not what these pods run.
    if deploy.concern.service != onset.concern.service {
        return None;
    }
    let (weight, sentence) = pods::weigh(deploy.version.as_ref()?, &onset.running)?;
    // These do harm to pods of every version, so that all alert alike says nothing.
    let beyond_its_pods = [Change::Migration, Change::Platform, Change::ByHand];
    let beyond = deploy
        .changes
        .iter()
        .any(|change| beyond_its_pods.contains(change));
    (weight > 0.0 || !beyond).then(|| factor(About::Pods, weight, sentence))
}

fn of_labels(onset: &Onset, deploy: &Deployed) -> Option<Factor> {
    let named = |version: &Option<String>| {
        let version = version.as_ref()?;
        let of_version = |name: &str| OF_VERSIONS.iter().any(|word| name.contains(word));
        let mut labels = onset.labels.iter().filter(|(name, _)| of_version(name));
        labels
            .find(|(_, label)| *label == version)
            .map(|(_, label)| label)
    };
    let new = named(&deploy.version).map(|version| (1.5, version));
    let found = new.or_else(|| named(&deploy.replaced).map(|version| (-1.5, version)));
    found.map(|(weight, version)| {
        factor(
            About::Labels,
            weight,
            format!("the alert names version {version}"),
        )
    })
}

/// Services that need the changed one, or got the same commit, are expected to alert with it; those that do not are not.
fn of_others(case: &Case<'_>) -> Option<Factor> {
    let (onset, deploy) = (case.onset, case.deploy);
    let changed = &deploy.concern.service;
    if deploy.changes.contains(&Change::SharedBase) || onset.also_alerting.is_empty() {
        return None;
    }
    let reached = |service: &Service| case.reached.is_some_and(|all| all.contains(service));
    let needs =
        |service: &&Service| reached(service) || case.knowledge.steps(service, changed).is_some();
    let with = onset.also_alerting.iter().filter(needs).count();
    let without = onset.also_alerting.len() - with;
    let weight = (0.5 * with.min(3) as f64) - (0.8 * without.min(4) as f64);
    let sentence = format!(
        "{with} others that need {changed} or its commit alert too, and {without} that do not"
    );
    Some(factor(About::Others, weight, sentence))
}

fn of_canary(onset: &Onset, deploy: &Deployed) -> Option<Factor> {
    // What was taken back before the alert did its harm then; an alert that is late by its `for:` may be of it.
    let stopped = deploy
        .at(DeployStage::Aborted)
        .filter(|_| deploy.was_stopped());
    let gone = stopped.is_some_and(|at| onset.first().duration_since(at) > STOPPED_BEFORE);
    if gone {
        let sentence = "had been stopped before the alert";
        return Some(factor(About::Canary, -2.0, sentence));
    }
    let phase = |word: &str| deploy.analyses.iter().any(|run| run.phase == word);
    let dry = || {
        let metrics = deploy.analyses.iter().flat_map(|run| &run.metrics);
        metrics
            .filter(|metric| metric.dry_run && metric.phase == "Failed")
            .count()
            > 0
    };
    let ill = [DeployStage::Degraded, DeployStage::Failed];
    if phase("Failed") {
        Some(factor(About::Canary, 1.8, "its canary's analysis failed"))
    } else if ill.iter().any(|stage| deploy.stages.contains_key(stage)) {
        Some(factor(About::Canary, 1.5, "its rollout failed"))
    } else if deploy.was_stopped() {
        Some(factor(About::Canary, 1.0, "its rollout was stopped"))
    } else if dry() {
        let sentence = "a metric of its canary failed that could not stop it";
        Some(factor(About::Canary, 0.8, sentence))
    } else if phase("Inconclusive") || phase("Error") {
        Some(factor(
            About::Canary,
            0.3,
            "its canary's analysis told nothing",
        ))
    } else if phase("Successful") {
        Some(factor(
            About::Canary,
            -0.7,
            "its canary's analysis was good",
        ))
    } else {
        None
    }
}

fn of_checks(deploy: &Deployed) -> Option<Factor> {
    let check = |result| deploy.checks.iter().find(|check| check.result == result);
    let failed = check(CheckResult::Failed).map(|check| (0.5, check, "had failed"));
    let found = failed.or_else(|| {
        check(CheckResult::Flaky).map(|check| (0.2, check, "passed only when tried again"))
    });
    found.map(|(weight, check, how)| {
        factor(
            About::Checks,
            weight,
            format!("the check {} {how}", check.name),
        )
    })
}

fn of_kind(deploy: &Deployed) -> Option<Factor> {
    let weights = deploy.changes.iter().map(|change| -> (f64, &str) {
        match change {
            Change::ByHand => (0.5, "made in the cluster by hand, past every check"),
            Change::Migration => (0.4, "migrates a database"),
            Change::Platform => (0.2, "changes a resource, a role or a network rule"),
            Change::Version => (0.0, "brings another version"),
            Change::SharedBase => (0.0, "changes a shared base"),
            // About as many incidents come from settings as from versions, with fewer tests before them.
            Change::Config => (0.0, "changes settings"),
            Change::Capacity => (-0.5, "changes how many run"),
        }
    });
    let riskiest = weights.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(factor(About::Kind, riskiest.0, riskiest.1))
}
