//! The repositories of services: what their commits are made of.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;
use ripcord_domain::config::SourceOf;
use ripcord_domain::hotfix::Shipped;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{FetchDepth, Location, Oid, Repo};
use ripcord_lineage::{Containment, Effect, How, Range, contained};
use ripcord_recovery::problems::from_repo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The source of a service, with all commits of its main line.
pub struct Source {
    /// The repository.
    pub repo: Repo,
    /// The main line's name.
    pub main: String,
    /// Its tip.
    pub tip: Oid,
}

/// An address, and the name of its main line where one is given.
type Asked = (String, Option<String>);

/// Opens source repositories, each in a private copy, and fetches each once.
pub struct Sources {
    /// Where the copies are kept.
    cache: PathBuf,
    opened: RefCell<HashMap<Asked, Rc<Source>>>,
}

impl Sources {
    /// Those whose copies are kept in a folder.
    pub fn new(cache: PathBuf) -> Self {
        Self {
            cache,
            opened: RefCell::default(),
        }
    }

    /// The source of a service, by what is configured, else by what the hotfix was shipped with.
    ///
    /// # Errors
    /// Neither says where it is; as [`Self::open`].
    pub fn of(&self, fix: &Shipped, known: Option<&SourceOf>) -> Result<Rc<Source>, Problem> {
        let configured = known.and_then(|known| known.repository.as_ref());
        let address = configured.or(fix.source.repository.as_ref());
        let Some(address) = address else {
            return Err(Problem::new(
                Kind::Usage,
                "unknown_source",
                format!("where the source of {} is, is not known", fix.service),
            )
            .hint("`sources: {SERVICE: {repository: URL}}` in ripcord.yaml of the infra repo"));
        };
        self.open(address, known.and_then(|known| known.main.as_deref()))
    }

    /// Opens a repository by its address and fetches its main line.
    ///
    /// # Errors
    /// No such repository, or it cannot be reached.
    pub fn open(&self, address: &str, main: Option<&str>) -> Result<Rc<Source>, Problem> {
        let name = (address.to_owned(), main.map(str::to_owned));
        if let Some(source) = self.opened.borrow().get(&name) {
            return Ok(Rc::clone(source));
        }
        let source = Rc::new(self.fetch(address, main)?);
        self.opened.borrow_mut().insert(name, Rc::clone(&source));
        Ok(source)
    }

    fn fetch(&self, address: &str, main: Option<&str>) -> Result<Source, Problem> {
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
        let tip = repo.fetch_tip(&main, FetchDepth::Full).map_err(from_repo)?;
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

/// A commit on the main line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ahead {
    /// The commit, in hex.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub at: Timestamp,
}

impl Source {
    /// The commit of a tag of Git, if the remote has one of this name.
    pub fn tag(&self, name: &str) -> Option<Oid> {
        let named = self.repo.remote_tag(name).ok()??;
        self.commit(&named.to_string()).ok()
    }

    /// What the main line has on top of a commit, newest first along its first parents, and whether there is
    /// more.
    ///
    /// # Errors
    /// Missing objects.
    pub fn ahead_of(&self, commit: Oid, most: usize) -> Result<(Vec<Ahead>, bool), Problem> {
        let base = self.repo.merge_base(commit, self.tip).map_err(from_repo)?;
        let mut ahead = Vec::new();
        for link in self.repo.first_parents(self.tip) {
            let id = link.map_err(from_repo)?.commit;
            let is_in = match base {
                Some(base) if base == id => true,
                Some(base) => self.repo.is_ancestor(id, base).map_err(from_repo)?,
                None => false,
            };
            if is_in {
                return Ok((ahead, false));
            }
            if ahead.len() == most {
                return Ok((ahead, true));
            }
            let commit = self.repo.commit(id).map_err(from_repo)?;
            ahead.push(Ahead {
                commit: id.to_string(),
                subject: commit.message.lines().next().unwrap_or_default().to_owned(),
                author: commit.author.name,
                at: Timestamp::from_second(commit.committer.seconds).unwrap_or_default(),
            });
        }
        Ok((ahead, false))
    }

    /// Whether a commit is on the main line.
    ///
    /// # Errors
    /// Missing objects.
    pub fn is_on_main(&self, commit: Oid) -> Result<bool, Problem> {
        self.repo.is_ancestor(commit, self.tip).map_err(from_repo)
    }

    /// Whether the main line holds a hotfix.
    ///
    /// # Errors
    /// Its commit is not to be had.
    pub fn holds(&self, fix: &Shipped) -> Result<bool, Problem> {
        Ok(self.contains(fix, self.tip)?.is_contained())
    }

    /// How a line of commits holds a hotfix, if it does.
    ///
    /// # Errors
    /// Its commit is not to be had; missing objects.
    pub fn contains(&self, fix: &Shipped, line: Oid) -> Result<Containment, Problem> {
        let tip = self.commit(&fix.source.commit)?;
        let base = match &fix.source.base {
            Some(base) => Some(self.commit(base)?),
            None => self.repo.merge_base(tip, line).map_err(from_repo)?,
        };
        match base {
            // No commit of its own, as when main's are gated again: then its tip is what counts.
            Some(base) if self.repo.is_ancestor(tip, base).map_err(from_repo)? => {
                let is_in = self.repo.is_ancestor(tip, line).map_err(from_repo)?;
                Ok(if is_in {
                    Containment::Contained {
                        how: How::Ancestry,
                        effect: Effect::Present,
                    }
                } else {
                    Containment::Missing {
                        commits: Vec::new(),
                        copies: Vec::new(),
                    }
                })
            }
            Some(base) => contained(&self.repo, Range { base, tip }, line),
            None => Ok(Containment::Missing {
                commits: Vec::new(),
                copies: Vec::new(),
            }),
        }
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
