//! Who asks for a deploy: a key that the service's pipeline and the receiver share.
//!
//! A forge's token says that somebody may send events to the infra repo, and nothing about what for. The key
//! says for which services and environments. The request is signed as a whole, with its time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use ripcord_domain::hotfix::Payload;
use ripcord_domain::hotfix::payload::Proof;
use ripcord_domain::problem::{Kind, Problem};
use sha2::Sha256;

/// Bytes of a key that are the least: fewer can be tried out.
const LEAST: usize = 32;
/// How far the clock of who asks may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A key that is never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A key as it stands in a variable.
    ///
    /// # Errors
    /// It is too short to protect anything.
    pub fn new(name: &str, text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.len() < LEAST {
            return Err(Problem::new(
                Kind::Usage,
                "weak_key",
                format!("the key `{name}` has fewer than {LEAST} letters"),
            )
            .hint("`openssl rand -hex 32` makes a good one"));
        }
        Ok(Self(text.to_owned()))
    }

    fn mac(&self, text: &str) -> Result<Hmac<Sha256>, Problem> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes());
        let mut mac = mac.map_err(|error| {
            Problem::new(
                Kind::Internal,
                "bad_key",
                format!("a key cannot be used: {error}"),
            )
        })?;
        mac.update(text.as_bytes());
        Ok(mac)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The proof that who knows the key asks for this now.
///
/// # Errors
/// The key cannot be used.
pub fn sign(payload: &Payload, name: &str, key: &Secret, now: Timestamp) -> Result<Proof, Problem> {
    let mac = key.mac(&payload.signed_text(name, now))?.finalize();
    let mut hex = String::new();
    for byte in mac.into_bytes() {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(Proof {
        key: name.to_owned(),
        at: now,
        mac: hex,
    })
}

/// Whether the proof is of this payload, by this key, and new enough. The comparison takes the same time
/// whatever is wrong.
///
/// # Errors
/// It is not; the words do not tell which part is wrong.
pub fn verify(
    payload: &Payload,
    proof: &Proof,
    key: &Secret,
    window: SignedDuration,
    now: Timestamp,
) -> Result<(), Problem> {
    let sent = bytes_of(&proof.mac);
    let mac = key.mac(&payload.signed_text(&proof.key, proof.at))?;
    if mac.verify_slice(&sent).is_err() {
        return Err(refused(format!(
            "the request is not signed by the key `{}`",
            proof.key.escape_default()
        ))
        .hint("the secrets of the service's pipeline and of the receiver differ, or the request was changed on its way"));
    }
    let age = now.duration_since(proof.at);
    if age > window || age < -AHEAD {
        return Err(refused(format!(
            "the request is of {}, and it is {now}: it is taken for {} minutes",
            proof.at,
            window.as_mins()
        ))
        .hint("`ripcord hotfix ship` sends a new one; `receive.replay_window` says how old one may be"));
    }
    Ok(())
}

fn refused(message: String) -> Problem {
    Problem::new(Kind::Refused, "not_proven", message)
}

/// The bytes of hex; none of what is no hex, which is then equal to nothing.
fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes();
    let bytes = digits.chunks(2).map(|pair| {
        let text = std::str::from_utf8(pair).ok()?;
        let is_lower = pair
            .iter()
            .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
        (pair.len() == 2 && is_lower)
            .then(|| u8::from_str_radix(text, 16).ok())
            .flatten()
    });
    bytes.collect::<Option<Vec<u8>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: SignedDuration = SignedDuration::from_hours(1);

    fn payload() -> Payload {
        let said = serde_json::json!({
            "service": "pay", "image": "ghcr.io/acme/pay", "tag": "v1",
            "digest": format!("sha256:{}", "ab".repeat(32)),
            "environment": "production", "correlation_id": "d-12345",
        });
        Payload::read(&said.to_string()).unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-20T17:15:00Z".parse().unwrap()
    }

    fn key(text: &str) -> Secret {
        Secret::new("ci", &text.repeat(8)).unwrap()
    }

    #[test]
    fn what_was_signed_is_taken_until_it_is_old() {
        let proof = sign(&payload(), "ci", &key("good"), now()).unwrap();
        let at = |minutes| now() + SignedDuration::from_mins(minutes);
        let taken = |minutes| verify(&payload(), &proof, &key("good"), WINDOW, at(minutes)).is_ok();
        assert!(taken(0) && taken(59) && taken(-4));
        assert!(!taken(61) && !taken(-6));
    }

    #[test]
    fn a_changed_request_another_key_or_another_mac_is_refused_in_the_same_words() {
        let proof = sign(&payload(), "ci", &key("good"), now()).unwrap();
        let refused = |payload: &Payload, proof: &Proof, secret: &str| {
            verify(payload, proof, &key(secret), WINDOW, now())
                .unwrap_err()
                .message
        };
        let mut changed = payload();
        changed.environment = "staging".into();
        let upper = Proof {
            mac: proof.mac.to_uppercase(),
            ..proof.clone()
        };
        let cut = Proof {
            mac: proof.mac[..62].to_owned(),
            ..proof.clone()
        };
        let later = Proof {
            at: now() + SignedDuration::from_secs(1),
            ..proof.clone()
        };
        let words = refused(&changed, &proof, "good");
        assert_eq!(words, refused(&payload(), &proof, "evil"));
        for wrong in [upper, cut, later] {
            assert_eq!(words, refused(&payload(), &wrong, "good"));
        }
    }

    #[test]
    fn a_short_key_is_no_key_and_none_is_printed() {
        assert!(Secret::new("ci", "short").is_err());
        assert_eq!(format!("{:?}", key("good")), "Secret(hidden)");
    }
}
