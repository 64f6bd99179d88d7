//! The only place that starts `git`.
#![expect(
    clippy::disallowed_methods,
    reason = "this is where child processes are started"
)]

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::RepoError;
use crate::address::redact;

/// Variables that would make git look at another repository than the one that is meant, at objects
/// that are not the true ones, or print more than it should.
const REMOVED: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_DEFAULT_HASH",
    "GIT_TEMPLATE_DIR",
    "GIT_PUSH_OPTION_COUNT",
    "GIT_TRACE",
    "GIT_TRACE_CURL",
    "GIT_TRACE_PACKET",
    "GIT_CURL_VERBOSE",
    "GIT_CEILING_DIRECTORIES",
];

/// Settings for every call: nothing in the background, no hooks of the clone, no surprises.
const SETTINGS: &[&str] = &[
    "gc.auto=0",
    "maintenance.auto=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "push.followTags=false",
    "push.recurseSubmodules=no",
    "protocol.ext.allow=never",
    "advice.graftFileDeprecated=false",
];

/// Most that is kept of what git prints, in bytes. More is read and dropped, so that git can end.
const MOST: u64 = 64 << 20;

/// What git answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) ok: bool,
    pub(crate) stdout: Vec<u8>,
    /// Redacted.
    pub(crate) stderr: String,
}

/// One call of git in a repository.
pub(crate) struct Git<'a> {
    repository: Option<&'a Path>,
    /// Where relative paths in addresses start from.
    folder: Option<&'a Path>,
    settings: Vec<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    secrets: Vec<String>,
    stdin: Option<Vec<u8>>,
    turn: Option<File>,
    limit: Option<Duration>,
}

impl<'a> Git<'a> {
    /// A call outside any repository.
    pub(crate) fn anywhere(subcommand: &str) -> Self {
        Self {
            repository: None,
            folder: None,
            settings: Vec::new(),
            args: vec![subcommand.to_owned()],
            env: Vec::new(),
            secrets: Vec::new(),
            stdin: None,
            turn: None,
            limit: None,
        }
    }

    pub(crate) fn new(git_dir: &'a Path, worktree: Option<&'a Path>, subcommand: &str) -> Self {
        Self {
            repository: Some(git_dir),
            folder: Some(worktree.unwrap_or(git_dir)),
            ..Self::anywhere(subcommand)
        }
    }

    /// A call in a folder where git itself looks for the repository and judges its owner.
    pub(crate) fn inside(folder: &'a Path, subcommand: &str) -> Self {
        Self {
            folder: Some(folder),
            ..Self::anywhere(subcommand)
        }
    }

    pub(crate) fn args<I: Into<String>>(mut self, args: impl IntoIterator<Item = I>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A setting for this call: `key=value`. Visible to everybody on the machine.
    pub(crate) fn setting(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.env.push((key.to_owned(), value.into()));
        self
    }

    /// A text that must not be shown, should git repeat it.
    pub(crate) fn secret(mut self, secret: Option<&str>) -> Self {
        self.secrets.extend(secret.map(str::to_owned));
        self
    }

    /// Git holds the lock of this file for as long as it lives, even when ripcord is killed before it:
    /// the next run then waits for it instead of meeting its half-done work. The file is git's
    /// standard input, which the commands that take one do not read.
    pub(crate) fn turn(mut self, file: File) -> Self {
        self.turn = Some(file);
        self
    }

    pub(crate) fn stdin(mut self, bytes: Vec<u8>) -> Self {
        self.stdin = Some(bytes);
        self
    }

    /// Ends git, and everything that it started, after this time.
    pub(crate) fn limit(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    /// The same where no shorter time is set already.
    pub(crate) fn at_most(mut self, limit: Duration) -> Self {
        self.limit = Some(self.limit.map_or(limit, |set| set.min(limit)));
        self
    }

    fn command(&mut self) -> Command {
        let mut command = Command::new("git");
        for name in REMOVED {
            command.env_remove(name);
        }
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        if let Some(git_dir) = self.repository {
            command.arg("--git-dir").arg(git_dir);
        }
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            // Messages are recognised by their English words; encodings stay as they are.
            .env("LC_MESSAGES", "C")
            .env("LANGUAGE", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_GRAFT_FILE", "/dev/null")
            .stdin(match (self.turn.take(), &self.stdin) {
                (Some(file), _) => file.into(),
                (None, Some(_)) => Stdio::piped(),
                (None, None) => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // `LC_ALL` would win over `LC_MESSAGES`.
        if let Some(all) = std::env::var_os("LC_ALL") {
            command.env_remove("LC_ALL").env("LC_CTYPE", all);
        }
        #[cfg(unix)]
        if self.limit.is_some() {
            // A group of its own can be ended as a whole. Without a limit git stays in ours: ssh
            // asks for a passphrase on the terminal, which only the foreground group may read.
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        command
    }

    /// Runs it to its end, whatever the exit code.
    ///
    /// # Errors
    /// No git, or it took longer than its limit.
    pub(crate) fn run(mut self) -> Result<Answer, RepoError> {
        let name = self.args.first().cloned().unwrap_or_default();
        let failed = |error: std::io::Error| RepoError::Git {
            command: name.clone(),
            words: error.to_string(),
        };
        let mut child = self.command().spawn().map_err(|error| {
            let no_folder = self.folder.is_some_and(|folder| !folder.exists());
            if error.kind() == std::io::ErrorKind::NotFound && !no_folder {
                RepoError::GitMissing
            } else {
                failed(error)
            }
        })?;
        let writer = child
            .stdin
            .take()
            .zip(self.stdin.take())
            .map(|(mut pipe, bytes)| {
                // A git that ends early says why on stderr; the broken pipe is no news.
                std::thread::spawn(move || drop(pipe.write_all(&bytes)))
            });
        let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
        let status = finish(&mut child, &stdout, self.limit).map_err(failed)?;
        let Some((stdout, status)) = status else {
            return Err(RepoError::TimedOut {
                command: name,
                seconds: self.limit.unwrap_or_default().as_secs(),
            });
        };
        let stderr = stderr.recv().unwrap_or_default();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        let mut stderr = redact(&String::from_utf8_lossy(&stderr));
        for secret in &self.secrets {
            stderr = stderr.replace(secret.as_str(), "***");
        }
        Ok(Answer {
            ok: status.success(),
            stdout,
            stderr,
        })
    }
}

type Output = mpsc::Receiver<Vec<u8>>;

/// Reads a pipe to its end on a thread of its own.
fn reader(pipe: Option<impl Read + Send + 'static>) -> Output {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(MOST).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// Waits until git closes its output and ends; `None` when it was ended for taking too long.
fn finish(
    child: &mut Child,
    stdout: &Output,
    limit: Option<Duration>,
) -> std::io::Result<Option<(Vec<u8>, ExitStatus)>> {
    let bytes = match limit {
        None => stdout.recv().unwrap_or_default(),
        Some(limit) => match stdout.recv_timeout(limit) {
            Ok(bytes) => bytes,
            Err(RecvTimeoutError::Timeout) => {
                end_group(child);
                child.wait()?;
                return Ok(None);
            }
            Err(RecvTimeoutError::Disconnected) => Vec::new(),
        },
    };
    Ok(Some((bytes, child.wait()?)))
}

#[cfg(unix)]
fn end_group(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
}

#[cfg(not(unix))]
fn end_group(child: &mut Child) {
    let _ = child.kill();
}

/// The version of the git that is installed, when it is older than 2.39.
pub(crate) fn too_old() -> Option<String> {
    let answer = Git::anywhere("version").run().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    older_than_needed(&text)
}

/// From the text of `git version`: `git version 2.39.5 (Apple Git-154)`.
fn older_than_needed(text: &str) -> Option<String> {
    let version = text.split_whitespace().nth(2)?;
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    ((major, minor) < (2, 39)).then(|| version.to_owned())
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
