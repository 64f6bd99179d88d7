//! The run of a dispatch is found, and how it stands is told in one set of words.

use ripcord_domain::config::Forge;
use ripcord_forge::{Dispatched, Run, RunRef, RunState, Spot, Wait};
use serde_json::{Value, json};

use crate::fake::{Fake, Reply};

fn numbered(id: u64) -> Dispatched {
    Dispatched {
        run: Some(RunRef { id, url: None }),
        ..unnumbered()
    }
}

fn unnumbered() -> Dispatched {
    Dispatched::unseen("d-7f3k9qxy", "deploy-service.yml")
}

async fn run(forge: Forge, of: &Dispatched, answers: Vec<(&str, &Value)>) -> Option<Run> {
    let answers = answers
        .into_iter()
        .map(|(line, said)| (line, Reply::json(200, said)));
    let fake = Fake::of(forge, answers.collect()).await;
    fake.repository().await.run_of(of).await.unwrap()
}

const GITEA_RUN: &str = "GET /actions/runs/1";
const GITEA_JOBS: &str = "GET /actions/runs/1/jobs?limit=50&page=1";

/// Recorded, as the run stands after it was dispatched.
fn gitea_run(status: &str, conclusion: Option<&str>) -> Value {
    let mut said = json!({
        "id": 1, "url": "http://127.0.0.1:3000/api/v1/repos/ops/infra/actions/runs/1",
        "html_url": "http://127.0.0.1:3000/ops/infra/actions/runs/1",
        "display_title": "deploy checkout hotfix-1 to production (d-7f3k9qxy)",
        "path": "deploy-service.yml@refs/heads/main", "event": "workflow_dispatch",
        "run_attempt": 0, "run_number": 1,
        "head_sha": "371ec1f3a7e2a35198cebe9b9ea9840b12f9b9a0", "head_branch": "main",
        "status": status, "started_at": "1970-01-01T00:00:00Z",
        "completed_at": "1970-01-01T00:00:00Z",
    });
    if let Some(conclusion) = conclusion {
        said["conclusion"] = conclusion.into();
    }
    said
}

/// Recorded, the same for the job.
fn gitea_jobs(status: &str, conclusion: Option<&str>, steps: &Value) -> Value {
    let mut said = json!({"jobs": [{
        "id": 1, "url": "http://127.0.0.1:3000/api/v1/repos/ops/infra/actions/jobs/1",
        "html_url": "http://127.0.0.1:3000/ops/infra/actions/runs/1/jobs/1", "run_id": 1,
        "name": "receive", "labels": ["ubuntu-latest"], "run_attempt": 0,
        "head_branch": "main", "status": status, "steps": steps,
    }], "total_count": 1});
    if let Some(conclusion) = conclusion {
        said["jobs"][0]["conclusion"] = conclusion.into();
    }
    said
}

fn gitea_spot(step: &str) -> Spot {
    Spot {
        job: "receive".into(),
        step: Some(step.into()),
        url: Some("http://127.0.0.1:3000/ops/infra/actions/runs/1/jobs/1".into()),
    }
}

#[tokio::test]
async fn a_run_of_gitea_that_no_runner_has_taken_waits_for_one() {
    let answers = [
        gitea_run("queued", None),
        gitea_jobs("queued", None, &json!([])),
    ];
    let answers = vec![(GITEA_RUN, &answers[0]), (GITEA_JOBS, &answers[1])];
    let found = run(Forge::Gitea, &numbered(1), answers).await.unwrap();
    let why = Some(Wait::Runner {
        job: "receive".into(),
        labels: vec!["ubuntu-latest".into()],
    });
    assert_eq!(found.state, RunState::Waiting { why });
    assert_eq!((found.words.as_str(), found.run.id), ("queued", 1));
    assert_eq!(
        found.title,
        "deploy checkout hotfix-1 to production (d-7f3k9qxy)"
    );
    assert_eq!(
        found.commit.unwrap(),
        "371ec1f3a7e2a35198cebe9b9ea9840b12f9b9a0"
    );
    assert_eq!(
        found.run.url.unwrap(),
        "http://127.0.0.1:3000/ops/infra/actions/runs/1"
    );
}

#[tokio::test]
async fn a_run_of_gitea_says_where_it_is_and_where_it_failed() {
    let step = |status: &str| {
        json!([{"name": "Set up job", "number": 0, "status": "completed", "conclusion": "success"},
               {"name": "Run echo ok", "number": 1, "status": status}])
    };
    let jobs = gitea_jobs("in_progress", None, &step("in_progress"));
    let said = gitea_run("in_progress", None);
    let answers = vec![(GITEA_RUN, &said), (GITEA_JOBS, &jobs)];
    let found = run(Forge::Gitea, &numbered(1), answers).await.unwrap();
    let at = Some(gitea_spot("Run echo ok"));
    assert_eq!(found.state, RunState::Running { at });
    let mut steps = step("completed");
    steps[1]["conclusion"] = "failure".into();
    let jobs = gitea_jobs("completed", Some("failure"), &steps);
    let said = gitea_run("completed", Some("failure"));
    let answers = vec![(GITEA_RUN, &said), (GITEA_JOBS, &jobs)];
    let found = run(Forge::Gitea, &numbered(1), answers).await.unwrap();
    let at = Some(gitea_spot("Run echo ok"));
    assert_eq!(found.state, RunState::Failed { at });
    assert_eq!(found.words, "completed, failure");
}

#[tokio::test]
async fn a_run_of_gitea_ends_well_or_is_stopped_or_goes_after_another() {
    let of = async |status: &str, conclusion: Option<&str>| {
        let said = gitea_run(status, conclusion);
        run(Forge::Gitea, &numbered(1), vec![(GITEA_RUN, &said)])
            .await
            .unwrap()
            .state
    };
    assert_eq!(of("completed", Some("success")).await, RunState::Succeeded);
    assert_eq!(
        of("completed", Some("cancelled")).await,
        RunState::Cancelled
    );
    let turn = RunState::Waiting {
        why: Some(Wait::Turn),
    };
    assert_eq!(of("waiting", None).await, turn);
    // Nothing ran: its jobs are not even asked for with success.
    assert_eq!(
        of("completed", Some("skipped")).await,
        RunState::Failed { at: None }
    );
}

#[tokio::test]
async fn a_run_that_gitea_did_not_name_is_found_by_the_id_in_its_name() {
    const LIST: &str = "GET /actions/runs?event=workflow_dispatch&limit=50&page=1";
    let mut other = gitea_run("queued", None);
    other["id"] = 3.into();
    other["display_title"] = "deploy checkout hotfix-1 to production (d-7f3k9qxyz)".into();
    let listed = json!({"workflow_runs": [other, gitea_run("completed", Some("success"))],
                        "total_count": 2});
    let found = run(Forge::Gitea, &unnumbered(), vec![(LIST, &listed)])
        .await
        .unwrap();
    assert_eq!((found.run.id, found.state), (1, RunState::Succeeded));
    let none = json!({"workflow_runs": null, "total_count": 0});
    assert_eq!(
        run(Forge::Gitea, &unnumbered(), vec![(LIST, &none)]).await,
        None
    );
}

/// As <https://docs.github.com/en/rest/actions/workflow-runs> shows one, in short.
fn github_run(status: &str, conclusion: Option<&str>) -> Value {
    json!({
        "id": 30_433_642, "name": "deploy-service", "event": "repository_dispatch",
        "display_title": "deploy checkout hotfix-1 to production (d-7f3k9qxy)",
        "head_sha": "acb5820ced9479c074f688cc328bf03f341a511d", "status": status,
        "conclusion": conclusion, "created_at": "2026-11-28T20:29:15Z",
        "html_url": "https://github.com/acme/infra/actions/runs/30433642",
    })
}

const PENDING: &str = "GET /actions/runs/30433642/pending_deployments";
const GITHUB_RUN: &str = "GET /actions/runs/30433642";
const GITHUB_JOBS: &str = "GET /actions/runs/30433642/jobs?filter=latest&per_page=100&page=1";

#[tokio::test]
async fn a_run_of_github_is_found_since_the_dispatch_by_its_name() {
    let line = |page: u8| {
        format!(
            "GET /actions/runs?event=repository_dispatch&per_page=100\
             &created=%3E%3D2026-11-28T20%3A28%3A15Z&page={page}"
        )
    };
    let other = json!({"total_count": 2, "workflow_runs": [{"id": 1, "display_title": "deploy"}]});
    let listed =
        json!({"total_count": 2, "workflow_runs": [github_run("completed", Some("success"))]});
    let next = r#"<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=2>; rel="last""#;
    let (first, second) = (line(1), line(2));
    let answers = vec![
        (first.as_str(), Reply::json(200, &other).with("link", next)),
        (second.as_str(), Reply::json(200, &listed)),
    ];
    let fake = Fake::of(Forge::Github, answers).await;
    let sent = Dispatched {
        at: Some("2026-11-28T20:29:15Z".parse().unwrap()),
        ..unnumbered()
    };
    let found = fake
        .repository()
        .await
        .run_of(&sent)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.run.id, found.state),
        (30_433_642, RunState::Succeeded)
    );
}

#[tokio::test]
async fn a_run_of_github_says_who_it_waits_for() {
    let waiting = github_run("waiting", None);
    // As the page on pending deployments shows it, in short.
    let pending = json!([{"environment": {"id": 161_088_068, "name": "production"}, "wait_timer": 0,
                          "current_user_can_approve": true, "reviewers": []}]);
    let answers = vec![(GITHUB_RUN, &waiting), (PENDING, &pending)];
    let found = run(Forge::Github, &numbered(30_433_642), answers)
        .await
        .unwrap();
    let of = Some("production".to_owned());
    let why = Some(Wait::Approval { of });
    assert_eq!(found.state, RunState::Waiting { why });
    let queued = github_run("queued", None);
    let jobs = json!({"total_count": 1, "jobs": [
        {"id": 1, "name": "receive", "status": "queued", "conclusion": null,
         "labels": ["self-hosted", "prod"], "runner_id": null, "steps": []}]});
    let answers = vec![(GITHUB_RUN, &queued), (GITHUB_JOBS, &jobs)];
    let found = run(Forge::Github, &numbered(30_433_642), answers)
        .await
        .unwrap();
    let why = Some(Wait::Runner {
        job: "receive".into(),
        labels: vec!["self-hosted".into(), "prod".into()],
    });
    assert_eq!(found.state, RunState::Waiting { why });
    let pending = github_run("pending", None);
    let found = run(
        Forge::Github,
        &numbered(30_433_642),
        vec![(GITHUB_RUN, &pending)],
    )
    .await;
    let turn = RunState::Waiting {
        why: Some(Wait::Turn),
    };
    assert_eq!(found.unwrap().state, turn);
}

#[tokio::test]
async fn a_run_of_github_says_the_step_that_failed_and_not_one_left_out() {
    let failed = github_run("completed", Some("failure"));
    let jobs = json!({"total_count": 3, "jobs": [
        {"name": "lint", "status": "completed", "conclusion": "skipped", "steps": []},
        {"name": "check", "status": "completed", "conclusion": "success", "steps": []},
        {"name": "receive", "status": "completed", "conclusion": "failure",
         "html_url": "https://github.com/acme/infra/actions/runs/30433642/job/399444496",
         "steps": [
            {"name": "Set up job", "status": "completed", "conclusion": "success", "number": 1},
            {"name": "Optional", "status": "completed", "conclusion": "skipped", "number": 2},
            {"name": "ripcord receive", "status": "completed", "conclusion": "failure", "number": 3},
            {"name": "Post", "status": "completed", "conclusion": "success", "number": 4}]}]});
    let answers = vec![(GITHUB_RUN, &failed), (GITHUB_JOBS, &jobs)];
    let found = run(Forge::Github, &numbered(30_433_642), answers)
        .await
        .unwrap();
    let at = Some(Spot {
        job: "receive".into(),
        step: Some("ripcord receive".into()),
        url: Some("https://github.com/acme/infra/actions/runs/30433642/job/399444496".into()),
    });
    assert_eq!(found.state, RunState::Failed { at });
}

const GITLAB_RUN: &str = "GET /pipelines/257";
const GITLAB_JOBS: &str = "GET /pipelines/257/jobs?per_page=100&page=1";

/// As <https://docs.gitlab.com/api/pipelines/> shows one, in short.
fn pipeline(status: &str) -> Value {
    json!({
        "id": 257, "iid": 118, "project_id": 1, "status": status, "source": "trigger",
        "ref": "main", "sha": "91e2711a93e5d9e8dddfeb6d003b636b25bf6fc9",
        "name": "deploy checkout hotfix-1 to production (d-7f3k9qxy)",
        "web_url": "https://gitlab.com/acme/infra/-/pipelines/257",
    })
}

#[tokio::test]
async fn a_pipeline_of_gitlab_says_what_it_waits_for_and_what_failed() {
    let of = async |status: &str, jobs: Value| {
        let said = pipeline(status);
        let answers = vec![(GITLAB_RUN, &said), (GITLAB_JOBS, &jobs)];
        run(Forge::Gitlab, &numbered(257), answers)
            .await
            .unwrap()
            .state
    };
    let pending = json!([{"id": 7, "name": "receive", "status": "pending", "tag_list": ["prod"],
                          "allow_failure": false}]);
    let why = Some(Wait::Runner {
        job: "receive".into(),
        labels: vec!["prod".into()],
    });
    assert_eq!(of("pending", pending).await, RunState::Waiting { why });
    let manual = json!([{"id": 7, "name": "approve", "status": "manual"}]);
    let of_job = Some("approve".to_owned());
    let why = Some(Wait::Approval { of: of_job });
    assert_eq!(of("manual", manual).await, RunState::Waiting { why });
    // The newest are first; what may fail is not the reason.
    let failed = json!([
        {"id": 9, "name": "after", "status": "skipped"},
        {"id": 8, "name": "receive", "status": "failed", "failure_reason": "script_failure",
         "allow_failure": false, "web_url": "https://gitlab.com/acme/infra/-/jobs/8"},
        {"id": 7, "name": "lint", "status": "failed", "allow_failure": true}]);
    let at = Some(Spot {
        job: "receive".into(),
        step: Some("script_failure".into()),
        url: Some("https://gitlab.com/acme/infra/-/jobs/8".into()),
    });
    assert_eq!(of("failed", failed).await, RunState::Failed { at });
    assert_eq!(of("canceled", json!([])).await, RunState::Cancelled);
    assert_eq!(of("success", json!([])).await, RunState::Succeeded);
    let turn = RunState::Waiting {
        why: Some(Wait::Turn),
    };
    assert_eq!(of("waiting_for_resource", json!([])).await, turn);
    assert_eq!(
        of("a new word", json!([])).await,
        RunState::Waiting { why: None }
    );
}

#[tokio::test]
async fn a_pipeline_of_gitlab_is_found_by_its_name() {
    const LIST: &str = "GET /pipelines?source=trigger&per_page=100&page=1";
    let listed = json!([{"id": 258, "status": "success", "name": null}, pipeline("success")]);
    let found = run(Forge::Gitlab, &unnumbered(), vec![(LIST, &listed)])
        .await
        .unwrap();
    assert_eq!((found.run.id, found.state), (257, RunState::Succeeded));
}
