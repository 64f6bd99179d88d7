//! The first-parent line against `git rev-list` and `git log`.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::ControlFlow;

use ripcord_git::{Interest, Oid, Repo, RepoError};

use crate::fixture::Fixture;

/// A line of `commits`, every fifth a merge, in which one of many files changes each time.
fn long_line(commits: usize) -> Fixture {
    let fixture = Fixture::new();
    fixture.git(".", &["init", "-q", "--bare", "-b", "main", "r.git"]);
    let mut stream = String::from("blob\nmark :1\ndata 2\nx\n\n");
    let mut mark = 1;
    let mut last = 0;
    for n in 0..commits {
        let mut commit = |parents: &[usize], at: usize, all: bool| {
            mark += 1;
            let _ = write!(
                stream,
                "commit refs/heads/main\nmark :{mark}\ncommitter T <t@x> {} +0000\ndata 2\nc\n",
                1_600_000_000 + n
            );
            for (index, parent) in parents.iter().enumerate() {
                let word = if index == 0 { "from" } else { "merge" };
                let _ = writeln!(stream, "{word} :{parent}");
            }
            if all {
                for service in 0..300 {
                    let _ = writeln!(stream, "M 100644 :1 services/s{service}/prod/k.yaml");
                }
            }
            let text = format!("tag: {n} {at}");
            let path = format!("services/s{at}/prod/k.yaml");
            let _ = writeln!(
                stream,
                "M 100644 inline {path}\ndata {}\n{text}",
                text.len()
            );
            match n % 11 {
                3 => stream.push_str("D services/s7/prod/k.yaml\n"),
                4 => stream.push_str("M 100644 :1 services/s7/prod/k.yaml\n"),
                6 => stream.push_str("M 100755 :1 services/s8\n"),
                7 => stream.push_str("M 100644 :1 services/s8/prod/k.yaml\n"),
                _ => {}
            }
            mark
        };
        last = if n == 0 {
            commit(&[], 0, true)
        } else if n % 5 == 0 {
            let side = commit(&[last], n % 300, false);
            commit(&[last, side], (n + 1) % 300, false)
        } else {
            commit(&[last], n * 7 % 300, false)
        };
    }
    fixture.git_bytes("r.git", &["fast-import", "--quiet"], stream.as_bytes());
    fixture
}

/// Commit to lines of `git log --raw`: newest first.
fn log(fixture: &Fixture) -> Vec<(String, Vec<String>)> {
    let args = [
        "log",
        "--first-parent",
        "-m",
        "--raw",
        "-r",
        "--no-abbrev",
        "--no-renames",
        "--root",
        "--format=commit %H",
        "main",
    ];
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for line in fixture.git("r.git", &args).lines() {
        if let Some(id) = line.strip_prefix("commit ") {
            all.push((id.to_owned(), Vec::new()));
        } else if let Some(raw) = line.strip_prefix(':') {
            let (head, path) = raw.split_once('\t').unwrap();
            let ids: Vec<&str> = head.split(' ').skip(2).take(2).collect();
            all.last_mut()
                .unwrap()
                .1
                .push(format!("{} {path}", ids.join(" ")));
        }
    }
    all
}

fn walked(repo: &Repo, tip: Oid, threads: usize) -> Vec<(String, Vec<String>)> {
    walked_for(repo, tip, &Interest::All, threads)
}

fn walked_for(
    repo: &Repo,
    tip: Oid,
    interest: &Interest,
    threads: usize,
) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    repo.walk_changes(tip, None, interest, threads, &mut |link, changes| {
        let id = |entry: Option<ripcord_git::Entry>| {
            entry.map_or_else(|| "0".repeat(40), |entry| entry.id.to_string())
        };
        let lines = changes
            .iter()
            .map(|c| format!("{} {} {}", id(c.old), id(c.new), c.path))
            .collect();
        all.push((link.commit.to_string(), lines));
        ControlFlow::Continue(())
    })
    .unwrap();
    all
}

#[test]
fn a_walk_sees_what_git_log_shows_on_any_number_of_threads() {
    let fixture = long_line(1300);
    let by_git = log(&fixture);
    assert_eq!(by_git.len(), 1300);
    let repo = fixture.open("r.git");
    let tip = fixture.id("r.git", "main");
    for threads in [0, 1, 2, 5] {
        assert_eq!(walked(&repo, tip, threads), by_git, "{threads} threads");
    }
    let line: Vec<String> = repo
        .first_parents(tip)
        .map(|link| link.unwrap().commit.to_string())
        .collect();
    let rev_list = fixture.git("r.git", &["rev-list", "--first-parent", "main"]);
    assert_eq!(line, rev_list.lines().collect::<Vec<_>>());

    let without: Vec<_> = repo.first_parents(tip).map(Result::unwrap).collect();
    fixture.git("r.git", &["commit-graph", "write", "--reachable"]);
    let again = fixture.open("r.git");
    let with: Vec<_> = again.first_parents(tip).map(Result::unwrap).collect();
    assert_eq!(with, without);
    fixture.git("r.git", &["repack", "-q", "-a", "-d", "-f"]);
    assert_eq!(walked(&fixture.open("r.git"), tip, 2), by_git);
}

/// A file that comes and goes, one whose folder was a file for a time, one that nothing is wrong
/// with, the first and the last of their folder, one that never was.
const OF_INTEREST: &[&[&str]] = &[
    &["services/s7/prod/k.yaml"],
    &["services/s8/prod/k.yaml"],
    &["services/s8"],
    &["services/s150/prod/k.yaml"],
    &["services/s0/prod/k.yaml", "services/s99/prod/k.yaml"],
    &[
        "services/s7/prod/k.yaml",
        "services/s8/prod/k.yaml",
        "README",
    ],
    &["never/there.yaml"],
];

#[test]
fn a_walk_for_few_files_sees_what_a_walk_for_all_sees_however_trees_are_stored() {
    let fixture = long_line(1300);
    let tip = fixture.id("r.git", "main");
    let all = walked(&fixture.open("r.git"), tip, 2);
    let stored: [&[&str]; 4] = [
        // As it was imported: newer trees as differences from older ones.
        &["rev-parse", "HEAD"],
        &[
            "repack",
            "-q",
            "-a",
            "-d",
            "-f",
            "--depth=50",
            "--window=10",
        ],
        &["repack", "-q", "-a", "-d", "-f", "--depth=3", "--window=40"],
        &["repack", "-q", "-a", "-d", "-f", "--depth=0"],
    ];
    let agree = |how: &str| {
        for files in OF_INTEREST {
            let wanted: Vec<(String, Vec<String>)> = all
                .iter()
                .map(|(commit, lines)| {
                    let of_these = |line: &&String| {
                        files.iter().any(|file| line.ends_with(&format!(" {file}")))
                    };
                    (
                        commit.clone(),
                        lines.iter().filter(of_these).cloned().collect(),
                    )
                })
                .collect();
            let interest = Interest::files(files.iter().map(|file| file.as_bytes().to_vec()));
            for threads in [1, 3] {
                let seen = walked_for(&fixture.open("r.git"), tip, &interest, threads);
                assert_eq!(seen, wanted, "{how}, {files:?}, {threads} threads");
            }
        }
    };
    for how in stored {
        fixture.git("r.git", how);
        agree(&how.join(" "));
    }
    // Half of it borrowed from another repository.
    fixture.git(
        ".",
        &["clone", "-q", "--bare", "--shared", "r.git", "borrower.git"],
    );
    let borrowed = fixture.open("borrower.git");
    let interest = Interest::files([b"services/s150/prod/k.yaml".to_vec()]);
    assert_eq!(
        walked_for(&borrowed, tip, &interest, 1),
        walked_for(&fixture.open("r.git"), tip, &interest, 1)
    );
    unpack(&fixture);
    agree("loose");
}

#[test]
fn a_walk_ends_where_it_is_told() {
    let fixture = long_line(700);
    let repo = fixture.open("r.git");
    let tip = fixture.id("r.git", "main");
    let line: Vec<Oid> = repo.first_parents(tip).map(|l| l.unwrap().commit).collect();
    for at in [0, 1, 47, 48, 49, 300, 699] {
        let mut seen = Vec::new();
        repo.walk_changes(tip, Some(line[at]), &Interest::All, 2, &mut |link, _| {
            seen.push(link.commit);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(seen, line[..at], "stop at {at}");
        let mut count = 0;
        repo.walk_changes(tip, None, &Interest::All, 2, &mut |_, _| {
            count += 1;
            if count > at {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
        assert_eq!(count, at + 1);
    }
}

#[test]
fn a_missing_tree_deep_down_is_named_after_everything_before_it() {
    let fixture = long_line(700);
    fixture.git("r.git", &["repack", "-q", "-a", "-d"]);
    let tip = fixture.id("r.git", "main");
    let tree = fixture.id("r.git", "main~400^{tree}");
    unpack(&fixture);
    let hex = tree.to_string();
    std::fs::remove_file(
        fixture
            .path("r.git/objects")
            .join(&hex[..2])
            .join(&hex[2..]),
    )
    .unwrap();
    for threads in [1, 2] {
        let mut seen = 0;
        let result =
            fixture
                .open("r.git")
                .walk_changes(tip, None, &Interest::All, threads, &mut |_, _| {
                    seen += 1;
                    ControlFlow::Continue(())
                });
        assert!(
            matches!(&result, Err(RepoError::Missing { id, .. }) if *id == tree),
            "{result:?}"
        );
        assert_eq!(seen, 399);
    }
}

fn unpack(fixture: &Fixture) {
    let folder = fixture.path("r.git/objects/pack");
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "pack") {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::remove_dir_all(&folder).unwrap();
            fixture.git_bytes("r.git", &["unpack-objects", "-q"], &bytes);
            return;
        }
    }
}

#[test]
fn relations_of_commits_are_those_of_git() {
    let fixture = long_line(40);
    let repo = fixture.open("r.git");
    let all: Vec<String> = fixture
        .git("r.git", &["rev-list", "--topo-order", "main"])
        .lines()
        .map(str::to_owned)
        .collect();
    for one in all.iter().step_by(5) {
        for other in all.iter().step_by(7) {
            let (a, b): (Oid, Oid) = (one.parse().unwrap(), other.parse().unwrap());
            let is = fixture
                .try_git("r.git", &["merge-base", "--is-ancestor", one, other], b"")
                .status
                .success();
            assert_eq!(repo.is_ancestor(a, b).unwrap(), is);
            let base = fixture.git("r.git", &["merge-base", one, other]);
            assert_eq!(
                repo.merge_base(a, b).unwrap().unwrap().to_string(),
                base.trim()
            );
        }
    }
}

#[test]
fn replaced_and_grafted_commits_are_seen_as_they_truly_are() {
    let fixture = long_line(5);
    let tip = fixture.id("r.git", "main");
    let old = fixture.id("r.git", "main~3");
    let before: Vec<_> = fixture
        .open("r.git")
        .first_parents(tip)
        .map(Result::unwrap)
        .collect();
    fixture.git("r.git", &["replace", &tip.to_string(), &old.to_string()]);
    fixture.write(
        "r.git/info/grafts",
        &format!("{} {}\n", before[1].commit, before[4].commit),
    );
    let repo = fixture.open("r.git");
    let after: Vec<_> = repo.first_parents(tip).map(Result::unwrap).collect();
    assert_eq!(before, after);
    assert_eq!(repo.commit(tip).unwrap().tree, before[0].tree);
}

#[test]
fn names_of_commits_are_resolved_as_git_does() {
    let fixture = Fixture::with_clone();
    let repo = fixture.open("clone");
    fixture.git("clone", &["tag", "-a", "v1", "-m", "v", "HEAD~1"]);
    let tip = fixture.id("clone", "HEAD");
    let short = tip.to_string()[..8].to_owned();
    for spec in [
        "HEAD",
        "main",
        "origin/main",
        &short,
        &tip.to_string(),
        "v1",
        "HEAD~2",
    ] {
        let git = fixture.id("clone", &format!("{spec}^{{commit}}"));
        assert_eq!(repo.resolve(spec).unwrap(), git, "{spec}");
    }
    for bad in [
        "",
        "nothing",
        "-x",
        "deadbeef",
        "HEAD:README",
        "HEAD~99",
        "a b",
        "main..HEAD",
        "@{u",
    ] {
        let found = repo.resolve(bad);
        assert!(
            matches!(found, Err(RepoError::BadRevision { .. })),
            "{bad}: {found:?}"
        );
    }
}

#[test]
fn a_short_id_of_two_commits_is_ambiguous() {
    let fixture = long_line(400);
    let repo = fixture.open("r.git");
    let mut by_prefix: HashMap<String, usize> = HashMap::new();
    for id in fixture.git("r.git", &["rev-list", "main"]).lines() {
        *by_prefix.entry(id[..4].to_owned()).or_default() += 1;
    }
    // Of 480 commits some share four digits all but surely; the history is always the same.
    let shared = by_prefix.iter().find(|(_, count)| **count > 1).unwrap().0;
    assert!(matches!(
        repo.resolve(shared),
        Err(RepoError::AmbiguousRevision { .. })
    ));
}
