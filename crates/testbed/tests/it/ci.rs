//! The programs that pipelines run are there, and do what a gate relies on.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use jiff::{Timestamp, ToSpan as _};
use ripcord_testbed::tools::{Group, Toolbox, prepare};
use ripcord_testbed::{Vulnerability, write_grype_database};

fn tools() -> Toolbox {
    prepare(&[Group::Ci], &mut |_| {}).unwrap()
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn every_program_answers_with_the_version_that_is_required() {
    let tools = tools();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbed/tools");
    let asked = [
        (
            "registry",
            "--version",
            "github.com/distribution/distribution/v3",
        ),
        ("crane", "version", "github.com/google/go-containerregistry"),
        ("act", "--version", "github.com/nektos/act"),
        ("actionlint", "-version", "github.com/rhysd/actionlint"),
        ("grype", "version", "github.com/anchore/grype"),
        ("cosign", "version", "github.com/sigstore/cosign/v3"),
    ];
    for (program, how, module) in asked {
        let required = fs::read_to_string(folder.join(program).join("go.mod")).unwrap();
        let line = format!("{module} v");
        let at = required
            .lines()
            .find_map(|text| text.trim().split_once(&line));
        let version = at.unwrap().1.split_whitespace().next().unwrap();
        let output = Command::new(tools.program(program).unwrap())
            .arg(how)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
        assert!(
            said(&output).contains(version),
            "{program} {version}: {output:?}"
        );
    }
}

struct Scan {
    folder: tempfile::TempDir,
    tools: Toolbox,
}

impl Scan {
    fn of_version(version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("app");
        fs::create_dir(&app).unwrap();
        let lock = Vulnerability::event_stream().lock_file(version);
        fs::write(app.join("package-lock.json"), lock).unwrap();
        let tools = tools();
        Self { folder, tools }
    }

    fn database_of(&self, days_ago: i64) {
        let now = Timestamp::try_from(SystemTime::now()).unwrap();
        let built = now.checked_sub((days_ago * 24).hours()).unwrap();
        let known = [Vulnerability::event_stream()];
        let database = self.folder.path().join("database");
        write_grype_database(&self.tools, &database, built, &known).unwrap();
    }

    fn grype(&self) -> Output {
        Command::new(self.tools.program("grype").unwrap())
            .arg(format!("dir:{}", self.folder.path().join("app").display()))
            // With `-q` it fails without a word.
            .args(["--fail-on", "critical", "-o", "json"])
            .env("GRYPE_DB_CACHE_DIR", self.folder.path().join("database"))
            .env("GRYPE_DB_AUTO_UPDATE", "false")
            .env("GRYPE_CHECK_FOR_APP_UPDATE", "false")
            .env("HOME", self.folder.path())
            .output()
            .unwrap()
    }
}

#[test]
fn grype_finds_what_the_database_knows_and_nothing_else() {
    let scan = Scan::of_version("3.3.6");
    scan.database_of(0);
    let found = scan.grype();
    assert_eq!(found.status.code(), Some(2), "{found:?}");
    let report: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let matches = report["matches"].as_array().unwrap();
    assert_eq!(matches.len(), 1, "{report}");
    let vulnerability = &matches[0]["vulnerability"];
    assert_eq!(vulnerability["id"], "GHSA-mh6f-8j2x-4483");
    assert_eq!(vulnerability["severity"], "Critical");
    assert_eq!(vulnerability["fix"]["versions"][0], "3.3.7");

    let scan = Scan::of_version("3.3.7");
    scan.database_of(0);
    let clean = scan.grype();
    assert_eq!(clean.status.code(), Some(0), "{clean:?}");
    let report: serde_json::Value = serde_json::from_slice(&clean.stdout).unwrap();
    assert_eq!(report["matches"], serde_json::json!([]));
}

#[test]
fn grype_refuses_a_database_that_is_too_old_or_not_there() {
    let scan = Scan::of_version("3.3.7");
    let missing = scan.grype();
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert!(
        said(&missing).contains("database does not exist"),
        "{missing:?}"
    );
    scan.database_of(6);
    let old = scan.grype();
    assert_eq!(old.status.code(), Some(1), "{old:?}");
    assert!(said(&old).contains("max allowed age is 5 days"), "{old:?}");
}

#[test]
fn the_writer_of_databases_says_what_it_does_not_understand() {
    let folder = tempfile::tempdir().unwrap();
    let tools = tools();
    let output = Command::new(tools.program("grype-db-writer").unwrap())
        .args(["-built", "yesterday"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("-built"), "{output:?}");
}
