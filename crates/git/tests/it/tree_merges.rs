//! Merges of whole trees against `git merge-tree`.

use proptest::prelude::*;
use ripcord_git::{Oid, Repo, TreeMerge};

use crate::fixture::Fixture;

pub(crate) fn start() -> Fixture {
    let fixture = Fixture::new();
    fixture.git(".", &["init", "-q", "-b", "main", "r"]);
    fixture.configure("r");
    fixture.git("r", &["remote", "add", "origin", "."]);
    fixture
}

fn by_git(fixture: &Fixture, ours: Oid, theirs: Oid) -> Option<Oid> {
    let (ours, theirs) = (ours.to_string(), theirs.to_string());
    let output = fixture.try_git("r", &["merge-tree", "--write-tree", &ours, &theirs], b"");
    let text = String::from_utf8(output.stdout).unwrap();
    output
        .status
        .success()
        .then(|| text.trim().parse().unwrap())
}

fn by_us(repo: &Repo, ours: Oid, theirs: Oid) -> Option<Oid> {
    let mut staged = repo.stage();
    match staged.merge_commits(ours, theirs).unwrap() {
        TreeMerge::Clean(tree) => {
            staged.persist().unwrap();
            Some(tree)
        }
        TreeMerge::Conflict(paths) => {
            assert!(!paths.is_empty());
            None
        }
        TreeMerge::Unrelated => None,
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Line { file: usize, at: usize, what: u8 },
    Remove(usize),
    Rename(usize, usize),
    Binary(usize, u8),
    Exec(usize),
}

const NAMES: [&str; 5] = ["a", "b", "dir/c", "dir/d", "e/f/g"];

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (0..3_usize, 0..20_usize, 0..200_u8)
            .prop_map(|(file, at, what)| Edit::Line { file, at, what }),
        1 => (0..5_usize).prop_map(Edit::Remove),
        1 => (0..3_usize, 0..5_usize).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => (3..5_usize, 0..3_u8).prop_map(|(file, what)| Edit::Binary(file, what)),
        1 => (0..5_usize).prop_map(Edit::Exec),
    ]
}

fn apply(fixture: &Fixture, edits: &[Edit]) {
    let path = |file: &usize| fixture.path("r").join(NAMES[*file]);
    for edit in edits {
        match edit {
            Edit::Line { file, at, what } => {
                let Ok(text) = std::fs::read_to_string(path(file)) else {
                    continue;
                };
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                if lines.is_empty() {
                    continue;
                }
                let at = at % lines.len();
                match what % 4 {
                    0 => drop(lines.remove(at)),
                    1 => lines.insert(at, format!("new {what}")),
                    _ => lines[at] = format!("line {what}"),
                }
                std::fs::write(path(file), lines.join("\n") + "\n").unwrap();
            }
            Edit::Remove(file) => drop(std::fs::remove_file(path(file))),
            Edit::Rename(from, to) => {
                if path(from).exists() && !path(to).exists() {
                    std::fs::create_dir_all(path(to).parent().unwrap()).unwrap();
                    std::fs::rename(path(from), path(to)).unwrap();
                }
            }
            Edit::Binary(file, what) => {
                std::fs::create_dir_all(path(file).parent().unwrap()).unwrap();
                std::fs::write(path(file), [0, *what, 1, 2]).unwrap();
            }
            Edit::Exec(file) => {
                use std::os::unix::fs::PermissionsExt;
                if path(file).exists() {
                    let mode = std::fs::Permissions::from_mode(0o755);
                    std::fs::set_permissions(path(file), mode).unwrap();
                }
            }
        }
    }
}

fn seed(fixture: &Fixture) -> Oid {
    for (n, name) in NAMES.iter().enumerate().take(3) {
        let lines: Vec<String> = (0..20).map(|line| format!("{n} {line}")).collect();
        fixture.write(&format!("r/{name}"), &(lines.join("\n") + "\n"));
    }
    fixture.commit_all("r", "base")
}

fn on(fixture: &Fixture, base: Oid, edits: &[Edit]) -> Oid {
    fixture.git(
        "r",
        &["checkout", "-q", "-f", "--detach", &base.to_string()],
    );
    apply(fixture, edits);
    fixture.commit_all("r", "change")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The engine may give up where git does not; but a clean merge is git's.
    #[test]
    fn clean_merges_of_trees_are_those_of_git(
        one in proptest::collection::vec(edit(), 0..4),
        other in proptest::collection::vec(edit(), 0..4),
    ) {
        let fixture = start();
        let base = seed(&fixture);
        let (ours, theirs) = (on(&fixture, base, &one), on(&fixture, base, &other));
        let repo = fixture.open("r");
        for (ours, theirs) in [(ours, theirs), (theirs, ours)] {
            if let Some(tree) = by_us(&repo, ours, theirs) {
                prop_assert_eq!(Some(tree), by_git(&fixture, ours, theirs), "{:?} {:?}", one, other);
            }
        }
    }
}

#[test]
fn a_criss_cross_is_merged_by_merging_the_ancestors_first() {
    let fixture = start();
    let base = seed(&fixture);
    let line = |at, what| Edit::Line { file: 0, at, what };
    let a1 = on(&fixture, base, &[line(1, 102)]);
    let b1 = on(&fixture, base, &[line(18, 103)]);
    let merge = |ours: Oid, theirs: Oid| {
        fixture.git(
            "r",
            &["checkout", "-q", "-f", "--detach", &ours.to_string()],
        );
        fixture.git(
            "r",
            &["merge", "-q", "--no-ff", "-m", "merge", &theirs.to_string()],
        );
        fixture.id("r", "HEAD")
    };
    let (a2, b2) = (merge(a1, b1), merge(b1, a1));
    let a3 = on(&fixture, a2, &[line(6, 106)]);
    let b3 = on(&fixture, b2, &[line(12, 107)]);
    let repo = fixture.open("r");
    let ours = by_us(&repo, a3, b3);
    assert!(ours.is_some());
    assert_eq!(ours, by_git(&fixture, a3, b3));
}

#[test]
fn unrelated_histories_are_not_merged() {
    let fixture = start();
    let base = seed(&fixture);
    fixture.git("r", &["checkout", "-q", "--orphan", "other"]);
    let other = fixture.commit_all("r", "another root");
    let repo = fixture.open("r");
    assert_eq!(
        repo.stage().merge_commits(base, other).unwrap(),
        TreeMerge::Unrelated
    );
}

#[test]
fn no_merge_driver_of_the_repository_is_run() {
    let fixture = start();
    let trace = fixture.path("ran");
    fixture.write("r/.gitattributes", "* merge=evil diff=evil\n");
    let base = seed(&fixture);
    let command = format!("touch '{}'", trace.display());
    for key in [
        "merge.evil.driver",
        "diff.evil.command",
        "diff.evil.textconv",
    ] {
        fixture.git("r", &["config", key, &command]);
    }
    fixture.write("r/.git/info/attributes", "* merge=evil\n");
    let line = |what| Edit::Line {
        file: 0,
        at: 1,
        what,
    };
    let (ours, theirs) = (
        on(&fixture, base, &[line(102)]),
        on(&fixture, base, &[line(103)]),
    );
    let repo = fixture.open("r");
    let merged = repo.stage().merge_commits(ours, theirs).unwrap();
    assert_eq!(merged, TreeMerge::Conflict(vec!["a".into()]));
    assert!(!trace.exists());
}

#[test]
fn only_the_objects_of_the_result_are_kept() {
    let fixture = start();
    let base = seed(&fixture);
    let line = |at, what| Edit::Line { file: 0, at, what };
    let (ours, theirs) = (
        on(&fixture, base, &[line(1, 102)]),
        on(&fixture, base, &[line(15, 103)]),
    );
    let repo = fixture.open("r");
    let tree = by_us(&repo, ours, theirs).unwrap();
    assert_eq!(by_git(&fixture, ours, theirs), Some(tree));
    let missing = fixture.git("r", &["fsck", "--connectivity-only", "--no-dangling"]);
    assert_eq!(missing, "");
    fixture.git("r", &["ls-tree", "-r", &tree.to_string()]);
}
