//! The files of a work tree: read whole, written all or none.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ripcord_domain::{Kind, Problem};
use ripcord_pipeline::{Texts, Write};
use tempfile::NamedTempFile;

/// How deep folders are read.
const DEEPEST: usize = 8;

/// A work tree. Nothing outside of it is read or written, also not by a link.
pub(super) struct WorkTree {
    root: PathBuf,
}

impl WorkTree {
    /// The one that a folder is in. A repository without commits and remotes will do.
    pub(super) fn around(folder: &Path) -> Result<Self, Problem> {
        let absolute = fs::canonicalize(folder).map_err(|error| unreadable(folder, &error))?;
        let root = absolute
            .ancestors()
            .find(|folder| folder.join(".git").exists());
        match root {
            Some(root) => Ok(Self {
                root: root.to_path_buf(),
            }),
            None => Err(Problem::new(
                Kind::Usage,
                "no_work_tree",
                format!("{} is in no work tree of Git", folder.display()),
            )
            .hint("stand in a clone of the repository, or name it: `--source PATH`")),
        }
    }

    /// The branch that the remote's HEAD names, as far as the clone knows.
    pub(super) fn main(&self) -> Option<String> {
        let head = fs::read_to_string(self.root.join(".git/refs/remotes/origin/HEAD")).ok()?;
        let branch = head.trim().strip_prefix("ref: refs/remotes/origin/")?;
        Some(branch.to_owned())
    }

    /// The texts at some paths; those that end with `/` are folders.
    pub(super) fn texts(&self, paths: &[&str]) -> Result<Texts, Problem> {
        let mut texts = Texts::new();
        for path in paths {
            self.gather(path.trim_end_matches('/'), DEEPEST, &mut texts)?;
        }
        Ok(texts)
    }

    fn gather(&self, path: &str, depth: usize, texts: &mut Texts) -> Result<(), Problem> {
        let full = self.root.join(path);
        let Ok(kind) = fs::symlink_metadata(&full) else {
            return Ok(());
        };
        if kind.is_file() {
            match fs::read_to_string(&full) {
                Ok(text) => {
                    texts.insert(path.to_owned(), text);
                }
                // What is no text is nobody's CI file.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Err(error) => return Err(unreadable(&full, &error)),
            }
        } else if kind.is_dir() && depth > 0 {
            let entries = fs::read_dir(&full).map_err(|error| unreadable(&full, &error))?;
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(&full, &error))?;
                if let Some(name) = entry.file_name().to_str() {
                    self.gather(&format!("{path}/{name}"), depth - 1, texts)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the files in this order. All are on the disk before the first gets its name, so a disk that is full
    /// changes nothing.
    pub(super) fn write(&self, writes: &[&Write]) -> Result<(), Problem> {
        let mut ready = Vec::new();
        for write in writes {
            let path = self.inside(&write.path)?;
            let file = prepared(&path, &write.text).map_err(|error| unwritten(&path, &error))?;
            ready.push((path, file));
        }
        for (path, file) in ready {
            file.persist(&path)
                .map_err(|error| unwritten(&path, &error.error))?;
        }
        Ok(())
    }

    /// The place of a path, unless a link leads elsewhere or something else is there.
    fn inside(&self, path: &str) -> Result<PathBuf, Problem> {
        let mut place = self.root.clone();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            place.push(part);
            let Ok(kind) = fs::symlink_metadata(&place) else {
                continue;
            };
            let fits = if parts.peek().is_some() {
                kind.is_dir()
            } else {
                kind.is_file()
            };
            if !fits {
                let what = if kind.is_symlink() {
                    "is a link"
                } else {
                    "is something else"
                };
                return Err(Problem::new(
                    Kind::Refused,
                    "not_a_file",
                    format!("{} {what}: nothing was written", place.display()),
                )
                .hint("put it aside; ripcord writes in the work tree only"));
            }
        }
        Ok(place)
    }
}

/// A file beside the place with the text in it, as readable as others that are made there.
fn prepared(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let made = tempfile::Builder::new()
        .prefix(".ripcord-")
        .make_in(folder, |path| File::create_new(path))?;
    if let Ok(old) = fs::metadata(path) {
        fs::set_permissions(made.path(), old.permissions())?;
    }
    let mut file = made.as_file();
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(made)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Kind::Local,
        "cannot_read",
        format!("{} cannot be read: {error}", path.display()),
    )
}

fn unwritten(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Kind::Local,
        "cannot_write",
        format!("{} cannot be written: {error}", path.display()),
    )
}
