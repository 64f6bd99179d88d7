//! A folder in which nothing of the machine's own configuration is seen.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::output::Output;

/// The author and committer date of everything that is committed without another date.
pub const FIXED_DATE: &str = "2026-10-01T09:00:00Z";

const CONFIG: &str = "\
[user]
\tname = Olga Call
\temail = olga@acme.io
[init]
\tdefaultBranch = main
[commit]
\tgpgsign = false
[protocol \"file\"]
\tallow = always
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tdetachedHead = false
";

/// A temporary folder with a home, a Git configuration and nothing else.
///
/// Clones share the folder; it is gone when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Scratch {
    folder: Arc<TempDir>,
}

impl Scratch {
    /// Makes the folder, with `home` and `repos` in it.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ripcord-").tempdir()?;
        let scratch = Self {
            folder: Arc::new(folder),
        };
        for name in [
            "home",
            "repos",
            "xdg/config",
            "xdg/cache",
            "xdg/state",
            "xdg/data",
            "tmp",
        ] {
            fs::create_dir_all(scratch.path().join(name))?;
        }
        fs::write(scratch.git_config(), CONFIG)?;
        Ok(scratch)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The value of HOME.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// Where [`crate::InfraRepo`] puts bare repositories: the root for a [`crate::GitServer`].
    pub fn repos(&self) -> PathBuf {
        self.path().join("repos")
    }

    /// The value of XDG_CACHE_HOME.
    pub fn cache(&self) -> PathBuf {
        self.path().join("xdg/cache")
    }

    /// The value of XDG_STATE_HOME.
    pub fn state(&self) -> PathBuf {
        self.path().join("xdg/state")
    }

    /// The value of XDG_CONFIG_HOME.
    pub fn config(&self) -> PathBuf {
        self.path().join("xdg/config")
    }

    /// The file behind GIT_CONFIG_GLOBAL; tests may append to it.
    pub fn git_config(&self) -> PathBuf {
        self.path().join("gitconfig")
    }

    /// A command that inherits PATH and nothing else of the environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment());
        command
    }

    /// The environment of [`Scratch::command`].
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        vec![
            ("PATH", path),
            ("HOME", self.home().into()),
            ("TMPDIR", self.path().join("tmp").into()),
            ("XDG_CONFIG_HOME", self.config().into()),
            ("XDG_CACHE_HOME", self.cache().into()),
            ("XDG_STATE_HOME", self.state().into()),
            ("XDG_DATA_HOME", self.path().join("xdg/data").into()),
            ("GIT_CONFIG_GLOBAL", self.git_config().into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_TERMINAL_PROMPT", "0".into()),
            ("TZ", "UTC".into()),
            ("LC_ALL", "C".into()),
        ]
    }

    /// Runs git in `dir` with [`FIXED_DATE`] and gives what it printed, without the last line end.
    ///
    /// Fails, with git's words, when git does.
    pub fn git(&self, dir: &Path, args: &[&str]) -> Result<String> {
        self.git_at(dir, FIXED_DATE, args)
    }

    /// As [`Scratch::git`], with another author and committer date.
    pub fn git_at(&self, dir: &Path, date: &str, args: &[&str]) -> Result<String> {
        let output = self.try_git_at(dir, date, args)?;
        ensure!(output.succeeded(), "in {}: {output:?}", dir.display());
        Ok(output.stdout.trim_end_matches('\n').to_owned())
    }

    /// Runs git in `dir`, where failing is one of the answers.
    pub fn try_git(&self, dir: &Path, args: &[&str]) -> Result<Output> {
        self.try_git_at(dir, FIXED_DATE, args)
    }

    fn try_git_at(&self, dir: &Path, date: &str, args: &[&str]) -> Result<Output> {
        let mut command = self.command("git");
        command.current_dir(dir).args(args);
        command
            .env("GIT_AUTHOR_DATE", date)
            .env("GIT_COMMITTER_DATE", date);
        let output = command.output().context("cannot run git")?;
        Ok(Output::new(&command, &output))
    }

    /// Clones `url` with the work tree in `scratch/NAME`, as a person would, and gives the folder.
    pub fn clone_of(&self, url: &str, name: &str) -> Result<PathBuf> {
        self.git(self.path(), &["clone", "--quiet", url, name])?;
        Ok(self.path().join(name))
    }
}
