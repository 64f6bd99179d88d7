//! Opening a person's clone, and what is known of a repository at once.

use std::cell::RefCell;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gix::bstr::ByteSlice;
use gix::odb::pack::cache::lru::MemoryCappedHashmap;
use gix::odb::store::init::Slots;
use tempfile::TempDir;

use crate::address::SafeUrl;
use crate::private::folder_name;
use crate::process::{self, Answer, Git};
use crate::words::{self, Trouble};
use crate::{FetchDepth, Filter, Oid, RepoError};

/// Bytes of delta bases that are kept while objects are read.
const BASES: usize = 16 << 20;

/// Packs for which there is room at the least. Every fetch of a long race may bring one, and gix does
/// not see those that it has no room for.
const PACKS: usize = 1024;

/// The name under which git is told of a remote that has none.
pub(crate) const NAMELESS: &str = "ripcord";

/// An opened repository and the remote that it works with.
pub struct Repo {
    pub(crate) inner: gix::Repository,
    pub(crate) git_dir: PathBuf,
    pub(crate) remote: Remote,
    /// Made and owned by ripcord: refs may be written.
    pub(crate) private: bool,
    /// Objects are missing on purpose, which git was asked for after the repository was opened.
    pub(crate) filtered: Arc<AtomicBool>,
    /// The tip as the remote just told it: good for one fetch.
    pub(crate) announced: RefCell<Option<(String, Oid)>>,
    /// Most time for one git process.
    limit: Option<Duration>,
    /// When all of them together have to be done.
    deadline: Option<Instant>,
    /// Says to other processes that the private repository is in use, until it is dropped.
    in_use: Option<Arc<File>>,
    /// The folder through which a push that is being received is seen, until it is dropped.
    pub(crate) view: Option<Arc<TempDir>>,
    /// The branch that HEAD names and its tip, of a repository that receives.
    pub(crate) head: Option<(String, Option<Oid>)>,
}

/// Where to fetch from and push to.
#[derive(Clone, Debug)]
pub struct Remote {
    pub(crate) fetch: SafeUrl,
    /// Only when it is set apart from the other; otherwise git's rewriting rules for pushes hold.
    pub(crate) push: Option<SafeUrl>,
    pub(crate) name: Option<String>,
}

/// Commits that a new private repository starts with.
const WINDOW: u32 = 64;

/// For how long an HTTP server may send nothing at all. A working one sends a sign of life every five
/// seconds (`uploadpack.keepAlive`, `receive.keepAlive`).
const SILENCE: Duration = Duration::from_mins(2);

/// ssh that notices when the other side is gone, as git does over HTTP. By itself it waits for ever.
fn ssh() -> String {
    let seconds = SILENCE.as_secs();
    format!(
        "ssh -o ConnectTimeout=30 -o ServerAliveInterval={} -o ServerAliveCountMax=4",
        seconds / 4
    )
}

impl Remote {
    pub(crate) fn at(url: SafeUrl) -> Self {
        Self {
            fetch: url,
            push: None,
            name: None,
        }
    }

    /// The name under which a clone knows it, such as `origin`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address that is fetched from; shown without credentials.
    pub fn url(&self) -> &SafeUrl {
        &self.fetch
    }

    /// The address that is pushed to; shown without credentials.
    pub fn push_url(&self) -> &SafeUrl {
        self.push.as_ref().unwrap_or(&self.fetch)
    }

    /// What git is told to fetch from.
    pub(crate) fn argument(&self) -> &str {
        self.name.as_deref().unwrap_or(NAMELESS)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fetch.fmt(f)
    }
}

impl Repo {
    /// Opens the clone that a path lies in: bare, linked worktree, shallow, partial, dirty or
    /// detached, all alike. HEAD, index, work tree, branches, remote-tracking refs and stash are
    /// never written; only objects are added (and `shallow` when it is deepened).
    ///
    /// A bare repository without a remote is its own remote: it is pushed to by its path.
    ///
    /// # Errors
    /// No clone there, one without a remote, or one of another user that git does not trust.
    pub fn open_clone(path: &Path) -> Result<Self, RepoError> {
        let not_here = || RepoError::NotARepository {
            path: path.to_path_buf(),
        };
        let absolute = fs::canonicalize(path).map_err(|_| not_here())?;
        let folder = if absolute.is_file() {
            absolute.parent().unwrap_or(&absolute).to_path_buf()
        } else {
            absolute
        };
        let trust = gix::sec::trust::Mapping {
            full: options(),
            reduced: options(),
        };
        let discover = gix::discover::upwards::Options::default();
        let inner = gix::ThreadSafeRepository::discover_opts(&folder, discover, trust)
            .map_err(|error| unopened(path, &folder, &error))?
            .to_thread_local();
        if inner.git_dir_trust() != gix::sec::Trust::Full {
            check_trust(path, &folder)?;
        }
        let remote = remote_of(&inner)
            .or_else(|| {
                let itself = inner.git_dir().to_string_lossy().into_owned();
                inner.is_bare().then(|| Remote::at(SafeUrl::new(itself)))
            })
            .ok_or_else(|| RepoError::NoRemote {
                path: path.to_path_buf(),
            })?;
        Ok(Self::new(inner, remote, None))
    }

    pub(crate) fn new(mut inner: gix::Repository, remote: Remote, in_use: Option<File>) -> Self {
        // `GIT_NAMESPACE` means refs of another place than the one that was named.
        inner.clear_namespace();
        inner.object_cache_size(None);
        let bases = || Box::new(MemoryCappedHashmap::new(BASES)) as Box<_>;
        inner.objects.set_pack_cache(bases);
        let git_dir = inner.git_dir().to_path_buf();
        Self {
            inner,
            git_dir,
            remote,
            private: in_use.is_some(),
            filtered: Arc::default(),
            announced: RefCell::default(),
            limit: None,
            deadline: None,
            in_use: in_use.map(Arc::new),
            view: None,
            head: None,
        }
    }

    /// The same repository for another thread: packs are shared, caches are not.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            git_dir: self.git_dir.clone(),
            remote: self.remote.clone(),
            private: self.private,
            filtered: self.filtered.clone(),
            announced: RefCell::default(),
            limit: self.limit,
            deadline: self.deadline,
            in_use: self.in_use.clone(),
            view: self.view.clone(),
            head: self.head.clone(),
        }
    }

    /// Ends every git process that takes longer than this, with [`RepoError::TimedOut`]. Git then
    /// runs in a process group of its own, so ssh cannot ask for a passphrase on the terminal.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    /// The same for all of them together: what is not done by then is ended.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long a git process that starts now may take.
    fn time_left(&self) -> Option<Duration> {
        let left = self
            .deadline
            .map(|end| end.saturating_duration_since(Instant::now()));
        match (self.limit, left) {
            (Some(limit), Some(left)) => Some(limit.min(left)),
            (limit, left) => limit.or(left),
        }
    }

    /// Where the repository's files are.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The work tree that the clone was opened in, if it has one.
    pub fn worktree(&self) -> Option<&Path> {
        self.inner.workdir()
    }

    /// The remote that is fetched from and pushed to.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// A name for what is kept about the remote: readable, and different for every remote.
    pub fn cache_name(&self) -> String {
        folder_name(&self.remote.fetch)
    }

    /// How much is fetched of a new tip: a clone stays what it is, a new private repository starts
    /// with the newest commits, which most rollbacks need no more than; it is deepened when one does.
    pub fn depth(&self) -> FetchDepth {
        if self.private {
            FetchDepth::Window {
                commits: WINDOW,
                filter: Filter::Blobs,
            }
        } else {
            FetchDepth::AsIs
        }
    }

    /// Whether old commits are missing on purpose.
    pub fn is_shallow(&self) -> bool {
        self.inner.is_shallow().unwrap_or(false)
    }

    /// Whether blobs or trees are missing on purpose and can be fetched one by one.
    pub fn is_partial(&self) -> bool {
        self.filtered.load(Ordering::Relaxed) || {
            let config = self.inner.config_snapshot();
            config.string("extensions.partialClone").is_some()
                || config
                    .boolean(format!("remote.{}.promisor", self.remote.argument()).as_str())
                    .unwrap_or(false)
        }
    }

    /// A call of git that knows the remote as `ripcord`. The URL travels in the environment: it may
    /// hold a token, and arguments can be read by everybody on the machine.
    pub(crate) fn git(&self, subcommand: &str) -> Git<'_> {
        let count: usize = std::env::var("GIT_CONFIG_COUNT")
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let mut pairs = vec![("url".to_owned(), self.remote.fetch.secret().to_owned())];
        if let Some(push) = &self.remote.push {
            pairs.push(("pushurl".to_owned(), push.secret().to_owned()));
        }
        pairs.extend(self.remote_settings());
        let mut git = Git::new(&self.git_dir, self.worktree(), subcommand)
            .limit(self.time_left())
            .secret(self.remote.fetch.password())
            .secret(self.remote.push.as_ref().and_then(SafeUrl::password))
            .env("GIT_CONFIG_COUNT", (count + pairs.len()).to_string());
        if !self.has_patience_of_its_own() {
            git = git
                .env("GIT_HTTP_LOW_SPEED_LIMIT", "1")
                .env("GIT_HTTP_LOW_SPEED_TIME", SILENCE.as_secs().to_string());
        }
        if !self.has_an_ssh_of_its_own() {
            git = git.env("GIT_SSH_COMMAND", ssh());
        }
        for (at, (key, value)) in (count..).zip(pairs) {
            git = git
                .env(
                    &format!("GIT_CONFIG_KEY_{at}"),
                    format!("remote.{NAMELESS}.{key}"),
                )
                .env(&format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        git
    }

    /// Whether the person has said for how long git waits for a silent HTTP server. Git itself waits
    /// for ever.
    fn has_patience_of_its_own(&self) -> bool {
        let config = self.inner.config_snapshot();
        let mut http = config.sections_by_name("http").into_iter().flatten();
        std::env::var_os("GIT_HTTP_LOW_SPEED_TIME").is_some()
            || http.any(|section| section.value("lowSpeedTime").is_some())
    }

    /// Whether the person has said how ssh is called.
    fn has_an_ssh_of_its_own(&self) -> bool {
        ["GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSH_VARIANT"]
            .into_iter()
            .any(|name| std::env::var_os(name).is_some())
            || ["core.sshCommand", "ssh.variant"]
                .into_iter()
                .any(|key| self.inner.config_snapshot().string(key).is_some())
    }

    /// Settings of the clone's remote that a push under another name needs as well.
    fn remote_settings(&self) -> impl Iterator<Item = (String, String)> {
        let config = self.inner.config_snapshot();
        let name = self.remote.name.clone();
        ["proxy", "proxyAuthMethod", "receivepack", "vcs"]
            .into_iter()
            .filter_map(move |key| {
                let full = format!("remote.{}.{key}", name.as_ref()?);
                Some((key.to_owned(), config.string(full.as_str())?.to_string()))
            })
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Runs git for an answer on stdout; a failure is classed.
    pub(crate) fn ask(&self, git: Git<'_>, subcommand: &str) -> Result<Answer, RepoError> {
        let answer = git.run()?;
        if answer.ok {
            Ok(answer)
        } else {
            Err(self.classed(subcommand, &answer.stderr))
        }
    }

    /// What git's last words mean.
    pub(crate) fn classed(&self, command: &str, stderr: &str) -> RepoError {
        let words = words::last_words(stderr);
        let remote = self.remote.to_string();
        match words::trouble(stderr) {
            Trouble::Access => RepoError::AccessDenied { remote, words },
            Trouble::Network => RepoError::Unreachable { remote, words },
            Trouble::Disk => RepoError::NoSpace {
                path: self.git_dir.clone(),
            },
            Trouble::Damage => RepoError::Corrupt {
                git_dir: self.git_dir.clone(),
                detail: words,
            },
            Trouble::Identity => RepoError::NoIdentity,
            Trouble::ObjectFormat => RepoError::OtherObjectFormat { remote },
            Trouble::NoSuchRef | Trouble::Unknown => {
                // Asked only now: a version check in front would cost every run a process.
                let old = words::is_unknown_option(stderr).then(process::too_old);
                match old.flatten() {
                    Some(found) => RepoError::GitTooOld { found },
                    None => RepoError::Git {
                        command: command.to_owned(),
                        words,
                    },
                }
            }
        }
    }
}

/// How gix opens: the true objects only, never replaced ones; broken values of settings that do not
/// matter here are passed over.
pub(crate) fn options() -> gix::open::Options {
    let mut permissions = gix::open::Permissions::all();
    // `GIT_OBJECT_DIRECTORY` and the like mean another repository than the one that was named.
    permissions.env.objects = gix::sec::Permission::Deny;
    gix::open::Options::default()
        .permissions(permissions)
        .object_store_slots(Slots::AsNeededByDiskState {
            multiplier: 2.0,
            minimum: PACKS,
        })
        .config_overrides(["core.useReplaceRefs=false"])
        .strict_config(false)
}

/// Tells "nothing there" from "there, but not readable".
fn unopened(path: &Path, folder: &Path, error: &gix::Error) -> RepoError {
    let is_there = folder
        .ancestors()
        .any(|above| above.join(".git").exists() || above.join("HEAD").is_file());
    if is_there {
        RepoError::Corrupt {
            git_dir: path.to_path_buf(),
            detail: crate::address::redact(&error.to_string()),
        }
    } else {
        RepoError::NotARepository {
            path: path.to_path_buf(),
        }
    }
}

/// Lets git judge a repository that belongs to somebody else: `safe.directory` may allow it.
fn check_trust(path: &Path, folder: &Path) -> Result<(), RepoError> {
    let answer = Git::inside(folder, "rev-parse").args(["--git-dir"]).run()?;
    if answer.ok {
        return Ok(());
    }
    Err(RepoError::NotTrusted {
        path: path.to_path_buf(),
        words: words::last_words(&answer.stderr),
    })
}

/// `origin`, else the remote of the branch that is checked out, else the only one.
fn remote_of(repo: &gix::Repository) -> Option<Remote> {
    let names = repo.remote_names();
    let name = match names.iter().find(|name| name.as_bstr() == "origin") {
        Some(name) => name.to_string(),
        None => repo
            .remote_default_name(gix::remote::Direction::Fetch)?
            .to_string(),
    };
    let config = repo.config_snapshot();
    let value = |key: &str| {
        let value = config.string(format!("remote.{name}.{key}").as_str())?;
        Some(SafeUrl::new(value.to_string()))
    };
    Some(Remote {
        fetch: value("url")?,
        push: value("pushurl"),
        name: (!name.starts_with('-')).then_some(name),
    })
}
