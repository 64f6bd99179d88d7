//! Where built programs are kept, outside the work tree.
//!
//! One folder for each tool and each thing it is made of. A folder is there only when it is whole: it
//! is made beside and moved into place, with a list of what is in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The file that says what a folder holds.
const LIST: &str = "built.json";

/// What is in a folder: each program and its size in bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Built {
    sizes: BTreeMap<String, u64>,
}

/// `RIPCORD_TESTBED_CACHE`, or a folder of the user's cache.
pub(super) fn root() -> Result<PathBuf> {
    let named = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    named("RIPCORD_TESTBED_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|cache| cache.join("ripcord-testbed")))
        .or_else(|| named("HOME").map(|home| home.join(".cache/ripcord-testbed")))
        .context("no place for built tools: set RIPCORD_TESTBED_CACHE to a folder")
}

/// The key of what is made of these parts.
pub(super) fn key(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    hash.iter().take(8).fold(String::new(), |text, byte| {
        use std::fmt::Write as _;
        let mut text = text;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Holds what others may not build at the same time; ends when dropped, or with the process.
pub(super) fn turn(root: &Path, tool: &str) -> Result<File> {
    fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
    let path = root.join(format!("{tool}.lock"));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Whether the folder is there with everything that was built.
pub(super) fn is_whole(folder: &Path) -> bool {
    let Ok(text) = fs::read_to_string(folder.join(LIST)) else {
        return false;
    };
    serde_json::from_str::<Built>(&text).is_ok_and(|built| {
        built.sizes.iter().all(|(name, size)| {
            fs::metadata(folder.join(name)).is_ok_and(|file| file.len() == *size)
        })
    })
}

/// A folder to build in, beside the one that it will be. What an earlier try left is removed: only
/// who has the [`turn`] builds.
pub(super) fn beside(folder: &Path) -> Result<PathBuf> {
    // Not `with_extension`: the name ends in a version.
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".building");
    let beside = folder.with_file_name(name);
    for old in [folder, &beside] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    fs::create_dir_all(&beside).with_context(|| format!("cannot make {}", beside.display()))?;
    Ok(beside)
}

/// Moves what was built into place.
pub(super) fn put(beside: &Path, folder: &Path, programs: &[&str]) -> Result<()> {
    let mut sizes = BTreeMap::new();
    for name in programs {
        let file = beside.join(name);
        let size = fs::metadata(&file)
            .with_context(|| format!("{} was not built", file.display()))?
            .len();
        sizes.insert((*name).to_owned(), size);
    }
    fs::write(beside.join(LIST), serde_json::to_string(&Built { sizes })?)
        .with_context(|| format!("cannot write in {}", beside.display()))?;
    fs::rename(beside, folder).with_context(|| format!("cannot make {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_only_with_everything_that_was_built() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("etcd-1");
        assert!(!is_whole(&folder));
        let beside = beside(&folder).unwrap();
        fs::write(beside.join("etcd"), "program").unwrap();
        assert!(put(&beside, &folder, &["etcd", "etcdctl"]).is_err());
        put(&beside, &folder, &["etcd"]).unwrap();
        assert!(is_whole(&folder));
        fs::write(folder.join("etcd"), "prog").unwrap();
        assert!(!is_whole(&folder));
    }

    #[test]
    fn what_an_earlier_try_left_is_not_built_upon() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("etcd-1");
        let first = beside(&folder).unwrap();
        fs::write(first.join("etcd"), "half").unwrap();
        let second = beside(&folder).unwrap();
        assert_eq!(fs::read_dir(second).unwrap().count(), 0);
    }

    #[test]
    fn builds_of_two_versions_are_not_made_in_one_place() {
        let place = tempfile::tempdir().unwrap();
        let made = ["etcd-3.6.8-aa", "etcd-3.6.9-bb"].map(|name| place.path().join(name));
        assert_ne!(beside(&made[0]).unwrap(), beside(&made[1]).unwrap());
    }

    #[test]
    fn the_key_tells_where_one_part_ends() {
        assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
        assert_eq!(key(&[b"ab"]), key(&[b"ab"]));
    }
}
