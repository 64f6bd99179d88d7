//! Odd commits and broken objects.

use std::fs;

use bstr::ByteSlice;
use ripcord_git::{Oid, Repo, RepoError};

use crate::fixture::{Fixture, new_commit, person};

fn raw_commit(fixture: &Fixture, text: &[u8]) -> Oid {
    let args = [
        "hash-object",
        "-w",
        "-t",
        "commit",
        "--literally",
        "--stdin",
    ];
    let id = fixture.git_bytes("clone", &args, text);
    id.trim().to_str().unwrap().parse().unwrap()
}

fn head(fixture: &Fixture) -> String {
    format!("tree {}\n", fixture.id("clone", "HEAD^{tree}"))
}

#[test]
fn odd_commits_are_still_commits() {
    let fixture = Fixture::with_clone();
    let repo = fixture.open("clone");
    let with = |rest: &[u8]| {
        let text = [head(&fixture).as_bytes(), rest].concat();
        repo.commit(raw_commit(&fixture, &text)).unwrap()
    };
    let people = "author A <a@x> 1 +0100\ncommitter B <b@x> 2 -0030\n";
    let plain = with(format!("{people}\nno newline at the end").as_bytes());
    assert_eq!(plain.message, "no newline at the end");
    assert_eq!(
        (plain.author.seconds, plain.author.offset_seconds),
        (1, 3600)
    );
    assert_eq!(plain.committer.offset_seconds, -1800);
    let latin = with(&[people.as_bytes(), b"encoding ISO-8859-1\n\nsch\xf6n\n"].concat());
    assert_eq!(latin.message, "sch\u{f6}n\n");
    let broken = with(&[people.as_bytes(), b"\nsch\xf6n\n"].concat());
    assert_eq!(broken.message, "sch\u{fffd}n\n");
    let empty = with(format!("{people}\n").as_bytes());
    assert_eq!(empty.message, "");
    let signed = with(
        format!("{people}gpgsig -----BEGIN\n x\n -----END\nmergetag object\n y\n\nsubject\n")
            .as_bytes(),
    );
    assert_eq!(signed.message, "subject\n");
    let nameless = with(b"author  <> 1 +0000\ncommitter <a@x> 99999999999 +9999\n\nx\n");
    assert_eq!(nameless.author.name, "");
}

#[test]
fn commits_are_the_bytes_that_git_would_write() {
    let fixture = Fixture::with_clone();
    let repo = fixture.open("clone");
    let tip = fixture.id("clone", "HEAD");
    let tree = repo.commit(tip).unwrap().tree;
    for message in ["subject", "subject\n\nbody \u{e4}\n", "a\n\nService: x\n"] {
        let ours = repo
            .stage()
            .commit(&new_commit(tree, &[tip], message))
            .unwrap();
        let body = fixture.git_bytes("clone", &["cat-file", "commit", &ours.to_string()], b"");
        let person = "Test Person <test@example.org> 1700000000 +0130";
        let text = format!(
            "tree {tree}\nparent {tip}\nauthor {person}\ncommitter {person}\n\n{}\n",
            message.trim_end()
        );
        assert_eq!(body.to_str().unwrap(), text);
    }
    let mut new = new_commit(tree, &[tip], "x");
    new.author.name = "Evil\ncommitter <x> 1".into();
    let id = repo.stage().commit(&new).unwrap();
    assert_eq!(repo.commit(id).unwrap().committer, person());
    fixture.git("clone", &["fsck", "--strict"]);
}

#[test]
fn missing_and_damaged_objects_are_told_apart_and_named() {
    let fixture = Fixture::with_clone();
    let blob = fixture.git_bytes("clone", &["hash-object", "-w", "--stdin"], b"precious\n");
    let blob: Oid = blob.trim().to_str().unwrap().parse().unwrap();
    let hex = blob.to_string();
    let file = fixture
        .path("clone/.git/objects")
        .join(&hex[..2])
        .join(&hex[2..]);
    let error = |repo: &Repo| repo.blob(blob).unwrap_err();
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"garbage").unwrap();
    let damaged = error(&fixture.open("clone"));
    assert!(matches!(damaged, RepoError::Corrupt { .. }), "{damaged:?}");
    assert!(damaged.to_string().contains(&hex), "{damaged}");
    fs::write(&file, b"").unwrap();
    let empty = error(&fixture.open("clone"));
    assert!(matches!(empty, RepoError::Corrupt { .. }), "{empty:?}");
    fs::remove_file(&file).unwrap();
    let missing = error(&fixture.open("clone"));
    assert!(
        matches!(missing, RepoError::Missing { id, .. } if id == blob),
        "{missing:?}"
    );
    let tip = fixture.id("clone", "HEAD");
    let wrong = fixture.open("clone").blob(tip).unwrap_err();
    assert!(matches!(wrong, RepoError::Corrupt { .. }), "{wrong:?}");
}

#[test]
fn an_object_folder_that_cannot_be_written_is_an_error_with_its_path() {
    let fixture = Fixture::with_clone();
    let objects = fixture.path("clone/.git/objects");
    let repo = fixture.open("clone");
    let mut staged = repo.stage();
    let blob = staged.blob(b"new\n").unwrap().to_string();
    // A file where the folder of the object should be.
    fs::write(objects.join(&blob[..2]), "").unwrap();
    let error = staged.persist().unwrap_err();
    assert!(matches!(error, RepoError::Io { .. }), "{error:?}");
    let left: Vec<_> = fs::read_dir(&objects)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("tmp_"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
