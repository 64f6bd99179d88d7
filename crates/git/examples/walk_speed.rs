//! How long a walk over a large infra repo takes: `cargo run --release --example walk_speed [COMMITS]`.
//!
//! Makes a repository in which every commit replaces a tree of 3,000 services (about 122 KB), packs
//! it as `git gc` would, and prints medians. With a path as second argument an existing repository is
//! measured instead.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, run by hand"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ripcord_git::{Interest, Mode, NewCommit, Person, Repo, TreeEdit};

const SERVICES: usize = 3000;

fn main() {
    let mut args = std::env::args().skip(1);
    let commits: usize = args.next().map_or(10_000, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let place = match args.next() {
        Some(path) => path.into(),
        None => generate(folder.path(), commits),
    };
    let place: &Path = &place;
    let repo = Repo::open_clone(place).unwrap();
    let tip = repo.resolve("HEAD").unwrap();
    println!(
        "open             {:?}",
        median(21, || drop(Repo::open_clone(place).unwrap()))
    );
    println!(
        "first 10 commits {:?}",
        median(11, || _ = walk(place, 1, 10))
    );
    for threads in [1, 2] {
        let started = Instant::now();
        let (seen, changes) = walk(place, threads, commits);
        let each = started.elapsed() / u32::try_from(seen).unwrap();
        println!("walk, {threads} threads  {each:?} a commit, {seen} commits, {changes} changes");
    }
    let started = Instant::now();
    let line = repo.first_parents(tip).take(commits).count();
    println!(
        "line alone       {:?} a commit",
        started.elapsed() / u32::try_from(line).unwrap()
    );
    let mut number = 0_u32;
    let person = Person {
        name: "T".into(),
        email: "t@x".into(),
        seconds: 1,
        offset_seconds: 0,
    };
    let mut edit = |write: bool| {
        number += 1;
        let repo = Repo::open_clone(place).unwrap();
        let mut staged = repo.stage();
        let blob = staged
            .blob(format!("tag: {write}{number}\n").as_bytes())
            .unwrap();
        let edit = TreeEdit {
            path: "services/service-1500/overlays/production/kustomization.yaml".into(),
            entry: Some((Mode::Blob, blob)),
        };
        let tree = staged
            .edit_tree(repo.commit(tip).unwrap().tree, &[edit])
            .unwrap();
        if write {
            let commit = NewCommit {
                tree,
                parents: vec![tip],
                author: person.clone(),
                committer: person.clone(),
                message: "m".into(),
                sign: false,
            };
            staged.commit(&commit).unwrap();
        }
    };
    println!("open, edit       {:?}", median(21, || edit(false)));
    println!("open, edit, disk {:?}", median(21, || edit(true)));
}

fn walk(place: &Path, threads: usize, most: usize) -> (usize, usize) {
    let repo = Repo::open_clone(place).unwrap();
    let tip = repo.resolve("HEAD").unwrap();
    let (mut seen, mut changed) = (0, 0);
    repo.walk_changes(tip, None, &Interest::All, threads, &mut |_, changes| {
        seen += 1;
        changed += changes.len();
        if seen < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })
    .unwrap();
    (seen, changed)
}

fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    times.sort();
    times[runs / 2]
}

fn generate(folder: &Path, commits: usize) -> std::path::PathBuf {
    let place = folder.join("r.git");
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(args).current_dir(folder);
        command
    };
    assert!(
        git(&["init", "-q", "--bare", "-b", "main", "r.git"])
            .status()
            .unwrap()
            .success()
    );
    let mut import = git(&["-C", "r.git", "fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = std::io::BufWriter::new(import.stdin.take().unwrap());
    for n in 0..commits {
        let mut text = format!("commit refs/heads/main\ncommitter T <t@x> {n} +0000\ndata 2\nc\n");
        let services = if n == 0 {
            0..SERVICES
        } else {
            n * 7919 % SERVICES..n * 7919 % SERVICES + 1
        };
        for service in services {
            let data = format!("service: {service}\ntag: {n}\n");
            for env in if n == 0 {
                &["staging", "production"][..]
            } else {
                &["production"]
            } {
                let path = format!("services/service-{service}/overlays/{env}/kustomization.yaml");
                let _ = write!(
                    text,
                    "M 100644 inline {path}\ndata {}\n{data}\n",
                    data.len()
                );
            }
        }
        pipe.write_all(text.as_bytes()).unwrap();
    }
    drop(pipe);
    assert!(import.wait().unwrap().success());
    assert!(
        git(&["-C", "r.git", "gc", "-q"])
            .status()
            .unwrap()
            .success()
    );
    place
}
