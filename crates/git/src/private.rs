//! Private bare repositories, one for each URL, for people who name a remote instead of a clone.
//!
//! A process that uses one holds a shared lock beside it until it ends; who gets the lock alone may
//! make the repository or clean up after a process that was killed.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::address::SafeUrl;
use crate::open::{Remote, options};
use crate::process::Git;
use crate::words;
use crate::{Repo, RepoError};

/// Present when the repository was made to its end.
const READY: &str = "ripcord-ready";

impl Repo {
    /// Opens the private bare repository of a URL below `cache_root`, made when it is not there and
    /// made anew when it cannot be opened. Nothing is fetched yet.
    ///
    /// # Errors
    /// The folder cannot be made, locked or read.
    pub fn open_remote(url: &SafeUrl, cache_root: &Path) -> Result<Self, RepoError> {
        let parent = cache_root.join("repositories");
        make_private(&parent)?;
        let name = folder_name(url);
        let folder = parent.join(format!("{name}.git"));
        let in_use = lock(&parent.join(format!("{name}.lock")), &folder)?;
        let inner = options()
            .open_path_as_is(true)
            .open(&folder)
            .map_err(|error| RepoError::Corrupt {
                git_dir: folder.clone(),
                detail: error.to_string(),
            })?;
        let remote = Remote::at(url.clone());
        Ok(Self::new(inner.to_thread_local(), remote, Some(in_use)))
    }
}

/// How long a damaged repository may be in use before that is an error.
const LET_GO_WITHIN: Duration = Duration::from_secs(1);

/// Takes the shared lock on a repository that is in order.
fn lock(path: &Path, folder: &Path) -> Result<File, RepoError> {
    let failed = |error| RepoError::io(path, error);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .read(true)
        .open(path)
        .map_err(failed)?;
    let until = Instant::now() + LET_GO_WITHIN;
    loop {
        let is_alone = match file.try_lock() {
            Ok(()) => {
                put_in_order(folder)?;
                file.unlock().map_err(failed)?;
                true
            }
            // Somebody makes it, or works with it.
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        };
        file.lock_shared().map_err(failed)?;
        let is_ready = folder.join(READY).exists();
        if is_ready && (is_alone || opens(folder) || Instant::now() > until) {
            return Ok(file);
        }
        // Who made it was killed between the two locks; or it is damaged, and whoever holds it is a process
        // that was only just begun and has the lock until it is a program of its own.
        file.unlock().map_err(failed)?;
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether it opens. A crash can leave an empty HEAD, which gix opens and git does not.
fn opens(folder: &Path) -> bool {
    let has_head = fs::read(folder.join("HEAD")).is_ok_and(|head| head.starts_with(b"ref: "));
    has_head && options().open_path_as_is(true).open(folder).is_ok()
}

/// Makes the repository unless it is there and opens; removes what a killed git left behind.
fn put_in_order(folder: &Path) -> Result<(), RepoError> {
    if folder.join(READY).exists() && opens(folder) {
        remove_leftovers(folder);
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| RepoError::io(folder, error))?;
    }
    make(folder)
}

fn make(folder: &Path) -> Result<(), RepoError> {
    make_private(folder)?;
    let answer = Git::new(folder, None, "init")
        .args(["--bare", "--quiet", "--template=", "--object-format=sha1"])
        .run()?;
    if !answer.ok {
        if let Some(found) = crate::process::too_old() {
            return Err(RepoError::GitTooOld { found });
        }
        return Err(match words::trouble(&answer.stderr) {
            words::Trouble::Disk => RepoError::NoSpace {
                path: folder.to_path_buf(),
            },
            _ => RepoError::Git {
                command: "init".into(),
                words: words::last_words(&answer.stderr),
            },
        });
    }
    let ready = folder.join(READY);
    File::create_new(&ready)
        .and_then(|file| file.sync_all())
        .map_err(|error| RepoError::io(ready, error))
}

/// Lock files and half-received packs. Only for who holds the lock alone.
fn remove_leftovers(folder: &Path) {
    let mut waiting: Vec<PathBuf> = vec![
        folder.to_path_buf(),
        folder.join("refs"),
        folder.join("objects/pack"),
    ];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let left = name.ends_with(".lock") || name.starts_with("tmp_");
            if path.is_dir() {
                if at != folder {
                    waiting.push(path);
                }
            } else if left {
                // One that stays makes git fail with its name.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// A name that people can recognise and that differs for every address, credentials left out.
pub(crate) fn folder_name(url: &SafeUrl) -> String {
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

/// Infra repos are nobody else's business on a shared machine.
fn make_private(folder: &Path) -> Result<(), RepoError> {
    fs::create_dir_all(folder).map_err(|error| RepoError::io(folder, error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| RepoError::io(folder, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_differ_by_address_and_not_by_token() {
        let name = |url: &str| folder_name(&SafeUrl::new(url));
        assert_eq!(name("https://a:1@h/x.git"), name("https://b:2@h/x.git"));
        assert_ne!(name("https://h/x.git"), name("https://h/y/x.git"));
        assert!(name("git@h:team/infra.git").starts_with("infra-"));
        assert!(!name("https://h/../..").contains('.'));
    }

    #[test]
    fn a_folder_half_made_by_a_killed_process_is_made_anew() {
        let cache = tempfile::tempdir().unwrap();
        let url = SafeUrl::new("file:///nowhere/infra.git");
        let folder = cache
            .path()
            .join("repositories")
            .join(format!("{}.git", folder_name(&url)));
        fs::create_dir_all(folder.join("objects")).unwrap();
        fs::write(folder.join("HEAD"), "ref: ").unwrap();
        let repo = Repo::open_remote(&url, cache.path()).unwrap();
        assert!(folder.join(READY).exists());
        assert_eq!(repo.git_dir(), folder);
    }

    #[test]
    fn a_damaged_one_is_made_anew_and_leftovers_are_removed() {
        let cache = tempfile::tempdir().unwrap();
        let url = SafeUrl::new("file:///nowhere/infra.git");
        let folder = Repo::open_remote(&url, cache.path())
            .unwrap()
            .git_dir()
            .to_path_buf();
        fs::write(folder.join("shallow.lock"), "").unwrap();
        fs::write(folder.join("objects/pack/tmp_pack_1"), "x").unwrap();
        let used = Repo::open_remote(&url, cache.path()).unwrap();
        assert!(!folder.join("shallow.lock").exists());
        assert!(!folder.join("objects/pack/tmp_pack_1").exists());

        // Not while somebody else works with it.
        fs::write(folder.join("shallow.lock"), "").unwrap();
        let other = Repo::open_remote(&url, cache.path()).unwrap();
        assert!(folder.join("shallow.lock").exists());
        drop((used, other));

        fs::remove_file(folder.join("HEAD")).unwrap();
        let again = Repo::open_remote(&url, cache.path()).unwrap();
        assert!(again.git_dir().join("HEAD").exists());
    }

    #[test]
    fn many_at_once_make_one() {
        let cache = tempfile::tempdir().unwrap();
        let url = SafeUrl::new("file:///nowhere/infra.git");
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Repo::open_remote(&url, cache.path()).map(drop)))
                .collect();
            for thread in opened {
                thread.join().unwrap().unwrap();
            }
        });
    }
}
