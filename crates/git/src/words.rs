//! What git's words mean. Each list holds texts of git 2.39 or newer, of its helpers (curl, ssh) or of
//! the big hosts; git is run with English messages.

use crate::push::{PushOutcome, RejectKind};

/// A trouble that people meet and can do something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Access,
    Network,
    Disk,
    Damage,
    Identity,
    ObjectFormat,
    NoSuchRef,
    Unknown,
}

fn says(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// What kind of trouble git's stderr tells of. The order matters: `Could not read from remote
/// repository.` follows both a closed door and a broken link.
pub(crate) fn trouble(stderr: &str) -> Trouble {
    if disk(stderr) {
        Trouble::Disk
    } else if no_such_ref(stderr) {
        Trouble::NoSuchRef
    } else if object_format(stderr) {
        Trouble::ObjectFormat
    } else if access(stderr) {
        Trouble::Access
    } else if network(stderr) {
        Trouble::Network
    } else if damage(stderr) {
        Trouble::Damage
    } else if identity(stderr) {
        Trouble::Identity
    } else {
        Trouble::Unknown
    }
}

/// `fatal: write error: No space left on device`
fn disk(stderr: &str) -> bool {
    says(stderr, &["No space left on device", "Disk quota exceeded"])
}

/// `fatal: couldn't find remote ref refs/heads/x`
fn no_such_ref(stderr: &str) -> bool {
    says(stderr, &["couldn't find remote ref"])
}

/// `fatal: mismatched algorithms: client sha1; server sha256`
fn object_format(stderr: &str) -> bool {
    says(stderr, &["mismatched algorithms"])
}

/// - `fatal: could not read Username for 'https://host': terminal prompts disabled`
/// - `fatal: Authentication failed for 'https://host/x/'`
/// - `fatal: unable to access 'https://host/x/': The requested URL returned error: 403`
/// - `git@host: Permission denied (publickey).`
/// - `Host key verification failed.`
/// - `remote: Repository not found.`, what hosts say for "you may not see it"
fn access(stderr: &str) -> bool {
    says(
        stderr,
        &[
            "could not read Username",
            "could not read Password",
            "Authentication failed",
            "Permission denied (",
            "Too many authentication failures",
            "The requested URL returned error: 401",
            "The requested URL returned error: 403",
            "Host key verification failed",
            "invalid credentials",
            "HTTP Basic: Access denied",
            "Access denied",
            "remote: Permission to ",
            "epository not found",
            "The project you were looking for could not be found",
        ],
    ) || (stderr.contains("fatal: repository '") && stderr.contains("' not found"))
}

/// - `fatal: unable to access 'https://host/x/': Could not resolve host: host`
/// - `ssh: connect to host h port 22: Connection refused`
/// - `fatal: the remote end hung up unexpectedly`
/// - `fatal: '/x' does not appear to be a git repository`
fn network(stderr: &str) -> bool {
    says(
        stderr,
        &[
            "Could not resolve host",
            "Name or service not known",
            "Could not connect",
            "Couldn't connect",
            "Failed to connect",
            "Connection refused",
            "Connection reset",
            "Connection closed",
            "onnection timed out",
            "Operation timed out",
            "No route to host",
            "Network is unreachable",
            "unable to access",
            "unable to connect",
            "he remote end hung up",
            "early EOF",
            "RPC failed",
            "does not appear to be a git repository",
            "Could not read from remote repository",
            "unexpected disconnect",
            "expected flush after",
            "invalid server response",
            "unable to find remote helper for",
            "transport '",
        ],
    )
}

/// - `error: object file .git/objects/… is empty`
/// - `fatal: loose object … (stored in …) is corrupt`
/// - `fatal: bad object …`
fn damage(stderr: &str) -> bool {
    says(
        stderr,
        &[
            "is corrupt",
            "object file",
            "bad object",
            "missing blob",
            "missing tree",
            "missing commit",
            "unable to read tree",
            "unable to read sha1 file",
            "inflate: data stream error",
            "index file corrupt",
            "pack has bad object",
            "missing necessary objects",
            "did not send all necessary objects",
        ],
    )
}

/// - `Please tell me who you are.`
/// - `fatal: empty ident name (for <…>) not allowed`
fn identity(stderr: &str) -> bool {
    says(
        stderr,
        &[
            "Please tell me who you are",
            "Author identity unknown",
            "Committer identity unknown",
            "empty ident name",
            "unable to auto-detect email",
            "no email was given and auto-detection is disabled",
        ],
    )
}

/// An option that an old git does not know: `error: unknown option `no-write-fetch-head'`.
pub(crate) fn is_unknown_option(stderr: &str) -> bool {
    says(stderr, &["unknown option", "unknown switch", "usage: git"])
}

/// What a refused line of `push --porcelain` means:
/// `!\tID:refs/heads/x\t[rejected] (stale info)`.
pub(crate) fn refused(line: &str, server_words: String) -> PushOutcome {
    let reason = line.rsplit('\t').next().unwrap_or(line).trim().to_owned();
    if lost_race(&reason) {
        return PushOutcome::Moved;
    }
    PushOutcome::Rejected {
        kind: kind_of_no(&format!("{reason} {server_words}").to_lowercase()),
        reason,
        server_words,
    }
}

/// - `[rejected] (stale info)`, `(fetch first)`, `(non-fast-forward)`: our git saw it.
/// - `[remote rejected] (cannot lock ref 'refs/heads/x': is at … but expected …)`,
///   `(failed to update ref)`, `(incorrect old value provided)`, `(reference already exists)`: only
///   the server could see it.
fn lost_race(reason: &str) -> bool {
    says(
        reason,
        &[
            "stale info",
            "fetch first",
            "non-fast-forward",
            "remote ref updated since checkout",
            "cannot lock ref",
            "failed to lock",
            "failed to update ref",
            "incorrect old value",
            "reference already exists",
        ],
    )
}

/// - GitHub: `(protected branch hook declined)`, `GH006`, `GH013: Repository rule violations`.
/// - GitLab: `(pre-receive hook declined)`, `You are not allowed to push code to protected branches`.
/// - Gitea: `Not allowed to push to protected branch main`.
/// - Bitbucket: `Permission denied to update branch`, `branch permissions`.
/// - git itself: `(pre-receive hook declined)`, `(hook declined)`, `(deletion prohibited)`.
fn kind_of_no(lower: &str) -> RejectKind {
    if says(
        lower,
        &[
            "protected branch",
            "gh006",
            "gh013",
            "branch is protected",
            "protected ref",
            "repository rule violations",
            "permission denied to update branch",
            "branch permissions",
        ],
    ) {
        RejectKind::ProtectedBranch
    } else if says(
        lower,
        &[
            "not authorized",
            "not allowed to push",
            "denied to",
            "permission denied",
            "insufficient permission",
            "read-only",
            "read only",
            "archived",
        ],
    ) {
        RejectKind::Permission
    } else if lower.contains("hook") {
        RejectKind::Hook
    } else {
        RejectKind::Other
    }
}

/// The lines that the server printed, without `remote: `.
pub(crate) fn server_words(stderr: &str) -> String {
    stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The line that says what went wrong: the last `fatal: …` or `error: …`, with the reason before
/// `Could not read from remote repository`, else the last line.
pub(crate) fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let vague = |line: &str| {
        says(
            line,
            &[
                "Could not read from remote repository",
                "failed to push some refs",
            ],
        )
    };
    // What an HTTP host answered is said first, and git goes on talking.
    let cause = |line: &&&str| says(line, &["RPC failed; HTTP", "returned error:"]);
    if let Some(line) = lines.iter().find(cause) {
        return line
            .trim_start_matches("fatal: ")
            .trim_start_matches("error: ")
            .to_owned();
    }
    let told =
        |line: &&&str| !vague(line) && (line.starts_with("fatal:") || line.starts_with("error:"));
    // ssh says why in a line without a label, just before git's vague one.
    let before_vague = lines
        .iter()
        .position(|line| vague(line))
        .and_then(|at| lines[..at].last());
    let line = lines
        .iter()
        .rev()
        .find(told)
        .or(before_vague)
        .or(lines.last())
        .copied()
        .unwrap_or("no words");
    line.trim_start_matches("fatal: ")
        .trim_start_matches("error: ")
        .trim_start_matches("remote: ")
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
