//! Who is signed in, in a browser.
//!
//! A token is typed once and becomes a cookie that no script reads and no other site can have sent. What the cookie
//! holds is from chance and is kept in memory alone, as a digest: a server that begins again asks everybody again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderName, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::access::Caller;

/// How long somebody stays signed in: a night, not a week.
pub const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// How many are kept at the most; with one more the oldest ends.
const MOST: usize = 1000;

/// The name where the browser sees to it that only this host set it, over TLS.
const NAME: &str = "__Host-ripcord";

/// The name on this machine, where no TLS is spoken.
const NAME_HERE: &str = "ripcord";

type Key = [u8; 32];

struct Held {
    caller: Caller,
    ends: Timestamp,
}

/// The sessions of a server. Clones share them.
#[derive(Clone)]
pub struct Sessions {
    held: Arc<Mutex<HashMap<Key, Held>>>,
    clock: fn() -> Timestamp,
}

impl Sessions {
    /// No session yet.
    pub fn new(clock: fn() -> Timestamp) -> Self {
        Self {
            held: Arc::default(),
            clock,
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session; the cookie that is to be set.
    ///
    /// # Errors
    /// The system gives no chance.
    pub fn begin(&self, caller: Caller, headers: &HeaderMap) -> Result<String, getrandom::Error> {
        let mut chance = [0; 32];
        getrandom::fill(&mut chance)?;
        let value = BASE64_URL_SAFE_NO_PAD.encode(chance);
        let now = (self.clock)();
        let ends = now.saturating_add(LASTS).unwrap_or(Timestamp::MAX);
        let mut held = self.held();
        held.retain(|_, session| session.ends > now);
        if held.len() >= MOST {
            let oldest = held.iter().min_by_key(|(_, session)| session.ends);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                held.remove(&oldest);
            }
        }
        held.insert(key(&value), Held { caller, ends });
        Ok(cookie(headers, &value, LASTS))
    }

    /// Who is signed in, by the cookie that a request holds.
    pub fn find(&self, headers: &HeaderMap) -> Option<Caller> {
        let now = (self.clock)();
        let held = self.held();
        let session = values(headers).find_map(|value| held.get(&key(value)))?;
        (session.ends > now).then(|| session.caller.clone())
    }

    /// Ends a session; the cookie that is to be set in its place.
    pub fn end(&self, headers: &HeaderMap) -> String {
        let mut held = self.held();
        for value in values(headers) {
            held.remove(&key(value));
        }
        cookie(headers, "", SignedDuration::ZERO)
    }
}

/// Sessions are found by a digest: how long a search takes tells nothing of what is looked for.
fn key(value: &str) -> Key {
    Sha256::digest(value.as_bytes()).into()
}

fn cookie(headers: &HeaderMap, value: &str, lasts: SignedDuration) -> String {
    let (name, secure) = if is_here(headers) {
        (NAME_HERE, "")
    } else {
        (NAME, "; Secure")
    };
    let seconds = lasts.as_secs();
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

/// What cookies of ours a request holds. One that was set without TLS counts only on this machine: elsewhere anybody on
/// the way could have set it.
fn values(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let is_here = is_here(headers);
    let pairs = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'));
    pairs.filter_map(move |pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == NAME || (is_here && name == NAME_HERE)).then_some(value)
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the browser is on this machine and speaks no TLS, as far as it says.
fn is_here(headers: &HeaderMap) -> bool {
    let by_tls = text(headers, header::ORIGIN).is_some_and(|origin| origin.starts_with("https:"));
    !by_tls && text(headers, header::HOST).is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a form may be believed to come from a page of this server: the browser says so.
pub fn is_of_own_page(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let origin = text(headers, header::ORIGIN);
    let from = origin.and_then(|origin| origin.split_once("://"));
    let host = text(headers, header::HOST);
    from.is_some_and(|(_, from)| Some(from) == host)
}

/// Whether a browser would keep the cookie: it takes one for TLS alone over nothing else.
pub fn can_keep(headers: &HeaderMap) -> bool {
    let plain = text(headers, header::ORIGIN).is_some_and(|origin| origin.starts_with("http:"));
    !plain || is_here(headers)
}

/// Whether a link of another site was followed. The cookie is not sent then, whoever is signed in.
pub fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = text(headers, HeaderName::from_static("sec-fetch-site"));
    site == Some("cross-site")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::access::Role;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn rosa() -> Caller {
        Caller {
            name: "rosa".to_owned(),
            role: Role::Responder,
        }
    }

    fn with(host: &str, cookie: &str) -> HeaderMap {
        headers(&[
            ("host", host),
            ("cookie", cookie.split(';').next().unwrap()),
        ])
    }

    #[test]
    fn a_cookie_is_for_tls_alone_but_on_this_machine() {
        let sessions = Sessions::new(|| Timestamp::UNIX_EPOCH);
        for here in ["127.0.0.1:8420", "localhost", "[::1]:8420"] {
            let set = sessions.begin(rosa(), &headers(&[("host", here)])).unwrap();
            assert!(
                set.starts_with("ripcord=") && !set.contains("Secure"),
                "{set}"
            );
            assert_eq!(sessions.find(&with(here, &set)), Some(rosa()));
            assert_eq!(sessions.find(&with("ripcord.example", &set)), None);
        }
        let elsewhere = [
            headers(&[("host", "ripcord.example")]),
            headers(&[("host", "127.0.0.1"), ("origin", "https://ripcord.example")]),
            headers(&[("host", "127.0.0.1.example")]),
            HeaderMap::new(),
        ];
        for headers in elsewhere {
            let set = sessions.begin(rosa(), &headers).unwrap();
            for part in [
                "__Host-ripcord=",
                "HttpOnly",
                "SameSite=Strict",
                "Path=/",
                "Secure",
            ] {
                assert!(set.contains(part), "{set}");
            }
            assert_eq!(sessions.find(&with("ripcord.example", &set)), Some(rosa()));
        }
    }

    #[test]
    fn a_session_ends_after_twelve_hours_and_when_it_is_ended() {
        static NOW: AtomicI64 = AtomicI64::new(0);
        fn clock() -> Timestamp {
            Timestamp::from_second(NOW.load(Ordering::Relaxed)).unwrap()
        }
        let sessions = Sessions::new(clock);
        let here = headers(&[("host", "localhost")]);
        let set = sessions.begin(rosa(), &here).unwrap();
        let other = sessions.begin(rosa(), &here).unwrap();
        NOW.store(12 * 3600 - 1, Ordering::Relaxed);
        assert!(sessions.find(&with("localhost", &set)).is_some());
        let gone = sessions.end(&with("localhost", &other));
        assert!(gone.contains("Max-Age=0"), "{gone}");
        assert!(sessions.find(&with("localhost", &other)).is_none());
        NOW.store(12 * 3600, Ordering::Relaxed);
        assert!(sessions.find(&with("localhost", &set)).is_none());
    }

    #[test]
    fn memory_does_not_grow_with_those_who_sign_in() {
        let sessions = Sessions::new(|| Timestamp::UNIX_EPOCH);
        for _ in 0..=MOST {
            sessions.begin(rosa(), &HeaderMap::new()).unwrap();
        }
        assert_eq!(sessions.held().len(), MOST);
    }

    #[test]
    fn a_form_of_another_site_or_of_nobody_is_not_of_our_page() {
        let host = ("host", "ripcord.example");
        let ours: [&[(&str, &str)]; 2] = [
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("origin", "https://ripcord.example")],
        ];
        for pairs in ours {
            assert!(is_of_own_page(&headers_of(pairs)), "{pairs:?}");
        }
        let theirs: [&[(&str, &str)]; 7] = [
            &[host],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "https://evil.example")],
            &[host, ("origin", "null")],
            &[host, ("origin", "https://ripcord.example.evil")],
        ];
        for pairs in theirs {
            assert!(!is_of_own_page(&headers_of(pairs)), "{pairs:?}");
        }
    }

    fn headers_of(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }
}
