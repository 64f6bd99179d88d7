//! The commits of a branch, and those of the line since the branch began.

use std::collections::{HashMap, HashSet};

use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{Node, Oid, OnlyIn, Patch, Repo, RepoError};

use crate::effect::Step;
use crate::problems::{LONG_HISTORY, SHALLOW_HISTORY, from_repo};

/// Commits that are read of a line at the most.
const MOST: usize = 100_000;
/// Commits of a line's own that are looked through for the place where a branch left it.
const FIRST_PARENTS: usize = 50_000;

/// A branch and where it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its last commit.
    pub tip: Oid,
    /// The commit that it began at. None: where its first parents meet those of the line. That is
    /// wrong for a branch that was fast-forwarded into the line; so say it where it is known.
    pub base: Option<Oid>,
}

/// Everything that is read of the graph, once.
pub(crate) struct Lines<'r> {
    pub(crate) repo: &'r Repo,
    pub(crate) line: Oid,
    pub(crate) line_tree: Oid,
    pub(crate) tip: Oid,
    /// None: the branch has a root of its own.
    pub(crate) base: Option<Oid>,
    /// The branch's own commits, oldest first.
    pub(crate) own: Vec<Node>,
    pub(crate) own_ids: HashSet<Oid>,
    /// What the line has since the branch began, newest first; without the branch's own commits.
    pub(crate) since: Vec<Node>,
    /// What the branch has and the line has not.
    pub(crate) ahead: HashSet<Oid>,
    /// The branch's own line from its tip, each commit with the newest commit of the line that had been
    /// merged into it, by itself or beneath another branch, or the base.
    pub(crate) states: Vec<(Oid, Option<Oid>)>,
    pub(crate) nodes: HashMap<Oid, Node>,
    /// The line's own commits since the branch began, newest first.
    pub(crate) first_parents: Vec<Oid>,
}

impl<'r> Lines<'r> {
    pub(crate) fn read(repo: &'r Repo, branch: Branch, line: Oid) -> Result<Self, Problem> {
        let Branch { tip, base } = branch;
        let line_tree = repo.commit(line).map_err(from_repo)?.tree;
        let on_line = first_parents(repo, line)?;
        let base = match base {
            Some(base) => common(repo, base, tip)?,
            None => beginning(repo, tip, &on_line)?,
        };
        let bases: Vec<Oid> = base.into_iter().collect();
        let ahead = only_in(repo, tip, &[line])?;
        let since = only_in(repo, line, &bases)?;
        let of_branch = only_in(repo, tip, &bases)?;
        let all: HashMap<Oid, Node> = since
            .iter()
            .chain(&of_branch)
            .map(|node| (node.commit, node.clone()))
            .collect();
        let chain = chain(tip, &all);
        // Commits of the line that were merged into the branch, or that a branch which was merged into
        // it stands on, bring the line's work, not its own.
        let first_parents = on_line_since(line, &all);
        let newest_first: HashMap<Oid, usize> = first_parents.iter().copied().zip(0..).collect();
        let mut states = Vec::new();
        let mut merged_in: Vec<Oid> = Vec::new();
        let mut newest: Option<Oid> = None;
        let mut known: HashSet<Oid> = chain.iter().map(|node| node.commit).collect();
        for node in chain.iter().rev() {
            let others = node.parents.iter().skip(1).copied().collect();
            let met = met(others, &on_line, &all, &mut known);
            let at = |id: &Oid| newest_first.get(id).copied().unwrap_or(usize::MAX);
            newest = newest.into_iter().chain(met.iter().copied()).min_by_key(at);
            merged_in.extend(met);
            states.push((node.commit, newest.or(base)));
        }
        states.reverse();
        let mut not_own = bases.clone();
        not_own.extend(&merged_in);
        let mut own_ids: HashSet<Oid> = only_in(repo, tip, &not_own)?
            .iter()
            .map(|node| node.commit)
            .collect();
        own_ids.extend(chain.iter().map(|node| node.commit));
        let own = of_branch
            .into_iter()
            .rev()
            .filter(|node| own_ids.contains(&node.commit))
            .collect();
        let since = since
            .into_iter()
            .filter(|node| !own_ids.contains(&node.commit))
            .collect();
        Ok(Self {
            repo,
            line,
            line_tree,
            tip,
            base,
            own,
            own_ids,
            since,
            ahead: ahead.into_iter().map(|node| node.commit).collect(),
            states,
            nodes: all,
            first_parents,
        })
    }

    /// Whether the whole branch is in the history of the line.
    pub(crate) fn is_merged(&self) -> bool {
        !self.ahead.contains(&self.tip)
    }

    /// What a commit did to the tree of its first parent.
    pub(crate) fn step(&self, node: &Node) -> Result<Step, RepoError> {
        let before = match node.parents.first() {
            Some(parent) => self.tree(*parent)?,
            None => empty(node.tree),
        };
        Ok(Step {
            before,
            after: node.tree,
        })
    }

    /// What the whole branch did.
    pub(crate) fn whole(&self) -> Result<Step, RepoError> {
        let from = self.states.first().map_or(self.base, |state| state.1);
        self.between(from, self.tip)
    }

    /// What the branch had done when it stood at a commit of its own.
    pub(crate) fn between(&self, from: Option<Oid>, at: Oid) -> Result<Step, RepoError> {
        let after = self.tree(at)?;
        let before = match from {
            Some(from) => self.tree(from)?,
            None => empty(after),
        };
        Ok(Step { before, after })
    }

    /// These and the commits before them, as far as they were read.
    pub(crate) fn behind(&self, ids: &[Oid]) -> HashSet<Oid> {
        let mut found = HashSet::new();
        let mut open = ids.to_vec();
        while let Some(id) = open.pop() {
            let node = self.nodes.get(&id);
            if let Some(node) = node.filter(|_| found.insert(id)) {
                open.extend(&node.parents);
            }
        }
        found
    }

    pub(crate) fn tree(&self, commit: Oid) -> Result<Oid, RepoError> {
        match self.nodes.get(&commit) {
            Some(node) => Ok(node.tree),
            None => self.repo.commit(commit).map(|commit| commit.tree),
        }
    }

    pub(crate) fn patch(&self, step: Step) -> Result<Patch, RepoError> {
        self.repo.patch(Some(step.before), step.after)
    }

    /// The branch's own commits that are no merges and change something, oldest first.
    pub(crate) fn changes(&self) -> Result<Vec<(Node, Step)>, RepoError> {
        let mut found = Vec::new();
        for node in self.own.iter().filter(|node| node.parents.len() < 2) {
            let step = self.step(node)?;
            if step.before != step.after {
                found.push((node.clone(), step));
            }
        }
        Ok(found)
    }
}

fn empty(like: Oid) -> Oid {
    Oid::empty_tree(like.kind())
}

/// Reads what one line has and others have not, or says why that cannot be known.
pub(crate) fn only_in(repo: &Repo, tip: Oid, others: &[Oid]) -> Result<Vec<Node>, Problem> {
    let OnlyIn { commits, more, cut } = repo.only_in(tip, others, MOST).map_err(from_repo)?;
    if cut {
        return Err(Problem::new(
            Kind::Local,
            SHALLOW_HISTORY,
            format!(
                "this shallow clone ends before the history of {tip} meets the other line: \
                 what it contains cannot be known"
            ),
        )
        .hint(
            "`git fetch --unshallow` fetches the rest; in CI ask the checkout for the whole depth",
        ));
    }
    if more {
        return Err(Problem::new(
            Kind::Refused,
            LONG_HISTORY,
            format!("{tip} is more than {MOST} commits away from the other line"),
        )
        .hint("name a branch or a base that is nearer"));
    }
    Ok(commits)
}

/// The commits of the line's own, as far as they are there.
fn first_parents(repo: &Repo, line: Oid) -> Result<HashSet<Oid>, Problem> {
    repo.first_parents(line)
        .take(FIRST_PARENTS)
        .map(|link| link.map(|link| link.commit).map_err(from_repo))
        .collect()
}

/// Where the branch began, if the base that was named is not in its past: it was rebased since.
fn common(repo: &Repo, base: Oid, tip: Oid) -> Result<Option<Oid>, Problem> {
    repo.merge_base(base, tip).map_err(from_repo)
}

/// Where the branch left the line: its first commit by first parents that is the line's own. A tip
/// that is the line's own itself counts as one commit.
fn beginning(repo: &Repo, tip: Oid, on_line: &HashSet<Oid>) -> Result<Option<Oid>, Problem> {
    for link in repo.first_parents(tip) {
        let link = link.map_err(from_repo)?;
        if on_line.contains(&link.commit) {
            return Ok(if link.commit == tip {
                link.parent
            } else {
                Some(link.commit)
            });
        }
    }
    Ok(None)
}

/// The line's own commits that one meets first on every way back from these, as far as they are among
/// these commits; what is known already is not walked again.
fn met(
    mut open: Vec<Oid>,
    on_line: &HashSet<Oid>,
    all: &HashMap<Oid, Node>,
    known: &mut HashSet<Oid>,
) -> Vec<Oid> {
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        let Some(node) = all.get(&id).filter(|_| known.insert(id)) else {
            continue;
        };
        if on_line.contains(&id) {
            found.push(id);
        } else {
            open.extend(&node.parents);
        }
    }
    found
}

/// The first parents of a tip among these commits, newest first.
fn chain(tip: Oid, all: &HashMap<Oid, Node>) -> Vec<Node> {
    let mut found = Vec::new();
    let mut at = all.get(&tip);
    while let Some(node) = at {
        found.push(node.clone());
        at = node.parents.first().and_then(|parent| all.get(parent));
    }
    found
}

fn on_line_since(line: Oid, all: &HashMap<Oid, Node>) -> Vec<Oid> {
    chain(line, all).iter().map(|node| node.commit).collect()
}
