//! `guard` as a server's hook, with real pushes.

use std::fs;
use std::path::Path;

use ripcord_testkit::{InfraRepo, Output};

use crate::guard::{OVERLAY, Proposal, rolled_back};
use crate::stage::{BINARY, QUARANTINE, Stage, assert_says, overlay};

/// Makes `guard` the server's `pre-receive` hook.
fn install(stage: &Stage, repo: &str, flags: &str) {
    let text = format!(
        "#!/bin/sh\nRIPCORD_NOW=2026-10-01T12:30:00Z exec {BINARY} guard --pre-receive {flags}\n"
    );
    stage
        .server
        .install_hook(repo, "pre-receive", &text)
        .unwrap();
}

fn push(stage: &Stage, clone: &Path, refspec: &str) -> Output {
    stage
        .scratch
        .try_git(clone, &["push", "origin", refspec])
        .unwrap()
}

#[test]
fn a_server_with_the_hook_takes_no_push_that_deploys_a_quarantined_version() {
    let stage = rolled_back();
    install(&stage, "infra.git", "");
    let change = Proposal::on(&stage, "dev");
    change.replace(OVERLAY, "good000", "bad1111");
    let before = stage.tip();
    let output = push(&stage, &change.clone, "HEAD:main");
    assert!(!output.succeeded(), "{output:?}");
    let line = "remote: services/payments/overlays/production/kustomization.yaml:8: payments in production";
    assert_says(
        &output,
        &[
            line,
            "remote: error: 1 deploy(s)",
            "quarantine lift",
            "hook declined",
        ],
    );
    assert_eq!(stage.tip(), before);
    // A branch for a pull request, a tag and a deleted branch deploy nothing.
    for refspec in [
        "HEAD:refs/heads/proposal",
        "HEAD:refs/tags/v1",
        ":refs/heads/proposal",
    ] {
        let output = push(&stage, &change.clone, refspec);
        assert!(output.succeeded(), "{output:?}");
    }
    change.replace(OVERLAY, "bad1111", "better2");
    let output = push(&stage, &change.clone, "HEAD:main");
    assert!(output.succeeded(), "{output:?}");
    assert!(!output.stderr.contains("remote:"), "{output:?}");
    assert_eq!(stage.live(), "better2");
}

#[test]
fn behind_the_hook_ripcord_itself_works_and_an_undo_takes_a_lift_first() {
    let stage = Stage::payments();
    install(&stage, "infra.git", "");
    let _ = stage.roll_back().assert_code(0);
    let rollback = stage.tip();
    let output = stage.run(&["undo", "--yes"]).assert_code(5);
    assert_says(
        &output,
        &[
            "to lift and to deploy are two changes",
            "quarantine lift payments bad1111",
        ],
    );
    stage.lift("bad1111");
    let _ = stage.run(&["undo", &rollback, "--yes"]).assert_code(0);
    assert_eq!(stage.live(), "bad1111");

    let stage = Stage::payments();
    install(&stage, "infra.git", "--allow-lift");
    let _ = stage.roll_back().assert_code(0);
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!(stage.live(), "bad1111");
}

#[test]
fn a_push_that_breaks_the_file_or_a_hook_that_cannot_read_stops_the_push() {
    let stage = rolled_back();
    install(&stage, "infra.git", "");
    let change = Proposal::on(&stage, "dev");
    change.write(QUARANTINE, "no: file");
    let output = push(&stage, &change.clone, "HEAD:main");
    assert!(!output.succeeded(), "{output:?}");
    assert_says(&output, &["cannot be read", QUARANTINE]);
    install(&stage, "infra.git", "--branch '' --config /no/such/file");
    let other = Proposal::on(&stage, "other");
    other.replace(&overlay("orders", "production"), "o1", "o2");
    assert!(!push(&stage, &other.clone, "HEAD:main").succeeded());
}

#[test]
fn a_force_push_and_a_branch_that_is_made_anew_are_judged_too() {
    let stage = rolled_back();
    install(&stage, "infra.git", "");
    let change = Proposal::on(&stage, "dev");
    // Back to before the rollback: neither it nor its file is there.
    stage.git(&change.clone, &["reset", "-q", "--hard", "HEAD~1"]);
    let output = push(&stage, &change.clone, "+HEAD:main");
    assert!(!output.succeeded(), "{output:?}");
    assert_says(&output, &["two changes"]);
    assert_eq!(stage.live(), "good000");

    let text = "branches: {production: main, staging: stage}\n";
    stage
        .infra
        .clone()
        .write("ripcord.yaml", text)
        .commit("branches")
        .land()
        .unwrap();
    let change = Proposal::on(&stage, "anew");
    change.replace(OVERLAY, "good000", "bad1111");
    assert!(!push(&stage, &change.clone, "HEAD:refs/heads/stage").succeeded());
    assert!(push(&stage, &change.clone, "HEAD:refs/heads/other").succeeded());
}

#[test]
fn a_branch_that_stands_for_an_environment_is_guarded_by_the_configuration_of_the_own_one() {
    let stage = Stage::with(|infra| {
        let text = "branches: {production: env/production}\naliases: {services: {pay: payments}}\n";
        infra
            .write("ripcord.yaml", text)
            .commit("configure")
            .land()
            .unwrap();
        for version in ["good000", "bad1111"] {
            let text = format!("image: ghcr.io/acme/payments:{version}\n");
            infra.write("pay/values.yaml", text);
            infra.commit("deploy").on("env/production").land().unwrap();
        }
    });
    install(&stage, "infra.git", "");
    let _ = stage.roll_back().assert_code(0);
    let list = stage.run(&["quarantine", "list", "-e", "production"]);
    assert_says(&list.assert_code(0), &["bad1111"]);
    let change = Proposal::on(&stage, "dev");
    stage.git(&change.clone, &["checkout", "-q", "env/production"]);
    change.replace("pay/values.yaml", "good000", "bad1111");
    let output = push(&stage, &change.clone, "HEAD:env/production");
    assert!(!output.succeeded(), "{output:?}");
    let line = "payments in production: bad1111 is quarantined";
    assert_says(&output, &[line]);
    // So it is in a pull request to that branch, which has no configuration of its own.
    let args = ["guard", "--branch", "env/production"];
    assert_says(&stage.run_in(&change.clone, &args).assert_code(3), &[line]);
}

#[test]
fn a_broken_configuration_cannot_be_pushed_but_mended() {
    let stage = rolled_back();
    let broken = "paths: [";
    let early = Proposal::on(&stage, "early");
    stage
        .infra
        .clone()
        .write("ripcord.yaml", broken)
        .commit("break")
        .land()
        .unwrap();
    install(&stage, "infra.git", "");
    let change = Proposal::on(&stage, "dev");
    change.replace(OVERLAY, "good000", "better2");
    assert!(!push(&stage, &change.clone, "HEAD:main").succeeded());
    change.write("ripcord.yaml", "infer: true\n");
    change.replace(OVERLAY, "better2", "bad1111");
    let output = push(&stage, &change.clone, "HEAD:main");
    assert_says(&output, &["bad1111 is quarantined"]);
    assert!(!output.succeeded());
    // Until then every branch may be one that is deployed.
    early.replace(OVERLAY, "good000", "bad1111");
    assert!(!push(&stage, &early.clone, "HEAD:refs/heads/other").succeeded());
    change.replace(OVERLAY, "bad1111", "better2");
    let output = push(&stage, &change.clone, "HEAD:main");
    assert!(output.succeeded(), "{output:?}");
}

#[test]
fn the_first_push_to_an_empty_server_is_judged_by_itself() {
    let stage = rolled_back();
    let fresh = InfraRepo::new(&stage.scratch, "fresh.git").unwrap();
    install(&stage, "fresh.git", "");
    let clone = stage.clone("dev");
    stage.git(&clone, &["remote", "set-url", "origin", &fresh.url()]);
    let output = push(&stage, &clone, "HEAD:main");
    assert!(output.succeeded(), "{output:?}");
}

#[test]
fn what_is_no_push_is_refused() {
    let stage = rolled_back();
    let run = |line: &str| {
        let file = stage.scratch.path().join("lines");
        fs::write(&file, line).unwrap();
        let mut command = stage
            .ripcord()
            .in_dir(stage.infra.path())
            .command(["guard", "--pre-receive"]);
        let output = command
            .stdin(fs::File::open(&file).unwrap())
            .output()
            .unwrap();
        output.status.code()
    };
    assert_eq!(run("nonsense\n"), Some(2));
    assert_eq!(run("a b refs/heads/main\n"), Some(2));
    assert_eq!(run(""), Some(0));
    let none = "0".repeat(40);
    assert_eq!(
        run(&format!("{none} {} refs/heads/main\n", "1".repeat(40))),
        Some(7)
    );
}

#[test]
fn a_hook_of_an_account_without_a_home_judges_all_the_same() {
    let stage = rolled_back();
    let unset = "env -u HOME -u XDG_CACHE_HOME -u RIPCORD_CACHE_DIR";
    let text = format!(
        "#!/bin/sh\nRIPCORD_NOW=2026-10-01T12:30:00Z exec {unset} {BINARY} guard --pre-receive\n"
    );
    stage
        .server
        .install_hook("infra.git", "pre-receive", &text)
        .unwrap();
    let change = Proposal::on(&stage, "dev");
    change.replace(OVERLAY, "good000", "bad1111");
    let output = push(&stage, &change.clone, "HEAD:main");
    assert!(!output.succeeded(), "{output:?}");
    assert_says(&output, &["remote: error: 1 deploy(s)"]);
    change.replace(OVERLAY, "bad1111", "better2");
    let output = push(&stage, &change.clone, "HEAD:main");
    assert!(output.succeeded(), "{output:?}");
}
