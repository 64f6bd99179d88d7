//! What a push does to a real bare remote, and what it leaves alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ripcord_git::{FetchDepth, PushOutcome, RejectKind, RepoError};

use crate::fixture::{Fixture, commit_file};

fn hook(fixture: &Fixture, name: &str, script: &str) {
    let path = fixture.path("origin.git").join("hooks").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_push_moves_the_branch_and_nothing_of_a_messy_clone() {
    let fixture = Fixture::with_clone();
    fixture.write("clone/README", "stashed\n");
    fixture.git("clone", &["stash", "-q"]);
    fixture.git("clone", &["checkout", "-q", "-b", "feature"]);
    fixture.write("clone/staged", "x");
    fixture.git("clone", &["add", "staged"]);
    fixture.write("clone/apps/a/deploy.yaml", "dirty\n");
    fixture.write("clone/untracked", "x");
    let hooks = fixture.path("clone/.git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for name in ["pre-push", "reference-transaction"] {
        let path = hooks.join(name);
        fs::write(&path, "#!/bin/sh\ntouch ../hook-ran\nexit 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let newest = fixture.somebody_pushes("moved on");
    let before = {
        // `git status` may refresh the index: once before is enough.
        let _ = fixture.snapshot("clone");
        fixture.snapshot("clone")
    };

    let repo = fixture.open("clone/apps");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    assert_eq!(tip, newest);
    let commit = commit_file(&repo, tip, "apps/a/deploy.yaml", "image: a:2\n");
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Updated
    );

    assert_eq!(fixture.id("origin.git", "main"), commit);
    assert_eq!(before, fixture.snapshot("clone"));
    assert!(!fixture.path("hook-ran").exists());
    fixture.git("clone", &["fsck", "--strict"]);
    fixture.git("origin.git", &["fsck", "--strict"]);
}

#[test]
fn a_second_push_of_the_same_commit_is_already_there() {
    let fixture = Fixture::with_clone();
    let repo = fixture.open("clone");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    let commit = commit_file(&repo, tip, "x", "1");
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Updated
    );
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::AlreadyThere
    );
    assert_eq!(
        repo.push(commit, "new", None).unwrap(),
        PushOutcome::Updated
    );
    assert_eq!(
        repo.push(commit, "new", None).unwrap(),
        PushOutcome::AlreadyThere
    );
    assert_eq!(repo.remote_tip("new").unwrap(), Some(commit));
}

#[test]
fn a_lost_race_changes_nothing() {
    let fixture = Fixture::with_clone();
    let repo = fixture.open("clone");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    let commit = commit_file(&repo, tip, "x", "1");
    let theirs = fixture.somebody_pushes("first");
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Moved
    );
    // A branch that must be new is not.
    assert_eq!(repo.push(commit, "main", None).unwrap(), PushOutcome::Moved);
    assert_eq!(fixture.id("origin.git", "main"), theirs);
    // A branch that went meanwhile is a lost race, not a new branch.
    fixture.git("origin.git", &["update-ref", "-d", "refs/heads/main"]);
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Moved
    );
}

#[test]
fn a_race_that_only_the_server_sees_is_a_lost_race() {
    let fixture = Fixture::with_clone();
    let repo = fixture.open("clone");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    let commit = commit_file(&repo, tip, "x", "1");
    let other = commit_file(&repo, tip, "y", "2");
    fixture.git(
        "clone",
        &["push", "-q", "origin", &format!("{other}:refs/heads/side")],
    );
    // While our push is under way, the branch moves.
    hook(
        &fixture,
        "pre-receive",
        &format!("unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {other}"),
    );
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Moved
    );
    assert_eq!(fixture.id("origin.git", "main"), other);
}

#[test]
fn a_ref_that_is_locked_on_the_server_is_a_lost_race() {
    let fixture = Fixture::with_clone();
    let repo = fixture.open("clone");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    let commit = commit_file(&repo, tip, "x", "1");
    fixture.write("origin.git/refs/heads/main.lock", "");
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Moved
    );
}

#[test]
fn what_a_hook_says_is_handed_on() {
    let fixture = Fixture::with_clone();
    hook(
        &fixture,
        "pre-receive",
        "echo 'no deploys on friday' >&2; exit 1",
    );
    let repo = fixture.open("clone");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    let commit = commit_file(&repo, tip, "x", "1");
    let outcome = repo.push(commit, "main", Some(tip)).unwrap();
    assert_eq!(
        outcome,
        PushOutcome::Rejected {
            kind: RejectKind::Hook,
            reason: "[remote rejected] (pre-receive hook declined)".into(),
            server_words: "no deploys on friday".into(),
        }
    );
    hook(&fixture, "pre-receive", "exit 0");
    hook(
        &fixture,
        "update",
        "echo 'GitLab: You are not allowed to push code to protected branches on this project.'; exit 1",
    );
    let outcome = repo.push(commit, "main", Some(tip)).unwrap();
    assert!(
        matches!(
            outcome,
            PushOutcome::Rejected {
                kind: RejectKind::ProtectedBranch,
                ..
            }
        ),
        "{outcome:?}"
    );
}

#[test]
fn a_push_that_would_drop_commits_is_refused_here() {
    let fixture = Fixture::with_clone();
    let repo = fixture.open("clone");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    let old = repo.commit(tip).unwrap().parents[0];
    let on_old = commit_file(&repo, old, "x", "1");
    let refused = repo.push(on_old, "main", Some(tip));
    assert!(
        matches!(refused, Err(RepoError::NotAChild { .. })),
        "{refused:?}"
    );
    assert_eq!(fixture.id("origin.git", "main"), tip);
}

#[test]
fn a_checked_out_branch_of_a_remote_that_is_no_bare_one_is_a_no() {
    let fixture = Fixture::with_clone();
    fixture.git("clone", &["remote", "set-url", "origin", "../seed"]);
    fixture.git("seed", &["checkout", "-q", "main"]);
    let repo = fixture.open("clone");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    let commit = commit_file(&repo, tip, "x", "1");
    let outcome = repo.push(commit, "main", Some(tip)).unwrap();
    assert!(
        matches!(
            &outcome,
            PushOutcome::Rejected { kind: RejectKind::Other, reason, .. }
                if reason.contains("currently checked out")
        ),
        "{outcome:?}"
    );
}

#[test]
fn a_mirror_or_a_push_address_of_its_own_is_no_trouble() {
    let fixture = Fixture::with_clone();
    fixture.git("clone", &["config", "remote.origin.mirror", "true"]);
    fixture.git("clone", &["config", "push.followTags", "true"]);
    fixture.git("clone", &["config", "fetch.prune", "true"]);
    fixture.git(
        ".",
        &["clone", "-q", "--bare", "origin.git", "writable.git"],
    );
    let writable = fixture.path("writable.git").display().to_string();
    fixture.git(
        "clone",
        &["remote", "set-url", "--push", "origin", &writable],
    );
    let repo = fixture.open("clone");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    let commit = commit_file(&repo, tip, "x", "1");
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Updated
    );
    assert_eq!(fixture.id("writable.git", "main"), commit);
    assert_eq!(fixture.id("origin.git", "main"), tip);
}

#[test]
fn a_bare_repository_without_a_remote_is_its_own() {
    let fixture = Fixture::with_origin();
    fixture.git("origin.git", &["remote", "remove", "origin"]);
    hook(&fixture, "update", "echo seen > \"$GIT_DIR/hook-ran\"");
    let repo = fixture.open("origin.git");
    assert_eq!(repo.default_branch().unwrap(), "main");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    assert_eq!(repo.local_tip("main").unwrap(), Some(tip));
    let commit = commit_file(&repo, tip, "x", "1");
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Updated
    );
    assert_eq!(fixture.id("origin.git", "main"), commit);
    // The server's hooks run; only those of the clone do not.
    assert!(fixture.path("origin.git/hook-ran").exists());
}
