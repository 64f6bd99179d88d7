//! ApplicationSets that take the version from what they generate from: told to look, and waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ripcord_connect::{Cluster, ConnectError, argocd, sets};
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::proof::Missing;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{StepKind, StepState};

use crate::applications::SettingsFrom;
use crate::holds;
use crate::prepare::Prepared;
use crate::record::Record;

/// How often it is looked whether a set has done it.
const GLANCE: Duration = Duration::from_millis(100);

/// What is missing of Applications that did not get their settings: a sync would deploy the bad version.
pub(crate) type Left = BTreeMap<AppName, Missing>;

/// Has every set whose parameters changed make its Applications anew.
///
/// # Errors
/// The record cannot be kept; the cluster refuses.
pub(crate) async fn generate(
    record: &Record,
    prepared: &Prepared,
    patience: Duration,
) -> Result<Left, Problem> {
    let until = Instant::now() + patience;
    let mut left = Left::new();
    let of_sets = || {
        let each = prepared.observed.iter();
        each.filter_map(|(clusters, observed, _)| match &observed.settings_from {
            Some(SettingsFrom::Set(set)) => Some((set, &clusters.argo, observed)),
            _ => None,
        })
    };
    let names: BTreeSet<&AppName> = of_sets().map(|(set, ..)| set).collect();
    for set in names {
        let made: Vec<_> = of_sets()
            .filter(|(one, ..)| *one == set)
            .map(|(_, argo, observed)| (argo, &observed.app.name, &observed.aim))
            .collect();
        let Some((argo, ..)) = made.first() else {
            continue;
        };
        let what = format!("ApplicationSet {set} makes its Applications anew");
        let begun = record.start(StepKind::Generate, None, what)?;
        let is_told = match ask(argo, record, set).await {
            Ok(is_told) => is_told,
            Err(error) => {
                record.end(begun, StepState::Failed, error.to_string())?;
                return Err(error.into());
            }
        };
        let mut missing = Left::new();
        for (argo, app, _) in &made {
            if !is_told {
                // A comparison has Argo CD ask Git anew where the branch is, which the set hears of too.
                argocd::refresh(argo, app).await?;
            }
        }
        for (argo, app, aim) in &made {
            let waits = Waits {
                argo,
                set,
                app,
                aim,
                is_told,
            };
            if let Some(one) = waits.until(until).await? {
                missing.insert((*app).clone(), one);
            }
        }
        if missing.is_empty() {
            record.end(begun, StepState::Done, "")?;
        } else {
            let what: Vec<&str> = missing.values().map(|one| one.what.as_str()).collect();
            record.end(begun, StepState::Failed, what.join("; "))?;
        }
        left.extend(missing);
    }
    Ok(left)
}

/// Tells a set to look; whether it was told.
async fn ask(argo: &Cluster, record: &Record, set: &AppName) -> Result<bool, ConnectError> {
    match holds::again(|| sets::regenerate(argo, set)).await {
        Ok(()) => Ok(true),
        Err(ConnectError::Forbidden { why, .. } | ConnectError::Refused { why, .. }) => {
            record.note(format!(
                "ApplicationSet {set} cannot be told to look ({why}): it looks by itself, by default within 3 minutes"
            ));
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// One Application that is to get its settings.
struct Waits<'a> {
    argo: &'a Cluster,
    set: &'a AppName,
    app: &'a AppName,
    aim: &'a Aim,
    is_told: bool,
}

impl Waits<'_> {
    /// What is missing when patience ends.
    async fn until(&self, until: Instant) -> Result<Option<Missing>, Problem> {
        loop {
            let missing = match self.glance().await {
                Ok(missing) => missing,
                Err(error) if error.may_pass() => {
                    Some(Missing::new("cluster_away", error.to_string()))
                }
                // That it is gone is said by whoever waits for its pods.
                Err(ConnectError::Missing { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            if missing.is_none() || Instant::now() > until {
                return Ok(missing);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn glance(&self) -> Result<Option<Missing>, ConnectError> {
        let has_looked = !self.is_told || sets::is_regenerated(self.argo, self.set).await?;
        let app = argocd::application(self.argo, self.app).await?;
        // That it has looked is not enough: a set may be told to leave what it made as it is.
        if has_looked && !self.aim.is_bad_in(&app.settings) {
            return Ok(None);
        }
        Ok(Some(Missing::new(
            "not_generated",
            format!(
                "{}: ApplicationSet {} has not given it the good version yet",
                self.app, self.set
            ),
        )))
    }
}
