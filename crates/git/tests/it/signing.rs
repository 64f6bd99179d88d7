//! Signed commits, judged by git.
#![expect(
    clippy::disallowed_methods,
    reason = "the key is made by ssh-keygen itself"
)]

use std::process::Command;

use ripcord_git::RepoError;

use crate::fixture::{Fixture, new_commit};

fn key(fixture: &Fixture) -> String {
    let key = fixture.path("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    key.display().to_string()
}

#[test]
fn a_commit_signed_with_an_ssh_key_is_verified_by_git() {
    let fixture = Fixture::with_clone();
    let key = key(&fixture);
    let public = std::fs::read_to_string(format!("{key}.pub")).unwrap();
    fixture.write("signers", &format!("test@example.org {public}"));
    let signers = fixture.path("signers").display().to_string();
    for (name, value) in [
        ("gpg.format", "ssh"),
        ("user.signingKey", key.as_str()),
        ("gpg.ssh.allowedSignersFile", signers.as_str()),
        ("commit.gpgSign", "true"),
        ("i18n.commitEncoding", "ISO-8859-1"),
    ] {
        fixture.git("clone", &["config", name, value]);
    }
    let repo = fixture.open("clone");
    assert!(repo.signing_wanted());
    let tip = repo.local_tip("main").unwrap().unwrap();
    let tree = repo.commit(tip).unwrap().tree;
    let mut new = new_commit(tree, &[tip], "signiert: ä\n\nService: a");
    new.sign = true;
    let id = repo.stage().commit(&new).unwrap();
    fixture.git("clone", &["verify-commit", &id.to_string()]);

    // But for the signature it is the commit that would be made without.
    let signed = repo.commit(id).unwrap();
    new.sign = false;
    let plain = repo.commit(repo.stage().commit(&new).unwrap()).unwrap();
    assert_eq!(signed.message, plain.message);
    assert_eq!(
        (signed.author, signed.committer),
        (plain.author, plain.committer)
    );
}

#[test]
fn a_key_that_is_not_there_is_said_and_no_commit_is_made() {
    let fixture = Fixture::with_clone();
    fixture.git("clone", &["config", "gpg.format", "ssh"]);
    fixture.git("clone", &["config", "user.signingKey", "/no/such/key"]);
    let repo = fixture.open("clone");
    let tip = repo.local_tip("main").unwrap().unwrap();
    let mut new = new_commit(repo.commit(tip).unwrap().tree, &[tip], "x");
    new.sign = true;
    let error = repo.stage().commit(&new).unwrap_err();
    assert!(matches!(error, RepoError::Signing { .. }), "{error:?}");
}
