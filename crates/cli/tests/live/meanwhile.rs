//! What changes between the plan and the answer of the person who reads it.

use rexpect::session::{PtySession, spawn_command};

use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

/// Longer than any step takes on a busy machine; only a hang gets there.
const PATIENCE: Option<u64> = Some(120_000);

/// A rollback whose plan is shown, and that waits for an answer.
fn asked(outage: &Outage<'_>) -> PtySession {
    let args = ["rollback", PAYMENTS, "production", "--reason", "x"];
    let paced = ["--watch", "1s", "--wait", "60s"];
    let mut command = outage.at_a_terminal();
    command.args(args.into_iter().chain(paced));
    let mut terminal = spawn_command(command, PATIENCE).unwrap();
    terminal.exp_string("[y/N]").unwrap();
    terminal
}

/// Says yes; everything that is printed until the end.
fn yes(mut terminal: PtySession) -> String {
    terminal.send_line("y").unwrap();
    terminal.exp_eof().unwrap()
}

#[test]
fn a_workload_that_was_scaled_meanwhile_is_undone_all_the_same() {
    let mut outage = Outage::of("auto", "scaled", PAYMENTS);
    let terminal = asked(&outage);
    let name = format!("deployment/{PAYMENTS}");
    outage
        .scene
        .kubectl(&["scale", &name, "--replicas", "5"])
        .unwrap();
    let said = yes(terminal);
    assert!(said.contains("undo"), "{said}");
    assert!(!said.contains("changed meanwhile"), "{said}");
    outage.assert_restored(GOOD);
}

#[test]
fn a_version_that_somebody_set_meanwhile_is_not_undone() {
    let mut outage = Outage::of("auto", "set-anew", PAYMENTS);
    let terminal = asked(&outage);
    let name = format!("deployment/{PAYMENTS}");
    let image = "*=acme/payments-service:v16";
    outage
        .scene
        .kubectl(&["set", "image", &name, image])
        .unwrap();
    let said = yes(terminal);
    assert!(
        said.contains(&format!(
            "the undo of Deployment {PAYMENTS}: it has changed"
        )),
        "{said}"
    );
    // Git decides in the end.
    outage.assert_restored(GOOD);
    assert!(!outage.pods().iter().any(|pod| pod.version == BAD));
}
