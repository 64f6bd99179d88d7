//! The figures of delivery, read from the records.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::deploy::{Deployed, deploys};
use ripcord_domain::incident::event::Concern;
use ripcord_metrics::{Doubt, Metrics, Period, Request, Rules};
use ripcord_store::{EventNumber, Records, StoreError};

use crate::CaseError;
use crate::case::suspicion;

/// How far before the periods that are compared deploys are read: what a rollback went back from is older than it.
const BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Only this service; none: every one.
    pub service: Option<String>,
    /// Only this environment; none: every one.
    pub environment: Option<String>,
    /// Over which deployments.
    pub period: Period,
    /// Now.
    pub now: Timestamp,
    /// What counts as what.
    pub rules: Rules,
}

/// Counts the figures of delivery.
///
/// # Errors
/// The records cannot be read; nothing is known of what is asked for.
pub fn metrics(records: &mut dyn Records, asked: &Asked) -> Result<Metrics, CaseError> {
    let Period { from, to } = asked.period;
    // The period before is of the same length; what came of its deployments came later.
    let length = to.duration_since(from).saturating_mul(2);
    let since = to
        .saturating_sub(length.saturating_add(BEFORE))
        .unwrap_or(Timestamp::MIN);
    let told = records.events_of_production(since, Timestamp::MAX)?;
    let deployed = deploys(&told);
    let incidents = records.incidents(u32::MAX)?;
    let first = records.events_after(EventNumber::default(), 1)?;
    let mut doubts = Vec::new();
    for incident in &incidents {
        doubts.extend(doubts_of(records, incident, &deployed)?);
    }
    let applications = applications(asked, &incidents, &deployed);
    let is_narrow = asked.service.is_some() || asked.environment.is_some();
    if applications.is_empty() && is_narrow {
        // To `Metrics` none means every one.
        return Err(CaseError::NothingKnown);
    }
    let request = Request {
        applications,
        period: asked.period,
        as_of: asked.now,
        recorded_since: first.first().map(|(_, event)| event.received),
        doubts,
        rules: asked.rules,
    };
    Ok(Metrics::of(&request, &incidents, &deployed))
}

/// The deploys that are suspected of an incident of which nobody said the cause.
fn doubts_of(
    records: &mut dyn Records,
    incident: &Incident,
    deployed: &[Deployed],
) -> Result<Vec<Doubt>, StoreError> {
    if incident.cause(deployed).is_some() {
        return Ok(Vec::new());
    }
    let events = records.events_of(&incident.id)?;
    let verdict = suspicion(records, incident, &events, deployed)?;
    let suspects = verdict.into_iter().flat_map(|verdict| verdict.suspects);
    let doubts = suspects.map(|suspect| Doubt {
        deploy: suspect.deploy.id,
        concern: suspect.deploy.concern,
        incident: incident.id.clone(),
    });
    Ok(doubts.collect())
}

/// The applications that are asked for: of those that anything is known of; none where every one is meant.
fn applications(asked: &Asked, incidents: &[Incident], deployed: &[Deployed]) -> BTreeSet<Concern> {
    if asked.service.is_none() && asked.environment.is_none() {
        return BTreeSet::new();
    }
    let of_incidents = incidents.iter().flat_map(|incident| &incident.concerns);
    let known = of_incidents.chain(deployed.iter().map(|deploy| &deploy.concern));
    let is = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|one| one == name);
    let meant = known.filter(|concern| {
        is(&asked.service, concern.service.as_str())
            && is(&asked.environment, concern.environment.as_str())
    });
    meant.cloned().collect()
}
