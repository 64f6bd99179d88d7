//! The first-parent line, and how commits are related.

use gix::objs::{CommitRefIter, Kind};

use crate::{Oid, Repo, RepoError};

/// A commit on the first-parent line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The commit.
    pub commit: Oid,
    /// Its first parent; none at the beginning.
    pub parent: Option<Oid>,
    /// Its tree.
    pub tree: Oid,
    /// Committer time, since 1970, UTC.
    pub seconds: i64,
    /// It has a parent that this shallow repository lacks.
    pub boundary: bool,
}

/// See [`Repo::first_parents`].
struct FirstParents<'a> {
    repo: &'a Repo,
    graph: Option<gix::commitgraph::Graph>,
    shallow: Option<gix::shallow::Commits>,
    next: Option<Oid>,
    buffer: Vec<u8>,
}

impl Iterator for FirstParents<'_> {
    type Item = Result<Link, RepoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next.take()?;
        let link = self.link(id);
        if let Ok(link) = &link {
            self.next = link.parent;
        }
        Some(link)
    }
}

impl FirstParents<'_> {
    fn link(&mut self, id: Oid) -> Result<Link, RepoError> {
        // A shallow repository has no use for a commit-graph: git does not read one there either.
        if self.shallow.is_none()
            && let Some(link) = self.link_of_graph(id)
        {
            return Ok(link);
        }
        self.repo.read(id, Kind::Commit, &mut self.buffer)?;
        let damaged = |error: gix::Error| self.repo.unreadable(id, &error.to_string());
        let hash = self.repo.inner.object_hash();
        let commit = || CommitRefIter::from_bytes(&self.buffer, hash);
        let tree = commit().tree_id().map_err(damaged)?;
        let parent = commit().parent_ids().next();
        // A date that cannot be read is no reason to stop.
        let seconds = commit()
            .committer()
            .ok()
            .and_then(|committer| committer.time().ok())
            .map_or(0, |time| time.seconds);
        let boundary = parent.is_some()
            && self
                .shallow
                .as_ref()
                .is_some_and(|commits| commits.contains(&id));
        Ok(Link {
            commit: id,
            parent: parent.filter(|_| !boundary),
            tree,
            seconds,
            boundary,
        })
    }

    fn link_of_graph(&self, id: Oid) -> Option<Link> {
        let graph = self.graph.as_ref()?;
        let commit = graph.commit_by_id(id)?;
        let parent = commit.parent1().ok()?;
        Some(Link {
            commit: id,
            parent: parent.map(|position| graph.id_at(position).to_owned()),
            tree: commit.root_tree_id().to_owned(),
            seconds: i64::try_from(commit.committer_timestamp()).unwrap_or(i64::MAX),
            boundary: false,
        })
    }
}

/// How many commits of the branch's own line are looked at before the whole graph is.
const NEAR: usize = 256;

impl Repo {
    /// The commits from `tip` along first parents, newest first. Uses a commit-graph where there is
    /// one. Ends at the boundary of a shallow repository and says so.
    pub fn first_parents(&self, tip: Oid) -> impl Iterator<Item = Result<Link, RepoError>> + '_ {
        FirstParents {
            repo: self,
            graph: self.inner.commit_graph_if_enabled().ok().flatten(),
            shallow: self.inner.shallow_commits().ok().flatten(),
            next: Some(tip),
            buffer: Vec::new(),
        }
    }

    /// Whether `older` is `newer` or one of its ancestors.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn is_ancestor(&self, older: Oid, newer: Oid) -> Result<bool, RepoError> {
        if older == newer {
            return Ok(true);
        }
        // Most questions are about the branch's own line, and near its tip.
        for link in self.first_parents(newer).take(NEAR) {
            if link?.commit == older {
                return Ok(true);
            }
        }
        Ok(self.merge_base(older, newer)? == Some(older))
    }

    /// The best common ancestor of two commits; none when their histories never met (or not within
    /// what a shallow repository has).
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn merge_base(&self, one: Oid, other: Oid) -> Result<Option<Oid>, RepoError> {
        for id in [one, other] {
            self.read(id, Kind::Commit, &mut Vec::new())?;
        }
        let found = self.inner.merge_bases_many(one, &[other]);
        found
            .map(|bases| bases.first().map(|base| base.detach()))
            .map_err(|error| RepoError::Corrupt {
                git_dir: self.git_dir.clone(),
                detail: error.to_string(),
            })
    }
}
