//! The generated workflows, linted and really run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ripcord_testbed::tools::{Group, Toolbox, prepare};
use ripcord_testbed::{Act, GitServer, Ran, Workflow};
use ripcord_testkit::{ImageRegistry, InfraRepo, Options, Ripcord, Scratch};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_ripcord");
const FIX: &str = "1111111111111111111111111111111111111111";
const DIGEST: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
const TOKEN: &str = "a-token-that-nobody-may-see";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const CLEAN: &str = r#"{"SchemaVersion":2,"Trivy":{"Version":"0.74.0"},"Results":[{"Target":"package-lock.json","Class":"lang-pkgs","Type":"npm"}]}"#;

fn tools() -> Toolbox {
    prepare(&[Group::Ci], &mut |_| {}).unwrap()
}

/// A server with an infra repo and a service's source, and a folder of programs.
struct Place {
    scratch: Scratch,
    server: GitServer,
    infra: InfraRepo,
    programs: PathBuf,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::new().unwrap();
        let infra = InfraRepo::new(&scratch, "infra.git").unwrap();
        let server = GitServer::start(&scratch.repos(), Options::default()).unwrap();
        let programs = scratch.path().join("programs");
        fs::create_dir(&programs).unwrap();
        let place = Self {
            scratch,
            server,
            infra,
            programs,
        };
        place.program("ripcord", &format!("exec {BINARY} \"$@\"\n"));
        place
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.programs.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes the files into a clone, and commits them.
    fn init(&self, clone: &Path, forge: &str, args: &[&str]) {
        let ripcord = Ripcord::new(&self.scratch, BINARY).in_dir(clone);
        let all = [&["pipeline", "init", forge], args].concat();
        let _ = ripcord.run(all).unwrap().assert_code(0);
        self.scratch.git(clone, &["add", "-A"]).unwrap();
        let commit = ["commit", "-qm", "Let CI carry hotfixes"];
        self.scratch.git(clone, &commit).unwrap();
    }

    fn workflow(&self, clone: &Path, file: &str, event: &str, payload: &Value) -> Workflow {
        // What the workflow keeps of a run goes nowhere here.
        let action = self.scratch.path().join("action");
        fs::create_dir_all(&action).unwrap();
        let text = "name: nothing\nruns: {using: composite, steps: [{shell: bash, run: 'true'}]}\n";
        fs::write(action.join("action.yml"), text).unwrap();
        Workflow::of(clone, event, payload)
            .file(format!(".github/workflows/{file}"))
            .action("actions/upload-artifact", &action)
            .programs(&self.programs)
    }
}

#[test]
fn every_generated_workflow_is_as_actionlint_wants_it() {
    let tools = tools();
    let service = [
        "--service",
        "payments",
        "--infra",
        "https://git.acme.example/acme/infra",
    ];
    let more = [
        "--registry",
        "ghcr.io",
        "--key",
        "payments-ci",
        "--scanner",
        "trivy@0.74.0",
    ];
    for forge in ["github", "gitea"] {
        for side in [&service[..], &["--side", "infra"]] {
            for more in [&[][..], &more] {
                let place = Place::new();
                let root = place.scratch.path().join("project");
                fs::create_dir(&root).unwrap();
                place.scratch.git(&root, &["init", "-q"]).unwrap();
                place.init(&root, forge, &[side, more].concat());
                let folder = root.join(format!(".{forge}/workflows"));
                let files: Vec<PathBuf> = fs::read_dir(folder)
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .collect();
                assert_eq!(files.len(), 3);
                let mut lint = place.scratch.command(tools.program("actionlint").unwrap());
                let output = lint.arg("-no-color").args(&files).output().unwrap();
                assert!(output.status.success(), "{output:?}");
            }
        }
    }
}

/// A deploy that was dispatched to the infra repo, and the run of its workflow.
struct Received {
    place: Place,
    ran: Ran,
    tip_before: String,
}

impl Received {
    fn of(spoil: impl FnOnce(&mut Value)) -> Self {
        let mut place = Place::new();
        let registry = ImageRegistry::start().unwrap();
        let digest = registry.push("acme/payments", "hotfix-1", Some(FIX));
        for version in ["good000", "bad1111"] {
            place
                .infra
                .deploy("payments", "production", version)
                .land()
                .unwrap();
        }
        let config = format!("mirrors: {{ghcr.io: '{}'}}\n", registry.host());
        place.infra.write("ripcord.yaml", config);
        place.infra.commit("Configure").land().unwrap();
        let clone = place
            .scratch
            .clone_of(&place.server.url("infra.git"), "infra")
            .unwrap();
        place.init(&clone, "github", &["--side", "infra"]);
        place.scratch.git(&clone, &["push", "-q"]).unwrap();
        let mut event = json!({
            "action": "deploy-service",
            "repository": {"full_name": "acme/infra", "default_branch": "main"},
            "client_payload": {
                "service": "payments", "image": "ghcr.io/acme/payments", "tag": "hotfix-1",
                "digest": digest, "environment": "production", "correlation_id": "d-7f3k9qxy",
                "hotfix": {"name": "INC-31-double-charge", "incident": "INC-31"},
                "source": {"commit": FIX}, "gate": gate_of(&digest),
            },
        });
        spoil(&mut event);
        let tip_before = place.infra.tip().unwrap();
        let workflow = place.workflow(&clone, "deploy-service.yml", "repository_dispatch", &event);
        let ran = Act::new(&tools()).unwrap().run(&workflow).unwrap();
        Self {
            place,
            ran,
            tip_before,
        }
    }
}

/// The record of a gate that passed.
fn gate_of(digest: &str) -> Value {
    json!({
        "schema": 1, "hotfix": "INC-31-double-charge", "commit": FIX, "repository": null,
        "started": "2026-11-20T17:10:00Z", "seconds": 42.0, "passed": true,
        "checks": [{"name": "unit tests", "command": "true", "verdict": "passed", "seconds": 4.0}],
        "image": "ghcr.io/acme/payments", "tag": "hotfix-1", "digest": digest, "skipped": [],
        "overrides": [], "rescan_owed": false, "signed_off_by": "Dana <dana@acme.example>",
        "ripcord": "0.1.0",
    })
}

#[test]
fn the_receivers_workflow_commits_what_was_dispatched() {
    let received = Received::of(|_| {});
    received.ran.check().unwrap();
    assert_eq!(received.ran.step("Receive"), Some("success"));
    let infra = &received.place.infra;
    let message = infra
        .git(&["log", "-1", "--format=%an%n%B", "main"])
        .unwrap();
    let subject = "ripcord\ndeploy: payments hotfix-1 to production\n";
    assert!(message.starts_with(subject), "{message}");
    assert!(message.contains("Correlation-Id: d-7f3k9qxy"), "{message}");
    assert_eq!(infra.rev("main^").unwrap(), received.tip_before);
}

#[test]
fn the_receivers_workflow_fails_where_ripcord_refuses() {
    let tag = "`hotfix-1`; touch /tmp/owned #";
    for spoil in [
        |event: &mut Value| event["client_payload"]["digest"] = json!(DIGEST),
        |event: &mut Value| event["client_payload"]["service"] = json!("nobody"),
        |event: &mut Value| event["client_payload"]["tag"] = json!("$(touch owned)"),
    ] {
        let received = Received::of(spoil);
        assert!(received.ran.check().is_err(), "{tag}: {}", received.ran.log);
        assert_eq!(received.ran.step("Receive"), Some("failure"));
        assert_eq!(received.place.infra.tip().unwrap(), received.tip_before);
    }
}

#[test]
fn the_receivers_workflow_runs_for_no_other_event() {
    let received = Received::of(|event| event["action"] = json!("something-else"));
    // What listens to an event of any type on some runners has no step that runs.
    assert_eq!(received.ran.steps.len(), 0, "{}", received.ran.log);
    assert_eq!(received.place.infra.tip().unwrap(), received.tip_before);
}

/// A hotfix that was pushed, and the run of its workflow.
struct Pushed {
    place: Place,
    ran: Ran,
}

impl Pushed {
    /// On a branch, with this as the unit tests.
    fn of(branch: &str, unit: &str) -> Self {
        let mut place = Place::new();
        place
            .infra
            .deploy("payments", "production", "bad1111")
            .land()
            .unwrap();
        let mut source = InfraRepo::new(&place.scratch, "payments.git").unwrap();
        let seen = place.scratch.path().join("seen");
        fs::create_dir(&seen).unwrap();
        let seen = seen.display();
        source.write(
            "ripcord.yaml",
            format!(
                "gate:\n  checks:\n    - {{name: unit tests, run: 'env > {seen}/env; {unit}', time_box: 20s}}\n  build: {{run: 'echo {DIGEST} > $RIPCORD_DIGEST_FILE', image: ghcr.io/acme/payments}}\n  image_scan: false\n"
            ),
        );
        source.write("package-lock.json", "{}\n");
        source.commit("Begin").land().unwrap();
        let url = place.server.url("payments.git");
        let clone = place.scratch.clone_of(&url, "payments").unwrap();
        let switch = ["switch", "-q", "-c", branch];
        place.scratch.git(&clone, &switch).unwrap();
        let infra = place.server.url("infra.git");
        let service = [
            "--service",
            "payments",
            "--infra",
            &infra,
            "--key",
            "payments-ci",
        ];
        place.init(&clone, "github", &service);
        // The forge is not there: what would be sent is what is looked at.
        place.program(
            "ripcord",
            &format!(
                "if [ \"$1 $2\" = 'hotfix ship' ]; then\n  git credential fill < {seen}/ask > {seen}/credential\n  exec {BINARY} \"$@\" --dry-run -o json > {seen}/payload.json\nfi\nexec {BINARY} \"$@\"\n"
            ),
        );
        let host = infra
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap();
        let ask = place.scratch.path().join("seen/ask");
        fs::write(ask, format!("protocol=http\nhost={host}\n\n")).unwrap();
        place.trivy();
        let event = json!({
            "ref": format!("refs/heads/{branch}"),
            "repository": {"full_name": "acme/payments", "default_branch": "main"},
        });
        let cache = place.scratch.path().join("trivy").display().to_string();
        let workflow = place
            .workflow(&clone, "hotfix.yml", "push", &event)
            .secret("INFRA_REPO_TOKEN", TOKEN)
            .secret("RIPCORD_PROOF_KEY", KEY)
            .env("TRIVY_CACHE_DIR", &cache);
        let ran = Act::new(&tools()).unwrap().run(&workflow).unwrap();
        Self { place, ran }
    }

    fn seen(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.place.scratch.path().join("seen").join(name)).ok()
    }
}

impl Place {
    /// A Trivy that finds nothing, and its database of today.
    fn trivy(&self) {
        let report = self.programs.join("report.json");
        fs::write(&report, CLEAN).unwrap();
        let copy = format!(
            "while [ $# -gt 0 ]; do [ \"$1\" = --output ] && cp {} \"$2\"; shift; done\nexit 0\n",
            report.display()
        );
        self.program("trivy", &copy);
        let folder = self.scratch.path().join("trivy/db");
        fs::create_dir_all(&folder).unwrap();
        let now = jiff::Timestamp::try_from(std::time::SystemTime::now()).unwrap();
        let text = format!(r#"{{"Version":2,"UpdatedAt":"{now}"}}"#);
        fs::write(folder.join("metadata.json"), text).unwrap();
    }
}

#[test]
fn the_hotfix_workflow_ships_what_went_through_the_gate() {
    let pushed = Pushed::of("hotfix/INC-31-double-charge", "true");
    let log = &pushed.ran.log;
    assert!(pushed.ran.check().is_ok(), "{log}");
    let payload: Value = serde_json::from_str(&pushed.seen("payload.json").unwrap()).unwrap();
    assert_eq!(payload["service"], "payments", "{payload}");
    assert_eq!(payload["digest"], DIGEST);
    assert_eq!(payload["hotfix"]["name"], "INC-31-double-charge");
    assert_eq!(payload["proof"]["key"], "payments-ci");
    assert!(payload["source"]["base"].is_string(), "{payload}");
    // Git gets the token by its helper, and what the gate runs gets none.
    let credential = pushed.seen("credential").unwrap();
    assert!(
        credential.contains(&format!("password={TOKEN}")),
        "{credential}"
    );
    let tests = pushed.seen("env").unwrap();
    assert!(!tests.contains(TOKEN) && !tests.contains(KEY), "{tests}");
    assert!(!log.contains(TOKEN) && !log.contains(KEY), "{log}");
}

#[test]
fn the_hotfix_workflow_ships_nothing_that_the_gate_stopped() {
    let pushed = Pushed::of("hotfix/INC-31-double-charge", "false");
    assert!(pushed.ran.check().is_err());
    assert_eq!(
        pushed.ran.step("Gate"),
        Some("failure"),
        "{}",
        pushed.ran.log
    );
    assert_eq!(pushed.ran.step("Keep the gate's record"), Some("success"));
    assert_eq!(pushed.seen("payload.json"), None);
}

#[test]
fn the_hotfix_workflow_takes_no_other_branch() {
    // act starts it for any branch.
    for branch in ["fix/INC-31-x", "hotfixes/INC-31-x"] {
        let pushed = Pushed::of(branch, "true");
        assert_eq!(pushed.ran.steps.len(), 0, "{}", pushed.ran.log);
        assert_eq!(pushed.seen("env"), None);
    }
    // For a condition of a workflow this is the same word.
    let pushed = Pushed::of("Hotfix/INC-31-x", "true");
    let step = pushed.ran.step("Refuse every other branch");
    assert_eq!(step, Some("failure"), "{}", pushed.ran.log);
    assert_eq!(pushed.seen("env"), None);
}
