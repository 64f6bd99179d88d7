//! What was undone, in typed data.

use bstr::BString;
use ripcord_git::Oid;

use crate::effect::Step;
use crate::names::{Named, listed};

/// How it is known that a commit undid something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// It takes back exactly what the other did, and nothing else.
    Exact,
    /// Its message says so; it did it with changes of its own, as after a conflict.
    Said,
    /// Only the content says so: since then nothing of it is left, among whatever else was done.
    Content,
}

/// As what the undone commits had come into the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// As they are.
    Themselves,
    /// By a merge commit that was reverted as a whole (`git revert -m`).
    Merge {
        /// The merge commit.
        commit: Named,
        /// The parent that was gone back to.
        mainline: Oid,
    },
    /// As copies: cherry-picked, or merged by rebasing.
    Copies(Vec<Named>),
    /// As one commit.
    Squash(Named),
}

/// Commits of the branch that had landed and whose effect is gone from the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The branch's commits, oldest first.
    pub commits: Vec<Named>,
    /// As what they had landed.
    pub landing: Landing,
    /// The commit that undid them; none where it is not found.
    pub by: Option<Named>,
    /// How that is known.
    pub proof: Proof,
    /// The files in which something of them is gone; empty: all of it, or the same lines were changed
    /// again since.
    pub paths: Vec<BString>,
    /// What was undone, as it would be done again, oldest first.
    pub(crate) steps: Vec<Step>,
}

impl Undone {
    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        let what = match &self.landing {
            Landing::Themselves => listed(&self.commits),
            Landing::Merge { commit, .. } => format!("the merge {commit}"),
            Landing::Copies(copies) => {
                format!("{}, landed as {},", listed(&self.commits), listed(copies))
            }
            Landing::Squash(commit) => format!("the squashed branch {commit}"),
        };
        let by = match (&self.by, self.proof) {
            (Some(by), Proof::Exact) => format!("was reverted by {by}"),
            (Some(by), Proof::Said) => format!("was reverted, with other changes, by {by}"),
            (Some(by), Proof::Content) => format!("is gone since {by}"),
            (None, _) => "is gone".to_owned(),
        };
        if self.paths.is_empty() {
            format!("{what} {by}")
        } else {
            format!("{what} {by}, in part: {}", listed(&self.paths))
        }
    }
}

/// Puts together what one commit undid.
pub(crate) fn group(found: &mut Vec<Undone>, new: Undone) {
    let is_same = |old: &&mut Undone| {
        old.by == new.by
            && old.proof == new.proof
            && match (&old.landing, &new.landing) {
                (Landing::Copies(_), Landing::Copies(_)) => true,
                (old, new) => old == new,
            }
    };
    let Some(old) = found.iter_mut().find(is_same).filter(|_| new.by.is_some()) else {
        found.push(new);
        return;
    };
    old.commits.extend(new.commits);
    old.steps.extend(new.steps);
    for path in new.paths {
        if !old.paths.contains(&path) {
            old.paths.push(path);
        }
    }
    if let (Landing::Copies(old), Landing::Copies(new)) = (&mut old.landing, new.landing) {
        old.extend(new);
    }
}
