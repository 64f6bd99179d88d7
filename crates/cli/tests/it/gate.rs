//! `hotfix gate`: the reduced gate with scanners that print what real ones printed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use ripcord_testkit::{InfraRepo, Output, Ripcord};
use serde_json::Value;

use crate::stage::{Stage, assert_says, json};

const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// As Trivy 0.74.0 writes it, shortened.
const FOUND: &str = r#"{"SchemaVersion":2,"Trivy":{"Version":"0.74.0"},"ArtifactType":"filesystem","Results":[{"Target":"package-lock.json","Class":"lang-pkgs","Type":"npm","Vulnerabilities":[{"VulnerabilityID":"CVE-2026-0001","PkgName":"lodash","InstalledVersion":"4.17.4","FixedVersion":"4.17.12","Status":"fixed","Severity":"CRITICAL"},{"VulnerabilityID":"CVE-2026-0002","PkgName":"ms","InstalledVersion":"2.0.0","Severity":"LOW"}]}]}"#;
const CLEAN: &str = r#"{"SchemaVersion":2,"Trivy":{"Version":"0.74.0"},"Results":[{"Target":"package-lock.json","Class":"lang-pkgs","Type":"npm"}]}"#;
const NOTHING: &str =
    r#"{"SchemaVersion":2,"Trivy":{"Version":"0.74.0"},"ArtifactType":"filesystem"}"#;

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

    /// How many packages grype says that it looked at.
    fn components(&self, count: usize) {
        let file = r#"{"type":"file","name":"/package-lock.json"}"#;
        let package = r#",{"type":"library","name":"ms"}"#.repeat(count);
        let list = format!(r#"{{"bomFormat":"CycloneDX","components":[{file}{package}]}}"#);
        fs::write(self.programs.join("components.json"), list).unwrap();
    }

    /// A grype that writes this report where it is told to, after `before`.
    fn grype(&self, before: &str, report: &str) {
        fs::write(self.programs.join("grype.json"), report).unwrap();
        self.components(1);
        let script = format!(
            "{before}\nlast=\nfor word in \"$@\"; do\n  case \"$last=$word\" in\n    --file=*) cp {0}/grype.json \"$word\" ;;\n    -o=json=*) cp {0}/grype.json \"${{word#json=}}\" ;;\n    -o=cyclonedx-json=*) cp {0}/components.json \"${{word#cyclonedx-json=}}\" ;;\n  esac\n  last=$word\ndone\n",
            self.programs.display()
        );
        self.program("grype", &script);
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
        let mut ripcord = self.stage.ripcord();
        for (name, value) in variables {
            ripcord = ripcord.env(name, value);
        }
        ripcord
            .in_dir(&self.clone)
            .env("PATH", path)
            .env("TRIVY_CACHE_DIR", cache)
            .env("DEPLOY_TOKEN", "very-secret-word")
            .at("2026-11-20T17:15:00Z")
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
    shop.program(
        "trivy",
        "echo 'FATAL Fatal error run error: init error: DB error' >&2; exit 1\n",
    );
    let failed = shop.gate(&[]);
    assert_says(
        &failed,
        &[
            "scanner failed",
            "init error: DB error",
            "--override 'source scan=REASON'",
        ],
    );
    let _ = failed.assert_code(3);
    fs::remove_file(shop.programs.join("trivy")).unwrap();
    let missing = shop.gate(&[]);
    assert_says(&missing, &["no `trivy` on PATH"]);
    let _ = missing.assert_code(3);
}

#[test]
fn a_database_that_cannot_be_renewed_is_gone_by_while_it_is_young_and_the_scan_is_owed() {
    let shop = Shop::new(&policy("true", ""));
    shop.trivy(CLEAN, 0);
    let as_it_was = fs::read_to_string(shop.programs.join("trivy")).unwrap();
    let script = as_it_was.replace(
        "#!/bin/sh\n",
        "case \"$*\" in *--skip-db-update*) ;; *) echo 'failed to download vulnerability DB' >&2; exit 1;; esac\n",
    );
    shop.program("trivy", &script);
    let record = shop.record(&[], 0);
    assert_eq!(record["rescan_owed"], true);
    assert!(
        record["checks"][1]["why"]
            .as_str()
            .unwrap()
            .contains("failed to download")
    );
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
fn a_gate_that_is_ended_by_a_signal_leaves_nothing_running() {
    let mark = "1847.25";
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

/// A shop that scans by a script of its own, which writes SARIF.
fn sarif_shop(script: &str, more: &str) -> Shop {
    let scan = "  scan: {with: sarif, run: 'sh scan.sh', run_image: 'sh scan.sh {image}', sarif: out.sarif}\n";
    let shop = Shop::new(&policy("true", &format!("{scan}{more}")));
    fs::write(shop.clone.join("scan.sh"), script).unwrap();
    fs::write(shop.clone.join(".gitignore"), "out.sarif\n").unwrap();
    shop.stage
        .git(&shop.clone, &["add", "scan.sh", ".gitignore"]);
    shop.stage.git(&shop.clone, &["commit", "-qm", "Scan"]);
    shop
}

const SARIF_FOUND: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":[{"id":"V1","properties":{"security-severity":"9.1"}}]}},"results":[{"ruleId":"V1"}]}]}"#;
const SARIF_CLEAN: &str =
    r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[]}]}"#;

#[test]
fn any_other_scanner_goes_by_sarif() {
    let shop = sarif_shop(&format!("echo '{SARIF_FOUND}' > out.sarif\n"), "");
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "found");
    assert_eq!(record["checks"][1]["findings"][0]["id"], "V1");
}

#[test]
fn a_scanner_that_crashes_does_not_pass_by_a_report_from_before() {
    let shop = sarif_shop("echo boom >&2\nexit 2\n", "");
    fs::write(shop.clone.join("out.sarif"), SARIF_CLEAN).unwrap();
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
    let shop = sarif_shop("true\n", "");
    fs::write(shop.clone.join("out.sarif"), SARIF_CLEAN).unwrap();
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
}

#[test]
fn an_image_scan_that_writes_nothing_does_not_pass_by_the_report_of_the_source_scan() {
    let build = format!(
        "  build: {{run: 'echo {DIGEST} > $RIPCORD_DIGEST_FILE', image: ghcr.io/acme/shop}}\n"
    );
    let script = format!("[ -n \"$1\" ] || echo '{SARIF_CLEAN}' > out.sarif\n");
    let record = sarif_shop(&script, &build).record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "passed");
    assert_eq!(verdict(&record, "image scan"), "scanner_failed");
}

#[test]
fn a_scanner_that_fails_without_a_finding_does_not_pass() {
    let shop = sarif_shop(&format!("echo '{SARIF_CLEAN}' > out.sarif\nexit 2\n"), "");
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
    let why = record["checks"][1]["why"].as_str().unwrap();
    assert!(why.contains("status 2"), "{why}");
    // With a finding below the threshold the status says what the report says.
    let low = SARIF_FOUND.replace("9.1", "5.0");
    let shop = sarif_shop(&format!("echo '{low}' > out.sarif\nexit 1\n"), "");
    assert_eq!(verdict(&shop.record(&[], 0), "source scan"), "passed");
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
    fs::write(shop.programs.join("image.json"), FOUND).unwrap();
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

/// What a fake scanner prints where its settings let it: `--config` or `-c` with an empty file, and no variable that
/// hides something.
const SEES_ALL: &str = r#"
settings=.; last=; output=
for word in "$@"; do
  case "$last" in --config | -c) settings=$word ;; --output | --file) output=$word ;; esac
  last=$word
done
[ -f "$settings" ] && [ ! -s "$settings" ] || exit 0
[ -z "$TRIVY_SEVERITY$TRIVY_IGNOREFILE$TRIVY_SKIP_DIRS$GRYPE_EXCLUDE$GRYPE_ONLY_FIXED" ] || exit 0
"#;

#[test]
fn settings_around_trivy_do_not_hide_a_critical() {
    let shop = Shop::new(&policy("true", ""));
    shop.trivy(CLEAN, 0);
    fs::write(shop.programs.join("found.json"), FOUND).unwrap();
    let found = shop.programs.join("found.json").display().to_string();
    let clean = shop.programs.join("report.json").display().to_string();
    let script = format!("{SEES_ALL}cp {found} \"$output\"\nexit 10\n").replace(
        "|| exit 0",
        &format!("|| {{ cp {clean} \"$output\"; exit 0; }}"),
    );
    // It finds where the output goes before it gives up.
    shop.program("trivy", &script);
    let variables = [
        ("TRIVY_SEVERITY", "LOW"),
        ("TRIVY_IGNOREFILE", "/tmp/ignore"),
        ("TRIVY_SKIP_DIRS", "**"),
    ];
    let record = shop.record_with(&variables, &[], 3);
    assert_eq!(verdict(&record, "source scan"), "found");
    let command = record["checks"][1]["command"].as_str().unwrap();
    assert!(
        command.contains("--severity UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL"),
        "{command}"
    );
}

/// As grype 0.121.2 writes it, shortened.
const GRYPE_CLEAN: &str = r#"{"matches":[],"descriptor":{"name":"grype","version":"0.121.2","db":{"status":{"built":"2026-11-20T10:00:00Z"}}}}"#;

#[test]
fn a_grype_that_cannot_renew_its_database_owes_a_scan() {
    let shop = Shop::new(&policy("true", "  scan: {with: grype}\n"));
    // It only warns where it need not have looked for an update.
    let down = "[ \"$GRYPE_DB_AUTO_UPDATE\" != true ] || { echo 'unable to update db' >&2; [ \"$GRYPE_DB_REQUIRE_UPDATE_CHECK\" != true ] || exit 1; }";
    shop.grype(down, GRYPE_CLEAN);
    let record = shop.record(&[], 0);
    assert_eq!(verdict(&record, "source scan"), "passed");
    assert_eq!(record["rescan_owed"], true);
    let why = record["checks"][1]["why"].as_str().unwrap();
    assert!(why.contains("unable to update db"), "{why}");
    // Who says that somebody else renews it is believed, and its age is looked at all the same.
    let said = [("GRYPE_DB_AUTO_UPDATE", "false")];
    let record = shop.record_with(&said, &[], 0);
    assert_eq!(record["rescan_owed"], false);
    shop.grype(down, &GRYPE_CLEAN.replace("11-20", "11-10"));
    let record = shop.record_with(&said, &[], 3);
    assert_eq!(verdict(&record, "source scan"), "database_too_old");
}

#[test]
fn whether_grype_looked_at_nothing_is_what_it_says_and_no_guess() {
    let build = format!(
        "  scan: {{with: grype}}\n  build: {{run: 'echo {DIGEST} > $RIPCORD_DIGEST_FILE', image: ghcr.io/acme/shop}}\n"
    );
    let shop = Shop::new(&policy("true", &build));
    shop.grype("", GRYPE_CLEAN);
    let clean = shop.record(&[], 0);
    assert_eq!(verdict(&clean, "image scan"), "passed");
    assert!(clean["checks"][3].get("why").is_none(), "{clean}");
    // There is a lock file, and grype took nothing from it.
    shop.components(0);
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "nothing_scanned");
    // An image of one static program holds no package: that is said, and is no failure.
    let image = "case \"$1\" in registry:*) last=; for w in \"$@\"; do case $w in json=*) cp \"$0.json\" \"${w#json=}\";; cyclonedx-json=*) echo '{\"bomFormat\":\"CycloneDX\"}' > \"${w#cyclonedx-json=}\";; esac; done; exit;; esac";
    shop.grype(image, GRYPE_CLEAN);
    let record = shop.record(&[], 0);
    assert_eq!(verdict(&record, "image scan"), "passed");
    let why = record["checks"][3]["why"].as_str().unwrap();
    assert!(why.contains("no packages in the image"), "{why}");
    // It knows files that nobody here has heard of.
    shop.stage.git(
        &shop.clone,
        &["mv", "package-lock.json", "requirements-prod.txt"],
    );
    shop.stage.git(&shop.clone, &["commit", "-qm", "Move"]);
    shop.grype("", GRYPE_CLEAN);
    assert_eq!(verdict(&shop.record(&[], 0), "source scan"), "passed");
    fs::remove_file(shop.programs.join("components.json")).unwrap();
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
}

#[test]
fn an_old_database_of_osv_scanner_does_not_pass_when_its_server_is_away() {
    let shop = Shop::new(&policy("true", "  scan: {with: osv-scanner}\n"));
    let script = "case \"$*\" in *--offline*) ;; *) echo 'no such host' >&2; exit 127;; esac\nwhile [ $# -gt 0 ]; do [ \"$1\" = --output ] && echo '{\"results\":[]}' > \"$2\"; shift; done\n";
    shop.program("osv-scanner", script);
    let cache = shop.stage.scratch.path().join("osv");
    let said = [(
        "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY",
        cache.to_str().unwrap(),
    )];
    let unknown = shop.record_with(&said, &[], 3);
    assert_eq!(verdict(&unknown, "source scan"), "database_too_old");
    let folder = cache.join("osv-scanner/npm");
    fs::create_dir_all(&folder).unwrap();
    let archive = fs::File::create(folder.join("all.zip")).unwrap();
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().into();
    archive.set_modified(at("2026-10-01T10:00:00Z")).unwrap();
    let old = shop.record_with(&said, &[], 3);
    assert_eq!(verdict(&old, "source scan"), "database_too_old");
    archive.set_modified(at("2026-11-20T10:00:00Z")).unwrap();
    let young = shop.record_with(&said, &[], 0);
    assert_eq!(young["rescan_owed"], true);
    // With the server it goes by no database at all.
    let online = script.replace("*--offline*) ;; *)", "nothing)");
    shop.program("osv-scanner", &online);
    archive.set_modified(at("2026-10-01T10:00:00Z")).unwrap();
    let record = shop.record_with(&said, &[], 0);
    assert_eq!(record["rescan_owed"], false);
}

#[test]
fn an_image_that_osv_scanner_cannot_ask_about_has_no_second_call() {
    let build = format!(
        "  scan: {{with: osv-scanner}}\n  build: {{run: 'echo {DIGEST} > $RIPCORD_DIGEST_FILE', image: ghcr.io/acme/shop}}\n"
    );
    let shop = Shop::new(&policy("true", &build));
    let script = "[ \"$2\" != image ] || { echo called >> ../images; exit 127; }\nwhile [ $# -gt 0 ]; do [ \"$1\" = --output ] && echo '{\"results\":[]}' > \"$2\"; shift; done\n";
    shop.program("osv-scanner", script);
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "image scan"), "scanner_failed");
    let calls = fs::read_to_string(shop.clone.join("../images")).unwrap();
    assert_eq!(calls, "called\n");
}

#[test]
fn without_a_policy_the_files_tell_how_unit_tests_run_or_it_is_asked_for() {
    let shop = Shop::new("# nothing\n");
    shop.trivy(CLEAN, 0);
    let output = shop.gate(&[]);
    assert_says(&output, &["no file here tells how the unit tests run"]);
    let _ = output.assert_code(2);
}
