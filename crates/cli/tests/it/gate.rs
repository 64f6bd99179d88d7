//! `hotfix gate`: the reduced gate with scanners that print what real ones printed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use ripcord_testkit::{InfraRepo, Output, Ripcord};
use serde_json::Value;

use crate::stage::{Stage, assert_says, json};

mod scanners;

const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// What Trivy 0.74.0 wrote; see the README beside the files.
const FOUND: &str = include_str!("../recorded/trivy-0.74.0/found.json");
const CLEAN: &str = include_str!("../recorded/trivy-0.74.0/clean.json");
const NOTHING: &str = include_str!("../recorded/trivy-0.74.0/nothing.json");
const IMAGE_FOUND: &str = include_str!("../recorded/trivy-0.74.0/image-found.json");
/// What it said when it could not get its database, and when it had none.
const NO_SERVER: &str = include_str!("../recorded/trivy-0.74.0/no-server.txt");
const NO_DATABASE: &str = include_str!("../recorded/trivy-0.74.0/no-database.txt");

struct Shop {
    stage: Stage,
    clone: PathBuf,
    programs: PathBuf,
}

impl Shop {
    /// A clone of a source with this policy; no scanner is there.
    fn new(policy: &str) -> Self {
        let stage = Stage::empty();
        let mut source = InfraRepo::new(&stage.scratch, "shop.git").unwrap();
        source.write("ripcord.yaml", policy);
        source.write("package-lock.json", "{}\n");
        source.commit("Begin").land().unwrap();
        let clone = stage
            .scratch
            .clone_of(&stage.server.url("shop.git"), "shop")
            .unwrap();
        stage.git(&clone, &["switch", "-q", "-c", "hotfix/INC-31-x"]);
        let programs = stage.scratch.path().join("programs");
        fs::create_dir(&programs).unwrap();
        Self {
            stage,
            clone,
            programs,
        }
    }

    /// A program of this name on PATH.
    fn program(&self, name: &str, script: &str) {
        let path = self.programs.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A Trivy that writes this report and ends with this status.
    fn trivy(&self, report: &str, status: i32) {
        fs::write(self.programs.join("report.json"), report).unwrap();
        let script = format!(
            "while [ $# -gt 0 ]; do [ \"$1\" = --output ] && cp {}/report.json \"$2\"; shift; done\nexit {status}\n",
            self.programs.display()
        );
        self.program("trivy", &script);
        self.database("2026-11-20T10:00:00Z");
    }

    fn database(&self, updated: &str) {
        let folder = self.stage.scratch.path().join("trivy/db");
        fs::create_dir_all(&folder).unwrap();
        let text = format!(r#"{{"Version":2,"UpdatedAt":"{updated}"}}"#);
        fs::write(folder.join("metadata.json"), text).unwrap();
    }

    fn gate(&self, args: &[&str]) -> Output {
        self.gate_with(&[], args)
    }

    fn gate_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Output {
        let all = ["hotfix", "gate"].iter().chain(args);
        self.ripcord(variables).run(all).unwrap()
    }

    fn ripcord(&self, variables: &[(&str, &str)]) -> Ripcord {
        let path = format!(
            "{}:{}",
            self.programs.display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let cache = self
            .stage
            .scratch
            .path()
            .join("trivy")
            .display()
            .to_string();
        let ripcord = self.stage.ripcord().in_dir(&self.clone);
        let ripcord = ripcord
            .env("PATH", path)
            .env("TRIVY_CACHE_DIR", cache)
            .env("DEPLOY_TOKEN", "very-secret-word")
            .at("2026-11-20T17:15:00Z");
        let set = |ripcord: Ripcord, (name, value): &(&str, &str)| ripcord.env(name, value);
        variables.iter().fold(ripcord, set)
    }

    /// A PATH with what a gate needs, and without what whoever runs these tests has besides.
    fn bare_path(&self) -> String {
        let folder = self.stage.scratch.path().join("bare");
        fs::create_dir(&folder).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        for program in ["git", "sh"] {
            let mut found = std::env::split_paths(&path).map(|folder| folder.join(program));
            let found = found.find(|program| program.is_file()).unwrap();
            std::os::unix::fs::symlink(found, folder.join(program)).unwrap();
        }
        folder.display().to_string()
    }

    fn record(&self, args: &[&str], exit: i32) -> Value {
        self.record_with(&[], args, exit)
    }

    fn record_with(&self, variables: &[(&str, &str)], args: &[&str], exit: i32) -> Value {
        let all: Vec<&str> = ["-o", "json"]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        json(self.gate_with(variables, &all), exit)
    }
}

/// A scanner that says this and ends with 1.
fn failing(said: &str) -> String {
    format!("cat >&2 <<'SAID'\n{said}\nSAID\nexit 1\n")
}

fn policy(unit: &str, more: &str) -> String {
    format!("gate:\n  checks:\n    - {{name: unit tests, run: '{unit}', time_box: 5s}}\n{more}")
}

fn building(unit: &str) -> String {
    policy(
        unit,
        &format!(
            "  build: {{run: 'echo {DIGEST} > $RIPCORD_DIGEST_FILE', image: ghcr.io/acme/shop}}\n  normal: [{{name: integration tests, context: ci / integration}}]\n"
        ),
    )
}

fn verdict(record: &Value, name: &str) -> String {
    let checks = record["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    check.map_or_else(
        || "absent".into(),
        |check| check["verdict"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn a_gate_that_passes_ends_with_a_digest_and_a_record() {
    let shop = Shop::new(&building("true"));
    shop.trivy(CLEAN, 0);
    let file = shop.stage.scratch.path().join("gate.json");
    let record = shop.record(&["--record", file.to_str().unwrap()], 0);
    assert_eq!(record["passed"], true);
    assert_eq!(record["digest"], DIGEST);
    assert_eq!(record["hotfix"], "INC-31-x");
    assert_eq!(record["skipped"][0]["context"], "ci / integration");
    assert_eq!(record["checks"][1]["tool"]["version"], "0.74.0");
    assert_eq!(
        record["checks"][1]["tool"]["database"],
        "2026-11-20T10:00:00Z"
    );
    assert!(record["tag"].as_str().unwrap().starts_with("hotfix-"));
    let written: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(written, record);
}

#[test]
fn a_planted_critical_stops_and_cannot_be_overridden() {
    let shop = Shop::new(&building("true"));
    shop.trivy(FOUND, 10);
    let record = shop.record(&["--override", "source scan=we are in a hurry"], 3);
    assert_eq!(verdict(&record, "source scan"), "found");
    assert_eq!(
        record["checks"][1]["found"], 1,
        "the low one is below the threshold"
    );
    assert_eq!(verdict(&record, "build and push"), "not_run");
    assert_eq!(record["overrides"], Value::Array(vec![]));
}

#[test]
fn what_the_report_says_counts_whatever_the_status() {
    let shop = Shop::new(&policy("true", ""));
    shop.trivy(FOUND, 0);
    assert_eq!(verdict(&shop.record(&[], 3), "source scan"), "found");
    shop.trivy(&FOUND[..120], 10);
    assert_eq!(
        verdict(&shop.record(&[], 3), "source scan"),
        "scanner_failed"
    );
    shop.program("trivy", "exit 0\n");
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
}

#[test]
fn the_four_results_of_a_scan_are_told_apart() {
    let shop = Shop::new(&policy("true", ""));
    shop.trivy(NOTHING, 0);
    assert_eq!(
        verdict(&shop.record(&[], 3), "source scan"),
        "nothing_scanned"
    );
    shop.trivy(CLEAN, 0);
    shop.database("2026-08-29T10:00:00Z");
    let old = shop.record(&[], 3);
    assert_eq!(verdict(&old, "source scan"), "database_too_old");
    shop.program("trivy", &failing(NO_DATABASE));
    let failed = shop.gate(&[]);
    assert_says(
        &failed,
        &[
            "scanner failed",
            "DB error: database error: --skip-db-update cannot be specified on the first run",
            "--override 'source scan=REASON'",
        ],
    );
    let _ = failed.assert_code(3);
    let missing = shop.gate_with(&[("PATH", &shop.bare_path())], &[]);
    assert_says(&missing, &["no `trivy` on PATH"]);
    let _ = missing.assert_code(3);
}

#[test]
fn a_database_that_cannot_be_renewed_is_gone_by_while_it_is_young_and_the_scan_is_owed() {
    let shop = Shop::new(&policy("true", ""));
    shop.trivy(CLEAN, 0);
    let as_it_was = fs::read_to_string(shop.programs.join("trivy")).unwrap();
    let first = format!(
        "case \"$*\" in *--skip-db-update*) ;; *)\n{};; esac\n",
        failing(NO_SERVER)
    );
    let script = as_it_was.replace("#!/bin/sh\n", &first);
    shop.program("trivy", &script);
    let record = shop.record(&[], 0);
    assert_eq!(record["rescan_owed"], true);
    let why = record["checks"][1]["why"].as_str().unwrap();
    for words in ["failed to download vulnerability DB", "connection refused"] {
        assert!(why.contains(words), "{why}");
    }
    shop.database("2026-11-01T10:00:00Z");
    assert_eq!(
        verdict(&shop.record(&[], 3), "source scan"),
        "database_too_old"
    );
}

#[test]
fn a_person_may_decide_where_nothing_is_known_and_that_is_recorded() {
    let shop = Shop::new(&building("true"));
    shop.program("trivy", "exit 1\n");
    let args = [
        "--override",
        "source scan=the server is down",
        "--override",
        "image scan=the same",
    ];
    let record = shop.record(&args, 0);
    assert_eq!(record["overrides"][0]["reason"], "the server is down");
    assert_eq!(record["overrides"][0]["verdict"], "scanner_failed");
    assert_eq!(record["rescan_owed"], true);
    let _ = shop.gate(&["--override", "source scan"]).assert_code(2);
    let _ = shop.gate(&["--override", "lint=no"]).assert_code(2);
}

#[test]
fn unit_tests_stop_a_hotfix_and_are_not_dropped_unless_the_policy_says_so() {
    let shop = Shop::new(&building("echo very-secret-word; echo boom >&2; false"));
    shop.trivy(CLEAN, 0);
    let failed = shop.gate(&[]);
    assert_says(&failed, &["unit tests", "failed", "boom", "***"]);
    assert!(!failed.stdout.contains("very-secret-word"), "{failed:?}");
    let _ = failed.assert_code(3);
    let refused = shop.gate(&["--override", "unit tests=later"]);
    assert_says(&refused, &["never dropped"]);
    let _ = refused.assert_code(3);
    let droppable = "gate:\n  checks:\n    - {name: lint, run: 'false', droppable: true}\n";
    let shop = Shop::new(droppable);
    shop.trivy(CLEAN, 0);
    let record = shop.record(&["--override", "lint=not now"], 0);
    assert_eq!(verdict(&record, "lint"), "dropped");
    assert_eq!(record["overrides"][0]["check"], "lint");
}

#[test]
fn no_secret_of_many_lines_or_in_an_address_gets_into_the_record() {
    let shop = Shop::new(&policy(
        "printenv DEPLOY_KEY DATABASE_URL PGPASS; false",
        "",
    ));
    shop.trivy(CLEAN, 0);
    let variables = [
        (
            "DEPLOY_KEY",
            "-----BEGIN-----\nfirst-of-the-key\nsecond-of-the-key",
        ),
        ("DATABASE_URL", "postgres://shop:correct-horse@db/shop"),
        ("PGPASS", "battery-staple"),
    ];
    let file = shop.stage.scratch.path().join("gate.json");
    let output = shop.gate_with(&variables, &["--record", file.to_str().unwrap()]);
    let record = fs::read_to_string(file).unwrap();
    assert!(record.contains("postgres://shop:***@db"), "{record}");
    for secret in ["of-the-key", "correct-horse", "battery-staple"] {
        assert!(!record.contains(secret), "{record}");
        assert!(!output.stdout.contains(secret), "{output:?}");
        assert!(!output.stderr.contains(secret), "{output:?}");
    }
    let _ = output.assert_code(3);
}

/// Whether a process has this in its command line.
fn is_running(mark: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    })
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a signal is sent as a person sends it"
)]
fn a_gate_that_is_ended_by_a_signal_leaves_nothing_running() {
    let mark = &format!("1847.{}", std::process::id());
    let policy = format!(
        "gate:\n  checks:\n    - {{name: long, run: 'sleep {mark} & sleep {mark}', time_box: 5m}}\n"
    );
    let shop = Shop::new(&policy);
    shop.trivy(CLEAN, 0);
    let running = shop.ripcord(&[]).spawn(["hotfix", "gate"]).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while !is_running(&format!("sleep\0{mark}")) {
        assert!(Instant::now() < until, "the check never began");
        thread::sleep(Duration::from_millis(50));
    }
    // The others are listened for in the same way, and may be ignored where these tests run.
    let sent = std::process::Command::new("kill")
        .args(["-TERM".to_owned(), running.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let output = running.wait().unwrap();
    assert_says(&output, &["ended by SIGTERM"]);
    assert!(!is_running(mark), "something of the gate is still there");
}

#[test]
fn a_test_that_hangs_is_ended_with_all_that_it_started() {
    let mark = "1846.25";
    let policy = format!(
        "gate:\n  checks:\n    - {{name: hangs, run: 'sleep {mark} & sleep {mark}', time_box: 1s}}\n"
    );
    let shop = Shop::new(&policy);
    shop.trivy(CLEAN, 0);
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "hangs"), "timed_out");
    let left = is_running(mark);
    assert!(!left, "a process of the test is still there");
}

#[test]
fn files_that_are_in_no_commit_are_not_gated() {
    let shop = Shop::new(&policy("true", ""));
    shop.trivy(CLEAN, 0);
    fs::write(shop.clone.join("package-lock.json"), "{\"changed\": 1}\n").unwrap();
    let output = shop.gate(&[]);
    assert_says(&output, &["package-lock.json", "for a commit"]);
    let _ = output.assert_code(3);
}

#[test]
fn a_build_without_a_digest_is_no_build() {
    let more = "  build: {run: 'echo built', image: ghcr.io/acme/shop}\n";
    let shop = Shop::new(&policy("true", more));
    shop.trivy(CLEAN, 0);
    let output = shop.gate(&[]);
    assert_says(&output, &["gave no digest"]);
    let _ = output.assert_code(3);
}

#[test]
fn an_image_with_a_critical_is_not_signed() {
    let signing = "  sign: {run: 'echo {image} > ../signed'}\n";
    let shop = Shop::new(&format!("{}{signing}", building("true")));
    shop.trivy(CLEAN, 0);
    let signed = shop.clone.join("../signed");
    let record = shop.record(&[], 0);
    assert_eq!(verdict(&record, "signature"), "passed");
    let text = fs::read_to_string(&signed).unwrap();
    assert_eq!(text.trim(), format!("ghcr.io/acme/shop@{DIGEST}"));
    fs::remove_file(&signed).unwrap();
    // Only the image has it: the base image brought it.
    fs::write(shop.programs.join("image.json"), IMAGE_FOUND).unwrap();
    let as_it_was = fs::read_to_string(shop.programs.join("trivy")).unwrap();
    let script = as_it_was.replace(
        "#!/bin/sh\n",
        &format!(
            "case \"$1\" in image) cp {0}/image.json {0}/report.json;; esac\n",
            shop.programs.display()
        ),
    );
    shop.program("trivy", &script);
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "image scan"), "found");
    assert_eq!(verdict(&record, "signature"), "not_run");
    assert!(!signed.exists(), "it was signed all the same");
}

#[test]
fn without_a_policy_the_files_tell_how_unit_tests_run_or_it_is_asked_for() {
    let shop = Shop::new("# nothing\n");
    shop.trivy(CLEAN, 0);
    let output = shop.gate(&[]);
    assert_says(&output, &["no file here tells how the unit tests run"]);
    let _ = output.assert_code(2);
}
