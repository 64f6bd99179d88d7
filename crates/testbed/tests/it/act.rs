//! Workflows run on this machine as they would on a runner.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ripcord_testbed::tools::{Group, prepare};
use ripcord_testbed::{Act, Workflow};
use ripcord_testkit::Scratch;
use serde_json::json;

fn act() -> Act {
    Act::new(&prepare(&[Group::Ci], &mut |_| {}).unwrap()).unwrap()
}

/// A repository with one workflow.
fn repository(scratch: &Scratch, workflow: &str) -> std::path::PathBuf {
    let folder = scratch.path().join("repository");
    let workflows = folder.join(".github/workflows");
    fs::create_dir_all(&workflows).unwrap();
    fs::write(workflows.join("ci.yml"), workflow).unwrap();
    scratch.git(&folder, &["init", "-q"]).unwrap();
    scratch.git(&folder, &["add", "-A"]).unwrap();
    scratch.git(&folder, &["commit", "-qm", "Begin"]).unwrap();
    folder
}

const JOBS: &str = r#"
on:
  workflow_dispatch:
    inputs:
      tag: {required: true}
      code: {default: "0"}
jobs:
  build:
    runs-on: ubuntu-latest
    outputs:
      digest: ${{ steps.image.outputs.digest }}
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
      - uses: acme/build@5f0c0d0a0000000000000000000000000000abcd
        with: {service: web}
      - id: image
        run: |
          echo "digest=sha256:$TAG" >>"$GITHUB_OUTPUT"
          echo "the token is $TOKEN, home is $HOME, of ${{ vars.TEAM }}, ${{ inputs.tag }}"
          test -f .github/workflows/ci.yml
          test -z "${CARGO_MANIFEST_DIR:-}"
          crane version
        env:
          TAG: ${{ inputs.tag }}
          TOKEN: ${{ secrets.TOKEN }}
      - if: inputs.tag == 'none'
        run: echo skipped
  deploy:
    needs: build
    runs-on: [self-hosted]
    steps:
      - name: Deploy
        run: echo "deploying ${{ needs.build.outputs.digest }}"; exit ${{ inputs.code }}
"#;

fn workflow(repository: &Path, action: &Path, code: &str) -> Workflow {
    let payload = json!({"inputs": {"tag": "v7", "code": code}});
    Workflow::of(repository, "workflow_dispatch", &payload)
        .label("self-hosted")
        .secret("TOKEN", "it's \"a\" $secret")
        .variable("TEAM", "payments")
        .action("acme/build", action)
}

#[test]
fn jobs_run_with_inputs_secrets_actions_and_outputs() {
    let scratch = Scratch::new().unwrap();
    let repository = repository(&scratch, JOBS);
    let action = scratch.path().join("action");
    fs::create_dir(&action).unwrap();
    let text = "name: build\ninputs: {service: {required: true}}\nruns:\n  using: composite\n  \
                steps: [{shell: bash, run: 'echo building ${{ inputs.service }}'}]\n";
    fs::write(action.join("action.yml"), text).unwrap();
    let act = act();
    let ran = act.run(&workflow(&repository, &action, "0")).unwrap();
    ran.check().unwrap();
    for said in [
        "[build] building web",
        "the token is ***, home is",
        "of payments, v7",
        "[deploy] deploying sha256:v7",
    ] {
        assert!(ran.log.contains(said), "{said} in {}", ran.log);
    }
    assert!(!ran.log.contains("$secret"), "{}", ran.log);
    assert_eq!(ran.step("image"), Some("success"));
    assert_eq!(ran.step("3"), None, "{:?}", ran.steps);
    assert_eq!(ran.steps.len(), 4, "{:?}", ran.steps);

    let failed = act.run(&workflow(&repository, &action, "3")).unwrap();
    assert!(failed.check().is_err());
    assert_eq!(failed.step("Deploy"), Some("failure"));
    assert_eq!(failed.jobs["build"], "success");
    assert_eq!(failed.jobs["deploy"], "failure");
}

fn of_one_job(runs_on: &str, rest: &str) -> String {
    format!(
        "on: [push]\njobs:\n  one:\n    runs-on: {runs_on}\n{rest}    steps: [{{run: 'echo ran'}}]\n"
    )
}

#[test]
fn a_job_on_a_machine_that_is_not_here_is_a_failure() {
    let scratch = Scratch::new().unwrap();
    let repository = repository(&scratch, &of_one_job("windows-latest", ""));
    let ran = act()
        .run(&Workflow::of(&repository, "push", &json!({})))
        .unwrap();
    // What act itself makes of it.
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.homeless, ["one"]);
    let told = ran.check().unwrap_err().to_string();
    assert!(told.starts_with("job one was not run"), "{told}");
}

#[test]
fn a_run_without_a_step_is_a_failure() {
    let scratch = Scratch::new().unwrap();
    let skipped = of_one_job("ubuntu-latest", "    if: ${{ false }}\n");
    let repository = repository(&scratch, &skipped);
    let ran = act()
        .run(&Workflow::of(&repository, "push", &json!({})))
        .unwrap();
    assert_eq!(ran.code, Some(0));
    let told = ran.check().unwrap_err().to_string();
    assert!(told.starts_with("no step ran"), "{told}");
    // Nobody listens to this event.
    let ran = act()
        .run(&Workflow::of(&repository, "issues", &json!({})))
        .unwrap();
    assert!(ran.check().is_err(), "{ran:?}");
}

#[test]
fn a_run_that_takes_too_long_is_stopped_with_its_steps() {
    let scratch = Scratch::new().unwrap();
    let mark = scratch.path().join("process");
    let text = format!(
        "on: [push]\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n\
         \x20     - run: echo $$ >{}; exec sleep 1000\n",
        mark.display()
    );
    let repository = repository(&scratch, &text);
    let workflow = Workflow::of(&repository, "push", &json!({})).limit(Duration::from_secs(3));
    let error = act().run(&workflow).unwrap_err().to_string();
    assert!(error.starts_with("act was stopped after 3 s"), "{error}");
    let id = fs::read_to_string(&mark).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while Path::new(&format!("/proc/{}", id.trim())).exists() {
        assert!(Instant::now() < until, "process {id} is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}
