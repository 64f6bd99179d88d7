//! Each way back, to the end.

use serde_json::Value;

use crate::outage::{BAD, GOOD, Outage, PAYMENTS, events};
use crate::schemas::{assert_valid, valid};

fn kinds(recovery: &Value) -> Vec<&str> {
    let steps = recovery["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["kind"].as_str().unwrap())
        // Argo CD often has a second sync of its own under way right after a deploy.
        .filter(|kind| *kind != "terminate")
        .collect()
}

#[test]
fn a_service_under_self_heal_is_back_at_once_and_for_good() {
    let mut outage = Outage::of("sync-windows", "live-window", PAYMENTS);
    let before = outage.windows("live-window");
    let output = outage
        .rollback(&[
            "-o",
            "json",
            "--reason",
            "payments fail",
            "--incident",
            "INC-7",
        ])
        .assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["standing"], "restored");
    assert_eq!(recovery["holds"][0]["kind"], "window");
    assert!(!recovery["holds"][0]["released"].is_null());
    let kinds = kinds(&recovery);
    assert!(
        kinds.contains(&"undo") && kinds.contains(&"operate"),
        "{kinds:?}"
    );
    outage.assert_restored(GOOD);
    // The project is as it was.
    assert_eq!(outage.windows("live-window"), before);
    // The same id everywhere.
    let id = recovery["id"].as_str().unwrap();
    let message = outage
        .scene
        .infra()
        .git(&["log", "-1", "--format=%B", "main"])
        .unwrap();
    assert!(message.contains(&format!("Recovery: {id}")), "{message}");
    let app = outage.app();
    let info = app["status"]["operationState"]["operation"]["info"].to_string();
    assert!(
        info.contains(id) && info.contains("payments fail"),
        "{info}"
    );
    assert!(events(&output).iter().any(|event| event["event"] == "good"));
    let told = outage
        .bed
        .kubectl(
            "argocd",
            &["get", "events", "-l", &format!("ripcord/recovery={id}")],
        )
        .unwrap();
    assert!(told.contains("Held") && told.contains("Undone"), "{told}");
}

#[test]
fn where_the_project_is_shared_only_this_application_is_held() {
    let mut outage = Outage::of("auto-heal", "live-shared", PAYMENTS);
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["holds"][0]["kind"], "window", "{recovery:#}");
    outage.assert_restored(GOOD);
}

#[test]
fn a_project_that_a_parent_puts_back_is_left_alone_and_the_state_holds() {
    let mut outage = Outage::none_yet(
        "project-in-git",
        "live-parent",
        PAYMENTS,
        "live-parent-payments-service",
    );
    outage.break_it(BAD);
    // A sync that is still to come would be ended instead of held against.
    outage.wait("Argo CD is at rest", |outage| {
        let status = &outage.app()["status"];
        let done = &status["operationState"]["syncResult"]["revision"];
        status["sync"]["status"] == "Synced" && *done == *outage.bad
    });
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["holds"][0]["kind"], "state", "{recovery:#}");
    outage.assert_restored(GOOD);
}

#[test]
fn a_canary_that_is_under_way_is_aborted_and_its_evidence_kept() {
    let mut outage = Outage::of("canary", "live-canary", "checkout");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let kinds = kinds(&recovery);
    assert!(
        kinds.contains(&"abort") && kinds.contains(&"evidence"),
        "{kinds:?}"
    );
    assert!(!kinds.contains(&"hold"), "{kinds:?}");
    assert_eq!(recovery["evidence"][0]["name"], "checkout");
    outage.assert_restored(GOOD);
}

#[test]
fn a_template_with_signs_that_the_api_server_writes_otherwise_is_undone() {
    let mut outage = Outage::none_yet("auto-heal", "live-signs", PAYMENTS, "live-signs");
    let deployment = "services/payments-service/base/deployment.yaml";
    let infra = outage.scene.infra();
    let text = infra.read(deployment).unwrap();
    let image = "image: acme/payments-service";
    let command = format!("{image}\n          command: [sh, -c, 'check <in && serve >out']");
    infra.write(deployment, text.replace(image, &command));
    outage.break_it(BAD);
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let steps = recovery["steps"].as_array().unwrap();
    let undo = steps.iter().find(|step| step["kind"] == "undo").unwrap();
    assert_eq!(undo["state"], "done", "{undo:#}");
    outage.assert_restored(GOOD);
}

#[test]
fn each_part_alone_says_that_git_still_says_the_bad_version_and_resume_finishes() {
    let mut outage = Outage::of("auto-heal", "live-undo", PAYMENTS);
    let output = outage.rollback(&["--method", "undo"]).assert_code(8);
    assert!(output.stderr.contains("Git still says"), "{output:?}");
    assert!(output.stderr.contains("ripcord resume r-"), "{output:?}");
    assert!(output.stderr.contains("is held until"), "{output:?}");
    outage.assert_stays(GOOD);
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    assert!(resumed.assert_code(0).stdout.contains("restored"));
    outage.assert_restored(GOOD);
}

#[test]
fn a_dry_run_shows_the_way_and_changes_nothing() {
    let outage = Outage::of("auto-heal", "live-dry", PAYMENTS);
    let before = outage.windows("default");
    let output = outage.rollback(&["--dry-run"]).assert_code(0);
    assert!(
        output.stdout.contains("gets the template of its revision"),
        "{output:?}"
    );
    assert!(
        output.stdout.contains("lets only people sync"),
        "{output:?}"
    );
    // A second sync of Argo CD's own may be under way.
    let operation = &outage.app()["operation"];
    assert!(operation["info"].is_null(), "{operation:#}");
    assert_eq!(outage.windows("default"), before);
    assert_eq!(outage.scene.version(PAYMENTS).unwrap(), BAD);
    let none = outage.ripcord().run(["recoveries", "-o", "json"]).unwrap();
    assert_eq!(none.json().unwrap(), serde_json::json!([]));
}

#[test]
fn the_readme_shows_what_a_recovery_prints() {
    let outage = Outage::of("auto-heal", "live-readme", PAYMENTS);
    let said = outage.rollback(&[]).assert_code(0).stdout;
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let shown = readme.split("```").nth(1).unwrap();
    for line in shown.lines().skip(2) {
        // Without what differs each time.
        let steady = line
            .split_whitespace()
            .filter(|word| word.len() > 3 && word.chars().all(|c| c.is_ascii_lowercase()));
        for word in steady {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

#[test]
fn events_recoveries_and_releases_are_as_their_schemas_say() {
    let outage = Outage::of("canary", "by-schema", "checkout");
    outage.killed_after("abort");
    let shown = |args: &[&str], schema: &str| {
        let output = outage.ripcord().run(args).unwrap().assert_code(0);
        valid(&outage, schema, &output)
    };
    let before = shown(&["show", "-o", "json"], "recovery");
    assert_eq!(before["standing"], "running");
    shown(&["release", "-o", "json"], "release");
    let output = outage.run(&["resume", "-o", "json"]).assert_code(0);
    let events = events(&output);
    assert!(events.len() > 5, "{output:?}");
    assert_valid(&outage, "event", &events);
    let id = before["id"].as_str().unwrap();
    let after = shown(&["show", id, "-o", "json"], "recovery");
    assert_eq!(after["standing"], "restored");
    let screen = outage.ripcord().run(["show", id]).unwrap().assert_code(0);
    for step in ["observe", "evidence", "abort", "push", "watch"] {
        assert!(screen.stdout.contains(step), "{step}: {screen:?}");
    }
}

#[test]
fn git_alone_pushes_and_tells_argo_cd_to_look() {
    let mut outage = Outage::of("auto-heal", "alone-git", PAYMENTS);
    let output = outage
        .rollback(&["--method", "git", "-o", "json"])
        .assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(kinds(&recovery), ["observe", "push", "converge", "watch"]);
    outage.assert_restored(GOOD);
}

#[test]
fn argo_cd_alone_syncs_the_last_good_commit_and_holds() {
    let mut outage = Outage::of("auto-heal", "alone-argocd", PAYMENTS);
    let output = outage
        .rollback(&["--method", "argocd", "-o", "json"])
        .assert_code(8);
    let recovery = Outage::recovery(&output);
    assert_eq!(
        kinds(&recovery),
        ["observe", "hold", "sync_old", "converge"]
    );
    assert_eq!(outage.scene.infra().tip().unwrap(), outage.bad);
    outage.assert_stays(GOOD);
    let released = outage.ripcord().run(["release"]).unwrap();
    assert!(released.assert_code(0).stdout.contains("let go"));
    outage.wait("Git decides again", |outage| {
        outage.pods().iter().any(|pod| pod.version == BAD)
    });
}

#[test]
fn an_abort_alone_needs_no_hold_and_says_what_is_missing() {
    let mut outage = Outage::of("canary", "alone-abort", "checkout");
    let output = outage
        .rollback(&["--method", "abort", "-o", "json"])
        .assert_code(8);
    let recovery = Outage::recovery(&output);
    assert_eq!(
        kinds(&recovery),
        ["observe", "evidence", "abort", "converge"]
    );
    assert_eq!(recovery["missing"][0]["code"], "git_unchanged");
    outage.assert_stays(GOOD);
    assert_eq!(outage.scene.infra().tip().unwrap(), outage.bad);
}

#[test]
fn after_full_promotion_the_good_version_skips_its_canary() {
    let mut outage = Outage::promoted("canary", "live-promoted", "checkout");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert!(kinds(&recovery).contains(&"promote"), "{recovery:#}");
    outage.assert_restored(GOOD);
}

#[test]
fn a_blue_green_service_goes_back() {
    let mut outage = Outage::promoted("blue-green", "live-blue", "search");
    let _ = outage.rollback(&[]).assert_code(0);
    outage.wait("only the good version is left", |outage| outage.runs(GOOD));
    outage.assert_restored(GOOD);
}

/// Deploys a version, promotes it, and waits until it serves everybody.
fn promote(outage: &mut Outage<'_>, version: &str) {
    outage.break_it(version);
    outage
        .scene
        .kubectl(&["argo", "rollouts", "promote", "--full", "checkout"])
        .unwrap();
    outage.wait("it serves everybody", |outage| outage.runs(version));
    outage.scene.wait_until("Healthy").unwrap();
}

const TEMPLATE: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout-template
spec:
  replicas: 0
  selector:
    matchLabels:
      app: checkout
  template:
    metadata:
      labels:
        app: checkout
    spec:
      containers:
        - name: main
          image: acme/checkout
";

#[test]
fn a_rollout_that_borrows_its_template_was_left_in_its_canary() {
    let mut outage = Outage::none_yet("canary", "borrows", "checkout", "borrows");
    let base = "services/checkout/base";
    let infra = outage.scene.infra();
    infra.write(&format!("{base}/deployment.yaml"), TEMPLATE);
    let list = format!("{base}/kustomization.yaml");
    let text = infra.read(&list).unwrap();
    infra.write(&list, format!("{text}  - deployment.yaml\n"));
    let rollout = format!("{base}/rollout.yaml");
    let text = infra.read(&rollout).unwrap();
    let (before, rest) = text.split_once("  template:\n").unwrap();
    let (_, after) = rest.split_once("  strategy:\n").unwrap();
    let borrowed =
        "  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: checkout-template}\n";
    infra.write(&rollout, format!("{before}{borrowed}  strategy:\n{after}"));
    infra.commit("Borrow the template").land().unwrap();
    promote(&mut outage, "v14-2");
    promote(&mut outage, "v15");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let steps = Outage::recovery(&output)["steps"].to_string();
    assert!(
        steps.contains("undo") && steps.contains("promote"),
        "{steps}"
    );
    outage.assert_restored("v14-2");
}

#[test]
fn within_its_rollback_window_a_rollout_skips_its_steps_by_itself() {
    let mut outage = Outage::none_yet("canary", "in-window", "checkout", "in-window");
    let rollout = "services/checkout/base/rollout.yaml";
    let infra = outage.scene.infra();
    let text = infra.read(rollout).unwrap();
    let window = "  replicas: 4\n  rollbackWindow: {revisions: 3}\n";
    infra.write(rollout, text.replace("  replicas: 4\n", window));
    infra.commit("Give it a rollback window").land().unwrap();
    promote(&mut outage, "v15");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let steps = recovery["steps"].to_string();
    assert!(steps.contains("undo"), "{steps}");
    assert!(!steps.contains("promote"), "{steps}");
    let why = recovery["parts"][0]["route"]["why"].to_string();
    assert!(why.contains("within its rollback window"), "{why}");
    outage.assert_restored(GOOD);
}
