//! What runs where, since when, by whom; and what ran before.

use jiff::Timestamp;
use ripcord_domain::catalog::Skipped;
use ripcord_domain::problem::Problem;
use ripcord_domain::target::version_of;
use ripcord_domain::timeline::{Ended, State};
use ripcord_domain::{Environment, Service, Unit};
use ripcord_git::Repo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::{self, Until};
use crate::survey::{self, Extent, Place};

/// What a person wants to see.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these services; empty is all.
    pub services: Vec<String>,
    /// Only this environment.
    pub environment: Option<String>,
}

/// `ripcord status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The number of the JSON form.
    pub schema: u32,
    /// The remote, without credentials.
    pub remote: String,
    /// The branch.
    pub branch: String,
    /// Its tip, in hex.
    pub commit: String,
    /// One row for each service in each environment.
    pub services: Vec<Row>,
    /// Files that could not be read.
    pub unreadable: Vec<Unread>,
    /// Versions that belong to no service that could be named.
    pub unowned: Vec<Unread>,
}

/// A file that says nothing usable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// The file.
    pub path: String,
    /// Why.
    pub why: String,
}

/// One service in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// The version.
    pub version: String,
    /// When it was deployed.
    pub since: Option<Timestamp>,
    /// By whom.
    pub author: Option<String>,
    /// The commit, in hex.
    pub commit: Option<String>,
    /// The pull request.
    pub pull_request: Option<String>,
    /// Such as `rolled_back` (it stands on a rollback) or `shared` (others run the same line).
    pub flags: Vec<String>,
    /// The files that declare it.
    pub paths: Vec<String>,
}

/// Reads the status at a tip.
///
/// # Errors
/// Unknown names, unreadable repository.
pub fn status(
    repo: &Repo,
    place: &Place,
    filter: &Filter,
    now: Timestamp,
) -> Result<Status, Problem> {
    let names: Vec<&str> = filter.services.iter().map(String::as_str).collect();
    let catalog = if names.is_empty() {
        survey::catalog(repo, place, Extent::Whole)?
    } else {
        survey::catalog_of(repo, place, &names)?
    };
    let mut units: Vec<&Unit> = catalog.units.values().collect();
    if !filter.services.is_empty() {
        let mut wanted = Vec::new();
        for name in &filter.services {
            let service = place.settings.service(name);
            let before = wanted.len();
            wanted.extend(units.iter().filter(|unit| unit.service == service).copied());
            if wanted.len() == before {
                catalog.find(&place.settings, name, None)?;
            }
        }
        units = wanted;
    }
    if let Some(environment) = &filter.environment {
        let asked = place.settings.environment(environment);
        let one = filter.services.first().filter(|_| {
            units
                .iter()
                .all(|u| !u.environment.answers_to(asked.as_str()))
        });
        if let Some(service) = one {
            catalog.find(&place.settings, service, Some(environment))?;
        }
        units.retain(|unit| unit.environment.answers_to(asked.as_str()));
    }
    units.sort_by_key(|unit| {
        (
            unit.service.clone(),
            place.settings.rank(&unit.environment),
            unit.environment.clone(),
        )
    });
    let timelines = history::timelines(repo, &place.settings, place.tip, &units, Until::Last)?;
    let services = units
        .iter()
        .map(|unit| {
            let timeline = timelines.get(&unit.name());
            let last = timeline.and_then(|t| t.deploys.last());
            let mut flags = Vec::new();
            let judged = timeline.map(|t| t.judge(now));
            if judged
                .and_then(|j| j.verdicts.last().map(|v| v.is_rollback))
                .unwrap_or_default()
            {
                flags.push("rolled_back".to_owned());
            }
            if unit.places.iter().any(|p| !p.shared_with.is_empty()) {
                flags.push("shared".to_owned());
            }
            let mut paths: Vec<String> = unit.places.iter().map(|p| p.id.path.clone()).collect();
            paths.dedup();
            Row {
                service: unit.service.clone(),
                environment: unit.environment.clone(),
                version: unit.version().to_owned(),
                since: last.map(|d| d.at),
                author: last.map(|d| d.author.clone()),
                commit: last.map(|d| d.commit.clone()),
                pull_request: last.and_then(|d| d.pull_request.clone()),
                flags,
                paths,
            }
        })
        .collect();
    let list = |skipped: &[Skipped]| {
        skipped
            .iter()
            .map(|s| Unread {
                path: s.path.clone(),
                why: s.why.clone(),
            })
            .collect::<Vec<_>>()
    };
    Ok(Status {
        schema: ripcord_domain::plan::SCHEMA,
        remote: repo.remote().to_string(),
        branch: place.branch.clone(),
        commit: place.tip.to_string(),
        services,
        unreadable: list(&catalog.unreadable),
        unowned: list(&catalog.unowned),
    })
}

/// `ripcord history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// The number of the JSON form.
    pub schema: u32,
    /// The remote, without credentials.
    pub remote: String,
    /// The branch.
    pub branch: String,
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// Whether the oldest entry is the first deploy ever.
    pub complete: bool,
    /// Newest first.
    pub deploys: Vec<Entry>,
}

/// One deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// The version before; none for the first.
    pub from: Option<String>,
    /// The version after; empty when the service was removed.
    pub to: String,
    /// When.
    pub at: Timestamp,
    /// For how long it served; for what still runs, until now.
    pub served_seconds: i64,
    /// How it ended.
    pub ended: Ended,
    /// Whether this deploy was a rollback.
    pub rollback: bool,
    /// Who wrote the commit.
    pub author: String,
    /// The pull request.
    pub pull_request: Option<String>,
    /// The commit, in hex.
    pub commit: String,
    /// The first line of the message.
    pub subject: String,
}

/// Reads one service's deploys, `limit` at the most.
///
/// # Errors
/// Unknown names, unreadable repository.
pub fn history(
    repo: &Repo,
    place: &Place,
    service: &str,
    environment: Option<&str>,
    limit: Option<usize>,
    now: Timestamp,
) -> Result<History, Problem> {
    let catalog = survey::catalog_of(repo, place, &[service])?;
    let unit = catalog.find(&place.settings, service, environment)?;
    // One more than is shown, so that the oldest shown is judged with what came before it.
    let until = limit.map_or(Until::Beginning, |limit| Until::Enough {
        deploys: limit + 1,
        commits: usize::MAX,
    });
    let timeline = history::timelines(repo, &place.settings, place.tip, &[unit], until)?
        .remove(&unit.name())
        .unwrap_or_default();
    let judgement = timeline.judge(now);
    let primary = unit.places.first().map(|p| &p.id);
    let named = |state: &State| {
        if state.is_empty() {
            String::new()
        } else {
            version_of(state, primary)
        }
    };
    let deploys = timeline
        .deploys
        .iter()
        .zip(&judgement.verdicts)
        .rev()
        .take(limit.unwrap_or(usize::MAX))
        .map(|(deploy, verdict)| Entry {
            from: deploy.before.as_ref().map(named),
            to: named(&deploy.after),
            at: deploy.at,
            served_seconds: verdict.served_seconds,
            ended: verdict.ended,
            rollback: verdict.is_rollback,
            author: deploy.author.clone(),
            pull_request: deploy.pull_request.clone(),
            commit: deploy.commit.clone(),
            subject: deploy.subject.clone(),
        })
        .collect();
    Ok(History {
        schema: ripcord_domain::plan::SCHEMA,
        remote: repo.remote().to_string(),
        branch: place.branch.clone(),
        service: unit.service.clone(),
        environment: unit.environment.clone(),
        complete: timeline.complete,
        deploys,
    })
}
