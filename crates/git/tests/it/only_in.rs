//! What one line has and another has not, against `git rev-list`.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ripcord_git::{Oid, RepoError};

use crate::fixture::Fixture;

/// Commits with the given parents and times, all with an empty tree.
fn graph(fixture: &Fixture, commits: &[(Vec<usize>, i64)]) -> Vec<Oid> {
    fixture.git(".", &["init", "-q", "--bare", "r.git"]);
    let empty = fixture.git_bytes(
        "r.git",
        &["hash-object", "-t", "tree", "-w", "--stdin"],
        b"",
    );
    let empty = String::from_utf8(empty).unwrap();
    let mut made: Vec<Oid> = Vec::new();
    for (at, (parents, seconds)) in commits.iter().enumerate() {
        let mut head = vec![format!("tree {}", empty.trim())];
        let parents: BTreeSet<usize> = parents.iter().copied().collect();
        head.extend(
            parents
                .iter()
                .map(|parent| format!("parent {}", made[*parent])),
        );
        let people = ["author", "committer"];
        head.extend(people.map(|who| format!("{who} A <a@example.org> {seconds} +0000")));
        let text = format!("{}\n\n{at}\n", head.join("\n"));
        let id = fixture.git_bytes(
            "r.git",
            &["hash-object", "-t", "commit", "-w", "--stdin"],
            text.as_bytes(),
        );
        made.push(String::from_utf8(id).unwrap().trim().parse().unwrap());
    }
    made
}

fn by_git(fixture: &Fixture, tip: Oid, other: Oid) -> BTreeSet<Oid> {
    let spec = format!("{other}..{tip}");
    fixture
        .git("r.git", &["rev-list", &spec])
        .lines()
        .map(|line| line.parse().unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any graph, several roots and criss-crosses among them, with clocks that are a day off.
    #[test]
    fn the_commits_of_one_line_alone_are_those_of_rev_list(
        shape in proptest::collection::vec(
            (proptest::collection::vec(0..99_usize, 0..3), 0..80_000_i64),
            1..14,
        ),
        picks in proptest::collection::vec((0..99_usize, 0..99_usize), 3),
    ) {
        let fixture = Fixture::new();
        let commits: Vec<(Vec<usize>, i64)> = shape
            .into_iter()
            .enumerate()
            .map(|(at, (parents, skew))| {
                let parents = parents.iter().filter(|_| at > 0).map(|p| p % at).collect();
                (parents, 1_700_000_000 + i64::try_from(at).unwrap() * 1000 - skew)
            })
            .collect();
        let made = graph(&fixture, &commits);
        let repo = fixture.open("r.git");
        for (one, other) in picks {
            let (one, other) = (made[one % made.len()], made[other % made.len()]);
            let found = repo.only_in(one, &[other], 1000).unwrap();
            prop_assert!(!found.more && !found.cut);
            let ids: Vec<Oid> = found.commits.iter().map(|node| node.commit).collect();
            prop_assert_eq!(
                ids.iter().copied().collect::<BTreeSet<_>>(),
                by_git(&fixture, one, other)
            );
            for (at, node) in found.commits.iter().enumerate() {
                for parent in &node.parents {
                    prop_assert!(!ids[..at].contains(parent), "a parent before its child");
                }
            }
        }
    }
}

#[test]
fn a_long_past_is_not_read_when_it_is_not_asked_for() {
    let fixture = Fixture::new();
    let commits: Vec<(Vec<usize>, i64)> = (0..12_usize)
        .map(|n| (n.checked_sub(1).into_iter().collect(), 1_700_000_000))
        .collect();
    let made = graph(&fixture, &commits);
    let repo = fixture.open("r.git");
    let found = repo.only_in(made[11], &[], 3).unwrap();
    assert!(found.more);
    assert_eq!(
        found.commits.iter().map(|n| n.commit).collect::<Vec<_>>(),
        [made[11], made[10], made[9]]
    );
}

#[test]
fn the_boundary_of_a_shallow_clone_is_told() {
    let fixture = Fixture::with_origin();
    fixture.git(
        ".",
        &["clone", "-q", "--depth=1", &fixture.url(), "shallow"],
    );
    let repo = fixture.open("shallow");
    let head = fixture.id("shallow", "HEAD");
    let found = repo.only_in(head, &[], 1000).unwrap();
    assert!(found.cut);
    assert_eq!(found.commits.len(), 1);
}

#[test]
fn a_missing_commit_is_told_by_its_id() {
    let fixture = Fixture::with_clone();
    let parent = fixture.id("clone", "HEAD~1");
    let text = parent.to_string();
    fixture.git("clone", &["gc", "-q"]);
    let pack = fixture.path("clone/.git/objects/pack");
    // Unpacked, so that one object can be taken away.
    let packs = fixture.path("packs");
    std::fs::rename(&pack, &packs).unwrap();
    std::fs::create_dir(&pack).unwrap();
    for entry in std::fs::read_dir(&packs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "pack") {
            let bytes = std::fs::read(&path).unwrap();
            fixture.git_bytes("clone", &["unpack-objects", "-q"], &bytes);
        }
    }
    let loose = format!("clone/.git/objects/{}/{}", &text[..2], &text[2..]);
    std::fs::remove_file(fixture.path(&loose)).unwrap();
    let repo = fixture.open("clone");
    let head = fixture.id("clone", "HEAD");
    match repo.only_in(head, &[], 1000) {
        Err(RepoError::Missing { id, .. }) => assert_eq!(id, parent),
        other => panic!("{other:?}"),
    }
}
