//! Which commits one line of history has and another has not.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use gix::objs::{CommitRefIter, Kind};

use crate::{Oid, Repo, RepoError};

/// A commit as the graph of commits knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The commit.
    pub commit: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its parents, the line of the branch first; none at the boundary of a shallow repository.
    pub parents: Vec<Oid>,
    /// Committer time, since 1970, UTC.
    pub seconds: i64,
}

/// The answer of [`Repo::only_in`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnlyIn {
    /// Every commit before its parents; among those that are free in that, the newest first.
    pub commits: Vec<Node>,
    /// There are more than were asked for; which of them are here is by time.
    pub more: bool,
    /// The past ended early: a shallow repository lacks the parents of one of them, so that some of
    /// them may be in the other line too.
    pub cut: bool,
}

/// How much older than its child's a commit's clock may claim to be newer, in seconds. Git gives up
/// after five commits; two days of a busy repository are read in no time.
const SLACK: i64 = 2 * 24 * 3600;

const HERE: u8 = 1;
const THERE: u8 = 2;

struct State {
    node: Node,
    /// By which sides it was reached.
    sides: u8,
    queued: bool,
}

/// Paints what both sides reach, newest first.
struct Painting<'r> {
    repo: &'r Repo,
    shallow: Option<gix::shallow::Commits>,
    states: HashMap<Oid, State>,
    queue: BinaryHeap<(i64, Oid)>,
    /// How many in the queue are only [`HERE`].
    open: usize,
    buffer: Vec<u8>,
}

impl Repo {
    /// The commits that `tip` reaches and none of `others` does, at most `limit` of them.
    ///
    /// Clocks count: a commit that says that it is more than two days older than one of its ancestors
    /// may hide that ancestor's place in the other line.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn only_in(&self, tip: Oid, others: &[Oid], limit: usize) -> Result<OnlyIn, RepoError> {
        let mut painting = Painting {
            repo: self,
            shallow: self.inner.shallow_commits().ok().flatten(),
            states: HashMap::new(),
            queue: BinaryHeap::new(),
            open: 0,
            buffer: Vec::new(),
        };
        painting.reach(tip, HERE)?;
        for other in others {
            painting.reach(*other, THERE)?;
        }
        let more = painting.paint(limit)?;
        let mut answer = painting.answer(more);
        answer.commits.truncate(limit);
        Ok(answer)
    }
}

impl Painting<'_> {
    /// Marks a commit; what is new of it is to be passed on to its parents.
    fn reach(&mut self, id: Oid, sides: u8) -> Result<(), RepoError> {
        if let Some(state) = self.states.get_mut(&id) {
            let now = state.sides | sides;
            if now == state.sides {
                return Ok(());
            }
            if state.queued && state.sides == HERE {
                self.open -= 1;
            }
            state.sides = now;
            if !state.queued {
                state.queued = true;
                self.queue.push((state.node.seconds, id));
            }
            return Ok(());
        }
        let node = self.read(id)?;
        self.queue.push((node.seconds, id));
        self.open += usize::from(sides == HERE);
        let state = State {
            node,
            sides,
            queued: true,
        };
        self.states.insert(id, state);
        Ok(())
    }

    fn read(&mut self, id: Oid) -> Result<Node, RepoError> {
        self.repo.read(id, Kind::Commit, &mut self.buffer)?;
        let damaged = |error: gix::Error| self.repo.unreadable(id, &error.to_string());
        let hash = self.repo.inner.object_hash();
        let commit = || CommitRefIter::from_bytes(&self.buffer, hash);
        let tree = commit().tree_id().map_err(damaged)?;
        let parents = if self.is_boundary(id) {
            Vec::new()
        } else {
            commit().parent_ids().collect()
        };
        let time = commit().committer().ok().and_then(|who| who.time().ok());
        Ok(Node {
            commit: id,
            tree,
            parents,
            seconds: time.map_or(0, |time| time.seconds),
        })
    }

    fn is_boundary(&self, id: Oid) -> bool {
        self.shallow
            .as_ref()
            .is_some_and(|commits| commits.contains(&id))
    }

    /// Until nothing that is still to come can be an ancestor of the one side alone; whether there
    /// were too many.
    fn paint(&mut self, limit: usize) -> Result<bool, RepoError> {
        let mut oldest = i64::MAX;
        let mut found = 0;
        while let Some((seconds, id)) = self.queue.pop() {
            if self.open == 0 && seconds.saturating_add(SLACK) < oldest {
                break;
            }
            let Some(state) = self.states.get_mut(&id).filter(|state| state.queued) else {
                continue;
            };
            state.queued = false;
            let (sides, parents) = (state.sides, state.node.parents.clone());
            if sides == HERE {
                self.open -= 1;
                oldest = oldest.min(seconds);
                found += 1;
                if found > limit {
                    return Ok(true);
                }
            }
            for parent in parents {
                self.reach(parent, sides)?;
            }
        }
        Ok(false)
    }

    fn answer(self, more: bool) -> OnlyIn {
        let is_here = |state: &&State| state.sides == HERE && !state.queued;
        let cut = self
            .states
            .values()
            .filter(is_here)
            .any(|state| self.is_boundary(state.node.commit));
        let mut waiting: HashMap<Oid, usize> = HashMap::new();
        for state in self.states.values().filter(is_here) {
            waiting.entry(state.node.commit).or_default();
            for parent in &state.node.parents {
                *waiting.entry(*parent).or_default() += 1;
            }
        }
        let mut free: BinaryHeap<(i64, Reverse<Oid>)> = self
            .states
            .values()
            .filter(is_here)
            .filter(|state| waiting.get(&state.node.commit) == Some(&0))
            .map(|state| (state.node.seconds, Reverse(state.node.commit)))
            .collect();
        let mut states = self.states;
        let mut commits = Vec::new();
        while let Some((_, Reverse(id))) = free.pop() {
            let Some(state) = states.remove(&id) else {
                continue;
            };
            for parent in &state.node.parents {
                let Some(count) = waiting.get_mut(parent) else {
                    continue;
                };
                *count -= 1;
                if *count == 0
                    && let Some(parent) = states.get(parent).filter(is_here)
                {
                    free.push((parent.node.seconds, Reverse(parent.node.commit)));
                }
            }
            commits.push(state.node);
        }
        OnlyIn { commits, more, cut }
    }
}
