//! What a hotfix owes, from the moment it is shipped until evidence pays.

use std::fs;

use ripcord_testkit::Output;
use serde_json::{Value, json};

use crate::hotfix_start::Workshop;
use crate::receive::gate_of;
use crate::stage::{assert_says, deploy, json};

pub(crate) const FIX: &str = "hotfix/INC-31-double-charge";

impl Workshop {
    /// The fix on its branch, shipped at a time.
    pub(crate) fn ship(&mut self, at: &str) -> String {
        let _ = self
            .run(&[
                "hotfix",
                "start",
                "payments",
                "--incident",
                "INC-31",
                "--summary",
                "double charge",
            ])
            .assert_code(0);
        self.source.write("pay.go", "package main // pay once\n");
        let fix = self.source.commit("Charge once").on(FIX).land().unwrap();
        let digest = self.registry.push("acme/payments", "hotfix-1", Some(&fix));
        let payload = json!({
            "service": "payments", "image": "ghcr.io/acme/payments", "tag": "hotfix-1",
            "digest": digest, "environment": "production",
            "hotfix": {"name": "INC-31-double-charge", "incident": "INC-31"},
            "correlation_id": "d-shipped-1", "source": {"commit": fix, "base": self.released},
            "gate": gate_of(&digest, &fix),
        });
        let _ = self.receive(&payload, at).assert_code(0);
        fix
    }

    pub(crate) fn receive(&self, payload: &Value, at: &str) -> Output {
        let file = self.stage.scratch.path().join("payload.json");
        fs::write(&file, payload.to_string()).unwrap();
        let url = self.stage.url();
        let path = file.to_str().unwrap();
        let args = ["receive", "--repo", &url, "--event", path];
        self.stage.ripcord().at(at).run(args).unwrap()
    }

    pub(crate) fn normal(&self, tag: &str, commit: &str) -> Value {
        let digest = self.registry.push("acme/payments", tag, Some(commit));
        json!({
            "service": "payments", "image": "ghcr.io/acme/payments", "tag": tag,
            "digest": digest, "environment": "production", "correlation_id": format!("d-{tag}-1"),
            "source": {"commit": commit},
        })
    }

    fn status(&self, at: &str, args: &[&str], exit: i32) -> Value {
        let url = self.stage.url();
        let all: Vec<&str> = ["hotfix"]
            .into_iter()
            .chain(args.iter().copied())
            .chain(["--repo", url.as_str(), "-o", "json"])
            .collect();
        json(self.stage.ripcord().at(at).run(all).unwrap(), exit)
    }
}

fn states(debts: &Value) -> Vec<(String, String)> {
    let parts = debts["debts"][0]["parts"].as_array().unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    parts
        .iter()
        .map(|part| (word(&part["what"]), word(&part["state"]["is"])))
        .collect()
}

#[test]
fn a_debt_opens_reminds_and_is_overdue_and_each_part_says_what_is_missing() {
    let mut workshop = Workshop::new();
    workshop.ship("2026-11-20T17:15:00Z");
    let open = workshop.status("2026-11-20T18:15:00Z", &["list"], 0);
    assert_eq!(open["debts"][0]["stage"]["is"], "open");
    let half = workshop.status("2026-11-21T06:00:00Z", &["list"], 0);
    assert_eq!(half["debts"][0]["stage"]["percent"], 50);
    let late = workshop.status("2026-11-21T18:00:00Z", &["check", "--all"], 8);
    assert_eq!(late["debts"][0]["stage"]["is"], "overdue");
    let owed = |what: &str| (what.to_owned(), "owed".to_owned());
    let all = ["in_main", "normal_image", "branch_gone", "skipped_checks"].map(owed);
    assert_eq!(states(&late), all);
}

#[test]
fn a_merged_fix_with_a_branch_that_is_gone_pays_its_parts() {
    let mut workshop = Workshop::new();
    workshop.ship("2026-11-20T17:15:00Z");
    let merged = workshop
        .source
        .merge_commit("Merge the hotfix", FIX)
        .land()
        .unwrap();
    workshop
        .source
        .git(&["update-ref", "-d", &format!("refs/heads/{FIX}")])
        .unwrap();
    let debts = workshop.status("2026-11-20T20:00:00Z", &["status"], 0);
    let states_now = states(&debts);
    assert_eq!(states_now[0].1, "paid", "{debts}");
    assert_eq!(states_now[2].1, "paid", "{debts}");
    assert_eq!(
        states_now[1].1, "owed",
        "the hotfix's own image serves: {debts}"
    );
    // A normal image serves, and no cluster can be looked at: that is not known, and not paid.
    let payload = workshop.normal("v3", &merged);
    let _ = workshop
        .receive(&payload, "2026-11-20T21:00:00Z")
        .assert_code(0);
    let debts = workshop.status("2026-11-20T22:00:00Z", &["status"], 0);
    assert_eq!(states(&debts)[1].1, "unknown", "{debts}");
}

#[test]
fn a_normal_deploy_that_would_drop_the_hotfix_is_refused_until_somebody_says_so() {
    let mut workshop = Workshop::new();
    workshop.ship("2026-11-20T17:15:00Z");
    let main = workshop.source.rev("main").unwrap();
    let payload = workshop.normal("v3", &main);
    let before = workshop.stage.tip();
    let refused = workshop.receive(&payload, "2026-11-21T07:20:00Z");
    assert_says(
        &refused,
        &["would remove hotfix INC-31-double-charge of INC-31, live for 14 h"],
    );
    let _ = refused.assert_code(3);
    assert_eq!(workshop.stage.tip(), before);
    let url = workshop.stage.url();
    let file = workshop.stage.scratch.path().join("payload.json");
    let args = [
        "receive",
        "--repo",
        &url,
        "--event",
        file.to_str().unwrap(),
        "--drops-hotfix",
        "INC-31-double-charge",
        "--reason",
        "superseded",
    ];
    let _ = workshop.stage.ripcord().run(args).unwrap().assert_code(0);
    let message = workshop
        .stage
        .infra
        .git(&["log", "-1", "--format=%B", "main"])
        .unwrap();
    assert!(
        message.contains("Drops-Hotfix: INC-31-double-charge"),
        "{message}"
    );
    assert!(message.contains("Reason: superseded"), "{message}");
}

#[test]
fn once_a_rollback_took_the_hotfix_out_nothing_is_dropped_by_a_normal_deploy() {
    let mut workshop = Workshop::new();
    workshop.ship("2026-11-20T17:15:00Z");
    deploy(&mut workshop.stage.infra, "payments", "production", "v2");
    let main = workshop.source.rev("main").unwrap();
    let payload = workshop.normal("v3", &main);
    let _ = workshop
        .receive(&payload, "2026-11-21T07:20:00Z")
        .assert_code(0);
}

#[test]
fn a_second_hotfix_without_the_first_is_refused_and_one_on_top_of_it_lands() {
    let mut workshop = Workshop::new();
    let first = workshop.ship("2026-11-20T17:15:00Z");
    let second = |workshop: &Workshop, tag: &str, commit: &str| {
        let mut payload = workshop.normal(tag, commit);
        payload["hotfix"] = json!({"name": "INC-32"});
        let digest = payload["digest"].as_str().unwrap().to_owned();
        payload["gate"] = gate_of(&digest, commit);
        payload["gate"]["hotfix"] = json!("INC-32");
        payload["gate"]["tag"] = json!(tag);
        payload
    };
    let beside = second(&workshop, "hotfix-2", &workshop.released.clone());
    let refused = workshop.receive(&beside, "2026-11-20T18:00:00Z");
    assert_says(&refused, &["INC-31-double-charge"]);
    let _ = refused.assert_code(3);
    let top = workshop.source.git(&[
        "commit-tree",
        "-p",
        &first,
        "-m",
        "More",
        &format!("{first}^{{tree}}"),
    ]);
    let top = top.unwrap().trim().to_owned();
    workshop
        .source
        .git(&["update-ref", "refs/heads/hotfix/INC-32", &top])
        .unwrap();
    let on_top = second(&workshop, "hotfix-3", &top);
    let _ = workshop
        .receive(&on_top, "2026-11-20T18:10:00Z")
        .assert_code(0);
}

#[test]
fn nothing_is_owed_where_nothing_was_shipped() {
    let workshop = Workshop::new();
    let none = workshop.status("2026-11-20T18:15:00Z", &["check", "--all"], 0);
    assert_eq!(none["debts"], json!([]));
    let unknown = workshop.status("2026-11-20T18:15:00Z", &["status", "INC-9"], 2);
    assert_eq!(unknown["error"]["code"], "unknown_hotfix");
}

#[test]
fn a_squashed_fix_is_in_main_and_a_revert_takes_it_out_again() {
    let mut workshop = Workshop::new();
    workshop.ship("2026-11-20T17:15:00Z");
    workshop
        .source
        .write("pay.go", "package main // pay once\n");
    let squashed = workshop.source.commit("Charge once (#7)").land().unwrap();
    workshop
        .source
        .git(&["update-ref", "-d", &format!("refs/heads/{FIX}")])
        .unwrap();
    let debts = workshop.status("2026-11-20T20:00:00Z", &["status"], 0);
    assert_eq!(states(&debts)[0].1, "paid", "{debts}");
    let payload = workshop.normal("v3", &squashed);
    let _ = workshop
        .receive(&payload, "2026-11-20T21:00:00Z")
        .assert_code(0);
    workshop.source.write("pay.go", "package main // pay\n");
    let message = format!("Revert \"Charge once\"\n\nThis reverts commit {squashed}.");
    workshop.source.commit(&message).land().unwrap();
    let debts = workshop.status("2026-11-20T22:00:00Z", &["status"], 0);
    assert_eq!(states(&debts)[0].1, "owed", "{debts}");
}

/// The infra repo with a policy for debts that are overdue.
fn with_policy(workshop: &mut Workshop, blocks: &str) {
    let infra = &mut workshop.stage.infra;
    let text = infra.read("ripcord.yaml").unwrap();
    infra.write(
        "ripcord.yaml",
        format!("{text}hotfix: {{overdue_blocks: {blocks}}}\n"),
    );
    infra.commit("Block what is overdue").land().unwrap();
}

const IN_TIME: &str = "2026-11-21T17:00:00Z";
const OVERDUE: &str = "2026-11-21T17:15:00Z";

#[test]
fn a_debt_that_is_overdue_blocks_the_next_hotfix_where_the_policy_says_so() {
    for (policy, code) in [("nothing", 0), ("hotfixes", 3), ("deploys", 3)] {
        let mut workshop = Workshop::new();
        let first = workshop.ship("2026-11-20T17:15:00Z");
        with_policy(&mut workshop, policy);
        // The same one again is not the next one.
        let mut again = workshop.normal("hotfix-1b", &first);
        again["hotfix"] = json!({"name": "INC-31-double-charge"});
        again["gate"] = gate_of(again["digest"].as_str().unwrap(), &first);
        again["gate"]["tag"] = json!("hotfix-1b");
        let _ = workshop.receive(&again, OVERDUE).assert_code(0);
        let mut next = workshop.normal("hotfix-2", &first);
        next["hotfix"] = json!({"name": "INC-32"});
        next["gate"] = gate_of(next["digest"].as_str().unwrap(), &first);
        next["gate"]["hotfix"] = json!("INC-32");
        next["gate"]["tag"] = json!("hotfix-2");
        let output = workshop.receive(&next, OVERDUE).assert_code(code);
        if code != 0 {
            assert_says(
                &output,
                &["INC-31-double-charge", "overdue", "the next one waits"],
            );
        }
    }
}

#[test]
fn a_debt_that_is_overdue_blocks_deploys_that_do_not_pay_and_no_other() {
    let mut workshop = Workshop::new();
    let fix = workshop.ship("2026-11-20T17:15:00Z");
    with_policy(&mut workshop, "deploys");
    // Of the fix, on no main: nothing is dropped, and nothing is paid.
    let beside = workshop.normal("v3", &fix);
    let output = workshop.receive(&beside, OVERDUE).assert_code(3);
    assert_says(&output, &["overdue", "a deploy without it waits"]);
    let merged = workshop.source.merge_commit("Merge", FIX).land().unwrap();
    let pays = workshop.normal("v4", &merged);
    let _ = workshop.receive(&pays, OVERDUE).assert_code(0);
    // Before it is overdue, and by a policy that blocks hotfixes only, the first goes through.
    for (policy, at) in [("deploys", IN_TIME), ("hotfixes", OVERDUE)] {
        let mut workshop = Workshop::new();
        let fix = workshop.ship("2026-11-20T17:15:00Z");
        with_policy(&mut workshop, policy);
        let beside = workshop.normal("v3", &fix);
        let _ = workshop.receive(&beside, at).assert_code(0);
    }
}

#[test]
fn the_image_of_another_hotfix_is_no_normal_one_when_one_alone_is_asked_for() {
    let mut workshop = Workshop::new();
    workshop.ship("2026-11-20T17:15:00Z");
    let merged = workshop.source.merge_commit("Merge", FIX).land().unwrap();
    // The next hotfix is built of what is main by now.
    let mut next = workshop.normal("hotfix-2", &merged);
    next["hotfix"] = json!({"name": "INC-32"});
    next["gate"] = gate_of(next["digest"].as_str().unwrap(), &merged);
    next["gate"]["hotfix"] = json!("INC-32");
    next["gate"]["tag"] = json!("hotfix-2");
    let _ = workshop
        .receive(&next, "2026-11-20T20:00:00Z")
        .assert_code(0);
    for args in [&["status", "INC-31-double-charge"][..], &["list"]] {
        let debts = workshop.status("2026-11-20T21:00:00Z", args, 0);
        assert_eq!(states(&debts)[1].1, "owed", "{args:?}: {debts}");
    }
}

#[test]
fn a_hotfix_without_a_commit_of_its_own_is_not_in_what_was_built_before_it() {
    let mut workshop = Workshop::new();
    let main = workshop.source.rev("main").unwrap();
    let mut payload = workshop.normal("hotfix-1", &main);
    payload["source"]["base"] = json!(main);
    payload["hotfix"] = json!({"name": "INC-31-double-charge"});
    payload["gate"] = gate_of(payload["digest"].as_str().unwrap(), &main);
    let _ = workshop
        .receive(&payload, "2026-11-20T17:15:00Z")
        .assert_code(0);
    let before = workshop.normal("v3", &workshop.released.clone());
    let refused = workshop
        .receive(&before, "2026-11-20T18:00:00Z")
        .assert_code(3);
    assert_says(&refused, &["would remove hotfix INC-31-double-charge"]);
    workshop.source.write("more.go", "package main\n");
    let after = workshop.source.commit("More").land().unwrap();
    let after = workshop.normal("v4", &after);
    let _ = workshop
        .receive(&after, "2026-11-20T18:00:00Z")
        .assert_code(0);
}

#[test]
fn another_image_of_the_service_is_not_asked_for_the_fix() {
    let mut workshop = Workshop::new();
    let infra = &mut workshop.stage.infra;
    let path = crate::stage::overlay("payments", "production");
    let text = infra.read(&path).unwrap();
    infra.write(
        &path,
        format!("{text}  - name: ghcr.io/acme/proxy\n    newTag: p1\n"),
    );
    infra.commit("Put a proxy in front").land().unwrap();
    workshop.ship("2026-11-20T17:15:00Z");
    let commit = "3".repeat(40);
    let digest = workshop.registry.push("acme/proxy", "p2", Some(&commit));
    let payload = json!({
        "service": "payments", "image": "ghcr.io/acme/proxy", "tag": "p2", "digest": digest,
        "environment": "production", "correlation_id": "d-proxy-1", "source": {"commit": commit},
    });
    let _ = workshop
        .receive(&payload, "2026-11-20T18:00:00Z")
        .assert_code(0);
}

#[test]
fn a_rollback_of_images_that_only_their_tags_tell_apart_took_the_hotfix_out_too() {
    let mut workshop = Workshop::new();
    workshop.ship("2026-11-20T17:15:00Z");
    let tag = workshop.released.clone();
    workshop.registry.push("acme/payments", &tag, None);
    deploy(&mut workshop.stage.infra, "payments", "production", &tag);
    let main = workshop.source.rev("main").unwrap();
    let mut payload = workshop.normal("v3", &main);
    payload["digest"] = json!(workshop.registry.push("acme/payments", "v3", None));
    let _ = workshop
        .receive(&payload, "2026-11-21T07:20:00Z")
        .assert_code(0);
}

#[test]
fn the_daily_job_reminds_at_each_limit_and_its_exit_code_says_what_it_saw() {
    let mut workshop = Workshop::new();
    workshop.ship("2026-11-20T17:00:00Z");
    let check = |workshop: &Workshop, at: &str| {
        let url = workshop.stage.url();
        let shown = ["--annotations", "github"];
        let args = ["hotfix", "check", "--all", "--repo", &url].into_iter();
        let args = args.chain(shown);
        workshop.stage.ripcord().at(at).run(args).unwrap()
    };
    for (at, words, level, code) in [
        ("2026-11-20T18:00:00Z", "open, 23 h left", "notice", 0),
        (
            "2026-11-21T05:00:00Z",
            "50 % of the time is over, 12 h left",
            "warning",
            0,
        ),
        (
            "2026-11-21T13:00:00Z",
            "80 % of the time is over, 4 h left",
            "warning",
            0,
        ),
        ("2026-11-21T17:00:00Z", "OVERDUE by 0 h", "error", 8),
    ] {
        let output = check(&workshop, at).assert_code(code);
        assert_says(&output, &[words, "the fix is in main"]);
        let words = words.replace('%', "%25");
        let reminder = format!(
            "::{level} title=hotfix INC-31-double-charge::payments hotfix-1 in production: {words}; not shown that the fix is in main"
        );
        assert_says(&output, &[&reminder]);
    }
    let late = workshop.status(
        "2026-11-21T17:00:00Z",
        &["check", "--all", "--annotations", "github"],
        8,
    );
    assert_eq!(late["debts"][0]["stage"]["is"], "overdue", "{late}");
    // Nobody can look at a cluster here: that is neither paid nor overdue.
    let merged = workshop.source.merge_commit("Merge", FIX).land().unwrap();
    let normal = workshop.normal("v3", &merged);
    let _ = workshop
        .receive(&normal, "2026-11-20T17:30:00Z")
        .assert_code(0);
    let unsure = check(&workshop, "2026-11-20T18:00:00Z").assert_code(6);
    assert_says(&unsure, &["unknown", "could not be looked at"]);
}
