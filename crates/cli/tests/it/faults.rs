//! The network, the server and their credentials, when they fail.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ripcord_testkit::{Fault, Output, Step};
use serde_json::Value;

use crate::stage::{Stage, assert_says, json};

const ROLLBACK: [&str; 4] = ["rollback", "payments", "production", "--yes"];
const TOKEN: &str = "glpat-s3cr3tT0k3n";

/// Asserts what every failure owes: a code, words, a stable JSON, no panic, no token.
#[track_caller]
fn fails(stage: &Stage, repo: &str, code: i32) -> Value {
    let args = ["--repo", repo].into_iter().chain(ROLLBACK);
    let text = stage.ripcord().run(args.clone()).unwrap().assert_code(code);
    assert!(text.stderr.starts_with("error: "), "{text:?}");
    let output = stage.ripcord().run(args.chain(["-o", "json"])).unwrap();
    for output in [&text, &output] {
        assert_quiet(output);
    }
    let failure = json(output, code);
    assert_eq!(failure["exit_code"], code);
    assert_eq!((stage.live(), stage.commits()), ("bad1111".into(), 3));
    failure
}

#[track_caller]
fn assert_quiet(output: &Output) {
    let both = format!("{}{}", output.stdout, output.stderr);
    assert!(
        !both.contains(TOKEN) && !both.contains("panicked"),
        "{output:?}"
    );
}

#[test]
fn a_server_that_is_not_there_is_a_remote_problem() {
    let stage = Stage::payments();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let failure = fails(
        &stage,
        &format!("http://u:{TOKEN}@127.0.0.1:{port}/infra.git"),
        6,
    );
    assert_eq!(failure["error"]["code"], "unreachable");
}

#[test]
fn a_repository_that_is_not_there_is_a_remote_problem() {
    let stage = Stage::payments();
    let url = stage.url_as("u", TOKEN).replace("infra.git", "other.git");
    let _ = fails(&stage, &url, 6);
}

#[test]
fn wrong_credentials_are_named() {
    let stage = Stage::payments();
    stage.server.set_auth(Some(("bot", "right")));
    let failure = fails(&stage, &stage.url_as("bot", TOKEN), 6);
    assert_eq!(failure["error"]["code"], "access_denied");
}

#[test]
fn missing_credentials_do_not_wait_for_a_prompt() {
    let stage = Stage::payments();
    stage.server.set_auth(Some(("bot", "right")));
    let failure = fails(&stage, &stage.url(), 6);
    assert_eq!(failure["error"]["code"], "access_denied");
}

#[test]
fn a_token_in_the_url_works_and_is_never_shown() {
    let stage = Stage::payments();
    stage.server.set_auth(Some(("bot", TOKEN)));
    let url = stage.url_as("bot", TOKEN);
    for format in ["text", "wide", "json", "yaml"] {
        for args in [
            &["status"][..],
            &["history", "payments"],
            &["plan", "payments"],
            &["init", "--print"],
            &["rollback", "paymets", "--yes"],
            &["rollback", "payments", "--to", "nope", "--yes"],
            &["plan", "payments", "--branch", "nope"],
        ] {
            let all = ["--repo", &url, "-o", format]
                .into_iter()
                .chain(args.iter().copied());
            assert_quiet(&stage.ripcord().run(all).unwrap());
        }
    }
    for args in [&ROLLBACK[..], &["undo", "--yes"]] {
        let all = ["--repo", url.as_str()]
            .into_iter()
            .chain(args.iter().copied());
        let output = stage.ripcord().run(all).unwrap().assert_code(0);
        assert_quiet(&output);
    }
    let log = stage
        .infra
        .git(&["log", "--format=%B%an%ae%cn%ce"])
        .unwrap();
    assert!(!log.contains(TOKEN), "{log}");
    let files = stage
        .scratch
        .command("grep")
        .args(["-rlF", TOKEN])
        .arg(stage.scratch.cache())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&files.stdout),
        "",
        "the cache keeps the token"
    );
}

#[test]
fn an_account_that_may_only_read_is_rejected() {
    let stage = Stage::payments();
    stage.server.set_read_only(true);
    let output = stage.roll_back();
    assert!([5, 6].contains(&output.code), "{output:?}");
    let failure = fails(&stage, &stage.url_as("u", TOKEN), output.code);
    assert!(
        failure["error"]["message"]
            .as_str()
            .unwrap()
            .contains("403")
    );
}

#[test]
fn a_push_refused_with_403_is_a_rejection() {
    let stage = Stage::payments();
    stage.server.set_read_only(true);
    let _ = stage.roll_back().assert_code(5);
}

const FREEZE: &str = "#!/bin/sh
while read old new ref; do
  if [ \"$ref\" = refs/heads/main ]; then echo 'change freeze until Monday' >&2; exit 1; fi
done
";

#[test]
fn a_hook_that_declines_is_quoted_and_a_branch_is_offered() {
    let stage = Stage::payments();
    stage
        .server
        .install_hook("infra.git", "pre-receive", FREEZE)
        .unwrap();
    let failure = fails(&stage, &stage.url_as("u", TOKEN), 5);
    let text = failure.to_string();
    assert!(
        text.contains("change freeze until Monday") && text.contains("--push-to"),
        "{text}"
    );

    let base = stage.tip();
    let plan = json(
        stage.run(&[&ROLLBACK[..], &["--push-to", "fix/x", "-o", "json"]].concat()),
        0,
    );
    assert_eq!(plan["pushed"]["branch"], "fix/x");
    assert_eq!(
        (stage.live(), stage.tip()),
        ("bad1111".into(), base.clone())
    );
    assert_eq!(
        stage.infra.rev("fix/x").unwrap(),
        plan["pushed"]["commit"].as_str().unwrap()
    );
    assert_eq!(stage.infra.rev("fix/x^").unwrap(), base);
    let file = stage
        .infra
        .read_at(
            "fix/x",
            "services/payments/overlays/production/kustomization.yaml",
        )
        .unwrap();
    assert!(file.contains("newTag: good000"), "{file}");
}

#[test]
fn push_to_a_branch_that_exists_touches_nothing() {
    let mut stage = Stage::payments();
    stage
        .infra
        .write("x", "x")
        .commit("x")
        .on("fix/x")
        .land()
        .unwrap();
    let before = stage.infra.rev("fix/x").unwrap();
    let output = stage
        .run(&[&ROLLBACK[..], &["--push-to", "fix/x"]].concat())
        .assert_code(4);
    assert_says(&output, &["fix/x", "does not exist yet"]);
    assert_eq!(stage.infra.rev("fix/x").unwrap(), before);
}

#[test]
fn a_push_that_landed_before_the_link_broke_is_recognised() {
    for fault in [
        Fault::CutAfter,
        Fault::CutAnswerAfter(0),
        Fault::CutAnswerAfter(40),
    ] {
        let stage = Stage::payments();
        stage.server.fail(Step::Push, fault, 1);
        let output = stage.roll_back().assert_code(0);
        assert_quiet(&output);
        assert_eq!(
            (stage.live(), stage.commits()),
            ("good000".into(), 4),
            "{fault:?}"
        );
    }
}

#[test]
fn a_link_that_breaks_before_the_push_is_tried_again() {
    let stage = Stage::payments();
    stage.server.fail(Step::Push, Fault::CutBefore, 1);
    let _ = stage.roll_back().assert_code(0);
    assert_eq!((stage.live(), stage.commits()), ("good000".into(), 4));
}

/// Every request of this kind fails, then none: the first run says so, the next one lands.
#[track_caller]
fn fails_then_heals(step: Step, fault: Fault) -> String {
    let stage = Stage::payments();
    stage.server.fail(step, fault, 1000);
    let failure = fails(&stage, &stage.url_as("u", TOKEN), 6);
    assert_eq!(
        failure["error"]["code"], "unreachable",
        "{step:?} {failure}"
    );
    stage.server.heal();
    let _ = stage.roll_back().assert_code(0);
    assert_eq!((stage.live(), stage.commits()), ("good000".into(), 4));
    failure["error"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_link_that_always_breaks_is_a_remote_problem() {
    // `CutBefore` leaves a status line, which git takes for an empty repository of the old kind.
    let _ = fails_then_heals(Step::Any, Fault::CutAnswerAfter(0));
    let _ = fails_then_heals(Step::Refs, Fault::CutAnswerAfter(0));
}

#[test]
fn a_link_that_breaks_at_every_fetch_is_a_remote_problem() {
    let _ = fails_then_heals(Step::Fetch, Fault::CutBefore);
}

#[test]
fn a_link_that_breaks_at_every_push_is_a_remote_problem() {
    let _ = fails_then_heals(Step::Push, Fault::CutBefore);
}

#[test]
fn a_server_that_answers_503_is_a_remote_problem() {
    for step in [Step::Any, Step::Refs] {
        let message = fails_then_heals(step, Fault::Status(503));
        assert!(message.contains("503"), "{step:?} {message}");
    }
    let _ = fails_then_heals(Step::Fetch, Fault::Status(503));
    let _ = fails_then_heals(Step::Push, Fault::Status(503));
}

#[test]
fn a_fetch_or_a_push_answered_with_503_says_503() {
    for step in [Step::Fetch, Step::Push] {
        let message = fails_then_heals(step, Fault::Status(503));
        assert!(message.contains("503"), "{step:?} {message}");
    }
}

#[test]
fn an_unknown_outcome_is_said_and_the_next_run_finds_out() {
    let stage = Stage::payments();
    let clone = stage.clone("mine");
    // The push lands, its answer is lost, and from then on nobody can be asked.
    stage.server.fail(Step::Push, Fault::CutAfter, 1);
    let server = Arc::clone(&stage.server);
    stage
        .server
        .before_push(1, move || server.fail(Step::Any, Fault::Status(503), 1000));
    let output = stage.run_in(&clone, &ROLLBACK).assert_code(6);
    assert_says(
        &output,
        &["landed is not known", "run the same command again"],
    );
    stage.server.heal();
    let output = stage.run_in(&clone, &ROLLBACK).assert_code(0);
    assert_says(&output, &["already rolled back", "nothing was pushed"]);
    assert_eq!((stage.live(), stage.commits()), ("good000".into(), 4));
}

#[test]
fn a_server_that_never_answers_is_not_waited_for_longer_than_git_is_told() {
    let stage = Stage::payments();
    let file = stage.scratch.git_config();
    let before = std::fs::read_to_string(&file).unwrap();
    let patience = "[http]\n\tlowSpeedLimit = 1\n\tlowSpeedTime = 1\n";
    std::fs::write(&file, before + patience).unwrap();
    stage.server.set_latency(Duration::from_hours(1));
    let output = stage.roll_back().assert_code(6);
    assert_says(&output, &[&stage.url()]);
    stage.server.set_latency(Duration::ZERO);
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(stage.live(), "good000");
}

#[test]
fn without_a_word_from_the_person_git_is_told_to_give_up_on_silence() {
    let stage = Stage::payments();
    let seen = stage.scratch.path().join("seen");
    let wrapper = stage.scratch.path().join("bin/git");
    std::fs::create_dir_all(wrapper.parent().unwrap()).unwrap();
    let real = stage
        .scratch
        .command("sh")
        .args(["-c", "command -v git"])
        .output()
        .unwrap();
    let real = String::from_utf8(real.stdout).unwrap();
    let text = format!(
        "#!/bin/sh\necho \"$GIT_HTTP_LOW_SPEED_LIMIT $GIT_HTTP_LOW_SPEED_TIME\" >> {}\nexec {} \"$@\"\n",
        seen.display(),
        real.trim()
    );
    std::fs::write(&wrapper, text).unwrap();
    let mut mode = std::fs::metadata(&wrapper).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    std::fs::set_permissions(&wrapper, mode).unwrap();
    let path = format!(
        "{}:{}",
        wrapper.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let _ = stage.roll_back_with("PATH", path).assert_code(0);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.lines().any(|line| line == "1 120"), "{seen}");
}
