//! A bare repository while it receives a push: the new objects are in a folder of their own, which
//! git names in the environment of its hooks (<https://git-scm.com/docs/git-receive-pack>).

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::address::SafeUrl;
use crate::open::{Remote, options};
use crate::{Oid, Repo, RepoError};

/// The variables by which git tells its hooks where objects are.
const OBJECTS: &str = "GIT_OBJECT_DIRECTORY";
const ALTERNATES: &str = "GIT_ALTERNATE_OBJECT_DIRECTORIES";

impl Repo {
    /// Opens the bare repository in whose `pre-receive` hook this process runs, with the objects that
    /// are about to be received. Nothing is written there; the repository is its own remote.
    ///
    /// # Errors
    /// No repository there; no room for a small folder of this process.
    pub fn open_receiving(path: &Path) -> Result<Self, RepoError> {
        let absolute = fs::canonicalize(path).map_err(|_| RepoError::NotARepository {
            path: path.to_path_buf(),
        })?;
        let received = Self::open_itself(&absolute)?;
        let Some(incoming) = std::env::var_os(OBJECTS).map(PathBuf::from) else {
            return Ok(received);
        };
        // gix does not know the variables, but alternates, which say the same.
        let mut places = vec![
            absolute.join(incoming).into_os_string(),
            received
                .inner
                .objects
                .store_ref()
                .path()
                .as_os_str()
                .to_owned(),
        ];
        if let Some(others) = std::env::var_os(ALTERNATES) {
            let others = std::env::split_paths(&others);
            places.extend(others.map(|other| absolute.join(other).into_os_string()));
        }
        let hash = received.inner.object_hash();
        let folder = view(&places, &hash.to_string())?;
        let opened = options()
            .open_path_as_is(true)
            .open(folder.path())
            .map_err(|error| RepoError::Corrupt {
                git_dir: received.git_dir.clone(),
                detail: error.to_string(),
            })?;
        let mut view = Self::new(opened.to_thread_local(), received.remote.clone(), None);
        view.git_dir.clone_from(&received.git_dir);
        view.view = Some(folder.into());
        view.head.clone_from(&received.head);
        Ok(view)
    }

    fn open_itself(absolute: &Path) -> Result<Self, RepoError> {
        let repo = options().open(absolute).map_err(|error| {
            if absolute.join("HEAD").is_file() {
                RepoError::Corrupt {
                    git_dir: absolute.to_path_buf(),
                    detail: crate::address::redact(&error.to_string()),
                }
            } else {
                RepoError::NotARepository {
                    path: absolute.to_path_buf(),
                }
            }
        })?;
        let itself = SafeUrl::new(repo.git_dir().to_string_lossy().into_owned());
        let mut repo = Self::new(repo.to_thread_local(), Remote::at(itself), None);
        repo.head = repo.own_head()?;
        Ok(repo)
    }

    /// The branch that the repository's own HEAD names, with its tip, of a repository that was opened
    /// while it receives.
    pub fn receiving_head(&self) -> Option<&(String, Option<Oid>)> {
        self.head.as_ref()
    }

    fn own_head(&self) -> Result<Option<(String, Option<Oid>)>, RepoError> {
        let path = self.inner.git_dir().join("HEAD");
        let text = fs::read_to_string(&path).map_err(|error| RepoError::io(path, error))?;
        let Some(branch) = text.trim().strip_prefix("ref: refs/heads/") else {
            return Ok(None);
        };
        Ok(Some((branch.to_owned(), self.local_tip(branch)?)))
    }
}

/// A repository without anything of its own that sees the objects of all these folders.
fn view(places: &[OsString], hash: &str) -> Result<TempDir, RepoError> {
    let made = || -> std::io::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("ripcord-").tempdir()?;
        let at = folder.path();
        fs::create_dir_all(at.join("objects/info"))?;
        fs::create_dir(at.join("refs"))?;
        fs::write(at.join("HEAD"), "ref: refs/heads/none\n")?;
        fs::write(
            at.join("config"),
            format!(
                "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = {hash}\n"
            ),
        )?;
        let mut alternates = fs::File::create(at.join("objects/info/alternates"))?;
        for place in places {
            alternates.write_all(place.as_encoded_bytes())?;
            alternates.write_all(b"\n")?;
        }
        Ok(folder)
    };
    made().map_err(|error| RepoError::io(std::env::temp_dir(), error))
}
