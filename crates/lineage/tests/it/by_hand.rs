//! Reverts that a person made by hand, as git's own conflicted.

use ripcord_git::Oid;
use ripcord_lineage::{Branch, Case, Containment, Proof, Range, Way, contained, reland_prepare};

use crate::fixture::{World, lines};
use crate::reland::check;

/// `fix` changes a line and is merged, main changes the next one, and the fix is reverted by hand as
/// git's own revert conflicts.
fn reverted_by_hand() -> (World, Oid) {
    let world = World::new();
    world.branch("fix", "main");
    let fixed = world.change("a", 5, "fixed");
    world.on("main");
    world.merge("fix");
    world.change("a", 6, "the line beside");
    let revert = world.try_git(&["revert", "--no-edit", &fixed.to_string()]);
    assert!(!revert.status.success(), "it conflicts");
    let merged = lines("a").replace("a line 6", "the line beside");
    world.write("a", merged);
    let revert = world.commit(&format!(
        "Revert \"a 5: fixed\"\n\nThis reverts commit {fixed}."
    ));
    (world, revert)
}

#[test]
fn a_revert_by_hand_beside_a_changed_line_is_seen() {
    let (world, revert) = reverted_by_hand();
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::NothingComes, "{verdict:?}");
    let undone = &verdict.stays_undone[0];
    assert_eq!(undone.by.as_ref().unwrap().commit, revert);
    assert_eq!(undone.proof, Proof::Said);
    world.on("fix");
    world.change("b", 12, "new on top");
    world.on("main");
    assert_eq!(check(&world).case, Case::OnlyNewComes);
    let fix = Range {
        base: world.id("fix~2"),
        tip: world.id("fix~1"),
    };
    let answer = contained(&world.repo(), fix, world.id("main")).unwrap();
    assert!(matches!(answer, Containment::Undone(_)), "{answer:?}");
}

#[test]
fn a_revert_by_hand_that_was_taken_back_by_hand_is_no_revert() {
    let (world, revert) = reverted_by_hand();
    world.change("a", 6, "the line beside, again");
    world.set("a", 5, "fixed");
    world.commit(&format!("Reapply\n\nThis reverts commit {revert}."));
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::RevertedRevert, "{verdict:?}");
}

#[test]
fn what_was_reverted_by_hand_and_written_again_by_hand_is_not_missed() {
    let (world, _) = reverted_by_hand();
    world.change("a", 6, "the line beside, again");
    assert!(check(&world).case.blocks());
    world.set("a", 5, "fixed");
    world.set("a", 7, "and the next one");
    world.commit("Fix it again");
    let verdict = check(&world);
    assert!(!verdict.case.blocks(), "{verdict:?}");
}

#[test]
fn a_message_that_names_a_commit_and_takes_no_line_of_it_back_is_no_revert() {
    let world = World::new();
    world.branch("fix", "main");
    let fixed = world.change("a", 5, "fixed");
    world.on("main");
    world.merge("fix");
    world.change("a", 6, "the line beside");
    world.set("a", 4, "the line above");
    world.commit(&format!("Talk\n\nThis reverts commit {fixed}."));
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::AlreadyThere, "{verdict:?}");
}

#[test]
fn what_a_revert_dropped_besides_does_not_come_back_with_it() {
    let world = World::new();
    world.branch("fix", "main");
    let fixed = world.change("a", 5, "fixed");
    world.on("main");
    world.merge("fix");
    world.change("a", 15, "dropped on purpose");
    world.change("a", 6, "the line beside");
    let without = lines("a").replace("a line 6", "the line beside");
    world.write("a", without);
    world.commit(&format!("Back\n\nThis reverts commit {fixed}."));
    let branch = Branch {
        tip: world.id("fix"),
        base: None,
    };
    assert_eq!(check(&world).case, Case::NothingComes);
    let (repo, main) = (world.repo(), world.id("main"));
    let problem = reland_prepare(&repo, branch, main, Way::RevertOfRevert)
        .err()
        .unwrap();
    assert_eq!(problem.code, "reland_differs");
}
