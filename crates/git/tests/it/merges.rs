//! Merges of files against `git merge-file`.

use proptest::prelude::*;
use ripcord_git::{FileMerge, Repo};

use crate::fixture::Fixture;

fn by_git(fixture: &Fixture, base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    for (name, bytes) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        std::fs::write(fixture.path(name), bytes).unwrap();
    }
    let output = fixture.try_git(".", &["merge-file", "-p", "ours", "base", "theirs"], b"");
    output.status.success().then_some(output.stdout)
}

fn repo(fixture: &Fixture) -> Repo {
    fixture.git(".", &["init", "-q", "--bare", "r.git"]);
    fixture.open("r.git")
}

fn by_us(repo: &Repo, base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    match repo.merge_file(base, ours, theirs) {
        FileMerge::Clean(bytes) => Some(bytes),
        FileMerge::Conflict => None,
    }
}

#[test]
fn merges_are_those_of_git() {
    let fixture = Fixture::new();
    let repo = repo(&fixture);
    let text = |edit: &[(usize, &str)]| {
        let mut lines: Vec<String> = (0..12).map(|n| format!("line {n}")).collect();
        for (at, line) in edit {
            lines[*at] = (*line).to_owned();
        }
        lines.join("\n").into_bytes()
    };
    let crlf = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .unwrap()
            .replace('\n', "\r\n")
            .into_bytes()
    };
    let base = text(&[]);
    for (ours, theirs) in [
        (text(&[(1, "a")]), text(&[(9, "b")])),
        (text(&[(1, "a")]), text(&[(1, "b")])),
        (text(&[(1, "a")]), text(&[(1, "a")])),
        (text(&[(1, "a")]), text(&[(2, "b")])),
        (text(&[(1, "a")]), text(&[(3, "b")])),
        (text(&[(11, "end\n")]), text(&[(0, "b")])),
        (crlf(text(&[])), text(&[(4, "b")])),
        (Vec::new(), text(&[(4, "b")])),
        (Vec::new(), base.clone()),
        (base.clone(), text(&[(4, "\u{e4}")])),
        (b"\xff\xfe latin\n".to_vec(), base.clone()),
    ] {
        assert_eq!(
            by_us(&repo, &base, &ours, &theirs),
            by_git(&fixture, &base, &ours, &theirs),
            "{} / {}",
            String::from_utf8_lossy(&ours),
            String::from_utf8_lossy(&theirs),
        );
    }
}

#[test]
fn what_only_one_side_changed_needs_no_text() {
    let fixture = Fixture::new();
    let repo = repo(&fixture);
    let (a, b, c) = (&b"\0a"[..], &b"\0b"[..], &b"\0c"[..]);
    assert_eq!(by_us(&repo, a, b, a).as_deref(), Some(b));
    assert_eq!(by_us(&repo, a, a, b).as_deref(), Some(b));
    assert_eq!(by_us(&repo, a, b, b).as_deref(), Some(b));
    assert_eq!(by_us(&repo, a, b, c), None);
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    // Few different lines: blocks that repeat are what diffs disagree about.
    proptest::collection::vec(0..40_u8, 4..24)
}

fn edited(base: &[u8], edits: &[(usize, u8)]) -> Vec<u8> {
    let mut lines = base.to_vec();
    for (at, what) in edits {
        if lines.is_empty() {
            break;
        }
        let at = at % lines.len();
        match what % 3 {
            0 => lines[at] = 100 + what,
            1 => lines.insert(at, 150_u8.wrapping_add(*what)),
            _ => drop(lines.remove(at)),
        }
    }
    text(&lines)
}

fn text(lines: &[u8]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|n| format!("key{n}: {n}\n").into_bytes())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// The engine may give up where git does not, or group lines otherwise; but when both are clean
    /// and say different things, one of them is wrong.
    #[test]
    fn clean_merges_are_those_of_git(
        base in lines(),
        one in proptest::collection::vec((0..99_usize, 0..50_u8), 0..3),
        other in proptest::collection::vec((0..99_usize, 0..50_u8), 0..3),
    ) {
        let fixture = Fixture::new();
        let repo = repo(&fixture);
        let (ours, theirs) = (edited(&base, &one), edited(&base, &other));
        let base = text(&base);
        let (us, git) = (
            by_us(&repo, &base, &ours, &theirs),
            by_git(&fixture, &base, &ours, &theirs),
        );
        if let (Some(us), Some(git)) = (us, git) {
            prop_assert_eq!(String::from_utf8_lossy(&us), String::from_utf8_lossy(&git));
        }
    }
}
