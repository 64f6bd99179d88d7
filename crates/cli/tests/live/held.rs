//! Holds: which is taken, which still stands, and what is left when they are let go.

use ripcord_testkit::Ripcord;
use serde_json::Value;

use crate::followed::At;
use crate::outage::{BAD, GOOD, NO_REGISTRY, Outage, PAYMENTS};

const NOWHERE: &str = "http://127.0.0.1:9/nowhere.git";

/// A service whose project lies in Git, so that only the state of its last operation can hold it.
fn marked(name: &str) -> Outage<'static> {
    let application = format!("{name}-payments-service");
    let mut outage = Outage::none_yet("project-in-git", name, PAYMENTS, &application);
    outage.break_it(BAD);
    outage
}

fn mark(outage: &Outage<'_>) -> bool {
    let message = &outage.app()["status"]["operationState"]["message"];
    message
        .as_str()
        .is_some_and(|text| text.contains("held by ripcord"))
}

/// Lets go and fails unless Argo CD then does what Git says, which is bad.
fn let_go(outage: &Outage<'_>) {
    let released = outage.ripcord().run(["release"]).unwrap().assert_code(0);
    assert!(released.stdout.contains("let go"), "{released:?}");
    assert!(!mark(outage));
    outage.wait("Argo CD does what Git says", |outage| {
        outage.scene.version(PAYMENTS).unwrap() == BAD
    });
}

#[test]
fn a_mark_that_was_taken_twice_is_let_go_as_it_was_found() {
    let outage = marked("mark-twice");
    outage.point_clone_at(NOWHERE);
    outage.killed_after("undo");
    assert!(mark(&outage));
    let half = outage
        .run(&["resume", "--wait", "3s", "-o", "json"])
        .assert_code(8);
    let holds = Outage::recovery(&half)["holds"].clone();
    assert_eq!(holds.as_array().unwrap().len(), 1, "{holds:#}");
    assert!(
        !holds[0]["replaced"].to_string().contains("held by"),
        "{holds:#}"
    );
    assert!(mark(&outage) && outage.runs(GOOD), "{:?}", outage.pods());
    let_go(&outage);
}

#[test]
fn a_mark_whose_record_was_cut_short_is_let_go() {
    let outage = marked("mark-short");
    outage.point_clone_at(NOWHERE);
    outage.kill(&outage.rollback_args(&[]), ("hold", At::Begun));
    // Whether it was marked before the end is not known; the same is done for both.
    let released = outage.ripcord().run(["release"]).unwrap();
    let _ = released.assert_code(0);
    assert!(!mark(&outage));
}

/// The windows of holds in a project.
fn held_by(outage: &Outage<'_>, project: &str) -> Vec<Value> {
    let windows = outage.windows(project);
    let all = windows.as_array().cloned().unwrap_or_default();
    let is_hold = |window: &Value| window["description"].to_string().contains("ripcord r-");
    all.into_iter().filter(is_hold).collect()
}

#[test]
fn a_hold_that_is_about_to_end_is_replaced_by_the_resume() {
    let mut outage = Outage::of("sync-windows", "ends-soon", PAYMENTS);
    outage.point_clone_at(NOWHERE);
    let args = outage.rollback_args(&["--hold-for", "2m"]);
    outage.kill(&args, ("undo", At::Ended));
    // It opened 10 minutes before.
    assert_eq!(held_by(&outage, "ends-soon")[0]["duration"], "12m");
    let half = outage.run(&["resume", "--wait", "3s"]);
    let _ = half.assert_code(8);
    let held = held_by(&outage, "ends-soon");
    assert_eq!(held.len(), 1, "{held:#?}");
    assert_eq!(held[0]["duration"], "40m");
    outage.assert_stays(GOOD);
    outage.point_clone_back();
    let _ = outage.run(&["resume"]).assert_code(0);
    assert_eq!(held_by(&outage, "ends-soon").len(), 0);
    outage.assert_restored(GOOD);
}

#[test]
fn where_marks_are_not_wanted_the_cluster_waits_for_git() {
    let mut outage = marked("no-marks");
    let infra = outage.scene.infra();
    infra.write("ripcord.yaml", "marks_operations: false\n");
    infra.commit("Mark no operations").land().unwrap();
    let plan = outage.rollback(&["--dry-run"]).assert_code(0);
    assert!(
        plan.stdout.contains("the cluster waits for Git"),
        "{plan:?}"
    );
    let said = outage
        .ripcord()
        .run(["doctor", "--within=60s", PAYMENTS])
        .unwrap();
    assert!(said.stdout.contains("nothing can hold it"), "{said:?}");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["parts"][0]["route"]["hold"], "impossible");
    assert_eq!(
        recovery["holds"].as_array().unwrap().len(),
        0,
        "{recovery:#}"
    );
    outage.assert_restored(GOOD);
}

/// ripcord on a machine that has another record.
fn elsewhere(outage: &Outage<'_>) -> Ripcord {
    let state = outage.scratch.path().join("elsewhere");
    outage
        .ripcord()
        .env("XDG_STATE_HOME", state.to_str().unwrap())
}

/// What `doctor` says there, without a service and with it.
fn told_elsewhere(outage: &Outage<'_>) -> [String; 2] {
    let place = elsewhere(outage).run(["doctor", "--within=60s"]).unwrap();
    let service = outage.doctor_as(&elsewhere(outage), NO_REGISTRY);
    [place.stdout, service.stdout]
}

#[test]
fn a_window_of_another_machine_is_told_with_what_ends_it() {
    let outage = Outage::of("sync-windows", "held-elsewhere", PAYMENTS);
    outage.killed_after("hold");
    for said in told_elsewhere(&outage) {
        assert!(said.contains("AMBER  held-elsewhere: held by r-"), "{said}");
        assert!(said.contains("not of this machine's record"), "{said}");
        let end = "argocd proj windows delete held-elsewhere ";
        assert!(said.contains(end), "{said}");
    }
    // Where it is known it is told as what it is.
    let known = outage.doctor(NO_REGISTRY);
    assert!(!known.stdout.contains("not of this machine's"), "{known:?}");
    let released = outage.ripcord().run(["release"]).unwrap();
    let _ = released.assert_code(0);
    for said in told_elsewhere(&outage) {
        assert!(!said.contains("held-elsewhere: held by"), "{said}");
    }
}

#[test]
fn a_mark_of_another_machine_is_told_with_what_ends_it() {
    let outage = marked("marked-elsewhere");
    outage.point_clone_at(NOWHERE);
    outage.killed_after("undo");
    outage.point_clone_back();
    assert!(mark(&outage));
    for said in told_elsewhere(&outage) {
        let end = format!("argocd app sync argocd/{}", outage.application);
        assert!(said.contains("held by r-") && said.contains(&end), "{said}");
    }
    let_go(&outage);
}
