//! What hotfixes owe, computed from the source, the infra repo, the registry, the forge and the cluster.
//!
//! A part is paid by what was looked at now. What could not be looked at counts as owed and says so.

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::catalog::Unit;
use ripcord_domain::config::{Settings, SourceOf};
use ripcord_domain::hotfix::debt::{self, Blocks, Debt, Owed, Part, Stage, State};
use ripcord_domain::hotfix::{HotfixName, Shipped};
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::time_span;
use ripcord_forge::{CheckState, Outcome, outcome_of};
use ripcord_git::Oid;
use ripcord_recovery::hotfixes;
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey::{self, Branch};
use ripcord_registry::Registries;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::production::{Built, built_of, image_of};
use crate::source::{Source, Sources};

/// Which checks ran on a commit of a repository.
pub type Checks<'f> = dyn Fn(&Source, &SourceOf, &str) -> Result<Vec<CheckState>, Problem> + 'f;

/// What is missing until a unit's pods run its declared image; none where nothing is.
pub type Lacks<'f> = dyn Fn(&Unit, &str) -> Result<Option<String>, Problem> + 'f;

/// What debts are computed from.
pub struct Books<'a> {
    /// The infra repo.
    pub branch: &'a Branch,
    /// The way to registries.
    pub registries: &'a Registries,
    /// The way to sources.
    pub sources: &'a Sources,
    /// Where registries are asked.
    pub runtime: &'a Runtime,
    /// The way to the forge of a source.
    pub checks: &'a Checks<'a>,
    /// The way to the cluster.
    pub lacks: &'a Lacks<'a>,
    /// The time.
    pub now: Timestamp,
}

/// Which debts are meant.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Only of this service.
    pub service: Option<String>,
    /// Only in this environment.
    pub environment: Option<String>,
    /// Only this hotfix.
    pub hotfix: Option<HotfixName>,
}

/// `ripcord hotfix list`, `status` and `check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Debts {
    /// The number of the JSON form.
    pub schema: u32,
    /// The infra repo, without credentials.
    pub remote: String,
    /// The branch.
    pub branch: String,
    /// Its tip, in hex.
    pub commit: String,
    /// What is blocked while a debt is overdue.
    pub overdue_blocks: Blocks,
    /// Each debt, the oldest first.
    pub debts: Vec<Debt>,
}

impl Debts {
    /// What a daily job ends with.
    ///
    /// # Errors
    /// A debt is overdue, or a part of one could not be looked at.
    pub fn settle(&self) -> Result<(), Problem> {
        let overdue: Vec<&Debt> = self
            .debts
            .iter()
            .filter(|debt| debt.stage == Stage::Overdue)
            .collect();
        if let Some(first) = overdue.first() {
            let missing: Vec<&str> = first.owed().map(|part| part.what.words()).collect();
            return Err(Problem::new(
                Kind::Unfinished,
                "debt_overdue",
                format!(
                    "{} hotfix debt(s) overdue; {} of {} since {}: not shown that {}",
                    overdue.len(),
                    first.hotfix,
                    first.service,
                    first.due,
                    missing.join(", that ")
                ),
            )
            .hint(format!(
                "`ripcord hotfix status {}` shows each part",
                first.hotfix
            )));
        }
        let unsure = self
            .debts
            .iter()
            .find(|debt| !debt.is_paid() && debt.is_unsure());
        match unsure {
            None => Ok(()),
            Some(debt) => Err(Problem::new(
                Kind::Remote,
                "debt_unknown",
                format!("a part of what {} owes could not be looked at", debt.hotfix),
            )
            .hint(format!("`ripcord hotfix status {}` says why", debt.hotfix))),
        }
    }
}

/// Computes the debts.
///
/// # Errors
/// The infra repo cannot be read. What else cannot be looked at is said in the debt.
pub fn debts(books: &Books<'_>, which: &Which) -> Result<Debts, Problem> {
    let place = books.branch.newest()?;
    let repo = &books.branch.repo;
    let policy = &place.settings.config.hotfix;
    let time = time_span::read("hotfix.within", &policy.within)?;
    let all = hotfixes::all(repo, place.tree)?;
    let service = which
        .service
        .as_ref()
        .map(|typed| place.settings.service(typed));
    // What serves may be of another hotfix than those that are asked for.
    let is_asked = |fix: &&Shipped| {
        service
            .as_ref()
            .is_none_or(|service| fix.service == *service)
            && which
                .environment
                .as_ref()
                .is_none_or(|asked| fix.environment.answers_to(asked))
            && which.hotfix.as_ref().is_none_or(|name| fix.name == *name)
    };
    let mut shipped: Vec<&Shipped> = all.iter().filter(is_asked).collect();
    if shipped.is_empty()
        && let Some(name) = &which.hotfix
    {
        return Err(Problem::new(
            Kind::Usage,
            "unknown_hotfix",
            format!("no hotfix {name} was shipped from here"),
        )
        .hint("`ripcord hotfix list` shows every one"));
    }
    shipped.sort_by_key(|fix| fix.opened);
    let names: Vec<&str> = shipped.iter().map(|fix| fix.service.as_str()).collect();
    let catalog = if names.is_empty() {
        ripcord_domain::Catalog::default()
    } else {
        survey::catalog_of(repo, &place, &names)?
    };
    let mut found = Vec::new();
    for fix in shipped {
        let unit = catalog
            .units
            .get(&(fix.service.clone(), fix.environment.clone()));
        let parts = parts(books, &place.settings, fix, unit, &all);
        found.push(of(fix, parts, time, &policy.remind, books.now));
    }
    Ok(Debts {
        schema: SCHEMA,
        remote: repo.remote().to_string(),
        branch: place.branch,
        commit: place.tip.to_string(),
        overdue_blocks: policy.overdue_blocks,
        debts: found,
    })
}

fn of(
    fix: &Shipped,
    parts: Vec<Part>,
    within: SignedDuration,
    remind: &[u8],
    now: Timestamp,
) -> Debt {
    let stage = debt::stage(&parts, fix.opened, within, remind, now);
    Debt {
        hotfix: fix.name.clone(),
        service: fix.service.clone(),
        environment: fix.environment.clone(),
        incident: fix.incident.clone(),
        version: fix.tag.clone(),
        opened: fix.opened,
        due: fix.opened.checked_add(within).unwrap_or(Timestamp::MAX),
        parts,
        stage,
    }
}

fn parts(
    books: &Books<'_>,
    settings: &Settings,
    fix: &Shipped,
    unit: Option<&Unit>,
    all: &[Shipped],
) -> Vec<Part> {
    let known = settings.config.sources.get(&fix.service);
    let opened = books.sources.of(fix, known);
    let known = known.cloned().unwrap_or_default();
    let source = match opened {
        Ok(source) => source,
        Err(problem) => {
            let unknown = |what| part(what, unknown(&problem));
            return [
                Owed::InMain,
                Owed::NormalImage,
                Owed::BranchGone,
                Owed::SkippedChecks,
            ]
            .map(unknown)
            .into();
        }
    };
    let in_main = in_main(fix, &source);
    let (normal, commit) = normal_image(books, fix, unit, all, &source, &known);
    let branch = branch_gone(fix, &source, &in_main);
    let checks = skipped_checks(books, fix, &known, &source, commit);
    let mut parts = vec![
        part(Owed::InMain, in_main),
        part(Owed::NormalImage, normal),
        part(Owed::BranchGone, branch),
        part(Owed::SkippedChecks, checks),
    ];
    if fix
        .gate
        .as_ref()
        .is_some_and(|gate| gate["rescan_owed"] == true)
    {
        parts.push(part(Owed::Rescan, rescan(books, &known, &source, commit)));
    }
    parts
}

fn part(what: Owed, state: State) -> Part {
    Part { what, state }
}

fn unknown(problem: &Problem) -> State {
    State::Unknown {
        why: problem.message.clone(),
    }
}

fn owed(why: impl Into<String>) -> State {
    State::Owed { why: why.into() }
}

fn in_main(fix: &Shipped, source: &Source) -> State {
    match source.contains(fix, source.tip) {
        Ok(found) if found.is_contained() => State::Paid {
            evidence: format!(
                "{} in {}: {}",
                short(&fix.source.commit),
                source.main,
                found.sentence()
            ),
        },
        Ok(found) => owed(format!(
            "{} in {}: {}; `ripcord hotfix merge-back {}`",
            short(&fix.source.commit),
            source.main,
            found.sentence(),
            fix.name
        )),
        Err(problem) => unknown(&problem),
    }
}

/// Whether an image of the main line with the fix serves; the commit that it was built of, if so.
fn normal_image(
    books: &Books<'_>,
    fix: &Shipped,
    unit: Option<&Unit>,
    all: &[Shipped],
    source: &Source,
    known: &SourceOf,
) -> (State, Option<Oid>) {
    let Some(unit) = unit else {
        let gone = format!(
            "{} is not declared in {} any more",
            fix.service, fix.environment
        );
        return (owed(gone), None);
    };
    let image = match image_of(unit, Some(&fix.image), books.registries, books.runtime) {
        Ok(image) => image,
        Err(problem) => return (unknown(&problem), None),
    };
    let is_hotfix = |one: &&Shipped| {
        one.service == fix.service
            && (one.tag == image.version || image.reference.ends_with(&one.digest))
    };
    if let Some(one) = all.iter().find(is_hotfix) {
        return (
            owed(format!("{} of hotfix {} serves", one.tag, one.name)),
            None,
        );
    }
    let Built { commit, .. } = match built_of(&image, source, known) {
        Ok(built) => built,
        Err(problem) => return (unknown(&problem), None),
    };
    let asked = || -> Result<(bool, bool), Problem> {
        Ok((
            source.is_on_main(commit)?,
            source.contains(fix, commit)?.is_contained(),
        ))
    };
    let built = format!(
        "{}, built of {}",
        image.reference,
        short(&commit.to_string())
    );
    let (is_normal, holds) = match asked() {
        Ok(answers) => answers,
        Err(problem) => return (unknown(&problem), None),
    };
    if !is_normal {
        return (
            owed(format!("{built}, which is not on {}", source.main)),
            None,
        );
    }
    if !holds {
        return (owed(format!("{built}, which does not hold the fix")), None);
    }
    match (books.lacks)(unit, &image.reference) {
        Ok(None) => (
            State::Paid {
                evidence: format!("every pod runs {built}, on {}", source.main),
            },
            Some(commit),
        ),
        Ok(Some(missing)) => (
            owed(format!("{built} is declared; {missing}")),
            Some(commit),
        ),
        Err(problem) => (unknown(&problem), Some(commit)),
    }
}

fn branch_gone(fix: &Shipped, source: &Source, in_main: &State) -> State {
    let branch = fix.name.branch();
    match source.repo.remote_tip(&branch) {
        Err(error) => unknown(&from_repo(error)),
        Ok(Some(tip)) => owed(format!(
            "`{branch}` is there at {}",
            short(&tip.to_string())
        )),
        Ok(None) if matches!(in_main, State::Paid { .. }) => State::Paid {
            evidence: format!("`{branch}` is gone"),
        },
        Ok(None) => owed(format!("`{branch}` is gone, and was not merged")),
    }
}

/// Whether the checks that the gate left out have run on what serves now.
fn skipped_checks(
    books: &Books<'_>,
    fix: &Shipped,
    known: &SourceOf,
    source: &Source,
    commit: Option<Oid>,
) -> State {
    let Some(commit) = commit else {
        return owed("there is no image of the normal pipeline with the fix yet");
    };
    let commit = commit.to_string();
    let ran = match (books.checks)(source, known, &commit) {
        Ok(ran) => ran,
        Err(problem) => return unknown(&problem),
    };
    let mut names: Vec<String> = known.checks.clone();
    let skipped = fix
        .gate
        .as_ref()
        .and_then(|gate| gate["skipped"].as_array());
    for one in skipped.into_iter().flatten() {
        let name = one["context"].as_str().or_else(|| one["name"].as_str());
        if let Some(name) = name.filter(|name| !names.iter().any(|known| known == name)) {
            names.push(name.to_owned());
        }
    }
    let at = short(&commit);
    if names.is_empty() {
        // No check is known by name: then all that ran must have passed, and one must have run.
        let worst = ran.iter().max_by_key(|check| check.outcome);
        return match worst.map(|check| (check.outcome, &check.name)) {
            Some((Outcome::Passed, _)) => State::Paid {
                evidence: format!("all {} checks passed on {at}", ran.len()),
            },
            Some((outcome, name)) => owed(not_passed(outcome, name, at)),
            None => owed(format!("no check is reported on {at}")),
        };
    }
    for name in &names {
        match outcome_of(&ran, name) {
            Some(Outcome::Passed) => {}
            Some(outcome) => return owed(not_passed(outcome, name, at)),
            None => return owed(format!("`{name}` did not run on {at}")),
        }
    }
    State::Paid {
        evidence: format!("{} passed on {at}", names.join(", ")),
    }
}

fn not_passed(outcome: Outcome, name: &str, at: &str) -> String {
    match outcome {
        Outcome::Failed => format!("`{name}` failed on {at}"),
        Outcome::Skipped => format!("`{name}` was left out on {at}"),
        Outcome::Pending | Outcome::Passed => format!("`{name}` has no result on {at} yet"),
    }
}

/// The word in the name of a check that shows a scan.
const SCAN: &str = "scan";

fn rescan(books: &Books<'_>, known: &SourceOf, source: &Source, commit: Option<Oid>) -> State {
    let Some(commit) = commit else {
        return owed("there is no image of the normal pipeline with the fix yet");
    };
    let commit = commit.to_string();
    match (books.checks)(source, known, &commit) {
        Err(problem) => unknown(&problem),
        Ok(ran) => scanned(&ran, short(&commit)),
    }
}

fn scanned(ran: &[CheckState], at: &str) -> State {
    let scans = ran
        .iter()
        .filter(|check| check.name.to_ascii_lowercase().contains(SCAN));
    // One that passed says nothing of another that did not.
    match scans.max_by_key(|check| check.outcome) {
        None => owed(format!("no check with `{SCAN}` in its name ran on {at}")),
        Some(check) if check.outcome == Outcome::Passed => State::Paid {
            evidence: format!("`{}` passed on {at}", check.name),
        },
        Some(check) => owed(not_passed(check.outcome, &check.name, at)),
    }
}

fn short(commit: &str) -> &str {
    ripcord_domain::message::short_commit(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_that_passed_does_not_pay_for_one_that_failed() {
        let check = |name: &str, outcome| CheckState {
            name: name.to_owned(),
            workflow: None,
            event: None,
            outcome,
            words: String::new(),
            url: None,
        };
        let secrets = check("Secret scan", Outcome::Passed);
        let image = |outcome| check("image scan", outcome);
        let of = |ran: &[CheckState]| matches!(scanned(ran, "1234567"), State::Paid { .. });
        assert!(of(&[secrets.clone(), image(Outcome::Passed)]));
        assert!(!of(&[secrets.clone(), image(Outcome::Failed)]));
        assert!(!of(&[image(Outcome::Pending), secrets]));
        assert!(!of(&[check("unit tests", Outcome::Passed)]));
    }
}
