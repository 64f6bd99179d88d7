//! Where the emergency script goes wrong because of the clone it stands in, and ripcord does not.

use std::fs;

use ripcord_testkit::Strictness;

use crate::duel::Duel;
use crate::stage::{assert_says, deploy, payments};

fn ahead(duel: &Duel) -> String {
    duel.stage.git(
        &duel.their_clone,
        &["rev-list", "--count", "origin/main..main"],
    )
}

#[test]
fn hole_8_a_detached_head_does_not_matter() {
    let duel = Duel::over(payments);
    duel.in_clones(|stage, clone| drop(stage.git(clone, &["checkout", "--quiet", "--detach"])));
    let _ = duel.script(&["payments"]).assert_code(128);
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(duel.ours("payments"), "good000");
}

#[test]
fn hole_9_a_dirty_file_does_not_matter() {
    let duel = Duel::over(payments);
    let file = "services/payments/overlays/production/kustomization.yaml";
    duel.in_clones(|_, clone| fs::write(clone.join(file), "half an edit").unwrap());
    let _ = duel
        .script_as(Strictness::Strict, &["payments"])
        .assert_code(128);
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(duel.ours("payments"), "good000");
}

#[test]
fn hole_9_a_staged_file_does_not_matter() {
    let duel = Duel::over(payments);
    duel.in_clones(|stage, clone| {
        fs::write(clone.join("unrelated.txt"), "mine").unwrap();
        stage.git(clone, &["add", "unrelated.txt"]);
    });
    let script = duel.script(&["payments"]).assert_code(0);
    assert_says(&script, &["would be overwritten"]);
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(duel.ours("payments"), "good000");
    assert!(duel.stage.infra.read("unrelated.txt").is_err());
}

#[test]
fn hole_10_the_newest_deploy_counts_and_not_the_clones() {
    let mut duel = Duel::over(payments);
    duel.later(|infra| deploy(infra, "payments", "production", "worse22"));
    let _ = duel.script(&["payments"]).assert_code(1);
    assert_eq!(
        (duel.theirs("payments"), ahead(&duel)),
        ("worse22".into(), "1".into())
    );

    duel.ripcord_lands(&["payments"]);
    assert_eq!(
        duel.ours("payments"),
        "bad1111",
        "the version before the one that is live"
    );
}

#[test]
fn hole_11_another_service_that_moved_is_no_obstacle() {
    let mut duel = Duel::over(payments);
    duel.later(|infra| deploy(infra, "orders", "production", "o2"));
    let _ = duel.script(&["payments"]).assert_code(1);
    let _ = duel.script(&["payments"]).assert_code(1);
    assert_eq!(ahead(&duel), "2");
    let local = duel
        .stage
        .git(&duel.their_clone, &["log", "-1", "--format=%s"]);
    // Git before 2.43 calls it `Revert "Revert`.
    let again = local.starts_with("Reapply") || local.starts_with("Revert \"Revert");
    assert!(again, "{local}");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(
        (duel.ours("payments"), duel.ours("orders")),
        ("good000".into(), "o2".into())
    );
}

#[test]
fn hole_13b_nothing_of_mine_is_pushed() {
    let duel = Duel::over(payments);
    duel.in_clones(|stage, clone| {
        fs::write(clone.join("wip.txt"), "not ready").unwrap();
        stage.git(clone, &["add", "wip.txt"]);
        stage.git(clone, &["commit", "--quiet", "-m", "wip"]);
    });
    let _ = duel.script(&["paymets"]).assert_code(0);
    assert_eq!(duel.theirs.read("wip.txt").unwrap(), "not ready");

    let before = duel.stage.tip();
    let _ = duel.ripcord(&["paymets"]).assert_code(2);
    assert_eq!(duel.stage.tip(), before);
    duel.ripcord_lands(&["payments"]);
    assert!(duel.stage.infra.read("wip.txt").is_err());
    assert_eq!(duel.ours("payments"), "good000");
}

#[test]
fn hole_14_the_branch_that_is_checked_out_does_not_matter() {
    let duel = Duel::over(payments);
    duel.in_clones(|stage, clone| {
        stage.git(clone, &["checkout", "--quiet", "-b", "feature"]);
    });
    let _ = duel.script(&["payments"]).assert_code(128);
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(duel.ours("payments"), "good000");
}

#[test]
fn hole_19_a_shallow_clone_does_not_delete_everything() {
    let mut duel = Duel::over(payments);
    let scratch = duel.stage.scratch.clone();
    let shallow = |repo: &str, name: &str| {
        let url = duel.stage.server.url(repo);
        let args = ["clone", "--quiet", "--depth=1", &url, name];
        scratch.git(scratch.path(), &args).unwrap();
        scratch.path().join(name)
    };
    let (theirs, ours) = (
        shallow("naive.git", "their-shallow"),
        shallow("infra.git", "our-shallow"),
    );
    (duel.their_clone, duel.our_clone) = (theirs, ours);
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(
        duel.theirs.git(&["ls-tree", "-r", "main"]).unwrap(),
        "",
        "0 files are left"
    );

    // Refused or deepened; `clones` says which. Here: nothing is lost.
    let files = |duel: &Duel| {
        duel.stage
            .infra
            .git(&["ls-tree", "-r", "--name-only", "main"])
            .unwrap()
    };
    let before = files(&duel);
    let _ = duel
        .stage
        .ripcord()
        .in_dir(&duel.our_clone)
        .run(["rollback", "payments", "--yes"])
        .unwrap();
    let after = files(&duel);
    assert!(before.lines().all(|file| after.contains(file)), "{after}");
    assert_eq!(duel.ours("orders"), "o1");
}

#[test]
fn hole_20_a_hook_that_declines_leaves_the_clone_alone() {
    let duel = Duel::over(payments);
    for repo in ["naive.git", "infra.git"] {
        let hook = "#!/bin/sh\necho 'change freeze until Monday' >&2\nexit 1\n";
        duel.stage
            .server
            .install_hook(repo, "pre-receive", hook)
            .unwrap();
    }
    let _ = duel.script(&["payments"]).assert_code(1);
    let _ = duel.script(&["payments"]).assert_code(1);
    assert_eq!(ahead(&duel), "2", "the second run made the Reapply");

    let before = duel.stage.tip();
    let output = duel.ripcord(&["payments"]).assert_code(5);
    assert_says(&output, &["change freeze until Monday"]);
    let again = duel.ripcord(&["payments"]).assert_code(5);
    assert_says(&again, &["change freeze until Monday"]);
    assert_eq!(duel.stage.tip(), before);
}
