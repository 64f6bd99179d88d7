//! What the remote has, and fetching it, by the user's own git.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::sync::atomic::Ordering;

use crate::branch::{reference, tip_ref};
use crate::open::NAMELESS;
use crate::process::{Answer, Git};
use crate::words::{self, Trouble};
use crate::{Oid, Repo, RepoError};

/// How much is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchDepth {
    /// What a clone has by its nature: shallow stays shallow, partial stays partial.
    AsIs,
    /// All commits.
    Full,
    /// The newest commits only, when nothing of the branch is here yet. A person's clone is treated
    /// as with [`FetchDepth::AsIs`]: a window would cut off what it has.
    Window {
        /// How many, at least 1.
        commits: u32,
        /// What is left out of them.
        filter: Filter,
    },
}

/// What is left out of a fetch, to be fetched when it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Nothing.
    None,
    /// Files.
    Blobs,
    /// Files and folders.
    Trees,
}

impl Filter {
    fn argument(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Blobs => Some("--filter=blob:none"),
            Self::Trees => Some("--filter=tree:0"),
        }
    }
}

/// How often a tip that moves while it is fetched is asked for again.
const TRIES: usize = 3;

impl Repo {
    /// The branch that the remote's HEAD names, whatever is checked out here.
    ///
    /// # Errors
    /// The remote cannot be reached, or has no branch.
    pub fn default_branch(&self) -> Result<String, RepoError> {
        if let Some(known) = self.remembered_head() {
            return Ok(known);
        }
        let git = self
            .git("ls-remote")
            .args(["--symref", self.remote.argument(), "HEAD"]);
        let answer = self.ask(git, "ls-remote")?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let branch = text
            .lines()
            .find_map(|line| line.strip_prefix("ref: refs/heads/"))
            .and_then(|rest| rest.split('\t').next());
        let Some(branch) = branch else {
            let known = self.remote_branches();
            return Err(if known.is_empty() {
                self.empty_remote()
            } else {
                // A HEAD that names a branch which was renamed or removed.
                self.no_such_branch("HEAD", known)
            });
        };
        if self.private {
            let _ = fs::write(self.git_dir.join("default-branch"), branch);
        }
        let head = text.lines().find_map(|line| line.strip_suffix("\tHEAD"));
        if let Some(tip) = head.and_then(|id| id.parse().ok()) {
            self.announced.replace(Some((branch.to_owned(), tip)));
        }
        Ok(branch.to_owned())
    }

    fn remembered_head(&self) -> Option<String> {
        if self.private {
            return fs::read_to_string(self.git_dir.join("default-branch"))
                .ok()
                .filter(|name| reference(name).is_ok());
        }
        let name = self.remote.name.as_ref()?;
        let head = format!("refs/remotes/{name}/HEAD");
        let head = self.inner.try_find_reference(head.as_str()).ok()??;
        let target = head.target().try_name()?.as_bstr().to_string();
        target
            .strip_prefix(&format!("refs/remotes/{name}/"))
            .map(str::to_owned)
    }

    /// The branch's tip on the remote, now.
    ///
    /// # Errors
    /// The remote cannot be reached.
    pub fn remote_tip(&self, branch: &str) -> Result<Option<Oid>, RepoError> {
        let name = reference(branch)?;
        let git = self.git("ls-remote").args([self.remote.argument(), &name]);
        let answer = self.ask(git, "ls-remote")?;
        let text = String::from_utf8_lossy(&answer.stdout);
        Ok(text
            .lines()
            .filter_map(|line| line.split_once('\t'))
            // `refs/heads/x` is a pattern that `refs/remotes/refs/heads/x` fits too.
            .find(|(_, found)| *found == name)
            .and_then(|(id, _)| id.parse().ok()))
    }

    /// The commit that a tag names on the remote, now.
    ///
    /// # Errors
    /// The remote cannot be reached.
    pub fn remote_tag(&self, tag: &str) -> Result<Option<Oid>, RepoError> {
        self.remote_ref(&format!("refs/tags/{tag}"))
    }

    /// The commit that a ref names on the remote, now, by its full name such as `refs/pull/7/head`; none where
    /// there is no such ref.
    ///
    /// # Errors
    /// The remote cannot be reached.
    pub fn remote_ref(&self, name: &str) -> Result<Option<Oid>, RepoError> {
        if gix::validate::reference::name(name.into()).is_err() || !name.starts_with("refs/") {
            return Ok(None);
        }
        // What an annotated tag is of is told under another name.
        let peeled = format!("{name}^{{}}");
        let git = self
            .git("ls-remote")
            .args([self.remote.argument(), name, &peeled]);
        let answer = self.ask(git, "ls-remote")?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let of = |wanted: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
            lines.find(|(_, found)| *found == wanted)?.0.parse().ok()
        };
        Ok(of(&peeled).or_else(|| of(name)))
    }

    /// The remote's branches whose names begin so, with their tips, now.
    ///
    /// # Errors
    /// The remote cannot be reached.
    pub fn remote_tips(&self, prefix: &str) -> Result<Vec<(String, Oid)>, RepoError> {
        let git = self
            .git("ls-remote")
            .args(["--heads", self.remote.argument()]);
        let answer = self.ask(git, "ls-remote")?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let tips = text.lines().filter_map(|line| {
            let (id, name) = line.split_once("\trefs/heads/")?;
            Some((name.to_owned(), id.parse().ok()?))
        });
        Ok(tips.filter(|(name, _)| name.starts_with(prefix)).collect())
    }

    /// The branch's tip as it was last seen, without the network.
    ///
    /// # Errors
    /// The ref is there and cannot be read.
    pub fn local_tip(&self, branch: &str) -> Result<Option<Oid>, RepoError> {
        reference(branch)?;
        let name = match (&self.remote.name, self.private) {
            (_, true) => tip_ref(branch),
            (Some(remote), false) => format!("refs/remotes/{remote}/{branch}"),
            (None, false) => format!("refs/heads/{branch}"),
        };
        let damaged = |error: gix::Error| RepoError::Corrupt {
            git_dir: self.git_dir.clone(),
            detail: format!("{name}: {error}"),
        };
        let found = self
            .inner
            .try_find_reference(name.as_str())
            .map_err(damaged)?;
        match found {
            None => Ok(None),
            Some(mut found) => found
                .peel_to_id()
                .map(|id| Some(id.detach()))
                .map_err(damaged),
        }
    }

    /// Takes the tip as another handle was just told it: good for one fetch.
    pub fn announce(&self, branch: &str, tip: Oid) {
        self.announced.replace(Some((branch.to_owned(), tip)));
    }

    /// Whether the branch's tip was just told, so that the next fetch need not ask for it.
    pub fn is_announced(&self, branch: &str) -> bool {
        let announced = self.announced.borrow();
        announced.as_ref().is_some_and(|(name, _)| name == branch)
    }

    /// Asks for the branch's tip and fetches what is missing of it; nothing when it is known. No ref
    /// of a clone is written; a private repository keeps `refs/ripcord/tips/BRANCH`.
    ///
    /// # Errors
    /// No such branch, no way to the remote.
    pub fn fetch_tip(&self, branch: &str, depth: FetchDepth) -> Result<Oid, RepoError> {
        let name = reference(branch)?;
        if self.private {
            let announced = self.announced.take().filter(|(name, _)| name == branch);
            return match announced {
                Some((_, tip)) if self.local_tip(branch)? == Some(tip) => Ok(tip),
                _ => self.fetch_private(branch, &name, depth),
            };
        }
        if depth == FetchDepth::Full && self.is_shallow() {
            self.deepen(branch, None)?;
        }
        // Without a ref of our own the tip is asked for first; most often it is here already.
        for _ in 0..TRIES {
            let announced = self.announced.take().filter(|(name, _)| name == branch);
            let tip = match announced {
                Some((_, tip)) => Some(tip),
                None => self.remote_tip(branch)?,
            };
            let Some(tip) = tip else {
                return Err(self.no_branch(branch));
            };
            if self.inner.has_object(tip) {
                return Ok(tip);
            }
            if !self.fetch_beside(&name)? {
                let answer = self.fetch().args([self.remote.argument(), &name]).run()?;
                if !answer.ok {
                    return Err(self.fetch_trouble(branch, &answer));
                }
            }
            if self.inner.has_object(tip) {
                return Ok(tip);
            }
        }
        Err(RepoError::Unreachable {
            remote: self.remote.to_string(),
            words: format!("`{branch}` moved faster than it could be fetched"),
        })
    }

    fn fetch_private(&self, branch: &str, name: &str, depth: FetchDepth) -> Result<Oid, RepoError> {
        let mut git = self.fetch_in_turn()?;
        // Another process may have made the first fetch while this one waited for its turn.
        if matches!(depth, FetchDepth::Window { filter, .. } if filter != Filter::None) {
            self.filtered.store(true, Ordering::Relaxed);
        }
        match depth {
            FetchDepth::Window { commits, filter } if self.local_tip(branch)?.is_none() => {
                git = git
                    .args([format!("--depth={}", commits.max(1))])
                    .args(filter.argument());
            }
            FetchDepth::Full if self.is_shallow() => git = git.args(["--unshallow"]),
            _ => {}
        }
        let answer = git
            .args([NAMELESS.to_owned(), format!("+{name}:{}", tip_ref(branch))])
            .run()?;
        if !answer.ok {
            return Err(self.fetch_trouble(branch, &answer));
        }
        self.local_tip(branch)?
            .ok_or_else(|| self.no_branch(branch))
    }

    /// A fetch that waits for others in a private repository: two at a time would load the same
    /// objects and fight for the same locks.
    fn fetch_in_turn(&self) -> Result<crate::process::Git<'_>, RepoError> {
        if !self.private {
            return Ok(self.fetch());
        }
        let turn = self.turn_file()?;
        turn.lock()
            .map_err(|error| RepoError::io(&self.git_dir, error))?;
        Ok(self.fetch().turn(turn))
    }

    /// Who holds its lock may write the refs of a private repository.
    pub(crate) fn turn_file(&self) -> Result<File, RepoError> {
        let path = self.git_dir.join("ripcord-fetch");
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .open(&path)
            .map_err(|error| RepoError::io(path, error))
    }

    /// Fetches more of the past of a shallow repository; `None` is all of it. Nothing to do in one
    /// that is whole.
    ///
    /// # Errors
    /// The remote cannot be reached.
    pub fn deepen(&self, branch: &str, commits: Option<u32>) -> Result<(), RepoError> {
        let name = reference(branch)?;
        if !self.is_shallow() {
            return Ok(());
        }
        let how = commits.map_or("--unshallow".to_owned(), |n| format!("--deepen={n}"));
        let answer = self
            .fetch_in_turn()?
            .args([how, self.remote.argument().to_owned(), name])
            .run()?;
        if answer.ok {
            Ok(())
        } else {
            Err(self.fetch_trouble(branch, &answer))
        }
    }

    /// Fetches objects of a partial clone by their ids, all in one request; `filter` as in
    /// `git fetch --filter`.
    ///
    /// # Errors
    /// The remote cannot be reached or does not give single objects.
    pub fn fetch_objects(&self, ids: &[Oid], filter: Option<&str>) -> Result<(), RepoError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut list = String::with_capacity(ids.len() * 41);
        for id in ids {
            list.push_str(&id.to_string());
            list.push('\n');
        }
        let git = self
            .fetch()
            // What we have is no help in finding what the server shall send.
            .setting("fetch.negotiationAlgorithm=noop")
            .args(filter.map(|filter| format!("--filter={filter}")))
            .args([self.remote.argument(), "--stdin"])
            .stdin(list.into_bytes());
        self.ask(git, "fetch").map(drop)
    }

    /// Fetches, in one request, those of these objects that a partial clone lacks. Nothing to do in
    /// one that has all.
    ///
    /// # Errors
    /// Those of [`Repo::fetch_objects`].
    pub fn prefetch(&self, ids: impl IntoIterator<Item = Oid>) -> Result<(), RepoError> {
        if !self.is_partial() {
            return Ok(());
        }
        let missing: BTreeSet<Oid> = ids
            .into_iter()
            .filter(|id| !self.inner.has_object(*id))
            .collect();
        let missing: Vec<Oid> = missing.into_iter().collect();
        self.fetch_objects(&missing, Some("blob:none"))
    }

    pub(crate) fn fetch(&self) -> Git<'_> {
        self.git("fetch").args([
            "--no-write-fetch-head",
            "--refmap=",
            "--no-prune",
            "--no-tags",
            "--no-auto-maintenance",
            "--recurse-submodules=no",
            "--quiet",
        ])
    }

    fn remote_branches(&self) -> Vec<String> {
        let heads = self
            .git("ls-remote")
            .args(["--heads", self.remote.argument()])
            .run();
        let text = heads
            .map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned())
            .unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once("\trefs/heads/"))
            .map(|(_, name)| name.to_owned())
            .collect()
    }

    fn empty_remote(&self) -> RepoError {
        RepoError::EmptyRepository {
            remote: self.remote.to_string(),
        }
    }

    fn no_such_branch(&self, branch: &str, known: Vec<String>) -> RepoError {
        RepoError::NoSuchBranch {
            remote: self.remote.to_string(),
            branch: branch.to_owned(),
            known,
        }
    }

    fn no_branch(&self, branch: &str) -> RepoError {
        if self.private {
            // The default branch may have been renamed: ask again next time.
            let _ = fs::remove_file(self.git_dir.join("default-branch"));
        }
        let known = self.remote_branches();
        if known.is_empty() {
            self.empty_remote()
        } else {
            self.no_such_branch(branch, known)
        }
    }

    fn fetch_trouble(&self, branch: &str, answer: &Answer) -> RepoError {
        match words::trouble(&answer.stderr) {
            Trouble::NoSuchRef => self.no_branch(branch),
            _ => self.classed("fetch", &answer.stderr),
        }
    }
}
