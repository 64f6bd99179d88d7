//! The repositories of services: what their commits are made of.

use std::path::{Path, PathBuf};

use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{FetchDepth, Location, Oid, Repo};
use ripcord_recovery::problems::from_repo;

/// The source of a service, with all commits of its main line.
pub struct Source {
    /// The repository.
    pub repo: Repo,
    /// The main line's name.
    pub main: String,
    /// Its tip.
    pub tip: Oid,
}

/// Opens source repositories, each in a private copy.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Where the copies are kept.
    pub cache: PathBuf,
}

impl Sources {
    /// Opens a repository by its address and fetches its main line.
    ///
    /// # Errors
    /// No such repository, or it cannot be reached.
    pub fn open(&self, address: &str, main: Option<&str>) -> Result<Source, Problem> {
        let repo = match Location::parse(address).map_err(from_repo)? {
            Location::Clone(path) => Repo::open_clone(&path),
            Location::Remote(url) => Repo::open_remote(&url, &self.cache),
        };
        Source::of(repo.map_err(from_repo)?, main)
    }
}

impl Source {
    /// The source in a repository that is open.
    ///
    /// # Errors
    /// Its remote cannot be reached.
    pub fn of(repo: Repo, main: Option<&str>) -> Result<Self, Problem> {
        let main = match main {
            Some(main) => main.to_owned(),
            None => repo.default_branch().map_err(from_repo)?,
        };
        let tip = repo
            .fetch_tip(&main, FetchDepth::Full)
            .map_err(from_repo)?;
        Ok(Self { repo, main, tip })
    }

    /// A commit, fetched if it is not on the main line.
    ///
    /// # Errors
    /// The remote does not have it any more, or gives out no commits by their ids.
    pub fn commit(&self, id: &str) -> Result<Oid, Problem> {
        let unknown = || {
            Problem::new(
                Kind::Remote,
                "unknown_commit",
                format!("the commit {id} is not in {}", self.repo.remote()),
            )
            .hint("a branch or tag must hold it, or the server must give out commits by their ids")
        };
        let commit: Oid = id.parse().map_err(|_| unknown())?;
        if self.repo.commit(commit).is_err() {
            self.repo
                .fetch_objects(&[commit], None)
                .map_err(|_| unknown())?;
            self.repo.commit(commit).map_err(|_| unknown())?;
        }
        Ok(commit)
    }
}

/// Whether two addresses are of the same repository.
pub fn is_same(one: &str, other: &str) -> bool {
    let plain = |address: &str| {
        let address = address.trim_end_matches('/');
        let address = address.strip_suffix(".git").unwrap_or(address);
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        rest.rsplit_once('@')
            .map_or(rest, |(_, rest)| rest)
            .replace(':', "/")
            .to_ascii_lowercase()
    };
    plain(one) == plain(other) || Path::new(one) == Path::new(other)
}
