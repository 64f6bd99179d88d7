//! What is on one line and not on another, and whether a merge needs a person.

use ripcord_lineage::{conflicts, not_in};

use crate::fixture::World;

#[test]
fn what_main_has_and_production_lacks_is_told_newest_first_and_bounded() {
    let world = World::new();
    let production = world.id("main");
    for n in 0..5 {
        world.change("a", n, "x");
    }
    let main = world.id("main");
    let repo = world.repo();
    let all = not_in(&repo, production, main, 100).unwrap();
    let ids: Vec<String> = all.commits.iter().map(|c| c.commit.to_string()).collect();
    let range = format!("{production}..main");
    assert_eq!(ids.join("\n"), world.git(&["rev-list", &range]).trim());
    assert_eq!(all.commits[0].subject, "a 4: x");
    let few = not_in(&repo, production, main, 2).unwrap();
    assert_eq!((few.commits.len(), few.total), (2, 5));
    assert_eq!(few.commits[..], all.commits[..2]);
    assert_eq!(not_in(&repo, main, production, 9).unwrap().total, 0);
}

#[test]
fn conflicts_are_told_with_their_files_and_nothing_is_written() {
    let world = World::new();
    world.branch("fix", "main");
    world.change("a", 2, "ours");
    let tip = world.change("b", 2, "ours");
    world.on("main");
    let clean = world.change("c", 2, "main");
    let main = world.change("a", 2, "main");
    let before = world.git(&["count-objects", "-v"]);
    let repo = world.repo();
    assert!(conflicts(&repo, tip, clean).unwrap().is_empty());
    assert_eq!(conflicts(&repo, tip, main).unwrap(), ["a"]);
    assert_eq!(before, world.git(&["count-objects", "-v"]));
}

#[test]
fn a_file_that_one_removed_and_the_other_changed_is_a_conflict() {
    let world = World::new();
    world.branch("fix", "main");
    let tip = world.change("a", 2, "ours");
    world.on("main");
    world.git(&["rm", "-q", "a"]);
    let main = world.commit("without a");
    assert_eq!(conflicts(&world.repo(), tip, main).unwrap(), ["a"]);
    assert!(world.merged(main, tip).is_none());
}

#[test]
fn histories_that_never_met_are_a_problem_of_their_own() {
    let world = World::new();
    world.git(&["checkout", "-q", "--orphan", "island"]);
    let island = world.commit("another root");
    let problem = conflicts(&world.repo(), island, world.id("main")).unwrap_err();
    assert_eq!(problem.code, "unrelated_histories");
}
