//! What programs and scripts rely on: JSON by schema, streams, exit codes.

use std::fs;
use std::process::Stdio;

use ripcord_testkit::{Output, SshServer};
use serde_json::Value;

use crate::stage::{Stage, assert_says, deploy, json};

/// Asserts that standard output is one document that `ripcord schema NAME` allows.
#[track_caller]
pub(crate) fn valid(stage: &Stage, name: &str, output: Output, code: i32) -> Value {
    let schema = json(stage.ripcord().run(["schema", name]).unwrap(), 0);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let document = json(output, code);
    let wrong: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?} in {document:#}");
    document
}

#[test]
fn every_result_is_as_its_schema_says() {
    let stage = Stage::payments();
    let run = |args: &[&str]| stage.run(&[args, &["-o", "json"]].concat());
    let _ = valid(&stage, "status", run(&["status"]), 0);
    let _ = valid(&stage, "history", run(&["history", "payments"]), 0);
    let _ = valid(&stage, "init", run(&["init", "--print"]), 0);
    let rollback = ["rollback", "payments", "production", "--yes"];
    let outcome = |args: &[&str]| valid(&stage, "plan", run(args), 0)["outcome"].clone();
    assert_eq!(outcome(&["plan", "payments"]), "planned");
    assert_eq!(outcome(&["rollback", "payments", "--dry-run"]), "planned");
    assert_eq!(outcome(&rollback), "pushed");
    assert_eq!(outcome(&rollback), "nothing_to_do");
    assert_eq!(outcome(&["plan", "payments"]), "nothing_to_do");
    assert_eq!(outcome(&["undo", "--dry-run"]), "planned");
    assert_eq!(outcome(&["undo", "--yes"]), "pushed");
    assert_eq!(outcome(&["undo", "--yes"]), "nothing_to_do");
    let list = ["quarantine", "list"];
    let _ = valid(&stage, "quarantine", run(&list), 0);
    assert_eq!(outcome(&["rollback", "payments", "--yes"]), "pushed");
    let list = valid(&stage, "quarantine", run(&list), 0);
    assert_eq!(list["versions"][0]["entry"]["version"], "bad1111");
    let lift = ["quarantine", "lift", "payments", "bad1111"];
    assert_eq!(outcome(&[&lift[..], &["--dry-run"]].concat()), "planned");
    let yes = ["--reason", "mended", "--yes"];
    assert_eq!(outcome(&[&lift[..], &yes].concat()), "pushed");
    let _ = valid(&stage, "status", run(&["status"]), 0);
    let _ = valid(
        &stage,
        "history",
        run(&["history", "payments", "--limit", "1"]),
        0,
    );
}

#[test]
fn every_problem_is_as_its_schema_says_and_in_words_on_stderr() {
    let stage = Stage::payments();
    for (args, code, word) in [
        (&["rollback", "nope", "--yes"][..], 2, "unknown_service"),
        (
            &["rollback", "payments", "nowhere", "--yes"],
            2,
            "unknown_environment",
        ),
        (&["rollback", "payments"], 2, "not_confirmed"),
        (&["rollback", "--yes"], 2, "no_service"),
        (&["rollback", "orders", "--yes"], 1, "no_earlier_version"),
        (
            &["rollback", "payments", "--to", "v9", "--yes"],
            2,
            "unknown_version",
        ),
        (&["plan", "payments", "--to", "-0"], 2, "bad_target"),
        (
            &["plan", "-e", "production", "--as-of", "tea time"],
            2,
            "bad_time",
        ),
        (&["plan", "--commit", "no-such-commit"], 2, "unknown_commit"),
        (&["undo", "--yes"], 1, "no_rollback"),
        (&["status", "--branch", "nope"], 2, "unknown_branch"),
        (
            &["status", "--config", "/no/such/file"],
            2,
            "bad_configuration",
        ),
    ] {
        let output = stage.run(&[args, &["-o", "json"]].concat());
        assert!(output.stderr.starts_with("error: "), "{output:?}");
        let problem = valid(&stage, "problem", output, code);
        assert_eq!(problem["error"]["code"], word, "{args:?}");
        assert_eq!(problem["exit_code"], code, "{args:?}");
        let text = stage.run(args).assert_code(code);
        assert_eq!(text.stdout, "", "{args:?}");
    }
    assert_eq!(stage.commits(), 3);
}

#[test]
fn a_wrong_flag_is_a_usage_error() {
    let stage = Stage::empty();
    for args in [
        &["rollback", "--no-such-flag"][..],
        &["no-such-command"],
        &["plan", "a", "--to", "x", "--as-of", "y"],
    ] {
        let _ = stage.ripcord().run(args).unwrap().assert_code(2);
    }
    let _ = stage.ripcord().run(["--version"]).unwrap().assert_code(0);
    let help = stage.ripcord().run(["--help"]).unwrap().assert_code(0);
    assert_says(&help, &["Exit codes:", "70  internal error"]);
}

#[test]
fn yaml_says_the_same_as_json() {
    let stage = Stage::payments();
    for args in [
        &["status"][..],
        &["history", "payments"],
        &["plan", "payments"],
        &["rollback", "nope", "--yes"],
    ] {
        let of = |format: &str| stage.run(&[args, &["-o", format]].concat());
        let from_yaml: Value = serde_saphyr::from_str(&of("yaml").stdout).unwrap();
        assert_eq!(from_yaml, of("json").json().unwrap(), "{args:?}");
    }
}

#[test]
fn the_configuration_that_init_writes_is_as_its_schema_says_and_is_read() {
    let stage = Stage::payments();
    let clone = stage.clone("mine");
    let output = stage.ripcord().in_dir(&clone).run(["init"]).unwrap();
    let _ = output.assert_code(0);
    let text = fs::read_to_string(clone.join("ripcord.yaml")).unwrap();
    let schema = json(stage.ripcord().run(["schema", "config"]).unwrap(), 0);
    let config: Option<Value> = serde_saphyr::from_str(&text).unwrap();
    let config = config.unwrap_or_else(|| serde_json::json!({}));
    assert!(
        jsonschema::validator_for(&schema)
            .unwrap()
            .is_valid(&config),
        "{text}"
    );
    let again = stage.run_in(&clone, &["init"]).assert_code(3);
    assert_says(&again, &["--force"]);
    let _ = stage
        .run_in(&clone, &["plan", "payments", "--config", "ripcord.yaml"])
        .assert_code(0);
}

#[test]
fn the_demo_plays_to_its_end() {
    let stage = Stage::empty();
    let output = stage.ripcord().run(["demo"]).unwrap().assert_code(0);
    assert_says(&output, &["payments-service", "pushed"]);
    assert!(!output.stderr.contains("error:"), "{output:?}");
}

#[test]
fn completions_are_there_for_every_shell() {
    let stage = Stage::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = stage
            .ripcord()
            .run(["completions", shell])
            .unwrap()
            .assert_code(0);
        assert_says(&output, &["ripcord", "rollback"]);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let stage = Stage::payments();
    for args in [&["status"][..], &["plan", "payments"], &["schema", "plan"]] {
        let mut command = stage
            .ripcord()
            .command(["--repo", &stage.url()].iter().chain(args));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && stderr.is_empty(),
            "{args:?} {stderr}"
        );
    }
}

#[test]
fn a_result_that_cannot_be_written_is_not_called_a_success() {
    let stage = Stage::payments();
    let mut command = stage
        .ripcord()
        .command(["--repo", &stage.url(), "status", "-o", "json"]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(7),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn over_ssh_it_works_by_url_and_from_a_clone() {
    let stage = Stage::payments();
    let ssh = SshServer::start(&stage.scratch, &stage.scratch.repos()).unwrap();
    let (url, login) = (ssh.url("infra.git"), ssh.git_ssh_command());
    let clone = stage.clone("mine");
    stage.git(&clone, &["remote", "set-url", "origin", &url]);
    let ripcord = || stage.ripcord().env("GIT_SSH_COMMAND", &login);
    let args = ["--repo", &url, "rollback", "payments", "--yes"];
    let _ = ripcord().run(args).unwrap().assert_code(0);
    assert_eq!(stage.live(), "good000");
    let before = stage.snapshot(&clone);
    let _ = ripcord()
        .in_dir(&clone)
        .run(["undo", "--yes"])
        .unwrap()
        .assert_code(0);
    before.assert_same(&stage.snapshot(&clone));
    assert_eq!(stage.live(), "bad1111");
    // Without the key it is a matter of credentials.
    let denied = stage.ripcord().env(
        "GIT_SSH_COMMAND",
        "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
    );
    let output = denied.run(args).unwrap().assert_code(6);
    assert_says(&output, &["refuses these credentials"]);
}

#[test]
fn status_and_history_read_like_this() {
    let mut stage = Stage::payments();
    deploy(&mut stage.infra, "payments", "staging", "s1");
    let _ = stage
        .ripcord()
        .at("2026-09-01T10:00:00Z")
        .run(["--repo", &stage.url(), "rollback", "payments", "--yes"])
        .unwrap()
        .assert_code(0);
    let show = |args: &[&str]| {
        let output = stage.run(args).assert_code(0);
        let commits = stage
            .infra
            .git(&["log", "--format=%h", "--abbrev=10", "main"])
            .unwrap();
        commits
            .lines()
            .enumerate()
            .fold(output.stdout, |text, (n, id)| {
                text.replace(id, &format!("<tip~{n:04}>"))
            })
    };
    insta::assert_snapshot!(show(&["status"]), @"
    SERVICE   ENVIRONMENT  VERSION  SINCE       BY          COMMIT      FLAGS
    orders    production   o1       30d 3h ago  Deploy Bot  <tip~0004>
    payments  staging      s1       30d 2h ago  Deploy Bot  <tip~0001>
    payments  production   good000  30d 2h ago  Olga Call   <tip~0000>  rolled back
    ");
    insta::assert_snapshot!(show(&["history", "payments"]), @"
    payments in production, newest first
    AT (UTC)          WHAT      VERSION             SERVED  ENDED        BY          PR  COMMIT
    2026-09-01 10:00  rollback  bad1111 -> good000  30d 2h  running      Olga Call   -   <tip~0000>
    2026-09-01 09:20  deploy    good000 -> bad1111  40m     rolled back  Deploy Bot  -   <tip~0002>
    2026-09-01 09:10  deploy    (new) -> good000    10m     replaced     Deploy Bot  -   <tip~0003>
    ");
}
