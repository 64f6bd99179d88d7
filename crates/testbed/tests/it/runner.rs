//! Workflows of the forge run when they are started, and the forge hears what came of them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ripcord_testbed::{Forge, Options, Pace, RunnerOptions, Testbed};
use serde_json::{Value, json};

use crate::place::SOON;

fn bed() -> Testbed {
    let options = Options {
        argocd: false,
        rollouts: false,
        forge: true,
        ci: true,
        pace: Pace::Quick,
        ..Options::default()
    };
    Testbed::start(&options).unwrap()
}

const FILE: &str = ".gitea/workflows/deploy.yml";

fn repository(forge: &Forge<'_>, workflow: &str) {
    forge.create("infra").unwrap();
    forge.commit("infra", FILE, workflow).unwrap();
}

fn run(forge: &Forge<'_>, inputs: &Value) -> (u64, String) {
    let run = forge
        .dispatch("infra", "deploy.yml", "main", inputs)
        .unwrap();
    let ended = forge.wait_for_run("infra", run, SOON);
    (run, ended.unwrap())
}

const DEPLOY: &str = r#"
run-name: deploy ${{ inputs.tag }}
on:
  workflow_dispatch:
    inputs:
      tag: {required: true}
      code: {default: "0"}
jobs:
  gate:
    runs-on: ubuntu-latest
    outputs:
      digest: ${{ steps.image.outputs.digest }}
    steps:
      - name: Image
        id: image
        run: |
          echo "digest=it's \"sha256\" of $TAG" >>"$GITHUB_OUTPUT"
          echo "input $TAG, variable ${{ vars.TEAM }}, secret ${{ secrets.KEY }}."
          exit ${{ inputs.code }}
        env: {TAG: "${{ inputs.tag }}"}
      - run: echo after
  deploy:
    needs: gate
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
        with: {fetch-depth: 0}
      - name: Push
        env: {DIGEST: "${{ needs.gate.outputs.digest }}"}
        run: |
          echo "of $GITHUB_REPOSITORY at $GITHUB_SHA: $DIGEST"
          test "$(git rev-parse HEAD)" = "$GITHUB_SHA"
          printf '%s\n' "$DIGEST" >digest
          git add digest
          git -c user.name=ci -c user.email=ci@acme.example commit -qm "Deploy $DIGEST"
          git push origin HEAD:main
  never:
    needs: gate
    if: needs.gate.outputs.digest == 'another'
    runs-on: ubuntu-latest
    steps: [{run: "echo never"}]
"#;

#[test]
fn a_dispatch_runs_its_jobs_with_what_it_was_given() {
    let bed = bed();
    let forge = bed.forge().unwrap();
    repository(&forge, DEPLOY);
    forge.set_secret("infra", "KEY", "hush-hush").unwrap();
    forge.set_variable("infra", "TEAM", "payments").unwrap();
    let runner = bed.runner(RunnerOptions::default()).unwrap();

    let (good, ended) = run(&forge, &json!({"tag": "v7"}));
    let log = |job: &str| forge.job_log("infra", good, job).unwrap();
    assert_eq!(ended, "success", "{:?}\n{}", runner.trouble(), log("gate"));
    let gate = log("gate");
    assert!(
        gate.contains("input v7, variable payments, secret ***."),
        "{gate}"
    );
    assert!(!gate.contains("hush-hush"), "{gate}");
    let deploy = log("deploy");
    assert!(deploy.contains(r#": it's "sha256" of v7"#), "{deploy}");
    let pushed = "/repos/ops/infra/commits?limit=1";
    let pushed = forge.call("GET", pushed, &Value::Null).unwrap().unwrap();
    let message = pushed[0]["commit"]["message"].as_str().unwrap();
    assert_eq!(message.trim(), r#"Deploy it's "sha256" of v7"#);
    let jobs = forge.jobs("infra", good).unwrap();
    let never = jobs.iter().find(|job| job["name"] == "never").unwrap();
    assert_eq!(never["conclusion"], "skipped", "{never}");

    let (bad, ended) = run(&forge, &json!({"tag": "v8", "code": "3"}));
    assert_eq!(ended, "failure");
    let jobs = forge.jobs("infra", bad).unwrap();
    let conclusions: Vec<(&str, &str)> = jobs
        .iter()
        .map(|job| {
            (
                job["name"].as_str().unwrap(),
                job["conclusion"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(conclusions[0], ("gate", "failure"));
    assert!(
        conclusions[1..].iter().all(|job| job.1 == "skipped"),
        "{conclusions:?}"
    );
    let gate = forge.job_log("infra", bad, "gate").unwrap();
    assert!(
        gate.contains("input v8") && !gate.contains("after\n"),
        "{gate}"
    );
    assert_eq!(runner.trouble(), None);
}

#[test]
fn a_job_of_which_nothing_ran_is_no_success() {
    let bed = bed();
    let forge = bed.forge().unwrap();
    let text = "on: workflow_dispatch\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n\
                \x20     - {if: false, run: echo never}\n";
    repository(&forge, text);
    let _runner = bed.runner(RunnerOptions::default()).unwrap();
    let (id, ended) = run(&forge, &json!({}));
    assert_eq!(ended, "failure");
    let log = forge.job_log("infra", id, "one").unwrap();
    assert!(log.contains("no step of the job ran"), "{log}");
}

#[test]
fn a_runner_that_is_gone_leaves_its_job_as_it_was_and_another_takes_the_next() {
    let bed = bed();
    let forge = bed.forge().unwrap();
    let place = tempfile::tempdir().unwrap();
    let mark = place.path().join("process");
    let text = format!(
        "on:\n  workflow_dispatch:\n    inputs:\n      seconds: {{required: true}}\njobs:\n  one:\n    \
         runs-on: here\n    steps:\n      - run: echo $$ >{}; exec sleep ${{{{ inputs.seconds }}}}\n",
        mark.display()
    );
    repository(&forge, &text);
    let options = RunnerOptions {
        labels: vec!["here".to_owned()],
        ..RunnerOptions::default()
    };
    let runner = bed.runner(options.clone()).unwrap();
    let inputs = json!({"seconds": "1000"});
    let lost = forge
        .dispatch("infra", "deploy.yml", "main", &inputs)
        .unwrap();
    let begun = bed.wait_for("the step", SOON, || async {
        let text = fs::read_to_string(&mark).unwrap_or_default();
        text.trim()
            .parse::<u32>()
            .map_err(|error| error.to_string())
    });
    let step = bed.block_on(begun).unwrap();
    drop(runner);
    let until = Instant::now() + Duration::from_secs(20);
    while Path::new(&format!("/proc/{step}")).exists() {
        assert!(Instant::now() < until, "the step is left");
        std::thread::sleep(Duration::from_millis(20));
    }
    let _other = bed.runner(options).unwrap();
    let (_, ended) = run(&forge, &json!({"seconds": "0"}));
    assert_eq!(ended, "success");
    let runs = forge.runs("infra").unwrap();
    let lost = runs.iter().find(|run| run["id"] == lost).unwrap();
    assert_eq!(lost["status"], "in_progress");
}

const CHECKOUTS: &str = r#"
on: workflow_dispatch
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - run: test -z "$(ls -A)"
      - uses: actions/checkout@v4
      - run: |
          test "$(git rev-parse HEAD)" = "$GITHUB_SHA"
          test "$(git symbolic-ref --short HEAD)" = main
          test "$(git rev-list --count HEAD)" = 1
      - uses: actions/checkout@v4
        with: {ref: release, fetch-depth: 0, path: release}
      - run: |
          test "$(git symbolic-ref --short HEAD)" = release
          test "$(git rev-parse origin/main)" = "$GITHUB_SHA"
          test "$(git rev-list --count HEAD)" = 1
        working-directory: release
      - uses: actions/checkout@v4
        with: {repository: ops/secrets, token: "${{ secrets.OTHER }}", path: other, persist-credentials: false}
      - run: |
          test -f README.md
          test -z "$(git config --get-regexp 'http\..*')"
          if GIT_TERMINAL_PROMPT=0 git ls-remote origin; then exit 1; fi
        working-directory: other
"#;

#[test]
fn a_checkout_leaves_what_githubs_own_does() {
    let bed = bed();
    let forge = bed.forge().unwrap();
    let private = json!({"name": "secrets", "private": true, "auto_init": true});
    forge
        .call("POST", "/user/repos", &private)
        .unwrap()
        .unwrap();
    forge.create("infra").unwrap();
    let branch = json!({"new_branch_name": "release", "old_branch_name": "main"});
    let branches = "/repos/ops/infra/branches";
    forge.call("POST", branches, &branch).unwrap().unwrap();
    forge.commit("infra", FILE, CHECKOUTS).unwrap();
    let token = json!({"name": "ci", "scopes": ["read:repository"]});
    let token = forge.call("POST", "/users/ops/tokens", &token);
    let token = token.unwrap().unwrap();
    let token = token["sha1"].as_str().unwrap();
    forge.set_secret("infra", "OTHER", token).unwrap();
    let _runner = bed.runner(RunnerOptions::default()).unwrap();
    let (id, ended) = run(&forge, &json!({}));
    let log = forge.job_log("infra", id, "one").unwrap();
    assert_eq!(ended, "success", "{log}");
}
