//! Whether a fix is contained, however it was merged.

use ripcord_lineage::{Containment, Effect, How, Landing, Proof, Range, Sameness, contained};

use crate::fixture::World;

/// A branch `fix` of two commits off `main`, which has gone on since; `main` is checked out.
pub(crate) fn fixed() -> (World, Range) {
    let world = World::new();
    let base = world.id("main");
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    let tip = world.change("b", 2, "fixed too");
    world.on("main");
    world.change("c", 10, "somebody else's");
    (world, Range { base, tip })
}

#[track_caller]
pub(crate) fn ask(world: &World, fix: Range) -> Containment {
    contained(&world.repo(), fix, world.id("main")).unwrap()
}

#[track_caller]
pub(crate) fn how(answer: &Containment) -> &How {
    match answer {
        Containment::Contained { how, .. } => how,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_not_merged_is_missing_and_its_commits_are_told() {
    let (world, fix) = fixed();
    let answer = ask(&world, fix);
    let Containment::Missing { commits, copies } = &answer else {
        panic!("{answer:?}");
    };
    assert!(copies.is_empty());
    assert_eq!(
        commits
            .iter()
            .map(|c| c.subject.as_str())
            .collect::<Vec<_>>(),
        ["a 2: fixed", "b 2: fixed too"]
    );
    assert!(!answer.is_contained());
    assert!(
        answer.sentence().starts_with("not contained: "),
        "{}",
        answer.sentence()
    );
}

#[test]
fn a_merge_is_recognised_by_ancestry() {
    let (world, fix) = fixed();
    world.merge("fix");
    assert_eq!(how(&ask(&world, fix)), &How::Ancestry);
    world.change("a", 12, "later");
    assert_eq!(how(&ask(&world, fix)), &How::Ancestry);
}

#[test]
fn a_rebase_merge_is_recognised_by_its_patches() {
    let (world, fix) = fixed();
    world.pick("main..fix");
    let answer = ask(&world, fix);
    let How::PatchIds(copies) = how(&answer) else {
        panic!("{answer:?}");
    };
    assert_eq!(copies.len(), 2);
    assert!(copies.iter().all(|copy| copy.by == Sameness::PatchId));
    assert_eq!(copies[0].of, world.id("fix~1"));
    assert_eq!(copies[0].is, world.id("main~1"));
    let cherry = world.git(&["cherry", "main", "fix"]);
    assert!(cherry.lines().all(|line| line.starts_with('-')), "{cherry}");
}

#[test]
fn half_a_rebase_is_not_the_fix() {
    let (world, fix) = fixed();
    world.pick("fix~1");
    let answer = ask(&world, fix);
    let Containment::Missing { commits, copies } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        commits.iter().map(|c| c.commit).collect::<Vec<_>>(),
        [fix.tip]
    );
    assert_eq!(copies.len(), 1);
}

#[test]
fn a_copy_between_other_lines_is_recognised_by_doing_it_again() {
    let (world, fix) = fixed();
    world.change("a", 4, "the line beside");
    world.pick("main..fix");
    let answer = ask(&world, fix);
    let How::PatchIds(copies) = how(&answer) else {
        panic!("{answer:?}");
    };
    assert_eq!(copies[0].by, Sameness::Replay);
    assert_eq!(copies[1].by, Sameness::PatchId);
}

#[test]
fn a_squash_is_recognised_by_its_tree() {
    let (world, fix) = fixed();
    let squash = world.squash("fix");
    world.change("c", 3, "later");
    let answer = ask(&world, fix);
    match how(&answer) {
        How::Squash { commits, by } => {
            assert_eq!(
                commits.iter().map(|c| c.commit).collect::<Vec<_>>(),
                [squash]
            );
            assert_eq!(*by, Sameness::PatchId);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_squash_between_other_lines_is_recognised_too() {
    let (world, fix) = fixed();
    world.change("a", 4, "the line beside");
    let squash = world.squash("fix");
    match how(&ask(&world, fix)) {
        How::Squash { commits, by } => {
            assert_eq!(
                commits.iter().map(|c| c.commit).collect::<Vec<_>>(),
                [squash]
            );
            assert_eq!(*by, Sameness::Replay);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_branch_that_was_squashed_and_went_on_is_squashed_twice() {
    let (world, fix) = fixed();
    let first = world.squash("fix");
    world.on("fix");
    let tip = world.change("a", 10, "more");
    world.on("main");
    let went_on = Range { tip, ..fix };
    match ask(&world, went_on) {
        Containment::Missing { commits, .. } => {
            assert_eq!(commits.iter().map(|c| c.commit).collect::<Vec<_>>(), [tip]);
        }
        other => panic!("{other:?}"),
    }
    world.on("fix");
    let tip = world.change("b", 10, "and more");
    world.on("main");
    let second = world.squash("fix");
    let went_on = Range { tip, ..fix };
    match how(&ask(&world, went_on)) {
        How::Squash { commits, .. } => {
            assert_eq!(
                commits.iter().map(|c| c.commit).collect::<Vec<_>>(),
                [first, second]
            );
        }
        other => panic!("{other:?}"),
    }
    world.revert(first);
    match ask(&world, went_on) {
        Containment::Undone(undone) => assert_eq!(undone[0].commits.len(), 2),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_effect_that_came_otherwise_is_the_weaker_evidence() {
    let (world, fix) = fixed();
    world.set("a", 2, "fixed");
    world.set("b", 2, "fixed too");
    world.set("c", 18, "and more in the same commit");
    world.commit("by hand");
    let answer = ask(&world, fix);
    assert_eq!(how(&answer), &How::Tree);
    assert!(answer.sentence().contains("by its effect alone"));
}

#[test]
fn lines_that_were_changed_again_are_still_contained() {
    let (world, fix) = fixed();
    world.merge("fix");
    world.change("a", 2, "better");
    let answer = ask(&world, fix);
    assert!(
        matches!(
            &answer,
            Containment::Contained {
                how: How::Ancestry,
                effect: Effect::Evolved
            }
        ),
        "{answer:?}"
    );
    assert!(answer.sentence().ends_with("changed again since"));
}

#[test]
fn an_empty_range_is_a_case_of_its_own() {
    let (world, fix) = fixed();
    let nothing = Range {
        base: fix.tip,
        tip: fix.tip,
    };
    assert_eq!(ask(&world, nothing), Containment::Empty);
    let behind = Range {
        base: fix.tip,
        tip: fix.base,
    };
    assert_eq!(ask(&world, behind), Containment::Empty);
    world.branch("hollow", "main");
    let tip = world.commit("nothing in it");
    let hollow = Range {
        base: world.id("main"),
        tip,
    };
    assert_eq!(ask(&world, hollow), Containment::Empty);
    assert!(ask(&world, hollow).is_contained());
}

#[test]
fn commits_that_change_nothing_are_not_missed() {
    let (world, fix) = fixed();
    world.on("fix");
    let tip = world.commit("trigger the build");
    world.on("main");
    world.pick("main..fix~1");
    assert!(ask(&world, Range { tip, ..fix }).is_contained());
}

#[test]
fn a_merged_fix_that_was_reverted_is_not_contained() {
    let (world, fix) = fixed();
    let merge = world.merge("fix");
    world.change("c", 3, "in between");
    let revert = world.revert_merge(merge);
    world.change("c", 16, "later");
    let answer = ask(&world, fix);
    let Containment::Undone(undone) = &answer else {
        panic!("{answer:?}");
    };
    assert_eq!(undone.len(), 1);
    assert_eq!(undone[0].by.as_ref().unwrap().commit, revert);
    assert_eq!(undone[0].proof, Proof::Exact);
    assert_eq!(undone[0].commits.len(), 2);
    match &undone[0].landing {
        Landing::Merge { commit, mainline } => {
            assert_eq!(commit.commit, merge);
            assert_eq!(*mainline, world.id(&format!("{merge}^1")));
        }
        other => panic!("{other:?}"),
    }
    assert!(!answer.is_contained());
    assert!(
        answer.sentence().contains("was reverted by"),
        "{}",
        answer.sentence()
    );
}

#[test]
fn a_revert_that_was_reverted_is_contained() {
    let (world, fix) = fixed();
    let merge = world.merge("fix");
    let revert = world.revert_merge(merge);
    world.change("c", 3, "in between");
    world.revert(revert);
    assert_eq!(how(&ask(&world, fix)), &How::Ancestry);
    let again = world.revert_merge(merge);
    match ask(&world, fix) {
        Containment::Undone(undone) => {
            assert_eq!(undone[0].by.as_ref().unwrap().commit, again);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_revert_does_not_matter_when_what_came_of_it_landed_later() {
    let world = World::new();
    let base = world.id("main");
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.on("main");
    let squash = world.squash("fix");
    world.revert(squash);
    world.on("fix");
    let tip = world.change("a", 2, "fixed better");
    world.on("main");
    world.squash("fix");
    assert!(ask(&world, Range { base, tip }).is_contained());
    world.on("fix");
    let tip = world.change("b", 2, "not there yet");
    world.on("main");
    match ask(&world, Range { base, tip }) {
        Containment::Missing { commits, .. } => assert_eq!(commits.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_rest_of_a_branch_may_be_squashed_after_a_merge() {
    let (world, fix) = fixed();
    world.merge("fix");
    world.on("fix");
    world.change("c", 2, "more");
    let tip = world.change("a", 2, "better");
    let went_on = Range { tip, ..fix };
    world.on("main");
    let squash = world.squash("fix");
    match how(&ask(&world, went_on)) {
        How::Squash { commits, .. } => {
            assert_eq!(
                commits.iter().map(|c| c.commit).collect::<Vec<_>>(),
                [squash]
            );
        }
        other => panic!("{other:?}"),
    }
    world.revert(squash);
    match ask(&world, went_on) {
        Containment::Undone(undone) => assert_eq!(undone[0].commits.len(), 2),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_came_back_and_was_changed_again_is_not_undone() {
    let world = World::new();
    let base = world.id("main");
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.on("main");
    let squash = world.squash("fix");
    world.revert(squash);
    world.on("fix");
    let tip = world.change("b", 2, "fixed too");
    world.on("main");
    world.squash("fix");
    world.change("a", 2, "better");
    assert!(ask(&world, Range { base, tip }).is_contained());
}

#[test]
fn half_a_revert_is_told_with_the_commit_that_it_hit() {
    let (world, fix) = fixed();
    world.merge("fix");
    let first = world.id("fix~1");
    let revert = world.revert(first);
    match ask(&world, fix) {
        Containment::Undone(undone) => {
            assert_eq!(undone.len(), 1);
            assert_eq!(undone[0].commits.len(), 1);
            assert_eq!(undone[0].commits[0].commit, first);
            assert_eq!(undone[0].by.as_ref().unwrap().commit, revert);
            assert_eq!(undone[0].landing, Landing::Themselves);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rebased_and_squashed_fixes_that_were_reverted_are_not_contained() {
    let (world, fix) = fixed();
    world.branch("squashed", "main");
    let squash = world.squash("fix");
    let revert = world.revert(squash);
    match contained(&world.repo(), fix, revert).unwrap() {
        Containment::Undone(undone) => {
            assert!(matches!(&undone[0].landing, Landing::Squash(s) if s.commit == squash));
            assert_eq!(undone[0].by.as_ref().unwrap().commit, revert);
            assert_eq!(undone[0].commits.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    world.on("main");
    world.pick("main..fix");
    let copies = [world.id("main~1"), world.id("main")];
    for copy in copies.iter().rev() {
        world.revert(*copy);
    }
    match ask(&world, fix) {
        Containment::Undone(undone) => {
            assert_eq!(undone.len(), 2);
            assert!(
                undone
                    .iter()
                    .all(|u| matches!(u.landing, Landing::Copies(_)))
            );
            assert!(undone.iter().all(|u| u.proof == Proof::Exact));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_revert_without_a_word_among_other_changes_is_found_by_content() {
    let (world, fix) = fixed();
    world.merge("fix");
    world.set("a", 2, "a line 2");
    world.set("c", 1, "new feature");
    let culprit = world.commit("new feature");
    world.change("c", 17, "later");
    match ask(&world, fix) {
        Containment::Undone(undone) => {
            assert_eq!(undone.len(), 1);
            assert_eq!(undone[0].proof, Proof::Content);
            assert_eq!(undone[0].by.as_ref().unwrap().commit, culprit);
            assert_eq!(undone[0].commits[0].commit, world.id("fix~1"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_alone_is_no_revert() {
    let (world, fix) = fixed();
    let merge = world.merge("fix");
    world.set("c", 1, "something else");
    world.commit(&format!(
        "Revert \"merge fix\"\n\nThis reverts commit {merge}."
    ));
    assert_eq!(how(&ask(&world, fix)), &How::Ancestry);
    world.change("a", 2, "better");
    assert_eq!(how(&ask(&world, fix)), &How::Ancestry);
}

#[test]
fn a_revert_with_changes_of_its_own_is_told_as_such() {
    let (world, fix) = fixed();
    let merge = world.merge("fix");
    world.change("b", 2, "better than the fix");
    world.set("a", 2, "a line 2");
    world.set("b", 2, "worse than before");
    let revert = world.commit(&format!(
        "Revert \"merge fix\"\n\nThis reverts commit {merge}, reversing\nchanges made to {merge}^1."
    ));
    match ask(&world, fix) {
        Containment::Undone(undone) => {
            assert_eq!(undone.len(), 1, "{undone:?}");
            assert_eq!(undone[0].by.as_ref().unwrap().commit, revert);
            assert_eq!(undone[0].proof, Proof::Said);
            assert_eq!(undone[0].commits[0].commit, world.id("fix~1"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_that_were_moved_are_not_undone() {
    let world = World::new();
    let base = world.id("main");
    world.branch("fix", "main");
    let text = world.read("a");
    world.write("a", format!("zz: new\n{text}"));
    let tip = world.commit("a line at the top");
    world.on("main");
    world.merge("fix");
    world.write("a", format!("{text}zz: new\n"));
    world.commit("sorted");
    assert!(ask(&world, Range { base, tip }).is_contained());
}

#[test]
fn a_file_of_the_fix_that_was_renamed_is_not_undone() {
    let world = World::new();
    let base = world.id("main");
    world.branch("fix", "main");
    world.write("guard", crate::fixture::lines("guard"));
    let tip = world.commit("a new file");
    world.on("main");
    world.merge("fix");
    world.git(&["mv", "guard", "sentry"]);
    world.change("sentry", 3, "and edited");
    assert!(ask(&world, Range { base, tip }).is_contained());
    world.git(&["rm", "-q", "sentry"]);
    world.commit("without it");
    assert!(!ask(&world, Range { base, tip }).is_contained());
}

#[test]
fn the_branch_may_give_up_itself_what_it_tried() {
    let (world, fix) = fixed();
    world.on("fix");
    let tip = world.change("a", 2, "a line 2");
    world.on("main");
    world.merge("fix");
    assert_eq!(how(&ask(&world, Range { tip, ..fix })), &How::Ancestry);
}

#[test]
fn main_merged_into_the_branch_is_not_the_branches_work() {
    let (world, fix) = fixed();
    world.on("fix");
    world.merge("main");
    let tip = world.change("b", 15, "after the merge");
    world.on("main");
    world.change("c", 11, "more on main");
    let ours = Range { tip, ..fix };
    match ask(&world, ours) {
        Containment::Missing { commits, .. } => assert_eq!(commits.len(), 3),
        other => panic!("{other:?}"),
    }
    world.squash("fix");
    assert!(matches!(how(&ask(&world, ours)), How::Squash { .. }));
}

#[test]
fn a_revert_that_was_merged_back_into_the_branch_is_seen() {
    let (world, fix) = fixed();
    let merge = world.merge("fix");
    let revert = world.revert_merge(merge);
    world.on("fix");
    world.git(&["merge", "-q", "--no-ff", "-m", "update", "main"]);
    let tip = world.change("b", 15, "new on top");
    world.on("main");
    world.merge("fix");
    match ask(&world, Range { tip, ..fix }) {
        Containment::Undone(undone) => {
            assert_eq!(undone[0].by.as_ref().unwrap().commit, revert);
            assert_eq!(undone[0].commits.len(), 2);
        }
        other => panic!("{other:?}"),
    }
}
