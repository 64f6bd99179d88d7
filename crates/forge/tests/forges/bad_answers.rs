//! What is told, and what is asked again, when a forge does not answer as it should.

use std::time::{Duration, Instant};

use ripcord_domain::config::Forge;
use ripcord_domain::{Kind, Problem};
use ripcord_forge::{Place, Repository, Who, rules};
use serde_json::json;

use crate::dispatch::dispatch;
use crate::fake::{Fake, Reply, SECRET, open, raw};

const BRANCH: &str = "GET /branches/main";
const REFS: &str = "GET /git/matching-refs/heads/main?per_page=100&page=1";

async fn problem_of(forge: Forge, line: &str, reply: Reply) -> Problem {
    let fake = Fake::of(forge, vec![(line, reply)]).await;
    let problem = fake
        .repository()
        .await
        .branch_exists("main")
        .await
        .unwrap_err();
    assert!(!format!("{problem:?}").contains(SECRET), "{problem:?}");
    problem
}

#[tokio::test]
async fn a_token_that_is_wrong_or_missing_is_told_apart() {
    // Recorded.
    let said = json!({"message": format!("invalid username, password or token {SECRET}")});
    let problem = problem_of(Forge::Gitea, BRANCH, Reply::json(401, &said)).await;
    assert_eq!(
        (problem.kind, problem.code.as_str()),
        (Kind::Remote, "forge_credentials")
    );
    assert!(
        problem.message.contains("does not take the token"),
        "{problem}"
    );
    let said = json!({"message": "token is required"});
    let fake = Fake::of(Forge::Gitea, vec![(BRANCH, Reply::json(401, &said))]).await;
    let place = Place::of(&format!("http://{}/acme/infra", fake.host)).unwrap();
    let limit = Duration::from_secs(5);
    let nobody = Repository::open(&place, Some(Forge::Gitea), None, limit)
        .await
        .unwrap();
    let problem = nobody.branch_exists("main").await.unwrap_err();
    assert!(
        problem.message.contains("wants to know who asks"),
        "{problem}"
    );
    assert_eq!(fake.asked()[0].authorization, None);
}

#[tokio::test]
async fn the_scope_that_a_token_lacks_is_named() {
    // Recorded.
    let said = json!({"message": "token does not have at least one of required scope(s), required=[write:repository], token scope=read:repository", "url": "http://127.0.0.1:3000/api/swagger"});
    let problem = problem_of(Forge::Gitea, BRANCH, Reply::json(403, &said)).await;
    assert_eq!(
        (problem.kind, problem.code.as_str()),
        (Kind::Rejected, "forge_forbidden")
    );
    assert_eq!(
        problem.hints,
        ["give the token the scope write:repository; it has read:repository"]
    );
    let said =
        json!({"message": "Resource not accessible by personal access token", "status": "403"});
    let fine = Reply::json(403, &said).with("x-accepted-github-permissions", "contents=read");
    let problem = problem_of(Forge::Github, REFS, fine).await;
    assert_eq!(
        problem.hints,
        ["give the token the permission contents=read"]
    );
    let classic = Reply::json(403, &said)
        .with("x-accepted-github-permissions", "contents=read")
        .with("x-accepted-oauth-scopes", "repo")
        .with("x-oauth-scopes", "read:org");
    let problem = problem_of(Forge::Github, REFS, classic).await;
    assert_eq!(
        problem.hints,
        ["give the token one of the scopes repo; it has read:org"]
    );
    let sso = "required; url=https://github.com/orgs/acme/sso?authorization_request=AAA";
    let sso = Reply::json(403, &said).with("x-github-sso", sso);
    let problem = problem_of(Forge::Github, REFS, sso).await;
    assert!(problem.hints[0].contains("single sign-on"), "{problem:?}");
    assert!(!format!("{problem:?}").contains("authorization_request"));
    let said = json!({"error": "insufficient_scope", "scope": "api read_api",
                      "error_description": "The request requires higher privileges than provided by the access token."});
    let branch = "GET /repository/branches/main";
    let problem = problem_of(Forge::Gitlab, branch, Reply::json(403, &said)).await;
    assert_eq!(
        problem.hints,
        ["give the token one of the scopes api read_api"]
    );
}

#[tokio::test]
async fn a_repository_that_was_renamed_is_said_and_the_token_stays_here() {
    // Recorded.
    let there = "/api/v1/repos/acme/infra2/branches/main";
    let page = format!("<a href=\"{there}\">Moved Permanently</a>.\n\n");
    let reply = Reply::page(301, &page).with("location", there);
    let fake = Fake::of(Forge::Gitea, vec![(BRANCH, reply)]).await;
    let problem = fake
        .repository()
        .await
        .branch_exists("main")
        .await
        .unwrap_err();
    assert_eq!(
        (problem.kind, problem.code.as_str()),
        (Kind::Usage, "repository_moved")
    );
    assert!(
        problem.message.contains("acme/infra has another name"),
        "{problem}"
    );
    assert!(problem.message.contains("repos/acme/infra2"), "{problem}");
    assert_eq!(fake.asked().len(), 1);
    // A write is redirected by 307 on GitHub; it was not taken.
    let there = format!(
        "http://{}/api/v3/repositories/1300192/dispatches?a=b",
        fake.host
    );
    let github = Fake::of(
        Forge::Github,
        vec![(
            "POST /dispatches",
            Reply::empty(307).with("location", &there),
        )],
    )
    .await;
    let problem = github
        .repository()
        .await
        .dispatch(&dispatch())
        .await
        .unwrap_err();
    assert_ne!(problem.code, "dispatch_unclear");
    assert_eq!(fake.asked().len(), 1, "the token went to another host");
}

#[tokio::test]
async fn a_login_page_is_not_taken_for_an_api() {
    let away = "https://sso.acme.example/login?return=x";
    let problem = problem_of(
        Forge::Gitea,
        BRANCH,
        Reply::empty(302).with("location", away),
    )
    .await;
    assert_eq!(
        (problem.kind, problem.code.as_str()),
        (Kind::Remote, "not_an_api")
    );
    assert!(problem.message.contains("sso.acme.example"), "{problem}");
    let page = Reply::page(200, "<html><title>Sign in</title></html>");
    let problem = problem_of(Forge::Gitea, BRANCH, page).await;
    assert_eq!(problem.code, "not_an_api");
    // A page that comes with an error is not read out.
    let page = Reply::page(404, "<html><b>nginx</b></html>");
    let problem = problem_of(Forge::Gitea, BRANCH, page.clone()).await;
    assert!(!problem.message.contains("nginx"), "{problem}");
}

#[tokio::test]
async fn a_question_is_asked_again_while_the_forge_is_unwell() {
    let there = Reply::json(200, &json!({"name": "main"}));
    let answers = vec![
        (BRANCH, Reply::page(502, "<html>Bad Gateway</html>")),
        (
            BRANCH,
            Reply::json(429, &json!({})).with("retry-after", "1"),
        ),
        (BRANCH, there),
    ];
    let fake = Fake::of(Forge::Gitea, answers).await;
    let began = Instant::now();
    assert!(fake.repository().await.branch_exists("main").await.unwrap());
    assert_eq!(fake.asked().len(), 3);
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "it did not wait as told"
    );
}

#[tokio::test]
async fn a_wait_that_is_longer_than_the_limit_is_told_at_once() {
    let reply = Reply::json(429, &json!({"message": "Retry later"})).with("retry-after", "90");
    let fake = Fake::of(Forge::Gitea, vec![(BRANCH, reply)]).await;
    let began = Instant::now();
    let problem = fake
        .repository()
        .await
        .branch_exists("main")
        .await
        .unwrap_err();
    assert_eq!(
        (problem.kind, problem.code.as_str()),
        (Kind::Remote, "asked_too_often")
    );
    assert_eq!(problem.hints, ["it wants to be left alone for 90 s"]);
    assert!(began.elapsed() < Duration::from_secs(5) && fake.asked().len() == 1);
}

#[tokio::test]
async fn an_answer_that_stops_or_never_comes_is_no_answer() {
    let (host, count) = raw("HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"name\":").await;
    let repository = open(&host, Some(Forge::Gitea), Duration::from_secs(2)).await;
    let problem = repository.branch_exists("main").await.unwrap_err();
    assert_eq!(
        (problem.kind, problem.code.as_str()),
        (Kind::Remote, "forge_cut_short")
    );
    assert!(*count.lock().unwrap() > 1, "it was not asked again");
    let fake = Fake::of(Forge::Gitea, vec![(BRANCH, Reply::never())]).await;
    let began = Instant::now();
    let hurried = fake.hurried(Duration::from_millis(700)).await;
    let problem = hurried.branch_exists("main").await.unwrap_err();
    assert_eq!(problem.code, "forge_silent");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    let nobody = open("127.0.0.1:9", Some(Forge::Gitea), Duration::from_secs(1)).await;
    let problem = nobody.branch_exists("main").await.unwrap_err();
    assert_eq!(problem.code, "forge_unreached");
}

#[tokio::test]
async fn a_forge_is_known_by_what_only_it_answers() {
    let known = [
        (
            Forge::Gitea,
            "GET /api/v1/version",
            200,
            json!({"version": "1.26.0"}),
        ),
        (
            Forge::Gitlab,
            "GET /api/v4/version",
            401,
            json!({"message": "401 Unauthorized"}),
        ),
        (
            Forge::Github,
            "GET /api/v3/meta",
            200,
            json!({"verifiable_password_authentication": true}),
        ),
    ];
    for (forge, line, status, said) in known {
        let fake = Fake::of(forge, vec![(line, Reply::json(status, &said))]).await;
        let repository = open(&fake.host, None, Duration::from_secs(5)).await;
        assert_eq!(repository.forge(), forge);
        // Nobody knows yet who is asked.
        assert!(fake.asked().iter().all(|it| it.authorization.is_none()));
    }
}

#[tokio::test]
async fn rules_are_asked_once_and_told_in_words() {
    let said = json!({"name": "main", "protected": true, "user_can_push": false});
    let fake = Fake::of(Forge::Gitea, vec![(BRANCH, Reply::json(200, &said))]).await;
    let place = Place::of(&format!("http://{}/acme/infra", fake.host)).unwrap();
    let limit = Duration::from_secs(5);
    let who = Who::new("ops", SECRET);
    let found = rules(&place, Some(Forge::Gitea), Some(&who), "main", limit).await;
    assert_eq!(found.unwrap().unwrap().lets_push, Some(false));
    let fake = Fake::of(Forge::Gitea, vec![(BRANCH, Reply::empty(502))]).await;
    let place = Place::of(&format!("http://{}/acme/infra", fake.host)).unwrap();
    let why = rules(&place, Some(Forge::Gitea), Some(&who), "main", limit)
        .await
        .unwrap_err();
    assert!(why.contains("fails at the branch main"), "{why}");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn which_forge_it_is_must_be_known() {
    let fake = Fake::of(Forge::Gitea, vec![]).await;
    let place = Place::of(&format!("http://{}/acme/infra", fake.host)).unwrap();
    let limit = Duration::from_secs(5);
    let opened = Repository::open(&place, None, None, limit).await;
    assert_eq!(opened.err().unwrap().code, "unknown_forge");
    let place = Place::of("http://127.0.0.1:9/acme/infra").unwrap();
    let opened = Repository::open(&place, None, None, limit).await;
    assert_eq!(opened.err().unwrap().code, "forge_unreached");
}
