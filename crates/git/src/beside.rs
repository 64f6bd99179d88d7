//! A fetch into a clone without git's check of everything that came.
//!
//! After a fetch git walks all folders of the new commits and of those they stand on, so that no ref
//! ever names what is not whole: 0.3 s in a large infra repo, while others push. ripcord writes no ref
//! in a clone, and what it builds on is checked by the server when it is pushed. Git leaves the check
//! out for a remote that may leave objects out; so it is told that this one may (of files over a
//! terabyte), and fetches into a folder beside the objects, from where they are moved in.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::process::Answer;
use crate::words::{self, Trouble};
use crate::{Repo, RepoError};

/// A filter that keeps everything.
const EVERYTHING: &str = "blob:limit=1024g";

/// Git's own names for such folders begin like this, and its gc removes those of the killed.
const PREFIX: &str = "tmp_objdir-ripcord-";

/// Packs of fewer objects become single files, as with git: many packs would make it tidy up.
const UNPACK_LIMIT: i64 = 100;

impl Repo {
    /// Fetches a ref of the remote so; false when it must be fetched the usual way, because this clone
    /// or this server is not made for it.
    pub(crate) fn fetch_beside(&self, name: &str) -> Result<bool, RepoError> {
        if self.is_shallow() || self.is_partial() {
            return Ok(false);
        }
        let objects = fs::canonicalize(self.inner.objects.store_ref().path());
        let Some((beside, objects)) = objects.ok().and_then(|at| Some((folder(&at).ok()?, at)))
        else {
            return Ok(false);
        };
        // Neither the variable nor the file `alternates` can hold every path.
        let Some(place) = beside.path().to_str().filter(|path| !path.contains('\n')) else {
            return Ok(false);
        };
        let remote = self.remote.argument();
        let answer = self
            .fetch()
            .setting(&format!("remote.{remote}.promisor=true"))
            // With a filter that is set already git writes none into the clone's settings.
            .setting(&format!("remote.{remote}.partialCloneFilter={EVERYTHING}"))
            .env("GIT_OBJECT_DIRECTORY", place)
            .args([remote, name])
            .run()?;
        if answer.ok {
            return Ok(self.move_in(beside.path(), &objects).is_ok());
        }
        match words::trouble(&answer.stderr) {
            // To ask once more would only take as long again.
            Trouble::Network | Trouble::Access => Err(self.classed("fetch", &answer.stderr)),
            _ => Ok(false),
        }
    }

    /// Moves objects and packs into the clone; an error leaves a clone that lacks some of them.
    fn move_in(&self, beside: &Path, objects: &Path) -> Result<(), RepoError> {
        let io = |error| RepoError::io(objects, error);
        let limit = self.unpack_limit();
        let is_small = |pack: &Path| count(pack).is_some_and(|count| count < limit);
        for folder in listed(beside).map_err(io)? {
            let name = folder.file_name().unwrap_or_default();
            if !folder.is_dir() || name == "info" {
                continue;
            }
            let mut files = listed(&folder).map_err(io)?;
            // A pack is seen by its index, which must come last.
            files.sort_by_key(|file| file.extension() == Some(OsStr::new("idx")));
            for file in files {
                match file.extension().and_then(OsStr::to_str) {
                    Some("promisor") => {}
                    Some("pack") if is_small(&file) => self.unpack(&file)?,
                    Some("idx" | "rev") if is_small(&file.with_extension("pack")) => {}
                    _ => move_file(&file, &objects.join(name)).map_err(io)?,
                }
            }
        }
        Ok(())
    }

    fn unpack_limit(&self) -> i64 {
        let config = self.inner.config_snapshot();
        ["fetch.unpackLimit", "transfer.unpackLimit"]
            .into_iter()
            .find_map(|key| config.integer(key))
            .unwrap_or(UNPACK_LIMIT)
    }

    fn unpack(&self, pack: &Path) -> Result<(), RepoError> {
        let bytes = fs::read(pack).map_err(|error| RepoError::io(pack, error))?;
        let git = self.git("unpack-objects").args(["-q"]).stdin(bytes);
        self.ask(git, "unpack-objects").map(|_: Answer| ())
    }
}

/// A folder for objects that borrows the clone's.
fn folder(objects: &Path) -> std::io::Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(objects)?;
    for name in ["info", "pack"] {
        fs::create_dir(folder.path().join(name))?;
    }
    let borrowed = format!("{}\n", objects.display());
    fs::write(folder.path().join("info/alternates"), borrowed)?;
    Ok(folder)
}

fn listed(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Objects are named by their content: one that is there already is the same.
fn move_file(file: &Path, folder: &Path) -> std::io::Result<()> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::create_dir_all(folder)?;
    if to.exists() {
        return Ok(());
    }
    fs::rename(file, to)
}

/// How many objects a pack says in its head that it holds.
fn count(pack: &Path) -> Option<i64> {
    let mut head = [0; 12];
    File::open(pack).ok()?.read_exact(&mut head).ok()?;
    let [.., a, b, c, d] = head;
    Some(u32::from_be_bytes([a, b, c, d]).into())
}
