//! What one line has and another lacks, and whether a merge would need a person.

use bstr::BString;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{Oid, Repo, TreeMerge};

use crate::branch::only_in;
use crate::names::Named;
use crate::problems::{UNRELATED_HISTORIES, from_repo};

/// The answer of [`not_in`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotIn {
    /// The newest of them, children before parents.
    pub commits: Vec<Named>,
    /// How many there are in all.
    pub total: usize,
}

/// The commits of `line` that `from` has not, such as what is on main but not in production; the
/// newest `limit` of them by name.
///
/// # Errors
/// Objects that are missing, and a shallow clone that ends before the two meet.
pub fn not_in(repo: &Repo, from: Oid, line: Oid, limit: usize) -> Result<NotIn, Problem> {
    let nodes = only_in(repo, line, &[from])?;
    let commits = nodes
        .iter()
        .take(limit)
        .map(|node| Named::read(repo, node.commit));
    Ok(NotIn {
        commits: commits.collect::<Result<_, _>>()?,
        total: nodes.len(),
    })
}

/// The files at which merging a branch into a line would need a person, sorted; empty when it would
/// not. Found in memory; nothing is written.
///
/// # Errors
/// Objects that are missing, a shallow clone that ends before the two meet, and histories that never
/// met.
pub fn conflicts(repo: &Repo, branch_tip: Oid, line: Oid) -> Result<Vec<BString>, Problem> {
    only_in(repo, branch_tip, &[line])?;
    let mut staged = repo.stage();
    match staged.merge_commits(line, branch_tip).map_err(from_repo)? {
        TreeMerge::Clean(_) => Ok(Vec::new()),
        TreeMerge::Conflict(paths) => Ok(paths),
        TreeMerge::Unrelated => Err(unrelated(branch_tip, line)),
    }
}

pub(crate) fn unrelated(one: Oid, other: Oid) -> Problem {
    Problem::new(
        Kind::Conflict,
        UNRELATED_HISTORIES,
        format!("{one} and {other} have no common ancestor"),
    )
    .hint("git merges them only with `--allow-unrelated-histories`; look whether one of them is of another repository")
}
