//! `doctor` and `status` where what they ask does not answer.

use std::net::TcpListener;

use ripcord_domain::recovery::Recovery;
use ripcord_ledger::Ledger;
use ripcord_testkit::Ripcord;
use serde_json::{Value, json as value};

use crate::stage::{Stage, json};

/// A server that takes every connection and says nothing.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn at(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.0.local_addr().unwrap())
    }
}

impl Stage {
    /// ripcord with a kubeconfig that names this server.
    fn ripcord_at(&self, server: &Silent) -> Ripcord {
        let config = value!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": server.at("http")}}],
            "users": [{"name": "me", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        });
        let path = self.scratch.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        self.ripcord().env("KUBECONFIG", path.to_str().unwrap())
    }
}

/// Asserts that a part was told to be late, with what to do about it, and that this is no more than amber.
#[track_caller]
fn assert_late(diagnosis: &Value, code: &str) {
    let mut findings = diagnosis["findings"].as_array().unwrap().iter();
    let late = findings
        .find(|one| one["code"] == code && one["light"] == "amber")
        .unwrap_or_else(|| panic!("no amber `{code}` in {diagnosis:#}"));
    let what = late["what"].as_str().unwrap();
    assert!(what.contains("not answered within"), "{late:#}");
    assert!(late["mend"].as_str().is_some_and(|mend| !mend.is_empty()));
}

#[test]
fn a_git_server_and_a_cluster_that_accept_and_stay_silent_are_not_waited_for() {
    let stage = Stage::payments();
    let (git, cluster) = (Silent::new(), Silent::new());
    // Git itself would wait for minutes over HTTP, and for ever over its own protocol, as over SSH.
    for scheme in ["http", "git"] {
        let url = format!("{}/infra.git", git.at(scheme));
        for service in [&["payments"][..], &[]] {
            let args = ["--repo", &url, "-o", "json", "doctor"];
            let said = stage.ripcord_at(&cluster).run(args.iter().chain(service));
            let diagnosis = json(said.unwrap(), 0);
            assert_late(&diagnosis, "git");
            assert_late(&diagnosis, "cluster");
        }
    }
}

#[test]
fn a_clone_whose_remote_stays_silent_is_not_waited_for_either() {
    let stage = Stage::payments();
    let clone = stage.clone("mine");
    let (git, cluster) = (Silent::new(), Silent::new());
    let url = format!("{}/infra.git", git.at("git"));
    stage.git(&clone, &["remote", "set-url", "origin", &url]);
    let ripcord = stage.ripcord_at(&cluster).in_dir(&clone);
    let said = ripcord.run(["doctor", "payments", "-o", "json"]).unwrap();
    assert_late(&json(said, 0), "git");
}

#[test]
fn a_push_that_nobody_answers_for_is_amber_and_not_waited_for() {
    let stage = Stage::payments();
    let clone = stage.clone("mine");
    let (git, cluster) = (Silent::new(), Silent::new());
    let url = format!("{}/infra.git", git.at("git"));
    stage.git(&clone, &["remote", "set-url", "--push", "origin", &url]);
    let ripcord = stage.ripcord_at(&cluster).in_dir(&clone);
    let said = ripcord.run(["doctor", "-o", "json"]).unwrap();
    assert_late(&json(said, 0), "push");
}

#[test]
fn a_cluster_that_stays_silent_keeps_nothing_of_git_back() {
    let stage = Stage::payments();
    let cluster = Silent::new();
    let url = stage.url();
    // Git is to answer in time also with other tests beside.
    let within = "--within=4s";
    let args = ["--repo", &url, "-o", "json", "doctor", "payments", within];
    let diagnosis = json(stage.ripcord_at(&cluster).run(args).unwrap(), 0);
    assert_late(&diagnosis, "cluster");
    let findings = diagnosis["findings"].as_array().unwrap();
    for code in ["push", "target"] {
        let mut all = findings.iter();
        let found = all.find(|one| one["code"] == code).unwrap();
        assert_eq!(found["light"], "green", "{diagnosis:#}");
    }
}

#[test]
fn rules_of_a_branch_that_nobody_saw_are_not_green_and_change_no_exit_code() {
    let stage = Stage::payments();
    let cluster = Silent::new();
    let url = stage.url();
    let args = ["--repo", &url, "-o", "json", "doctor", "--within=4s"];
    let diagnosis = json(stage.ripcord_at(&cluster).run(args).unwrap(), 0);
    let mut findings = diagnosis["findings"].as_array().unwrap().iter();
    let rules = findings.find(|one| one["code"] == "branch_rules").unwrap();
    assert_eq!(rules["light"], "amber", "{rules:#}");
    assert!(rules["mend"].as_str().unwrap().contains("`forge:`"));
}

/// Records a recovery that holds an Application and was not ended.
fn hold(stage: &Stage) {
    let plan = json(stage.run(&["plan", "payments", "-o", "json"]), 0);
    let recovery = value!({
        "schema": 1, "id": "r-abc23456", "standing": "partial", "method": "auto",
        "started": "2026-10-01T11:50:00Z", "owner": "Olga Call <olga@acme.io>",
        "services": [], "aim": {"good": [], "bad": []}, "plan": plan, "request": null,
        "watch_seconds": 300, "runs_hooks": false, "parts": [], "steps": [], "missing": [],
        "holds": [{
            "kind": "window", "application": {"namespace": "argocd", "name": "pay"},
            "owner": "Olga Call <olga@acme.io>",
            "taken": "2026-10-01T11:50:00Z", "until": "2026-10-01T12:20:00Z",
        }],
    });
    let recovery: Recovery = serde_json::from_value(recovery).unwrap();
    let ledger = Ledger::open(&stage.scratch.state().join("ripcord")).unwrap();
    ledger.save(&recovery).unwrap();
}

#[test]
fn holds_of_this_machine_are_told_first_and_also_while_git_is_away() {
    const HELD: &str = "held: argocd/pay is held until 2026-10-01T12:20:00Z";
    let stage = Stage::payments();
    hold(&stage);
    let well = stage.run(&["status"]).assert_code(0);
    assert!(well.stdout.starts_with(HELD), "{well:?}");
    assert_eq!(well.stdout.matches("held: ").count(), 1, "{well:?}");
    assert!(well.stdout.contains("payments"), "{well:?}");
    let known = json(stage.run(&["status", "-o", "json"]), 0);
    assert_eq!(known["holds"][0]["application"]["name"], "pay");

    let away = ["--repo", "http://127.0.0.1:9/infra.git", "status"];
    let said = stage.ripcord().run(away).unwrap().assert_code(6);
    assert!(said.stdout.starts_with(HELD), "{said:?}");
    let said = stage.ripcord().run(away.iter().chain(&["-o", "json"]));
    let failure = json(said.unwrap(), 6);
    let hints = failure["error"]["hints"].to_string();
    assert!(hints.contains("`ripcord release r-abc23456`"), "{hints}");
}
