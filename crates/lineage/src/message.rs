//! The messages that git gives to reverts and cherry-picks.

use ripcord_git::Oid;

use crate::names::subject;

/// The message of a revert, as `git revert` writes it; that of a revert of a revert as git does since
/// 2.43 (<https://git-scm.com/docs/git-revert>).
pub(crate) fn reverted(message: &str, id: Oid) -> String {
    let old = subject(message);
    let again = old
        .strip_prefix("Revert \"")
        .filter(|rest| !rest.starts_with("Revert \""));
    let subject = match again {
        Some(rest) => format!("Reapply \"{rest}"),
        None => format!("Revert \"{old}\""),
    };
    format!("{subject}\n\nThis reverts commit {id}.\n")
}

/// The message of a cherry-pick with `-x`: git puts the note among the trailers where there are some.
pub(crate) fn picked(message: &str, id: Oid) -> String {
    let message = message.trim_end();
    let note = format!("(cherry picked from commit {id})");
    let last = message.rsplit_once("\n\n").map(|(_, last)| last);
    let joins = last.is_some_and(|last| last.lines().all(is_trailer));
    let gap = if joins { "\n" } else { "\n\n" };
    format!("{message}{gap}{note}\n")
}

fn is_trailer(line: &str) -> bool {
    let is_key =
        |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    line.starts_with("(cherry picked from commit ")
        || line.split_once(": ").is_some_and(|(key, _)| is_key(key))
}
