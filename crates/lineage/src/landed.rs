//! How the commits of a branch came into a line: by ancestry, as copies, or squashed into one.

use std::collections::{HashMap, HashSet};

use bstr::BString;
use ripcord_domain::problem::Problem;
use ripcord_git::{Node, Oid, Patch, Staged, TreeMerge};

use crate::branch::Lines;
use crate::effect::Step;
use crate::problems::from_repo;

/// How sure it is that a commit of the line is the same change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sameness {
    /// Their patches are equal to the byte, the lines around the change included.
    PatchId,
    /// The lines around it differ, but to pick the commit at that place gives exactly that tree.
    Replay,
}

/// A commit of the line that makes the same change as one of the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The branch's commit.
    pub of: Oid,
    /// The line's commit.
    pub is: Oid,
    /// How that is known.
    pub by: Sameness,
}

/// The commits of the line that are no merges, by the files that they touch.
pub(crate) struct Patches<'l, 'r> {
    lines: &'l Lines<'r>,
    by_paths: HashMap<Vec<BString>, Vec<(Node, Step)>>,
    known: HashMap<Step, Patch>,
}

impl<'l, 'r> Patches<'l, 'r> {
    /// Of the commits that the line has since the branch began and that are not the branch's own.
    pub(crate) fn of_line(lines: &'l Lines<'r>) -> Result<Self, Problem> {
        let mut by_paths: HashMap<Vec<BString>, Vec<(Node, Step)>> = HashMap::new();
        for node in lines.since.iter().filter(|node| node.parents.len() < 2) {
            let step = lines.step(node).map_err(from_repo)?;
            let paths = paths(lines, step)?;
            if !paths.is_empty() {
                by_paths
                    .entry(paths)
                    .or_default()
                    .push((node.clone(), step));
            }
        }
        Ok(Self {
            lines,
            by_paths,
            known: HashMap::new(),
        })
    }

    /// Those that touch exactly the same files, newest first.
    fn beside(&self, paths: &[BString]) -> Vec<(Node, Step)> {
        self.by_paths.get(paths).cloned().unwrap_or_default()
    }

    /// All of them with their files.
    fn oldest_first(&self) -> Vec<(Node, Step, Vec<BString>)> {
        let mut all: HashMap<Oid, (Step, &Vec<BString>)> = HashMap::new();
        for (paths, commits) in &self.by_paths {
            for (node, step) in commits {
                all.insert(node.commit, (*step, paths));
            }
        }
        let line = self.lines.since.iter().rev();
        line.filter_map(|node| {
            let (step, paths) = all.get(&node.commit)?;
            Some((node.clone(), *step, (*paths).clone()))
        })
        .collect()
    }

    fn patch(&mut self, step: Step) -> Result<Patch, Problem> {
        if let Some(patch) = self.known.get(&step) {
            return Ok(patch.clone());
        }
        let patch = self.lines.patch(step).map_err(from_repo)?;
        self.known.insert(step, patch.clone());
        Ok(patch)
    }

    /// The commits whose patch is the same as that of a step, newest first.
    pub(crate) fn equal(&mut self, step: Step) -> Result<Vec<Node>, Problem> {
        let mut found = Vec::new();
        let paths = paths(self.lines, step)?;
        for (node, other) in self.beside(&paths) {
            if self.patch(other)?.id == self.patch(step)?.id {
                found.push(node);
            }
        }
        Ok(found)
    }

    /// The commits whose patch takes back exactly what a step did, newest first.
    pub(crate) fn inverse(&mut self, step: Step) -> Result<Vec<Node>, Problem> {
        self.equal(Step {
            before: step.after,
            after: step.before,
        })
    }

    /// The commit that is a step done again, if any but those that are taken.
    fn copy_of(
        &mut self,
        staged: &mut Staged<'_>,
        step: Step,
        taken: &HashSet<Oid>,
    ) -> Result<Option<(Oid, Sameness)>, Problem> {
        let is_free = |node: &Node| !taken.contains(&node.commit);
        if let Some(node) = self.equal(step)?.into_iter().rfind(is_free) {
            return Ok(Some((node.commit, Sameness::PatchId)));
        }
        let paths = paths(self.lines, step)?;
        for (node, there) in self.beside(&paths).into_iter().rev() {
            if !is_free(&node) {
                continue;
            }
            let again = staged.merge_trees(step.before, there.before, step.after);
            if again.map_err(from_repo)? == TreeMerge::Clean(there.after) {
                return Ok(Some((node.commit, Sameness::Replay)));
            }
        }
        Ok(None)
    }
}

fn paths(lines: &Lines<'_>, step: Step) -> Result<Vec<BString>, Problem> {
    let changes = lines
        .repo
        .changes(Some(step.before), step.after, &ripcord_git::Interest::All)
        .map_err(from_repo)?;
    Ok(changes.into_iter().map(|change| change.path).collect())
}

/// What the line has of a branch.
pub(crate) struct Landed {
    /// The branch's commits that are no merges and change something, oldest first.
    pub(crate) changes: Vec<(Node, Step)>,
    /// Those that stand in the line's history themselves.
    pub(crate) merged: HashSet<Oid>,
    /// Copies of these besides, such as from before the branch was merged.
    pub(crate) twins: Vec<Copy>,
    /// Those that stand there as another commit only.
    pub(crate) copies: Vec<Copy>,
    /// Those that do not, oldest first.
    pub(crate) missing: Vec<Oid>,
    /// The commits of the line that are several of the branch, oldest first.
    pub(crate) squashes: Vec<Squash>,
}

/// A commit of the line that does what several of the branch did.
#[derive(Clone, Debug)]
pub(crate) struct Squash {
    pub(crate) commit: Oid,
    pub(crate) by: Sameness,
    /// Those that came with it, oldest first.
    pub(crate) members: Vec<Oid>,
}

/// Looks for every change of the branch in the line.
pub(crate) fn landed(
    lines: &Lines<'_>,
    staged: &mut Staged<'_>,
    patches: &mut Patches<'_, '_>,
) -> Result<Landed, Problem> {
    let changes = lines.changes().map_err(from_repo)?;
    let is_merged = |id: &Oid| !lines.ahead.contains(id);
    let mut taken = HashSet::new();
    let (mut copies, mut twins, mut open) = (Vec::new(), Vec::new(), Vec::new());
    // A copy is that of a commit that has nothing else first.
    for merged in [false, true] {
        let now = changes
            .iter()
            .filter(|(node, _)| is_merged(&node.commit) == merged);
        for (node, step) in now {
            let Some((is, by)) = patches.copy_of(staged, *step, &taken)? else {
                open.push(node.commit);
                continue;
            };
            taken.insert(is);
            let copy = Copy {
                of: node.commit,
                is,
                by,
            };
            if merged {
                twins.push(copy);
            } else {
                copies.push(copy);
            }
        }
    }
    open.sort_by_key(|id| changes.iter().position(|(node, _)| node.commit == *id));
    let squashes = squashes(lines, staged, patches, &taken, &mut open)?;
    Ok(Landed {
        missing: open.into_iter().filter(|id| !is_merged(id)).collect(),
        merged: changes
            .iter()
            .map(|(node, _)| node.commit)
            .filter(is_merged)
            .collect(),
        changes,
        twins,
        copies,
        squashes,
    })
}

/// Finds the commits of the line that the branch was squashed into, as it stood at any of its commits;
/// what came with them is no longer open.
fn squashes(
    lines: &Lines<'_>,
    staged: &mut Staged<'_>,
    patches: &mut Patches<'_, '_>,
    taken: &HashSet<Oid>,
    open: &mut Vec<Oid>,
) -> Result<Vec<Squash>, Problem> {
    let mut found = Vec::new();
    if open.is_empty() {
        return Ok(found);
    }
    let mut states = Vec::new();
    for (at, from) in &lines.states {
        let step = lines.between(*from, *at).map_err(from_repo)?;
        if step.before != step.after {
            states.push((*at, step, paths(lines, step)?));
        }
    }
    for (node, step, touched) in patches.oldest_first() {
        if open.is_empty() {
            break;
        }
        if taken.contains(&node.commit) {
            continue;
        }
        for (at, whole, could) in &states {
            if !touched.iter().all(|path| could.contains(path)) {
                continue;
            }
            let mut by = squashed(staged, patches, step, *whole)?;
            if by.is_none() {
                // A part of the branch may have been merged before: the rest came from there.
                let before = node.parents.first().copied();
                let merged = before.map(|before| lines.repo.merge_base(before, *at));
                let from = merged.transpose().map_err(from_repo)?.flatten();
                let rest = lines.between(from, *at).map_err(from_repo)?;
                if rest != *whole && rest.before != rest.after {
                    by = squashed(staged, patches, step, rest)?;
                }
            }
            let Some(by) = by else {
                continue;
            };
            let behind = lines.behind(&[*at]);
            let before = lines.behind(&node.parents);
            let is_member = |id: &Oid| behind.contains(id) && !before.contains(id);
            let members: Vec<Oid> = open.iter().copied().filter(is_member).collect();
            open.retain(|id| !is_member(id));
            if !members.is_empty() {
                found.push(Squash {
                    commit: node.commit,
                    by,
                    members,
                });
            }
            break;
        }
    }
    Ok(found)
}

/// Whether a commit of the line is what a branch did, put there at once.
fn squashed(
    staged: &mut Staged<'_>,
    patches: &mut Patches<'_, '_>,
    there: Step,
    whole: Step,
) -> Result<Option<Sameness>, Problem> {
    if patches.patch(there)?.id == patches.patch(whole)?.id {
        return Ok(Some(Sameness::PatchId));
    }
    let again = staged.merge_trees(whole.before, there.before, whole.after);
    let is_again = again.map_err(from_repo)? == TreeMerge::Clean(there.after);
    Ok(is_again.then_some(Sameness::Replay))
}

/// For every commit of the line since the branch began, the line's own commit that brought it.
pub(crate) fn bringers(lines: &Lines<'_>) -> HashMap<Oid, Oid> {
    let mut by = HashMap::new();
    for bringer in lines.first_parents.iter().rev() {
        let mut open = vec![*bringer];
        while let Some(id) = open.pop() {
            let Some(node) = lines.nodes.get(&id) else {
                continue;
            };
            if by.contains_key(&id) {
                continue;
            }
            by.insert(id, *bringer);
            open.extend(&node.parents);
        }
    }
    by
}
