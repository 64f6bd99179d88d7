//! ApplicationSets that take the version from what they generate from: told to look, and waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ripcord_connect::{Cluster, ConnectError, argocd, sets};
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::proof::Missing;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{StepKind, StepState};
use sha2::{Digest as _, Sha256};

use crate::applications::SettingsFrom;
use crate::prepare::Prepared;
use crate::record::Record;

/// How often it is looked whether a set has done it.
const GLANCE: Duration = Duration::from_millis(100);
/// How often it is told. A set that is at work takes the mark away unheard
/// (`docs/concepts/argo-cd-facts.md`).
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// What is missing of Applications that did not get their settings: a sync would deploy the bad version.
pub(crate) type Left = BTreeMap<AppName, Missing>;

/// Settings without what they say, which may be secret.
pub(crate) fn digest_of(settings: &str) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(settings.as_bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

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
    let before = record.snapshot();
    let mut waits = Vec::new();
    for (clusters, observed, _) in &prepared.observed {
        let Some(SettingsFrom::Set(set)) = &observed.settings_from else {
            continue;
        };
        let app = &observed.app.name;
        let part = before.parts.iter().find(|part| part.application == *app);
        waits.push(Waits {
            argo: &clusters.argo,
            set,
            app,
            aim: &observed.aim,
            // Where nothing was pushed they may be as they shall be.
            found: part
                .and_then(|part| part.found_with.as_deref())
                .filter(|_| before.plan.pushed.is_some()),
        });
    }
    let mut left = Left::new();
    let names: BTreeSet<&AppName> = waits.iter().map(|one| one.set).collect();
    for set in names {
        let what = format!("ApplicationSet {set} makes its Applications anew");
        let begun = record.start(StepKind::Generate, None, what)?;
        let mut missing = Left::new();
        for one in waits.iter().filter(|one| one.set == set) {
            match one.until(record, until).await {
                Ok(None) => {}
                Ok(Some(what)) => {
                    missing.insert(one.app.clone(), what);
                }
                Err(error) => {
                    record.end(begun, StepState::Failed, error.to_string())?;
                    return Err(error.into());
                }
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

/// One Application that is to get its settings.
struct Waits<'a> {
    argo: &'a Cluster,
    set: &'a AppName,
    app: &'a AppName,
    aim: &'a Aim,
    /// The digest of the settings that it had at the beginning, where they are to be others.
    found: Option<&'a str>,
}

impl Waits<'_> {
    /// What is missing when patience ends.
    async fn until(
        &self,
        record: &Record,
        until: Instant,
    ) -> Result<Option<Missing>, ConnectError> {
        let mut told: Option<Instant> = None;
        let mut is_said = false;
        loop {
            if told.is_none_or(|at| at.elapsed() > TELL_AGAIN) {
                told = Some(Instant::now());
                match sets::regenerate(self.argo, self.set).await {
                    Err(
                        ConnectError::Forbidden { why, .. } | ConnectError::Refused { why, .. },
                    ) => {
                        if !is_said {
                            record.note(format!(
                                "ApplicationSet {} cannot be told to look ({why}): it looks by itself, by default within 3 minutes",
                                self.set
                            ));
                        }
                        is_said = true;
                        // A comparison has Argo CD ask Git anew where the branch is; the set hears of it.
                        argocd::refresh(self.argo, self.app).await?;
                    }
                    Err(error) if !error.may_pass() => return Err(error),
                    _ => {}
                }
            }
            let missing = match self.glance().await {
                Ok(missing) => missing,
                Err(error) if error.may_pass() => {
                    Some(Missing::new("cluster_away", error.to_string()))
                }
                // That it is gone is said by whoever waits for its pods.
                Err(ConnectError::Missing { .. }) => None,
                Err(error) => return Err(error),
            };
            if missing.is_none() || Instant::now() > until {
                return Ok(missing);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Only what the Application says tells: that the set has looked does not, and it may be told to leave
    /// what it made as it is.
    async fn glance(&self) -> Result<Option<Missing>, ConnectError> {
        let app = argocd::application(self.argo, self.app).await?;
        let is_old = if self.aim.tells() {
            self.aim.is_bad_in(&app.settings)
        } else {
            self.found
                .is_some_and(|found| found == digest_of(&app.settings))
        };
        Ok(is_old.then(|| {
            Missing::new(
                "not_generated",
                format!(
                    "{}: ApplicationSet {} has not given it the good version yet",
                    self.app, self.set
                ),
            )
        }))
    }
}
