//! `reland` and `hotfix merge-back`: what goes back to main, and what a merge would leave out.

use ripcord_testkit::{InfraRepo, Output};

use crate::hotfix_start::Workshop;
use crate::stage::{Stage, assert_says, json};

/// A feature that was merged, broke production, and was reverted.
struct Reverted {
    stage: Stage,
    source: InfraRepo,
}

impl Reverted {
    fn new() -> Self {
        let stage = Stage::empty();
        let mut source = InfraRepo::new(&stage.scratch, "pay.git").unwrap();
        source.write("pay.go", "one\n");
        source.commit("Begin").land().unwrap();
        source.write("feature.go", "feature\n");
        source.commit("Feature").on("feature").land().unwrap();
        source.write("page.go", "page\n");
        source.commit("Its page").on("feature").land().unwrap();
        let merge = source
            .merge_commit("Merge feature", "feature")
            .land()
            .unwrap();
        source.remove("feature.go");
        source.remove("page.go");
        let body = format!("This reverts commit {merge}, reversing\nchanges made to it.");
        source
            .commit("Revert \"Merge feature\"")
            .body(&body)
            .land()
            .unwrap();
        Self { stage, source }
    }

    fn run(&self, args: &[&str]) -> Output {
        let url = self.stage.server.url("pay.git");
        let all: Vec<&str> = args
            .iter()
            .copied()
            .chain(["--source", url.as_str()])
            .collect();
        self.stage.run(&all)
    }
}

#[test]
fn a_branch_that_was_merged_and_reverted_brings_nothing() {
    let mut reverted = Reverted::new();
    let said = json(
        reverted.run(&["reland", "check", "feature", "-o", "json"]),
        3,
    );
    assert_eq!(said["case"], "nothing_comes", "{said}");
    assert_eq!(said["is_reverted_merge"], true, "{said}");
    reverted.source.write("fix.go", "fix\n");
    reverted
        .source
        .commit("Fix the feature")
        .on("feature")
        .land()
        .unwrap();
    let said = json(
        reverted.run(&["reland", "check", "feature", "-o", "json"]),
        3,
    );
    assert_eq!(said["case"], "only_new_comes", "{said}");
    let fresh = json(reverted.run(&["reland", "check", "main", "-o", "json"]), 0);
    assert_eq!(fresh["blocks"], false);
}

#[test]
fn the_prepared_branch_brings_back_what_was_reverted_and_the_fix() {
    let mut reverted = Reverted::new();
    reverted.source.write("fix.go", "fix\n");
    reverted
        .source
        .commit("Fix the feature")
        .on("feature")
        .land()
        .unwrap();
    let shown = reverted.run(&["reland", "prepare", "feature"]);
    assert_says(&shown, &["revert", "pick", "Fix the feature", "--push-to"]);
    let _ = shown.assert_code(0);
    for (way, branch) in [
        ("revert-of-revert", "reland/one"),
        ("fix-on-top", "reland/two"),
    ] {
        let args = [
            "reland",
            "prepare",
            "feature",
            "--way",
            way,
            "--push-to",
            branch,
            "-o",
            "json",
        ];
        let done = json(reverted.run(&args), 0);
        assert_eq!(
            done["commit"],
            reverted.source.rev(branch).unwrap().as_str()
        );
        let changed = reverted
            .source
            .git(&["diff", "--name-status", "main", branch])
            .unwrap();
        assert_eq!(changed, "A\tfeature.go\nA\tfix.go\nA\tpage.go", "{way}");
        let checked = json(reverted.run(&["reland", "check", branch, "-o", "json"]), 0);
        assert_eq!(checked["blocks"], false, "{way}: {checked}");
    }
}

#[test]
fn a_fast_forwarded_branch_of_which_main_reverted_a_part_does_not_look_clean() {
    let stage = Stage::empty();
    let mut source = InfraRepo::new(&stage.scratch, "pay.git").unwrap();
    source.write("pay.go", "one\n");
    let begun = source.commit("Begin").land().unwrap();
    source.write("feature.go", "feature\n");
    let feature = source.commit("Feature").on("feature").land().unwrap();
    source.write("page.go", "page\n");
    let page = source.commit("Its page").on("feature").land().unwrap();
    source
        .git(&["update-ref", "refs/heads/main", &page])
        .unwrap();
    source.remove("feature.go");
    let body = format!("This reverts commit {feature}.");
    source
        .commit("Revert \"Feature\"")
        .body(&body)
        .land()
        .unwrap();
    source.write("more.go", "more\n");
    source.commit("More").on("feature").land().unwrap();
    let reverted = Reverted { stage, source };

    let shown = reverted.run(&["reland", "check", "feature"]);
    assert_says(
        &shown,
        &["warning: reverted on main", "Feature", "--base REV"],
    );
    let _ = shown.assert_code(0);
    let check = ["reland", "check", "feature", "-o", "json"];
    let said = json(reverted.run(&check), 0);
    assert_eq!(said["blocks"], false, "{said}");
    assert!(
        said["beneath"][0].as_str().unwrap().ends_with("Feature"),
        "{said}"
    );
    let own = [&check[..], &["--base", &begun]].concat();
    let said = json(reverted.run(&own), 3);
    assert_eq!(said["case"], "only_new_comes", "{said}");
    let not_own = [&check[..], &["--base", &page]].concat();
    let said = json(reverted.run(&not_own), 0);
    assert_eq!(said["case"], "plain", "{said}");
}

#[test]
fn a_pull_request_is_checked_by_its_number() {
    let reverted = Reverted::new();
    let tip = reverted.source.rev("feature").unwrap();
    reverted
        .source
        .git(&["update-ref", "refs/pull/7/head", &tip])
        .unwrap();
    let said = json(reverted.run(&["reland", "check", "#7", "-o", "json"]), 3);
    assert_eq!(said["commit"], tip.as_str());
}

#[test]
fn a_conflict_with_main_is_told_early_and_resolved_by_nobody() {
    let mut reverted = Reverted::new();
    reverted.source.write("pay.go", "hot\n");
    reverted
        .source
        .commit("Fix")
        .on("hotfix/INC-1")
        .land()
        .unwrap();
    let check = ["hotfix", "merge-back", "--check", "-o", "json"];
    let clean = json(reverted.run(&check), 0);
    assert_eq!(
        clean["hotfixes"][0]["conflicts"],
        serde_json::json!([]),
        "{clean}"
    );
    reverted.source.write("pay.go", "cold\n");
    reverted.source.commit("Rewrite").land().unwrap();
    let said = json(reverted.run(&check), 4);
    assert_eq!(said["hotfixes"][0]["conflicts"][0], "pay.go");
    let unknown = json(
        reverted.run(&["hotfix", "merge-back", "INC-9", "-o", "json"]),
        1,
    );
    assert_eq!(unknown["error"]["code"], "no_branch");
}

#[test]
fn a_hotfix_whose_pull_request_cannot_be_opened_keeps_no_other_from_being_looked_at() {
    let mut reverted = Reverted::new();
    reverted.source.write("a.go", "hot\n");
    let first = reverted.source.commit("Fix").on("hotfix/INC-1");
    first.land().unwrap();
    reverted.source.write("b.go", "hot\n");
    let second = reverted.source.commit("Fix").on("hotfix/INC-2");
    second.land().unwrap();
    let merge = reverted.source.merge_commit("Merge", "hotfix/INC-2");
    merge.land().unwrap();
    // Nobody can say which forge this server is.
    let said = json(reverted.run(&["hotfix", "merge-back", "-o", "json"]), 6);
    let of = |name: &str| {
        let mut all = said["hotfixes"].as_array().unwrap().iter();
        all.find(|one| one["hotfix"] == name).unwrap()
    };
    assert!(of("INC-1")["problem"].is_string(), "{said}");
    assert_eq!(of("INC-2")["is_in_main"], true, "{said}");
}

#[test]
fn an_image_of_before_the_reland_stays_quarantined_and_one_of_after_it_is_deployed() {
    const NOW: &str = "2026-10-01T13:00:00Z";
    let mut workshop = Workshop::new();
    let main = workshop.source.rev("main").unwrap();
    let bad = workshop.normal("v3", &main);
    let _ = workshop.receive(&bad, NOW).assert_code(0);
    let _ = workshop.stage.roll_back().assert_code(0);
    // The bad commit is reverted, and lands again.
    workshop.source.remove("refund.go");
    let body = format!("This reverts commit {main}.");
    let revert = workshop.source.commit("Revert \"Refund\"").body(&body);
    let reverted = revert.land().unwrap();
    workshop
        .source
        .write("refund.go", "package main // refund\n");
    let body = format!("This reverts commit {reverted}.");
    let again = workshop.source.commit("Reapply \"Refund\"").body(&body);
    let relanded = again.land().unwrap();
    let mut old = workshop.normal("v3", &main);
    old["correlation_id"] = "d-after-1".into();
    let refused = workshop.receive(&old, NOW).assert_code(3);
    assert_says(
        &refused,
        &["v3 must not be deployed to production", "quarantine lift"],
    );
    let new = workshop.normal("v4", &relanded);
    let _ = workshop.receive(&new, NOW).assert_code(0);
    assert_eq!(workshop.stage.live(), "v4");
}
