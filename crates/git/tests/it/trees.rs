//! Tree edits and comparisons against git.

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use proptest::prelude::*;
use ripcord_git::{Entry, Interest, Mode, Oid, Repo, RepoError, TreeEdit};

use crate::fixture::{Fixture, new_commit};

fn bare() -> (Fixture, Repo) {
    let fixture = Fixture::new();
    fixture.git(".", &["init", "-q", "--bare", "r.git"]);
    let repo = fixture.open("r.git");
    (fixture, repo)
}

fn put(path: &[u8], mode: Mode, id: Oid) -> TreeEdit {
    TreeEdit {
        path: path.into(),
        entry: Some((mode, id)),
    }
}

fn remove(path: &str) -> TreeEdit {
    TreeEdit {
        path: path.into(),
        entry: None,
    }
}

/// Stages one blob and a tree with it at each path.
fn tree(repo: &Repo, paths: &[&str]) -> (Oid, Oid) {
    let mut staged = repo.stage();
    let blob = staged.blob(b"x\n").unwrap();
    let edits: Vec<_> = paths
        .iter()
        .map(|path| put(path.as_bytes(), Mode::Blob, blob))
        .collect();
    let tree = staged.edit_tree(None, &edits).unwrap();
    staged.persist().unwrap();
    (tree, blob)
}

#[test]
fn edits_that_would_leave_the_tree_or_bury_something_are_refused() {
    let (fixture, repo) = bare();
    let (base, blob) = tree(&repo, &["dir/a", "file"]);
    let mut staged = repo.stage();
    let sub: Oid = "1234567890123456789012345678901234567890".parse().unwrap();
    let base = staged
        .edit_tree(
            base,
            &[
                put(b"link", Mode::Symlink, blob),
                put(b"sub", Mode::Submodule, sub),
            ],
        )
        .unwrap();
    for path in [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        ".git",
        ".GIT/config",
        "a/.git/x",
        "git~1",
        ".git ",
        ".git::$INDEX_ALLOCATION",
        "a\0b",
        "file/x",
        "link/x",
        "sub/x",
        "dir",
        "sub",
    ] {
        let result = staged.edit_tree(base, &[put(path.as_bytes(), Mode::Blob, blob)]);
        assert!(
            matches!(result, Err(RepoError::UnsafePath { .. })),
            "{path:?}: {result:?}"
        );
    }
    for path in ["sub", "dir"] {
        let result = staged.edit_tree(base, &[remove(path)]);
        assert!(
            matches!(result, Err(RepoError::UnsafePath { .. })),
            "{path}"
        );
    }
    let gitmodules = staged.edit_tree(base, &[put(b".gitmodules", Mode::Symlink, blob)]);
    assert!(gitmodules.is_err());
    // What is not there needs no removing.
    for path in ["none", "none/x", "file/x", "dir/none"] {
        assert_eq!(
            staged.edit_tree(base, &[remove(path)]).unwrap(),
            base,
            "{path}"
        );
    }
    drop(fixture);
}

#[test]
fn a_folder_goes_with_its_last_entry_and_files_become_folders_and_back() {
    let (fixture, repo) = bare();
    let (base, blob) = tree(&repo, &["a/b/c", "d"]);
    let mut staged = repo.stage();
    let only_d = staged.edit_tree(base, &[remove("a/b/c")]).unwrap();
    let empty = staged.edit_tree(only_d, &[remove("d")]).unwrap();
    assert_eq!(empty, Oid::empty_tree(empty.kind()));
    let file = staged
        .edit_tree(base, &[put(b"a", Mode::Blob, blob), remove("a/b/c")])
        .unwrap();
    let back = staged
        .edit_tree(file, &[remove("a"), put(b"a/b/c", Mode::Blob, blob)])
        .unwrap();
    assert_eq!(back, base);
    staged.persist().unwrap();
    assert_eq!(
        fixture.git(
            "r.git",
            &["ls-tree", "-r", "--name-only", &file.to_string()]
        ),
        "a\nd\n"
    );
    assert_eq!(repo.files(empty, "").unwrap(), []);
}

#[test]
fn hostile_names_and_old_modes_survive_beside_an_edit() {
    let (fixture, repo) = bare();
    let blob = fixture.git_bytes("r.git", &["hash-object", "-w", "--stdin"], b"x\n");
    let blob: Oid = blob.trim().to_str().unwrap().parse().unwrap();
    let mut raw = Vec::new();
    for (mode, name) in [
        ("100664", &b"\xff\xfe\n\t"[..]),
        ("100644", b"\x80zz"),
        ("100755", b"run me"),
        ("120000", b"..\\x"),
    ] {
        raw.push((mode, name));
    }
    raw.sort_by_key(|(_, name)| *name);
    let mut bytes = Vec::new();
    for (mode, name) in &raw {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(blob.as_bytes());
    }
    let args = ["hash-object", "-w", "-t", "tree", "--literally", "--stdin"];
    let base = fixture.git_bytes("r.git", &args, &bytes);
    let base: Oid = base.trim().to_str().unwrap().parse().unwrap();
    let mut staged = repo.stage();
    let other = staged.blob(b"y\n").unwrap();
    let new = staged
        .edit_tree(
            base,
            &[
                put(b"run me", Mode::Exec, other),
                put(b"\xff\xfe\n\t", Mode::Blob, other),
            ],
        )
        .unwrap();
    staged.persist().unwrap();
    let before = fixture.git_bytes("r.git", &["ls-tree", "-z", &base.to_string()], b"");
    let after = fixture.git_bytes("r.git", &["ls-tree", "-z", &new.to_string()], b"");
    let names = |bytes: &[u8]| -> Vec<BString> {
        bytes
            .split_str("\0")
            .filter_map(|l| l.split_once_str("\t"))
            .map(|(_, n)| n.into())
            .collect()
    };
    assert_eq!(names(&before), names(&after));
    let raw = fixture.git_bytes("r.git", &["cat-file", "tree", &new.to_string()], b"");
    assert!(raw.contains_str(b"100664 \xff\xfe\n\t\0"));
    let changed = repo.changes(Some(base), new, &Interest::All).unwrap();
    assert_eq!(changed.len(), 2);
    assert_eq!(
        repo.entry_bytes(new, b"\xff\xfe\n\t").unwrap(),
        Some(Entry {
            mode: Mode::Blob,
            id: other
        })
    );
}

#[test]
fn many_objects_go_into_a_pack_and_twice_is_harmless() {
    let (fixture, repo) = bare();
    for _ in 0..2 {
        let mut staged = repo.stage();
        let edits: Vec<_> = (0..150)
            .map(|n| {
                let text = format!("{n}\n").repeat(n);
                let blob = staged.blob(text.as_bytes()).unwrap();
                put(format!("d{}/f{n}", n % 7).as_bytes(), Mode::Blob, blob)
            })
            .collect();
        let tree = staged.edit_tree(None, &edits).unwrap();
        let id = staged.commit(&new_commit(tree, &[], "many")).unwrap();
        fixture.git("r.git", &["update-ref", "refs/heads/main", &id.to_string()]);
    }
    fixture.git("r.git", &["fsck", "--strict", "--full"]);
    assert_eq!(
        fixture
            .git("r.git", &["ls-tree", "-r", "--name-only", "main"])
            .lines()
            .count(),
        150
    );
    assert!(
        fixture
            .git("r.git", &["count-objects", "-v"])
            .contains("packs: 1")
    );
}

#[test]
fn staged_objects_are_read_before_they_are_on_disk() {
    let (_fixture, repo) = bare();
    let mut staged = repo.stage();
    let blob = staged.blob(b"new").unwrap();
    assert_eq!(staged.read_blob(blob).unwrap(), b"new");
    assert!(matches!(repo.blob(blob), Err(RepoError::Missing { .. })));
    let one = staged
        .edit_tree(None, &[put(b"a/b", Mode::Blob, blob)])
        .unwrap();
    let two = staged
        .edit_tree(one, &[put(b"a/c", Mode::Blob, blob)])
        .unwrap();
    assert_ne!(one, two);
}

/// What `git diff-tree -r` says, as path to (old, new).
fn by_git(fixture: &Fixture, old: Oid, new: Oid) -> Vec<(BString, Option<Oid>, Option<Oid>)> {
    let (old, new) = (old.to_string(), new.to_string());
    let args = ["diff-tree", "-r", "-z", "--no-renames", &old, &new];
    let bytes = fixture.git_bytes("r.git", &args, b"");
    let mut fields = bytes.split_str("\0");
    let mut found = Vec::new();
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        let head: Vec<&str> = head.to_str().unwrap().split(' ').collect();
        let id = |text: &str| text.parse::<Oid>().ok().filter(|id| !id.is_null());
        found.push((path.into(), id(head[2]), id(head[3])));
    }
    found
}

fn by_us(
    repo: &Repo,
    old: Oid,
    new: Oid,
    interest: &Interest,
) -> Vec<(BString, Option<Oid>, Option<Oid>)> {
    repo.changes(Some(old), new, interest)
        .unwrap()
        .into_iter()
        .map(|c| (c.path, c.old.map(|e| e.id), c.new.map(|e| e.id)))
        .collect()
}

/// Paths that collide in interesting ways: `a`, `a.b`, `a/b`, `a0`.
fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        proptest::sample::select(vec!["a", "a.b", "a-", "a0", "b", "ab"]),
        1..4,
    )
    .prop_map(|parts| parts.join("/"))
}

/// Files by path, where no file is also a folder.
fn files() -> impl Strategy<Value = BTreeMap<String, u8>> {
    proptest::collection::btree_map(path(), 0..4_u8, 0..14).prop_map(|all| {
        let mut kept: BTreeMap<String, u8> = BTreeMap::new();
        for (path, content) in all {
            let clash = kept.keys().any(|other| {
                path.starts_with(&format!("{other}/")) || other.starts_with(&format!("{path}/"))
            });
            if !clash {
                kept.insert(path, content);
            }
        }
        kept
    })
}

/// The tree that git makes of the files.
fn written(fixture: &Fixture, files: &BTreeMap<String, u8>) -> Oid {
    fixture.git("r.git", &["read-tree", "--empty"]);
    let mut lines = Vec::new();
    for (path, content) in files {
        let id = fixture.git_bytes("r.git", &["hash-object", "-w", "--stdin"], &[*content]);
        let mode = if content % 2 == 0 { "100644" } else { "100755" };
        lines.extend_from_slice(
            format!("{mode} {} 0\t{path}\n", id.trim().to_str().unwrap()).as_bytes(),
        );
    }
    fixture.git_bytes("r.git", &["update-index", "--index-info"], &lines);
    fixture
        .git("r.git", &["write-tree"])
        .trim()
        .parse()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_are_edited_and_compared_as_git_does(before in files(), after in files()) {
        let (fixture, repo) = bare();
        let (old, new) = (written(&fixture, &before), written(&fixture, &after));
        prop_assert_eq!(by_us(&repo, old, new, &Interest::All), by_git(&fixture, old, new));

        let mut staged = repo.stage();
        let mut edits: Vec<TreeEdit> = before
            .keys()
            .filter(|path| !after.contains_key(*path))
            .map(|path| remove(path))
            .collect();
        for (path, content) in &after {
            let id = staged.blob(&[*content]).unwrap();
            let mode = if content % 2 == 0 { Mode::Blob } else { Mode::Exec };
            edits.push(put(path.as_bytes(), mode, id));
        }
        prop_assert_eq!(staged.edit_tree(old, &edits).unwrap(), new);

        let wanted: Vec<Vec<u8>> = after.keys().take(3).map(|p| p.clone().into_bytes()).collect();
        let some = by_us(&repo, old, new, &Interest::files(wanted.clone()));
        let mut all = by_git(&fixture, old, new);
        all.retain(|(path, ..)| wanted.iter().any(|w| w == path.as_bytes()));
        prop_assert_eq!(some, all);

        let below = by_us(&repo, old, new, &Interest::paths([], [b"a".to_vec()]));
        let mut all = by_git(&fixture, old, new);
        all.retain(|(path, ..)| path == "a" || path.starts_with(b"a/"));
        prop_assert_eq!(below, all);

        let listed: Vec<String> = repo.files(new, "").unwrap().into_iter().map(|(p, _)| p.to_string()).collect();
        let git = fixture.git("r.git", &["ls-tree", "-r", "--name-only", &new.to_string()]);
        prop_assert_eq!(listed, git.lines().map(str::to_owned).collect::<Vec<_>>());

        let outside: Vec<String> = repo
            .files_where(new, &|folder| folder != b"a")
            .unwrap()
            .into_iter()
            .map(|(path, _)| path.to_string())
            .collect();
        let kept = git.lines().filter(|path| !path.starts_with("a/"));
        prop_assert_eq!(outside, kept.map(str::to_owned).collect::<Vec<_>>());
    }
}
