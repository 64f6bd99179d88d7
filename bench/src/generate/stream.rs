//! The stream into `git fast-import`.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

const BUFFER: usize = 1 << 20;

/// A running import.
pub(super) struct Stream {
    child: Child,
    input: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
    commits: u32,
}

/// A commit's number within the import: its mark.
pub(super) type Mark = u32;

impl Stream {
    pub(super) fn start(repo: &Path) -> Result<Self> {
        let mut child = Command::new("git")
            // Level 1: half the time, a tenth more bytes, until the repack.
            .args([
                "-c",
                "core.compression=1",
                "-c",
                "core.bigFileThreshold=64m",
            ])
            .args([
                "fast-import",
                "--quiet",
                "--done",
                "--depth=50",
                "--active-branches=8",
            ])
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(repo)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run git fast-import")?;
        let input = child.stdin.take().context("no pipe to git")?;
        let answers = child.stdout.take().context("no pipe from git")?;
        Ok(Self {
            child,
            input: BufWriter::with_capacity(BUFFER, input),
            answers: BufReader::new(answers),
            commits: 0,
        })
    }

    /// Starts a commit; files and [`Stream::merge`] lines follow until the next call.
    pub(super) fn commit(
        &mut self,
        branch: &str,
        author: &str,
        seconds: i64,
        message: &str,
    ) -> Result<Mark> {
        self.commits += 1;
        let mark = self.commits;
        writeln!(self.input, "commit refs/heads/{branch}\nmark :{mark}")?;
        writeln!(self.input, "committer {author} {seconds} +0000")?;
        writeln!(self.input, "data {}\n{message}\n", message.len() + 1)?;
        Ok(mark)
    }

    /// Makes the commit that was just started have `other` as a second parent.
    pub(super) fn merge(&mut self, other: Mark) -> Result<()> {
        Ok(writeln!(self.input, "merge :{other}")?)
    }

    /// Points a branch at a commit, or removes it.
    pub(super) fn reset(&mut self, branch: &str, to: Option<Mark>) -> Result<()> {
        match to {
            Some(mark) => writeln!(self.input, "reset refs/heads/{branch}\nfrom :{mark}\n")?,
            None => writeln!(
                self.input,
                "reset refs/heads/{branch}\nfrom {}\n",
                "0".repeat(40)
            )?,
        }
        Ok(())
    }

    pub(super) fn file(&mut self, path: &str, content: &str) -> Result<()> {
        writeln!(
            self.input,
            "M 100644 inline {path}\ndata {}\n{content}",
            content.len()
        )?;
        Ok(())
    }

    /// The id of a commit. A round trip: ask for few.
    pub(super) fn id(&mut self, mark: Mark) -> Result<String> {
        writeln!(self.input, "get-mark :{mark}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(line.len() > 40, "git fast-import ended early");
        Ok(line.trim().to_owned())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        writeln!(self.input, "done")?;
        self.input.flush()?;
        drop(self.input);
        ensure!(self.child.wait()?.success(), "git fast-import failed");
        Ok(())
    }
}
