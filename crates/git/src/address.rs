//! Where a repository is, and addresses that may be shown.

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

    /// The user that SSH logs in as, where the address names one: it is no secret.
    pub fn ssh_user(&self) -> Option<&str> {
        let authority = match self.0.split_once("://") {
            Some((scheme, after)) if scheme.contains("ssh") => after.split('/').next()?,
            Some(_) => return None,
            None => self.0.split_once(':')?.0,
        };
        let (user, _) = authority.rsplit_once('@')?;
        let name = user.split(':').next().unwrap_or(user);
        (!name.is_empty() && !name.contains('/')).then_some(name)
    }

    /// The address with everything in it, for git alone.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// The password, or the user name that stands for a token, as it is written in the URL.
    pub(crate) fn password(&self) -> Option<&str> {
        let (_, after) = self.0.split_once("://")?;
        let authority = after.split('/').next().unwrap_or(after);
        let (user, _) = authority.rsplit_once('@')?;
        let secret = match user.split_once(':') {
            Some((_, password)) => password,
            None if self.0.starts_with("http") => user,
            None => return None,
        };
        (!secret.is_empty()).then_some(secret)
    }
}

impl SafeUrl {
    /// The URL for somebody else: without user, password and query.
    pub fn for_others(&self) -> String {
        redact(&self.0).replacen("***@", "", 1).replace("?***", "")
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

/// Takes the user part and the query out of every URL in a text: both may hold a token.
/// `ssh://git@host` keeps its user, which is no secret unless a password follows it.
pub(crate) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '<' | '>'))
            .unwrap_or(after.len());
        let url = &after[..end];
        let keeps_user = before.ends_with("ssh://");
        out.push_str(&without_user(url, keeps_user));
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// The part of a URL after its scheme, without what may be secret.
fn without_user(url: &str, keeps_user: bool) -> String {
    let (url, query) = match url.split_once('?') {
        Some((url, _)) => (url, "?***"),
        None => (url, ""),
    };
    let slash = url.find('/').unwrap_or(url.len());
    let authority = &url[..slash];
    let shown = match authority.rsplit_once('@') {
        Some((user, _)) if keeps_user && !user.contains(':') => url.to_owned(),
        Some((_, host)) => format!("***@{host}{}", &url[slash..]),
        // `https://me:pa/ss@host`: a password with a slash in it, which git cannot use either.
        None => match (authority.split_once(':'), url.rsplit_once('@')) {
            (Some((_, port)), Some((_, host))) if port.parse::<u16>().is_err() => {
                format!("***@{host}")
            }
            _ => url.to_owned(),
        },
    };
    shown + query
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
        // A leading dash would be an option to git; a line break could forge a line of its input.
        if text.is_empty() || text.starts_with('-') || text.contains(['\0', '\n', '\r']) {
            return Err(bad());
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
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
            // `ext::sh -c x` names a program.
            Some((_, rest)) if rest.starts_with(':') => Err(bad()),
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
            ("https://host/x?private_token=pw", "https://host/x?***"),
            ("https://me:p/pw@host/x", "https://***@host/x"),
            ("https://me:p@pw@host/x", "https://***@host/x"),
            ("https://host:8443/a@b/x", "https://host:8443/a@b/x"),
            (
                "from https://a:pw@h and https://b:pw@i",
                "from https://***@h and https://***@i",
            ),
        ] {
            assert_eq!(redact(text), shown);
            assert!(!format!("{:?}", SafeUrl::new(text)).contains("pw"));
        }
    }

    #[test]
    fn a_url_for_others_can_be_used_and_holds_no_secret() {
        for (text, given) in [
            (
                "https://gitlab-ci-token:pw@host/x.git",
                "https://host/x.git",
            ),
            ("https://host/x?private_token=pw", "https://host/x"),
            ("ssh://git@host/x", "ssh://git@host/x"),
            ("/srv/git/x.git", "/srv/git/x.git"),
        ] {
            assert_eq!(SafeUrl::new(text).for_others(), given);
        }
    }

    #[test]
    fn the_password_is_found_wherever_git_may_repeat_it() {
        for (url, password) in [
            ("https://me:pw@host/x", Some("pw")),
            ("https://token@host/x", Some("token")),
            ("ssh://git@host/x", None),
            ("git@host:x", None),
            ("https://host/x", None),
        ] {
            assert_eq!(SafeUrl::new(url).password(), password, "{url}");
        }
    }

    #[test]
    fn only_an_address_of_ssh_names_who_logs_in() {
        for (url, user) in [
            ("git@host:a/b.git", Some("git")),
            ("ssh://ops:pw@host:22/x", Some("ops")),
            ("ssh://host/x", None),
            ("host:x", None),
            ("https://me:pw@host/x", None),
            ("/srv/a@b:c", None),
        ] {
            assert_eq!(SafeUrl::new(url).ssh_user(), user, "{url}");
        }
    }

    #[test]
    fn locations_are_told_apart_and_options_refused() {
        for remote in [
            "git@host:a/b.git",
            "file:///x",
            "HTTPS://h/x",
            "ssh://[::1]/x",
        ] {
            assert!(
                matches!(Location::parse(remote), Ok(Location::Remote(_))),
                "{remote}"
            );
        }
        assert!(matches!(Location::parse("/"), Ok(Location::Clone(_))));
        for bad in [
            "",
            "--upload-pack=x",
            "-oProxyCommand=x:y",
            "ext::sh -c x",
            "/no/such/path",
            "ftp://x/y",
            "https://h/x\nurl=y",
        ] {
            assert!(
                matches!(Location::parse(bad), Err(RepoError::BadLocation { .. })),
                "{bad}"
            );
        }
    }
}
