use proptest::prelude::*;

use super::*;

const KINDS: [SourceKind; 13] = [
    SourceKind::Ripcord,
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
    SourceKind::Git,
    SourceKind::Generic,
];

/// Bodies near enough to real ones that most of the reading is reached.
const NEAR: [&str; 13] = [
    r#"{"version":"4","alerts":[{"status":"resolved","labels":{"app":"x"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2026-01-01T00:01:00Z"}]}"#,
    r#"{"event":{"id":"e","event_type":"incident.resolved","occurred_at":"2026-01-01T00:00:00Z","data":{"id":"P","created_at":"2026-01-01T00:00:00Z"}}}"#,
    r#"{"action":"Create","alert":{"alertId":"a","createdAt":1767225600000,"updatedAt":1767225600000000000}}"#,
    r#"{"ref":"refs/heads/main","after":"0123","repository":{"default_branch":"main","full_name":"a/b","pushed_at":1767225600},"commits":[{"added":["a"]}],"head_commit":{"timestamp":"2026-01-01T00:00:00Z"}}"#,
    r#"{"deployment":{"id":7,"ref":"v2","environment":"staging"},"deployment_status":{"id":9,"state":"success","created_at":"2026-01-01T00:00:00Z"},"repository":{"name":"pay","full_name":"acme/pay"}}"#,
    include_str!("../testdata/argocd.json"),
    include_str!("../testdata/rollouts.json"),
    r#"{"data":{"context":{"id":"e","source":"/mon","type":"dev.cdevents.incident.resolved.0.3.0","timestamp":"2026-01-01T00:00:00Z"},"subject":{"id":"i","content":{"description":"d","environment":{"id":"e"},"service":{"id":"pay"}}}}}"#,
    r#"[{"id":7,"state":"resolved","started":1767225600,"ended":"2026-01-01T00:01:00Z","tags":{"app":"pay"},"link":"https://x.example"}]"#,
    r#"{"context":{"id":"e","source":"/ci","type":"dev.cdevents.service.deployed.0.3.0","timestamp":"2026-01-01T00:00:00Z"},"subject":{"id":"pay","content":{"environment":{"id":"e"},"artifactId":"pkg:oci/pay"}}}"#,
    r#"{"ref":"refs/heads/main","after":"0123","project":{"default_branch":"main","path_with_namespace":"a/b"},"commits":[{"id":"0123","message":"m","timestamp":"2026-01-01T00:00:00Z","added":["a"]}]}"#,
    r#"{"status":"success","status_changed_at":"2026-01-01 00:00:00 +0100","deployment_id":15,"environment":"e","project":{"name":"pay","path_with_namespace":"a/pay"}}"#,
    r#"{"object_attributes":{"id":3,"status":"failed","sha":"0123","finished_at":"2026-01-01 00:00:00 UTC"},"project":{"path_with_namespace":"a/b"},"builds":[{"name":"t","status":"failed"}]}"#,
];

const HEADERS: [[(&str, &str); 1]; 7] = [
    [("X-GitHub-Event", "push")],
    [("X-GitHub-Event", "ping")],
    [("X-GitHub-Event", "deployment_status")],
    [("X-Gitea-Event", "push")],
    [("X-Gitlab-Event", "Push Hook")],
    [("X-Gitlab-Event", "Deployment Hook")],
    [("X-Gitlab-Event", "Pipeline Hook")],
];

fn mapping() -> Mapping {
    let mapping = r#"{"body":{"alert":{"id":"$.id","state":"$.state","started":"$.started","ended":"$.ended","labels":"$.tags","link":"$.link"}}}"#;
    serde_json::from_str(mapping).unwrap()
}

fn all(source: &str, body: &[u8]) {
    for kind in KINDS {
        for pairs in HEADERS {
            let mapping = mapping();
            let at = Timestamp::UNIX_EPOCH;
            let _ = understand(kind, source, &mapping, Headers(&pairs), body, at);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_whatever_make_it_panic(source in ".*", body in any::<Vec<u8>>()) {
        all(&source, &body);
    }

    #[test]
    fn no_body_that_is_nearly_right_makes_it_panic(
        which in 0..NEAR.len(), at in any::<prop::sample::Index>(), end in any::<prop::sample::Index>(), put in ".{0,4}|[0-9]{1,40}|null|\\{\\}|\\[\\]",
    ) {
        let body = NEAR[which].as_bytes();
        let (a, b) = (at.index(body.len()), end.index(body.len()));
        let mut changed = body[..a.min(b)].to_vec();
        changed.extend(put.as_bytes());
        changed.extend(&body[a.max(b)..]);
        all("s", &changed);
    }
}

#[test]
fn each_of_the_bodies_that_are_nearly_right_is_right_for_somebody() {
    for body in NEAR {
        let understood = KINDS.iter().any(|&kind| {
            HEADERS.iter().any(|pairs| {
                let (mapping, at) = (mapping(), Timestamp::UNIX_EPOCH);
                let said = understand(kind, "s", &mapping, Headers(pairs), body.as_bytes(), at);
                matches!(said, Ok(Understood::Told(_)))
            })
        });
        assert!(understood, "{body}");
    }
}

#[test]
fn a_body_that_is_nested_without_end_is_not_json() {
    let body = "[".repeat(100_000);
    all("s", body.as_bytes());
}

#[test]
fn headers_are_found_in_whatever_letters() {
    let headers = Headers(&[("X-GitHub-Event", "push")]);
    assert_eq!(headers.get("x-github-event"), Some("push"));
    assert_eq!(headers.get("x-other"), None);
}
