//! A stretch of the line, compared in the order in which its trees are quickest to read.
//!
//! A pack stores most trees as differences from another one. In some packs that is the newer
//! neighbour, in others the older one (what was pushed or imported one by one). Reading along that
//! direction finds each base in the cache; against it, every tree costs its whole chain of
//! differences, ten times as much. Which one it is cannot be asked, so it is measured.

use std::time::{Duration, Instant};

use crate::tree_walk::TreeWalk;
use crate::way::Way;
use crate::{Change, Interest, Link, Oid, Repo, RepoError};

/// A commit, and the tree that it is compared with.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) link: Link,
    pub(crate) parent_tree: Option<Oid>,
}

/// Commits, newest first.
pub(crate) type Work = Vec<Step>;

/// A piece that was compared, newest first, up to an error.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) commits: Vec<(Link, Vec<Change>)>,
    pub(crate) failed: Option<RepoError>,
}

/// After so many pieces the direction that lost is tried again: a repository has several packs.
const TRY_AGAIN: usize = 256;

/// Compares piece after piece.
pub(crate) struct Pieces<'r> {
    comparison: Comparison<'r>,
    /// Time for a commit: newest first, oldest first.
    paces: [Option<Duration>; 2],
    count: usize,
}

impl<'r> Pieces<'r> {
    pub(crate) fn new(repo: &'r Repo, interest: &'r Interest) -> Self {
        Self {
            comparison: Comparison::new(repo, interest),
            paces: [None; 2],
            count: 0,
        }
    }

    /// Compares a piece; ends early, with part of it, when there is `enough`.
    pub(crate) fn compare(&mut self, piece: Work, enough: impl Fn() -> bool) -> Done {
        let oldest_first = match self.paces {
            [None, _] => false,
            [_, None] => true,
            [Some(newest), Some(oldest)] => {
                (oldest < newest) != self.count.is_multiple_of(TRY_AGAIN)
            }
        };
        self.count += 1;
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX).max(1);
        let started = Instant::now();
        let done = if oldest_first {
            self.oldest_first(&piece, &enough)
        } else {
            self.newest_first(piece, &enough)
        };
        self.paces[usize::from(oldest_first)] = Some(started.elapsed() / length);
        done
    }

    fn newest_first(&mut self, piece: Work, enough: &impl Fn() -> bool) -> Done {
        let mut done = Done::default();
        for step in piece {
            if enough() {
                break;
            }
            match self.comparison.changes(&step) {
                Ok(changes) => done.commits.push((step.link, changes)),
                Err(error) => {
                    done.failed = Some(error);
                    break;
                }
            }
        }
        done
    }

    fn oldest_first(&mut self, piece: &Work, enough: &impl Fn() -> bool) -> Done {
        let mut done = Done::default();
        for step in piece.iter().rev() {
            if enough() {
                break;
            }
            match self.comparison.changes(step) {
                Ok(changes) => done.commits.push((step.link, changes)),
                // What is older than the damage is not reached by a walk from the newest.
                Err(error) => {
                    done.commits.clear();
                    done.failed = Some(error);
                }
            }
        }
        done.commits.reverse();
        done
    }
}

/// Compares commits with their parents: a few files by where they stand in the pack's own differences,
/// more by whole trees.
pub(crate) enum Comparison<'r> {
    Few(Box<Way<'r>>),
    Many(TreeWalk<'r>, &'r Interest),
}

impl<'r> Comparison<'r> {
    /// `repo` must be a handle of `Repo::for_trees`.
    pub(crate) fn new(repo: &'r Repo, interest: &'r Interest) -> Self {
        match interest
            .only_files()
            .and_then(|files| Way::to(repo, &files))
        {
            Some(way) => Self::Few(Box::new(way)),
            None => Self::Many(TreeWalk::new(repo), interest),
        }
    }

    pub(crate) fn changes(&mut self, step: &Step) -> Result<Vec<Change>, RepoError> {
        if step.link.boundary {
            return Ok(Vec::new());
        }
        let (old, new) = (step.parent_tree, Some(step.link.tree));
        match self {
            Self::Few(way) => way.changes(old, new),
            Self::Many(walk, interest) => walk.changes(old, new, interest),
        }
    }
}
