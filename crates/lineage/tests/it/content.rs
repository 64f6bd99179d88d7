//! Containment of what is no plain text in one straight history, and of what is not there.

use ripcord_git::{Oid, RepoError};
use ripcord_lineage::{Containment, How, Range, contained};

use crate::containment::{ask, fixed, how};
use crate::fixture::World;

#[test]
fn binary_files_renames_and_modes_are_changes_like_others() {
    let world = World::new();
    world.write("logo", [0_u8, 1, 2, 3]);
    world.write("run.sh", "#!/bin/sh\n");
    let base = world.commit("with a logo");
    world.branch("fix", "main");
    world.write("logo", [0_u8, 9, 9, 9]);
    world.commit("a new logo");
    world.git(&["mv", "a", "renamed"]);
    world.git(&["update-index", "--chmod=+x", "run.sh"]);
    world.git(&["commit", "-q", "-m", "mode and name"]);
    let tip = world.id("HEAD");
    let fix = Range { base, tip };
    world.on("main");
    world.git(&["reset", "-q", "--hard"]);
    world.change("b", 3, "on main");
    assert!(!ask(&world, fix).is_contained());
    world.branch("rebased", "main");
    world.pick("main..fix");
    let rebased = contained(&world.repo(), fix, world.id("rebased")).unwrap();
    assert!(matches!(how(&rebased), How::PatchIds(_)));
    world.on("main");
    let squash = world.squash("fix");
    assert!(matches!(how(&ask(&world, fix)), How::Squash { .. }));
    world.git(&["mv", "renamed", "renamed-again"]);
    world.commit("moved on");
    assert!(ask(&world, fix).is_contained());
    world.write("logo", [0_u8, 1, 2, 3]);
    world.commit("the old logo");
    match ask(&world, fix) {
        Containment::Undone(undone) => assert_eq!(undone[0].paths, ["logo"]),
        other => panic!("{other:?} {squash}"),
    }
}

#[test]
fn an_indentation_is_not_the_same_fix_as_another() {
    let world = World::new();
    world.write("v.yaml", "env:\n- name: X\n");
    let base = world.commit("values");
    world.branch("fix", "main");
    world.write("v.yaml", "env:\n    - name: X\n");
    let tip = world.commit("indent");
    world.on("main");
    world.write("v.yaml", "env:\n  - name: X\n");
    world.commit("indent otherwise");
    assert!(!ask(&world, Range { base, tip }).is_contained());
}

#[test]
fn a_criss_cross_and_a_root_of_its_own_are_no_trouble() {
    let (world, fix) = fixed();
    let on_main = world.id("main");
    world.on("fix");
    world.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "cross",
        &on_main.to_string(),
    ]);
    world.on("main");
    world.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "criss",
        &fix.tip.to_string(),
    ]);
    world.on("fix");
    let tip = world.change("b", 15, "after the cross");
    world.on("main");
    world.change("c", 18, "main too");
    let ours = Range { tip, ..fix };
    assert_eq!(
        world
            .git(&["merge-base", "-a", "main", "fix"])
            .lines()
            .count(),
        2
    );
    match ask(&world, ours) {
        Containment::Missing { commits, .. } => {
            assert_eq!(commits.iter().map(|c| c.commit).collect::<Vec<_>>(), [tip]);
        }
        other => panic!("{other:?}"),
    }
    world.merge("fix");
    assert_eq!(how(&ask(&world, ours)), &How::Ancestry);

    world.git(&["checkout", "-q", "--orphan", "island"]);
    world.git(&["rm", "-rfq", "."]);
    world.write("island", "of its own\n");
    let root = world.commit("another root");
    let tip = world.change("island", 0, "grown");
    let island = Range { base: root, tip };
    world.on("main");
    assert!(!ask(&world, island).is_contained());
    world.git(&[
        "merge",
        "-q",
        "--allow-unrelated-histories",
        "-m",
        "join",
        "island",
    ]);
    assert_eq!(how(&ask(&world, island)), &How::Ancestry);
}

#[test]
fn a_shallow_clone_says_that_it_cannot_know() {
    let (world, fix) = fixed();
    world.pick("main..fix");
    let from = format!("file://{}", world.path().display());
    let to = world.beside("shallow").display().to_string();
    let out = world.try_git_in(
        &world.beside("."),
        &["clone", "-q", "--depth=2", "--no-single-branch", &from, &to],
    );
    assert!(out.status.success(), "{out:?}");
    let repo = ripcord_git::Repo::open_clone(&world.beside("shallow")).unwrap();
    let main = world.id("main");
    let problem = contained(&repo, fix, main).unwrap_err();
    assert!(
        ["shallow_history", "missing_object"].contains(&problem.code.as_str()),
        "{problem:?}"
    );
    assert!(
        problem
            .hints
            .iter()
            .any(|hint| hint.contains("--unshallow"))
    );
    let near = Range {
        base: world.id("fix~1"),
        tip: fix.tip,
    };
    let problem = contained(&repo, near, main).unwrap_err();
    assert_eq!(problem.code, "shallow_history");
}

#[test]
fn a_missing_object_is_told() {
    let (world, fix) = fixed();
    world.squash("fix");
    let blob: Oid = world.id("fix:a");
    let text = blob.to_string();
    let loose = format!(".git/objects/{}/{}", &text[..2], &text[2..]);
    std::fs::remove_file(world.path().join(loose)).unwrap();
    let repo = world.repo();
    assert!(matches!(repo.blob(blob), Err(RepoError::Missing { .. })));
    let problem = contained(&repo, fix, world.id("main")).unwrap_err();
    assert_eq!(problem.code, "missing_object");
    assert!(problem.message.contains(&text), "{}", problem.message);
}
