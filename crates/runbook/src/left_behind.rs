//! Holds that earlier recoveries on this machine left behind on what was put back now: as long as one
//! stands, auto-sync is not as it was.

use ripcord_connect::Cluster;
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::proof::Missing;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{HoldRecord, Recovery, Restored};

use crate::holds;
use crate::prepare::Prepared;
use crate::record::Record;

/// Lets go what other recoveries of the same services hold of these Applications; whose lock is this run's, so
/// nobody is at work on them. What still stands is missing. What is held for other services is only said.
///
/// # Errors
/// The record cannot be kept.
pub(crate) async fn let_go(record: &Record, prepared: &Prepared) -> Result<Vec<Missing>, Problem> {
    let mut missing = Vec::new();
    for mut other in record.unfinished_others()? {
        for (clusters, observed, _) in &prepared.observed {
            let app = &observed.app.name;
            if !holds(&other, app) || is_held_by_us(record, app) {
                continue;
            }
            if !is_of_ours(record, &other) {
                record.note(format!("{app} is held by {} for other services", other.id));
                continue;
            }
            let stands = one(record, &clusters.argo, &mut other, app).await?;
            missing.extend(stands.map(|why| {
                Missing::new(
                    "held_by_another",
                    format!(
                        "{app} is still held by {}: {why}; `ripcord release {}` lets go",
                        other.id, other.id
                    ),
                )
            }));
        }
    }
    Ok(missing)
}

fn holds(recovery: &Recovery, app: &AppName) -> bool {
    holds::holds_of(recovery, app).next().is_some()
}

/// While this one still holds, letting another's go would change nothing.
fn is_held_by_us(record: &Record, app: &AppName) -> bool {
    holds(&record.snapshot(), app)
}

/// Whether all services of another recovery are ones of this.
fn is_of_ours(record: &Record, other: &Recovery) -> bool {
    let ours = record.snapshot().services;
    let is_ours = |one: &Restored| {
        let mut ours = ours.iter();
        ours.any(|our| (&our.service, &our.environment) == (&one.service, &one.environment))
    };
    other.services.iter().all(is_ours)
}

/// Lets go what one recovery holds of one Application; why it still stands, if so.
async fn one(
    record: &Record,
    argo: &Cluster,
    other: &mut Recovery,
    app: &AppName,
) -> Result<Option<String>, Problem> {
    let standing: Vec<HoldRecord> = holds::holds_of(other, app).cloned().collect();
    for hold in standing {
        if let Err(error) = holds::let_go(argo, &other.id, &hold).await {
            return Ok(Some(error.to_string()));
        }
        let now = record.now();
        for known in other.holds.iter_mut().filter(|known| **known == hold) {
            known.released = Some(now);
        }
        record.save_other(other)?;
        record.note(format!(
            "{app}: what {} had left behind is let go too",
            other.id
        ));
    }
    Ok(None)
}
