//! A hotfix begins: its branch, from the commit that production runs.

use jiff::Timestamp;
use ripcord_domain::hotfix::{HotfixName, Shipped};
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{Oid, PushOutcome, RejectKind};
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey::{self, Branch};
use ripcord_registry::Registries;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::overdue::{self, Next};
use crate::production::{By, built_of, image_of};
use crate::source::{Ahead, Source, Sources};

/// Commits of main that are listed.
const MOST: usize = 50;

/// What is to begin.
pub struct Start<'a> {
    /// The infra repo.
    pub branch: &'a Branch,
    /// The service, as typed.
    pub service: &'a str,
    /// The environment; none is the default one.
    pub environment: Option<&'a str>,
    /// The incident.
    pub incident: &'a str,
    /// What it is about.
    pub summary: Option<&'a str>,
    /// A commit to begin at in place of the one that runs.
    pub from: Option<&'a str>,
    /// The address of the source, or a clone of it; none is what is configured or the image says.
    pub source: Option<&'a str>,
    /// Only show it.
    pub only_plan: bool,
    /// The way to registries.
    pub registries: &'a Registries,
    /// The way to sources.
    pub sources: &'a Sources,
    /// Where registries are asked.
    pub runtime: &'a Runtime,
    /// The time.
    pub now: Timestamp,
}

/// `ripcord hotfix start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// The number of the JSON form.
    pub schema: u32,
    /// The hotfix.
    pub hotfix: HotfixName,
    /// Its branch.
    pub branch: String,
    /// Whether the branch is on the remote: made now, or there before at the same commit.
    pub is_pushed: bool,
    /// Whether it was there before.
    pub was_there: bool,
    /// The source repository, without credentials.
    pub source: String,
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// The image that runs there, as it is declared.
    pub image: String,
    /// The commit that it was built of, in hex.
    pub commit: String,
    /// How that is known; none where somebody named the commit.
    pub by: Option<By>,
    /// The main line.
    pub main: String,
    /// What is on main and not in production, newest first.
    pub not_in_production: Vec<Ahead>,
    /// Whether there is more of it.
    pub and_more: bool,
    /// Hotfixes of the service there that are not paid yet, as far as this repository tells.
    pub others: Vec<HotfixName>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Begins a hotfix. The same again finds the branch that is there.
///
/// # Errors
/// What production runs is not known; the branch is there with something else on it; the remote refuses it.
pub fn start(start: &Start<'_>) -> Result<Started, Problem> {
    let name = HotfixName::of_incident(start.incident, start.summary)?;
    let place = start.branch.newest()?;
    let repo = &start.branch.repo;
    let catalog = survey::catalog_of(repo, &place, &[start.service])?;
    let unit = catalog.find(&place.settings, start.service, start.environment)?;
    let known = place.settings.config.sources.get(&unit.service);
    let known = known.cloned().unwrap_or_default();
    let image = image_of(unit, None, start.registries, start.runtime)?;
    let label = image
        .labels
        .as_ref()
        .ok()
        .and_then(|said| said.source.clone());
    let address = start
        .source
        .map(str::to_owned)
        .or_else(|| known.repository.clone())
        .or(label)
        .ok_or_else(|| {
            Problem::new(
                Kind::Usage,
                "unknown_source",
                format!("where the source of {} is, is not known", unit.service),
            )
            .hint(format!(
                "`--source URL|PATH`, or `sources: {{{}: {{repository: URL}}}}` in ripcord.yaml of the infra repo",
                unit.service
            ))
        })?;
    let source = start.sources.open(&address, known.main.as_deref())?;
    let mut warnings = Vec::new();
    let (commit, by) = if let Some(from) = start.from {
        (source.repo.resolve(from).map_err(from_repo)?, None)
    } else {
        let built = built_of(&image, &source, &known)?;
        if let Some(why) = built.unchecked {
            warnings.push(format!("the image was not checked: {why}"));
        }
        (built.commit, Some(built.by))
    };
    let shipped =
        ripcord_recovery::hotfixes::of_unit(repo, place.tree, &unit.service, &unit.environment)?;
    let policy = &place.settings.config.hotfix;
    let is_in_main = |fix: &Shipped| matches!(source.holds(fix), Ok(true));
    overdue::refuse(
        policy,
        &Next::Hotfix(&name),
        &shipped,
        &is_in_main,
        start.now,
    )?;
    let others: Vec<HotfixName> = shipped
        .iter()
        .filter(|fix| fix.name != name && !is_in_main(fix))
        .map(|fix| fix.name.clone())
        .collect();
    let (not_in_production, and_more) = source.ahead_of(commit, MOST)?;
    let branch = name.branch();
    let (was_there, is_pushed) = if start.only_plan {
        (false, false)
    } else {
        (make(&source, &branch, commit)?, true)
    };
    Ok(Started {
        schema: SCHEMA,
        hotfix: name,
        branch,
        is_pushed,
        was_there,
        source: source.repo.remote().to_string(),
        service: unit.service.to_string(),
        environment: unit.environment.to_string(),
        image: image.reference,
        commit: commit.to_string(),
        by,
        main: source.main.clone(),
        not_in_production,
        and_more,
        others,
        warnings,
    })
}

/// Makes the branch on the remote; whether it was there before. One with commits on top of where it began is
/// the same hotfix, gone on with.
fn make(source: &Source, branch: &str, commit: Oid) -> Result<bool, Problem> {
    let there = source.repo.remote_tip(branch).map_err(from_repo)?;
    if let Some(tip) = there {
        return began_at(source, branch, tip, commit);
    }
    match source.repo.push(commit, branch, None).map_err(from_repo)? {
        PushOutcome::Updated => Ok(false),
        PushOutcome::AlreadyThere => Ok(true),
        PushOutcome::Moved => {
            let tip = source.repo.remote_tip(branch).map_err(from_repo)?;
            began_at(source, branch, tip.unwrap_or(commit), commit)
        }
        PushOutcome::Rejected { kind, reason, .. } => {
            let what = match kind {
                RejectKind::ProtectedBranch => "branches of this name are protected",
                RejectKind::Permission => "these credentials may not push there",
                _ => "the server refused it",
            };
            Err(Problem::new(
                Kind::Rejected,
                "push_rejected",
                format!("the branch `{branch}` was not made: {what}: {reason}"),
            ))
        }
    }
}

fn began_at(source: &Source, branch: &str, tip: Oid, commit: Oid) -> Result<bool, Problem> {
    let tip = source.commit(&tip.to_string())?;
    if source.repo.is_ancestor(commit, tip).map_err(from_repo)? {
        return Ok(true);
    }
    Err(Problem::new(
        Kind::Conflict,
        "branch_exists",
        format!(
            "`{branch}` is on {} and did not begin at {commit}",
            source.repo.remote()
        ),
    )
    .hint("another summary makes another branch: `--summary TEXT`")
    .hint("or remove it, when it is of an incident before"))
}
