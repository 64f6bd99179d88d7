//! A copy of a generated repository behind an HTTP server, and clones of it, all rewindable.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use ripcord_testkit::{GitServer, Options, Ripcord, Scratch};

use crate::generate::{Estate, REPOSITORY, Target};

/// One world: a server and whatever clients a benchmark makes.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) scratch: Scratch,
    pub(crate) server: GitServer,
    pub(crate) origin: Repo,
    merge_tree: bool,
}

/// A repository that can be put back to the state it was made in.
#[derive(Clone, Debug)]
pub(crate) struct Repo {
    pub(crate) dir: PathBuf,
    git_dir: PathBuf,
    start: String,
    packs: BTreeSet<OsString>,
}

impl Rig {
    /// Copies the estate's repository, by hard links, and serves it.
    pub(crate) fn new(estate: &Estate) -> Result<Self> {
        let scratch = Scratch::new()?;
        let repo = estate.repo.display().to_string();
        let dir = scratch.repos().join(REPOSITORY);
        scratch.git(
            &scratch.repos(),
            &["clone", "-q", "--bare", "--local", &repo, REPOSITORY],
        )?;
        for (key, value) in [
            ("http.receivepack", "true"),
            ("uploadpack.allowFilter", "true"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("receive.autogc", "false"),
            ("gc.auto", "0"),
        ] {
            scratch.git(&dir, &["config", key, value])?;
        }
        let server = GitServer::start(&scratch.repos(), Options::default())?;
        let usage = scratch.try_git(&dir, &["merge-tree", "-h"])?;
        let merge_tree = (usage.stdout + &usage.stderr).contains("--merge-base");
        let origin = Repo::at(&scratch, dir.clone(), dir)?;
        Ok(Self {
            scratch,
            server,
            origin,
            merge_tree,
        })
    }

    pub(crate) fn url(&self) -> String {
        self.server.url(REPOSITORY)
    }

    /// Which way the plain-git recipe makes its tree here.
    pub(crate) fn recipe_note(&self) -> String {
        let way = if self.merge_tree {
            "`git merge-tree --write-tree --merge-base` and `git commit-tree`"
        } else {
            "`git fast-import` of the file's earlier blob: this git has no `merge-tree --merge-base`"
        };
        format!("Plain-git recipe: bare clone, Bloom commit-graph, {way}.")
    }

    /// A person's clone with a work tree, as far as git's own `gc` would have kept it.
    pub(crate) fn clone_with_work_tree(&self, name: &str) -> Result<Repo> {
        self.clone(name, &["clone", "-q", "--local"], ".git")
    }

    /// Such a clone that borrows its objects, for many at once.
    pub(crate) fn shared_clone(&self, name: &str) -> Result<Repo> {
        self.clone(name, &["clone", "-q", "--shared"], ".git")
    }

    /// A bare clone with the Bloom filters that path queries need.
    pub(crate) fn bare_clone(&self, name: &str) -> Result<Repo> {
        let clone = self.clone(name, &["clone", "-q", "--bare", "--local"], "")?;
        let args = [
            "commit-graph",
            "write",
            "--reachable",
            "--changed-paths",
            "--no-progress",
        ];
        self.scratch.git(&clone.dir, &args)?;
        Ok(clone)
    }

    /// A bare clone that borrows its objects; without Bloom filters of its own.
    pub(crate) fn shared_bare_clone(&self, name: &str) -> Result<Repo> {
        self.clone(name, &["clone", "-q", "--bare", "--shared"], "")
    }

    fn clone(&self, name: &str, args: &[&str], git_dir: &str) -> Result<Repo> {
        let origin = self.origin.dir.display().to_string();
        self.scratch
            .git(self.scratch.path(), &[args, &[&origin, name]].concat())?;
        let dir = self.scratch.path().join(name);
        self.scratch
            .git(&dir, &["remote", "set-url", "origin", &self.url()])?;
        let git_dir = dir.join(git_dir);
        Repo::at(&self.scratch, dir, git_dir)
    }

    /// The version that the server's branch has for the target now.
    pub(crate) fn version(&self, target: &Target) -> Result<String> {
        let Target {
            service,
            environment,
            ..
        } = target;
        let file = format!("main:services/{service}/overlays/{environment}/kustomization.yaml");
        let text = self
            .scratch
            .git(&self.origin.dir, &["cat-file", "blob", &file])?;
        let tag = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("newTag: "));
        Ok(tag
            .context("an overlay without newTag")?
            .trim_matches('"')
            .to_owned())
    }

    /// Whether the server's branch has the target's good version.
    pub(crate) fn is_good(&self, target: &Target) -> Result<bool> {
        Ok(self.version(target)? == target.good)
    }

    /// A bash script of `scripts/`, run in `dir`.
    pub(crate) fn script(&self, text: &str, dir: &Path, args: &[&str]) -> Command {
        let mut command = self.scratch.command("bash");
        command
            .args(["-c", text, "script"])
            .args(args)
            .current_dir(dir);
        command.env("MERGE_TREE", if self.merge_tree { "yes" } else { "no" });
        command
    }
}

/// `ripcord rollback` of the target.
pub(crate) fn rollback(ripcord: &Ripcord, repo: &str, target: &Target) -> Command {
    let Target {
        service,
        environment,
        ..
    } = target;
    let words = [
        "rollback",
        service,
        environment,
        "--repo",
        repo,
        "--reason",
        "bench",
    ];
    ripcord.command(words.into_iter().chain(["--yes", "-o", "json"]))
}

impl Repo {
    fn at(scratch: &Scratch, dir: PathBuf, git_dir: PathBuf) -> Result<Self> {
        let start = scratch.git(&dir, &["rev-parse", "main"])?;
        let packs = packs(&git_dir)?;
        Ok(Self {
            dir,
            git_dir,
            start,
            packs,
        })
    }

    /// Back to the first state: branches, work tree, and no objects that came later.
    pub(crate) fn rewind(&self, scratch: &Scratch) -> Result<()> {
        if self.dir == self.git_dir.join("") || self.dir == self.git_dir {
            scratch.git(&self.dir, &["update-ref", "refs/heads/main", &self.start])?;
        } else {
            scratch.git(&self.dir, &["reset", "-q", "--hard", &self.start])?;
            let tracking = "refs/remotes/origin/main";
            scratch.git(&self.dir, &["update-ref", tracking, &self.start])?;
        }
        for name in ["refs/bench/rollback", "FETCH_HEAD", "ORIG_HEAD"] {
            let _ = fs::remove_file(self.git_dir.join(name));
        }
        let objects = self.git_dir.join("objects");
        for entry in fs::read_dir(&objects)? {
            let entry = entry?;
            if entry.file_name().len() == 2 {
                fs::remove_dir_all(entry.path())?;
            }
        }
        for name in packs(&self.git_dir)?.difference(&self.packs) {
            fs::remove_file(objects.join("pack").join(name))?;
        }
        Ok(())
    }
}

fn packs(git_dir: &Path) -> Result<BTreeSet<OsString>> {
    let entries = fs::read_dir(git_dir.join("objects/pack"))?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

/// What ripcord keeps between runs, saved so that each run starts from the same.
#[derive(Debug)]
pub(crate) struct Memory {
    xdg: PathBuf,
    saved: PathBuf,
}

impl Memory {
    /// Saves it as it is now, under a name.
    pub(crate) fn save(scratch: &Scratch, name: &str) -> Result<Self> {
        let memory = Self {
            xdg: scratch.path().join("xdg"),
            saved: scratch.path().join(format!("xdg.{name}")),
        };
        copy(&memory.xdg, &memory.saved)?;
        Ok(memory)
    }

    pub(crate) fn restore(&self) -> Result<()> {
        copy(&self.saved, &self.xdg)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let status = Command::new("cp")
        .args(["-a", "--reflink=auto"])
        .arg(from)
        .arg(to)
        .status()?;
    ensure!(status.success(), "cannot copy {}", from.display());
    Ok(())
}
