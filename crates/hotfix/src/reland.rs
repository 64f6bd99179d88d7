//! What was reverted lands again: whether a branch would, and the branch that does.

use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{Oid, PushOutcome};
use ripcord_lineage::{
    Branch, Case, Doing, Named, Preparation, Verdict, Way, reland_check, reland_prepare,
};
use ripcord_recovery::problems::from_repo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Source;

/// `ripcord reland check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RelandChecked {
    /// The number of the JSON form.
    pub schema: u32,
    /// What was looked at, as it was named.
    pub branch: String,
    /// Its commit, in hex.
    pub commit: String,
    /// The main line.
    pub main: String,
    /// Its tip, in hex.
    pub tip: String,
    /// Which case of git's howto it is.
    pub case: String,
    /// Whether a merge brings less than the branch holds.
    pub blocks: bool,
    /// Whether a whole merge was reverted.
    pub is_reverted_merge: bool,
    /// What it comes to.
    pub sentence: String,
    /// What a merge would leave out.
    pub stays_undone: Vec<String>,
    /// The branch's commits that main has not.
    pub new: Vec<String>,
    /// Commits that the branch stands on and that main reverted since, where it was not said where the
    /// branch began: a merge does not bring them back, and nobody knows whether they are its own.
    pub beneath: Vec<String>,
}

impl RelandChecked {
    /// What a check of a pull request ends with.
    ///
    /// # Errors
    /// A merge brings less than the branch holds.
    pub fn settle(&self) -> Result<(), Problem> {
        if !self.blocks {
            // Whose the reverted commits beneath it are, Git's graph does not tell: a branch that only began
            // before a revert must not wait for it.
            return Ok(());
        }
        Err(Problem::new(
            Kind::Refused,
            "reland_needed",
            format!(
                "merging {} into {} brings less than it holds: {}",
                self.branch, self.main, self.sentence
            ),
        )
        .hint(format!(
            "`ripcord reland prepare {} --push-to BRANCH` builds one that lands again",
            self.branch
        )))
    }
}

/// `ripcord reland prepare`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Relanded {
    /// The number of the JSON form.
    pub schema: u32,
    /// What lands again, as it was named.
    pub branch: String,
    /// The main line that it is built on.
    pub main: String,
    /// The commits, oldest first: what is done with which.
    pub commits: Vec<String>,
    /// Commits that would change nothing and were left out.
    pub left_out: Vec<String>,
    /// The branch on the remote that has them.
    pub pushed_to: Option<String>,
    /// Its tip, in hex.
    pub commit: Option<String>,
}

/// The commit that a person means: a branch of the remote, a pull request by its number, or a revision.
///
/// # Errors
/// There is nothing of that name.
pub fn named(source: &Source, typed: &str) -> Result<Oid, Problem> {
    let number = typed.trim_start_matches(['#', '!']);
    if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && number.len() < 10 {
        for name in [
            format!("refs/pull/{number}/head"),
            format!("refs/merge-requests/{number}/head"),
        ] {
            if let Some(tip) = source.repo.remote_ref(&name).map_err(from_repo)? {
                return source.commit(&tip.to_string());
            }
        }
    }
    if let Ok(Some(tip)) = source.repo.remote_tip(typed) {
        return source.commit(&tip.to_string());
    }
    source.repo.resolve(typed).map_err(from_repo)
}

/// Whether merging a branch brings what it holds.
///
/// # Errors
/// Missing objects; histories that have nothing in common.
pub fn check(
    source: &Source,
    typed: &str,
    tip: Oid,
    base: Option<Oid>,
) -> Result<RelandChecked, Problem> {
    let verdict = reland_check(&source.repo, Branch { tip, base }, source.tip)?;
    Ok(RelandChecked {
        schema: SCHEMA,
        branch: typed.to_owned(),
        commit: tip.to_string(),
        main: source.main.clone(),
        tip: source.tip.to_string(),
        case: word(&verdict).to_owned(),
        blocks: verdict.case.blocks(),
        is_reverted_merge: verdict.is_reverted_merge(),
        sentence: verdict.sentence(),
        stays_undone: verdict
            .stays_undone
            .iter()
            .map(ripcord_lineage::Undone::sentence)
            .collect(),
        new: verdict.new.iter().map(told).collect(),
        beneath: verdict.beneath.iter().map(told).collect(),
    })
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict.case {
        Case::Plain => "plain",
        Case::AlreadyThere => "already_there",
        Case::RevertedRevert => "reverted_revert",
        Case::Recreated => "recreated",
        Case::NothingComes => "nothing_comes",
        Case::OnlyNewComes => "only_new_comes",
    }
}

fn told(named: &Named) -> String {
    let commit = named.commit.to_string();
    format!(
        "{} {}",
        ripcord_domain::message::short_commit(&commit),
        named.subject
    )
}

/// Builds a branch that lands again, and pushes it where that is wanted.
///
/// # Errors
/// Nothing was reverted; a conflict, which is never resolved here; the remote refuses the branch.
pub fn prepare(
    source: &Source,
    typed: &str,
    (tip, base): (Oid, Option<Oid>),
    way: Way,
    push_to: Option<&str>,
    now: i64,
) -> Result<Relanded, Problem> {
    let repo = &source.repo;
    let ready = match reland_prepare(repo, Branch { tip, base }, source.tip, way)? {
        Preparation::Ready(ready) => ready,
        Preparation::Conflict(clash) => return Err(clash.problem()),
    };
    let commits = ready
        .commits
        .iter()
        .map(|one| {
            let what = match one.doing {
                Doing::Revert => "revert",
                Doing::Pick => "pick",
            };
            format!("{what} {}", told(&one.of))
        })
        .collect();
    let left_out = ready.left_out.iter().map(told).collect();
    let commit = match push_to {
        None => None,
        Some(branch) => {
            let people = repo.identity(now).map_err(from_repo)?;
            let commit = ready.write(&people, repo.signing_wanted())?;
            push(source, branch, commit)?;
            Some(commit.to_string())
        }
    };
    Ok(Relanded {
        schema: SCHEMA,
        branch: typed.to_owned(),
        main: source.main.clone(),
        commits,
        left_out,
        pushed_to: push_to.map(str::to_owned),
        commit,
    })
}

fn push(source: &Source, branch: &str, commit: Oid) -> Result<(), Problem> {
    match source.repo.push(commit, branch, None).map_err(from_repo)? {
        PushOutcome::Updated | PushOutcome::AlreadyThere => Ok(()),
        PushOutcome::Moved => Err(Problem::new(
            Kind::Conflict,
            "branch_exists",
            format!("`{branch}` exists on the remote and holds something else"),
        )
        .hint("name a branch that does not exist yet")),
        PushOutcome::Rejected { reason, .. } => Err(Problem::new(
            Kind::Rejected,
            "push_rejected",
            format!("`{branch}` was not made: {reason}"),
        )),
    }
}
