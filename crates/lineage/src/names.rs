//! The words for commits.

use std::fmt;

use ripcord_domain::problem::Problem;
use ripcord_git::{Commit, Oid, Repo};

use crate::problems::from_repo;

/// A commit that a person is told about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The commit.
    pub commit: Oid,
    /// The first line of its message.
    pub subject: String,
    /// The name of who wrote it.
    pub author: String,
    /// Committer time, seconds since 1970, UTC.
    pub seconds: i64,
}

impl Named {
    pub(crate) fn of(commit: &Commit) -> Self {
        Self {
            commit: commit.id,
            subject: subject(&commit.message).to_owned(),
            author: commit.author.name.clone(),
            seconds: commit.committer.seconds,
        }
    }

    pub(crate) fn read(repo: &Repo, id: Oid) -> Result<Self, Problem> {
        Ok(Self::of(&repo.commit(id).map_err(from_repo)?))
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", short(self.commit), self.subject)
    }
}

/// The first line of a message.
pub(crate) fn subject(message: &str) -> &str {
    message.trim_start().lines().next().unwrap_or("").trim_end()
}

/// An id as it is told to a person.
pub(crate) fn short(id: Oid) -> String {
    id.to_hex_with_len(10).to_string()
}

/// `a, b and 3 more`.
pub(crate) fn listed<T: fmt::Display>(items: &[T]) -> String {
    const SHOWN: usize = 3;
    let mut words: Vec<String> = items.iter().take(SHOWN).map(ToString::to_string).collect();
    if items.len() > SHOWN {
        words.push(format!("{} more", items.len() - SHOWN));
    }
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_short() {
        assert_eq!(listed::<u8>(&[]), "");
        assert_eq!(listed(&[1]), "1");
        assert_eq!(listed(&[1, 2]), "1 and 2");
        assert_eq!(listed(&[1, 2, 3, 4, 5]), "1, 2, 3 and 2 more");
    }

    #[test]
    fn a_subject_is_the_first_line() {
        assert_eq!(subject("\na b \r\n\nc"), "a b");
        assert_eq!(subject(""), "");
    }
}
