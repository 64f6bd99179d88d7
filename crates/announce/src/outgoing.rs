//! A request that tells somebody something, and the secrets in it.

use std::fmt;

/// A password, a token, or an address that is one. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A request that tells somebody something: a `POST` of JSON. Its parts may be secrets, so none of them is shown but
/// the host.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub(crate) url: Secret,
    pub(crate) headers: Vec<(&'static str, Secret)>,
    pub(crate) body: Vec<u8>,
    /// Whether its receiver knows it again, so that it may be sent once more when nobody knows if it was taken.
    pub(crate) is_known_again: bool,
    /// Whether a 200 is success only with `"ok": true` in it.
    pub(crate) says_ok: bool,
    /// Texts that must not be in any message.
    pub(crate) secrets: Vec<Secret>,
}

impl Outgoing {
    /// What it does.
    pub fn method(&self) -> &'static str {
        "POST"
    }

    /// Where it goes; it may hold a secret.
    pub fn url(&self) -> &str {
        self.url.reveal()
    }

    /// Its headers; they may hold secrets.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (*name, value.reveal()))
    }

    /// Its body; it may hold a secret.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whom it goes to, without what may be a secret.
    pub fn host(&self) -> &str {
        // What is no address may be a secret as a whole.
        let Some((_, rest)) = self.url.reveal().split_once("://") else {
            return "what is no address";
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default()
    }

    /// A text without the secrets: some say again what they were told.
    pub(crate) fn hide(&self, text: &str) -> String {
        let secrets = self.secrets.iter().map(Secret::reveal);
        // To hide "a" would only spoil the text.
        let secrets = secrets.filter(|secret| secret.len() >= 4);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "POST to {}, {} bytes", self.host(), self.body.len())
    }
}

impl fmt::Display for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
