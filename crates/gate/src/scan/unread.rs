//! Lock files that a scanner took nothing from. A file that it cannot read it passes over in silence, as long as
//! there is another that it can read: the scan passes, and knows nothing of what the first one names.

use std::path::Path;

/// Files in which each of the known scanners looks for packages.
const LOCK_FILES: [&str; 17] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Package.resolved",
    "Pipfile.lock",
    "Podfile.lock",
    "composer.lock",
    "conan.lock",
    "go.mod",
    "gradle.lockfile",
    "mix.lock",
    "package-lock.json",
    "packages.lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pom.xml",
    "uv.lock",
    "yarn.lock",
];

/// Folders of what was fetched: what they hold the lock files above them name.
const FETCHED: [&str; 3] = [".git", "node_modules", "vendor"];

/// Folders that are looked into.
const DEEP: usize = 12;

/// The lock files below a folder that are not among those that a scanner says it looked into, by their paths
/// within it. An empty file is none.
pub(super) fn unread(folder: &Path, looked_into: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    walk(folder, Path::new(""), DEEP, &mut all);
    all.retain(|path| {
        !looked_into
            .iter()
            .any(|one| one.trim_start_matches('/') == path)
    });
    all.sort();
    all
}

fn walk(folder: &Path, within: &Path, deep: usize, found: &mut Vec<String>) {
    // What cannot be listed the scanner could not list either; that is for it to say.
    let Ok(entries) = std::fs::read_dir(folder.join(within)) else {
        return;
    };
    for entry in entries.flatten() {
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
            continue;
        };
        let path = within.join(&name);
        if kind.is_dir() && deep > 0 && !FETCHED.contains(&name.as_str()) {
            walk(folder, &path, deep - 1, found);
        } else if kind.is_file()
            && LOCK_FILES.contains(&name.as_str())
            && entry.metadata().is_ok_and(|about| about.len() > 0)
        {
            found.push(path.display().to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_of_the_project_are_told_from_fetched_ones() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for path in [
            "yarn.lock",
            "web/package-lock.json",
            "api/go.mod",
            "node_modules/x/yarn.lock",
            "vendor/x/go.mod",
            "README.md",
        ] {
            write(path, "{}");
        }
        write("empty/Cargo.lock", "");
        let looked = ["/yarn.lock".to_owned(), "api/go.mod".to_owned()];
        assert_eq!(unread(folder.path(), &looked), ["web/package-lock.json"]);
    }
}
