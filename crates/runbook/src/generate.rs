//! ApplicationSets that take the version from what they generate from: told to look, and waited for.

use std::collections::BTreeMap;
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
    let mut sets: BTreeMap<&AppName, Set<'_>> = BTreeMap::new();
    for (clusters, observed, _) in &prepared.observed {
        let Some(SettingsFrom::Set(name)) = &observed.settings_from else {
            continue;
        };
        let app = &observed.app.name;
        let part = before.parts.iter().find(|part| part.application == *app);
        let made = Made {
            app,
            aim: &observed.aim,
            // Where nothing was pushed they may be as they shall be.
            found: part
                .and_then(|part| part.found_with.as_deref())
                .filter(|_| before.plan.pushed.is_some()),
        };
        let set = sets.entry(name).or_insert_with(|| Set {
            argo: &clusters.argo,
            name,
            made: Vec::new(),
        });
        set.made.push(made);
    }
    let mut left = Left::new();
    for set in sets.values() {
        let what = format!("ApplicationSet {} makes its Applications anew", set.name);
        let begun = record.start(StepKind::Generate, None, what)?;
        let missing = match set.until(record, until).await {
            Ok(missing) => missing,
            Err(error) => {
                record.end(begun, StepState::Failed, error.to_string())?;
                return Err(error.into());
            }
        };
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

/// A set, with the Applications that are to get their settings from it.
struct Set<'a> {
    argo: &'a Cluster,
    name: &'a AppName,
    made: Vec<Made<'a>>,
}

/// One Application that is to get its settings.
struct Made<'a> {
    app: &'a AppName,
    aim: &'a Aim,
    /// The digest of the settings that it had at the beginning, where they are to be others.
    found: Option<&'a str>,
}

impl Set<'_> {
    /// Tells it to look until all have their settings; what is missing when patience ends.
    async fn until(&self, record: &Record, until: Instant) -> Result<Left, ConnectError> {
        let mut told: Option<Instant> = None;
        let mut is_said = false;
        loop {
            if told.is_none_or(|at| at.elapsed() > TELL_AGAIN) {
                told = Some(Instant::now());
                if let Some(why) = self.tell().await?
                    && !std::mem::replace(&mut is_said, true)
                {
                    record.note(format!(
                        "ApplicationSet {} cannot be told to look ({why}): it looks by itself, by default within 3 minutes",
                        self.name
                    ));
                }
            }
            let mut left = Left::new();
            for made in &self.made {
                let missing = self.missing_of(made).await?;
                left.extend(missing.map(|missing| (made.app.clone(), missing)));
            }
            if left.is_empty() || Instant::now() > until {
                return Ok(left);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Tells it to look; why it cannot be told, if so.
    async fn tell(&self) -> Result<Option<String>, ConnectError> {
        match sets::regenerate(self.argo, self.name).await {
            Err(ConnectError::Forbidden { why, .. } | ConnectError::Refused { why, .. }) => {
                // A comparison has Argo CD ask Git anew where the branch is; the set hears of it.
                for made in &self.made {
                    argocd::refresh(self.argo, made.app).await?;
                }
                Ok(Some(why))
            }
            Err(error) if !error.may_pass() => Err(error),
            _ => Ok(None),
        }
    }

    /// Only what the Application says tells: that the set has looked does not, and it may be told to leave
    /// what it made as it is.
    async fn missing_of(&self, made: &Made<'_>) -> Result<Option<Missing>, ConnectError> {
        let app = match argocd::application(self.argo, made.app).await {
            Ok(app) => app,
            // That it is gone is said by whoever waits for its pods.
            Err(ConnectError::Missing { .. }) => return Ok(None),
            Err(error) if error.may_pass() => {
                return Ok(Some(Missing::new("cluster_away", error.to_string())));
            }
            Err(error) => return Err(error),
        };
        let is_old = if made.aim.tells() {
            made.aim.is_bad_in(&app.settings)
        } else {
            made.found
                .is_some_and(|found| found == digest_of(&app.settings))
        };
        Ok(is_old.then(|| {
            Missing::new(
                "not_generated",
                format!(
                    "{}: ApplicationSet {} has not given it the good version yet",
                    made.app, self.name
                ),
            )
        }))
    }
}
