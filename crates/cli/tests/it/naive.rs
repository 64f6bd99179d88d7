//! Where the emergency script goes wrong on what the branch holds, and ripcord does not.

use crate::duel::Duel;
use crate::stage::{assert_says, count, deploy, live, overlay, payments};

#[test]
fn hole_1_a_name_that_begins_another_name_is_not_that_service() {
    let duel = Duel::over(|infra| {
        deploy(infra, "payments-service", "production", "ps1");
        payments(infra);
        deploy(infra, "payments-service", "production", "ps2");
    });
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(
        (duel.theirs("payments"), duel.theirs("payments-service")),
        ("bad1111".into(), "ps1".into())
    );

    duel.ripcord_lands(&["payments"]);
    assert_eq!(
        (duel.ours("payments"), duel.ours("payments-service")),
        ("good000".into(), "ps2".into())
    );
}

#[test]
fn hole_1b_a_dot_in_a_name_is_a_dot() {
    let duel = Duel::over(|infra| {
        deploy(infra, "pay.ments", "production", "good000");
        deploy(infra, "pay.ments", "production", "bad1111");
        deploy(infra, "payxments-x", "production", "x1");
    });
    let _ = duel.script(&["pay.ments"]).assert_code(0);
    assert_eq!(
        (duel.theirs("pay.ments"), duel.theirs("payxments-x")),
        ("bad1111".into(), String::new())
    );

    duel.ripcord_lands(&["pay.ments"]);
    assert_eq!(
        (duel.ours("pay.ments"), duel.ours("payxments-x")),
        ("good000".into(), "x1".into())
    );
}

#[test]
fn hole_1c_a_note_that_quotes_a_deploy_is_not_that_deploy() {
    let note = "notes/incident.md";
    let duel = Duel::over(|infra| {
        payments(infra);
        infra
            .write(note, "what happened\n")
            .commit("docs: incident of today")
            .body("deploy: payments bad1111 to production broke checkout")
            .land()
            .unwrap();
    });
    let _ = duel.script(&["payments"]).assert_code(0);
    assert!(
        duel.theirs.read(note).is_err(),
        "the script deleted the note"
    );
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(duel.stage.infra.read(note).unwrap(), "what happened\n");
    assert_eq!(duel.ours("payments"), "good000");
}

#[test]
fn hole_2_a_newer_deploy_to_staging_is_not_production() {
    let duel = Duel::over(|infra| {
        deploy(infra, "payments", "staging", "s1");
        payments(infra);
        deploy(infra, "payments", "staging", "s2");
    });
    let _ = duel.script(&["payments", "production"]).assert_code(0);
    assert_eq!(duel.theirs("payments"), "bad1111");
    assert_eq!(live(&duel.theirs, "payments", "staging"), "s1");

    duel.ripcord_lands(&["payments", "production"]);
    assert_eq!(duel.ours("payments"), "good000");
    assert_eq!(live(&duel.stage.infra, "payments", "staging"), "s2");
}

#[test]
fn hole_3_run_twice_does_not_bring_the_bad_version_back() {
    let duel = Duel::over(payments);
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(duel.theirs("payments"), "good000");
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    let tip = duel.stage.tip();
    let again = duel.ripcord(&["payments"]).assert_code(0);
    assert_says(
        &again,
        &["already rolled back to good000", "nothing was pushed"],
    );
    assert_eq!(
        (duel.ours("payments"), duel.stage.tip()),
        ("good000".into(), tip)
    );
}

#[test]
fn hole_3b_two_versions_back_can_be_reached() {
    let duel = Duel::over(|infra| {
        for version in ["v1", "v2", "v3"] {
            deploy(infra, "payments", "production", version);
        }
    });
    let _ = duel.script(&["payments"]).assert_code(0);
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(duel.theirs("payments"), "v3");

    duel.ripcord_lands(&["payments", "--to", "-2"]);
    assert_eq!(duel.ours("payments"), "v1");
}

#[test]
fn hole_4_the_rest_of_a_release_train_stays() {
    let duel = Duel::over(|infra| {
        deploy(infra, "orders", "production", "o1");
        deploy(infra, "payments", "production", "good000");
        infra.set_version("orders", "production", "o2");
        deploy(infra, "payments", "production", "bad1111");
    });
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(duel.theirs("orders"), "o1");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(
        (duel.ours("payments"), duel.ours("orders")),
        ("good000".into(), "o2".into())
    );
}

#[test]
fn hole_4b_a_deploy_under_another_services_subject_is_found() {
    let duel = Duel::over(|infra| {
        deploy(infra, "orders", "production", "o1");
        deploy(infra, "payments", "production", "v1");
        deploy(infra, "payments", "production", "good000");
        infra.set_version("payments", "production", "bad1111");
        deploy(infra, "orders", "production", "o2");
    });
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(duel.theirs("payments"), "bad1111");
    assert!(duel.their_clone.join(".git/REVERT_HEAD").exists());

    duel.ripcord_lands(&["payments"]);
    assert_eq!(
        (duel.ours("payments"), duel.ours("orders")),
        ("good000".into(), "o2".into())
    );
}

#[test]
fn hole_5_a_deploy_by_merge_is_taken_back() {
    let duel = Duel::over(|infra| {
        deploy(infra, "payments", "production", "good000");
        infra.set_version("payments", "production", "bad1111");
        infra.commit("bump").on("pr-1").land().unwrap();
        deploy(infra, "orders", "production", "o1");
        infra
            .merge_commit("deploy: payments bad1111 to production", "pr-1")
            .land()
            .unwrap();
    });
    let script = duel.script(&["payments"]).assert_code(0);
    assert_says(&script, &["no -m option was given"]);
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(
        (duel.ours("payments"), duel.ours("orders")),
        ("good000".into(), "o1".into())
    );
}

#[test]
fn hole_6_a_config_change_beside_the_tag_is_kept() {
    let file = overlay("payments", "production");
    let replicas = "replicas:\n  - name: payments\n    count: 5\n";
    let duel = Duel::over(|infra| {
        payments(infra);
        let text = infra.read(&file).unwrap() + replicas;
        infra
            .write(&file, text)
            .commit("config: five replicas")
            .land()
            .unwrap();
    });
    let script = duel.script(&["payments"]).assert_code(0);
    assert_says(&script, &["CONFLICT"]);
    assert!(duel.their_clone.join(".git/REVERT_HEAD").exists());
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(duel.ours("payments"), "good000");
    assert!(duel.stage.infra.read(&file).unwrap().ends_with(replicas));
}

#[test]
fn hole_6b_what_is_live_is_rolled_back_even_if_a_bot_bumped_it_later() {
    let duel = Duel::over(|infra| {
        payments(infra);
        infra.set_version("payments", "production", "bot2222");
        infra.commit("chore: update image").land().unwrap();
    });
    let script = duel.script(&["payments"]).assert_code(0);
    assert_says(&script, &["CONFLICT"]);
    assert_eq!(duel.theirs("payments"), "bot2222");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(
        duel.ours("payments"),
        "bad1111",
        "the version before the one that is live"
    );
}

#[test]
fn hole_7_a_deploy_by_a_bot_is_found_whatever_its_subject() {
    let duel = Duel::over(|infra| {
        deploy(infra, "payments", "production", "good000");
        deploy(infra, "payments", "staging", "s1");
        deploy(infra, "payments", "staging", "s2");
        infra.set_version("payments", "production", "bad1111");
        infra
            .commit("chore: automated image update")
            .land()
            .unwrap();
    });
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(duel.theirs("payments"), "bad1111");
    assert_eq!(live(&duel.theirs, "payments", "staging"), "s1");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(duel.ours("payments"), "good000");
    assert_eq!(live(&duel.stage.infra, "payments", "staging"), "s2");
}

#[test]
fn hole_12_without_a_service_nothing_is_rolled_back() {
    let duel = Duel::over(|infra| {
        payments(infra);
        deploy(infra, "orders", "production", "o2");
    });
    let _ = duel.script(&[]).assert_code(0);
    assert_eq!(duel.theirs("orders"), "o1");

    let before = duel.stage.tip();
    let _ = duel.ripcord(&[]).assert_code(2);
    assert_eq!(duel.stage.tip(), before);
}

#[test]
fn hole_13_a_typo_is_named_and_corrected() {
    let duel = Duel::over(payments);
    let _ = duel.script(&["paymets"]).assert_code(0);
    assert_eq!(duel.theirs("payments"), "bad1111");

    let before = duel.stage.tip();
    let output = duel.ripcord(&["paymets"]).assert_code(2);
    assert_says(&output, &["no service `paymets`", "did you mean payments?"]);
    assert_eq!(duel.stage.tip(), before);
}

#[test]
fn hole_15_the_first_version_ever_is_not_deleted() {
    let duel = Duel::over(|infra| {
        deploy(infra, "orders", "production", "o1");
        deploy(infra, "payments", "production", "first00");
    });
    let _ = duel.script(&["payments"]).assert_code(0);
    assert_eq!(
        duel.theirs("payments"),
        "",
        "the script deleted the manifests"
    );

    let before = duel.stage.tip();
    let output = duel.ripcord(&["payments"]).assert_code(1);
    assert_says(&output, &["no earlier version"]);
    assert_eq!(
        (duel.ours("payments"), duel.stage.tip()),
        ("first00".into(), before)
    );
}

#[test]
fn hole_17_a_rollback_by_hand_counts() {
    let duel = Duel::over(|infra| {
        payments(infra);
        infra.set_version("payments", "production", "good000");
        infra
            .commit("back to the old one!!")
            .by("Ann", "ann@acme.io")
            .land()
            .unwrap();
    });
    let script = duel.script(&["payments"]).assert_code(0);
    assert_says(&script, &["nothing to commit"]);

    let before = count(&duel.stage.infra);
    let output = duel.ripcord(&["payments"]).assert_code(0);
    assert_says(&output, &["already rolled back to good000 by Ann"]);
    assert_eq!(
        (duel.ours("payments"), duel.stage.commits()),
        ("good000".into(), before)
    );
}

#[test]
fn hole_18_a_deploy_is_found_whatever_the_case_of_its_subject() {
    let duel = Duel::over(|infra| {
        for version in ["good000", "bad1111"] {
            infra.set_version("payments", "production", version);
            infra
                .commit(&format!("Deploy: payments {version}"))
                .land()
                .unwrap();
        }
    });
    let script = duel.script(&["payments"]).assert_code(0);
    assert_says(&script, &["bad revision"]);
    assert_eq!(duel.theirs("payments"), "bad1111");

    duel.ripcord_lands(&["payments"]);
    assert_eq!(duel.ours("payments"), "good000");
}

#[test]
fn hole_18_a_name_that_is_no_regular_expression_is_a_name() {
    let duel = Duel::over(|infra| {
        deploy(infra, "pay[", "production", "good000");
        deploy(infra, "pay[", "production", "bad1111");
    });
    let _ = duel.script(&["pay["]);
    assert_eq!(duel.theirs("pay["), "bad1111");

    duel.ripcord_lands(&["pay["]);
    assert_eq!(duel.ours("pay["), "good000");
}
