//! Which Applications a change of files concerns.

use std::collections::BTreeSet;

use ripcord_domain::catalog::resolve;
use ripcord_domain::live::application::{Application, Source};
use ripcord_domain::live::generated::WatchedFiles;
use ripcord_domain::live::glob::fits_path;

/// By how many of the commits that an Application had last its repository is looked for.
const KNOWN_BY: usize = 4;

/// What is known of the infra repo.
pub(crate) struct Infra<'a> {
    /// Its URL, as it is pushed to.
    pub(crate) remote: &'a str,
    /// The branch that is deployed.
    pub(crate) branch: &'a str,
    /// Whether a commit is one of its own.
    pub(crate) knows: &'a dyn Fn(&str) -> bool,
    /// The folders that a folder is built from: bases and components, itself included.
    pub(crate) built_from: &'a dyn Fn(&str) -> BTreeSet<String>,
}

impl Infra<'_> {
    /// Whether a source is of this repository: by its URL, or because Argo CD was compared with a commit
    /// that only this repository has. The same one often has a name inside and another outside.
    pub(crate) fn is_ours(&self, app: &Application, source: &Source) -> bool {
        if same_repository(&source.repository, self.remote) {
            return true;
        }
        let Some(at) = app.sources.iter().position(|one| one == source) else {
            return false;
        };
        // What it synced before tells too: a commit that was only just made is not known here.
        let synced = app.history.iter().rev().map(|entry| &entry.revisions);
        std::iter::once(&app.revisions)
            .chain(synced)
            .filter_map(|revisions| revisions.get(at))
            .filter(|revision| is_commit(revision))
            .take(KNOWN_BY)
            .any(|revision| (self.knows)(revision))
    }

    /// Whether files that a set watches are of this repository, and of the branch that is deployed.
    pub(crate) fn is_watched(&self, apps: &[Application], watched: &WatchedFiles) -> bool {
        let is_ours = same_repository(&watched.repository, self.remote)
            || apps.iter().any(|app| {
                let mut sources = app.sources.iter();
                sources.any(|source| {
                    same_repository(&source.repository, &watched.repository)
                        && self.is_ours(app, source)
                })
            });
        is_ours && self.is_followed(&watched.target)
    }

    /// Whether one of the files decides what the Application deploys.
    pub(crate) fn concerns(&self, app: &Application, files: &[&str]) -> bool {
        let ours = |source: &&Source| self.is_ours(app, source) && self.is_followed(&source.target);
        app.sources.iter().filter(ours).any(|source| {
            let lent = source.lent_as.as_deref();
            files.iter().any(|file| {
                lent.is_some_and(|name| lent_file(app, name, file)) || self.reads(app, source, file)
            })
        })
    }

    /// What is pinned to a tag or a commit does not move with the branch.
    fn is_followed(&self, target: &str) -> bool {
        let target = target.strip_prefix("refs/heads/").unwrap_or(target);
        target.is_empty() || target == "HEAD" || target == self.branch
    }

    fn reads(&self, app: &Application, source: &Source, file: &str) -> bool {
        let Some(path) = source.path.as_deref() else {
            return false;
        };
        let path = clean(path);
        if is_below(file, &path) {
            return true;
        }
        let by_values = source
            .value_files
            .iter()
            .filter(|value| !value.starts_with('$'))
            .any(|value| joined(&path, value) == file);
        let by_annotation = app
            .generate_paths
            .iter()
            .map(|named| joined(&path, named))
            .any(|named| is_below(file, &named) || fits_path(&named, file));
        by_values
            || by_annotation
            || (self.built_from)(&path)
                .iter()
                .any(|folder| is_below(file, folder))
    }
}

/// Whether another source of the Application uses a file of the one that lends its files.
fn lent_file(app: &Application, name: &str, file: &str) -> bool {
    let start = format!("${name}/");
    app.sources
        .iter()
        .flat_map(|source| &source.value_files)
        .filter_map(|value| value.strip_prefix(&start))
        .any(|value| clean(value) == file)
}

fn is_commit(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_below(file: &str, folder: &str) -> bool {
    folder.is_empty()
        || file
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path without `.` and empty parts.
fn clean(path: &str) -> String {
    joined("", path)
}

/// A path as it is meant in a folder; one with a slash at its start is from the root.
fn joined(folder: &str, path: &str) -> String {
    let resolved = match path.strip_prefix('/') {
        Some(from_root) => resolve("", from_root),
        None => resolve(folder, path),
    };
    // What leaves the tree is no file of it.
    resolved.unwrap_or_else(|| path.to_owned())
}

/// Whether two URLs name the same repository, however they are written.
fn same_repository(one: &str, other: &str) -> bool {
    let (one, other) = (plain(one), plain(other));
    !one.is_empty() && one == other
}

/// A URL without scheme, user, port 22 and ending: `git@host:a/b.git` is `host/a/b`.
fn plain(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    let (has_scheme, rest) = match url.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, url),
    };
    let (host, path) = match rest.split_once('/') {
        Some((host, path)) => (host, path),
        None => (rest, ""),
    };
    let host = host.rsplit('@').next().unwrap_or(host);
    let joined = if has_scheme {
        let host = host
            .strip_suffix(":22")
            .or_else(|| host.strip_suffix(":443"))
            .unwrap_or(host);
        format!("{host}/{path}")
    } else {
        // scp's form: what stands behind the colon is a path.
        format!("{}/{path}", host.replacen(':', "/", 1))
    };
    joined.trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use ripcord_domain::live::application::Synced;

    use super::*;

    fn app(source: Source) -> Application {
        Application {
            sources: vec![source],
            revisions: vec!["0123456789012345678901234567890123456789".into()],
            ..Application::default()
        }
    }

    fn source(path: &str) -> Source {
        Source {
            repository: "https://git.example/acme/infra.git".into(),
            path: Some(path.into()),
            target: "main".into(),
            ..Source::default()
        }
    }

    fn concerns(app: &Application, file: &str) -> bool {
        let infra = Infra {
            remote: "git@git.example:acme/infra",
            branch: "main",
            knows: &|_| false,
            built_from: &|path| match path {
                "pay/overlays/production" => BTreeSet::from(["pay/base".to_owned()]),
                _ => BTreeSet::new(),
            },
        };
        infra.concerns(app, &[file])
    }

    #[test]
    fn one_repository_has_many_spellings() {
        for other in [
            "https://git.example/acme/infra",
            "ssh://git@git.example:22/acme/infra.git",
            "git@git.example:acme/infra.git",
            "https://user@GIT.example/acme/infra/",
        ] {
            assert!(
                same_repository("https://git.example/acme/infra.git", other),
                "{other}"
            );
        }
        assert!(!same_repository(
            "https://git.example/acme/infra",
            "https://git.example/acme/infra-old"
        ));
    }

    #[test]
    fn an_application_reads_its_folder_and_what_it_is_built_from() {
        let app = app(source("./pay/overlays/production/"));
        assert!(concerns(&app, "pay/overlays/production/kustomization.yaml"));
        assert!(concerns(&app, "pay/base/deployment.yaml"));
        assert!(!concerns(
            &app,
            "pay/overlays/production-eu/kustomization.yaml"
        ));
        assert!(!concerns(&app, "pay/overlays/staging/kustomization.yaml"));
    }

    #[test]
    fn values_files_of_the_chart_and_of_another_source_count() {
        let mut several = app(Source {
            value_files: vec!["../values/prod.yaml".into(), "$values/pay/v.yaml".into()],
            ..source("charts/pay")
        });
        several.sources.push(Source {
            path: None,
            lent_as: Some("values".into()),
            ..source("")
        });
        assert!(concerns(&several, "charts/values/prod.yaml"));
        assert!(concerns(&several, "pay/v.yaml"));
        assert!(!concerns(&several, "pay/w.yaml"));
    }

    #[test]
    fn what_is_pinned_to_a_tag_does_not_follow_the_branch() {
        let pinned = app(Source {
            target: "v1.2.0".into(),
            ..source("pay")
        });
        assert!(!concerns(&pinned, "pay/x.yaml"));
    }

    #[test]
    fn files_that_a_set_watches_are_ours_by_the_url_or_by_what_an_application_says_of_it() {
        let watched = |repository: &str, target: &str| WatchedFiles {
            repository: repository.into(),
            target: target.into(),
            path: "envs/*.yaml".into(),
        };
        let inside = "http://gitea.svc:3000/mirror/infra";
        let apps = [app(Source {
            repository: inside.into(),
            ..source("pay")
        })];
        let infra = |knows: &'static dyn Fn(&str) -> bool| Infra {
            remote: "git@git.example:acme/infra",
            branch: "main",
            knows,
            built_from: &|_| BTreeSet::new(),
        };
        let stranger = infra(&|_| false);
        assert!(stranger.is_watched(&[], &watched("https://git.example/acme/infra.git", "HEAD")));
        assert!(!stranger.is_watched(&[], &watched("https://git.example/acme/infra.git", "v1")));
        assert!(!stranger.is_watched(&apps, &watched(inside, "main")));
        assert!(infra(&|_| true).is_watched(&apps, &watched(inside, "main")));
    }

    #[test]
    fn another_url_is_ours_when_argo_cd_knows_our_commits() {
        let inside = app(Source {
            repository: "http://gitea.svc:3000/mirror/infra".into(),
            ..source("pay")
        });
        assert!(!concerns(&inside, "pay/x.yaml"));
        let infra = Infra {
            remote: "git@git.example:acme/infra",
            branch: "main",
            knows: &|_| true,
            built_from: &|_| BTreeSet::new(),
        };
        assert!(infra.concerns(&inside, &["pay/x.yaml"]));
    }

    #[test]
    fn paths_that_an_annotation_names_count_and_globs_too() {
        let mut app = app(source("pay/overlays/production"));
        app.generate_paths = vec![".".into(), "../../base".into(), "/shared/*.yaml".into()];
        for file in [
            "pay/base/deployment.yaml",
            "shared/limits.yaml",
            "pay/overlays/production/x.yaml",
        ] {
            assert!(concerns(&app, file), "{file}");
        }
        for file in ["shared/cart/limits.yaml", "pay/overlays/staging/x.yaml"] {
            assert!(!concerns(&app, file), "{file}");
        }
    }

    #[test]
    fn a_commit_that_was_only_just_made_does_not_make_a_repository_another() {
        let mut inside = app(Source {
            repository: "http://gitea:3000/mirror/infra".into(),
            ..source("pay")
        });
        inside.history.push(Synced {
            started: None,
            revisions: vec!["f".repeat(40)],
            at: None,
        });
        let infra = Infra {
            remote: "git@git.example:acme/infra",
            branch: "main",
            knows: &|commit| commit.starts_with('f'),
            built_from: &|_| BTreeSet::new(),
        };
        assert!(infra.is_ours(&inside, &inside.sources[0]));
    }
}
