//! The branch that lands again, built in memory on top of the line: exactly what was reverted, and the
//! branch's new commits.

use bstr::BString;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{Identities, NewCommit, Node, Oid, Person, Repo, Staged, TreeMerge};

use crate::branch::Branch;
use crate::effect::{Effect, Step, effect};
use crate::message::{picked, reverted};
use crate::names::{Named, listed, short};
use crate::problems::from_repo;
use crate::reland::{Checked, Verdict, check};
use crate::undone::{Proof, Undone};

/// The code of a branch that needs no preparation.
pub const NOTHING_REVERTED: &str = "nothing_reverted";
/// The code of a revert that cannot be reverted alone.
pub const REVERT_DOES_MORE: &str = "revert_does_more";
/// The code of a branch that would not come out as what was reverted.
pub const RELAND_DIFFERS: &str = "reland_differs";
/// The code of a conflict, see [`Clash`].
pub const RELAND_CONFLICT: &str = "reland_conflict";

/// How a branch lands again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The reverts are reverted, newest first; then come the branch's new commits. What landed before
    /// keeps its place in history.
    RevertOfRevert,
    /// What was reverted comes as new commits, then the branch's new ones.
    FixOnTop,
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The commit that is taken back or picked.
    pub of: Named,
    /// What is done with it.
    pub doing: Doing,
    /// The tree, staged.
    pub tree: Oid,
    /// Who wrote it; none: who makes it.
    pub author: Option<Person>,
    /// The whole message.
    pub message: String,
}

/// What is done with a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It is reverted.
    Revert,
    /// It is cherry-picked.
    Pick,
}

/// A step that needs a person. Nothing was resolved and nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The commit that does not fit.
    pub of: Named,
    /// What was to be done with it.
    pub doing: Doing,
    /// The files, sorted.
    pub paths: Vec<BString>,
}

impl Clash {
    /// The same as a refusal.
    pub fn problem(&self) -> Problem {
        let (verb, command) = match self.doing {
            Doing::Revert => ("reverting", "git revert"),
            Doing::Pick => ("picking", "git cherry-pick -x"),
        };
        Problem::new(
            Kind::Conflict,
            RELAND_CONFLICT,
            format!("{verb} {} conflicts in {}", self.of, listed(&self.paths)),
        )
        .hint(format!(
            "do it by hand on a branch off the line: `{command} {}`",
            short(self.of.commit)
        ))
    }
}

/// What became of a preparation.
pub enum Preparation<'r> {
    /// It can be written.
    Ready(Box<Prepared<'r>>),
    /// It needs a person.
    Conflict(Clash),
}

/// A branch in memory.
pub struct Prepared<'r> {
    staged: Staged<'r>,
    repo: &'r Repo,
    /// What it is built on.
    pub line: Oid,
    /// What the check said.
    pub verdict: Verdict,
    /// The commits to make, oldest first.
    pub commits: Vec<Planned>,
    /// Commits that were left out, as they would change nothing.
    pub left_out: Vec<Named>,
}

impl Prepared<'_> {
    /// The tree that the branch ends in.
    pub fn tree(&self) -> Option<Oid> {
        self.commits.last().map(|commit| commit.tree)
    }

    /// Makes the commits and gives the last one; no ref is written. Authors are kept, the committer is
    /// the one given, who also is the author of reverts.
    ///
    /// # Errors
    /// The disk, or the signing program.
    pub fn write(self, people: &Identities, sign: bool) -> Result<Oid, Problem> {
        self.staged.persist().map_err(from_repo)?;
        let mut tip = self.line;
        for planned in self.commits {
            let new = NewCommit {
                tree: planned.tree,
                parents: vec![tip],
                author: planned.author.unwrap_or_else(|| people.author.clone()),
                committer: people.committer.clone(),
                message: planned.message,
                sign,
            };
            tip = self.repo.stage().commit(&new).map_err(from_repo)?;
        }
        Ok(tip)
    }
}

/// Builds a branch on top of the line that brings back exactly what was reverted there, and then the
/// branch's new commits. A conflict is told and never resolved.
///
/// # Errors
/// [`NOTHING_REVERTED`], [`REVERT_DOES_MORE`], [`RELAND_DIFFERS`]; objects that are missing, and a
/// shallow clone that ends before the two meet.
pub fn reland_prepare(
    repo: &Repo,
    branch: Branch,
    line: Oid,
    way: Way,
) -> Result<Preparation<'_>, Problem> {
    let checked = check(repo, branch, line)?;
    if checked.verdict.undone.is_empty() {
        return Err(nothing_reverted(&checked.verdict));
    }
    let mut building = Building {
        repo,
        staged: repo.stage(),
        tree: checked.lines.line_tree,
        commits: Vec::new(),
        left_out: Vec::new(),
    };
    let undone = &checked.verdict.undone;
    let clash = match way {
        Way::RevertOfRevert => building.take_back(&checked, undone)?,
        Way::FixOnTop => {
            let members = undone.iter().flat_map(|one| &one.commits);
            let members: Vec<Oid> = members.map(|commit| commit.commit).collect();
            building.pick_all(&checked.among(&members))?
        }
    };
    if let Some(clash) = clash {
        return Ok(Preparation::Conflict(clash));
    }
    building.prove(&checked, undone)?;
    let new: Vec<Oid> = checked.verdict.new.iter().map(|new| new.commit).collect();
    if let Some(clash) = building.pick_all(&checked.among(&new))? {
        return Ok(Preparation::Conflict(clash));
    }
    Ok(Preparation::Ready(Box::new(Prepared {
        staged: building.staged,
        repo,
        line,
        verdict: checked.verdict,
        commits: building.commits,
        left_out: building.left_out,
    })))
}

fn nothing_reverted(verdict: &Verdict) -> Problem {
    let problem = Problem::new(
        Kind::Nothing,
        NOTHING_REVERTED,
        format!("nothing has to land again: {}", verdict.sentence()),
    );
    if verdict.beneath.is_empty() {
        problem
    } else {
        problem.hint(format!(
            "the line reverted {}, on which the branch stands: if that is the branch's own, name the \
             commit that the branch began at",
            listed(&verdict.beneath)
        ))
    }
}

/// The branch as far as it was built.
struct Building<'r> {
    repo: &'r Repo,
    staged: Staged<'r>,
    tree: Oid,
    commits: Vec<Planned>,
    left_out: Vec<Named>,
}

impl Building<'_> {
    /// Reverts the reverts, newest first.
    fn take_back(
        &mut self,
        checked: &Checked<'_>,
        undone: &[Undone],
    ) -> Result<Option<Clash>, Problem> {
        let mut reverts: Vec<Oid> = Vec::new();
        for one in undone {
            let by = match &one.by {
                Some(by) if one.proof != Proof::Content => by,
                _ => return Err(does_more(one)),
            };
            if one.proof == Proof::Said && !self.stays_within(checked, one, by.commit)? {
                return Err(does_more(one));
            }
            reverts.push(by.commit);
        }
        let since = checked.lines.since.iter();
        for node in since.filter(|node| reverts.contains(&node.commit)) {
            let step = checked.lines.step(node).map_err(from_repo)?;
            let back = Step {
                before: step.after,
                after: step.before,
            };
            if let Some(clash) = self.apply(node, back, Doing::Revert)? {
                return Ok(Some(clash));
            }
        }
        Ok(None)
    }

    /// Whether a revert touches only files of what it reverts.
    fn stays_within(
        &self,
        checked: &Checked<'_>,
        undone: &Undone,
        by: Oid,
    ) -> Result<bool, Problem> {
        let paths = |step: Step| {
            let found = self.staged.differing_paths(step.before, step.after);
            found.map_err(from_repo)
        };
        let mut allowed = Vec::new();
        for step in &undone.steps {
            allowed.extend(paths(*step)?);
        }
        let Some(by) = checked.lines.nodes.get(&by) else {
            return Ok(false);
        };
        let touched = paths(checked.lines.step(by).map_err(from_repo)?)?;
        Ok(touched.iter().all(|path| allowed.contains(path)))
    }

    fn pick_all(&mut self, commits: &[(Node, Step)]) -> Result<Option<Clash>, Problem> {
        for (node, step) in commits {
            if let Some(clash) = self.apply(node, *step, Doing::Pick)? {
                return Ok(Some(clash));
            }
        }
        Ok(None)
    }

    fn apply(&mut self, node: &Node, step: Step, doing: Doing) -> Result<Option<Clash>, Problem> {
        let merged = self.staged.merge_trees(step.before, self.tree, step.after);
        let commit = self.repo.commit(node.commit).map_err(from_repo)?;
        let of = Named::of(&commit);
        match merged.map_err(from_repo)? {
            TreeMerge::Clean(tree) if tree == self.tree => self.left_out.push(of),
            TreeMerge::Clean(tree) => {
                self.tree = tree;
                let (author, message) = match doing {
                    Doing::Revert => (None, reverted(&commit.message, node.commit)),
                    Doing::Pick => (
                        Some(commit.author.clone()),
                        picked(&commit.message, node.commit),
                    ),
                };
                self.commits.push(Planned {
                    of,
                    doing,
                    tree,
                    author,
                    message,
                });
            }
            TreeMerge::Conflict(paths) => return Ok(Some(Clash { of, doing, paths })),
            TreeMerge::Unrelated => {}
        }
        Ok(None)
    }

    /// Proves that what was built so far is the line with what was undone, and nothing else: what was
    /// undone is in force in it, and to do it again on the line by itself gives the same tree. Where it
    /// cannot be done again by itself, only reverts that did nothing else are believed.
    fn prove(&mut self, checked: &Checked<'_>, undone: &[Undone]) -> Result<(), Problem> {
        let steps: Vec<Step> = undone.iter().flat_map(|one| one.steps.clone()).collect();
        let mut again = Some(checked.lines.line_tree);
        let mut ordered: Vec<Step> = checked
            .landed
            .changes
            .iter()
            .map(|(_, step)| *step)
            .collect();
        ordered.retain(|step| steps.contains(step));
        ordered.extend(
            steps
                .iter()
                .filter(|step| !ordered.contains(step))
                .copied()
                .collect::<Vec<_>>(),
        );
        for step in &ordered {
            let Some(tree) = again else { break };
            let merged = self.staged.merge_trees(step.before, tree, step.after);
            again = match merged.map_err(from_repo)? {
                TreeMerge::Clean(tree) => Some(tree),
                TreeMerge::Conflict(_) | TreeMerge::Unrelated => None,
            };
        }
        let paths = match again {
            Some(again) => self
                .staged
                .differing_paths(again, self.tree)
                .map_err(from_repo)?,
            // What else a revert by hand did is not told from what it reverted.
            None if undone.iter().any(|one| one.proof == Proof::Said) => {
                return Err(differs::<&str>(&[]));
            }
            None => Vec::new(),
        };
        if !paths.is_empty() {
            return Err(differs(&paths));
        }
        for step in ordered {
            let here = effect(&mut self.staged, step, self.tree).map_err(from_repo)?;
            // Commits of the branch that build on each other change the same lines again.
            match here {
                Effect::Present | Effect::Evolved => {}
                Effect::Part(paths) => return Err(differs(&paths)),
                Effect::Absent => return Err(differs::<&str>(&[])),
            }
        }
        Ok(())
    }
}

fn does_more(undone: &Undone) -> Problem {
    Problem::new(
        Kind::Refused,
        REVERT_DOES_MORE,
        format!(
            "there is no revert that could be reverted alone: {}",
            undone.sentence()
        ),
    )
    .hint("put the fix on top as new commits instead")
}

fn differs<T: std::fmt::Display>(paths: &[T]) -> Problem {
    let place = if paths.is_empty() {
        String::new()
    } else {
        format!(" in {}", listed(paths))
    };
    Problem::new(
        Kind::Refused,
        RELAND_DIFFERS,
        format!("what would come back is not exactly what was reverted{place}"),
    )
    .hint("try the other way, or build the branch by hand and look at its difference to the line")
}
