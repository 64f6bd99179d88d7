//! Whether merging a branch brings what it should, when a part of it was in the line before.
//!
//! The cases are those of <https://www.kernel.org/pub/software/scm/git/docs/howto/revert-a-faulty-merge.html>:
//! a merge takes over what a branch did since it was merged last; what the line reverted of the part
//! before stays reverted.

use bstr::BString;
use ripcord_domain::problem::Problem;
use ripcord_git::{Node, Oid, Repo, Staged, TreeMerge};

use crate::branch::{Branch, Lines};
use crate::effect::{Effect, Step, effect};
use crate::landed::{Landed, Patches, landed};
use crate::names::{Named, listed};
use crate::problems::from_repo;
use crate::undoing::Undoing;
use crate::undone::{Landing, Undone};

/// What a merge of a branch means, given its past in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Nothing of it was undone: a merge brings what is new.
    Plain,
    /// All of it is in the line and in force: a merge brings nothing, and nothing is missed.
    AlreadyThere,
    /// It was undone and that was undone again: a merge brings what is new, and nothing is missed.
    RevertedRevert,
    /// It was undone in the line, but a merge brings it back: the branch has it as commits of its own
    /// that the line lacks (rebased, recreated, or landed by squash or rebase), or reverted the revert
    /// itself.
    Recreated,
    /// It was undone in the line and the branch has nothing new: a merge brings nothing.
    NothingComes,
    /// It was undone in the line and the branch has new commits: a merge brings only what is new,
    /// without what it builds on.
    OnlyNewComes,
}

impl Case {
    /// Whether a merge brings less than the branch holds.
    pub fn blocks(self) -> bool {
        matches!(self, Self::NothingComes | Self::OnlyNewComes)
    }
}

/// What merging now would do to the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Nothing.
    Nothing,
    /// The line would have this tree. It need not be stored.
    Brings(Oid),
    /// It needs a person for these files.
    Conflict(Vec<BString>),
    /// The two have no common ancestor.
    Unrelated,
}

/// The answer of [`reland_check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it comes to.
    pub case: Case,
    /// What merging would do.
    pub merge: Merge,
    /// What of the branch was undone in the line and is not in force there.
    pub undone: Vec<Undone>,
    /// Of these, what a merge would leave undone.
    pub stays_undone: Vec<Undone>,
    /// The branch's commits that the line has not, in no form, oldest first.
    pub new: Vec<Named>,
    /// Commits that `git rebase` and a forge's rebase merge leave out, as the line has equal ones,
    /// though those were undone there.
    pub rebase_drops: Vec<Named>,
    /// Commits that the branch stands on, not known to be its own, and that the line reverted since:
    /// a merge does not bring them back. Where the branch began decides whether they are its own; empty
    /// where that was said.
    pub beneath: Vec<Named>,
}

impl Verdict {
    /// What it comes to, in one sentence, without the names of branch and line.
    pub fn sentence(&self) -> String {
        let stays: Vec<String> = self.stays_undone.iter().map(Undone::sentence).collect();
        let stays = stays.join("; ");
        let mut sentence = match self.case {
            Case::Plain => match self.merge {
                Merge::Nothing if self.beneath.is_empty() => {
                    "a merge brings nothing, and nothing was reverted".to_owned()
                }
                Merge::Nothing => "a merge brings nothing".to_owned(),
                _ if !self.beneath.is_empty() => {
                    "a merge brings what is known to be its own".to_owned()
                }
                _ => "nothing of it was reverted: a merge brings all of it".to_owned(),
            },
            Case::AlreadyThere if self.beneath.is_empty() => {
                "all of it is there and in force".to_owned()
            }
            Case::AlreadyThere => "what is known to be its own is there and in force".to_owned(),
            Case::RevertedRevert => {
                "it was reverted and the revert was reverted: nothing is missing".to_owned()
            }
            Case::Recreated => "it was reverted, but a merge brings it back: the branch has it as \
                                commits that the line lacks"
                .to_owned(),
            Case::NothingComes => {
                format!("a merge brings nothing: {stays}, and the branch has nothing new")
            }
            Case::OnlyNewComes => format!(
                "a merge brings only the new commits ({}), without what they build on: {stays}",
                listed(&self.new)
            ),
        };
        if !self.beneath.is_empty() {
            sentence.push_str(", but the branch stands on ");
            sentence.push_str(&listed(&self.beneath));
            sentence.push_str(", reverted since: a merge does not bring that back");
        }
        if let Merge::Conflict(paths) = &self.merge {
            sentence.push_str("; merging conflicts in ");
            sentence.push_str(&listed(paths));
        }
        if !self.rebase_drops.is_empty() {
            sentence.push_str("; merge it, do not rebase it: a rebase leaves out ");
            sentence.push_str(&listed(&self.rebase_drops));
        }
        sentence
    }

    /// Whether a merge commit was reverted as a whole (`git revert -m`), the case of the howto.
    pub fn is_reverted_merge(&self) -> bool {
        let is_merge = |undone: &Undone| matches!(undone.landing, Landing::Merge { .. });
        self.undone.iter().any(is_merge)
    }
}

/// Everything that a check found, for what is built on it.
pub(crate) struct Checked<'r> {
    pub(crate) lines: Lines<'r>,
    pub(crate) landed: Landed,
    pub(crate) verdict: Verdict,
}

/// Finds what of a branch was in the line and was undone there, and what a merge would bring.
///
/// # Errors
/// Objects that are missing, and a shallow clone that ends before the two meet.
pub fn reland_check(repo: &Repo, branch: Branch, line: Oid) -> Result<Verdict, Problem> {
    Ok(check(repo, branch, line)?.verdict)
}

pub(crate) fn check(repo: &Repo, branch: Branch, line: Oid) -> Result<Checked<'_>, Problem> {
    let lines = Lines::read(repo, branch, line)?;
    let mut staged = repo.stage();
    let (landed, verdict) = {
        let mut patches = Patches::of_line(&lines)?;
        let landed = landed(&lines, &mut staged, &mut patches)?;
        let mut undoing = Undoing::new(&lines, &mut staged, &mut patches)?;
        let (undone, came_back) = undoing.find(&landed)?;
        // Who says where the branch began says that it is not its own.
        let beneath = match branch.base {
            Some(_) => Vec::new(),
            None => undoing.beneath()?,
        };
        let verdict = judge(&lines, &mut staged, &landed, undone, came_back, &beneath)?;
        (landed, verdict)
    };
    Ok(Checked {
        lines,
        landed,
        verdict,
    })
}

fn judge(
    lines: &Lines<'_>,
    staged: &mut Staged<'_>,
    landed: &Landed,
    undone: Vec<Undone>,
    came_back: bool,
    beneath: &[Oid],
) -> Result<Verdict, Problem> {
    let merge = merged(lines, staged)?;
    let mut stays = Vec::new();
    for one in &undone {
        if stays_undone(lines, staged, one, &merge)? {
            stays.push(one.clone());
        }
    }
    let named = |ids: &[Oid]| -> Result<Vec<Named>, Problem> {
        ids.iter().map(|id| Named::read(lines.repo, *id)).collect()
    };
    let new = named(&landed.missing)?;
    let dropped: Vec<Oid> = landed
        .copies
        .iter()
        .map(|copy| copy.of)
        .filter(|id| {
            undone
                .iter()
                .any(|one| one.commits.iter().any(|c| c.commit == *id))
        })
        .collect();
    let case = if !stays.is_empty() {
        match merge {
            Merge::Nothing => Case::NothingComes,
            _ if new.is_empty() => Case::NothingComes,
            _ => Case::OnlyNewComes,
        }
    } else if !undone.is_empty() {
        Case::Recreated
    } else if came_back {
        Case::RevertedRevert
    } else if landed.missing.is_empty() && merge == Merge::Nothing {
        Case::AlreadyThere
    } else {
        Case::Plain
    };
    Ok(Verdict {
        case,
        merge,
        undone,
        stays_undone: stays,
        new,
        rebase_drops: named(&dropped)?,
        beneath: named(beneath)?,
    })
}

fn merged(lines: &Lines<'_>, staged: &mut Staged<'_>) -> Result<Merge, Problem> {
    let merged = staged.merge_commits(lines.line, lines.tip);
    Ok(match merged.map_err(from_repo)? {
        TreeMerge::Clean(tree) if tree == lines.line_tree => Merge::Nothing,
        TreeMerge::Clean(tree) => Merge::Brings(tree),
        TreeMerge::Conflict(paths) => Merge::Conflict(paths),
        TreeMerge::Unrelated => Merge::Unrelated,
    })
}

/// Whether a merge leaves something undone. Where it conflicts nobody knows what a person makes of it;
/// then what stands in the line's history does not come again.
fn stays_undone(
    lines: &Lines<'_>,
    staged: &mut Staged<'_>,
    undone: &Undone,
    merge: &Merge,
) -> Result<bool, Problem> {
    let tree = match merge {
        Merge::Nothing => return Ok(true),
        Merge::Brings(tree) => *tree,
        Merge::Conflict(_) | Merge::Unrelated => {
            return Ok(undone
                .commits
                .iter()
                .any(|commit| !lines.ahead.contains(&commit.commit)));
        }
    };
    let whole = lines.whole().map_err(from_repo)?;
    let is_whole = whole.before != whole.after
        && effect(staged, whole, tree).map_err(from_repo)? == Effect::Present;
    for step in &undone.steps {
        // What the branch made of it later is there.
        if is_whole && is_within(staged, *step, whole)? {
            continue;
        }
        let before = effect(staged, *step, lines.line_tree).map_err(from_repo)?;
        let after = effect(staged, *step, tree).map_err(from_repo)?;
        // Later commits of the branch may have changed the same lines again.
        let came = after == Effect::Present || (before.lacks() && after == Effect::Evolved);
        if !came {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a step is a part of a larger one: not there before it and there after.
fn is_within(staged: &mut Staged<'_>, step: Step, whole: Step) -> Result<bool, Problem> {
    let before = effect(staged, step, whole.before).map_err(from_repo)?;
    let after = effect(staged, step, whole.after).map_err(from_repo)?;
    Ok(before.lacks() && !after.lacks())
}

impl Checked<'_> {
    /// The branch's commits that are no merges and change something, oldest first, that are among
    /// these.
    pub(crate) fn among(&self, wanted: &[Oid]) -> Vec<(Node, Step)> {
        self.landed
            .changes
            .iter()
            .filter(|(node, _)| wanted.contains(&node.commit))
            .cloned()
            .collect()
    }
}
