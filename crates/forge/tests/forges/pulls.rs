//! One pull request for a branch, and one comment of a kind on it.

use ripcord_domain::Kind;
use ripcord_domain::config::Forge;
use ripcord_forge::{Proposal, PullState};
use serde_json::{Value, json};

use crate::fake::{Fake, Reply};

const HEAD: &str = "hotfix/INC-31-double-charge";

fn proposal() -> Proposal {
    Proposal {
        head: HEAD.into(),
        base: "main".into(),
        title: "Merge back INC-31".into(),
        body: "It is live.".into(),
    }
}

const GITEA_OPEN: &str = "GET /pulls?state=open&limit=50&base_branch=main&page=1";
const GITEA_OF: &str = "GET /pulls/main/hotfix/INC-31-double-charge";

/// Recorded.
fn gitea_pull() -> Value {
    json!({
        "id": 1, "url": "http://127.0.0.1:3000/ops/infra/pulls/1", "number": 1,
        "title": "Merge back", "body": "b", "state": "open", "draft": false,
        "html_url": "http://127.0.0.1:3000/ops/infra/pulls/1", "mergeable": true, "merged": false,
        "merged_at": null, "merge_commit_sha": null,
        "base": {"label": "main", "ref": "main", "sha": "371ec1f3a7e2a35198cebe9b9ea9840b12f9b9a0",
                 "repo_id": 1},
        "head": {"label": HEAD, "ref": HEAD, "sha": "ceddc58280c38075ade588d2679afe497622f6cd",
                 "repo_id": 1},
    })
}

fn not_found() -> Reply {
    // Recorded.
    let said =
        json!({"errors": null, "message": "not found", "url": "http://127.0.0.1:3000/api/swagger"});
    Reply::json(404, &said)
}

#[tokio::test]
async fn a_pull_request_is_opened_where_there_is_none() {
    let opened = Reply::json(201, &gitea_pull());
    let answers = vec![
        (GITEA_OPEN, Reply::json(200, &json!([]))),
        (GITEA_OF, not_found()),
        ("POST /pulls", opened),
    ];
    let fake = Fake::of(Forge::Gitea, answers).await;
    let pull = fake
        .repository()
        .await
        .pull_request(&proposal())
        .await
        .unwrap();
    assert_eq!(
        (pull.number, pull.state, pull.mergeable),
        (1, PullState::Open, Some(true))
    );
    assert_eq!(pull.url, "http://127.0.0.1:3000/ops/infra/pulls/1");
    assert_eq!(
        pull.commit.unwrap(),
        "ceddc58280c38075ade588d2679afe497622f6cd"
    );
    assert_eq!(
        fake.asked()[2].json(),
        json!({"head": HEAD, "base": "main", "title": "Merge back INC-31", "body": "It is live."})
    );
}

#[tokio::test]
async fn an_open_pull_request_is_taken_as_it_is_and_one_of_a_fork_is_not_it() {
    let mut of_fork = gitea_pull();
    of_fork["head"]["repo_id"] = 2.into();
    of_fork["number"] = 9.into();
    let answers = vec![
        (
            GITEA_OPEN,
            Reply::json(200, &json!([of_fork, gitea_pull()])),
        ),
        ("GET /pulls/1", Reply::json(200, &gitea_pull())),
    ];
    let fake = Fake::of(Forge::Gitea, answers).await;
    let pull = fake
        .repository()
        .await
        .pull_request(&proposal())
        .await
        .unwrap();
    assert_eq!((pull.number, fake.count("POST")), (1, 0));
}

#[tokio::test]
async fn one_that_was_merged_is_found_after_its_branch_is_gone_and_is_no_open_one() {
    // Recorded: Gitea forgets the branch's name but for the label.
    let mut merged = gitea_pull();
    merged["state"] = "closed".into();
    merged["merged"] = true.into();
    merged["mergeable"] = false.into();
    merged["merge_commit_sha"] = "cb925ceac383d602b9c51adf912f4d9915cefe39".into();
    merged["head"]["ref"] = "refs/pull/1/head".into();
    let mut second = gitea_pull();
    second["number"] = 2.into();
    let answers = vec![
        (GITEA_OPEN, Reply::json(200, &json!([]))),
        (GITEA_OF, Reply::json(200, &merged)),
        ("GET /pulls/1", Reply::json(200, &merged)),
        ("POST /pulls", Reply::json(201, &second)),
    ];
    let fake = Fake::of(Forge::Gitea, answers).await;
    let repository = fake.repository().await;
    let found = repository
        .find_pull_request(HEAD, "main")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.state, found.mergeable), (PullState::Merged, None));
    assert_eq!(
        found.merged_as.unwrap(),
        "cb925ceac383d602b9c51adf912f4d9915cefe39"
    );
    let opened = repository.pull_request(&proposal()).await.unwrap();
    assert_eq!(opened.number, 2);
}

#[tokio::test]
async fn of_two_that_open_one_at_once_both_get_the_same() {
    // Recorded.
    let twice = json!({"message": "pull request already exists for these targets [id: 1, issue_id: 1, head_repo_id: 1, base_repo_id: 1, head_branch: hotfix/INC-31-double-charge, base_branch: main]"});
    for answer in [Reply::json(409, &twice), Reply::empty(502)] {
        let answers = vec![
            (GITEA_OPEN, Reply::json(200, &json!([]))),
            (GITEA_OPEN, Reply::json(200, &json!([gitea_pull()]))),
            (GITEA_OF, not_found()),
            ("POST /pulls", answer),
            ("GET /pulls/1", Reply::json(200, &gitea_pull())),
        ];
        let fake = Fake::of(Forge::Gitea, answers).await;
        let pull = fake
            .repository()
            .await
            .pull_request(&proposal())
            .await
            .unwrap();
        assert_eq!((pull.number, fake.count("POST")), (1, 1));
    }
}

#[tokio::test]
async fn where_gitea_opened_two_at_once_all_take_the_first() {
    let mut first = gitea_pull();
    first["number"] = 7.into();
    let mut second = gitea_pull();
    second["number"] = 8.into();
    let answers = vec![
        (GITEA_OPEN, Reply::json(200, &json!([]))),
        (GITEA_OPEN, Reply::json(200, &json!([second, first]))),
        (GITEA_OF, not_found()),
        ("POST /pulls", Reply::json(201, &second)),
        ("GET /pulls/7", Reply::json(200, &first)),
    ];
    let fake = Fake::of(Forge::Gitea, answers).await;
    let pull = fake
        .repository()
        .await
        .pull_request(&proposal())
        .await
        .unwrap();
    assert_eq!((pull.number, fake.count("POST")), (7, 1));
}

#[tokio::test]
async fn a_base_that_has_it_all_is_nothing_to_merge() {
    let gitea = json!({"message": "Invalid PullRequest: There are no changes between the head and the base"});
    let github = json!({"message": "Validation Failed", "errors": [
        {"resource": "PullRequest", "code": "custom",
         "message": "No commits between main and hotfix/INC-31-double-charge"}], "status": "422"});
    let empty = || Reply::json(200, &json!([]));
    let answers = vec![
        (GITEA_OPEN, empty()),
        (GITEA_OF, not_found()),
        ("POST /pulls", Reply::json(422, &gitea)),
    ];
    let of_gitea = Fake::of(Forge::Gitea, answers).await;
    let answers = vec![
        (GITHUB_LIST, empty()),
        ("POST /pulls", Reply::json(422, &github)),
    ];
    let of_github = Fake::of(Forge::Github, answers).await;
    for fake in [of_gitea, of_github] {
        let problem = fake
            .repository()
            .await
            .pull_request(&proposal())
            .await
            .unwrap_err();
        assert_eq!(
            (problem.kind, problem.code.as_str()),
            (Kind::Nothing, "nothing_to_merge")
        );
    }
}

#[tokio::test]
async fn a_branch_that_is_not_there_may_be_why_nothing_is_found() {
    let answers = vec![
        (GITEA_OPEN, Reply::json(200, &json!([]))),
        (GITEA_OF, not_found()),
        ("POST /pulls", not_found()),
    ];
    let fake = Fake::of(Forge::Gitea, answers).await;
    let problem = fake
        .repository()
        .await
        .pull_request(&proposal())
        .await
        .unwrap_err();
    assert_eq!(problem.code, "forge_not_there");
    let hint = problem.hints.last().unwrap();
    assert!(hint.contains("main is no branch"), "{problem:?}");
}

const GITHUB_LIST: &str = "GET /pulls?state=all&sort=created&direction=desc&per_page=100&base=main&head=acme%3Ahotfix%2FINC-31-double-charge&page=1";

#[tokio::test]
async fn github_says_by_the_thing_itself_whether_it_merges() {
    // As <https://docs.github.com/en/rest/pulls/pulls> shows one, in short.
    let listed = json!({
        "number": 1347, "state": "open", "html_url": "https://github.com/acme/infra/pull/1347",
        "merged_at": null, "merge_commit_sha": "e5bd3914e2e596debea16f433f57875b5b90bcd6",
        "head": {"ref": HEAD, "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e"},
        "base": {"ref": "main", "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5f"},
    });
    let closed = json!({"number": 1300, "state": "closed", "merged_at": null, "head": {"ref": HEAD},
                        "base": {"ref": "main"}, "html_url": "https://github.com/acme/infra/pull/1300"});
    let mut detail = listed.clone();
    detail["mergeable"] = false.into();
    detail["mergeable_state"] = "dirty".into();
    let answers = vec![
        (GITHUB_LIST, Reply::json(200, &json!([closed, listed]))),
        ("GET /pulls/1347", Reply::json(200, &detail)),
    ];
    let fake = Fake::of(Forge::Github, answers).await;
    let pull = fake
        .repository()
        .await
        .pull_request(&proposal())
        .await
        .unwrap();
    assert_eq!((pull.number, pull.mergeable), (1347, Some(false)));
    assert_eq!(
        (pull.words.as_deref(), pull.merged_as),
        (Some("dirty"), None)
    );
}

#[tokio::test]
async fn a_merge_request_of_gitlab_is_read_in_the_same_words() {
    const LIST: &str = "GET /merge_requests?state=all&order_by=created_at&sort=desc&per_page=100&source_branch=hotfix%2FINC-31-double-charge&target_branch=main&page=1";
    // As <https://docs.gitlab.com/api/merge_requests/> shows one, in short.
    let said = json!({
        "id": 155_016_530, "iid": 133, "project_id": 15_513_260, "state": "opened",
        "target_branch": "main", "source_branch": HEAD, "source_project_id": 15_513_260,
        "target_project_id": 15_513_260, "sha": "8888888888888888888888888888888888888888",
        "merge_commit_sha": null, "squash_commit_sha": null, "has_conflicts": false,
        "detailed_merge_status": "not_approved",
        "web_url": "https://gitlab.com/acme/infra/-/merge_requests/133",
    });
    let mut unchecked = said.clone();
    unchecked["detailed_merge_status"] = "checking".into();
    let mut of_fork = said.clone();
    of_fork["source_project_id"] = 7.into();
    let twice = json!({"message": ["Another open merge request already exists for this source branch: !133"]});
    let answers = vec![
        (LIST, Reply::json(200, &json!([of_fork]))),
        (LIST, Reply::json(200, &json!([of_fork, said]))),
        ("POST /merge_requests", Reply::json(409, &twice)),
        ("GET /merge_requests/133", Reply::json(200, &unchecked)),
        ("GET /merge_requests/133", Reply::json(200, &said)),
    ];
    let fake = Fake::of(Forge::Gitlab, answers).await;
    let repository = fake.repository().await;
    let pull = repository.pull_request(&proposal()).await.unwrap();
    assert_eq!((pull.number, pull.mergeable), (133, None));
    let pull = repository.pull_request(&proposal()).await.unwrap();
    assert_eq!((pull.state, pull.mergeable), (PullState::Open, Some(true)));
    assert_eq!(pull.words.as_deref(), Some("not_approved"));
    let sent = fake
        .asked()
        .into_iter()
        .find(|it| it.line.starts_with("POST"))
        .unwrap();
    assert_eq!(sent.json()["source_branch"], HEAD);
    assert!(sent.authorization.unwrap().starts_with("Bearer "));
}

#[tokio::test]
async fn a_comment_of_a_key_is_written_once() {
    const LIST: &str = "GET /issues/1/comments?limit=50&page=1";
    // Recorded.
    let there = json!({
        "id": 2, "html_url": "http://127.0.0.1:3000/ops/infra/pulls/1#issuecomment-2",
        "body": "Half of the time has passed.\n\n<!-- ripcord:debt-50 -->",
    });
    let answers = vec![
        (LIST, Reply::json(200, &json!([]))),
        (
            LIST,
            Reply::json(200, &json!([{"body": "ok <!-- ripcord:debt-5 -->"}, there])),
        ),
        ("POST /issues/1/comments", Reply::json(201, &there)),
    ];
    let fake = Fake::of(Forge::Gitea, answers).await;
    let repository = fake.repository().await;
    let words = "Half of the time has passed.";
    let first = repository.comment(1, "debt 50", words).await.unwrap();
    let second = repository.comment(1, "debt 50", words).await.unwrap();
    assert!(!first.was_there && second.was_there && first.url == second.url);
    assert_eq!(fake.count("POST"), 1);
    assert_eq!(fake.asked()[1].json()["body"], there["body"]);
}

#[tokio::test]
async fn a_comment_that_may_have_been_taken_is_looked_for() {
    const LIST: &str = "GET /merge_requests/133/notes?per_page=100&sort=asc&page=1";
    let there = json!({"id": 302, "body": "x\n\n<!-- ripcord:debt-50 -->"});
    let answers = vec![
        (LIST, Reply::json(200, &json!([]))),
        (LIST, Reply::json(200, &json!([there]))),
        ("POST /merge_requests/133/notes", Reply::empty(504)),
    ];
    let fake = Fake::of(Forge::Gitlab, answers).await;
    let said = fake
        .repository()
        .await
        .comment(133, "debt-50", "x")
        .await
        .unwrap();
    assert!(!said.was_there && fake.count("POST") == 1);
}
