//! A dispatch is sent once, in the words of each forge.

use ripcord_domain::Kind;
use ripcord_domain::config::Forge;
use ripcord_forge::{Dispatch, Dispatched, RunRef, Secret};
use serde_json::{Map, Value, json};

use crate::fake::{Fake, Reply, SECRET};

pub(crate) fn dispatch() -> Dispatch {
    Dispatch {
        event: "deploy-service".into(),
        workflow: "deploy-service.yml".into(),
        branch: "main".into(),
        payload: payload(),
        trigger: Some(Secret::new("glptt-tr1gger")),
    }
}

fn payload() -> Map<String, Value> {
    let payload = json!({
        "service": "checkout-service", "tag": "hotfix-1", "environment": "production",
        "hotfix": {"name": "INC-31-double-charge", "incident": "INC-31"},
        "correlation_id": "d-7f3k9qxy", "proof": null,
    });
    payload.as_object().unwrap().clone()
}

pub(crate) const GITHUB: &str = "POST /dispatches";
pub(crate) const GITEA: &str =
    "POST /actions/workflows/deploy-service.yml/dispatches?return_run_details=true";
const GITLAB: &str = "POST /trigger/pipeline";

#[tokio::test]
async fn github_takes_the_payload_as_it_is_and_names_no_run() {
    let date = "Sat, 28 Nov 2026 20:29:15 GMT";
    let fake = Fake::of(
        Forge::Github,
        vec![(GITHUB, Reply::empty(204).with("date", date))],
    )
    .await;
    let sent = fake.repository().await.dispatch(&dispatch()).await.unwrap();
    assert_eq!(
        (sent.run, sent.correlation_id.as_str()),
        (None, "d-7f3k9qxy")
    );
    assert_eq!(sent.at.unwrap().to_string(), "2026-11-28T20:29:15Z");
    let asked = &fake.asked()[0];
    assert_eq!(
        asked.json(),
        json!({"event_type": "deploy-service", "client_payload": payload()})
    );
    assert!(asked.authorization.as_ref().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn gitea_takes_texts_only_and_names_the_run() {
    // Recorded.
    let said = json!({
        "workflow_run_id": 1,
        "run_url": "http://127.0.0.1:3000/api/v1/repos/ops/infra/actions/runs/1",
        "html_url": "http://127.0.0.1:3000/ops/infra/actions/runs/1",
    });
    let fake = Fake::of(Forge::Gitea, vec![(GITEA, Reply::json(200, &said))]).await;
    let sent = fake.repository().await.dispatch(&dispatch()).await.unwrap();
    let url = "http://127.0.0.1:3000/ops/infra/actions/runs/1".to_owned();
    assert_eq!(
        sent.run,
        Some(RunRef {
            id: 1,
            url: Some(url)
        })
    );
    let asked = fake.asked()[0].json();
    assert_eq!(asked["ref"], "main");
    assert_eq!(
        asked["inputs"],
        json!({
            "service": "checkout-service", "tag": "hotfix-1", "environment": "production",
            "hotfix": r#"{"name":"INC-31-double-charge","incident":"INC-31"}"#,
            "correlation_id": "d-7f3k9qxy",
        })
    );
}

#[tokio::test]
async fn an_older_gitea_takes_it_without_naming_the_run() {
    let fake = Fake::of(Forge::Gitea, vec![(GITEA, Reply::empty(204))]).await;
    let sent = fake.repository().await.dispatch(&dispatch()).await.unwrap();
    assert_eq!(sent.run, None);
}

#[tokio::test]
async fn forgejo_names_the_run_by_another_word() {
    let said = json!({"id": 12, "run_number": 3, "jobs": ["receive"]});
    let fake = Fake::of(Forge::Gitea, vec![(GITEA, Reply::json(201, &said))]).await;
    let sent = fake.repository().await.dispatch(&dispatch()).await.unwrap();
    assert_eq!(sent.run, Some(RunRef { id: 12, url: None }));
    assert_eq!(fake.asked()[0].json()["return_run_info"], true);
}

#[tokio::test]
async fn gitlab_takes_variables_and_the_trigger_token_says_who_sends() {
    // As the page on pipeline trigger tokens shows it.
    let said = json!({
        "id": 257, "iid": 118, "project_id": 123,
        "sha": "91e2711a93e5d9e8dddfeb6d003b636b25bf6fc9", "ref": "main", "status": "created",
        "web_url": "http://127.0.0.1:3000/acme/infra/-/pipelines/257",
    });
    let fake = Fake::of(Forge::Gitlab, vec![(GITLAB, Reply::json(201, &said))]).await;
    let sent = fake.repository().await.dispatch(&dispatch()).await.unwrap();
    assert_eq!(sent.run.unwrap().id, 257);
    let asked = &fake.asked()[0];
    assert_eq!(asked.authorization, None);
    for part in [
        "token=glptt-tr1gger&ref=main",
        "variables%5BRIPCORD_SERVICE%5D=checkout-service",
        "variables%5BRIPCORD_CORRELATION_ID%5D=d-7f3k9qxy",
        "variables%5BRIPCORD_HOTFIX%5D=%7B%22name%22",
    ] {
        assert!(asked.body.contains(part), "{}", asked.body);
    }
    assert!(!asked.line.contains("tr1gger") && !asked.body.contains("PROOF"));
}

#[tokio::test]
async fn gitlab_says_itself_that_there_is_no_such_branch_and_no_token_is_told() {
    let said = json!({"message": {"base": ["Reference not found", "for glptt-tr1gger"]}});
    let fake = Fake::of(Forge::Gitlab, vec![(GITLAB, Reply::json(400, &said))]).await;
    let repository = fake.repository().await;
    let problem = repository.dispatch(&dispatch()).await.unwrap_err();
    assert_eq!(
        (problem.kind, problem.code.as_str()),
        (Kind::Rejected, "forge_rejected")
    );
    assert!(
        problem.message.contains("base Reference not found"),
        "{problem}"
    );
    assert!(!format!("{problem:?}").contains("tr1gger"), "{problem:?}");
    let without = Dispatch {
        trigger: None,
        ..dispatch()
    };
    let problem = repository.dispatch(&without).await.unwrap_err();
    assert_eq!(problem.code, "no_trigger_token");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn what_github_would_not_take_is_not_sent() {
    let fake = Fake::of(Forge::Github, vec![(GITHUB, Reply::empty(204))]).await;
    let repository = fake.repository().await;
    let with = |name: &str, value: Value| {
        let mut it = dispatch();
        it.payload.insert(name.to_owned(), value);
        it
    };
    let mut many = dispatch();
    for n in many.payload.len()..10 {
        many.payload.insert(format!("p{n}"), n.into());
    }
    repository.dispatch(&many).await.unwrap();
    many.payload.insert("one-more".into(), true.into());
    // The JSON around it has characters too.
    let around = Value::Object(with("gate", "".into()).payload)
        .to_string()
        .chars()
        .count();
    let fits = "ä".repeat(65_535 - around);
    repository
        .dispatch(&with("gate", fits.clone().into()))
        .await
        .unwrap();
    let long = with("gate", format!("{fits}ä").into());
    let nameless = with("correlation_id", "".into());
    let event = Dispatch {
        event: "e".repeat(101),
        ..dispatch()
    };
    for (refused, word) in [
        (many, "11 properties"),
        (long, "65536 characters"),
        (nameless, "no correlation_id"),
        (event, "101 characters"),
    ] {
        let problem = repository.dispatch(&refused).await.unwrap_err();
        assert_eq!(
            (problem.kind, problem.code.as_str()),
            (Kind::Usage, "bad_payload")
        );
        assert!(problem.message.contains(word), "{problem}");
    }
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn a_dispatch_that_may_have_been_taken_is_not_sent_again() {
    for reply in [
        Reply::empty(502),
        Reply::empty(504),
        Reply::page(200, "<html>log in</html>"),
    ] {
        let fake = Fake::of(Forge::Github, vec![(GITHUB, reply)]).await;
        let problem = fake
            .repository()
            .await
            .dispatch(&dispatch())
            .await
            .unwrap_err();
        assert_eq!(problem.code, "dispatch_unclear");
        assert!(problem.hints[0].contains("d-7f3k9qxy"), "{problem:?}");
        assert_eq!(fake.asked().len(), 1);
    }
    let fake = Fake::of(Forge::Github, vec![(GITHUB, Reply::never())]).await;
    let hurried = fake.hurried(std::time::Duration::from_millis(700)).await;
    let problem = hurried.dispatch(&dispatch()).await.unwrap_err();
    assert_eq!(
        (problem.code.as_str(), fake.asked().len()),
        ("dispatch_unclear", 1)
    );
}

#[tokio::test]
async fn a_dispatch_that_was_asked_to_wait_is_sent_again() {
    let wait = json!({"message": "You have exceeded a secondary rate limit."});
    let fake = Fake::of(
        Forge::Github,
        vec![
            (GITHUB, Reply::json(403, &wait).with("retry-after", "1")),
            (GITHUB, Reply::empty(204)),
        ],
    )
    .await;
    fake.repository().await.dispatch(&dispatch()).await.unwrap();
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn an_answer_cut_short_has_taken_the_dispatch() {
    let (host, count) = crate::fake::raw(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 400\r\n\r\n{\"workflow_run",
    )
    .await;
    let limit = std::time::Duration::from_secs(5);
    let repository = crate::fake::open(&host, Some(Forge::Gitea), limit).await;
    let sent = repository.dispatch(&dispatch()).await.unwrap();
    assert_eq!(sent, Dispatched::unseen("d-7f3k9qxy", "deploy-service.yml"));
    assert_eq!(*count.lock().unwrap(), 1);
}

#[tokio::test]
async fn what_a_forge_refuses_is_told_in_its_words() {
    // Recorded, but for GitHub's.
    let refused = [
        (
            Forge::Gitea,
            GITEA,
            404,
            json!({"message": "workflow \"deploy-service.yml\" doesn't exist", "url": "http://127.0.0.1:3000/api/swagger"}),
            (
                "forge_not_there",
                "workflow \"deploy-service.yml\" doesn't exist",
            ),
        ),
        (
            Forge::Gitea,
            GITEA,
            404,
            json!({"message": "ref \"main\" doesn't exist", "url": "http://127.0.0.1:3000/api/swagger"}),
            ("forge_not_there", "ref \"main\" doesn't exist"),
        ),
        (
            Forge::Gitea,
            GITEA,
            403,
            json!({"message": "workflow is disabled", "url": "http://127.0.0.1:3000/api/swagger"}),
            ("forge_forbidden", "workflow is disabled"),
        ),
        (
            Forge::Github,
            GITHUB,
            422,
            json!({"message": "Invalid request.\n\nNo more than 10 properties are allowed; 13 were supplied.",
                   "documentation_url": "https://docs.github.com/rest", "status": "422"}),
            ("forge_rejected", "13 were supplied"),
        ),
    ];
    for (forge, line, status, said, (code, words)) in refused {
        let fake = Fake::of(forge, vec![(line, Reply::json(status, &said))]).await;
        let problem = fake
            .repository()
            .await
            .dispatch(&dispatch())
            .await
            .unwrap_err();
        assert_eq!(problem.code, code);
        assert!(problem.message.contains(words), "{problem}");
        assert!(!format!("{problem:?}").contains(SECRET));
        assert_eq!(fake.asked().len(), 1);
    }
}

#[tokio::test]
async fn github_hides_from_a_token_what_it_may_not_write() {
    let said = json!({"message": "Not Found", "status": "404"});
    let reply = Reply::json(404, &said).with("x-accepted-github-permissions", "contents=write");
    let fake = Fake::of(Forge::Github, vec![(GITHUB, reply)]).await;
    let problem = fake
        .repository()
        .await
        .dispatch(&dispatch())
        .await
        .unwrap_err();
    assert!(problem.hints[0].contains("contents=write"), "{problem:?}");
    assert!(problem.hints[1].contains("GITHUB_TOKEN"), "{problem:?}");
}

#[tokio::test]
async fn gitlab_hides_a_project_from_a_trigger_token_of_another() {
    let said = json!({"message": "404 Not Found"});
    let fake = Fake::of(Forge::Gitlab, vec![(GITLAB, Reply::json(404, &said))]).await;
    let problem = fake
        .repository()
        .await
        .dispatch(&dispatch())
        .await
        .unwrap_err();
    assert_eq!(problem.code, "forge_not_there");
    assert!(problem.hints[0].contains("trigger token") && problem.hints.len() == 1);
    assert!(!problem.message.contains("404"), "{problem}");
}
