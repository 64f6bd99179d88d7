//! The only place that starts `git`.
#![expect(
    clippy::disallowed_methods,
    reason = "this is where child processes are started"
)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::RepoError;
use crate::location::redact;

/// Variables that would make git look at another repository than the one that is meant, or at
/// objects that are not the true ones.
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
    "GIT_TRACE",
    "GIT_TRACE_CURL",
    "GIT_TRACE_PACKET",
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
    "advice.fetchShowForcedUpdates=false",
];

/// Most that is kept of what git prints.
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
    folder: &'a Path,
    /// Where relative paths in addresses start from.
    worktree: Option<&'a Path>,
    args: Vec<String>,
    settings: Vec<String>,
    env: Vec<(String, String)>,
    stdin: Option<Vec<u8>>,
}

impl<'a> Git<'a> {
    pub(crate) fn new(git_dir: &'a Path, worktree: Option<&'a Path>, subcommand: &str) -> Self {
        Self {
            folder: git_dir,
            worktree,
            args: vec![subcommand.to_owned()],
            settings: Vec::new(),
            env: Vec::new(),
            stdin: None,
        }
    }

    pub(crate) fn args<I: Into<String>>(mut self, args: impl IntoIterator<Item = I>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn setting(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.env.push((key.to_owned(), value.into()));
        self
    }

    pub(crate) fn stdin(mut self, bytes: Vec<u8>) -> Self {
        self.stdin = Some(bytes);
        self
    }

    /// Runs it to its end, whatever the exit code.
    pub(crate) fn run(self) -> Result<Answer, RepoError> {
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
        command
            .arg("--git-dir")
            .arg(self.folder)
            .current_dir(self.worktree.unwrap_or(self.folder))
            .args(&self.args)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            // Messages are recognised by their English words; encodings stay as they are.
            .env("LC_MESSAGES", "C")
            .env("LANGUAGE", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_ADVICE", "0")
            .env("GIT_FLUSH", "1")
            .stdin(if self.stdin.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // `LC_ALL` would win over `LC_MESSAGES`.
        if let Some(all) = std::env::var_os("LC_ALL") {
            command.env_remove("LC_ALL").env("LC_CTYPE", all);
        }
        let name = self.args.first().cloned().unwrap_or_default();
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => RepoError::GitMissing,
            _ => RepoError::Git {
                command: name.clone(),
                words: error.to_string(),
            },
        };
        let mut child = command.spawn().map_err(failed)?;
        let writer = child.stdin.take().zip(self.stdin).map(|(mut pipe, bytes)| {
            // A git that ends early says why on stderr; the broken pipe is no news.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        let errors = child
            .stderr
            .take()
            .map(|pipe| std::thread::spawn(move || read(pipe)));
        let stdout = child.stdout.take().map(read).unwrap_or_default();
        let status = child.wait().map_err(failed)?;
        let stderr = errors
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        Ok(Answer {
            ok: status.success(),
            stdout,
            stderr: redact(&String::from_utf8_lossy(&stderr)),
        })
    }
}

fn read(pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.take(MOST).read_to_end(&mut bytes);
    bytes
}
