//! Fetch and push, by the user's own git.

use std::fs;

use crate::process::Answer;
use crate::{Oid, Repo, RepoError};

/// How much is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchDepth {
    /// What a clone has by its nature: shallow stays shallow.
    AsIs,
    /// Everything.
    Full,
    /// The newest commits only, without trees and blobs.
    Window(u32),
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch is now at our commit.
    Updated,
    /// It was there before.
    AlreadyThere,
    /// Somebody else moved the branch: nothing was changed.
    Moved,
    /// The server said no.
    Rejected {
        /// What kind of no.
        kind: RejectKind,
        /// The reason beside the ref.
        reason: String,
        /// What the server printed.
        server_words: String,
    },
}

/// Why a server says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectKind {
    /// A rule about the branch.
    ProtectedBranch,
    /// A hook.
    Hook,
    /// The account.
    Permission,
    /// Anything else.
    Other,
}

impl Repo {
    /// The branch that the remote's HEAD names, whatever is checked out here.
    ///
    /// # Errors
    /// The remote cannot be reached, or has no branch.
    pub fn default_branch(&self) -> Result<String, RepoError> {
        if let Some(known) = self.remembered_head() {
            return Ok(known);
        }
        let answer = self.ask(
            self.git("ls-remote").args(["--symref", "ripcord", "HEAD"]),
            "ls-remote",
        )?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let branch = text
            .lines()
            .find_map(|line| line.strip_prefix("ref: refs/heads/"))
            .and_then(|rest| rest.split('\t').next())
            .ok_or_else(|| RepoError::EmptyRepository {
                remote: self.remote().to_string(),
            })?
            .to_owned();
        if self.private {
            let _ = fs::write(self.git_dir.join("default-branch"), &branch);
        }
        Ok(branch)
    }

    fn remembered_head(&self) -> Option<String> {
        if self.private {
            return fs::read_to_string(self.git_dir.join("default-branch"))
                .ok()
                .filter(|name| !name.is_empty());
        }
        let name = self.remote.name.as_ref()?;
        let head = self
            .inner
            .try_find_reference(format!("refs/remotes/{name}/HEAD").as_str())
            .ok()??;
        let target = head.target().try_name()?.as_bstr().to_string();
        target
            .strip_prefix(&format!("refs/remotes/{name}/"))
            .map(str::to_owned)
    }

    /// The branch's tip on the remote, now.
    ///
    /// # Errors
    /// The remote cannot be reached.
    pub fn remote_tip(&self, branch: &str) -> Result<Option<Oid>, RepoError> {
        let name = reference(branch)?;
        let answer = self.ask(self.git("ls-remote").args(["ripcord", &name]), "ls-remote")?;
        let text = String::from_utf8_lossy(&answer.stdout);
        Ok(text
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .find(|(_, found)| *found == name)
            .and_then(|(id, _)| id.parse().ok()))
    }

    /// The branch's tip as it was last seen, without the network.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn local_tip(&self, branch: &str) -> Result<Option<Oid>, RepoError> {
        let name = match (&self.remote.name, self.private) {
            (_, true) => tip_ref(branch),
            (Some(remote), false) => format!("refs/remotes/{remote}/{branch}"),
            (None, false) => format!("refs/heads/{branch}"),
        };
        Ok(self
            .inner
            .try_find_reference(name.as_str())
            .ok()
            .flatten()
            .and_then(|r| r.try_id().map(gix::Id::detach)))
    }

    /// Asks for the branch's tip and fetches what is missing of it. A clone's refs stay as they are.
    ///
    /// # Errors
    /// No such branch, no way to the remote.
    pub fn fetch_tip(&self, branch: &str, depth: FetchDepth) -> Result<Oid, RepoError> {
        let name = reference(branch)?;
        if self.private {
            // Two runs that share the cache would fight for the ref; who waits finds it done.
            let _turn = self.turn()?;
            let to = tip_ref(branch);
            let git = self
                .fetch()
                .args(depth_args(depth))
                .args(["ripcord".to_owned(), format!("+{name}:{to}")]);
            let answer = git.run()?;
            if !answer.ok {
                return Err(self.fetch_trouble(branch, &answer));
            }
            return self
                .local_tip(branch)?
                .ok_or_else(|| self.no_branch(branch));
        }
        // Without a ref of our own the tip is asked for first; most often it is here already.
        for _ in 0..3 {
            let tip = self
                .remote_tip(branch)?
                .ok_or_else(|| self.no_branch(branch))?;
            if self.inner.has_object(tip) {
                return Ok(tip);
            }
            let answer = self.fetch().args(["ripcord", &name]).run()?;
            if !answer.ok {
                return Err(self.fetch_trouble(branch, &answer));
            }
            if self.inner.has_object(tip) {
                return Ok(tip);
            }
        }
        Err(RepoError::Unreachable {
            remote: self.remote().to_string(),
            words: format!("`{branch}` moved faster than it could be fetched"),
        })
    }

    /// Fetches more of the past of a shallow repository; `None` is all of it.
    ///
    /// # Errors
    /// The remote cannot be reached.
    pub fn deepen(&self, branch: &str, commits: Option<u32>) -> Result<(), RepoError> {
        let how = commits.map_or("--unshallow".to_owned(), |n| format!("--deepen={n}"));
        let answer = self
            .fetch()
            .args([how, "ripcord".to_owned(), reference(branch)?])
            .run()?;
        if answer.ok {
            Ok(())
        } else {
            Err(self.fetch_trouble(branch, &answer))
        }
    }

    /// Fetches objects of a partial clone by their ids.
    ///
    /// # Errors
    /// The remote cannot be reached or does not give single objects.
    pub fn fetch_objects(&self, ids: &[Oid], filter: Option<&str>) -> Result<(), RepoError> {
        let list = ids
            .iter()
            .map(Oid::to_string)
            .collect::<Vec<_>>()
            .join("\n")
            + "\n";
        let remote = self
            .remote
            .name
            .clone()
            .unwrap_or_else(|| "ripcord".to_owned());
        let filter = filter.map(|filter| format!("--filter={filter}"));
        // As git itself asks for objects that were promised: nothing is offered in return.
        let git = self
            .git("fetch")
            .setting("fetch.negotiationAlgorithm=noop")
            .args([
                "--no-tags",
                "--no-write-fetch-head",
                "--recurse-submodules=no",
                "--quiet",
            ])
            .args(filter)
            .args([remote, "--stdin".to_owned()]);
        let answer = git.stdin(list.into_bytes()).run()?;
        if answer.ok {
            Ok(())
        } else {
            Err(self.classed("fetch", &answer.stderr))
        }
    }

    /// Waits for this process's turn with the private repository; a killed process holds nothing.
    fn turn(&self) -> Result<fs::File, RepoError> {
        let path = self.git_dir.join("ripcord.lock");
        let file = fs::File::create(&path).map_err(|error| RepoError::io(&path, error))?;
        file.lock().map_err(|error| RepoError::io(&path, error))?;
        Ok(file)
    }

    fn fetch(&self) -> crate::process::Git<'_> {
        self.git("fetch").args([
            "--no-write-fetch-head",
            "--refmap=",
            "--no-tags",
            "--no-auto-maintenance",
            "--quiet",
        ])
    }

    /// Moves the remote's branch from `expected` (which must be the commit's first parent) to the
    /// commit; with `None` makes a new branch. A compare-and-swap that can only fast-forward.
    ///
    /// # Errors
    /// Trouble on the way. A branch that moved and a server that says no are no errors.
    pub fn push(
        &self,
        commit: Oid,
        branch: &str,
        expected: Option<Oid>,
    ) -> Result<PushOutcome, RepoError> {
        let name = reference(branch)?;
        if let Some(expected) = expected
            && self.commit(commit)?.parents.first() != Some(&expected)
        {
            return Ok(PushOutcome::Moved);
        }
        let lease = format!(
            "--force-with-lease={name}:{}",
            expected.map(|id| id.to_string()).unwrap_or_default()
        );
        let answer = self
            .git("push")
            .args([
                "--porcelain",
                "--no-verify",
                "--no-signed",
                lease.as_str(),
                "ripcord",
                &format!("{commit}:{name}"),
            ])
            .run()?;
        let words = server_words(&answer.stderr);
        let text = String::from_utf8_lossy(&answer.stdout);
        let line = text
            .lines()
            .find(|line| line.contains(&format!(":{name}\t")));
        match line.map(|line| (line.chars().next().unwrap_or(' '), line)) {
            Some((' ' | '*', _)) if answer.ok => Ok(PushOutcome::Updated),
            Some(('=', _)) => Ok(PushOutcome::AlreadyThere),
            Some(('!', line)) => Ok(refused(line, words)),
            _ if answer.stderr.contains("returned error: 403") => Ok(PushOutcome::Rejected {
                kind: RejectKind::Permission,
                reason: last_words(&answer.stderr),
                server_words: words,
            }),
            _ => Err(self.classed("push", &answer.stderr)),
        }
    }

    fn no_branch(&self, branch: &str) -> RepoError {
        let remote = self.remote().to_string();
        let heads = self.git("ls-remote").args(["--heads", "ripcord"]).run();
        let text = heads
            .map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned())
            .unwrap_or_default();
        let known: Vec<String> = text
            .lines()
            .filter_map(|line| line.split_once("refs/heads/"))
            .map(|(_, name)| name.to_owned())
            .collect();
        if known.is_empty() {
            RepoError::EmptyRepository { remote }
        } else {
            RepoError::NoSuchBranch {
                remote,
                branch: branch.to_owned(),
                known,
            }
        }
    }

    fn fetch_trouble(&self, branch: &str, answer: &Answer) -> RepoError {
        // "fatal: couldn't find remote ref refs/heads/x"
        if answer.stderr.contains("couldn't find remote ref") {
            if self.private {
                let _ = fs::remove_file(self.git_dir.join("default-branch"));
            }
            return self.no_branch(branch);
        }
        self.classed("fetch", &answer.stderr)
    }

    /// What git's last words mean.
    pub(crate) fn classed(&self, command: &str, stderr: &str) -> RepoError {
        let words = last_words(stderr);
        let remote = self.remote().to_string();
        match trouble(stderr) {
            Trouble::Access => RepoError::AccessDenied { remote, words },
            Trouble::Network => RepoError::Unreachable { remote, words },
            Trouble::Disk => RepoError::NoSpace {
                path: self.git_dir.clone(),
            },
            Trouble::Damage => RepoError::Corrupt {
                git_dir: self.git_dir.clone(),
                detail: words,
            },
            Trouble::Identity => RepoError::NoIdentity,
            Trouble::Unknown => RepoError::Git {
                command: command.to_owned(),
                words,
            },
        }
    }
}

fn depth_args(depth: FetchDepth) -> Vec<String> {
    match depth {
        FetchDepth::AsIs | FetchDepth::Full => Vec::new(),
        FetchDepth::Window(commits) => {
            vec![format!("--depth={commits}"), "--filter=tree:0".to_owned()]
        }
    }
}

fn tip_ref(branch: &str) -> String {
    format!("refs/ripcord/tips/{branch}")
}

/// The full name of a branch, when git takes it as one.
fn reference(branch: &str) -> Result<String, RepoError> {
    let name = format!("refs/heads/{branch}");
    let valid =
        gix::validate::reference::name(name.as_str().into()).is_ok() && !branch.starts_with('-');
    if valid {
        Ok(name)
    } else {
        Err(RepoError::BadBranchName {
            name: branch.to_owned(),
        })
    }
}

/// What a refused line of `push --porcelain` means:
/// `!\tID:refs/heads/x\t[rejected] (stale info)`.
fn refused(line: &str, server_words: String) -> PushOutcome {
    let reason = line.rsplit('\t').next().unwrap_or(line).to_owned();
    let lower = format!("{reason} {server_words}").to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    // The words of git itself, and of the race that only the server sees.
    if reason.starts_with("[rejected]")
        || has(&[
            "cannot lock ref",
            "failed to update ref",
            "reference already exists",
            "incorrect old value",
            "fetch first",
        ])
    {
        return PushOutcome::Moved;
    }
    let kind = if has(&[
        "protected branch",
        "gh006",
        "gh013",
        "not allowed to push code to protected",
        "branch is protected",
    ]) {
        RejectKind::ProtectedBranch
    } else if has(&[
        "permission",
        "not authorized",
        "not allowed",
        "denied to",
        "read-only",
    ]) {
        RejectKind::Permission
    } else if has(&["hook declined", "hook"]) {
        RejectKind::Hook
    } else {
        RejectKind::Other
    };
    PushOutcome::Rejected {
        kind,
        reason,
        server_words,
    }
}

/// The lines that the server printed.
fn server_words(stderr: &str) -> String {
    stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The line that says what went wrong: `fatal: …` or `error: …`, else the last one.
fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    // Git goes on talking after the line that says what happened.
    let cause = lines
        .iter()
        .find(|line| line.contains("RPC failed;") || line.contains("returned error:"));
    let said = cause
        .into_iter()
        .chain(
            lines
                .iter()
                .rev()
                .find(|line| line.starts_with("fatal:") || line.starts_with("error:")),
        )
        .next();
    let line = said.or(lines.last()).copied().unwrap_or("no words");
    line.trim_start_matches("fatal: ")
        .trim_start_matches("error: ")
        .to_owned()
}

enum Trouble {
    Access,
    Network,
    Disk,
    Damage,
    Identity,
    Unknown,
}

/// Recognises git's own words for the troubles that people meet; each is git 2.39's or newer.
fn trouble(stderr: &str) -> Trouble {
    let has = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
    if has(&["No space left on device"]) {
        Trouble::Disk
    } else if has(&[
        "could not read Username",
        "could not read Password",
        "Authentication failed",
        "Permission denied (",
        "The requested URL returned error: 401",
        "The requested URL returned error: 403",
        "Host key verification failed",
        "invalid credentials",
        "HTTP Basic: Access denied",
        "Repository not found",
        "epository not found",
    ]) {
        Trouble::Access
    } else if has(&[
        "Could not resolve host",
        "Could not connect",
        "Failed to connect",
        "Connection refused",
        "Connection reset",
        "Connection timed out",
        "Operation timed out",
        "unable to access",
        "The remote end hung up",
        "the remote end hung up",
        "early EOF",
        "RPC failed",
        "does not appear to be a git repository",
        "Could not read from remote repository",
        "unexpected disconnect",
        "not found",
        "unable to connect",
        "expected flush after",
    ]) {
        Trouble::Network
    } else if has(&[
        "is corrupt",
        "bad object",
        "missing blob",
        "missing tree",
        "unable to read",
        "loose object",
    ]) {
        Trouble::Damage
    } else if has(&[
        "Please tell me who you are",
        "empty ident name",
        "unable to auto-detect email",
    ]) {
        Trouble::Identity
    } else {
        Trouble::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_race_is_told_from_a_no() {
        let outcome = |reason: &str, words: &str| {
            refused(&format!("!\tabc:refs/heads/main\t{reason}"), words.into())
        };
        for lost in [
            "[rejected] (stale info)",
            "[rejected] (fetch first)",
            "[rejected] (non-fast-forward)",
            "[remote rejected] (failed to update ref)",
            "[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
        ] {
            assert_eq!(outcome(lost, ""), PushOutcome::Moved, "{lost}");
        }
        let kind = |reason: &str, words: &str| match outcome(reason, words) {
            PushOutcome::Rejected { kind, .. } => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            kind("[remote rejected] (pre-receive hook declined)", ""),
            RejectKind::Hook
        );
        assert_eq!(
            kind(
                "[remote rejected] (protected branch hook declined)",
                "error: GH006: Protected branch update failed"
            ),
            RejectKind::ProtectedBranch
        );
        assert_eq!(
            kind(
                "[remote rejected] (pre-receive hook declined)",
                "GitLab: You are not allowed to push code to protected branches on this project."
            ),
            RejectKind::ProtectedBranch
        );
    }

    #[test]
    fn branch_names_that_git_refuses_are_refused_here() {
        for bad in ["", "-x", "a..b", "a b", "x.lock", "a^"] {
            assert!(reference(bad).is_err(), "{bad}");
        }
        assert_eq!(reference("env/prod").unwrap(), "refs/heads/env/prod");
    }
}
