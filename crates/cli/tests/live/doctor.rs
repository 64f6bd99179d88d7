//! `doctor` before an incident, and in the middle of one.

use ripcord_testkit::Output;
use serde_json::{Value, json};

use crate::bots::updater;
use crate::by_server::by_server;
use crate::outage::{BAD, NO_REGISTRY, Outage, PAYMENTS};
use crate::schemas::valid;

#[track_caller]
fn assert_says(output: &Output, all: &[&str]) {
    for words in all {
        assert!(output.stdout.contains(words), "{words}: {output:?}");
    }
}

/// What was found under a code.
fn found<'d>(diagnosis: &'d Value, code: &str) -> Vec<&'d Value> {
    let findings = diagnosis["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["code"] == code).collect()
}

fn role(name: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules,
    })
}

#[test]
fn doctor_finds_a_healthy_service_ready_and_names_what_holds_it() {
    let outage = Outage::of("auto-heal", "live-doctor", PAYMENTS);
    let said = outage.doctor(NO_REGISTRY).assert_code(0);
    assert_says(
        &said,
        &[
            "lets these credentials push",
            "commits are by",
            "pushes are as",
            "all 10 permissions are there",
            "a window of project default can hold it",
            "auto-sync with self-heal is on; nothing puts its settings back",
            "would go from v15-crash to v14",
            "the remote is on no forge that is known here",
            "AMBER  live-doctor: acme/payments-service:v14 was not looked for",
            "good in about",
        ],
    );
    let mirrors = outage.scratch.path().join("ripcord.yaml");
    let config = mirrors.to_str().unwrap();
    let args = [
        "doctor",
        "--within=60s",
        PAYMENTS,
        "--config",
        config,
        "-ojson",
    ];
    let output = outage.ripcord().run(args).unwrap().assert_code(0);
    let diagnosis = valid(&outage, "doctor", &output);
    assert_eq!(found(&diagnosis, "argocd").len(), 1, "{diagnosis:#}");
}

#[test]
fn without_a_service_doctor_looks_at_what_all_have_in_common() {
    let outage = Outage::of("auto-heal", "doctor-place", PAYMENTS);
    let well = outage
        .ripcord()
        .run(["doctor", "--within=60s", "-ojson"])
        .unwrap();
    let diagnosis = valid(&outage, "doctor", &well.assert_code(0));
    for code in [
        "identity",
        "account",
        "push",
        "branch_rules",
        "hold",
        "cluster",
        "argocd",
        "permission",
        "service",
    ] {
        assert!(!found(&diagnosis, code).is_empty(), "{code}: {diagnosis:#}");
    }
    assert!(found(&diagnosis, "target").is_empty(), "{diagnosis:#}");
    // Only some namespaces, as a team has them, is no fault.
    let rules = json!([{"apiGroups": ["argoproj.io", ""], "resources": ["*"], "verbs": ["*"]}]);
    let team = outage.ripcord_as("doctor-team", &role("doctor-team", &rules));
    let said = team.run(["doctor", "--within=60s"]).unwrap().assert_code(0);
    assert_says(
        &said,
        &[
            "not in every namespace, but perhaps where a service is: get deployments.apps, patch",
            "`ripcord doctor SERVICE` says more",
        ],
    );

    outage.killed_after("hold");
    let held = outage
        .ripcord()
        .run(["doctor", "--within=60s"])
        .unwrap()
        .assert_code(1);
    assert_says(&held, &["RED", "holds it until", "`ripcord release r-"]);
    let released = outage.ripcord().run(["release"]).unwrap();
    let _ = released.assert_code(0);
}

#[test]
fn without_git_doctor_still_looks_at_the_cluster() {
    let outage = Outage::of("auto-heal", "doctor-no-git", PAYMENTS);
    outage.point_clone_at("http://127.0.0.1:9/nowhere.git");
    let output = outage
        .ripcord()
        .run(["doctor", "--within=60s", "-ojson"])
        .unwrap();
    let diagnosis = valid(&outage, "doctor", &output.assert_code(1));
    assert_eq!(found(&diagnosis, "push")[0]["light"], "red");
    assert_eq!(found(&diagnosis, "cluster")[0]["light"], "green");
}

#[test]
fn every_right_that_is_missing_is_a_line_with_what_is_lost_without_it() {
    let outage = Outage::of("auto-heal", "doctor-rights", PAYMENTS);
    let rules = json!([
        {"apiGroups": ["argoproj.io"], "resources": ["applications"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    ]);
    let poor = outage.ripcord_as("doctor-rights", &role("doctor-rights", &rules));
    let said = outage.doctor_as(&poor, NO_REGISTRY).assert_code(1);
    assert_says(
        &said,
        &[
            "not allowed: patch applications.argoproj.io in argocd; without it Argo CD cannot be asked",
            "not allowed: get appprojects.argoproj.io in argocd",
            "not allowed: patch appprojects.argoproj.io in argocd; without it no window can hold",
            "not allowed: create events in argocd",
            "not allowed: patch deployments.apps in doctor-rights; without it no undo",
            "not allowed: list replicasets.apps in doctor-rights",
            "whether Argo CD Image Updater by ImageUpdaters would bump the version again is not seen",
        ],
    );
    let refused = said
        .stdout
        .lines()
        .filter(|line| line.contains("not allowed"));
    let refused: Vec<&str> = refused.collect();
    for foreign in ["rollouts", "analysisruns", "statefulsets", "jobs"] {
        let asked = refused.iter().any(|line| line.contains(foreign));
        assert!(!asked, "{foreign}: {said:?}");
    }
}

#[test]
fn a_sync_that_runs_is_named_and_what_a_recovery_does_about_it() {
    let mut outage = Outage::none_yet("hooks", "doctor-sync", "ledger", "doctor-sync");
    outage.hang_in_hook();
    let said = outage.doctor(NO_REGISTRY);
    assert_says(&said, &["AMBER", "a sync is under way", "ends it first"]);
}

#[test]
fn a_window_that_is_closed_now_is_red_and_one_that_lets_people_sync_is_not() {
    let outage = Outage::of("sync-windows", "doctor-window", PAYMENTS);
    let window = |manual: bool| {
        json!([{
            "kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"],
            "manualSync": manual,
        }])
    };
    outage.set_windows(&window(false));
    let closed = outage.doctor(NO_REGISTRY).assert_code(1);
    assert_says(
        &closed,
        &[
            "a window denies every sync now",
            "set `manualSync: true` on the window of project doctor-window",
        ],
    );
    outage.set_windows(&window(true));
    let manual = outage.doctor(NO_REGISTRY).assert_code(0);
    assert_says(&manual, &["lets people sync"]);
}

#[test]
fn a_canary_that_is_under_way_is_named_and_the_rights_for_it_are_asked_both_ways() {
    let outage = Outage::of("canary", "doctor-canary", "checkout");
    let all = [
        "Rollout checkout: a version is under way",
        "without a rollbackWindow the good version would run its steps",
        "permissions are there",
    ];
    assert_says(&outage.doctor(NO_REGISTRY).assert_code(0), &all);
    let server = outage.doctor_as(&by_server(&outage), NO_REGISTRY);
    assert_says(&server, &all);
    let place = by_server(&outage)
        .run(["doctor", "--within=60s"])
        .unwrap()
        .assert_code(0);
    assert_says(&place, &["every Application may be read and synced"]);

    let window = json!({"spec": {"rollbackWindow": {"revisions": 3}}}).to_string();
    let patch = [
        "patch",
        "rollout",
        "checkout",
        "--type=merge",
        "-p",
        &window,
    ];
    outage.scene.kubectl(&patch).unwrap();
    let said = outage.doctor(NO_REGISTRY);
    assert!(!said.stdout.contains("rollbackWindow"), "{said:?}");
}

#[test]
fn a_token_of_a_project_is_told_what_it_may_not_and_what_argo_cd_does_not_say() {
    let outage = Outage::of("sync-windows", "doctor-token", PAYMENTS);
    let may = |action: &str| {
        format!("p, proj:doctor-token:some, applications, {action}, doctor-token/*, allow")
    };
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "doctor-token", "namespace": "argocd"},
        "spec": {"roles": [{"name": "some", "policies": [may("get"), may("sync")]}]},
    });
    let objects = outage.bed.objects();
    outage.bed.block_on(objects.merge_object(&project)).unwrap();
    let mut argocd = outage.scratch.command("argocd");
    argocd.envs(outage.bed.environment().unwrap());
    let create = ["proj", "role", "create-token", "doctor-token", "some"];
    let made = argocd.args(create).arg("--token-only").output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let token = String::from_utf8(made.stdout).unwrap();
    let ripcord = by_server(&outage).env("ARGOCD_AUTH_TOKEN", token.trim());
    let place = ripcord
        .run(["doctor", "--within=60s"])
        .unwrap()
        .assert_code(0);
    assert_says(&place, &["not for every Application, but perhaps"]);
    let said = outage.doctor_as(&ripcord, NO_REGISTRY).assert_code(0);
    assert_says(
        &said,
        &[
            "not allowed: projects, update, doctor-token; without it no window can hold",
            "because Argo CD does not say: applications, `update/*`; without it no undo",
            // Neither a window nor a mark: that is no green.
            "nothing can hold it (these credentials may not change project doctor-token; Argo CD's API cannot mark an operation)",
        ],
    );
    assert!(!said.stdout.contains(token.trim()), "{said:?}");
}

#[test]
fn whoever_puts_the_settings_back_is_named() {
    let mut outage = Outage::none_yet(
        "app-of-apps",
        "doctor-parent",
        PAYMENTS,
        "doctor-parent-payments-service",
    );
    outage.break_it(BAD);
    let said = outage.doctor(NO_REGISTRY);
    assert_says(&said, &["Argo CD (doctor-parent) owns its settings"]);
}

#[test]
fn bots_are_named_and_what_it_needs_to_hold_them() {
    let outage = Outage::of("auto-heal", "doctor-bots", PAYMENTS);
    outage.bed.know_image_bots().unwrap();
    outage.apply(&updater(&outage));
    let bot = "by ImageUpdater doctor-bots: it would bump the version again";
    let said = outage.doctor(NO_REGISTRY).assert_code(0);
    assert_says(&said, &[bot, "`--hold-bots` makes it pass v15-crash over"]);
    let rules = json!([
        {"apiGroups": ["argoproj.io", "apps", ""], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["argocd-image-updater.argoproj.io"], "resources": ["*"], "verbs": ["get", "list"]},
    ]);
    let reader = outage.ripcord_as("doctor-bots", &role("doctor-bots", &rules));
    let said = outage.doctor_as(&reader, NO_REGISTRY).assert_code(0);
    let patch = "not allowed: patch imageupdaters.argocd-image-updater.argoproj.io in argocd; \
                 without it `--hold-bots` cannot hold it back";
    assert_says(&said, &[bot, patch]);
}
