//! What a rollback leaves behind is written down with it, and goes with its undo.

use ripcord_testkit::{InfraRepo, Ripcord};
use serde_json::Value;

use crate::stage::{BINARY, QUARANTINE, Stage, assert_says, deploy, json, live, overlay, payments};

const ROLLBACK: [&str; 4] = ["rollback", "payments", "production", "--yes"];

/// `SERVICE ENVIRONMENT VERSION` of everything that is quarantined on main.
fn listed(stage: &Stage) -> Vec<String> {
    let list = json(stage.run(&["quarantine", "list", "-o", "json"]), 0);
    let words = |one: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let entry = &one["entry"];
        [&one["service"], &entry["environment"], &entry["version"]]
            .map(text)
            .join(" ")
    };
    list["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(words)
        .collect()
}

fn file(stage: &Stage) -> Option<String> {
    stage.infra.read(QUARANTINE).ok()
}

#[test]
fn a_rollback_writes_down_in_its_commit_what_it_leaves_and_why() {
    let stage = Stage::payments();
    let words = ["--reason", "payments fail", "--incident", "INC-7"];
    let output = stage.run(&[&ROLLBACK[..], &words].concat()).assert_code(0);
    assert_says(&output, &[QUARANTINE]);
    let text = file(&stage).unwrap();
    for line in [
        "service: payments",
        "environment: production",
        "subject: ghcr.io/acme/payments",
        "version: bad1111",
        "role: tag",
        "since: 2026-10-01T12:00:00Z",
        "until: 2026-10-15T12:00:00Z",
        "reason: \"payments fail\"",
        "incident: INC-7",
        "by: \"Olga Call\"",
    ] {
        assert!(text.contains(line), "nothing of `{line}` in {text}");
    }
    let log = stage
        .infra
        .git(&["log", "--format=%H", "main", "--", QUARANTINE]);
    assert_eq!(log.unwrap(), stage.tip());
    let list = stage.run(&["quarantine", "list"]).assert_code(0);
    assert_says(&list, &["payments", "bad1111", "INC-7", "2026-10-15"]);
}

#[test]
fn it_is_no_deploy_and_belongs_to_nobody() {
    let stage = Stage::payments();
    let _ = stage.roll_back().assert_code(0);
    let status = json(stage.run(&["status", "-o", "json"]), 0);
    assert_eq!(status["services"].as_array().unwrap().len(), 2);
    for list in ["unreadable", "unowned"] {
        assert_eq!(status[list], serde_json::json!([]), "{status:#}");
    }
    stage.lift("bad1111");
    let history = json(stage.run(&["history", "payments", "-o", "json"]), 0);
    assert_eq!(
        history["deploys"].as_array().unwrap().len(),
        3,
        "{history:#}"
    );
}

#[test]
fn a_service_that_is_called_quarantine_does_not_own_the_folder() {
    let stage = Stage::with(|infra| {
        for version in ["good000", "bad1111"] {
            infra.set_version("quarantine", "production", version);
            deploy(infra, "payments", "production", version);
        }
    });
    let _ = stage.roll_back().assert_code(0);
    let args = [
        "rollback",
        "quarantine",
        "production",
        "--yes",
        "--scope",
        "exact",
    ];
    let _ = stage.run(&args).assert_code(0);
    assert_eq!(
        listed(&stage),
        [
            "payments production bad1111",
            "quarantine production bad1111"
        ]
    );
}

#[test]
fn how_long_is_said_by_a_flag_and_another_leaves_it_out() {
    let stage = Stage::payments();
    let plan = stage
        .run(&["plan", "payments", "--quarantine-for", "36h"])
        .assert_code(0);
    assert_says(&plan, &[QUARANTINE, "until: 2026-10-03T00:00:00Z"]);
    let wrong = stage
        .run(&["plan", "payments", "--quarantine-for", "soon"])
        .assert_code(2);
    assert_says(&wrong, &["--quarantine-for", "14d"]);
    let _ = stage
        .run(&[&ROLLBACK[..], &["--no-quarantine"]].concat())
        .assert_code(0);
    assert_eq!((stage.live(), file(&stage)), ("good000".into(), None));
}

#[test]
fn every_version_that_is_undone_is_written_down_and_the_target_is_not() {
    let stage = Stage::with(|infra| {
        for version in ["v1", "v2", "v3", "v4"] {
            deploy(infra, "payments", "production", version);
        }
        deploy(infra, "payments", "staging", "v4");
    });
    let _ = stage
        .run(&[&ROLLBACK[..], &["--to", "v1"]].concat())
        .assert_code(0);
    let of = |version: &str| format!("payments production {version}");
    assert_eq!(listed(&stage), [of("v2"), of("v3"), of("v4")]);
    assert_eq!(live(&stage.infra, "payments", "staging"), "v4");
}

#[test]
fn one_commit_for_several_services_has_a_file_for_each() {
    let names = ["cart", "orders", "payments"];
    let stage = Stage::with(|infra| {
        for version in ["v1", "v2"] {
            for name in names {
                infra.set_version(name, "production", version);
            }
            infra
                .commit(&format!("deploy: train {version}"))
                .land()
                .unwrap();
        }
    });
    let train = stage.tip();
    let args = ["rollback", "--commit", &train, "-e", "production", "--yes"];
    let _ = stage.run(&args).assert_code(0);
    stage.assert_one_on_top_of(&train);
    assert_eq!(
        listed(&stage),
        names.map(|name| format!("{name} production v2"))
    );
    let plan = json(stage.run(&["undo", "--dry-run", "-o", "json"]), 0);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 6, "{plan:#}");
}

#[test]
fn a_name_that_no_file_system_likes_is_kept_out_and_lifted_like_any_other() {
    let name = "Päy ments (1)";
    let stage = Stage::with(|infra| {
        for version in ["v1", "v2"] {
            deploy(infra, name, "production", version);
        }
    });
    let _ = stage
        .run(&["rollback", name, "production", "--yes"])
        .assert_code(0);
    assert_eq!(listed(&stage), [format!("{name} production v2")]);
    let path = ".ripcord/quarantine/P%C3%A4y%20ments%20%281%29.quarantine";
    assert!(stage.infra.read(path).is_ok());
    deploy(&mut stage.infra.clone(), name, "production", "v2");
    let output = stage.run(&["guard"]).assert_code(3);
    assert_says(&output, &["quarantine lift 'Päy ments (1)' v2 production"]);
    let lift = ["quarantine", "lift", name, "v2", "--yes", "--reason", "x"];
    let _ = stage.run(&lift).assert_code(0);
    assert!(stage.infra.read(path).is_err());
}

#[test]
fn a_quarantine_that_is_over_bars_no_way_back() {
    let stage = Stage::with(|infra| {
        for version in ["v1", "v2"] {
            deploy(infra, "payments", "production", version);
        }
    });
    let _ = stage.roll_back().assert_code(0);
    for version in ["v2", "v3"] {
        deploy(&mut stage.infra.clone(), "payments", "production", version);
    }
    let target = |now: &str| {
        let args = ["--repo", &stage.url(), "plan", "payments", "-o", "json"];
        let plan = json(stage.ripcord().at(now).run(args).unwrap(), 0);
        plan["services"][0]["target"]["version"].clone()
    };
    assert_eq!(target("2026-10-15T11:00:00Z"), "v1");
    assert_eq!(target("2026-10-15T12:00:00Z"), "v2");
    let list = stage.ripcord().at("2026-10-16T12:00:00Z");
    let list = list.run(["--repo", &stage.url(), "quarantine", "list"]);
    assert_says(&list.unwrap().assert_code(0), &["(over)"]);
}

#[test]
fn where_only_configuration_goes_back_nothing_is_written_down() {
    let stage = Stage::with(|infra| {
        deploy(infra, "payments", "production", "v1");
        let file = overlay("payments", "production");
        let text = infra.read(&file).unwrap();
        let renamed = text.replace("newTag", "newName: mirror.acme.io/payments\n    newTag");
        infra
            .write(&file, renamed)
            .commit("config: use the mirror")
            .land()
            .unwrap();
    });
    let before = stage.infra.rev("main~1").unwrap();
    let plan = json(
        stage.run(&[&ROLLBACK[..], &["--to", &before, "-o", "json"]].concat()),
        0,
    );
    assert_eq!(plan["outcome"], "pushed");
    assert_eq!(file(&stage), None);
}

#[test]
fn an_undo_takes_its_entry_back_and_no_other() {
    let stage = Stage::payments();
    let before = stage.infra.git(&["rev-parse", "main^{tree}"]).unwrap();
    let _ = stage.roll_back().assert_code(0);
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!(
        stage.infra.git(&["rev-parse", "main^{tree}"]).unwrap(),
        before
    );

    // Between the rollback and its undo the same file changed beside, and in the same lines.
    let stage = Stage::with(|infra| {
        payments(infra);
        deploy(infra, "payments", "staging", "s1");
        deploy(infra, "payments", "staging", "s2");
    });
    let _ = stage.roll_back().assert_code(0);
    let rollback = stage.tip();
    let _ = stage
        .run(&["rollback", "payments", "staging", "--yes"])
        .assert_code(0);
    let _ = stage.run(&["undo", &rollback, "--yes"]).assert_code(0);
    assert_eq!(listed(&stage), ["payments staging s2"]);
    assert_eq!(
        (stage.live(), live(&stage.infra, "payments", "staging")),
        ("bad1111".into(), "s1".into())
    );
}

#[test]
fn an_undo_after_a_lift_goes_on() {
    let stage = Stage::payments();
    let _ = stage.roll_back().assert_code(0);
    stage.lift("bad1111");
    assert_eq!(file(&stage), None);
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!((stage.live(), file(&stage)), ("bad1111".into(), None));
}

#[test]
fn a_second_rollback_from_the_same_version_extends_its_entry_and_drops_what_ran_out() {
    let stage = Stage::payments();
    let run = |now: &str, args: &[&str]| {
        let url = stage.url();
        let args = [&["--repo", &url], args].concat();
        let _ = stage.ripcord().at(now).run(args).unwrap().assert_code(0);
    };
    run("2026-10-01T12:00:00Z", &ROLLBACK);
    let again = |tag: &str| deploy(&mut stage.infra.clone(), "payments", "production", tag);
    again("bad1111");
    run("2026-10-02T12:00:00Z", &ROLLBACK);
    let text = file(&stage).unwrap();
    assert_eq!(text.matches("version:").count(), 1, "{text}");
    assert!(
        text.contains("since: 2026-10-01") && text.contains("until: 2026-10-16"),
        "{text}"
    );
    again("worse22");
    run("2026-11-01T12:00:00Z", &ROLLBACK);
    assert_eq!(listed(&stage), ["payments production worse22"]);
}

#[test]
fn last_good_is_never_a_quarantined_version() {
    let stage = Stage::with(|infra| {
        for version in ["v1", "v2"] {
            deploy(infra, "payments", "production", version);
        }
    });
    let _ = stage.roll_back().assert_code(0);
    // Somebody deploys it again all the same, and something newer.
    for version in ["v2", "v3"] {
        deploy(&mut stage.infra.clone(), "payments", "production", version);
    }
    let plan = json(stage.run(&["plan", "payments", "-o", "json"]), 0);
    assert_eq!(plan["services"][0]["target"]["version"], "v1");
    assert_eq!(
        plan["warnings"][0]["code"], "quarantined_passed_over",
        "{plan:#}"
    );
    let output = stage
        .run(&[&ROLLBACK[..], &["--to", "v2"]].concat())
        .assert_code(3);
    assert_says(&output, &["v2 is quarantined until", "--accept-risk"]);
    let refused = stage.run(&[&ROLLBACK[..], &["--to", "v2", "-o", "json"]].concat());
    assert_eq!(json(refused, 3)["error"]["code"], "quarantined");
    assert_eq!(stage.live(), "v3");
    let _ = stage
        .run(&[&ROLLBACK[..], &["--to", "v2", "--accept-risk"]].concat())
        .assert_code(0);
    assert_eq!(stage.live(), "v2");
}

#[test]
fn when_every_earlier_version_is_quarantined_that_is_said() {
    let stage = Stage::payments();
    let _ = stage.roll_back().assert_code(0);
    let text = file(&stage).unwrap();
    stage
        .infra
        .clone()
        .write(QUARANTINE, text.replace("bad1111", "good000"))
        .commit("quarantine: the other one")
        .land()
        .unwrap();
    deploy(&mut stage.infra.clone(), "payments", "production", "v3");
    let output = stage.roll_back().assert_code(1);
    assert_says(&output, &["good000 is quarantined until", "--accept-risk"]);
}

#[test]
fn a_file_that_cannot_be_read_does_not_stand_in_the_way_of_a_rollback() {
    let folder = ".ripcord/quarantine";
    let broken: [fn(&mut InfraRepo, &str); 4] = [
        |infra, _| {
            infra.write(QUARANTINE, "schema: 1\nentries: [");
        },
        |infra, _| {
            infra.link(QUARANTINE, "../../ripcord.yaml");
        },
        |infra, folder| {
            infra.link(folder, "../services");
        },
        |infra, _| {
            infra.write(".ripcord", "a file");
        },
    ];
    for write in broken {
        let stage = Stage::with(|infra| {
            payments(infra);
            write(infra, folder);
            infra.commit("break it").land().unwrap();
        });
        let plan = json(stage.run(&[&ROLLBACK[..], &["-o", "json"]].concat()), 0);
        assert_eq!(
            plan["warnings"][0]["code"], "quarantine_unreadable",
            "{plan:#}"
        );
        assert_eq!(stage.live(), "good000");
        let _ = stage.run(&["undo", "--yes"]).assert_code(0);
        assert_eq!(stage.live(), "bad1111");
        let output = stage.run(&["quarantine", "list"]).assert_code(7);
        assert_says(&output, &["cannot be read", ".ripcord"]);
    }
}

#[test]
fn rollbacks_of_two_services_at_once_both_land_with_their_files() {
    let stage = Stage::with(|infra| {
        payments(infra);
        deploy(infra, "orders", "production", "o2");
    });
    let mut other = stage.ripcord();
    other = other.in_dir(stage.clone("other"));
    stage.server.before_push(1, move || {
        let args = ["rollback", "orders", "production", "--yes"];
        let _ = other.run(args).unwrap().assert_code(0);
    });
    let plan = json(stage.run(&[&ROLLBACK[..], &["-o", "json"]].concat()), 0);
    assert_eq!(plan["pushed"]["attempts"], 2);
    assert_eq!(
        listed(&stage),
        ["orders production o2", "payments production bad1111"]
    );
}

#[test]
fn two_environments_of_a_service_meet_in_its_file_and_both_stay() {
    let stage = Stage::with(|infra| {
        payments(infra);
        deploy(infra, "payments", "staging", "s1");
        deploy(infra, "payments", "staging", "s2");
    });
    let other = Ripcord::new(&stage.scratch, BINARY).in_dir(stage.clone("other"));
    stage.server.before_push(1, move || {
        let args = ["rollback", "payments", "staging", "--yes"];
        let _ = other.run(args).unwrap().assert_code(0);
    });
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(
        listed(&stage),
        ["payments staging s2", "payments production bad1111"]
    );
}

#[test]
fn the_same_rollback_twice_at_once_makes_one_entry() {
    let stage = Stage::payments();
    let other = Ripcord::new(&stage.scratch, BINARY).in_dir(stage.clone("other"));
    stage.server.before_push(1, move || {
        let _ = other.run(ROLLBACK).unwrap().assert_code(0);
    });
    let output = stage.roll_back().assert_code(0);
    assert_says(&output, &["nothing was pushed"]);
    assert_eq!(listed(&stage), ["payments production bad1111"]);
}

#[test]
fn a_lift_is_a_commit_of_its_own_that_survives_a_race_and_names_who_and_why() {
    let stage = Stage::payments();
    let _ = stage.roll_back().assert_code(0);
    let mut infra = stage.infra.clone();
    stage.server.before_push(1, move || {
        deploy(&mut infra, "orders", "production", "o2");
    });
    let lift = [
        "quarantine",
        "lift",
        "payments",
        "bad1111",
        "production",
        "--yes",
    ];
    let output = stage.run(&lift).assert_code(2);
    assert_says(&output, &["--reason"]);
    let plan = stage
        .run(&[&lift[..5], &["--dry-run"]].concat())
        .assert_code(0);
    assert_says(
        &plan,
        &[
            "-schema: 1",
            "quarantine: lift payments bad1111 in production",
        ],
    );
    let output = stage
        .run(&[&lift[..], &["--reason", "was the database"]].concat())
        .assert_code(0);
    assert_says(&output, &["pushed", "2 attempts", QUARANTINE]);
    assert_eq!(file(&stage), None);
    let message = stage
        .infra
        .git(&["log", "-1", "--format=%B", "main"])
        .unwrap();
    for word in [
        "Reason: was the database",
        "Quarantine-Lifted: payments bad1111 in production",
    ] {
        assert!(message.contains(word), "{message}");
    }
    // It is no rollback that an undo could take for one.
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!(stage.live(), "bad1111");
}

#[test]
fn what_is_not_quarantined_cannot_be_lifted() {
    let stage = Stage::payments();
    let lift = |words: &[&str]| {
        let flags = ["--yes", "--reason", "x"];
        stage.run(&[&["quarantine", "lift"], words, &flags].concat())
    };
    let none = lift(&["payments", "bad1111"]).assert_code(1);
    assert_says(&none, &["no version of payments is quarantined"]);
    let _ = stage.roll_back().assert_code(0);
    assert_says(&lift(&["payments", "bad1112"]).assert_code(1), &["bad1111"]);
    assert_says(&lift(&["payment", "bad1111"]).assert_code(1), &["payments"]);
    let elsewhere = lift(&["payments", "bad1111", "staging"]).assert_code(1);
    assert_says(&elsewhere, &["production"]);
    let _ = lift(&["payments", "bad1111", "prod"]).assert_code(0);
    assert_eq!(listed(&stage), Vec::<String>::new());
}
