//! Opening a person's clone, or a private bare repository for a URL.

use std::fs;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;

use crate::location::SafeUrl;
use crate::process::{Answer, Git};
use crate::{FetchDepth, RepoError};

/// An opened repository and the remote that it works with.
pub struct Repo {
    pub(crate) inner: gix::Repository,
    pub(crate) git_dir: PathBuf,
    pub(crate) remote: Remote,
    /// Made and owned by ripcord: refs may be written.
    pub(crate) private: bool,
}

/// Neighbouring trees of a large infra repo are long chains of deltas of each other.
pub(crate) fn keep_delta_bases(repo: &mut gix::Repository) {
    repo.objects.set_pack_cache(|| {
        Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(
            DELTA_BASES,
        ))
    });
}

/// Bytes of delta bases that are kept while reading.
const DELTA_BASES: usize = 64 << 20;

/// Where to fetch from and push to.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) fetch: SafeUrl,
    pub(crate) push: SafeUrl,
    /// The name under which a clone knows it.
    pub(crate) name: Option<String>,
}

impl Repo {
    /// Opens the clone that a path lies in: bare, linked worktree, shallow, partial, dirty or
    /// detached, all alike. Only objects are ever added to it (and `shallow` when it is deepened).
    ///
    /// # Errors
    /// No clone there, or one without a remote.
    pub fn open_clone(path: &Path) -> Result<Self, RepoError> {
        let not_here = || RepoError::NotARepository {
            path: path.to_path_buf(),
        };
        let absolute = fs::canonicalize(path).map_err(|_| not_here())?;
        let options = gix::sec::trust::Mapping {
            full: options(),
            reduced: options(),
        };
        let inner = gix::ThreadSafeRepository::discover_opts(
            &absolute,
            gix::discover::upwards::Options::default(),
            options,
        )
        .map_err(|_| not_here())?
        .to_thread_local();
        let remote = remote_of(&inner)
            .or_else(|| {
                inner
                    .is_bare()
                    .then(|| Remote::at(&inner.git_dir().to_string_lossy()))
            })
            .ok_or_else(|| RepoError::NoRemote {
                path: path.to_path_buf(),
            })?;
        Ok(Self::new(inner, remote, false))
    }

    /// Opens the private bare repository of a URL below `cache_root`, made when it is not there.
    /// Nothing is fetched yet.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open_remote(url: &SafeUrl, cache_root: &Path) -> Result<Self, RepoError> {
        let folder = cache_root
            .join("repositories")
            .join(format!("{}.git", folder_name(url)));
        if !is_whole(&folder) {
            make(&folder)?;
        }
        let inner = options()
            .open_path_as_is(true)
            .open(&folder)
            .map_err(|error| RepoError::Corrupt {
                git_dir: folder.clone(),
                detail: error.to_string(),
            })?;
        let remote = Remote {
            fetch: url.clone(),
            push: url.clone(),
            name: None,
        };
        Ok(Self::new(inner.to_thread_local(), remote, true))
    }

    fn new(mut inner: gix::Repository, remote: Remote, private: bool) -> Self {
        keep_delta_bases(&mut inner);
        let git_dir = inner.git_dir().to_path_buf();
        Self {
            inner,
            git_dir,
            remote,
            private,
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

    /// The remote, for people: without credentials.
    pub fn remote(&self) -> &SafeUrl {
        &self.remote.fetch
    }

    /// A name for what is kept about the remote: readable, and different for every remote.
    pub fn cache_name(&self) -> String {
        folder_name(&self.remote.fetch)
    }

    /// How much is fetched of a new tip: a clone stays what it is, a private repository is whole.
    pub fn depth(&self) -> FetchDepth {
        if self.private {
            FetchDepth::Full
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
        let config = self.inner.config_snapshot();
        let promised = self
            .remote
            .name
            .as_ref()
            .and_then(|name| config.boolean(format!("remote.{name}.promisor").as_str()));
        promised.unwrap_or(false) || config.string("extensions.partialClone").is_some()
    }

    /// A call of git that knows the remote as `ripcord`. The URL travels in the environment: it may
    /// hold a token, and arguments can be read by everybody on the machine.
    pub(crate) fn git(&self, subcommand: &str) -> Git<'_> {
        let count: usize = std::env::var("GIT_CONFIG_COUNT")
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let mut git = Git::new(&self.git_dir, self.worktree(), subcommand);
        let pairs = [
            ("remote.ripcord.url", &self.remote.fetch),
            ("remote.ripcord.pushurl", &self.remote.push),
        ];
        for (at, (key, url)) in pairs.into_iter().enumerate() {
            git = git
                .env(&format!("GIT_CONFIG_KEY_{}", count + at), key)
                .env(&format!("GIT_CONFIG_VALUE_{}", count + at), url.secret());
        }
        git.env("GIT_CONFIG_COUNT", (count + pairs.len()).to_string())
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
}

impl Remote {
    fn at(url: &str) -> Self {
        Self {
            fetch: SafeUrl::new(url),
            push: SafeUrl::new(url),
            name: None,
        }
    }
}

/// How gix opens: the true objects only, never replaced ones.
fn options() -> gix::open::Options {
    gix::open::Options::default().config_overrides(["core.useReplaceRefs=false"])
}

/// `origin`, or the only remote there is.
fn remote_of(repo: &gix::Repository) -> Option<Remote> {
    let names = repo.remote_names();
    let name = names
        .iter()
        .find(|name| name.as_bstr() == "origin")
        .or_else(|| {
            if names.len() == 1 {
                names.iter().next()
            } else {
                None
            }
        })?
        .to_string();
    let config = repo.config_snapshot();
    let value = |key: &str| {
        config
            .string(format!("remote.{name}.{key}").as_str())
            .map(|v| v.to_string())
    };
    let fetch = value("url")?;
    let push = value("pushurl").unwrap_or_else(|| fetch.clone());
    Some(Remote {
        fetch: SafeUrl::new(fetch),
        push: SafeUrl::new(push),
        name: Some(name),
    })
}

/// A name that people can recognise and that differs for every URL, credentials left out.
fn folder_name(url: &SafeUrl) -> String {
    let shown = url.to_string();
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(shown.as_bytes());
    let id = hasher
        .try_finalize()
        .map(|id| id.to_hex_with_len(16).to_string())
        .unwrap_or_default();
    let last: String = shown
        .trim_end_matches('/')
        .trim_end_matches(".git")
        .rsplit(['/', ':'])
        .next()
        .unwrap_or("repo")
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .take(40)
        .collect();
    format!("{last}-{id}")
}

/// Whether a private repository was finished and has survived: a crash can leave empty files.
fn is_whole(folder: &Path) -> bool {
    let starts = |name: &str, with: &str| {
        fs::read_to_string(folder.join(name)).is_ok_and(|text| text.starts_with(with))
    };
    folder.join("ready").exists() && starts("HEAD", "ref: ") && starts("config", "[core]")
}

/// Makes the private repository beside its final place and moves it there in one step, so that a
/// kill in the middle leaves nothing that looks finished. Losing against another process is fine.
fn make(folder: &Path) -> Result<(), RepoError> {
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(|error| RepoError::io(parent, error))?;
    private(parent)?;
    let name = folder
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let making = parent.join(format!(".{name}.{}", std::process::id()));
    let _ = fs::remove_dir_all(&making);
    fs::create_dir_all(&making).map_err(|error| RepoError::io(&making, error))?;
    let answer = Git::new(&making, None, "init")
        .args(["--bare", "--quiet"])
        .run()?;
    if !answer.ok {
        let _ = fs::remove_dir_all(&making);
        return Err(RepoError::Git {
            command: "init".into(),
            words: answer.stderr,
        });
    }
    fs::write(making.join("ready"), "").map_err(|error| RepoError::io(&making, error))?;
    if folder.exists() && !is_whole(folder) {
        let _ = fs::remove_dir_all(folder);
    }
    if let Err(error) = fs::rename(&making, folder) {
        let _ = fs::remove_dir_all(&making);
        if !is_whole(folder) {
            return Err(RepoError::io(folder, error));
        }
    }
    Ok(())
}

/// Infra repos are nobody else's business on a shared machine.
fn private(folder: &Path) -> Result<(), RepoError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| RepoError::io(folder, error))?;
    }
    Ok(())
}
