use proptest::prelude::*;

use super::*;

const BODY: &[u8] = br#"{"event":{"id":"e1","event_type":"incident.triggered"}}"#;
const NEW: &[u8] = b"test-secret";
const OLD: &[u8] = b"old-secret";
const BY_NEW: &str = "v1=4486305e9c260404cf60b51e5499b9ed082111688649fffe7195c3e8f5efc936";
const BY_OLD: &str = "v1=cb8fa1d990fa07553183efff3262d692f68cde4b1e94a65605c331042fd3e562";
const HELLO: &[u8] = b"Hello, World!";
const EVERYBODY: &[u8] = b"It's a Secret to Everybody";
const BY_EVERYBODY: &str =
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const STAMP: &str = "1767225600";
const STAMPED: &str = "ea0ccc968d6fec6e2d6597c03746d80cbc1f38fe77089db7be39e7d3da62c349";

#[expect(clippy::unnecessary_wraps, reason = "it is taken so")]
fn stamp(header: Option<&str>, later: i64) -> Option<Stamp<'_>> {
    let now = Timestamp::from_second(1_767_225_600 + later).unwrap();
    Some(Stamp {
        header,
        now,
        window: WINDOW,
    })
}

#[test]
fn pagerduty_is_proven_by_any_signature_and_any_secret() {
    let both = format!("{BY_OLD},{BY_NEW}");
    assert_eq!(pagerduty(Some(BY_NEW), BODY, &[NEW]), Ok(()));
    assert_eq!(pagerduty(Some(BY_OLD), BODY, &[OLD]), Ok(()));
    assert_eq!(pagerduty(Some(&both), BODY, &[NEW]), Ok(()));
    assert_eq!(pagerduty(Some(&both), BODY, &[OLD]), Ok(()));
    assert_eq!(pagerduty(Some(BY_OLD), BODY, &[NEW, OLD]), Ok(()));
    let later = format!("v2=something, {BY_NEW}");
    assert_eq!(pagerduty(Some(&later), BODY, &[NEW]), Ok(()));
}

#[test]
fn pagerduty_is_refused_when_anything_is_wrong() {
    let mut altered = BODY.to_vec();
    altered[3] ^= 1;
    let upper = format!("v1={}", BY_NEW[3..].to_uppercase());
    assert_eq!(pagerduty(Some(BY_NEW), BODY, &[OLD]), Err(Unsigned::Wrong));
    assert_eq!(
        pagerduty(Some(BY_NEW), &altered, &[NEW]),
        Err(Unsigned::Wrong)
    );
    assert_eq!(pagerduty(None, BODY, &[NEW]), Err(Unsigned::Missing));
    assert_eq!(pagerduty(Some(" "), BODY, &[NEW]), Err(Unsigned::Missing));
    for header in [&upper, ",", "v1=", "v2=00", &BY_NEW[3..], &BY_NEW[..65]] {
        assert_eq!(
            pagerduty(Some(header), BODY, &[NEW]),
            Err(Unsigned::Malformed),
            "{header}"
        );
    }
}

#[test]
fn without_a_secret_or_with_an_empty_one_nothing_is_signed() {
    let by_empty = mac(b"", &[BODY]).unwrap().finalize().into_bytes();
    let hex = by_empty
        .iter()
        .fold(String::from("v1="), |hex, byte| format!("{hex}{byte:02x}"));
    assert_eq!(pagerduty(Some(&hex), BODY, &[b""]), Err(Unsigned::Wrong));
    assert_eq!(pagerduty(Some(BY_NEW), BODY, &[]), Err(Unsigned::Wrong));
    assert_eq!(github(Some(BY_EVERYBODY), HELLO, &[]), Err(Unsigned::Wrong));
    assert_eq!(
        grafana(Some(STAMPED), None, BODY, &[]),
        Err(Unsigned::Wrong)
    );
    assert_eq!(token(Some("x"), &[]), Err(Unsigned::Wrong));
    assert_eq!(token(Some("x"), &[b""]), Err(Unsigned::Wrong));
    assert_eq!(token(Some(""), &[b""]), Err(Unsigned::Missing));
}

#[test]
fn github_is_proven_by_its_own_example_and_nothing_near_it() {
    assert_eq!(github(Some(BY_EVERYBODY), HELLO, &[EVERYBODY]), Ok(()));
    assert_eq!(github(Some(BY_EVERYBODY), HELLO, &[NEW, EVERYBODY]), Ok(()));
    assert_eq!(
        github(Some(BY_EVERYBODY), b"Hello, World?", &[EVERYBODY]),
        Err(Unsigned::Wrong)
    );
    assert_eq!(
        github(Some(BY_EVERYBODY), HELLO, &[NEW]),
        Err(Unsigned::Wrong)
    );
    assert_eq!(github(None, HELLO, &[EVERYBODY]), Err(Unsigned::Missing));
    let upper = format!("sha256={}", BY_EVERYBODY[7..].to_uppercase());
    for header in [upper.as_str(), &BY_EVERYBODY[7..], "sha1=00", "sha256=é"] {
        assert_eq!(
            github(Some(header), HELLO, &[EVERYBODY]),
            Err(Unsigned::Malformed)
        );
    }
}

#[test]
fn grafana_is_proven_with_its_time_within_the_window_only() {
    let at = |later| grafana(Some(STAMPED), stamp(Some(STAMP), later), BODY, &[NEW]);
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(300), Ok(()));
    assert_eq!(at(-300), Ok(()));
    assert_eq!(at(301), Err(Unsigned::Stale));
    assert_eq!(at(-301), Err(Unsigned::Stale));
}

#[test]
fn a_time_that_is_configured_cannot_be_left_out_or_changed() {
    let with = |header| grafana(Some(STAMPED), stamp(header, 0), BODY, &[NEW]);
    assert_eq!(with(None), Err(Unsigned::Missing));
    assert_eq!(with(Some("1767225601")), Err(Unsigned::Wrong));
    for text in [
        "-1",
        "now",
        "+1767225600",
        "99999999999999999999",
        "9999999999999",
    ] {
        assert_eq!(with(Some(text)), Err(Unsigned::Malformed), "{text}");
    }
    assert_eq!(
        grafana(Some(STAMPED), None, BODY, &[NEW]),
        Err(Unsigned::Wrong)
    );
}

#[test]
fn a_stale_request_that_is_not_signed_is_wrong_and_tells_nothing_of_the_clock() {
    let stale = stamp(Some(STAMP), 9_000);
    assert_eq!(
        grafana(Some(STAMPED), stale, BODY, &[OLD]),
        Err(Unsigned::Wrong)
    );
}

#[test]
fn grafana_without_a_time_is_signed_over_the_body_alone() {
    assert_eq!(grafana(Some(&BY_NEW[3..]), None, BODY, &[NEW]), Ok(()));
    assert_eq!(grafana(Some(&BY_NEW[3..]), None, BODY, &[OLD, NEW]), Ok(()));
    assert_eq!(
        grafana(Some(&BY_NEW[3..]), None, HELLO, &[NEW]),
        Err(Unsigned::Wrong)
    );
    let upper = BY_NEW[3..].to_uppercase();
    for header in [upper.as_str(), BY_NEW, "00"] {
        assert_eq!(
            grafana(Some(header), None, BODY, &[NEW]),
            Err(Unsigned::Malformed)
        );
    }
}

#[test]
fn a_token_is_one_of_the_secrets_to_the_letter() {
    assert_eq!(token(Some("test-secret"), &[NEW]), Ok(()));
    assert_eq!(token(Some("old-secret"), &[NEW, OLD]), Ok(()));
    assert_eq!(token(None, &[NEW]), Err(Unsigned::Missing));
    for wrong in ["test-secre", "test-secret0", "Test-secret", "test-secret\0"] {
        assert_eq!(token(Some(wrong), &[NEW]), Err(Unsigned::Wrong));
    }
}

const GITLAB: &str = "v1,InJb3X4qku2ZoyeDiuUmVf2XdPLDHsfoVbJE5seesRk=";
const GITLAB_BY_OLD: &str = "v1,CitM6hbVNac9GJk+gtWi9S0Ad7oK+drqbVHuFc98vh4=";

fn gitlab_at(header: Option<&str>, later: i64, secrets: &[&[u8]]) -> Result<(), Unsigned> {
    let stamp = stamp(Some(STAMP), later).unwrap();
    gitlab(header, Some("msg-1"), stamp, BODY, secrets)
}

#[test]
fn gitlab_is_proven_over_id_time_and_body_by_any_secret() {
    assert_eq!(gitlab_at(Some(GITLAB), 0, &[NEW]), Ok(()));
    assert_eq!(gitlab_at(Some(GITLAB), 0, &[OLD, NEW]), Ok(()));
    assert_eq!(
        gitlab_at(Some(GITLAB), 0, &[b"whsec_dGVzdC1zZWNyZXQ="]),
        Ok(())
    );
    let both = format!("{GITLAB_BY_OLD} v2,x {GITLAB}");
    assert_eq!(gitlab_at(Some(&both), 0, &[NEW]), Ok(()));
    assert_eq!(gitlab_at(Some(GITLAB), 301, &[NEW]), Err(Unsigned::Stale));
}

#[test]
fn gitlab_is_refused_when_anything_is_wrong() {
    assert_eq!(gitlab_at(Some(GITLAB), 0, &[OLD]), Err(Unsigned::Wrong));
    assert_eq!(gitlab_at(Some(GITLAB), 9_000, &[OLD]), Err(Unsigned::Wrong));
    assert_eq!(gitlab_at(Some(GITLAB), 0, &[]), Err(Unsigned::Wrong));
    assert_eq!(
        gitlab_at(Some(GITLAB), 0, &[b"whsec_"]),
        Err(Unsigned::Wrong)
    );
    assert_eq!(gitlab_at(None, 0, &[NEW]), Err(Unsigned::Missing));
    for header in [&GITLAB[3..], "v1,", "v1,AAAA", BY_NEW] {
        assert_eq!(
            gitlab_at(Some(header), 0, &[NEW]),
            Err(Unsigned::Malformed),
            "{header}"
        );
    }
    let signed =
        |id, time, body: &[u8]| gitlab(Some(GITLAB), id, stamp(time, 0).unwrap(), body, &[NEW]);
    assert_eq!(signed(None, Some(STAMP), BODY), Err(Unsigned::Missing));
    assert_eq!(signed(Some("msg-1"), None, BODY), Err(Unsigned::Missing));
    assert_eq!(
        signed(Some("msg-2"), Some(STAMP), BODY),
        Err(Unsigned::Wrong)
    );
    assert_eq!(
        signed(Some("msg-1"), Some("1767225601"), BODY),
        Err(Unsigned::Wrong)
    );
    assert_eq!(
        signed(Some("msg-1"), Some(STAMP), HELLO),
        Err(Unsigned::Wrong)
    );
}

#[test]
fn gitea_is_proven_by_hex_alone() {
    let hex = &BY_NEW[3..];
    let mut altered = BODY.to_vec();
    altered[3] ^= 1;
    assert_eq!(gitea(Some(hex), BODY, &[OLD, NEW]), Ok(()));
    assert_eq!(gitea(Some(hex), BODY, &[OLD]), Err(Unsigned::Wrong));
    assert_eq!(gitea(Some(hex), BODY, &[]), Err(Unsigned::Wrong));
    assert_eq!(gitea(Some(hex), &altered, &[NEW]), Err(Unsigned::Wrong));
    assert_eq!(gitea(None, BODY, &[NEW]), Err(Unsigned::Missing));
    for header in [hex.to_uppercase().as_str(), BY_NEW, &hex[1..]] {
        assert_eq!(gitea(Some(header), BODY, &[NEW]), Err(Unsigned::Malformed));
    }
}

proptest! {
    #[test]
    fn no_header_and_no_body_that_were_made_up_are_taken_and_none_panics(
        header in ".*|(v1=|sha256=)?[0-9a-f]{64}", time in proptest::option::of(".*|[0-9]{1,20}"), body in any::<Vec<u8>>(),
    ) {
        let (signature, secrets) = (Some(header.as_str()), [NEW, OLD]);
        prop_assert!(pagerduty(signature, &body, &secrets).is_err());
        prop_assert!(github(signature, &body, &secrets).is_err());
        prop_assert!(grafana(signature, None, &body, &secrets).is_err());
        prop_assert!(grafana(signature, stamp(time.as_deref(), 0), &body, &secrets).is_err());
        prop_assert!(gitea(signature, &body, &secrets).is_err());
        let stamped = stamp(time.as_deref(), 0).unwrap();
        prop_assert!(gitlab(signature, Some(&header), stamped, &body, &secrets).is_err());
        prop_assert!(token(signature, &secrets).is_err());
    }
}

#[test]
fn a_secret_for_signing_is_no_token_of_gitlab() {
    let signing: &[u8] = b"whsec_dGVzdC1zZWNyZXQ=";
    let sent = std::str::from_utf8(signing).unwrap();
    assert_eq!(gitlab_token(Some("test-secret"), &[NEW]), Ok(()));
    assert_eq!(gitlab_token(Some("test-secret"), &[signing, NEW]), Ok(()));
    assert_eq!(gitlab_token(Some(sent), &[signing]), Err(Unsigned::Wrong));
    assert_eq!(
        gitlab_token(Some(sent), &[signing, NEW]),
        Err(Unsigned::Wrong)
    );
    // Nor is the key that it holds.
    assert_eq!(
        gitlab_token(Some("test-secret"), &[signing]),
        Err(Unsigned::Wrong)
    );
}
