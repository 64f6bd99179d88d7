//! One commit, built up and handed to `git fast-import`.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use super::{Change, InfraRepo};
use crate::output::Output;

/// A commit that is not made yet.
#[must_use = "nothing is committed before `land`"]
#[derive(Debug)]
pub struct Commit<'r> {
    repo: &'r mut InfraRepo,
    message: String,
    author: String,
    committer: Option<String>,
    date: Option<String>,
    branch: String,
    merged: Vec<String>,
}

impl<'r> Commit<'r> {
    pub(super) fn new(repo: &'r mut InfraRepo, subject: String) -> Self {
        Self {
            repo,
            message: subject,
            author: "Deploy Bot <bot@acme.io>".to_owned(),
            committer: None,
            date: None,
            branch: "main".to_owned(),
            merged: vec![],
        }
    }

    /// Adds a paragraph, or trailers, to the message.
    pub fn body(mut self, text: &str) -> Self {
        self.message = format!("{}\n\n{text}", self.message);
        self
    }

    /// The author, who is the committer as well unless another one is named.
    pub fn by(mut self, name: &str, email: &str) -> Self {
        self.author = format!("{name} <{email}>");
        self
    }

    /// The committer, where it is not the author.
    pub fn committed_by(mut self, name: &str, email: &str) -> Self {
        self.committer = Some(format!("{name} <{email}>"));
        self
    }

    /// The author and committer date, RFC 3339. Later commits count on from it.
    pub fn at(mut self, date: &str) -> Self {
        self.date = Some(date.to_owned());
        self
    }

    /// The branch. One that does not exist starts where `main` is.
    pub fn on(mut self, branch: &str) -> Self {
        branch.clone_into(&mut self.branch);
        self
    }

    /// Merges a branch or commit. The merge must be clean; the changes go on top of it.
    pub fn merging(mut self, other: &str) -> Self {
        self.merged.push(other.to_owned());
        self
    }

    /// Makes the commit, moves the branch, and gives the commit's id.
    pub fn land(self) -> Result<String> {
        self.queue()?.land_queued()
    }

    /// Leaves the commit for [`InfraRepo::land_queued`]: a long history is written in one run of git.
    /// All commits of a queue are on one branch, and none of them merges what waits there.
    pub fn queue(self) -> Result<&'r mut InfraRepo> {
        if let Some(date) = &self.date {
            self.repo.clock = date.parse().with_context(|| format!("{date} is no date"))?;
        }
        let seconds = self.repo.tick()?.as_second();
        let reference = format!("refs/heads/{}", self.branch);
        let is_first = self.repo.queued_on.is_none();
        ensure!(
            is_first || self.repo.queued_on.as_ref() == Some(&self.branch),
            "another branch than that of the queue"
        );
        ensure!(is_first || self.merged.is_empty(), "a merge of the queue");
        // Behind the first, git knows the parent itself.
        let parent = if is_first {
            self.repo.rev(&reference).or_else(|_| self.repo.tip()).ok()
        } else {
            None
        };
        let committer = self.committer.as_ref().unwrap_or(&self.author);
        let mut stream = Vec::new();
        writeln!(stream, "commit {reference}\nmark :1")?;
        writeln!(stream, "author {} {seconds} +0000", self.author)?;
        writeln!(stream, "committer {committer} {seconds} +0000")?;
        data(&mut stream, format!("{}\n", self.message).as_bytes())?;
        let mut tree = parent.clone();
        if let Some(parent) = &parent {
            writeln!(stream, "from {parent}")?;
        }
        for other in &self.merged {
            let other = self.repo.rev(other)?;
            let ours = tree.as_deref().context("nothing to merge into")?;
            tree = Some(
                self.repo
                    .git(&["merge-tree", "--write-tree", ours, &other])?,
            );
            writeln!(stream, "merge {other}")?;
        }
        if let (Some(tree), false) = (&tree, self.merged.is_empty()) {
            writeln!(stream, "M 040000 {tree} \"\"")?;
        }
        for change in self.repo.changes.drain(..) {
            match change {
                Change::File {
                    path,
                    mode,
                    content,
                } => {
                    writeln!(stream, "M {mode} inline {}", quoted(&path))?;
                    data(&mut stream, &content)?;
                }
                Change::Removal { path } => writeln!(stream, "D {}", quoted(&path))?,
            }
        }
        writeln!(stream)?;
        self.repo.queued.extend(stream);
        self.repo.queued_on = Some(self.branch);
        Ok(self.repo)
    }
}

pub(super) fn land_queued(repo: &mut InfraRepo) -> Result<String> {
    repo.queued_on = None;
    let mut stream = std::mem::take(&mut repo.queued);
    ensure!(!stream.is_empty(), "nothing is in the queue");
    writeln!(stream, "get-mark :1\ndone")?;
    import(repo, &stream)
}

fn import(repo: &InfraRepo, stream: &[u8]) -> Result<String> {
    let mut command = repo.scratch.command("git");
    command
        .current_dir(&repo.path)
        .args(["fast-import", "--quiet", "--done"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run git fast-import")?;
    // Its answers are short: git never waits for us to read while we write.
    let sent = child.stdin.take().context("no pipe")?.write_all(stream);
    let output = Output::new(&command, &child.wait_with_output()?);
    ensure!(output.succeeded() && sent.is_ok(), "{output:?}");
    Ok(output.stdout.trim().to_owned())
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    writeln!(stream, "data {}", bytes.len())?;
    stream.write_all(bytes)?;
    Ok(writeln!(stream)?)
}

fn quoted(path: &str) -> String {
    let escaped = path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}
