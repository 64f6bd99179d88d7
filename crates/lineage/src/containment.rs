//! Whether a line contains a fix.

use ripcord_domain::problem::Problem;
use ripcord_git::{Oid, Repo};

use crate::branch::{Branch, Lines};
use crate::effect::{Effect, effect};
use crate::landed::{Copy, Patches, Sameness, Squash, landed};
use crate::names::{Named, listed, short};
use crate::problems::from_repo;
use crate::undoing::Undoing;
use crate::undone::Undone;

/// The commits of a fix: those that `tip` has and `base` has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The commit that the fix began at.
    pub base: Oid,
    /// Its last commit.
    pub tip: Oid,
}

/// How a line contains a fix, the strongest evidence first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// The last commit of the fix is in the line's history.
    Ancestry,
    /// Every commit of it that changes something is there as another commit that makes the same
    /// change: a rebase merge, or cherry-picks.
    PatchIds(Vec<Copy>),
    /// One commit makes the change of several of them: a squash merge. Where the branch was squashed
    /// more than once, all of these commits; what they lack is there as copies.
    Squash {
        /// The commits, oldest first.
        commits: Vec<Named>,
        /// How that is known of the least sure of them.
        by: Sameness,
    },
    /// No commit of the line is the fix, but to merge it would change nothing: the effect is there
    /// already. Weaker than the others, as it may have come by chance or by somebody's own fix.
    Tree,
}

/// Whether a line contains a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Containment {
    /// There is nothing that could be contained: the range has no commit, or none that changes
    /// anything.
    Empty,
    /// It does.
    Contained {
        /// The evidence.
        how: How,
        /// What content says: [`Effect::Present`], or [`Effect::Evolved`] where the same lines were
        /// changed again since.
        effect: Effect,
    },
    /// It did, and was undone since: what runs from the line now lacks it, or a part of it.
    Undone(Vec<Undone>),
    /// It does not.
    Missing {
        /// The commits of the fix that are not in the line, oldest first.
        commits: Vec<Named>,
        /// Those of it that are, as which commits.
        copies: Vec<Copy>,
    },
}

impl Containment {
    /// Whether the line has everything of the fix. True of an empty one.
    pub fn is_contained(&self) -> bool {
        matches!(self, Self::Empty | Self::Contained { .. })
    }

    /// The answer in one sentence, without the names of fix and line.
    pub fn sentence(&self) -> String {
        let evolved = |effect: &Effect| match effect {
            Effect::Present => "",
            _ => "; the same lines were changed again since",
        };
        match self {
            Self::Empty => "there is nothing to contain: the fix changes nothing".to_owned(),
            Self::Contained { how, effect } => match how {
                How::Ancestry => format!(
                    "contained: its commits are in the history{}",
                    evolved(effect)
                ),
                How::PatchIds(copies) => {
                    let ids: Vec<String> = copies.iter().map(|copy| short(copy.is)).collect();
                    format!(
                        "contained: its commits are there as {}{}",
                        listed(&ids),
                        evolved(effect)
                    )
                }
                How::Squash { commits, .. } => {
                    let commits = listed(commits);
                    format!("contained: squashed into {commits}{}", evolved(effect))
                }
                How::Tree => {
                    "contained by its effect alone: no commit of the line is the fix, but to merge \
                     it would change nothing"
                        .to_owned()
                }
            },
            Self::Undone(undone) => {
                let words: Vec<String> = undone.iter().map(Undone::sentence).collect();
                format!("no longer contained: {}", words.join("; "))
            }
            Self::Missing { commits, .. } => format!("not contained: {} missing", listed(commits)),
        }
    }
}

/// Whether a line contains a fix, by ancestry, else by equal patches, else squashed, else by its
/// effect; and that it was not undone there since. Only objects are read, of this repository.
///
/// # Errors
/// Objects that are missing, and a shallow clone that ends before the two meet.
pub fn contained(repo: &Repo, fix: Range, line: Oid) -> Result<Containment, Problem> {
    let branch = Branch {
        tip: fix.tip,
        base: Some(fix.base),
    };
    let lines = Lines::read(repo, branch, line)?;
    let mut staged = repo.stage();
    let mut patches = Patches::of_line(&lines)?;
    let landed = landed(&lines, &mut staged, &mut patches)?;
    let whole = lines.whole().map_err(from_repo)?;
    if lines.own.is_empty() || (landed.changes.is_empty() && whole.before == whole.after) {
        return Ok(Containment::Empty);
    }
    let here = effect(&mut staged, whole, lines.line_tree).map_err(from_repo)?;
    let (undone, _) = Undoing::new(&lines, &mut staged, &mut patches)?.find(&landed)?;
    if !undone.is_empty() {
        return Ok(Containment::Undone(undone));
    }
    // Those of what was merged besides are no evidence.
    let is_needed = |squash: &&Squash| squash.members.iter().any(|id| lines.ahead.contains(id));
    let squashes: Vec<&Squash> = landed.squashes.iter().filter(is_needed).collect();
    let how = if lines.is_merged() {
        Some(How::Ancestry)
    } else if !landed.missing.is_empty() || landed.changes.is_empty() {
        (here == Effect::Present).then_some(How::Tree)
    } else if squashes.is_empty() {
        Some(How::PatchIds(landed.copies.clone()))
    } else {
        let commits = squashes.iter();
        let by = commits.clone().map(|squash| squash.by).max();
        let commits = commits.map(|squash| Named::read(repo, squash.commit));
        Some(How::Squash {
            commits: commits.collect::<Result<_, _>>()?,
            by: by.unwrap_or(Sameness::Replay),
        })
    };
    let Some(how) = how else {
        let missing = landed.missing.iter().map(|id| Named::read(repo, *id));
        return Ok(Containment::Missing {
            commits: missing.collect::<Result<_, _>>()?,
            copies: landed.copies,
        });
    };
    Ok(Containment::Contained {
        how,
        effect: if here == Effect::Present {
            here
        } else {
            Effect::Evolved
        },
    })
}
