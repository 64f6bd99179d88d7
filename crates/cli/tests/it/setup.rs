//! Configurations and remotes that are not the usual ones.

use std::path::{Path, PathBuf};

use ripcord_testkit::{InfraRepo, Output};

use crate::stage::{Stage, assert_says, deploy, json, overlay};

/// A branch for each environment, from one default branch that says so.
fn branches(infra: &mut InfraRepo) {
    let configuration = "branches: {production: env/production, staging: env/staging}\naliases: {services: {pay: payments}}\n";
    infra.write("ripcord.yaml", configuration);
    infra.commit("Configure").land().unwrap();
    for (branch, version) in [
        ("env/production", "good000"),
        ("env/staging", "s1"),
        ("env/production", "bad1111"),
        ("env/staging", "s2"),
    ] {
        let text = format!("images:\n  - name: acme/payments\n    newTag: {version}\n");
        infra.write("payments/kustomization.yaml", text);
        infra.commit("chore: bump").on(branch).land().unwrap();
        infra.remove("payments/kustomization.yaml");
    }
}

fn tag_on(stage: &Stage, branch: &str) -> String {
    let text = stage
        .infra
        .read_at(branch, "payments/kustomization.yaml")
        .unwrap();
    text.rsplit(' ').next().unwrap().trim().to_owned()
}

#[test]
fn a_branch_for_each_environment_is_found_by_the_environment() {
    let stage = Stage::with(branches);
    let main = stage.tip();
    // On a machine that has nothing yet, with the environment left out, by an alias.
    let output = stage.run(&["rollback", "pay", "--yes"]).assert_code(0);
    assert_says(&output, &["env/production", "good000"]);
    assert_eq!(tag_on(&stage, "env/production"), "good000");
    assert_eq!(tag_on(&stage, "env/staging"), "s2");
    assert_eq!(stage.tip(), main);
    // The way back that was printed works as it is.
    let undo = output.stdout.lines().find_map(|line| {
        line.strip_prefix("to take it back: ripcord ")
            .map(|rest| rest.split(' ').map(str::to_owned).collect::<Vec<_>>())
    });
    let undo = undo.unwrap();
    let args: Vec<&str> = undo.iter().map(String::as_str).chain(["--yes"]).collect();
    let _ = stage.run(&args).assert_code(0);
    assert_eq!(tag_on(&stage, "env/production"), "bad1111");
    let _ = stage
        .run(&["rollback", "payments", "staging", "--yes"])
        .assert_code(0);
    assert_eq!(tag_on(&stage, "env/staging"), "s1");
    assert_eq!(tag_on(&stage, "env/production"), "bad1111");
}

#[test]
fn without_inference_only_what_templates_name_is_seen() {
    let stage = Stage::with(|infra| {
        let text = "infer: false\npaths: ['services/{service}/overlays/{environment}']\n";
        infra.write("ripcord.yaml", text);
        infra.write(
            "apps/ghost/prod.yaml",
            "image: {repository: acme/ghost, tag: v1}\n",
        );
        crate::stage::payments(infra);
    });
    let status = json(stage.run(&["status", "-o", "json"]), 0);
    let rows = status["services"].as_array().unwrap();
    let names: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["service"].as_str())
        .collect();
    assert_eq!(names, ["orders", "payments"]);
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(stage.live(), "good000");
    let _ = stage
        .run(&["rollback", "ghost", "production", "--yes"])
        .assert_code(2);
}

#[test]
fn with_the_configuration_that_init_writes_a_rollback_is_the_same_one_file() {
    let stage = Stage::payments();
    let clone = stage.clone("mine");
    let _ = stage
        .ripcord()
        .in_dir(&clone)
        .run(["init"])
        .unwrap()
        .assert_code(0);
    stage.git(&clone, &["add", "ripcord.yaml"]);
    stage.git(&clone, &["commit", "-qm", "Configure ripcord"]);
    stage.git(&clone, &["push", "-q", "origin", "main"]);
    let before = stage.tip();
    let _ = stage.roll_back().assert_code(0);
    stage.assert_only_payments_changed_since(&before);
}

/// The server's repository under another name in a clone that calls something else `origin`.
fn second_remote(stage: &Stage) -> PathBuf {
    let fork = InfraRepo::new(&stage.scratch, "fork.git").unwrap();
    let mut seed = fork.clone();
    deploy(&mut seed, "payments", "production", "fork1");
    deploy(&mut seed, "payments", "production", "fork2");
    let clone = stage.clone("mine");
    stage.git(&clone, &["remote", "rename", "origin", "upstream"]);
    stage.git(
        &clone,
        &["remote", "add", "origin", &stage.server.url("fork.git")],
    );
    clone
}

#[test]
fn of_several_remotes_origin_is_meant_and_said() {
    let stage = Stage::payments();
    let clone = second_remote(&stage);
    let plan = json(stage.run_in(&clone, &["plan", "payments", "-o", "json"]), 0);
    assert_eq!(plan["remote"], stage.server.url("fork.git"));
    assert_eq!(plan["services"][0]["target"]["version"], "fork1");
}

#[test]
fn a_push_url_of_its_own_is_where_the_rollback_goes() {
    let stage = Stage::payments();
    let clone = stage.clone("mine");
    let mirror = stage.scratch.repos().join("mirror.git");
    let mirrored = mirror.display().to_string();
    stage.git(
        stage.scratch.path(),
        &["clone", "-q", "--bare", &stage.url(), &mirrored],
    );
    let url = stage.server.url("mirror.git");
    stage.git(&clone, &["remote", "set-url", "--push", "origin", &url]);
    let before = stage.tip();
    let _ = stage
        .run_in(&clone, &["rollback", "payments", "production", "--yes"])
        .assert_code(0);
    assert_eq!(stage.tip(), before);
    let text = stage.git(
        &mirror,
        &[
            "show",
            &format!("main:{}", overlay("payments", "production")),
        ],
    );
    assert!(text.contains("good000"), "{text}");
}

#[test]
fn the_repository_can_come_from_the_environment() {
    let stage = Stage::payments();
    let output = stage
        .ripcord()
        .env("RIPCORD_REPO", stage.url())
        .run(["rollback", "payments", "production", "--yes"])
        .unwrap();
    let _ = output.assert_code(0);
    assert_eq!(stage.live(), "good000");
}

/// Makes git ask this script for credentials.
fn helper(stage: &Stage, user: &str, password: &str) {
    let script = stage.scratch.path().join("helper.sh");
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = get ] && printf 'username={user}\\npassword={password}\\n'\nexit 0\n"
    );
    std::fs::write(&script, text).unwrap();
    let shown = script.display();
    append(
        &stage.scratch.git_config(),
        &format!("[credential]\n\thelper = !sh {shown}\n"),
    );
}

fn append(file: &Path, text: &str) {
    let before = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, before + text).unwrap();
}

/// A rollback as Dana, whose credential helper knows this token, when the server wants the other.
fn as_dana(knows: &str, wanted: &str) -> (Stage, Output) {
    let stage = Stage::payments();
    stage.server.set_auth(Some(("dana", wanted)));
    helper(&stage, "dana", knows);
    let output = stage.roll_back();
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(!said.contains(knows), "{said}");
    (stage, output)
}

#[test]
fn the_persons_credential_helper_lets_ripcord_in() {
    let (stage, output) = as_dana("s3cr3t-token", "s3cr3t-token");
    let _ = output.assert_code(0);
    assert_eq!(stage.live(), "good000");
}

#[test]
fn wrong_credentials_of_a_helper_are_a_remote_problem_without_the_secret() {
    let (stage, output) = as_dana("wr0ng-token", "s3cr3t-token");
    let _ = output.assert_code(6);
    assert_eq!(stage.commits(), 3);
}
