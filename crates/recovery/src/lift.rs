//! What is quarantined, and taking a version out of it before its time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ripcord_domain::names::nearest;
use ripcord_domain::plan::{Plan, SCHEMA};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::quarantine::{Entry, Quarantine, path_of};
use ripcord_domain::{Environment, Service};
use ripcord_git::{Mode, Repo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draft::{Changed, Draft};
use crate::quarantine::{file, files, of_service};
use crate::request::Words;
use crate::rollback::{self, Prepared};
use crate::ship::{self, Event, Shipping};
use crate::survey::{Branch, Place};

/// `ripcord quarantine list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quarantined {
    /// The number of the JSON form.
    pub schema: u32,
    /// The remote, without credentials.
    pub remote: String,
    /// The branch.
    pub branch: String,
    /// Its tip, in hex.
    pub commit: String,
    /// What is quarantined, by service.
    pub versions: Vec<Listed>,
}

/// One quarantined version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// The service.
    pub service: Service,
    /// The file; its history in git tells which rollback wrote it.
    pub path: String,
    /// Whether its time is over: it may be deployed, and goes when the file is next written.
    pub over: bool,
    /// What the file says.
    pub entry: Entry,
}

/// Lists what is quarantined at the branch's tip.
///
/// # Errors
/// A file that cannot be read; a service or an environment of which nothing is quarantined is none.
pub fn list(
    branch: &Branch,
    service: Option<&str>,
    environment: Option<&str>,
    now: Timestamp,
) -> Result<Quarantined, Problem> {
    let place = branch.newest()?;
    let service = service.map(|typed| place.settings.service(typed));
    let environment = environment.map(|typed| place.settings.environment(typed));
    let mut versions = Vec::new();
    for (path, read) in files(&branch.repo, place.tree)? {
        let Quarantine {
            service: of,
            entries,
        } = read?;
        if service.as_ref().is_some_and(|service| *service != of) {
            continue;
        }
        let there = |entry: &Entry| {
            let asked = environment.as_ref();
            asked.is_none_or(|asked| entry.environment.answers_to(asked.as_str()))
        };
        versions.extend(entries.into_iter().filter(there).map(|entry| Listed {
            service: of.clone(),
            path: path.clone(),
            over: entry.is_over(now),
            entry,
        }));
    }
    Ok(Quarantined {
        schema: SCHEMA,
        remote: branch.repo.remote().to_string(),
        branch: place.branch,
        commit: place.tip.to_string(),
        versions,
    })
}

/// What to lift.
#[derive(Clone, Debug)]
pub struct LiftRequest {
    /// The service.
    pub service: String,
    /// The version, as people name it, or a digest.
    pub version: String,
    /// The environment; none is the default one, or the only one.
    pub environment: Option<String>,
    /// What goes into the commit.
    pub words: Words,
}

/// Makes the plan and writes nothing.
///
/// # Errors
/// See [`Problem`].
pub fn plan(repo: &Repo, place: &Place, request: &LiftRequest) -> Result<Plan, Problem> {
    Ok(prepare(repo, place, request)?.plan)
}

/// Plans, shows to `approve`, carries out.
///
/// # Errors
/// See [`Problem`]; no such version is quarantined.
pub fn lift(
    branch: &Branch,
    request: &LiftRequest,
    shipping: &Shipping,
    clock: &dyn Fn() -> Timestamp,
    approve: &mut dyn FnMut(&Plan) -> Result<bool, Problem>,
    watch: &mut dyn FnMut(Event),
) -> Result<Plan, Problem> {
    if request.words.reason.is_none() {
        return Err(Problem::new(
            Kind::Usage,
            "reason_missing",
            "to lift a quarantine needs a reason",
        )
        .hint("add `--reason TEXT`"));
    }
    ship::ship(
        branch,
        shipping,
        clock,
        watch,
        &mut |place, _| prepare(&branch.repo, place, request),
        &mut |_, plan, _| approve(plan),
        &[],
        false,
    )
}

fn prepare<'a>(
    repo: &'a Repo,
    place: &Place,
    request: &LiftRequest,
) -> Result<Prepared<'a>, Problem> {
    let service = place.settings.service(&request.service);
    let mut known = of_service(repo, place.tree, &service)?;
    if known.entries.is_empty() {
        return Err(nothing_of(repo, place, &service)?);
    }
    let lifted = chosen(place, &known, request)?;
    known.entries.retain(|entry| !lifted.contains(entry));
    let path = path_of(&service);
    let mut draft = Draft::on(repo, place.tree);
    let mode = draft
        .file(path.as_bytes())?
        .map_or(Mode::Blob, |file| file.mode);
    let left = (!known.entries.is_empty()).then(|| file(mode, &known));
    draft.set(path.as_bytes(), left);
    let changes = draft.changed()?.iter().map(Changed::shown).collect();
    let environment = lifted.first().map(|entry| entry.environment.to_string());
    let environment = environment.unwrap_or_default();
    let subject = format!(
        "quarantine: lift {service} {} in {environment}",
        request.version
    );
    let mut pairs = Vec::new();
    for entry in &lifted {
        pairs.push((
            LIFTED.to_owned(),
            format!("{service} {} in {}", entry.version, entry.environment),
        ));
    }
    let commit = rollback::compose(&subject, &[], &mut pairs, &request.words);
    let plan = rollback::planned(
        "lift",
        repo,
        place,
        Vec::new(),
        changes,
        Vec::new(),
        Some(commit),
    );
    Ok(Prepared {
        plan,
        draft,
        goals: Vec::new(),
        own_files_only: true,
    })
}

/// The trailer that names what was lifted.
const LIFTED: &str = "Quarantine-Lifted";

/// The entries that the request means, all of one environment.
fn chosen(place: &Place, known: &Quarantine, request: &LiftRequest) -> Result<Vec<Entry>, Problem> {
    let versions: Vec<&Entry> = known
        .entries
        .iter()
        .filter(|entry| entry.answers_to(&request.version))
        .collect();
    let service = &known.service;
    if versions.is_empty() {
        let all: BTreeSet<&str> = known.entries.iter().map(|e| e.version.as_str()).collect();
        return Err(Problem::new(
            Kind::Nothing,
            "not_quarantined",
            format!("`{}` of {service} is not quarantined", request.version),
        )
        .did_you_mean(&nearest(&request.version, all.iter().copied()))
        .hint(format!(
            "quarantined: {}",
            all.into_iter().collect::<Vec<_>>().join(", ")
        )));
    }
    let asked = match &request.environment {
        Some(typed) => place.settings.environment(typed),
        None => place.settings.default_environment(),
    };
    let environments: BTreeSet<&Environment> = versions.iter().map(|e| &e.environment).collect();
    let meant: Vec<&Environment> = if environments.contains(&asked) {
        vec![&asked]
    } else {
        let answering = environments.iter().copied();
        answering.filter(|e| e.answers_to(asked.as_str())).collect()
    };
    let environment = match (meant.as_slice(), &request.environment) {
        ([one], _) => *one,
        ([], None) if environments.len() == 1 => &versions[0].environment,
        _ => {
            let all: Vec<&str> = environments.iter().map(|e| e.as_str()).collect();
            return Err(Problem::new(
                Kind::Nothing,
                "not_quarantined",
                format!(
                    "`{}` of {service} is quarantined in: {}; `{asked}` is not one of them alone",
                    request.version,
                    all.join(", ")
                ),
            )
            .hint("name the environment after the version"));
        }
    };
    Ok(versions
        .into_iter()
        .filter(|entry| entry.environment == *environment)
        .cloned()
        .collect())
}

fn nothing_of(repo: &Repo, place: &Place, service: &Service) -> Result<Problem, Problem> {
    let known = files(repo, place.tree)?;
    let names: Vec<String> = known
        .into_values()
        .flatten()
        .map(|quarantine| quarantine.service.to_string())
        .collect();
    Ok(Problem::new(
        Kind::Nothing,
        "not_quarantined",
        format!("no version of {service} is quarantined"),
    )
    .did_you_mean(&nearest(service.as_str(), names.iter().map(String::as_str)))
    .hint("`ripcord quarantine list` shows what is"))
}
