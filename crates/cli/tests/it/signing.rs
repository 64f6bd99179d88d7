//! Commits that are signed as the person's git is set up, and repositories of the newer hash.

use std::fs;
use std::path::Path;

use ripcord_testkit::{GitServer, Options, Ripcord, Scratch};

use crate::stage::{BINARY, Stage, assert_says};

/// A key without a passphrase, and git set up to sign with it. The folder's path must be short: gpg
/// puts a socket there.
fn gpg_key(stage: &Stage) -> String {
    let home = stage.scratch.path().join("gpg");
    fs::create_dir(&home).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let shown = home.display().to_string();
    let args = ["--batch", "--passphrase", "", "--quick-gen-key"];
    let made = stage
        .scratch
        .command("gpg")
        .env("GNUPGHOME", &shown)
        .args(args)
        .args(["Dana <dana@acme.example>", "ed25519", "sign", "never"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    shown
}

fn sign_with(stage: &Stage, key: &str) {
    let file = stage.scratch.git_config();
    let before = fs::read_to_string(&file).unwrap();
    let more = format!("[commit]\n\tgpgSign = true\n[user]\n\tsigningKey = {key}\n");
    fs::write(&file, before + &more).unwrap();
}

fn ends_gpg(stage: &Stage, home: &str) {
    let mut end = stage.scratch.command("gpgconf");
    let _ = end.env("GNUPGHOME", home).args(["--kill", "all"]).output();
}

#[test]
fn a_gpg_signature_is_one_that_git_verifies() {
    let stage = Stage::payments();
    let home = gpg_key(&stage);
    sign_with(&stage, "dana@acme.example");
    let _ = stage.roll_back_with("GNUPGHOME", &home).assert_code(0);
    assert_eq!(stage.live(), "good000");
    let verified = stage
        .scratch
        .command("git")
        .env("GNUPGHOME", &home)
        .current_dir(stage.infra.path())
        .args(["verify-commit", "main"])
        .output()
        .unwrap();
    ends_gpg(&stage, &home);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn without_the_key_nothing_is_pushed() {
    let stage = Stage::payments();
    let home = gpg_key(&stage);
    sign_with(&stage, "nobody@acme.example");
    let output = stage.roll_back_with("GNUPGHOME", &home);
    ends_gpg(&stage, &home);
    let output = output.assert_code(7);
    assert_says(&output, &["gpg failed to sign", "commit.gpgsign"]);
    assert_eq!((stage.live(), stage.commits()), ("bad1111".into(), 3));
}

/// Two deploys in a repository whose ids have 64 digits.
fn sha256(scratch: &Scratch) {
    let work = scratch.path().join("work");
    fs::create_dir(&work).unwrap();
    scratch
        .git(
            &work,
            &["init", "-q", "-b", "main", "--object-format=sha256"],
        )
        .unwrap();
    let file = work.join("services/payments/overlays/production/kustomization.yaml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    for version in ["good000", "bad1111"] {
        let text = format!("images:\n  - name: acme/payments\n    newTag: {version}\n");
        fs::write(&file, text).unwrap();
        scratch.git(&work, &["add", "."]).unwrap();
        scratch.git(&work, &["commit", "-qm", "deploy"]).unwrap();
    }
    let bare = scratch.repos().join("infra.git").display().to_string();
    scratch
        .git(scratch.path(), &["clone", "-q", "--bare", "work", &bare])
        .unwrap();
    scratch
        .git(Path::new(&bare), &["config", "http.receivepack", "true"])
        .unwrap();
}

#[test]
fn a_repository_of_the_newer_hash_is_rolled_back_from_a_clone() {
    let scratch = Scratch::new().unwrap();
    sha256(&scratch);
    let server = GitServer::start(&scratch.repos(), Options::default()).unwrap();
    let clone = scratch.clone_of(&server.url("infra.git"), "mine").unwrap();
    let ripcord = Ripcord::new(&scratch, BINARY).in_dir(&clone);
    let args = ["rollback", "payments", "production", "--yes"];
    let _ = ripcord.run(args).unwrap().assert_code(0);
    let bare = scratch.repos().join("infra.git");
    let show = [
        "show",
        "main:services/payments/overlays/production/kustomization.yaml",
    ];
    assert!(scratch.git(&bare, &show).unwrap().contains("good000"));
    let _ = ripcord.run(["status"]).unwrap().assert_code(0);
    let _ = ripcord.run(["undo", "--yes"]).unwrap().assert_code(0);
    assert!(scratch.git(&bare, &show).unwrap().contains("bad1111"));
}

#[test]
fn by_url_a_repository_of_the_newer_hash_is_told_apart() {
    let scratch = Scratch::new().unwrap();
    sha256(&scratch);
    let server = GitServer::start(&scratch.repos(), Options::default()).unwrap();
    let url = server.url("infra.git");
    let args = [
        "--repo",
        &url,
        "rollback",
        "payments",
        "production",
        "--yes",
    ];
    let output = Ripcord::new(&scratch, BINARY).run(args).unwrap();
    let output = output.assert_code(2);
    assert_says(&output, &["another object format", "--repo PATH"]);
}
