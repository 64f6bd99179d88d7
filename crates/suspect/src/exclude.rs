//! Deploys that cannot be the cause, whatever else speaks for them.

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::Environment;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::report::{Change, DeployStage};

use crate::knowledge::Knowledge;
use crate::onset::Onset;
use crate::verdict::Reason;

/// How far back is looked.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// How far a deploy is from what alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distance {
    /// So many calls; none: it is the service itself.
    Calls(usize),
    /// No call is known, and it changes what several services are made of.
    Shared,
}

/// Whether what runs in one is in the other: the same, or a part of it such as `production/eu` of `production`.
pub(crate) fn same_environment(one: &Environment, other: &Environment) -> bool {
    one == other || one.answers_to(other.as_str()) || other.answers_to(one.as_str())
}

/// When a deploy could do harm first. If its start was not seen and its later stages are after the alert, it was
/// on its way when the alert began, and only its commit tells since when.
pub(crate) fn began(deploy: &Deployed, onset: Timestamp) -> Option<Timestamp> {
    let began = deploy.began()?;
    let on_its_way = deploy
        .at(DeployStage::Committed)
        .filter(|merged| !deploy.start_is_known() && began > onset && *merged <= onset);
    Some(on_its_way.unwrap_or(began))
}

/// When it began and how far it is, or why it cannot be the cause.
pub(crate) fn judge(
    onset: &Onset,
    deploy: &Deployed,
    knowledge: &Knowledge,
) -> Result<(Timestamp, Distance), Reason> {
    if !same_environment(&onset.concern.environment, &deploy.concern.environment) {
        return Err(Reason::OtherEnvironment);
    }
    let cluster = onset.labels.get("cluster").zip(deploy.cluster.as_ref());
    if cluster.is_some_and(|(alerting, deployed)| alerting != deployed) {
        return Err(Reason::OtherCluster);
    }
    let first = onset.first();
    let began = began(deploy, first).ok_or(Reason::NoBeginning)?;
    if began > onset.began {
        return Err(Reason::AfterOnset);
    }
    if began > first {
        return Err(Reason::AlreadyFiring);
    }
    if first.duration_since(began) > WINDOW {
        return Err(Reason::TooOld);
    }
    let steps = knowledge.steps(&onset.concern.service, &deploy.concern.service);
    let shared = || {
        let shared = deploy.changes.contains(&Change::SharedBase);
        shared.then_some(Distance::Shared)
    };
    let distance = steps.map(Distance::Calls).or_else(shared);
    distance
        .map(|distance| (began, distance))
        .ok_or(Reason::NoPath)
}
