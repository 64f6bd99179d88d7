//! How long something of a deployment took: two recorded instants, or why there is no span.

use jiff::Timestamp;
use ripcord_domain::incident::instant::{Instant, Moment};
use ripcord_domain::incident::report::DeployStage;
use ripcord_domain::incident::{Alert, Incident, State};

use crate::figure::Counts;
use crate::judge::{Judged, Outcome};
use crate::reason::Reason;
use crate::rollout::Kind;

/// From the commit on the branch that is deployed to the new version healthy everywhere.
pub(crate) fn lead_time(judged: &Judged<'_>) -> Counts {
    let rollout = &judged.rollout;
    if judged.kind == Kind::Rollback {
        return Counts::no(Reason::BringsNoChange);
    }
    if rollout.returns {
        return Counts::no(Reason::DeployedBefore);
    }
    let needed = |stage, moment| rollout.at(stage).ok_or(Reason::NotRecorded { moment });
    let span = || {
        let from = needed(DeployStage::Committed, Moment::Merged)?;
        let to = needed(DeployStage::Healthy, Moment::DeployHealthy)?;
        took(from, to)
    };
    span().unwrap_or_else(Counts::no)
}

/// From the first sign of harm, or from the deployment's start, until the service worked again: over all incidents that
/// the deployment is charged with, from the first to the last.
pub(crate) fn recovery(judged: &Judged<'_>, from: Moment, as_of: Timestamp) -> Counts {
    if !matches!(judged.outcome, Outcome::Failed { .. }) {
        return Counts::no(Reason::DidNotFail);
    }
    if judged.incidents.is_empty() {
        return Counts::no(Reason::NoIncident);
    }
    let each = |moment| {
        let cause = Some(judged.rollout.first);
        let incidents = judged.incidents.iter();
        incidents
            .map(move |incident| recorded(incident.instants(cause, &[]), moment))
            .collect::<Result<Vec<Timestamp>, Reason>>()
    };
    let begun = each(from).map(|all| all.into_iter().min());
    if judged.incidents.iter().any(|incident| goes_on(incident)) {
        let begun = begun.ok().flatten();
        return Counts::GoesOn {
            milliseconds: begun.map(|from| (as_of.as_millisecond() - from.as_millisecond()).max(0)),
        };
    }
    let span = || {
        let begun = begun?;
        let ended = each(Moment::Restored)?.into_iter().max();
        begun
            .zip(ended)
            .map_or(Err(Reason::NoIncident), |(from, to)| took(from, to))
    };
    span().unwrap_or_else(Counts::no)
}

/// Whether the service does not work yet: an alert fires, or nothing tells that it is over and nobody closed it. That a
/// person closed it while an alert fires does not make the service work.
fn goes_on(incident: &Incident) -> bool {
    let restored = recorded_at_all(incident, Moment::Restored);
    let untold = incident.alerts.is_empty() && incident.state() != State::Closed;
    let corrected = incident.corrected.contains_key(&Moment::Restored);
    !restored && !corrected && (untold || incident.alerts.values().any(Alert::fires))
}

fn recorded_at_all(incident: &Incident, moment: Moment) -> bool {
    let instants = incident.instants(None, &[]);
    instants
        .iter()
        .any(|instant| instant.moment == moment && instant.at.is_some())
}

/// An instant that a source told or a person corrected. What was only concluded is by another clock.
fn recorded(instants: Vec<Instant>, moment: Moment) -> Result<Timestamp, Reason> {
    let mut of_it = instants.into_iter().filter(|one| one.moment == moment);
    let sure = of_it.find(|one| one.inferred.is_none());
    let at = sure.and_then(|one| one.at);
    at.ok_or(Reason::NotRecorded { moment })
}

fn took(from: Timestamp, to: Timestamp) -> Result<Counts, Reason> {
    if to < from {
        return Err(Reason::Contradictory { from, to });
    }
    Ok(Counts::Took {
        milliseconds: to.as_millisecond() - from.as_millisecond(),
    })
}
