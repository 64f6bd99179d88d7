//! Where a repository is, and URLs that may be shown.

use std::fmt;
use std::path::PathBuf;

use crate::RepoError;

/// A URL (or an scp-like address, or a path) of a remote. What is shown never holds credentials.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SafeUrl(String);

impl SafeUrl {
    /// Takes an address as git takes it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The address with everything in it, for git alone.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafeUrl({self})")
    }
}

/// Takes the user part out of every URL in a text: it may be a token. `ssh://git@host` keeps its
/// user, which is no secret unless a password follows it.
pub(crate) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"')
            .unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rsplit_once('@') {
            Some((user, host)) if before.ends_with("ssh://") && !user.contains(':') => {
                out.push_str(user);
                out.push('@');
                out.push_str(host);
            }
            Some((_, host)) => {
                out.push_str("***@");
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// What a person names with `--repo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A clone, or a folder in one.
    Clone(PathBuf),
    /// A remote without a clone.
    Remote(SafeUrl),
}

impl Location {
    /// Tells a URL (`https://…`, `ssh://…`, `file://…`, `git@host:path`) from a path that exists.
    ///
    /// # Errors
    /// [`RepoError::BadLocation`].
    pub fn parse(text: &str) -> Result<Self, RepoError> {
        let bad = || RepoError::BadLocation { text: redact(text) };
        // A leading dash would be an option to git, `ext::` a command.
        if text.is_empty() || text.starts_with('-') || text.contains("::") || text.contains('\0') {
            return Err(bad());
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if let Some(scheme) = scheme {
            return match scheme {
                "http" | "https" | "ssh" | "git" | "file" | "git+ssh" | "ssh+git" => {
                    Ok(Self::Remote(SafeUrl::new(text)))
                }
                _ => Err(bad()),
            };
        }
        let path = PathBuf::from(text);
        if path.exists() {
            return Ok(Self::Clone(path));
        }
        match text.split_once(':') {
            Some((host, path)) if !host.is_empty() && !host.contains('/') && !path.is_empty() => {
                Ok(Self::Remote(SafeUrl::new(text)))
            }
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_url_is_never_shown() {
        for (text, shown) in [
            ("https://ghp_secret@host/x.git", "https://***@host/x.git"),
            ("https://me:pw@host:8/x", "https://***@host:8/x"),
            (
                "fatal: unable to access 'https://u:p@h/x/': y",
                "fatal: unable to access 'https://***@h/x/': y",
            ),
            ("ssh://git@host/x", "ssh://git@host/x"),
            ("ssh://git:pw@host/x", "ssh://***@host/x"),
            ("git@host:x.git", "git@host:x.git"),
        ] {
            assert_eq!(redact(text), shown);
            assert!(!format!("{:?}", SafeUrl::new(text)).contains("pw"));
        }
    }

    #[test]
    fn locations_are_told_apart_and_options_refused() {
        assert!(matches!(
            Location::parse("git@host:a/b.git"),
            Ok(Location::Remote(_))
        ));
        assert!(matches!(
            Location::parse("file:///x"),
            Ok(Location::Remote(_))
        ));
        assert!(matches!(Location::parse("/"), Ok(Location::Clone(_))));
        for bad in [
            "",
            "--upload-pack=x",
            "ext::sh -c x",
            "/no/such/path",
            "ftp://x/y",
        ] {
            assert!(
                matches!(Location::parse(bad), Err(RepoError::BadLocation { .. })),
                "{bad}"
            );
        }
    }
}
