//! The bytes of tree objects.

use std::cmp::Ordering;

use bstr::ByteSlice;

use crate::{Entry, Oid};

/// What a tree entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A file.
    Blob,
    /// An executable file.
    Exec,
    /// A symbolic link.
    Symlink,
    /// A folder.
    Tree,
    /// Another repository's commit.
    Submodule,
}

impl Mode {
    /// Whether it is a plain file, executable or not.
    pub fn is_blob(self) -> bool {
        matches!(self, Self::Blob | Self::Exec)
    }

    /// From the octal text of a tree, with git's own leniency: only the kind and the owner's
    /// execute bit count; old repositories hold `100664` and `040000`.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mode = text
            .iter()
            .fold(0_u32, |sum, digit| (sum << 3) | u32::from(digit & 7));
        match mode & 0o170_000 {
            0o040_000 => Self::Tree,
            0o120_000 => Self::Symlink,
            0o160_000 => Self::Submodule,
            _ if mode & 0o100 != 0 => Self::Exec,
            _ => Self::Blob,
        }
    }

    pub(crate) fn text(self) -> &'static [u8] {
        match self {
            Self::Blob => b"100644",
            Self::Exec => b"100755",
            Self::Symlink => b"120000",
            Self::Tree => b"40000",
            Self::Submodule => b"160000",
        }
    }
}

/// One entry of one tree, borrowed from its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawEntry<'a> {
    pub(crate) mode: Mode,
    pub(crate) name: &'a [u8],
    id: &'a [u8],
    /// All its bytes.
    pub(crate) bytes: &'a [u8],
}

impl<'a> RawEntry<'a> {
    /// The entry at the start of `bytes`; none when they are no entry.
    pub(crate) fn first(bytes: &'a [u8], hash_len: usize) -> Option<Self> {
        // A mode has five or six digits: no search needed.
        let space = bytes.get(..8)?.find_byte(b' ')?;
        let end = space + 1 + bytes[space + 1..].find_byte(0)?;
        let id = bytes.get(end + 1..end + 1 + hash_len)?;
        Some(Self {
            mode: Mode::parse(&bytes[..space]),
            name: &bytes[space + 1..end],
            id,
            bytes: &bytes[..end + 1 + hash_len],
        })
    }

    pub(crate) fn entry(&self) -> Entry {
        Entry {
            mode: self.mode,
            // The slice has the length of a hash; a null id cannot come of it.
            id: Oid::try_from(self.id).unwrap_or(Oid::null(gix::hash::Kind::Sha1)),
        }
    }

    pub(crate) fn key(&self) -> Key<'a> {
        Key {
            name: self.name,
            is_tree: self.mode == Mode::Tree,
        }
    }
}

/// Where an entry stands in its tree: git sorts folders as if their names ended in a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) is_tree: bool,
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let common = self.name.len().min(other.name.len());
        self.name[..common]
            .cmp(&other.name[..common])
            .then_with(|| self.at(common).cmp(&other.at(common)))
    }
}

impl Key<'_> {
    fn at(&self, index: usize) -> Option<u8> {
        self.name
            .get(index)
            .copied()
            .or((self.is_tree && index == self.name.len()).then_some(b'/'))
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The entries of a tree's bytes; `Err` once, at bytes that are no entry.
pub(crate) fn entries(
    bytes: &[u8],
    hash_len: usize,
) -> impl Iterator<Item = Result<RawEntry<'_>, NoEntry>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = RawEntry::first(rest, hash_len);
        rest = entry.map_or(&[], |entry| &rest[entry.bytes.len()..]);
        Some(entry.ok_or(NoEntry))
    })
}

/// A tree holds bytes that are no entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoEntry;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_sort_as_if_they_ended_in_a_slash() {
        let key = |name: &'static str, is_tree| Key {
            name: name.as_bytes(),
            is_tree,
        };
        assert!(key("a.b", false) < key("a", true));
        assert!(key("a", false) < key("a.b", false));
        assert!(key("a", false) < key("a", true));
        assert!(key("a", true) < key("a0", false));
        assert!(key("a", true) < key("ab", true));
    }

    #[test]
    fn modes_of_old_gits_are_read() {
        for (text, mode) in [
            ("100644", Mode::Blob),
            ("100664", Mode::Blob),
            ("100775", Mode::Exec),
            ("040000", Mode::Tree),
            ("40000", Mode::Tree),
            ("120000", Mode::Symlink),
            ("160000", Mode::Submodule),
        ] {
            assert_eq!(Mode::parse(text.as_bytes()), mode, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_entry_are_said_once() {
        let mut found = entries(b"100644 name-without-end", 20);
        assert!(matches!(found.next(), Some(Err(NoEntry))));
        assert!(found.next().is_none());
    }
}
