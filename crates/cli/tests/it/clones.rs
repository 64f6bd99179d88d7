//! The same rollback from every kind of clone; nothing of the clone changes.

use std::fs;
use std::path::Path;

use crate::stage::{Stage, assert_says, deploy};

const ROLLBACK: [&str; 4] = ["rollback", "payments", "production", "--yes"];

/// Rolls back in `dir` and asserts that it landed and that nothing of `whole` changed.
#[track_caller]
fn lands(stage: &Stage, dir: &Path, whole: &Path) {
    let (tip, before) = (stage.tip(), stage.snapshot(whole));
    let output = stage.ripcord().in_dir(dir).run(ROLLBACK).unwrap();
    let _ = output.assert_code(0);
    before.assert_same(&stage.snapshot(whole));
    assert_eq!(stage.live(), "good000");
    stage.assert_one_on_top_of(&tip);
}

#[test]
fn from_a_plain_clone() {
    let stage = Stage::payments();
    let clone = stage.clone("plain");
    lands(&stage, &clone, &clone);
}

#[test]
fn from_a_clone_that_is_behind() {
    let mut stage = Stage::with(|infra| {
        deploy(infra, "orders", "production", "o1");
        deploy(infra, "payments", "production", "good000");
    });
    let clone = stage.clone("behind");
    deploy(&mut stage.infra, "payments", "production", "bad1111");
    deploy(&mut stage.infra, "orders", "production", "o2");
    lands(&stage, &clone, &clone);
}

#[test]
fn from_a_bare_clone() {
    let stage = Stage::payments();
    let url = stage.url();
    stage.git(
        stage.scratch.path(),
        &["clone", "--quiet", "--bare", &url, "bare.git"],
    );
    let clone = stage.scratch.path().join("bare.git");
    lands(&stage, &clone, &clone);
}

#[test]
fn from_a_linked_worktree() {
    let stage = Stage::payments();
    let clone = stage.clone("main-tree");
    stage.git(
        &clone,
        &["worktree", "add", "--quiet", "-b", "other", "../linked"],
    );
    let linked = stage.scratch.path().join("linked");
    let before = stage.snapshot(&clone);
    lands(&stage, &linked, &linked);
    before.assert_same(&stage.snapshot(&clone));
}

/// A clone of `depth` commits; deepening it may change `shallow` and nothing else.
fn lands_shallow(depth: u32) {
    let stage = Stage::payments();
    let (url, depth) = (stage.url(), format!("--depth={depth}"));
    stage.git(
        stage.scratch.path(),
        &["clone", "--quiet", &depth, &url, "shallow"],
    );
    let clone = stage.scratch.path().join("shallow");
    let (tip, before) = (stage.tip(), stage.snapshot(&clone));
    let output = stage.ripcord().in_dir(&clone).run(ROLLBACK).unwrap();
    let _ = output.assert_code(0);
    let changes = before.changes_to(&stage.snapshot(&clone));
    let expected = |line: &String| line.starts_with("git shallow:");
    assert!(changes.iter().all(expected), "{changes:?}");
    assert_eq!(stage.live(), "good000");
    stage.assert_one_on_top_of(&tip);
}

#[test]
fn from_a_shallow_clone_that_has_enough() {
    lands_shallow(2);
}

#[test]
fn from_a_shallow_clone_of_one_commit() {
    lands_shallow(1);
}

#[test]
fn from_a_partial_clone_without_blobs() {
    let stage = Stage::payments();
    let url = stage.url();
    let args = [
        "clone",
        "--quiet",
        "--filter=blob:none",
        "--no-checkout",
        &url,
        "partial",
    ];
    stage.git(stage.scratch.path(), &args);
    let clone = stage.scratch.path().join("partial");
    lands(&stage, &clone, &clone);
}

#[test]
fn from_a_partial_clone_without_trees() {
    let stage = Stage::payments();
    let url = stage.url();
    let args = [
        "clone",
        "--quiet",
        "--filter=tree:0",
        "--no-checkout",
        &url,
        "treeless",
    ];
    stage.git(stage.scratch.path(), &args);
    let clone = stage.scratch.path().join("treeless");
    lands(&stage, &clone, &clone);
}

#[test]
fn from_a_dirty_clone_with_staged_changes_and_a_stash() {
    let stage = Stage::payments();
    let clone = stage.clone("dirty");
    let file = clone.join("services/payments/overlays/production/kustomization.yaml");
    fs::write(&file, "stashed").unwrap();
    stage.git(&clone, &["stash", "--quiet"]);
    fs::write(&file, "staged").unwrap();
    stage.git(&clone, &["add", "."]);
    fs::write(&file, "edited").unwrap();
    fs::write(clone.join("untracked"), "mine").unwrap();
    lands(&stage, &clone, &clone);
}

#[test]
fn from_a_clone_in_the_middle_of_a_conflict() {
    let stage = Stage::payments();
    let clone = stage.clone("conflict");
    let revert = stage
        .scratch
        .try_git(&clone, &["revert", "--no-edit", "HEAD~1"]);
    assert!(!revert.unwrap().succeeded());
    assert!(clone.join(".git/REVERT_HEAD").exists());
    lands(&stage, &clone, &clone);
}

#[test]
fn from_a_detached_head() {
    let stage = Stage::payments();
    let clone = stage.clone("detached");
    stage.git(&clone, &["checkout", "--quiet", "--detach", "HEAD~1"]);
    lands(&stage, &clone, &clone);
}

#[test]
fn from_another_branch_with_unpushed_commits() {
    let stage = Stage::payments();
    let clone = stage.clone("feature");
    stage.git(&clone, &["checkout", "--quiet", "-b", "feature", "HEAD~1"]);
    fs::write(clone.join("wip"), "wip").unwrap();
    stage.git(&clone, &["add", "wip"]);
    stage.git(&clone, &["commit", "--quiet", "-m", "wip"]);
    lands(&stage, &clone, &clone);
    assert!(stage.infra.read("wip").is_err());
    assert_eq!(
        stage
            .infra
            .git(&["branch", "--format=%(refname:short)"])
            .unwrap(),
        "main"
    );
}

#[test]
fn from_a_folder_inside_the_clone() {
    let stage = Stage::payments();
    let clone = stage.clone("sub");
    lands(&stage, &clone.join("services/payments/base"), &clone);
}

#[test]
fn from_a_path_with_spaces() {
    let stage = Stage::payments();
    let clone = stage.clone("my infra repo (new)");
    lands(&stage, &clone, &clone);
}

#[test]
fn by_the_path_of_the_clone_from_elsewhere() {
    let stage = Stage::payments();
    let clone = stage.clone("named");
    let before = stage.snapshot(&clone);
    let path = clone.display().to_string();
    let args = ["--repo", path.as_str()].into_iter().chain(ROLLBACK);
    let _ = stage.ripcord().run(args).unwrap().assert_code(0);
    before.assert_same(&stage.snapshot(&clone));
    assert_eq!(stage.live(), "good000");
}

#[test]
fn from_a_clone_whose_remote_is_a_relative_path() {
    let stage = Stage::payments();
    let clone = stage.clone("relative");
    stage.git(
        &clone,
        &["remote", "set-url", "origin", "../repos/infra.git"],
    );
    lands(&stage, &clone.join("services"), &clone);
}

#[test]
fn by_url_without_a_clone() {
    let stage = Stage::payments();
    let tip = stage.tip();
    let output = stage.roll_back().assert_code(0);
    assert_says(&output, &["bad1111", "good000", "ripcord undo"]);
    assert_eq!(stage.live(), "good000");
    stage.assert_one_on_top_of(&tip);
}

#[test]
fn a_clone_without_a_remote_is_told_to_name_one() {
    let stage = Stage::payments();
    let clone = stage.clone("lonely");
    stage.git(&clone, &["remote", "remove", "origin"]);
    let output = stage.run_in(&clone, &ROLLBACK).assert_code(2);
    assert_says(&output, &["no remote", "--repo"]);
}

#[test]
fn the_clones_hooks_do_not_run() {
    let stage = Stage::payments();
    let clone = stage.clone("hooked");
    for name in [
        "pre-push",
        "reference-transaction",
        "post-commit",
        "pre-commit",
    ] {
        let mark = stage.scratch.path().join("hook-ran");
        let script = format!("#!/bin/sh\necho {name} >>'{}'\nexit 1\n", mark.display());
        ripcord_testkit::install_hook(&clone.join(".git"), name, &script).unwrap();
    }
    lands(&stage, &clone, &clone);
    assert!(!stage.scratch.path().join("hook-ran").exists());
}
