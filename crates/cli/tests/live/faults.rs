//! What goes wrong in the middle, in the testbed that tests share.

use ripcord_testkit::{Ripcord, Scratch};
use serde_json::json;

use crate::followed::At;
use crate::outage::{BAD, GOOD, NO_REGISTRY, Outage, PAYMENTS, events};

#[test]
fn two_at_once_make_one_recovery() {
    let mut outage = Outage::of("auto-heal", "two-at-once", PAYMENTS);
    let args = ["rollback", PAYMENTS, "production", "--yes", "--watch", "2s"];
    let first = outage.ripcord().spawn(args).unwrap();
    let second = outage.ripcord().spawn(args).unwrap();
    let codes = [first.wait().unwrap(), second.wait().unwrap()];
    let done = codes.iter().filter(|output| output.code == 0).count();
    assert!(done >= 1, "{codes:?}");
    for output in &codes {
        assert!(
            output.code == 0
                || output
                    .stderr
                    .contains("works on payments-service in production"),
            "{output:?}"
        );
    }
    outage.assert_restored(GOOD);
    assert_eq!(outage.scene.infra().rev("main^").unwrap(), outage.bad);
}

#[test]
fn two_at_once_on_two_machines_make_one_commit_and_leave_nothing_held() {
    let mut outage = Outage::of("auto-heal", "two-machines", PAYMENTS);
    let other = Scratch::new().unwrap();
    let clone = other
        .clone_of(&outage.bed.git().url("two-machines.git"), "clone")
        .unwrap();
    let kubeconfig = outage.bed.kubeconfig().unwrap();
    let there = Ripcord::new(&other, env!("CARGO_BIN_EXE_ripcord"))
        .in_dir(&clone)
        .at("")
        .env("KUBECONFIG", kubeconfig.to_str().unwrap());
    let args = outage.rollback_args(&["--watch", "2s", "--wait", "60s"]);
    let first = outage.ripcord().spawn(&args).unwrap();
    let second = there.spawn(&args).unwrap();
    for output in [first.wait().unwrap(), second.wait().unwrap()] {
        let _ = output.assert_code(0);
    }
    outage.assert_restored(GOOD);
    assert_eq!(outage.scene.infra().rev("main^").unwrap(), outage.bad);
}

#[test]
fn the_same_key_is_the_same_recovery() {
    let mut outage = Outage::of("auto-heal", "same-key", PAYMENTS);
    let key = ["--idempotency-key", "click-1", "-o", "json"];
    let first = outage.rollback(&key).assert_code(0);
    let second = outage.rollback(&key).assert_code(0);
    let id = Outage::recovery(&first)["id"].clone();
    let again = events(&second);
    assert!(
        again.iter().any(|event| event["recovery"]["id"] == id),
        "{second:?}"
    );
    outage.assert_restored(GOOD);
}

#[test]
fn git_away_leaves_production_good_and_held_and_the_push_follows() {
    let mut outage = Outage::of("auto-heal", "git-away", PAYMENTS);
    // The remote that the clone pushes to, not the one that Argo CD reads.
    outage.point_clone_at("http://127.0.0.1:9/nowhere.git");
    let output = outage.rollback(&["--wait", "3s"]).assert_code(8);
    assert!(output.stderr.contains("is held until"), "{output:?}");
    outage.assert_stays(GOOD);
    assert_eq!(outage.scene.infra().tip().unwrap(), outage.bad);
    outage.point_clone_back();
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    assert!(resumed.assert_code(0).stdout.contains("restored"));
    outage.assert_restored(GOOD);
}

#[test]
fn a_protected_branch_leaves_production_good_and_held_and_says_how_to_go_on() {
    let mut outage = Outage::of("auto-heal", "protected", PAYMENTS);
    outage
        .bed
        .git()
        .install_hook(
            "protected.git",
            "pre-receive",
            "#!/bin/sh\necho 'GH006: Protected branch update failed' >&2\nexit 1\n",
        )
        .unwrap();
    let output = outage.rollback(&[]).assert_code(8);
    assert!(output.stderr.contains("was rejected"), "{output:?}");
    assert!(output.stderr.contains("--push-to"), "{output:?}");
    outage.assert_stays(GOOD);
    // Somebody merges the same change.
    outage
        .bed
        .git()
        .install_hook("protected.git", "pre-receive", "#!/bin/sh\nexit 0\n")
        .unwrap();
    outage.scene.deploy(PAYMENTS, GOOD).unwrap();
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    assert!(resumed.assert_code(0).stdout.contains("restored"));
    outage.assert_restored(GOOD);
}

#[test]
fn a_newer_deploy_in_the_middle_wins_and_nothing_is_held() {
    let mut outage = Outage::of("auto-heal", "newer", PAYMENTS);
    outage.deploy_during_push("v16");
    let output = outage.rollback(&[]).assert_code(4);
    assert!(
        output.stderr.contains("deployed by somebody else"),
        "{output:?}"
    );
    assert!(output.stderr.contains("let go"), "{output:?}");
    outage.wait("what they deployed runs", |outage| outage.runs("v16"));
    let held = outage.ripcord().run(["release"]).unwrap();
    assert!(held.assert_code(0).stdout.contains("nothing is held"));
}

#[test]
fn the_same_rollback_by_somebody_else_in_the_middle_is_as_good() {
    let mut outage = Outage::of("auto-heal", "by-another", PAYMENTS);
    outage.deploy_during_push(GOOD);
    let _ = outage.rollback(&[]).assert_code(0);
    outage.assert_restored(GOOD);
    assert_eq!(outage.scene.infra().rev("main^").unwrap(), outage.bad);
}

#[test]
fn a_stateful_set_whose_pod_is_stuck_gets_a_new_one() {
    let mut outage = Outage::of("statefulset", "stuck-set", "sessions");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let steps = recovery["steps"].to_string();
    assert!(steps.contains("unstick"), "{steps}");
    outage.assert_restored(GOOD);
}

#[test]
fn a_daemon_set_is_undone() {
    let mut outage = Outage::of("daemonset", "live-daemon", "agent");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert!(
        recovery["steps"].to_string().contains("undo"),
        "{recovery:#}"
    );
    outage.assert_restored(GOOD);
}

#[test]
fn an_application_set_has_nothing_to_put_back() {
    let mut outage = Outage::none_yet(
        "applicationset-git",
        "live-set",
        PAYMENTS,
        "live-set-payments-service",
    );
    outage.break_it(BAD);
    let spec = |outage: &Outage<'_>| outage.app()["spec"].clone();
    let before = spec(&outage);
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(
        recovery["parts"].as_array().unwrap().len(),
        1,
        "{recovery:#}"
    );
    outage.assert_restored(GOOD);
    assert_eq!(spec(&outage), before);
}

#[test]
fn several_sources_go_back_in_one_operation() {
    let mut outage = Outage::of("multi-source", "live-several", "web");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    outage.assert_restored(GOOD);
    // One operation, with every source pinned.
    let recovery = Outage::recovery(&output);
    let operation = &outage.app()["status"]["operationState"]["operation"];
    let id = recovery["id"].as_str().unwrap();
    assert!(operation["info"].to_string().contains(id), "{operation:#}");
    let pinned = operation["sync"]["revisions"].as_array().unwrap();
    let sources = outage.app()["spec"]["sources"].as_array().unwrap().len();
    assert_eq!(pinned.len(), sources, "{operation:#}");
    let ours = recovery["plan"]["pushed"]["commit"].as_str().unwrap();
    assert!(pinned.contains(&json!(ours)), "{operation:#}");
}

#[test]
fn an_application_that_is_deleted_meanwhile_is_named() {
    let outage = Outage::of("auto-heal", "deleted", PAYMENTS);
    outage.killed_after("hold");
    outage
        .bed
        .kubectl(
            "argocd",
            &["delete", "application", "deleted", "--wait=true"],
        )
        .unwrap();
    let resumed = outage
        .ripcord()
        .run(["resume", "--wait", "5s", "--watch", "0"])
        .unwrap();
    assert_ne!(resumed.code, 0, "{resumed:?}");
    assert!(resumed.stderr.contains("no Application"), "{resumed:?}");
}

#[test]
fn the_bad_version_that_comes_back_is_reported_with_who_brought_it() {
    let outage = Outage::of("auto", "relapse", PAYMENTS);
    let args = [
        "rollback",
        PAYMENTS,
        "production",
        "--yes",
        "--watch",
        "30s",
    ];
    let running = outage.ripcord().spawn(args).unwrap();
    outage.wait("it is back", |outage| {
        outage.runs(GOOD)
            && outage.app()["status"]["health"]["status"] == "Healthy"
            && outage.app()["status"]["sync"]["status"] == "Synced"
            && outage.app()["operation"].is_null()
            && outage.app()["status"]["sync"]["revision"] != *outage.bad
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    outage
        .scene
        .kubectl(&[
            "set",
            "image",
            "deployment/payments-service",
            "main=acme/payments-service:v15-crash",
        ])
        .unwrap();
    let output = running.wait().unwrap().assert_code(9);
    assert!(output.stderr.contains("kubectl-set"), "{output:?}");
    assert!(
        output.stderr.contains("brought the bad version back"),
        "{output:?}"
    );
}

#[test]
fn a_right_that_is_missing_is_named_by_doctor_and_the_recovery_goes_on_without_it() {
    let mut outage = Outage::of("auto-heal", "no-right", PAYMENTS);
    // Everything but the project.
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "no-right"},
        "rules": [
            {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["*"]},
            {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]},
            {"apiGroups": ["argoproj.io"], "resources": ["applications", "applicationsets", "rollouts", "rollouts/status", "analysisruns"], "verbs": ["*"]},
            {"apiGroups": ["argoproj.io"], "resources": ["appprojects"], "verbs": ["get"]},
        ],
    });
    let ripcord = outage.ripcord_as("no-right", &role);
    let sick = outage.doctor_as(&ripcord, NO_REGISTRY);
    assert!(
        sick.stdout.contains("not allowed: patch appprojects"),
        "{sick:?}"
    );
    let output = ripcord
        .run([
            "rollback",
            PAYMENTS,
            "production",
            "--yes",
            "--watch",
            "2s",
            "-o",
            "json",
        ])
        .unwrap()
        .assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["holds"][0]["kind"], "state", "{recovery:#}");
    outage.assert_restored(GOOD);
}

#[test]
fn whoever_may_not_read_earlier_templates_gets_the_way_through_git() {
    let mut outage = Outage::of("auto-heal", "no-sets", PAYMENTS);
    // Everything but what keeps the templates.
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "no-sets"},
        "rules": [
            {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["*"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["*"]},
            {"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": ["*"]},
        ],
    });
    let args = outage.rollback_args(&["--watch", "2s", "-ojson"]);
    let ripcord = outage.ripcord_as("no-sets", &role);
    let output = ripcord.run(args).unwrap().assert_code(0);
    let recovery = Outage::recovery(&output);
    let steps = recovery["steps"].to_string();
    assert!(!steps.contains("undo"), "{recovery:#}");
    assert!(steps.contains("operate"), "{recovery:#}");
    outage.assert_restored(GOOD);
}

#[test]
fn pods_of_others_that_a_selector_selects_too_are_none_of_ours() {
    let mut outage = Outage::of("auto-heal", "others", PAYMENTS);
    let labels = json!({"app": PAYMENTS, "tier": "worker"});
    outage.apply(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "worker", "namespace": "others"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": format!("acme/payments-service:{BAD}")}]},
        }},
    }));
    outage.wait("the others are there", |outage| {
        let pods = outage
            .scene
            .kubectl(&["get", "pods", "-l", "tier=worker", "-o", "name"]);
        pods.unwrap().contains("worker")
    });
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    assert_eq!(Outage::recovery(&output)["standing"], "restored");
    outage
        .scene
        .kubectl(&["delete", "deployment", "worker", "--wait=true"])
        .unwrap();
    outage.wait("they are gone", |outage| outage.runs(GOOD));
    outage.assert_restored(GOOD);
}

#[test]
fn a_job_that_cannot_be_changed_is_made_anew() {
    let mut outage = Outage::none_yet("auto-heal", "job", PAYMENTS, "job");
    let base = "services/payments-service/base";
    let infra = outage.scene.infra();
    infra.write(
        &format!("{base}/job.yaml"),
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: seed}\nspec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: main, image: acme/payments-service}]\n",
    );
    let list = format!("{base}/kustomization.yaml");
    let text = infra.read(&list).unwrap();
    infra.write(
        &list,
        text.replace("resources:", "resources:\n  - job.yaml"),
    );
    let with_job = infra.commit("Seed the database").land().unwrap();
    outage.scene.refresh().unwrap();
    let jobs = |outage: &Outage<'_>| {
        let image = [
            "get",
            "job",
            "seed",
            "-o",
            "jsonpath={..image}",
            "--ignore-not-found",
        ];
        outage.scene.kubectl(&image).unwrap()
    };
    outage.wait("it is seeded", |outage| {
        outage.app()["status"]["sync"]["revision"] == *with_job && jobs(outage).ends_with(GOOD)
    });
    // The pipeline of the bad version takes the Job away first.
    outage.bad = outage.scene.deploy(PAYMENTS, BAD).unwrap();
    outage.scene.kubectl(&["delete", "job", "seed"]).unwrap();
    outage.scene.refresh().unwrap();
    outage.wait("the bad version has seeded too", |outage| {
        if jobs(outage).ends_with(GOOD) {
            outage.scene.kubectl(&["delete", "job", "seed"]).unwrap();
        }
        jobs(outage).ends_with(BAD) && outage.app()["operation"].is_null()
    });
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    assert!(
        output.stdout.contains("the sync makes it anew"),
        "{output:?}"
    );
    assert!(jobs(&outage).ends_with(GOOD), "{}", jobs(&outage));
    outage.assert_restored(GOOD);
}

#[test]
fn hooks_run_only_when_they_are_asked_for() {
    for (name, more) in [("no-hooks", &[][..]), ("with-hooks", &["--run-hooks"][..])] {
        let mut outage = Outage::none_yet("hooks", name, "ledger", name);
        outage.break_it("v15");
        let migration = |outage: &Outage<'_>| {
            let uid = [
                "get",
                "job",
                "ledger-migrate",
                "-o",
                "jsonpath={.metadata.uid}",
            ];
            outage.scene.kubectl(&uid).unwrap()
        };
        let before = migration(&outage);
        let _ = outage.rollback(more).assert_code(0);
        assert_eq!(migration(&outage) == before, more.is_empty(), "{name}");
        outage.assert_restored(GOOD);
    }
}

#[test]
fn a_commit_that_brings_the_bad_settings_back_is_named_though_the_version_stays() {
    let mut outage = Outage::none_yet("auto-heal", "bad-mode", PAYMENTS, "bad-mode");
    let overlay = "services/payments-service/overlays/production/kustomization.yaml";
    let mode = "commonAnnotations: {mode: fast}\n";
    let infra = outage.scene.infra();
    let text = infra.read(overlay).unwrap();
    infra.write(overlay, text.replace(GOOD, BAD) + mode);
    let deploy = infra.commit("Deploy payments-service v15, fast");
    outage.bad = deploy.land().unwrap();
    outage.scene.refresh().unwrap();
    outage.wait("it is live", |outage| {
        outage.pods().iter().any(|pod| pod.version == BAD) && outage.app()["operation"].is_null()
    });
    let mut running = outage.follow(&outage.rollback_args(&["--watch", "1m"]));
    running.until("watch", At::Begun);
    let infra = outage.scene.infra();
    let text = infra.read(overlay).unwrap();
    assert!(!text.contains(mode), "{text}");
    infra.write(overlay, text + mode);
    let again = infra
        .commit("Be fast again")
        .by("Nora", "nora@acme.example");
    again.land().unwrap();
    outage.scene.refresh().unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(9), "{ended:#?}");
    let said = "of Nora (Be fast again) no longer says what was restored";
    assert!(ended.stderr.contains(said), "{ended:#?}");
}

#[test]
fn an_application_that_is_deleted_in_the_middle_is_said_to_be() {
    let outage = Outage::of("auto-heal", "gone-midway", PAYMENTS);
    outage.delay_pushes();
    let mut running = outage.follow(&outage.rollback_args(&[]));
    running.until("undo", At::Ended);
    let name = outage.scene.name();
    let _ = outage
        .bed
        .kubectl("argocd", &["delete", "application", name, "--wait=true"])
        .unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(8), "{ended:#?}");
    for words in ["argocd/gone-midway: it was deleted", "ripcord resume r-"] {
        assert!(ended.stderr.contains(words), "{words}: {ended:#?}");
    }
    // Nothing of the hold is left for who makes it anew.
    let windows = outage.windows("default").to_string();
    assert!(!windows.contains("gone-midway"), "{windows}");
}

#[test]
fn a_deploy_that_does_not_even_render_is_taken_back() {
    let mut outage = Outage::none_yet("auto-heal", "no-render", PAYMENTS, "no-render");
    let path = "services/payments-service/overlays/production/kustomization.yaml";
    let infra = outage.scene.infra();
    let text = infra.read(path).unwrap().replace("v14", "v15");
    infra.write(
        path,
        text.replace("resources:", "resources:\n  - missing.yaml"),
    );
    outage.bad = infra.commit("Deploy payments-service v15").land().unwrap();
    outage.scene.refresh().unwrap();
    outage.wait("Argo CD complains", |outage| {
        outage.app()["status"]["conditions"]
            .to_string()
            .contains("missing.yaml")
    });
    let _ = outage.rollback(&[]).assert_code(0);
    outage.assert_restored(GOOD);
}

#[test]
fn a_window_that_is_closed_to_people_is_said_and_resume_finishes_after_it() {
    let mut outage = Outage::of("sync-windows", "shut", PAYMENTS);
    outage.set_windows(&json!([{
        "kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"],
    }]));
    let plan = outage.rollback(&["--dry-run"]).assert_code(0);
    assert!(
        plan.stdout.contains("a sync window denies every sync"),
        "{plan:?}"
    );
    let output = outage.rollback(&["--wait", "5s"]).assert_code(8);
    assert!(outage.runs(GOOD), "{output:?} {:?}", outage.pods());
    outage.set_windows(&json!(null));
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    assert!(resumed.assert_code(0).stdout.contains("restored"));
    outage.assert_restored(GOOD);
}

#[test]
fn a_token_that_has_expired_is_said_before_anything_is_changed() {
    let mut outage = Outage::of("auto-heal", "expired", PAYMENTS);
    let ripcord = outage.ripcord_with(&json!({"token": "expired-and-secret"}));
    let output = ripcord
        .run(["rollback", PAYMENTS, "production", "--yes"])
        .unwrap()
        .assert_code(6);
    assert!(
        output.stderr.contains("does not accept these credentials"),
        "{output:?}"
    );
    assert!(!format!("{output:?}").contains("expired-and-secret"));
    assert_eq!(outage.scene.infra().tip().unwrap(), outage.bad);
}

#[test]
fn a_version_in_a_childs_settings_goes_back_by_its_parent_first() {
    let child = "by-parent-payments-service";
    let mut outage = Outage::none_yet("app-of-apps", "by-parent", PAYMENTS, child);
    let path = "apps/production/payments-service.yaml";
    let text = outage.scene.infra().read(path).unwrap();
    let deploy = |outage: &mut Outage<'_>, version: &str| {
        let image = format!(
            "overlays/production\n    kustomize:\n      images:\n        - acme/payments-service:{version}\n"
        );
        let infra = outage.scene.infra();
        infra.write(path, text.replace("overlays/production\n", &image));
        let commit = infra
            .commit(&format!("Deploy payments-service {version}"))
            .land()
            .unwrap();
        outage.scene.refresh().unwrap();
        commit
    };
    deploy(&mut outage, GOOD);
    outage.scene.wait_until("Healthy").unwrap();
    outage.bad = deploy(&mut outage, BAD);
    outage.wait("the bad version is there", |outage| {
        outage.pods().iter().any(|pod| pod.version == BAD) && outage.app()["operation"].is_null()
    });
    // In such a repository the Application is the service.
    let output = outage
        .ripcord()
        .run([
            "rollback",
            "--include-shared",
            child,
            "production",
            "--yes",
            "--watch",
            "2s",
            "--wait",
            "60s",
            "-o",
            "json",
        ])
        .unwrap()
        .assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(
        recovery["parts"].as_array().unwrap().len(),
        2,
        "{recovery:#}"
    );
    outage.assert_restored(GOOD);
}

#[test]
fn a_cluster_that_does_not_answer_does_not_keep_git_from_being_right() {
    let mut outage = Outage::of("auto-heal", "no-cluster", PAYMENTS);
    let ripcord = outage.ripcord_at("https://127.0.0.1:9");
    let output = ripcord
        .run(["rollback", PAYMENTS, "production", "--yes"])
        .unwrap()
        .assert_code(8);
    assert!(output.stderr.contains("was not observed"), "{output:?}");
    assert_ne!(outage.scene.infra().tip().unwrap(), outage.bad);
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    assert!(resumed.assert_code(0).stdout.contains("restored"));
    outage.assert_restored(GOOD);
}
