//! Which version, which services, how much of the files.

use std::fs;

use ripcord_testkit::InfraRepo;

use crate::stage::{Stage, assert_says, deploy, json, live, overlay};

/// `a` ran v1, v2, v3; `b` ran w1, w2; one deploy every ten minutes from 09:00.
fn fleet(infra: &mut InfraRepo) {
    for (service, version) in [
        ("a", "v1"),
        ("b", "w1"),
        ("a", "v2"),
        ("b", "w2"),
        ("a", "v3"),
    ] {
        deploy(infra, service, "production", version);
    }
}

fn both(stage: &Stage) -> (String, String) {
    let of = |service: &str| live(&stage.infra, service, "production");
    (of("a"), of("b"))
}

/// Rolls back with these arguments and gives what `a` and `b` run then.
#[track_caller]
fn after(args: &[&str]) -> (String, String) {
    let stage = Stage::with(fleet);
    let tip = stage.tip();
    let _ = stage
        .run(&[&["rollback", "--yes"], args].concat())
        .assert_code(0);
    stage.assert_one_on_top_of(&tip);
    both(&stage)
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

#[test]
fn a_version_by_name() {
    assert_eq!(after(&["a", "--to", "v1"]), pair("v1", "w2"));
}

#[test]
fn a_version_by_commit() {
    let stage = Stage::with(fleet);
    let first = stage.infra.rev("main~4").unwrap();
    let _ = stage
        .run(&["rollback", "a", "--yes", "--to", &first])
        .assert_code(0);
    assert_eq!(both(&stage), pair("v1", "w2"));
}

#[test]
fn a_version_by_short_commit_that_deployed_another_service() {
    let stage = Stage::with(fleet);
    let short = &stage.infra.rev("main~3").unwrap()[..10];
    let _ = stage
        .run(&["rollback", "a", "--yes", "--to", short])
        .assert_code(0);
    assert_eq!(both(&stage), pair("v1", "w2"), "what a ran at that commit");
}

#[test]
fn two_versions_back() {
    assert_eq!(after(&["a", "--to", "-2"]), pair("v1", "w2"));
}

#[test]
fn more_versions_back_than_there_are_is_nothing_to_do_about() {
    let stage = Stage::with(fleet);
    let output = stage
        .run(&["rollback", "a", "--yes", "--to", "-3"])
        .assert_code(1);
    assert_says(&output, &["only 2 earlier version(s)"]);
}

#[test]
fn a_version_that_never_ran_is_refused_with_the_nearest() {
    let stage = Stage::with(|infra| {
        deploy(infra, "a", "production", "v1.41.0");
        deploy(infra, "a", "production", "v1.42.0");
    });
    let output = stage
        .run(&["rollback", "a", "--yes", "--to", "v1.40.0"])
        .assert_code(2);
    assert_says(&output, &["never ran `v1.40.0`", "did you mean v1.41.0"]);
    assert_eq!(stage.commits(), 2);
}

#[test]
fn again_goes_one_version_further() {
    let stage = Stage::with(fleet);
    let _ = stage.run(&["rollback", "a", "--yes"]).assert_code(0);
    assert_eq!(both(&stage), pair("v2", "w2"));
    let _ = stage
        .run(&["rollback", "a", "--yes", "--again"])
        .assert_code(0);
    assert_eq!(both(&stage), pair("v1", "w2"));
    let _ = stage
        .run(&["rollback", "a", "--yes", "--again"])
        .assert_code(1);
    assert_eq!(both(&stage), pair("v1", "w2"));
}

#[test]
fn after_a_rollback_and_a_new_bad_deploy_last_good_skips_what_was_rolled_back_from() {
    let mut stage = Stage::with(fleet);
    let _ = stage.run(&["rollback", "a", "--yes"]).assert_code(0);
    deploy(&mut stage.infra, "a", "production", "v4");
    let _ = stage.run(&["rollback", "a", "--yes"]).assert_code(0);
    assert_eq!(both(&stage), pair("v2", "w2"), "v3 was bad");
}

#[test]
fn a_fleet_goes_back_in_one_commit() {
    assert_eq!(after(&["a,b"]), pair("v2", "w1"));
}

#[test]
fn one_unknown_service_in_a_fleet_stops_all_of_it() {
    let stage = Stage::with(fleet);
    let _ = stage.run(&["rollback", "a,nope", "--yes"]).assert_code(2);
    assert_eq!((both(&stage), stage.commits()), (pair("v3", "w2"), 5));
}

#[test]
fn everything_deployed_since_a_time() {
    // The commits are of 09:00, 09:10, 09:20, 09:30, 09:40.
    let of = |time: &str| after(&["production", "--deployed-since", time]);
    assert_eq!(of("2026-09-01T09:25:00Z"), pair("v2", "w1"));
    assert_eq!(of("2026-09-01 09:35"), pair("v2", "w2"));
}

#[test]
fn a_list_as_of_a_time() {
    assert_eq!(
        after(&["a", "--as-of", "2026-09-01T09:15:00Z"]),
        pair("v1", "w2")
    );
    assert_eq!(
        after(&["a,b", "--as-of", "2026-09-01T09:15:00Z"]),
        pair("v1", "w1")
    );
}

#[test]
fn a_whole_environment_as_of_a_time() {
    assert_eq!(
        after(&["-e", "production", "--as-of", "2026-09-01T09:25:00Z"]),
        pair("v2", "w1")
    );
}

#[test]
fn nothing_deployed_since_is_said() {
    let stage = Stage::with(fleet);
    let args = [
        "rollback",
        "-e",
        "production",
        "--yes",
        "--deployed-since",
        "1h",
    ];
    let output = stage.run(&args).assert_code(1);
    assert_says(&output, &["nothing was deployed since"]);
}

#[test]
fn everything_that_one_commit_deployed() {
    let stage = Stage::with(|infra| {
        fleet(infra);
        infra.set_version("a", "production", "v4");
        infra.set_version("b", "production", "w4");
        infra.commit("release train").land().unwrap();
    });
    let train = stage.tip();
    let _ = stage
        .run(&["rollback", "--commit", &train, "--yes"])
        .assert_code(0);
    assert_eq!(both(&stage), pair("v3", "w2"));
    stage.assert_one_on_top_of(&train);
}

#[test]
fn undo_gives_back_the_tree_bit_for_bit_and_a_second_undo_does_nothing() {
    let mut stage = Stage::with(fleet);
    let tree = |stage: &Stage| stage.infra.git(&["rev-parse", "main^{tree}"]).unwrap();
    let before = tree(&stage);
    let _ = stage.run(&["rollback", "a,b", "--yes"]).assert_code(0);
    assert_eq!(both(&stage), pair("v2", "w1"));
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!(tree(&stage), before);
    let count = stage.commits();
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!((tree(&stage), stage.commits()), (before, count));
    // After it the same rollback is possible again, and takes back the same.
    deploy(&mut stage.infra, "other", "production", "x1");
    let _ = stage.run(&["rollback", "a", "--yes"]).assert_code(0);
    assert_eq!(both(&stage), pair("v2", "w2"));
}

#[test]
fn undo_keeps_what_came_later_and_refuses_what_was_changed_since() {
    let mut stage = Stage::with(fleet);
    let _ = stage.run(&["rollback", "a", "--yes"]).assert_code(0);
    deploy(&mut stage.infra, "b", "production", "w3");
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!(both(&stage), pair("v3", "w3"));
    let _ = stage.run(&["rollback", "a", "--yes"]).assert_code(0);
    deploy(&mut stage.infra, "a", "production", "v9");
    let output = stage.run(&["undo", "--yes"]).assert_code(4);
    assert_says(
        &output,
        &["changed in the same lines", "nothing was pushed"],
    );
    assert_eq!(both(&stage), pair("v9", "w3"));
}

#[test]
fn undo_of_something_else_is_refused() {
    let stage = Stage::with(fleet);
    let _ = stage.run(&["undo", "--yes"]).assert_code(1);
    let tip = stage.tip();
    let output = stage.run(&["undo", &tip, "--yes"]).assert_code(2);
    assert_says(&output, &["not a rollback made by ripcord"]);
    assert_eq!(stage.tip(), tip);
}

#[test]
fn without_somebody_to_ask_and_without_yes_nothing_is_pushed() {
    let stage = Stage::with(fleet);
    for args in [&["rollback", "a"][..], &["rollback", "a", "-o", "json"]] {
        let output = stage.run(args).assert_code(2);
        assert_says(&output, &["--yes", "nothing was pushed"]);
    }
    assert_eq!(stage.commits(), 5);
    let _ = stage.run(&["rollback", "a", "--yes"]).assert_code(0);
    let output = stage.run(&["undo"]).assert_code(2);
    assert_says(&output, &["--yes"]);
    assert_eq!(both(&stage), pair("v2", "w2"));
}

#[test]
fn a_protected_environment_needs_a_reason_and_keeps_it() {
    let mut stage = Stage::with(fleet);
    stage
        .infra
        .write("ripcord.yaml", "protected: [production]\n");
    stage.infra.commit("protect").land().unwrap();
    let output = stage.run(&["rollback", "a", "--yes"]).assert_code(2);
    assert_says(&output, &["needs a reason", "--reason"]);
    assert_eq!(both(&stage), pair("v3", "w2"));
    let words = [
        "--reason",
        "checkout fails",
        "--incident",
        "INC-7",
        "--requested-by",
        "Ann",
    ];
    let _ = stage
        .run(&[&["rollback", "a", "--yes"], &words[..]].concat())
        .assert_code(0);
    let message = stage
        .infra
        .git(&["log", "-1", "--format=%B", "main"])
        .unwrap();
    for word in [
        "checkout fails",
        "INC-7",
        "Ann",
        "deploy: a v2 to production (rollback from v3)",
    ] {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_configuration_by_flag_names_services_its_own_way() {
    let stage = Stage::with(fleet);
    let file = stage.scratch.path().join("mine.yaml");
    fs::write(
        &file,
        "aliases:\n  services: {shop: a}\n  environments: {live: production}\n",
    )
    .unwrap();
    let path = file.display().to_string();
    let _ = stage
        .run(&["rollback", "shop", "live", "--yes", "--config", &path])
        .assert_code(0);
    assert_eq!(both(&stage), pair("v2", "w2"));
}

#[test]
fn the_same_version_from_another_registry_is_not_taken_for_the_way_back() {
    let mut stage = Stage::payments();
    let file = overlay("payments", "production");
    let text = stage.infra.read(&file).unwrap();
    let text = text.replace(
        "    newTag:",
        "    newName: mirror.acme.io/payments\n    newTag:",
    );
    stage
        .infra
        .write(&file, text)
        .commit("config: use the mirror")
        .land()
        .unwrap();
    let plan = json(
        stage.run(&["rollback", "payments", "--yes", "-o", "json"]),
        0,
    );
    assert_eq!(stage.live(), "good000", "{}", plan["commit"]["subject"]);
}
