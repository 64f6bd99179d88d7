//! The cases of git's `revert-a-faulty-merge`, checked and prepared.

use ripcord_git::Oid;
use ripcord_lineage::{
    Branch, Case, Doing, Landing, Merge, Preparation, Verdict, Way, reland_check, reland_prepare,
};

use crate::fixture::{World, people};

/// A branch `fix` of two commits that was merged, main having gone on before and after.
fn merged() -> (World, Oid) {
    let world = World::new();
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.change("b", 2, "fixed too");
    world.on("main");
    world.change("c", 10, "somebody else's");
    let merge = world.merge("fix");
    world.change("c", 3, "after the merge");
    (world, merge)
}

#[track_caller]
pub(crate) fn check(world: &World) -> Verdict {
    let branch = Branch {
        tip: world.id("fix"),
        base: None,
    };
    let verdict = reland_check(&world.repo(), branch, world.id("main")).unwrap();
    // What the merge is said to bring is what git's merge brings.
    let main = world.id("main");
    let real = world.merged(main, branch.tip);
    match &verdict.merge {
        Merge::Nothing => assert_eq!(real, Some(world.tree(main))),
        Merge::Brings(tree) => assert_eq!(real, Some(*tree)),
        Merge::Conflict(_) | Merge::Unrelated => assert_eq!(real, None),
    }
    verdict
}

/// Prepares, writes, merges into main, and gives the new main.
#[track_caller]
fn prepare(world: &World, way: Way) -> Oid {
    let repo = world.repo();
    let branch = Branch {
        tip: world.id("fix"),
        base: None,
    };
    let before = world.git(&["for-each-ref"]);
    match reland_prepare(&repo, branch, world.id("main"), way).unwrap() {
        Preparation::Ready(prepared) => {
            let tree = prepared.tree().unwrap();
            let tip = prepared.write(&people(), false).unwrap();
            assert_eq!(world.tree(tip), tree);
            assert_eq!(before, world.git(&["for-each-ref"]), "no ref is written");
            world.git(&["fsck", "--no-dangling"]);
            tip
        }
        Preparation::Conflict(clash) => panic!("{clash:?}"),
    }
}

fn subjects(verdict: &[ripcord_lineage::Named]) -> Vec<&str> {
    verdict.iter().map(|named| named.subject.as_str()).collect()
}

#[test]
fn a_branch_that_never_landed_is_plain() {
    let world = World::new();
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.on("main");
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::Plain);
    assert_eq!(subjects(&verdict.new), ["a 2: fixed"]);
    assert!(!verdict.case.blocks());
}

#[test]
fn a_branch_that_is_in_force_is_already_there() {
    let (world, _) = merged();
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::AlreadyThere);
    let branch = Branch {
        tip: world.id("fix"),
        base: None,
    };
    let problem = reland_prepare(&world.repo(), branch, world.id("main"), Way::FixOnTop)
        .err()
        .unwrap();
    assert_eq!(problem.code, "nothing_reverted");
}

#[test]
fn after_a_reverted_merge_nothing_comes() {
    let (world, merge) = merged();
    let revert = world.revert_merge(merge);
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::NothingComes);
    assert_eq!(verdict.merge, Merge::Nothing);
    assert!(verdict.is_reverted_merge());
    assert_eq!(verdict.stays_undone[0].by.as_ref().unwrap().commit, revert);
    assert!(verdict.case.blocks());
    let sentence = verdict.sentence();
    assert!(
        sentence.starts_with("a merge brings nothing: the merge "),
        "{sentence}"
    );
    assert!(sentence.contains("merge fix"), "{sentence}");
}

#[test]
fn with_new_commits_on_top_only_these_come() {
    let (world, merge) = merged();
    world.revert_merge(merge);
    world.on("fix");
    world.change("a", 12, "new on top");
    world.on("main");
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::OnlyNewComes);
    assert_eq!(subjects(&verdict.new), ["a 12: new on top"]);
    assert_eq!(
        subjects(&verdict.stays_undone[0].commits),
        ["a 2: fixed", "b 2: fixed too"]
    );
}

#[test]
fn a_reverted_revert_is_fine() {
    let (world, merge) = merged();
    let revert = world.revert_merge(merge);
    world.revert(revert);
    assert_eq!(check(&world).case, Case::RevertedRevert);
    world.on("fix");
    world.change("a", 12, "new on top");
    world.on("main");
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::RevertedRevert);
    assert!(matches!(verdict.merge, Merge::Brings(_)));
}

#[test]
fn a_branch_that_was_recreated_is_fine() {
    let (world, merge) = merged();
    world.revert_merge(merge);
    let start = world.id("fix~2");
    world.branch("again", &start.to_string());
    world.git(&["cherry-pick", "fix~2..fix"]);
    world.change("a", 12, "new on top");
    world.git(&["branch", "-f", "fix", "again"]);
    world.on("main");
    let verdict = check(&world);
    assert!(
        matches!(verdict.case, Case::Plain | Case::Recreated),
        "{verdict:?}"
    );
    let Merge::Brings(tree) = verdict.merge else {
        panic!("{verdict:?}");
    };
    let shown = world.git(&["cat-file", "blob", &format!("{tree}:a")]);
    assert!(shown.contains("fixed") && shown.contains("new on top"));
}

#[test]
fn one_reverted_commit_of_two_is_half() {
    let (world, _) = merged();
    world.revert(world.id("fix~1"));
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::NothingComes);
    assert_eq!(subjects(&verdict.stays_undone[0].commits), ["a 2: fixed"]);
    assert_eq!(verdict.stays_undone[0].landing, Landing::Themselves);
}

#[test]
fn a_rebased_branch_that_was_reverted_comes_by_merge_and_not_by_rebase() {
    let world = World::new();
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.on("main");
    world.change("c", 10, "somebody else's");
    let copy = world.pick("fix");
    world.revert(copy);
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::Recreated);
    assert_eq!(subjects(&verdict.rebase_drops), ["a 2: fixed"]);
    assert!(verdict.sentence().contains("do not rebase it"));
    world.git(&["branch", "rebased", "fix"]);
    world.git(&["rebase", "-q", "main", "rebased"]);
    assert_eq!(
        world.tree(world.id("rebased")),
        world.tree(world.id("main"))
    );
}

#[test]
fn a_squashed_branch_that_was_reverted_comes_by_merge() {
    let world = World::new();
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.change("b", 2, "fixed too");
    world.on("main");
    world.change("c", 10, "somebody else's");
    let squash = world.squash("fix");
    world.revert(squash);
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::Recreated);
    let tip = prepare(&world, Way::RevertOfRevert);
    assert_eq!(world.tree(tip), world.tree(squash));
}

#[test]
fn a_squash_that_was_taken_over_and_then_reverted_leaves_nothing_to_come() {
    let world = World::new();
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.change("b", 2, "fixed too");
    world.on("main");
    let squash = world.squash("fix");
    world.on("fix");
    world.git(&["merge", "-q", "--no-ff", "-m", "update", "main"]);
    world.on("main");
    world.revert(squash);
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::NothingComes);
    assert!(matches!(
        verdict.stays_undone[0].landing,
        Landing::Squash(_)
    ));
    // The same when the branch takes over the revert as well, and is merged.
    world.on("fix");
    world.git(&["merge", "-q", "--no-ff", "-m", "update", "main"]);
    world.on("main");
    world.merge("fix");
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::NothingComes);
    for way in [Way::RevertOfRevert, Way::FixOnTop] {
        assert_eq!(
            world.tree(prepare(&world, way)),
            world.tree(squash),
            "{way:?}"
        );
    }
}

#[test]
fn a_branch_that_took_over_its_own_merge_does_not_bring_it_again() {
    let world = World::new();
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.on("main");
    world.merge("fix");
    world.on("fix");
    world.git(&["merge", "-q", "--no-ff", "-m", "update", "main"]);
    world.on("main");
    let merge = world.merge("fix");
    world.revert_merge(world.id(&format!("{merge}^1")));
    world.on("fix");
    world.change("b", 2, "new on top");
    world.on("main");
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::OnlyNewComes);
    assert_eq!(subjects(&verdict.stays_undone[0].commits), ["a 2: fixed"]);
}

#[test]
fn both_ways_bring_the_reverted_change_and_the_new_commits_and_nothing_else() {
    let (world, merge) = merged();
    world.revert_merge(merge);
    world.change("c", 16, "later");
    world.on("fix");
    world.change("a", 12, "new on top");
    world.on("main");
    // What should come out, made by the real git: revert the revert, then merge.
    world.git(&["branch", "expected", "main"]);
    world.on("expected");
    let revert = world.id("main~1");
    world.revert(revert);
    world.merge("fix");
    let expected = world.tree(world.id("expected"));
    world.on("main");
    for way in [Way::RevertOfRevert, Way::FixOnTop] {
        let tip = prepare(&world, way);
        assert_eq!(world.tree(tip), expected, "{way:?}");
        let messages = world.git(&["log", "--format=%an|%cn|%B", &format!("main..{tip}")]);
        assert!(
            messages.contains("Olga Call|Rita Lander|a 12: new on top"),
            "{messages}"
        );
        let new = world.id("fix");
        assert!(messages.contains(&format!("(cherry picked from commit {new})")));
        let reapplied = messages.contains("Rita Lander|Rita Lander|Reapply \"merge fix\"");
        assert_eq!(reapplied, way == Way::RevertOfRevert, "{messages}");
        if way == Way::RevertOfRevert {
            assert!(messages.contains(&format!("This reverts commit {revert}.")));
        }
        // Merged, everything of the branch is contained and in force.
        world.git(&["branch", "-f", "landed", &tip.to_string()]);
        let branch = Branch {
            tip: world.id("fix"),
            base: None,
        };
        let verdict = reland_check(&world.repo(), branch, tip).unwrap();
        assert!(!verdict.case.blocks(), "{verdict:?}");
        assert!(verdict.undone.is_empty(), "{verdict:?}");
    }
}

#[test]
fn two_reverts_are_taken_back_newest_first() {
    let (world, _) = merged();
    let (one, two) = (world.id("fix~1"), world.id("fix"));
    let before = world.tree(world.id("main"));
    world.revert(two);
    world.revert(one);
    let branch = Branch {
        tip: two,
        base: None,
    };
    let repo = world.repo();
    let ready = reland_prepare(&repo, branch, world.id("main"), Way::RevertOfRevert).unwrap();
    let Preparation::Ready(prepared) = ready else {
        panic!("a conflict");
    };
    let of: Vec<Oid> = prepared
        .commits
        .iter()
        .map(|commit| commit.of.commit)
        .collect();
    assert_eq!(of, [world.id("main"), world.id("main~1")]);
    assert!(
        prepared
            .commits
            .iter()
            .all(|commit| commit.doing == Doing::Revert)
    );
    assert_eq!(prepared.tree(), Some(before));
    assert_eq!(world.tree(prepare(&world, Way::FixOnTop)), before);
}

#[test]
fn a_conflict_is_told_early_and_not_resolved() {
    let (world, merge) = merged();
    world.revert_merge(merge);
    world.change("a", 2, "main went another way");
    let branch = Branch {
        tip: world.id("fix"),
        base: None,
    };
    let repo = world.repo();
    for (way, doing) in [
        (Way::RevertOfRevert, Doing::Revert),
        (Way::FixOnTop, Doing::Pick),
    ] {
        let answer = reland_prepare(&repo, branch, world.id("main"), way).unwrap();
        let Preparation::Conflict(clash) = answer else {
            panic!("{way:?}");
        };
        assert_eq!(clash.paths, ["a"]);
        assert_eq!(clash.doing, doing);
        let problem = clash.problem();
        assert_eq!(problem.code, "reland_conflict");
        assert!(
            problem.message.ends_with("conflicts in a"),
            "{}",
            problem.message
        );
    }
}

#[test]
fn a_revert_among_other_changes_is_not_reverted_as_a_whole() {
    let (world, _) = merged();
    world.set("a", 2, "a line 2");
    world.set("c", 18, "a feature");
    world.commit("a feature");
    let branch = Branch {
        tip: world.id("fix"),
        base: None,
    };
    let repo = world.repo();
    let main = world.id("main");
    let problem = reland_prepare(&repo, branch, main, Way::RevertOfRevert)
        .err()
        .unwrap();
    assert_eq!(problem.code, "revert_does_more");
    let tip = prepare(&world, Way::FixOnTop);
    let changed = world.git(&["diff", "--name-only", "main", &tip.to_string()]);
    assert_eq!(changed.trim(), "a");
}

#[test]
fn a_fast_forwarded_branch_needs_its_beginning() {
    let world = World::new();
    let base = world.id("main");
    world.branch("fix", "main");
    let first = world.change("a", 2, "fixed");
    world.change("b", 2, "fixed too");
    world.on("main");
    world.git(&["merge", "-q", "--ff-only", "fix"]);
    world.revert(first);
    let repo = world.repo();
    let tip = world.id("fix");
    let main = world.id("main");
    let unknown = reland_check(&repo, Branch { tip, base: None }, main).unwrap();
    assert_eq!(subjects(&unknown.beneath), ["a 2: fixed"]);
    let sentence = unknown.sentence();
    assert!(!sentence.contains("all of it"), "{sentence}");
    assert!(sentence.contains("a 2: fixed"), "{sentence}");
    let known = reland_check(
        &repo,
        Branch {
            tip,
            base: Some(base),
        },
        main,
    )
    .unwrap();
    assert_eq!(known.case, Case::NothingComes);
    assert!(known.beneath.is_empty());
}

#[test]
fn what_the_branch_stands_on_and_was_reverted_is_told_and_does_not_block() {
    let world = World::new();
    let bad = world.change("c", 2, "a bad deploy");
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.on("main");
    world.revert(bad);
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::Plain);
    assert_eq!(subjects(&verdict.beneath), ["c 2: a bad deploy"]);
    let branch = Branch {
        tip: world.id("fix"),
        base: Some(bad),
    };
    let known = reland_check(&world.repo(), branch, world.id("main")).unwrap();
    assert!(known.beneath.is_empty(), "{known:?}");
}

#[test]
fn a_branch_that_merged_another_off_a_later_main_does_not_own_the_revert() {
    let world = World::new();
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.on("main");
    let merge = world.merge("fix");
    let revert = world.revert_merge(merge);
    world.branch("other", "main");
    world.change("b", 2, "a colleague's");
    world.on("fix");
    world.merge("other");
    world.on("main");
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::OnlyNewComes, "{verdict:?}");
    let undone = &verdict.stays_undone[0];
    assert_eq!(undone.by.as_ref().unwrap().commit, revert);
    assert_eq!(subjects(&undone.commits), ["a 2: fixed"]);
    assert_eq!(subjects(&verdict.new), ["b 2: a colleague's"]);
}

#[test]
fn a_branch_that_merged_another_that_took_over_main_does_not_own_the_revert() {
    let world = World::new();
    world.branch("other", "main");
    world.change("b", 2, "a colleague's");
    world.branch("fix", "main");
    world.change("a", 2, "fixed");
    world.on("main");
    let merge = world.merge("fix");
    world.revert_merge(merge);
    world.on("other");
    world.merge("main");
    world.change("b", 12, "the colleague goes on");
    world.on("fix");
    world.merge("other");
    world.on("main");
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::OnlyNewComes, "{verdict:?}");
    assert_eq!(subjects(&verdict.stays_undone[0].commits), ["a 2: fixed"]);
}

#[test]
fn a_merge_that_conflicts_says_where() {
    let (world, merge) = merged();
    world.revert_merge(merge);
    world.on("fix");
    world.change("c", 3, "the branch says");
    world.on("main");
    let verdict = check(&world);
    assert_eq!(verdict.case, Case::OnlyNewComes);
    assert_eq!(verdict.merge, Merge::Conflict(vec!["c".into()]));
    assert!(
        verdict.sentence().ends_with("merging conflicts in c"),
        "{}",
        verdict.sentence()
    );
}

#[test]
fn trailers_stay_together_when_a_commit_is_picked() {
    let world = World::new();
    world.branch("fix", "main");
    world.set("a", 2, "fixed");
    world.commit("fix it\n\nbecause\n\nIncident: INC-31\nSigned-off-by: Olga <o@acme.io>");
    world.on("main");
    let merge = world.merge("fix");
    world.revert_merge(merge);
    let picked = world.id("fix");
    let tip = prepare(&world, Way::FixOnTop);
    let message = world.git(&["log", "-1", "--format=%B", &tip.to_string()]);
    world.git(&["checkout", "-q", "--detach", "main"]);
    world.git(&["cherry-pick", "-x", &picked.to_string()]);
    assert_eq!(message, world.git(&["log", "-1", "--format=%B", "HEAD"]));
}
