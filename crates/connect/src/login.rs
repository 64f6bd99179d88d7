//! Who one is to Argo CD's API server: a flag and a variable, or what `argocd login` left
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/commands/argocd_login/>).

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::ConnectError;

/// The variable in which a token is handed over: never an argument.
const TOKEN: &str = "ARGOCD_AUTH_TOKEN";

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(transparent)]
pub(crate) struct Token(String);

impl Token {
    /// The text itself, for the header that carries it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// An API server and who one is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    /// With scheme and without a slash at the end.
    pub(crate) url: String,
    pub(crate) token: Option<Token>,
    /// Its certificate is not looked at.
    pub(crate) insecure: bool,
}

/// What `argocd` keeps, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kept {
    #[serde(rename = "current-context")]
    current_context: String,
    contexts: Vec<Context>,
    servers: Vec<Server>,
    users: Vec<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    name: String,
    server: String,
    user: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Server {
    #[serde(rename = "server")]
    address: String,
    insecure: bool,
    #[serde(rename = "plain-text")]
    plain_text: bool,
    #[serde(rename = "grpc-web-root-path")]
    root_path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    name: String,
    #[serde(rename = "auth-token")]
    token: Token,
}

impl Login {
    /// The login for a server, or for the one that `argocd` uses now.
    ///
    /// # Errors
    /// Nobody is logged in, or the file of `argocd` cannot be read.
    pub(crate) fn find(server: Option<&str>) -> Result<Self, ConnectError> {
        let path = file();
        let kept = match &path {
            Some(path) => read(path)?,
            None => Kept::default(),
        };
        let token = std::env::var(TOKEN).ok().filter(|text| !text.is_empty());
        kept.login(server, token.map(Token))
    }
}

impl Kept {
    fn login(&self, server: Option<&str>, token: Option<Token>) -> Result<Login, ConnectError> {
        let context = match server {
            None => self
                .contexts
                .iter()
                .find(|context| context.name == self.current_context),
            Some(server) => self
                .contexts
                .iter()
                .find(|context| context.name == server || context.server == plain(server)),
        };
        let address = context.map_or(server, |context| Some(context.server.as_str()));
        let Some(address) = address else {
            return Err(ConnectError::Configuration(
                "no server of Argo CD is named, and `argocd login` has left none".into(),
            ));
        };
        let known = self
            .servers
            .iter()
            .find(|known| known.address == plain(address));
        let scheme = match server.and_then(|server| server.split_once("://")) {
            Some((scheme, _)) => scheme,
            None if known.is_some_and(|known| known.plain_text) => "http",
            None => "https",
        };
        let root = known.map_or("", |known| known.root_path.trim_matches('/'));
        let slash = if root.is_empty() { "" } else { "/" };
        let kept = context
            .and_then(|context| self.users.iter().find(|user| user.name == context.user))
            .map(|user| user.token.clone())
            .filter(|token| !token.reveal().is_empty());
        let token = token.or(kept);
        if token.is_none() {
            return Err(ConnectError::Configuration(format!(
                "nobody is logged in to Argo CD at {address}: set {TOKEN} or run `argocd login {address}`"
            )));
        }
        Ok(Login {
            url: format!("{scheme}://{}{slash}{root}", plain(address)),
            token,
            insecure: known.is_some_and(|known| known.insecure),
        })
    }
}

/// An address without its scheme.
fn plain(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.trim_end_matches('/')
}

/// Where `argocd` keeps who is logged in.
pub(crate) fn file() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    };
    if let Some(folder) = variable("ARGOCD_CONFIG_DIR") {
        return Some(folder.join("config"));
    }
    let home = variable("HOME")?;
    // Older releases kept it in a folder of its own.
    let old = home.join(".argocd/config");
    if old.exists() {
        return Some(old);
    }
    let folder = variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    Some(folder.join("argocd/config"))
}

fn read(path: &Path) -> Result<Kept, ConnectError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => {
            return Err(ConnectError::Configuration(format!(
                "{}: {error}",
                path.display()
            )));
        }
    };
    // What is wrong is not quoted: tokens are in it.
    serde_saphyr::from_str(&text).map_err(|_| {
        ConnectError::Configuration(format!("{} is not what `argocd` writes", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        serde_saphyr::from_str(
            "current-context: prod\n\
             contexts:\n- {name: prod, server: argo.example, user: prod}\n- {name: lab, server: 'localhost:8080', user: lab}\n\
             servers:\n- {server: argo.example, grpc-web-root-path: /argo}\n- {server: 'localhost:8080', plain-text: true, insecure: true}\n\
             users:\n- {name: prod, auth-token: s3cret}\n- {name: lab, auth-token: other}\n",
        )
        .unwrap()
    }

    #[test]
    fn the_login_of_argocd_is_used() {
        let login = kept().login(None, None).unwrap();
        assert_eq!(login.url, "https://argo.example/argo");
        assert_eq!(login.token.unwrap().reveal(), "s3cret");
        let lab = kept().login(Some("http://localhost:8080/"), None).unwrap();
        assert_eq!(lab.url, "http://localhost:8080");
        assert_eq!(lab.token.unwrap().reveal(), "other");
    }

    #[test]
    fn a_server_that_nobody_is_logged_in_to_needs_a_token() {
        let error = kept().login(Some("new.example"), None).unwrap_err();
        assert!(error.to_string().contains("argocd login new.example"));
        let login = kept()
            .login(Some("new.example"), Some(Token("t".into())))
            .unwrap();
        assert_eq!(login.url, "https://new.example");
    }

    #[test]
    fn a_token_is_never_printed() {
        let login = kept().login(None, None).unwrap();
        assert!(!format!("{login:?}").contains("s3cret"));
    }
}
