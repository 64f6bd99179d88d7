//! A person at a terminal: what is asked, and what an answer does.

use rexpect::session::{PtySession, spawn_command};

use crate::stage::{BINARY, Stage};

/// Longer than any step takes on a busy machine; only a hang gets there.
const PATIENCE: Option<u64> = Some(60_000);

fn at_a_terminal(stage: &Stage, args: &[&str]) -> PtySession {
    let mut command = stage.scratch.command("sh");
    // The shell prints how it ended: a terminal passes on text only.
    command.args(["-c", "\"$0\" \"$@\"; echo \"ended with $?\"", BINARY]);
    command.args(["--repo", &stage.url()]).args(args);
    command
        .env("TERM", "xterm")
        .env("RIPCORD_NOW", "2026-10-01T12:00:00Z");
    spawn_command(command, PATIENCE).unwrap()
}

/// Waits for the end, with everything that was still printed.
#[track_caller]
fn ends(mut terminal: PtySession, code: u8) -> String {
    let rest = terminal.exp_eof().unwrap();
    assert!(rest.contains(&format!("ended with {code}")), "{rest}");
    rest
}

#[test]
fn yes_pushes_with_the_reason_that_was_typed() {
    let stage = Stage::payments();
    let mut terminal = at_a_terminal(&stage, &["rollback", "payments", "production"]);
    terminal.exp_string("Reason").unwrap();
    terminal.send_line("payments fail since 16:47").unwrap();
    let plan = terminal.exp_string("[y/N]").unwrap();
    assert!(
        plan.contains("good000") && plan.contains("bad1111"),
        "{plan}"
    );
    assert_eq!(stage.commits(), 3, "pushed before it was confirmed");
    terminal.send_line("y").unwrap();
    let _ = ends(terminal, 0);
    assert_eq!(stage.live(), "good000");
    let message = stage
        .infra
        .git(&["log", "-1", "--format=%B", "main"])
        .unwrap();
    assert!(
        message.contains("Reason: payments fail since 16:47"),
        "{message}"
    );
}

#[test]
fn anything_but_yes_pushes_nothing() {
    for answer in ["n", "", "yeah?"] {
        let stage = Stage::payments();
        let mut terminal = at_a_terminal(&stage, &["rollback", "payments", "production"]);
        terminal.exp_string("Reason").unwrap();
        terminal.send_line("").unwrap();
        terminal.exp_string("[y/N]").unwrap();
        terminal.send_line(answer).unwrap();
        let rest = ends(terminal, 3);
        assert!(rest.contains("nothing was pushed"), "{rest}");
        assert_eq!((stage.live(), stage.commits()), ("bad1111".into(), 3));
    }
}

#[test]
fn ctrl_c_at_the_question_leaves_nothing_behind() {
    let stage = Stage::payments();
    let mut terminal = at_a_terminal(
        &stage,
        &["rollback", "payments", "production", "--reason", "x"],
    );
    terminal.exp_string("[y/N]").unwrap();
    terminal.send_control('c').unwrap();
    let _ = terminal.exp_eof().unwrap();
    assert_eq!(stage.commits(), 3);
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(stage.live(), "good000");
}

#[test]
fn with_yes_nothing_is_asked_at_a_terminal_either() {
    let stage = Stage::payments();
    let terminal = at_a_terminal(&stage, &["rollback", "payments", "production", "--yes"]);
    let rest = ends(terminal, 0);
    assert!(
        !rest.contains("[y/N]") && !rest.contains("Reason"),
        "{rest}"
    );
}

#[test]
fn a_first_status_says_that_it_takes_longer_and_a_second_does_not() {
    let stage = Stage::payments();
    let first = ends(at_a_terminal(&stage, &["status"]), 0);
    assert!(first.contains("the next time"), "{first}");
    let second = ends(at_a_terminal(&stage, &["status"]), 0);
    assert!(!second.contains("the next time"), "{second}");
    let piped = stage.run(&["status"]).assert_code(0);
    assert_eq!(piped.stderr, "");
}
