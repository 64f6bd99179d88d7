//! How old a scanner's database is, where its report does not tell.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ripcord_domain::gate::Scanner;
use serde_json::Value;

use super::call::Update;

/// When the database was built that a scanner went by. None where it has none, or nothing tells.
pub(super) fn built(scanner: Scanner, update: Update) -> Option<Timestamp> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match scanner {
        Scanner::Trivy => {
            let cache = variable("TRIVY_CACHE_DIR").map(PathBuf::from);
            trivy(&cache.or_else(|| Some(user_cache(variable)?.join("trivy")))?)
        }
        Scanner::OsvScanner if is_needed(scanner, update) => {
            let cache = variable("OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY").map(PathBuf::from);
            osv(&cache.or_else(|| user_cache(variable))?.join("osv-scanner"))
        }
        Scanner::Grype | Scanner::OsvScanner | Scanner::Sarif => None,
    }
}

/// Whether a scan by this scanner goes by a database of this machine, so that its age has to be known.
pub(super) fn is_needed(scanner: Scanner, update: Update) -> bool {
    match scanner {
        Scanner::Trivy | Scanner::Grype => true,
        // With the network it asks a server that is always as of now.
        Scanner::OsvScanner => update == Update::No,
        Scanner::Sarif => false,
    }
}

fn trivy(cache: &Path) -> Option<Timestamp> {
    let text = std::fs::read(cache.join("db/metadata.json")).ok()?;
    let said: Value = serde_json::from_slice(&text).ok()?;
    said["UpdatedAt"].as_str()?.parse().ok()
}

/// It has an archive for each ecosystem, and none says when it was built. Nobody knows which ones it went by: the
/// oldest counts.
fn osv(cache: &Path) -> Option<Timestamp> {
    let times = std::fs::read_dir(cache).ok()?.flatten().filter_map(|one| {
        let about = std::fs::metadata(one.path().join("all.zip")).ok()?;
        Timestamp::try_from(about.modified().ok()?).ok()
    });
    times.min()
}

/// The folder for caches, as Go names it.
fn user_cache(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    user_cache_on(cfg!(target_os = "macos"), variable)
}

fn user_cache_on(is_macos: bool, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let home = || variable("HOME").map(PathBuf::from);
    if is_macos {
        return Some(home()?.join("Library/Caches"));
    }
    variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(home()?.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_of_a_mac_are_in_its_library() {
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/h"));
        let of = |is_macos| user_cache_on(is_macos, home);
        assert_eq!(of(true), Some(PathBuf::from("/h/Library/Caches")));
        assert_eq!(of(false), Some(PathBuf::from("/h/.cache")));
        let both = |name: &str| Some(OsString::from(format!("/{name}")));
        let mac = user_cache_on(true, both);
        assert_eq!(mac, Some(PathBuf::from("/HOME/Library/Caches")));
        let other = user_cache_on(false, both);
        assert_eq!(other, Some(PathBuf::from("/XDG_CACHE_HOME")));
    }

    #[test]
    fn the_oldest_archive_of_osv_scanner_counts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(osv(folder.path()), None);
        for (name, second) in [("npm", 2_000_000), ("Go", 1_000_000), ("PyPI", 3_000_000)] {
            let inner = folder.path().join(name);
            std::fs::create_dir(&inner).unwrap();
            let file = std::fs::File::create(inner.join("all.zip")).unwrap();
            let at = Timestamp::from_second(second).unwrap();
            file.set_modified(at.into()).unwrap();
        }
        let oldest = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(osv(folder.path()), Some(oldest));
    }
}
