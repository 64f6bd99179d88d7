//! What of a branch that had landed was undone on the line since, and by which commit.
//!
//! `This reverts commit …` is a clue, the content is the proof: what was undone and came back is not
//! undone, whatever was said.

use std::collections::{HashMap, HashSet, VecDeque};

use bstr::BString;
use ripcord_domain::problem::Problem;
use ripcord_git::{Node, Oid, Staged, TreeMerge};

use crate::branch::Lines;
use crate::claims::{Claim, claims, reverted_ids};
use crate::effect::{Effect, Step, effect};
use crate::landed::{Landed, Patches, bringers};
use crate::names::Named;
use crate::problems::from_repo;
use crate::taken::Taken;
use crate::undone::{Landing, Proof, Undone, group};

/// Something that landed: what may have been undone as one.
struct Unit {
    /// Its commits in the line.
    ids: HashSet<Oid>,
    step: Step,
    /// The branch's commits in it.
    members: Vec<Oid>,
    landing: Landing,
}

/// What a merge brought: the parent to go back to, and the commits that only the others have.
type Side = (Oid, HashSet<Oid>);

/// A commit that takes back what was done.
struct Reverter {
    by: Oid,
    /// The merge that it names, and the parent that it goes back to.
    merge: Option<(Oid, Oid)>,
    is_exact: bool,
}

/// Finds what was undone.
pub(crate) struct Undoing<'l, 'r, 's> {
    lines: &'l Lines<'r>,
    staged: &'s mut Staged<'r>,
    patches: &'s mut Patches<'l, 'r>,
    /// What messages say, with what a merge that they name had brought.
    claims: Vec<(Claim, Option<Side>)>,
    children: HashMap<Oid, Vec<Oid>>,
    bringers: HashMap<Oid, Oid>,
}

impl<'l, 'r, 's> Undoing<'l, 'r, 's> {
    pub(crate) fn new(
        lines: &'l Lines<'r>,
        staged: &'s mut Staged<'r>,
        patches: &'s mut Patches<'l, 'r>,
    ) -> Result<Self, Problem> {
        let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
        for node in lines.nodes.values() {
            for parent in &node.parents {
                children.entry(*parent).or_default().push(node.commit);
            }
        }
        Ok(Self {
            lines,
            staged,
            patches,
            claims: claims(lines)?
                .into_iter()
                .map(|claim| (claim, side(lines, &claim)))
                .collect(),
            children,
            bringers: bringers(lines),
        })
    }

    /// Everything of the branch that had landed and is gone, and whether anything was reverted that
    /// came back.
    pub(crate) fn find(&mut self, landed: &Landed) -> Result<(Vec<Undone>, bool), Problem> {
        let mut found: Vec<Undone> = Vec::new();
        let mut came_back = false;
        let tip_tree = self.lines.tree(self.lines.tip).map_err(from_repo)?;
        let mut unexplained = Vec::new();
        let mut seen: HashSet<Oid> = HashSet::new();
        for unit in self.units(landed)? {
            let here = self.effect(unit.step, self.lines.line_tree)?;
            let reverters = self.reverters(&unit)?;
            let Some(reverter) = self.newest_alive(&reverters)? else {
                came_back |= !reverters.is_empty();
                let wanted = !self.effect(unit.step, tip_tree)?.lacks();
                if here.lacks() && wanted {
                    unexplained.push((unit, here));
                }
                continue;
            };
            let is_back = match here {
                Effect::Present => true,
                Effect::Evolved => {
                    self.was_back_after(reverter.by, unit.step)?
                        || self.came_with_later(&unit)?
                        || self.was_done_by_hand_again(reverter, unit.step)?
                }
                Effect::Absent | Effect::Part(_) => false,
            };
            if is_back {
                came_back = true;
                continue;
            }
            // What the branch itself gave up is not missed, unless it has that from the line.
            let given_up = here.lacks()
                && !self.is_behind_tip(reverter.by)
                && self.effect(unit.step, tip_tree)?.lacks();
            if given_up {
                continue;
            }
            seen.extend(&unit.members);
            let undone = self.told(unit, reverter, here)?;
            group(&mut found, undone);
        }
        for (unit, here) in unexplained {
            if unit.members.iter().any(|id| seen.contains(id)) {
                continue;
            }
            let undone = self.by_content(unit, here)?;
            group(&mut found, undone);
        }
        Ok((found, came_back))
    }

    /// Commits that the branch stands on and that the line says to have reverted since, where they are
    /// not the branch's own as far as is known.
    pub(crate) fn beneath(&mut self) -> Result<Vec<Oid>, Problem> {
        let behind = self.lines.behind(&[self.lines.tip]);
        let mut found = Vec::new();
        for node in self
            .lines
            .since
            .iter()
            .filter(|node| node.parents.len() < 2)
        {
            if behind.contains(&node.commit) {
                continue;
            }
            let message = self
                .lines
                .repo
                .commit(node.commit)
                .map_err(from_repo)?
                .message;
            for of in reverted_ids(&message) {
                let own = self.lines.own_ids.contains(&of) || self.lines.nodes.contains_key(&of);
                let is_behind = !own && self.is_of_base(of)?;
                if is_behind
                    && !found.contains(&of)
                    && self.is_alive(node.commit, &mut HashSet::new())?
                {
                    found.push(of);
                }
            }
        }
        Ok(found)
    }

    /// Whether a commit is in the past of where the branch began.
    fn is_of_base(&self, id: Oid) -> Result<bool, Problem> {
        let Some(base) = self.lines.base else {
            return Ok(false);
        };
        if self.lines.repo.commit(id).is_err() {
            return Ok(false);
        }
        self.lines.repo.is_ancestor(id, base).map_err(from_repo)
    }

    /// Whether something was in force again in the line at any time after a commit.
    fn was_back_after(&mut self, by: Oid, step: Step) -> Result<bool, Problem> {
        let after = self.after(&HashSet::from([by]));
        for id in self.lines.first_parents.clone() {
            if !after.contains(&id) {
                break;
            }
            let tree = self.lines.tree(id).map_err(from_repo)?;
            if self.effect(step, tree)? == Effect::Present {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the line had, at any time after something was taken away by hand, all those lines again.
    fn was_done_by_hand_again(&mut self, reverter: &Reverter, step: Step) -> Result<bool, Problem> {
        let by = self.lines.nodes.get(&reverter.by);
        let Some(by) = by.filter(|_| !reverter.is_exact) else {
            return Ok(false);
        };
        let there = self.lines.step(by).map_err(from_repo)?;
        let taken = Taken::of(self.staged, step, there).map_err(from_repo)?;
        let after = self.after(&HashSet::from([by.commit]));
        for id in &self.lines.first_parents {
            if !after.contains(id) {
                break;
            }
            let tree = self.lines.tree(*id).map_err(from_repo)?;
            if taken.is_back_in(self.staged, tree).map_err(from_repo)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the line holds what the branch made of a unit later: then it does not matter that the
    /// unit alone was reverted.
    fn came_with_later(&mut self, unit: &Unit) -> Result<bool, Problem> {
        for (at, from) in self.lines.states.clone() {
            let behind = self.lines.behind(&[at]);
            if !unit.members.iter().all(|id| behind.contains(id)) {
                break;
            }
            let state = self.lines.between(from, at).map_err(from_repo)?;
            if state.before != state.after
                && self.effect(state, self.lines.line_tree)? == Effect::Present
                && self.effect(unit.step, state.before)?.lacks()
                && !self.effect(unit.step, state.after)?.lacks()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What landed, in the pieces in which it can be undone.
    fn units(&self, landed: &Landed) -> Result<Vec<Unit>, Problem> {
        let mut units = Vec::new();
        for (node, step) in &landed.changes {
            let copy = landed.copies.iter().find(|copy| copy.of == node.commit);
            let (id, landing) = match copy {
                Some(copy) => {
                    let named = Named::read(self.lines.repo, copy.is)?;
                    (copy.is, Landing::Copies(vec![named]))
                }
                None if landed.merged.contains(&node.commit) => (node.commit, Landing::Themselves),
                None => continue,
            };
            let twins = landed.twins.iter().filter(|twin| twin.of == node.commit);
            units.push(Unit {
                ids: twins.map(|twin| twin.is).chain([id]).collect(),
                step: *step,
                members: vec![node.commit],
                landing,
            });
        }
        for squash in &landed.squashes {
            let Some(node) = self.lines.nodes.get(&squash.commit) else {
                continue;
            };
            units.push(Unit {
                ids: HashSet::from([squash.commit]),
                step: self.lines.step(node).map_err(from_repo)?,
                members: squash.members.clone(),
                landing: Landing::Squash(Named::read(self.lines.repo, squash.commit)?),
            });
        }
        Ok(units)
    }

    fn effect(&mut self, step: Step, tree: Oid) -> Result<Effect, Problem> {
        effect(self.staged, step, tree).map_err(from_repo)
    }

    /// The commits after a unit that take it back, newest first: those that say so, and those that
    /// are the reverse patch of it, of the merge that brought it, or of the whole branch.
    fn reverters(&mut self, unit: &Unit) -> Result<Vec<Reverter>, Problem> {
        let after = self.after(&unit.ids);
        let mut found: HashMap<Oid, Reverter> = HashMap::new();
        let is_of_branch = !unit.members.is_empty();
        let said: Vec<(Claim, Option<Oid>)> = self
            .claims
            .iter()
            .filter_map(|(claim, side)| match side {
                Some((mainline, side)) if !side.is_disjoint(&unit.ids) => {
                    Some((*claim, Some(*mainline)))
                }
                _ if unit.ids.contains(&claim.of) || unit.members.contains(&claim.of) => {
                    Some((*claim, None))
                }
                _ => None,
            })
            .collect();
        for (claim, mainline) in said {
            let is_exact = self.is_exact(&claim, unit.step)?;
            if !is_exact && !self.took_away(claim.by, unit.step)? {
                continue;
            }
            let reverter = Reverter {
                by: claim.by,
                merge: mainline.map(|mainline| (claim.of, mainline)),
                is_exact,
            };
            found.insert(claim.by, reverter);
        }
        for node in self.patches.inverse(unit.step)? {
            let reverter = Reverter::exact(node.commit, None);
            found.entry(node.commit).or_insert(reverter);
        }
        for (merge, mainline, step) in self.merges_of(unit)? {
            for node in self.patches.inverse(step)? {
                let reverter = Reverter::exact(node.commit, Some((merge, mainline)));
                found.entry(node.commit).or_insert(reverter);
            }
        }
        if is_of_branch {
            let whole = self.lines.whole().map_err(from_repo)?;
            for node in self.patches.inverse(whole)? {
                let reverter = Reverter::exact(node.commit, None);
                found.entry(node.commit).or_insert(reverter);
            }
        }
        // What the branch takes back of itself is its own business.
        found.retain(|by, _| {
            after.contains(by) && !(is_of_branch && self.lines.own_ids.contains(by))
        });
        let mut found: Vec<Reverter> = found.into_values().collect();
        found.sort_by_key(|reverter| {
            let at = |node: &Node| node.commit == reverter.by;
            self.lines.since.iter().position(at)
        });
        Ok(found)
    }

    /// The merge by which the line got a unit, with what it brought.
    fn merges_of(&self, unit: &Unit) -> Result<Vec<(Oid, Oid, Step)>, Problem> {
        let mut found = Vec::new();
        for id in &unit.ids {
            let bringer = self
                .bringers
                .get(id)
                .and_then(|id| self.lines.nodes.get(id));
            if let Some(merge) = bringer.filter(|node| node.parents.len() > 1) {
                let step = self.lines.step(merge).map_err(from_repo)?;
                found.push((merge.commit, merge.parents[0], step));
            }
        }
        Ok(found)
    }

    /// Whether a commit that says that it reverts something did that and nothing else.
    fn is_exact(&mut self, claim: &Claim, step: Step) -> Result<bool, Problem> {
        let Some(by) = self.lines.nodes.get(&claim.by) else {
            return Ok(false);
        };
        let there = self.lines.step(by).map_err(from_repo)?;
        let undone = match self.lines.nodes.get(&claim.of) {
            Some(merge) if merge.parents.len() > 1 => {
                let mainline = claim.mainline.unwrap_or(merge.parents[0]);
                Step {
                    before: self.lines.tree(mainline).map_err(from_repo)?,
                    after: merge.tree,
                }
            }
            Some(node) => self.lines.step(node).map_err(from_repo)?,
            None => step,
        };
        let merged = self
            .staged
            .merge_trees(undone.after, there.before, undone.before)
            .map_err(from_repo)?;
        Ok(merged == TreeMerge::Clean(there.after) && there.before != there.after)
    }

    /// Whether something was in force before a commit and is gone, or in part, after it; or, where the
    /// lines beside were changed and that cannot be told, whether a line of it went the other way.
    fn took_away(&mut self, by: Oid, step: Step) -> Result<bool, Problem> {
        let Some(by) = self.lines.nodes.get(&by) else {
            return Ok(false);
        };
        let there = self.lines.step(by).map_err(from_repo)?;
        if self.effect(step, there.before)?.lacks() {
            return Ok(false);
        }
        match self.effect(step, there.after)? {
            Effect::Absent | Effect::Part(_) => Ok(true),
            Effect::Present => Ok(false),
            Effect::Evolved => {
                let taken = Taken::of(self.staged, step, there).map_err(from_repo)?;
                Ok(!taken.is_empty())
            }
        }
    }

    /// The newest that was not taken back itself.
    fn newest_alive<'a>(
        &mut self,
        reverters: &'a [Reverter],
    ) -> Result<Option<&'a Reverter>, Problem> {
        for reverter in reverters {
            if self.is_alive(reverter.by, &mut HashSet::new())? {
                return Ok(Some(reverter));
            }
        }
        Ok(None)
    }

    fn is_alive(&mut self, by: Oid, asked: &mut HashSet<Oid>) -> Result<bool, Problem> {
        let Some(node) = self.lines.nodes.get(&by).filter(|_| asked.insert(by)) else {
            return Ok(true);
        };
        let unit = Unit {
            ids: HashSet::from([by]),
            step: self.lines.step(node).map_err(from_repo)?,
            members: Vec::new(),
            landing: Landing::Themselves,
        };
        for reverter in self.reverters(&unit)? {
            if self.is_alive(reverter.by, asked)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn told(&self, unit: Unit, reverter: &Reverter, here: Effect) -> Result<Undone, Problem> {
        let repo = self.lines.repo;
        let landing = match reverter.merge {
            Some((merge, mainline)) => Landing::Merge {
                commit: Named::read(repo, merge)?,
                mainline,
            },
            None => unit.landing,
        };
        Ok(Undone {
            commits: self.named(&unit.members)?,
            landing,
            by: Some(Named::read(repo, reverter.by)?),
            proof: if reverter.is_exact {
                Proof::Exact
            } else {
                Proof::Said
            },
            paths: part(here),
            steps: vec![unit.step],
        })
    }

    /// The commit of the line's own since which a unit is gone.
    fn by_content(&mut self, unit: Unit, here: Effect) -> Result<Undone, Problem> {
        let touched = self
            .staged
            .differing_paths(unit.step.before, unit.step.after)
            .map_err(from_repo)?;
        let mut by = None;
        let behind = self.after(&unit.ids);
        for id in self.lines.first_parents.clone() {
            let Some(node) = self.lines.nodes.get(&id).filter(|_| behind.contains(&id)) else {
                break;
            };
            let step = self.lines.step(node).map_err(from_repo)?;
            let changed = self
                .staged
                .differing_paths(step.before, step.after)
                .map_err(from_repo)?;
            if !changed.iter().any(|path| touched.contains(path)) {
                continue;
            }
            if !self.effect(unit.step, step.before)?.lacks() {
                by = Some(id);
                break;
            }
        }
        let by = by.map(|id| Named::read(self.lines.repo, id)).transpose()?;
        Ok(Undone {
            commits: self.named(&unit.members)?,
            landing: unit.landing,
            by,
            proof: Proof::Content,
            paths: part(here),
            steps: vec![unit.step],
        })
    }

    fn named(&self, ids: &[Oid]) -> Result<Vec<Named>, Problem> {
        ids.iter()
            .map(|id| Named::read(self.lines.repo, *id))
            .collect()
    }

    /// The commits that come after any of these.
    fn after(&self, ids: &HashSet<Oid>) -> HashSet<Oid> {
        let mut found = HashSet::new();
        let mut open: VecDeque<Oid> = ids.iter().copied().collect();
        while let Some(id) = open.pop_front() {
            for child in self.children.get(&id).into_iter().flatten() {
                if found.insert(*child) {
                    open.push_back(*child);
                }
            }
        }
        found
    }

    fn is_behind_tip(&self, id: Oid) -> bool {
        self.lines.behind(&[self.lines.tip]).contains(&id)
    }
}

/// What a merge that is named had brought; none where no merge is.
fn side(lines: &Lines<'_>, claim: &Claim) -> Option<Side> {
    let merge = lines.nodes.get(&claim.of)?;
    if merge.parents.len() < 2 {
        return None;
    }
    let mainline = claim.mainline.filter(|id| merge.parents.contains(id));
    let mainline = mainline.unwrap_or(merge.parents[0]);
    let before = lines.behind(&[mainline]);
    let others = merge.parents.iter().filter(|id| **id != mainline);
    let side = lines.behind(&others.copied().collect::<Vec<_>>());
    Some((mainline, side.difference(&before).copied().collect()))
}

impl Reverter {
    fn exact(by: Oid, merge: Option<(Oid, Oid)>) -> Self {
        Self {
            by,
            merge,
            is_exact: true,
        }
    }
}

fn part(effect: Effect) -> Vec<BString> {
    match effect {
        Effect::Part(paths) => paths,
        Effect::Absent | Effect::Present | Effect::Evolved => Vec::new(),
    }
}
