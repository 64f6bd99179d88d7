//! Whether a body was sent by who shares a secret with us. Checked over the bytes as they came, before any of
//! them is read: what is not signed is not parsed.
//!
//! Every comparison takes the same time whatever is wrong. A secret that is empty proves nothing and is passed
//! over; without any other secret nothing is ever signed. Signatures in hex are in small letters, as every
//! sender here writes them; capital letters are refused, so that a signature has one spelling only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

/// Bytes of a signature by HMAC-SHA256.
const LENGTH: usize = 32;

/// The header of PagerDuty's signatures.
pub const PAGERDUTY_HEADER: &str = "X-PagerDuty-Signature";
/// The header of GitHub's signature.
pub const GITHUB_HEADER: &str = "X-Hub-Signature-256";
/// The headers of Grafana's signature: versions differ in what they call it, and a person may call it otherwise.
pub const GRAFANA_HEADERS: [&str; 2] =
    ["X-Grafana-Alerting-Signature", "X-Grafana-Alert-Signature"];
/// The header of Grafana's time, as its documentation configures it; by itself it sends none.
pub const GRAFANA_STAMP_HEADER: &str = "X-Grafana-Alerting-Timestamp";

/// The headers of Gitea's signature, and of Forgejo's, which is the same.
pub const GITEA_HEADERS: [&str; 2] = ["X-Gitea-Signature", "X-Forgejo-Signature"];
/// The header of GitLab's plain token.
pub const GITLAB_TOKEN_HEADER: &str = "X-Gitlab-Token";
/// The headers of GitLab's signature: the signatures, the delivery's id and the time.
pub const GITLAB_HEADERS: [&str; 3] = ["webhook-signature", "webhook-id", "webhook-timestamp"];

/// How old a signed timestamp may be, and how far ahead, where nothing else is configured.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// Why a body is not taken for signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// The header is not there, or empty.
    #[error("the request has no signature")]
    Missing,
    /// The header is not of the form that this sender writes.
    #[error("the signature is not of the form that its sender writes")]
    Malformed,
    /// No secret of ours makes this signature of this body.
    #[error("the request is not signed by any secret of this source")]
    Wrong,
    /// It is signed, for another time than now.
    #[error("the request is signed for another time: it is old, or the clocks differ")]
    Stale,
}

/// The time that was signed along with the body, where its sender does so.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The header, in seconds since 1970; none where it did not come, which is then refused.
    pub header: Option<&'a str>,
    /// The time here.
    pub now: Timestamp,
    /// How far the two may differ, either way.
    pub window: SignedDuration,
}

impl<'a> Stamp<'a> {
    /// The time as it was written, which is what was signed, and what it means.
    fn read(&self) -> Result<(&'a str, Timestamp), Unsigned> {
        let text = present(self.header)?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Unsigned::Malformed);
        }
        let seconds: i64 = text.parse().map_err(|_| Unsigned::Malformed)?;
        let at = Timestamp::from_second(seconds).map_err(|_| Unsigned::Malformed)?;
        Ok((text, at))
    }

    fn fits(&self, at: Timestamp) -> Result<(), Unsigned> {
        if self.now.duration_since(at).abs() > self.window {
            return Err(Unsigned::Stale);
        }
        Ok(())
    }
}

/// Proves a body of PagerDuty: `v1=<hex>`, and several of them with commas while a secret is being changed.
/// Any of them by any of the secrets is enough. Versions other than `v1` are passed over.
pub fn pagerduty(header: Option<&str>, body: &[u8], secrets: &[&[u8]]) -> Result<(), Unsigned> {
    let signatures: Vec<[u8; LENGTH]> = present(header)?
        .split(',')
        .filter_map(|one| bytes_of(one.trim().strip_prefix("v1=")?))
        .collect();
    if signatures.is_empty() {
        return Err(Unsigned::Malformed);
    }
    any_fits(&signatures, &[body], secrets)
}

/// Proves a body of GitHub, by the header `X-Hub-Signature-256`: `sha256=<hex>`.
pub fn github(header: Option<&str>, body: &[u8], secrets: &[&[u8]]) -> Result<(), Unsigned> {
    let hex = present(header)?.strip_prefix("sha256=");
    let signature = hex.and_then(bytes_of).ok_or(Unsigned::Malformed)?;
    any_fits(&[signature], &[body], secrets)
}

/// Proves a body of Gitea or Forgejo: hex alone, of the body.
pub fn gitea(header: Option<&str>, body: &[u8], secrets: &[&[u8]]) -> Result<(), Unsigned> {
    let signature = bytes_of(present(header)?).ok_or(Unsigned::Malformed)?;
    any_fits(&[signature], &[body], secrets)
}

/// Proves a body of GitLab that is signed as Standard Webhooks are: `v1,<base64>`, and several of them with spaces
/// between, of `<id>.<seconds>.<body>`. A secret that begins with `whsec_` is the key in base64; any other is the
/// key as it is.
pub fn gitlab(
    header: Option<&str>,
    id: Option<&str>,
    stamp: Stamp<'_>,
    body: &[u8],
    secrets: &[&[u8]],
) -> Result<(), Unsigned> {
    let signatures: Vec<[u8; LENGTH]> = present(header)?
        .split(' ')
        .filter_map(|one| {
            BASE64
                .decode(one.strip_prefix("v1,")?)
                .ok()?
                .try_into()
                .ok()
        })
        .collect();
    if signatures.is_empty() {
        return Err(Unsigned::Malformed);
    }
    let (id, (text, at)) = (present(id)?, stamp.read()?);
    let keys: Vec<Vec<u8>> = secrets.iter().map(|secret| standard_key(secret)).collect();
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let parts = [id.as_bytes(), b".", text.as_bytes(), b".", body];
    any_fits(&signatures, &parts, &keys)?;
    stamp.fits(at)
}

/// How a secret begins that is for signing.
const SIGNING: &[u8] = b"whsec_";

/// Proves a request of GitLab that is not signed, by its plain token. A secret that is for signing is none: who could
/// send it in a header instead would prove nothing of the body, and a webhook whose signing was switched off would go
/// on to be taken.
pub fn gitlab_token(header: Option<&str>, secrets: &[&[u8]]) -> Result<(), Unsigned> {
    let secrets = secrets.iter().copied();
    let plain: Vec<&[u8]> = secrets
        .filter(|secret| !secret.starts_with(SIGNING))
        .collect();
    token(header, &plain)
}

fn standard_key(secret: &[u8]) -> Vec<u8> {
    let encoded = secret.strip_prefix(SIGNING);
    let key = encoded.and_then(|encoded| BASE64.decode(encoded).ok());
    key.unwrap_or_else(|| secret.to_vec())
}

/// Proves a body of Grafana: hex alone. With a stamp, the time is signed as `<seconds>:<body>` and must be near
/// now; a stamp that is configured and does not come is [`Unsigned::Missing`], so that nobody gets around it by
/// leaving the header out. Without a stamp a body that is sent a second time cannot be told from the first.
pub fn grafana(
    header: Option<&str>,
    stamp: Option<Stamp<'_>>,
    body: &[u8],
    secrets: &[&[u8]],
) -> Result<(), Unsigned> {
    let signature = bytes_of(present(header)?).ok_or(Unsigned::Malformed)?;
    let Some(stamp) = stamp else {
        return any_fits(&[signature], &[body], secrets);
    };
    let (text, at) = stamp.read()?;
    // The signature first: nobody without the secret learns how our clock goes.
    any_fits(&[signature], &[text.as_bytes(), b":", body], secrets)?;
    stamp.fits(at)
}

/// Proves a request whose sender can only send a fixed header, such as Alertmanager and Opsgenie: the header is
/// one of the secrets. It proves who sent it, and nothing about the body or the time.
pub fn token(header: Option<&str>, secrets: &[&[u8]]) -> Result<(), Unsigned> {
    let presented = present(header)?;
    // Both are brought to one length by a hash: not even the length of a secret shows in the time.
    let sum = |bytes: &[u8]| mac(b"ripcord-intake token", &[bytes]);
    let sent = sum(presented.as_bytes())
        .ok_or(Unsigned::Wrong)?
        .finalize()
        .into_bytes();
    let mut found = false;
    for secret in usable(secrets) {
        found |= sum(secret).is_some_and(|mac| mac.verify_slice(&sent).is_ok());
    }
    if found { Ok(()) } else { Err(Unsigned::Wrong) }
}

fn present(header: Option<&str>) -> Result<&str, Unsigned> {
    let header = header.map(str::trim).filter(|text| !text.is_empty());
    header.ok_or(Unsigned::Missing)
}

/// Whether one of the signatures is of these parts by one of the secrets. All are tried, whichever fits.
fn any_fits(
    signatures: &[[u8; LENGTH]],
    parts: &[&[u8]],
    secrets: &[&[u8]],
) -> Result<(), Unsigned> {
    let mut found = false;
    for secret in usable(secrets) {
        let Some(mac) = mac(secret, parts) else {
            continue;
        };
        for signature in signatures {
            found |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    if found { Ok(()) } else { Err(Unsigned::Wrong) }
}

/// Anybody can sign with an empty secret.
fn usable<'a>(secrets: &[&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
    secrets.iter().copied().filter(|secret| !secret.is_empty())
}

fn mac(secret: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}

/// The bytes of a signature in hex; none of what is anything else.
fn bytes_of(hex: &str) -> Option<[u8; LENGTH]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits = hex.as_bytes();
    if digits.len() != LENGTH * 2 {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
