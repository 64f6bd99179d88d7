//! Whom git pushes as, for the API of the same host.

use std::fmt;
use std::time::Duration;

use crate::Repo;

/// How long a helper may take.
const LIMIT: Duration = Duration::from_secs(1);

/// How tokens begin that are written in the place of a name.
const TOKENS: [&str; 8] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
];

/// A name and its password or token, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    secret: String,
}

impl Credentials {
    /// The name, where it is one that may be shown: some write a token in its place.
    pub fn name(&self) -> Option<&str> {
        let name = self.user.as_str();
        let is_token = TOKENS.iter().any(|start| name.starts_with(start))
            || self.secret == "x-oauth-basic"
            || (name.len() >= 20 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
        (!is_token && !name.is_empty()).then_some(name)
    }

    /// The password or token, for the request that carries it.
    pub fn reveal(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Credentials({}, hidden)",
            self.name().unwrap_or("hidden")
        )
    }
}

impl Repo {
    /// Whom git is at the remote over HTTP, as its URL or a helper says; nobody is asked on a terminal.
    /// None over other transports, and where nobody is known.
    pub fn credentials(&self) -> Option<Credentials> {
        let url = self.remote().push_url();
        if !url.secret().starts_with("http") {
            return None;
        }
        let question = format!("url={}\n\n", url.secret());
        let answer = self
            .git("credential")
            .args(["fill"])
            // A window would wait for a person.
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
            .stdin(question.into_bytes())
            .at_most(LIMIT)
            .run()
            .ok()
            .filter(|answer| answer.ok)?;
        said(&String::from_utf8_lossy(&answer.stdout))
    }
}

/// What `git credential fill` says
/// (<https://git-scm.com/docs/git-credential#IOFMT>).
fn said(text: &str) -> Option<Credentials> {
    let of = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(str::to_owned)
    };
    let secret = of("password").filter(|secret| !secret.is_empty())?;
    Some(Credentials {
        user: of("username").unwrap_or_default(),
        secret,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_helper_says_is_read_and_never_printed() {
        let text = "protocol=https\nhost=git.acme.example\nusername=ops\npassword=a=b\n";
        let found = said(text).unwrap();
        assert_eq!((found.user.as_str(), found.reveal()), ("ops", "a=b"));
        assert!(!format!("{found:?}").contains("a=b"));
        assert_eq!(said("username=ops\n"), None);
    }

    #[test]
    fn a_token_in_the_place_of_a_name_is_not_shown_as_one() {
        let name = |user: &str, secret: &str| {
            let found = said(&format!("username={user}\npassword={secret}\n")).unwrap();
            found.name().map(str::to_owned)
        };
        assert_eq!(name("ops", "word").as_deref(), Some("ops"));
        assert_eq!(name("ghp_16C7e42F292c69", "x"), None);
        assert_eq!(name("anything", "x-oauth-basic"), None);
        assert_eq!(name("0123456789abcdef0123456789abcdef01234567", "x"), None);
    }
}
