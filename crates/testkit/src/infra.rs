//! Bare infra repositories whose history a test writes line by line.

mod commit;
mod manifests;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::{Timestamp, ToSpan as _};

use crate::create_repository;
use crate::scratch::Scratch;

pub use self::commit::Commit;
pub use self::manifests::{deployment, kustomization, overlay};

/// When the first commit without a date of its own is made.
const FIRST_COMMIT: &str = "2026-09-01T09:00:00Z";
/// How long after the last commit the next one is made.
const MINUTES_APART: i64 = 10;

/// A bare repository on "the server", and the changes that the next commit will contain.
///
/// A commit is one run of `git fast-import`: no work tree, no hooks, a few milliseconds. Clones of
/// this value write into the same repository, as other people do.
#[derive(Clone, Debug)]
pub struct InfraRepo {
    scratch: Scratch,
    path: PathBuf,
    changes: Vec<Change>,
    /// Commits that wait for [`InfraRepo::land_queued`], as git reads them, and their branch.
    queued: Vec<u8>,
    queued_on: Option<String>,
    clock: Timestamp,
}

#[derive(Clone, Debug)]
enum Change {
    File {
        path: String,
        mode: &'static str,
        content: Vec<u8>,
    },
    Removal {
        path: String,
    },
}

impl InfraRepo {
    /// Makes the empty repository `scratch.repos()/NAME`, such as `infra.git`.
    pub fn new(scratch: &Scratch, name: &str) -> Result<Self> {
        create_repository(&scratch.repos(), name)?;
        Self::open(scratch, &scratch.repos().join(name))
    }

    /// Takes an existing repository.
    pub fn open(scratch: &Scratch, path: &Path) -> Result<Self> {
        let clock = FIRST_COMMIT.parse()?;
        Ok(Self {
            scratch: scratch.clone(),
            path: path.to_owned(),
            changes: vec![],
            queued: vec![],
            queued_on: None,
            clock,
        })
    }

    /// The repository's folder. It is also a URL that git can clone.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder as text, for `--repo` and `git clone`.
    pub fn url(&self) -> String {
        self.path.display().to_string()
    }

    /// Adds a file to the next commit, or replaces it.
    pub fn write(&mut self, path: &str, content: impl AsRef<[u8]>) -> &mut Self {
        self.change(path, "100644", content.as_ref())
    }

    /// Adds a symbolic link to the next commit.
    pub fn link(&mut self, path: &str, target: &str) -> &mut Self {
        self.change(path, "120000", target.as_bytes())
    }

    /// Removes a file or a whole folder in the next commit.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.changes.push(Change::Removal {
            path: path.to_owned(),
        });
        self
    }

    /// Starts a commit of the changes so far; [`Commit::land`] makes it. It may be empty.
    pub fn commit(&mut self, subject: &str) -> Commit<'_> {
        Commit::new(self, subject.to_owned())
    }

    /// Makes all commits that were put in the queue, in one run of git; the last one's id.
    pub fn land_queued(&mut self) -> Result<String> {
        commit::land_queued(self)
    }

    /// Starts a commit that merges `other`, a branch or commit id, besides the changes so far.
    pub fn merge_commit(&mut self, subject: &str, other: &str) -> Commit<'_> {
        self.commit(subject).merging(other)
    }

    /// Starts a commit `deploy: SERVICE VERSION to ENVIRONMENT`, with the changes so far.
    ///
    /// In `services/SERVICE/overlays/ENVIRONMENT/kustomization.yaml` of `main` it changes the tag
    /// only; what is missing of the service and its overlay is written.
    pub fn deploy(&mut self, service: &str, environment: &str, version: &str) -> Commit<'_> {
        self.set_version(service, environment, version);
        self.commit(&format!("deploy: {service} {version} to {environment}"))
    }

    /// The change of [`InfraRepo::deploy`] without the commit: for release trains and odd subjects.
    pub fn set_version(&mut self, service: &str, environment: &str, version: &str) -> &mut Self {
        let base = format!("services/{service}/base");
        let file = format!("services/{service}/overlays/{environment}/kustomization.yaml");
        if let Some(text) = self.latest(&file) {
            let text = manifests::with_tag(&text, version);
            return self.write(&file, text);
        }
        if self.latest(&format!("{base}/kustomization.yaml")).is_none() {
            self.write(
                &format!("{base}/deployment.yaml"),
                manifests::deployment(service),
            );
            self.write(&format!("{base}/service.yaml"), manifests::service(service));
            self.write(
                &format!("{base}/kustomization.yaml"),
                manifests::kustomization(),
            );
        }
        self.write(&file, manifests::overlay(service, environment, version))
    }

    /// The commit id of a branch, tag or any other revision.
    pub fn rev(&self, revision: &str) -> Result<String> {
        self.git(&[
            "rev-parse",
            "--verify",
            "--quiet",
            &format!("{revision}^{{commit}}"),
        ])
        .with_context(|| format!("no commit {revision}"))
    }

    /// The commit id of `main`.
    pub fn tip(&self) -> Result<String> {
        self.rev("main")
    }

    /// The content of a file in `main`.
    pub fn read(&self, path: &str) -> Result<String> {
        self.read_at("main", path)
    }

    /// The content of a file in a revision, to the byte if it is UTF-8.
    pub fn read_at(&self, revision: &str, path: &str) -> Result<String> {
        let output = self.scratch.try_git(
            &self.path,
            &["cat-file", "blob", &format!("{revision}:{path}")],
        )?;
        anyhow::ensure!(output.succeeded(), "{output:?}");
        Ok(output.stdout)
    }

    /// Runs git in the repository, as somebody with access to the server's disk.
    pub fn git(&self, args: &[&str]) -> Result<String> {
        self.scratch.git(&self.path, args)
    }

    /// The text of a file as the next commit would have it.
    fn latest(&self, wanted: &str) -> Option<String> {
        for change in self.changes.iter().rev() {
            match change {
                Change::File { path, content, .. } if path == wanted => {
                    return Some(String::from_utf8_lossy(content).into_owned());
                }
                Change::Removal { path } if Path::new(wanted).starts_with(path) => return None,
                _ => {}
            }
        }
        self.read(wanted).ok()
    }

    fn change(&mut self, path: &str, mode: &'static str, content: &[u8]) -> &mut Self {
        self.changes.push(Change::File {
            path: path.to_owned(),
            mode,
            content: content.to_vec(),
        });
        self
    }

    fn tick(&mut self) -> Result<Timestamp> {
        let now = self.clock;
        self.clock = now.checked_add(MINUTES_APART.minutes())?;
        Ok(now)
    }
}
