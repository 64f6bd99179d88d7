use serde_json::json;

use super::*;
use crate::{Mapping, understand};

fn said(kind: Option<&str>, body: &Value) -> Result<Understood, NotUnderstood> {
    let pairs: Vec<(&str, &str)> = kind.map(|kind| (KIND, kind)).into_iter().collect();
    let (mapping, body) = (Mapping::default(), body.to_string());
    let at = "2026-11-20T17:25:00Z".parse().unwrap();
    understand(
        SourceKind::Gitea,
        "g",
        &mapping,
        Headers(&pairs),
        body.as_bytes(),
        at,
    )
}

fn body() -> Value {
    json!({
        "ref": "refs/heads/main", "after": "0123abc", "compare_url": "https://git.example/compare",
        "repository": {"default_branch": "main", "full_name": "acme/infra"},
        "pusher": {"login": "ada"},
        "head_commit": {"message": "Deploy v2\n\nmore", "timestamp": "2026-11-20T18:00:00+01:00"},
        "commits": [{"added": ["b"], "modified": ["a"], "removed": []}, {"modified": ["a"]}],
    })
}

#[test]
fn a_push_to_the_branch_that_is_deployed_is_a_commit_of_a_deploy() {
    let Ok(Understood::Told(told)) = said(Some("push"), &body()) else {
        panic!()
    };
    let event = &told.events[0];
    assert_eq!(event.id.as_str(), "gitea/g/push/acme%2Finfra/0123abc");
    assert_eq!(event.observed.to_string(), "2026-11-20T17:00:00Z");
    assert_eq!(event.author.as_deref(), Some("ada"));
    let ripcord_domain::incident::event::Fact::Deploy(report) = &event.fact else {
        panic!()
    };
    assert_eq!(report.paths, ["a", "b"]);
    assert_eq!(report.subject.as_deref(), Some("Deploy v2"));
}

#[test]
fn other_branches_deletions_and_other_kinds_say_nothing() {
    for (field, value) in [
        ("ref", "refs/heads/x"),
        ("ref", "refs/tags/main"),
        ("after", "000"),
    ] {
        let mut body = body();
        body[field] = json!(value);
        assert!(
            matches!(said(Some("push"), &body), Ok(Understood::Nothing(_))),
            "{field}"
        );
    }
    assert!(matches!(
        said(Some("issues"), &json!({})),
        Ok(Understood::Nothing(_))
    ));
}

#[test]
fn what_is_missing_is_named() {
    let mut body = body();
    body["repository"] = json!({"name": "x"});
    let error = said(Some("push"), &body).unwrap_err().to_string();
    assert!(error.contains("`repository.default_branch`"), "{error}");
    assert!(error.contains("an object with name"), "{error}");
    assert!(said(None, &body).unwrap_err().to_string().contains(KIND));
}
