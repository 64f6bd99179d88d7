//! What runs where, since when, by whom; and what ran before.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ripcord_domain::catalog::Skipped;
use ripcord_domain::live::bot::Passing;
use ripcord_domain::names::nearest;
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::HoldRecord;
use ripcord_domain::target::named_move;
use ripcord_domain::timeline::{Deploy, Ended, State, Timeline};
use ripcord_domain::{Catalog, Environment, Service, Unit};
use ripcord_git::Repo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::freshen::freshened;
use crate::history::{self, Until};
use crate::problems::from_repo;
use crate::survey::{self, Extent, Place};

/// Deploys of a service among which its last one is judged. A return over more of them counts only
/// when the commit says that it is one; to know all of them would take the whole past of each service.
const JUDGED: usize = 5;

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
    /// What recoveries of this machine hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<HoldRecord>,
    /// Bots that recoveries of this machine told to pass versions over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bots: Vec<Passing>,
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
/// The whole of it needs the whole history: it is read once, kept, and later only extended. The
/// answer for a tip does not change either.
///
/// # Errors
/// Unknown names, unreadable repository.
pub fn status(repo: &Repo, place: &Place, filter: &Filter) -> Result<Status, Problem> {
    let meaning = format!("{:?}", place.settings.config);
    let kept = place.index.as_ref().and_then(|index| {
        let (tip, text) = index.kept("status", &meaning)?;
        let whole = serde_json::from_str::<Status>(&text).ok()?;
        Some((tip, whole))
    });
    let kept = match kept {
        Some((tip, whole)) if tip == place.tip => return filtered(repo, place, filter, whole),
        kept => kept,
    };
    if filter.services.is_empty() {
        // When each service was deployed last is a question to all of the past.
        if repo.is_shallow() {
            repo.deepen(&place.branch, None).map_err(from_repo)?;
        }
        if let Some(index) = &place.index {
            index.extend(repo, &place.settings, place.tip)?;
        }
        let fresh = match kept {
            Some((tip, whole)) => freshened(repo, place, tip, whole)?,
            None => None,
        };
        let whole = if let Some(fresh) = fresh {
            fresh
        } else {
            let catalog = survey::catalog(repo, place, Extent::Whole)?;
            of_catalog(repo, place, &catalog, catalog.units.values().collect())?
        };
        if let (Some(index), Ok(text)) = (&place.index, serde_json::to_string(&whole)) {
            index.keep("status", place.tip, &meaning, &text);
        }
        return filtered(repo, place, filter, whole);
    }
    let names: Vec<&str> = filter.services.iter().map(String::as_str).collect();
    let catalog = survey::catalog_of(repo, place, &names)?;
    let wanted: Vec<Service> = names
        .iter()
        .map(|name| place.settings.service(name))
        .collect();
    let units = catalog
        .units
        .values()
        .filter(|unit| wanted.contains(&unit.service))
        .collect();
    let some = of_catalog(repo, place, &catalog, units)?;
    filtered(repo, place, filter, some)
}

/// The rows that were asked for.
///
/// # Errors
/// A service or an environment that no row has; the catalog then says what is near.
fn filtered(
    repo: &Repo,
    place: &Place,
    filter: &Filter,
    mut status: Status,
) -> Result<Status, Problem> {
    let settings = &place.settings;
    let unknown = |service: &str, environment: Option<&str>| -> Problem {
        match survey::catalog(repo, place, Extent::Whole) {
            Ok(catalog) => match catalog.find(settings, service, environment) {
                Err(problem) => problem,
                Ok(_) => Problem::new(
                    Kind::Internal,
                    "unknown_service",
                    format!("`{service}` was lost"),
                ),
            },
            Err(problem) => problem,
        }
    };
    let wanted: Vec<Service> = filter
        .services
        .iter()
        .map(|name| settings.service(name))
        .collect();
    for (typed, service) in filter.services.iter().zip(&wanted) {
        if !status.services.iter().any(|row| row.service == *service) {
            return Err(unknown(typed, None));
        }
    }
    if !wanted.is_empty() {
        status.services.retain(|row| wanted.contains(&row.service));
    }
    if let Some(typed) = &filter.environment {
        let asked = settings.environment(typed);
        let all: BTreeSet<String> = status
            .services
            .iter()
            .map(|row| row.environment.to_string())
            .collect();
        status
            .services
            .retain(|row| row.environment.answers_to(asked.as_str()));
        if status.services.is_empty() {
            return Err(match filter.services.first() {
                Some(service) => unknown(service, Some(typed)),
                None => Problem::new(
                    Kind::Usage,
                    "unknown_environment",
                    format!(
                        "nothing runs in `{typed}` here; known: {}",
                        all.iter().cloned().collect::<Vec<_>>().join(", ")
                    ),
                )
                .did_you_mean(&nearest(typed, all.iter().map(String::as_str))),
            });
        }
    }
    Ok(status)
}

/// One row for each unit.
pub(crate) fn of_catalog(
    repo: &Repo,
    place: &Place,
    catalog: &Catalog,
    mut units: Vec<&Unit>,
) -> Result<Status, Problem> {
    units.sort_by_key(|unit| {
        (
            unit.service.clone(),
            place.settings.rank(&unit.environment),
            unit.environment.clone(),
        )
    });
    let until = Until::Enough {
        deploys: JUDGED,
        commits: usize::MAX,
    };
    let timelines = history::timelines(repo, place, &units, until)?;
    let services = units
        .iter()
        .map(|unit| row(unit, timelines.get(&unit.name())))
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
        schema: SCHEMA,
        holds: Vec::new(),
        bots: Vec::new(),
        remote: repo.remote().to_string(),
        branch: place.branch.clone(),
        commit: place.tip.to_string(),
        services,
        unreadable: list(&catalog.unreadable),
        unowned: list(&catalog.unowned),
    })
}

fn row(unit: &Unit, timeline: Option<&Timeline>) -> Row {
    let last = timeline.and_then(|timeline| timeline.deploys.last());
    let mut flags = Vec::new();
    if timeline.is_some_and(went_back) {
        flags.push("rolled_back".to_owned());
    }
    if unit
        .places
        .iter()
        .any(|place| !place.shared_with.is_empty())
    {
        flags.push("shared".to_owned());
    }
    let mut paths: Vec<String> = unit
        .places
        .iter()
        .map(|place| place.id.path.clone())
        .collect();
    paths.dedup();
    Row {
        service: unit.service.clone(),
        environment: unit.environment.clone(),
        version: unit.version().to_owned(),
        since: last.map(|deploy| deploy.at),
        author: last.map(|deploy| deploy.author.clone()),
        commit: last.map(|deploy| deploy.commit.clone()),
        pull_request: last.and_then(|deploy| deploy.pull_request.clone()),
        flags,
        paths,
    }
}

/// Whether the last deploy was a rollback. The same deploys are looked at however many happen to be
/// known: a walk for several services reads more of one than it needs.
fn went_back(timeline: &Timeline) -> bool {
    let known = &timeline.deploys;
    let judged = Timeline {
        deploys: known[known.len().saturating_sub(JUDGED)..].to_vec(),
        ..Timeline::default()
    }
    .judge(Timestamp::UNIX_EPOCH);
    judged
        .verdicts
        .last()
        .is_some_and(|verdict| verdict.is_rollback)
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
    // More than is shown, so that the oldest shown is judged with what came before it.
    let until = limit.map_or(Until::Beginning, |limit| Until::Enough {
        deploys: limit + JUDGED - 1,
        commits: usize::MAX,
    });
    let timeline = history::timelines(repo, place, &[unit], until)?
        .remove(&unit.name())
        .unwrap_or_default();
    let judgement = timeline.judge(now);
    let primary = unit.places.first().map(|p| &p.id);
    let nothing = State::new();
    let named = |deploy: &Deploy| -> (Option<String>, String) {
        let before = deploy.before.as_ref();
        let (from, to) = named_move(before.unwrap_or(&nothing), &deploy.after, primary);
        (
            before.map(|_| from),
            if deploy.after.is_empty() {
                String::new()
            } else {
                to
            },
        )
    };
    let deploys = timeline
        .deploys
        .iter()
        .zip(&judgement.verdicts)
        .rev()
        .take(limit.unwrap_or(usize::MAX))
        .map(|(deploy, verdict)| (named(deploy), deploy, verdict))
        .map(|((from, to), deploy, verdict)| Entry {
            from,
            to,
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
        schema: SCHEMA,
        remote: repo.remote().to_string(),
        branch: place.branch.clone(),
        service: unit.service.clone(),
        environment: unit.environment.clone(),
        complete: timeline.complete,
        deploys,
    })
}
