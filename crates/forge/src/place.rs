//! A repository on a forge, by the address that git has of it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A repository on a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where its pages are: scheme, host, and port where that is not the usual one.
    pub(crate) origin: String,
    /// Owner and name, with all groups between.
    pub(crate) path: String,
}

impl Place {
    /// The repository that an address of git leads to: `https://…`, `ssh://…` or `git@host:path`. None
    /// for what is on no forge: a folder, a URL without an owner.
    pub fn of(address: &str) -> Option<Self> {
        let (origin, path) = match address.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => {
                let (host, path) = rest.split_once('/')?;
                let host = host.rsplit('@').next()?;
                (format!("{scheme}://{host}"), path)
            }
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => {
                let (host, path) = rest.split_once('/')?;
                // The port is that of ssh: pages are elsewhere.
                let host = host.rsplit('@').next()?.split(':').next()?;
                (format!("https://{}", page_host(host)), path)
            }
            Some(_) => return None,
            None => {
                let (host, path) = address.split_once(':')?;
                if host.contains('/') || host.len() < 2 {
                    return None;
                }
                let host = host.rsplit('@').next()?;
                (format!("https://{}", page_host(host)), path)
            }
        };
        let path = path.split('?').next()?.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let has_owner = path.contains('/') && !path.contains("//");
        (has_owner && origin.len() > "https://".len()).then(|| Self {
            origin,
            path: path.to_owned(),
        })
    }

    pub(crate) fn host(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or(self.origin.as_str(), |(_, host)| host)
    }

    /// The path as one segment of a URL.
    pub(crate) fn id(&self) -> String {
        escaped(&self.path)
    }
}

/// A name as one segment of a URL.
pub(crate) fn escaped(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

/// Where the pages of a host are that git reaches by ssh on port 443
/// (<https://docs.github.com/en/authentication/troubleshooting-ssh/using-ssh-over-the-https-port>).
fn page_host(host: &str) -> &str {
    match host {
        "ssh.github.com" => "github.com",
        "altssh.gitlab.com" => "gitlab.com",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Option<(String, String)> {
        Place::of(address).map(|place| (place.origin, place.path))
    }

    #[test]
    fn every_spelling_leads_to_the_same_repository() {
        let there = Some(("https://github.com".to_owned(), "acme/infra".to_owned()));
        for address in [
            "https://github.com/acme/infra",
            "https://github.com/acme/infra.git",
            "https://***@github.com/acme/infra.git/",
            "ssh://git@github.com/acme/infra.git",
            "ssh://git@ssh.github.com:443/acme/infra.git",
            "git@github.com:acme/infra.git",
        ] {
            assert_eq!(of(address), there, "{address}");
        }
        assert_eq!(
            of("http://127.0.0.1:3000/ops/infra.git"),
            Some(("http://127.0.0.1:3000".into(), "ops/infra".into()))
        );
        assert_eq!(
            of("git@gitlab.acme.example:platform/prod/infra.git"),
            Some((
                "https://gitlab.acme.example".into(),
                "platform/prod/infra".into()
            ))
        );
    }

    #[test]
    fn what_is_on_no_forge_is_none() {
        for address in [
            "/srv/git/infra.git",
            "file:///srv/git/a/infra.git",
            "C:/infra",
            "https://host/infra.git",
            "",
        ] {
            assert_eq!(of(address), None, "{address}");
        }
    }
}
