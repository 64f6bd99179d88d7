use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::*;

const KINDS: [SourceKind; 11] = [
    SourceKind::Pagerduty,
    SourceKind::Alertmanager,
    SourceKind::Grafana,
    SourceKind::Opsgenie,
    SourceKind::Argocd,
    SourceKind::Rollouts,
    SourceKind::Github,
    SourceKind::Gitlab,
    SourceKind::Gitea,
    SourceKind::Cdevents,
    SourceKind::Generic,
];
const BODY: &[u8] = b"{\"a\":1}";
const NOW: &str = "1767225600";

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn source(kind: SourceKind, secrets: &[&str]) -> Source {
    Source {
        kind,
        mapping: Mapping::default(),
        secrets: secrets.iter().map(|secret| Secret::new(*secret)).collect(),
    }
}

fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The headers by which a system of a kind proves this body, in each of its ways.
fn ways(kind: SourceKind, secret: &str, body: &[u8]) -> Vec<Vec<(&'static str, String)>> {
    let plain = hex(&mac(secret, &[body]));
    let bearer = vec![("Authorization", format!("Bearer {secret}"))];
    match kind {
        SourceKind::Pagerduty => {
            let both = format!("v1={},v1={plain}", hex(&mac("old", &[body])));
            let one = vec![("X-PagerDuty-Signature", format!("v1={plain}"))];
            vec![one, vec![("X-PagerDuty-Signature", both)]]
        }
        SourceKind::Github => vec![vec![("X-Hub-Signature-256", format!("sha256={plain}"))]],
        SourceKind::Gitea => vec![
            vec![("X-Gitea-Signature", plain.clone())],
            vec![("X-Forgejo-Signature", plain.clone())],
            vec![("X-Hub-Signature-256", format!("sha256={plain}"))],
        ],
        SourceKind::Gitlab => {
            let signed = mac(secret, &[b"m1.", NOW.as_bytes(), b".", body]);
            vec![
                vec![
                    (
                        "webhook-signature",
                        format!("v1,{}", STANDARD.encode(signed)),
                    ),
                    ("webhook-id", "m1".to_owned()),
                    ("webhook-timestamp", NOW.to_owned()),
                ],
                vec![("X-Gitlab-Token", secret.to_owned())],
            ]
        }
        SourceKind::Grafana => {
            let stamped = hex(&mac(secret, &[NOW.as_bytes(), b":", body]));
            vec![
                vec![("X-Grafana-Alerting-Signature", plain.clone())],
                vec![("X-Grafana-Alert-Signature", plain)],
                vec![
                    ("X-Grafana-Alerting-Signature", stamped),
                    ("X-Grafana-Alerting-Timestamp", NOW.to_owned()),
                ],
                bearer,
            ]
        }
        _ => vec![bearer],
    }
}

fn prove(
    source: &Source,
    headers: &[(&str, String)],
    body: &[u8],
    at: Timestamp,
) -> Result<(), Unsigned> {
    let pairs: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    source.prove(Headers(&pairs), body, at)
}

#[test]
fn every_kind_is_proven_in_each_of_its_ways_by_any_of_its_secrets() {
    for kind in KINDS {
        for secrets in [&["test-secret"][..], &["new", "test-secret"]] {
            let source = source(kind, secrets);
            for way in ways(kind, "test-secret", BODY) {
                assert_eq!(
                    prove(&source, &way, BODY, now()),
                    Ok(()),
                    "{kind:?} {way:?}"
                );
            }
        }
    }
}

#[test]
fn no_kind_takes_what_another_secret_proves_or_nothing() {
    for kind in KINDS {
        for way in ways(kind, "another", BODY) {
            let refused = prove(&source(kind, &["test-secret"]), &way, BODY, now());
            assert_eq!(refused, Err(Unsigned::Wrong), "{kind:?} {way:?}");
        }
        for way in ways(kind, "", BODY) {
            for secrets in [&[""][..], &[]] {
                assert!(
                    prove(&source(kind, secrets), &way, BODY, now()).is_err(),
                    "{kind:?}"
                );
            }
        }
        let without = prove(&source(kind, &["test-secret"]), &[], BODY, now());
        assert_eq!(without, Err(Unsigned::Missing), "{kind:?}");
    }
}

#[test]
fn what_is_signed_is_the_body_and_a_fixed_header_is_all_that_the_others_can_send() {
    for kind in KINDS {
        let source = source(kind, &["test-secret"]);
        for way in ways(kind, "test-secret", BODY) {
            let is_token = way.iter().any(|(_, value)| value.contains("test-secret"));
            let altered = prove(&source, &way, b"{\"a\":2}", now());
            assert_eq!(altered.is_ok(), is_token, "{kind:?} {way:?}");
        }
    }
}

#[test]
fn no_kind_takes_the_proof_of_another() {
    for kind in KINDS {
        let own = ways(kind, "test-secret", BODY);
        for other in KINDS {
            for way in ways(other, "test-secret", BODY) {
                let taken = prove(&source(kind, &["test-secret"]), &way, BODY, now()).is_ok();
                assert_eq!(taken, own.contains(&way), "{kind:?} by {way:?}");
            }
        }
    }
}

#[test]
fn what_is_signed_with_its_time_is_refused_when_it_is_old_or_loses_its_time() {
    for kind in [SourceKind::Gitlab, SourceKind::Grafana] {
        let source = source(kind, &["test-secret"]);
        let mut stamped = ways(kind, "test-secret", BODY);
        stamped.retain(|way| way.iter().any(|(_, value)| value == NOW));
        let later: Timestamp = "2026-01-01T00:05:01Z".parse().unwrap();
        for mut way in stamped {
            assert_eq!(prove(&source, &way, BODY, later), Err(Unsigned::Stale));
            way.retain(|(_, value)| value != NOW);
            assert!(prove(&source, &way, BODY, now()).is_err(), "{kind:?}");
        }
    }
}

#[test]
fn a_secret_of_gitlab_for_signing_signs_and_is_never_taken_as_a_token() {
    let secret = format!("whsec_{}", STANDARD.encode("test-secret"));
    let source = source(SourceKind::Gitlab, &[&secret]);
    let signed = &ways(SourceKind::Gitlab, "test-secret", BODY)[0];
    assert_eq!(prove(&source, signed, BODY, now()), Ok(()));
    for token in [secret.as_str(), "test-secret"] {
        let sent = [("X-Gitlab-Token", token.to_owned())];
        assert_eq!(prove(&source, &sent, BODY, now()), Err(Unsigned::Wrong));
    }
    // A signature that does not hold is not made up for by a token.
    let mut both = ways(SourceKind::Gitlab, "another", BODY).concat();
    both.push(("X-Gitlab-Token", secret));
    assert_eq!(prove(&source, &both, BODY, now()), Err(Unsigned::Wrong));
}

#[test]
fn a_secret_is_never_shown() {
    let shown = format!("{:?}", source(SourceKind::Github, &["test-secret"]));
    assert!(!shown.contains("test-secret"), "{shown}");
}
