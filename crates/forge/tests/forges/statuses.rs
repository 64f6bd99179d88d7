//! What the checks of a commit say, of all pages and both kinds.

use ripcord_domain::config::Forge;
use ripcord_forge::{CheckState, Outcome, outcome_of};
use serde_json::{Value, json};

use crate::fake::{Fake, Reply};

const COMMIT: &str = "371ec1f3a7e2a35198cebe9b9ea9840b12f9b9a0";

async fn statuses(forge: Forge, answers: Vec<(String, Reply)>) -> Vec<CheckState> {
    let answers = answers
        .iter()
        .map(|(line, reply)| (line.as_str(), reply.clone()));
    let fake = Fake::of(forge, answers.collect()).await;
    fake.repository().await.statuses(COMMIT).await.unwrap()
}

#[tokio::test]
async fn gitea_says_the_last_of_each_context() {
    // Recorded.
    let said = json!({
        "state": "failure", "sha": COMMIT, "total_count": 3,
        "statuses": [
            {"id": 1, "status": "pending", "target_url": "/ops/infra/actions/runs/8/jobs/8",
             "context": "ci / e2e (push)", "created_at": "2026-11-28T20:29:13Z"},
            {"id": 2, "status": "success", "target_url": "http://ci/1", "description": "d",
             "context": "ci / unit", "created_at": "2026-11-28T20:29:13Z"},
            {"id": 3, "status": "failure", "target_url": "", "description": "d",
             "context": "ci / scan", "created_at": "2026-11-28T20:29:13Z"}],
    });
    let line = format!("GET /commits/{COMMIT}/status?limit=50&page=1");
    let fake = Fake::of(Forge::Gitea, vec![(&line, Reply::json(200, &said))]).await;
    let states = fake.repository().await.statuses(COMMIT).await.unwrap();
    assert_eq!(outcome_of(&states, "ci / e2e"), Some(Outcome::Pending));
    let of_run = format!("http://{}/ops/infra/actions/runs/8/jobs/8", fake.host);
    assert_eq!(states[0].url.as_ref(), Some(&of_run));
    assert_eq!(outcome_of(&states, "ci / unit"), Some(Outcome::Passed));
    assert_eq!(outcome_of(&states, "ci / scan"), Some(Outcome::Failed));
    assert_eq!(outcome_of(&states, "ci / integration"), None);
    assert_eq!(
        (states[1].url.as_deref(), &states[2].url),
        (Some("http://ci/1"), &None)
    );
}

#[tokio::test]
async fn a_commit_that_gitea_does_not_know_is_no_commit_without_checks() {
    // Recorded.
    let said = json!({"errors": ["object does not exist [id: 0123456789012345678901234567890123456789, rel_path: ]"],
                      "message": "not found", "url": "http://127.0.0.1:3000/api/swagger"});
    let line = format!("GET /commits/{COMMIT}/status?limit=50&page=1");
    let fake = Fake::of(Forge::Gitea, vec![(&line, Reply::json(404, &said))]).await;
    let problem = fake.repository().await.statuses(COMMIT).await.unwrap_err();
    assert_eq!(problem.code, "forge_not_there");
    assert!(
        problem.message.contains("object does not exist"),
        "{problem}"
    );
}

/// As <https://docs.github.com/en/rest/checks/runs> shows one, in short.
fn check(name: &str, suite: u64, status: &str, conclusion: Option<&str>) -> Value {
    json!({
        "id": 4, "name": name, "status": status, "conclusion": conclusion,
        "html_url": "https://github.com/acme/pay/runs/4", "check_suite": {"id": suite},
        "app": {"id": 15368, "slug": "github-actions"},
    })
}

#[tokio::test]
async fn github_has_two_kinds_and_pages_and_names_its_workflows_elsewhere() {
    let next = r#"<https://api.github.com/x?page=2>; rel="next""#;
    let page = |checks: Value| Reply::json(200, &json!({"total_count": 3, "check_runs": checks}));
    let first = json!([
        check("integration", 5, "completed", Some("success")),
        check("integration", 6, "completed", Some("failure"))
    ]);
    let second = json!([check("e2e", 5, "in_progress", None)]);
    let old = json!({"state": "success", "statuses": [
        {"state": "success", "context": "ci/jenkins", "target_url": "https://ci.acme.example/1"},
        {"state": "error", "context": "ci/cover", "target_url": null}], "total_count": 2});
    let runs = json!({"total_count": 2, "workflow_runs": [
        {"id": 1, "name": "ci", "event": "push", "check_suite_id": 5},
        {"id": 2, "name": "nightly", "event": "schedule", "check_suite_id": 6}]});
    let line = |page: u8| {
        format!("GET /commits/{COMMIT}/check-runs?filter=latest&per_page=100&page={page}")
    };
    let of_runs = format!("GET /actions/runs?head_sha={COMMIT}&per_page=100&page=1");
    let mut answers = vec![
        (line(1), page(first).with("link", next)),
        (line(2), page(second)),
        (
            format!("GET /commits/{COMMIT}/status?per_page=100&page=1"),
            Reply::json(200, &old),
        ),
        (of_runs.clone(), Reply::json(200, &runs)),
    ];
    let states = statuses(Forge::Github, answers.clone()).await;
    assert_eq!(
        outcome_of(&states, "ci / integration"),
        Some(Outcome::Passed)
    );
    assert_eq!(
        outcome_of(&states, "ci / integration (push)"),
        Some(Outcome::Passed)
    );
    assert_eq!(
        outcome_of(&states, "nightly / integration"),
        Some(Outcome::Failed)
    );
    assert_eq!(outcome_of(&states, "integration"), Some(Outcome::Failed));
    assert_eq!(outcome_of(&states, "ci / e2e"), Some(Outcome::Pending));
    assert_eq!(outcome_of(&states, "ci/jenkins"), Some(Outcome::Passed));
    assert_eq!(outcome_of(&states, "ci/cover"), Some(Outcome::Failed));
    // Without the runs the checks are still told by their own names.
    answers.retain(|(line, _)| *line != of_runs);
    answers.push((
        of_runs,
        Reply::json(403, &json!({"message": "Resource not accessible"})),
    ));
    let states = statuses(Forge::Github, answers).await;
    assert_eq!(outcome_of(&states, "e2e"), Some(Outcome::Pending));
    assert_eq!(outcome_of(&states, "ci / e2e"), None);
}

#[tokio::test]
async fn gitlab_says_each_job_by_its_name() {
    // As <https://docs.gitlab.com/api/commits/#list-commit-statuses> shows it, in short.
    let said = json!([
        {"id": 91, "name": "bundler:audit", "status": "pending", "allow_failure": true,
         "target_url": "https://gitlab.com/acme/pay/builds/91"},
        {"id": 90, "name": "integration", "status": "success",
         "target_url": "https://gitlab.com/acme/pay/builds/90"},
        {"id": 89, "name": "deploy", "status": "manual", "target_url": null},
        {"id": 88, "name": "scan", "status": "canceled", "target_url": null}]);
    let line = format!("GET /repository/commits/{COMMIT}/statuses?per_page=100&page=1");
    let states = statuses(Forge::Gitlab, vec![(line, Reply::json(200, &said))]).await;
    let of = |name: &str| outcome_of(&states, name);
    assert_eq!(of("integration"), Some(Outcome::Passed));
    assert_eq!(of("bundler:audit"), Some(Outcome::Pending));
    assert_eq!(of("deploy"), Some(Outcome::Pending));
    assert_eq!(of("scan"), Some(Outcome::Failed));
}
