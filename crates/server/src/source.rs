//! The systems that are listened to: how each proves that it is the sender, and by what it tells its tries apart.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ripcord_domain::incident::event::SourceKind;
use ripcord_intake::signature::{self, Unsigned};
use ripcord_intake::{Headers, Mapping};

/// A system that is listened to.
#[derive(Clone, Debug)]
pub struct Source {
    /// What kind.
    pub kind: SourceKind,
    /// What its labels mean here.
    pub mapping: Mapping,
    /// Its secrets: more than one while they are being changed. Without any nothing of it is taken.
    pub secrets: Vec<Secret>,
}

/// A secret. It is never shown.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes a secret as it was configured.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
}

impl Secret {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The sources by their names, which are in the address that each sends to.
pub type Sources = BTreeMap<String, Source>;

impl Source {
    /// Proves that a body was sent by who shares a secret with this source.
    ///
    /// # Errors
    /// It was not, or nothing shows it.
    pub fn prove(&self, headers: Headers<'_>, body: &[u8], now: Timestamp) -> Result<(), Unsigned> {
        let secrets: Vec<&[u8]> = self
            .secrets
            .iter()
            .map(|secret| secret.0.as_slice())
            .collect();
        match self.kind {
            SourceKind::Pagerduty => {
                signature::pagerduty(headers.get(signature::PAGERDUTY_HEADER), body, &secrets)
            }
            SourceKind::Github => {
                signature::github(headers.get(signature::GITHUB_HEADER), body, &secrets)
            }
            SourceKind::Gitea => {
                let own = signature::GITEA_HEADERS
                    .iter()
                    .find_map(|name| headers.get(name));
                match own {
                    Some(own) => signature::gitea(Some(own), body, &secrets),
                    None => {
                        signature::github(headers.get(signature::GITHUB_HEADER), body, &secrets)
                    }
                }
            }
            SourceKind::Gitlab => {
                let [signed, id, stamp] = signature::GITLAB_HEADERS.map(|name| headers.get(name));
                if signed.is_none() {
                    let token = headers.get(signature::GITLAB_TOKEN_HEADER);
                    return signature::gitlab_token(token, &secrets);
                }
                let stamp = signature::Stamp {
                    header: stamp,
                    now,
                    window: signature::WINDOW,
                };
                signature::gitlab(signed, id, stamp, body, &secrets)
            }
            SourceKind::Grafana => {
                let signed = signature::GRAFANA_HEADERS
                    .iter()
                    .find_map(|name| headers.get(name));
                if signed.is_none() {
                    return signature::token(bearer(headers), &secrets);
                }
                let stamp = headers.get(signature::GRAFANA_STAMP_HEADER);
                let stamp = stamp.map(|header| signature::Stamp {
                    header: Some(header),
                    now,
                    window: signature::WINDOW,
                });
                signature::grafana(signed, stamp, body, &secrets)
            }
            _ => signature::token(bearer(headers), &secrets),
        }
    }

    /// What tells a second try of a delivery from another delivery.
    pub fn delivery_key(&self, headers: Headers<'_>, body: &[u8]) -> String {
        let named = match self.kind {
            SourceKind::Pagerduty => headers.get("x-webhook-id"),
            SourceKind::Github => headers.get("x-github-delivery"),
            SourceKind::Gitea => headers.get("x-gitea-delivery"),
            // The id of a try is another each time; these are the same for each try of one delivery.
            SourceKind::Gitlab => ["idempotency-key", "webhook-id"]
                .iter()
                .find_map(|name| headers.get(name)),
            _ => None,
        };
        let named = named.filter(|name| !name.is_empty() && name.len() <= 128);
        named.map_or_else(|| ripcord_intake::hash(body), str::to_owned)
    }
}

/// A secret in the one header that every sender can set.
fn bearer(headers: Headers<'_>) -> Option<&str> {
    headers.get("authorization")?.strip_prefix("Bearer ")
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
