//! The sameness of patches, against `git patch-id`.

use proptest::prelude::*;
use ripcord_git::Oid;

use crate::fixture::Fixture;

fn start() -> Fixture {
    let fixture = Fixture::new();
    fixture.git(".", &["init", "-q", "-b", "main", "r"]);
    fixture.configure("r");
    fixture.git("r", &["remote", "add", "origin", "."]);
    fixture
}

fn tree(fixture: &Fixture, files: &[(&str, &[u8])]) -> Oid {
    fixture.git("r", &["rm", "-rfq", "--ignore-unmatch", "."]);
    for (name, bytes) in files {
        let path = fixture.path("r").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    fixture.git("r", &["add", "-A"]);
    fixture.git("r", &["write-tree"]).trim().parse().unwrap()
}

fn by_git(fixture: &Fixture, old: Oid, new: Oid, how: &str) -> String {
    let (old, new) = (old.to_string(), new.to_string());
    let patch = fixture.git_bytes("r", &["diff-tree", "-p", "--full-index", &old, &new], b"");
    let id = fixture.git_bytes("r", &["patch-id", how], &patch);
    String::from_utf8(id)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

fn text(lines: &[u8]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|n| format!("key{n}: {n}\n").into_bytes())
        .collect()
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
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The same edits far from and near to other ones: our ids agree where git's do.
    #[test]
    fn patches_are_the_same_where_git_says_so(
        base in proptest::collection::vec(0..60_u8, 4..20),
        above in proptest::collection::vec((0..4_usize, 0..50_u8), 0..3),
        edits in proptest::collection::vec((0..99_usize, 0..50_u8), 0..3),
    ) {
        let fixture = start();
        let moved: Vec<u8> = edited(&base, &above);
        let shift = moved.len().abs_diff(base.len());
        let later: Vec<(usize, u8)> =
            edits.iter().map(|(at, what)| ((at % base.len()) + shift, *what)).collect();
        let near: Vec<(usize, u8)> =
            edits.iter().map(|(at, what)| (at % base.len(), *what)).collect();
        let states = [base.clone(), edited(&base, &near), moved.clone(), edited(&moved, &later)];
        let trees: Vec<Oid> =
            states.iter().map(|lines| tree(&fixture, &[("f", &text(lines))])).collect();
        let repo = fixture.open("r");
        let id = |a: usize, b: usize| repo.patch(Some(trees[a]), trees[b]).unwrap();
        let git = |a: usize, b: usize| by_git(&fixture, trees[a], trees[b], "--verbatim");
        for (one, other) in [((0, 1), (2, 3)), ((1, 0), (3, 2)), ((0, 2), (1, 3))] {
            let ours = id(one.0, one.1).id == id(other.0, other.1).id;
            let gits = git(one.0, one.1) == git(other.0, other.1);
            prop_assert_eq!(ours, gits, "{:?} {:?}", one, other);
        }
        prop_assert_eq!(id(0, 1).paths.is_empty(), trees[0] == trees[1]);
    }
}

#[test]
fn white_space_is_a_difference_though_git_by_default_says_no() {
    let fixture = start();
    let before = tree(&fixture, &[("f", b"a:\n- x\n")]);
    let one = tree(&fixture, &[("f", b"a:\n  - x\n")]);
    let other = tree(&fixture, &[("f", b"a:\n      - x\n")]);
    let repo = fixture.open("r");
    assert_eq!(
        by_git(&fixture, before, one, "--stable"),
        by_git(&fixture, before, other, "--stable")
    );
    assert_ne!(
        repo.patch(Some(before), one).unwrap().id,
        repo.patch(Some(before), other).unwrap().id
    );
}

#[test]
fn files_that_are_no_text_modes_and_names_count() {
    let fixture = start();
    let empty = tree(&fixture, &[]);
    let contents: [(&str, &[u8]); 6] = [
        ("a", b"\0one"),
        ("a", b"\0two"),
        ("b", b"\0one"),
        ("a", b"one"),
        ("a", b"one\n"),
        ("a", b""),
    ];
    let ids = contents.map(|file| (tree(&fixture, &[file]), file));
    let repo = fixture.open("r");
    let mut seen = std::collections::BTreeSet::new();
    for (tree, files) in &ids {
        assert!(
            seen.insert(repo.patch(Some(empty), *tree).unwrap().id),
            "{files:?}"
        );
        assert!(
            seen.insert(repo.patch(Some(*tree), empty).unwrap().id),
            "{files:?}"
        );
    }
    let plain = ids[4].0;
    tree(&fixture, &[("a", b"one\n")]);
    fixture.git("r", &["update-index", "--chmod=+x", "a"]);
    let exec: Oid = fixture.git("r", &["write-tree"]).trim().parse().unwrap();
    assert!(seen.insert(repo.patch(Some(plain), exec).unwrap().id));
    assert!(seen.insert(repo.patch(Some(exec), plain).unwrap().id));
    assert!(repo.patch(None, empty).unwrap().paths.is_empty());
}
