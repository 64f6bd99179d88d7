//! A hotfix from a broken production to a debt that is paid, with real parts only: a forge with a runner, a
//! registry, a builder, a scanner, Argo CD and a cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use jiff::Timestamp;
use ripcord_testbed::{
    FORGE_USER, Forge, Image, Options, PASSWORD, Pace, Runner, RunnerOptions, Testbed,
    Vulnerability, write_grype_database,
};
use ripcord_testkit::{Output, Ripcord};
use serde_json::{Value, json};

use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const NAME: &str = "INC-31-double-charge";
const BRANCH: &str = "hotfix/INC-31-double-charge";
const IMAGE: &str = "acme/payments-service";
/// Checks the one thing that the service does.
const TESTS: &str = "grep -q 'charge once' pay.txt || { echo 'FAIL: charged twice'; exit 1; }\n";

fn bed() -> Testbed {
    Testbed::start(&Options {
        forge: true,
        ci: true,
        rollouts: false,
        pace: Pace::Quick,
        ..Options::default()
    })
    .unwrap()
}

/// What each step took.
struct Clock {
    since: Instant,
    steps: Vec<(&'static str, f64)>,
}

impl Clock {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            steps: Vec::new(),
        }
    }

    fn start(&mut self) {
        self.since = Instant::now();
    }

    fn stop(&mut self, step: &'static str) {
        self.steps.push((step, self.since.elapsed().as_secs_f64()));
    }

    #[expect(
        clippy::print_stdout,
        reason = "`--nocapture` shows what the steps took"
    )]
    fn tell(&self) {
        for (step, seconds) in &self.steps {
            println!("{seconds:>7.2} s  {step}");
        }
    }
}

/// Payments, whose infra repo and source are on the forge and whose images are in the registry.
pub(crate) struct Friday<'a> {
    outage: Outage<'a>,
    forge: Forge<'a>,
    /// The registry's host and port.
    registry: String,
    /// A clone of the source.
    source: PathBuf,
    /// What v14 was built of.
    released: String,
}

impl<'a> Friday<'a> {
    /// v14 runs, and CI of the infra repo takes deploys.
    pub(crate) fn quiet(bed: &'a Testbed) -> Self {
        let forge = bed.forge().unwrap();
        let registry = bed.registry().unwrap().host();
        let outage = Outage::on(bed, "auto-heal", "friday", PAYMENTS, "friday");
        let mut friday = Self {
            source: outage.scratch.path().join("source"),
            outage,
            forge,
            registry,
            released: String::new(),
        };
        friday.write_source();
        friday.released = friday.commit_source("Charge once");
        friday.push_image(GOOD, &friday.released);
        friday.write("pay.txt", "charge twice\n");
        let broken = friday.commit_source("Retry the charge");
        friday.push_image(BAD, &broken);
        friday.move_infra();
        friday
    }

    fn scratch_git(&self, folder: &std::path::Path, args: &[&str]) -> String {
        self.outage.scratch.git(folder, args).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.source.join(path), text).unwrap();
    }

    fn write_source(&self) {
        let url = self.forge.create_empty(PAYMENTS).unwrap();
        fs::create_dir(&self.source).unwrap();
        self.scratch_git(&self.source, &["init", "-q", "-b", "main"]);
        self.scratch_git(&self.source, &["remote", "add", "origin", &url]);
        self.write("pay.txt", "charge once\n");
        self.write("test.sh", TESTS);
        let dependency = Vulnerability::event_stream();
        self.write("package-lock.json", &dependency.lock_file("3.3.7"));
        let containerfile = "FROM scratch\nARG REVISION\nLABEL org.opencontainers.image.revision=$REVISION\nCOPY pay.txt package-lock.json /\n";
        self.write("Containerfile", containerfile);
        let trust = json!({"default": [{"type": "insecureAcceptAnything"}]});
        self.write("policy.json", &trust.to_string());
        let root = self.outage.scratch.path().join("containers");
        let buildah = format!(
            "buildah --root {0}/root --runroot {0}/run --storage-driver vfs",
            root.display()
        );
        let build = format!(
            "{buildah} bud -q --isolation chroot --signature-policy policy.json --timestamp 0 --build-arg REVISION=$RIPCORD_COMMIT -t $RIPCORD_IMAGE:$RIPCORD_TAG . && \
             {buildah} push -q --tls-verify=false --signature-policy policy.json --digestfile $RIPCORD_DIGEST_FILE $RIPCORD_IMAGE:$RIPCORD_TAG"
        );
        let policy = json!({"gate": {
            "checks": [{"name": "unit tests", "run": "sh test.sh", "time_box": "20s"}],
            "scan": {"with": "grype", "database_at_most": "48h"},
            "build": {"run": build, "image": format!("{}/{IMAGE}", self.registry)},
            "normal": [{"name": "integration tests", "context": "ci / integration"}],
        }});
        self.write("ripcord.yaml", &policy.to_string());
    }

    /// Commits everything on the branch that is checked out, and pushes it.
    fn commit_source(&self, message: &str) -> String {
        self.scratch_git(&self.source, &["add", "-A"]);
        self.scratch_git(&self.source, &["commit", "-qm", message]);
        self.scratch_git(&self.source, &["push", "-q", "origin", "HEAD"]);
        let head = self.scratch_git(&self.source, &["rev-parse", "HEAD"]);
        head.trim().to_owned()
    }

    /// The image of the normal pipeline.
    fn push_image(&self, tag: &str, commit: &str) {
        let registry = self.outage.bed.registry().unwrap();
        let image = Image::new(IMAGE, tag).revision(commit);
        registry.push(&image).unwrap();
    }

    fn source_url(&self) -> String {
        format!("{}/{FORGE_USER}/{PAYMENTS}.git", self.forge.url())
    }

    fn infra_url(&self) -> String {
        format!("{}/{FORGE_USER}/infra.git", self.forge.url())
    }

    /// The infra repo on the forge, with the workflows of the infra side and v14 from the registry.
    fn move_infra(&mut self) {
        let url = self.forge.create_empty("infra").unwrap();
        self.outage.move_to(&url);
        let infra = self.outage.clone_dir().to_owned();
        self.scratch_git(&infra, &["branch", "-q", "--set-upstream-to=origin/main"]);
        let settings = json!({
            "forge": "gitea",
            "sources": {PAYMENTS: {"repository": self.source_url(), "forge": "gitea"}},
            "receive": {"keys": {"payments-ci": {
                "services": [PAYMENTS], "environments": ["production"],
            }}},
        });
        fs::write(infra.join("ripcord.yaml"), settings.to_string()).unwrap();
        let init = ["pipeline", "init", "gitea", "--side", "infra"];
        let more = ["--key", "payments-ci", "--branch", "main"];
        let _ = self
            .ripcord()
            .run([&init[..], &more].concat())
            .unwrap()
            .assert_code(0);
        self.forge
            .set_secret("infra", "RIPCORD_KEY_PAYMENTS_CI", KEY)
            .unwrap();
        self.deploy(GOOD);
        let source = json!({"spec": {"source": {"repoURL": self.infra_url()}}});
        self.outage
            .bed
            .application("friday")
            .merge(&source)
            .unwrap();
        self.outage.wait("v14 of the registry runs", |outage| {
            outage.runs(GOOD) && outage.app()["status"]["sync"]["status"] == "Synced"
        });
    }

    /// Commits a deploy to the infra repo as a person would.
    fn deploy(&self, tag: &str) -> String {
        let infra = self.outage.clone_dir();
        self.scratch_git(
            infra,
            &["pull", "-q", "--rebase", "--autostash", "origin", "main"],
        );
        let text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base\nimages:\n  - name: {IMAGE}\n    newName: {}/{IMAGE}\n    newTag: {tag}\n",
            self.registry
        );
        let path = "services/payments-service/overlays/production/kustomization.yaml";
        fs::write(infra.join(path), text).unwrap();
        self.scratch_git(infra, &["add", "-A"]);
        let message = format!("Deploy {PAYMENTS} {tag} to production");
        self.scratch_git(infra, &["commit", "-qm", &message]);
        self.scratch_git(infra, &["push", "-q", "origin", "HEAD:main"]);
        let tip = self.scratch_git(infra, &["rev-parse", "HEAD"]);
        self.outage.bed.application("friday").refresh().unwrap();
        tip.trim().to_owned()
    }

    /// ripcord in the clone of the infra repo.
    fn ripcord(&self) -> Ripcord {
        let helper = format!("!f() {{ echo username={FORGE_USER}; echo password={PASSWORD}; }}; f");
        self.outage
            .ripcord()
            .env("GIT_CONFIG_COUNT", "1")
            .env(
                "GIT_CONFIG_KEY_0",
                format!("credential.{}.helper", self.forge.url()),
            )
            .env("GIT_CONFIG_VALUE_0", helper)
    }

    /// ripcord in the clone of the source, with the scanner and a database of today.
    fn in_source(&self) -> Ripcord {
        let bed = self.outage.bed;
        let folder = self.database();
        let grype = bed.tools().program("grype").unwrap();
        let path = format!(
            "{}:{}",
            grype.parent().unwrap().display(),
            std::env::var("PATH").unwrap_or_default()
        );
        self.ripcord()
            .in_dir(&self.source)
            .env("PATH", path)
            .env("GRYPE_DB_CACHE_DIR", folder.to_str().unwrap())
            .env("GRYPE_DB_AUTO_UPDATE", "false")
            .env("GRYPE_CHECK_FOR_APP_UPDATE", "false")
            .env("GRYPE_REGISTRY_INSECURE_USE_HTTP", "true")
            .env("RIPCORD_PROOF_KEY", KEY)
            .env("RIPCORD_REPO", self.outage.clone_dir().to_str().unwrap())
    }

    fn gate(&self, exit: i32) -> Value {
        let record = self.record();
        let args = ["hotfix", "gate", "--record", &record, "-o", "json"];
        let output = self.in_source().run(args).unwrap();
        output.assert_code(exit).json().unwrap()
    }

    fn record(&self) -> String {
        self.outage
            .scratch
            .path()
            .join("gate.json")
            .display()
            .to_string()
    }

    fn ship(&self, more: &[&str]) -> Output {
        let record = self.record();
        let args = [
            "hotfix",
            "ship",
            PAYMENTS,
            "--record",
            &record,
            "--incident",
            "INC-31",
        ];
        let more = [
            &["--key", "payments-ci", "--wait", "90s", "-o", "json"],
            more,
        ]
        .concat();
        self.in_source().run([&args[..], &more].concat()).unwrap()
    }

    fn debts(&self, args: &[&str], exit: i32) -> Value {
        let all = [&["hotfix"], args, &["-o", "json"]].concat();
        self.ripcord()
            .run(all)
            .unwrap()
            .assert_code(exit)
            .json()
            .unwrap()
    }

    /// Runs jobs of the forge, one at a time.
    fn runner(&self) -> Runner<'a> {
        let bed = self.outage.bed;
        let programs = self.outage.scratch.path().join("programs");
        fs::create_dir_all(&programs).unwrap();
        let ripcord = programs.join("ripcord");
        if !ripcord.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ripcord"), &ripcord).unwrap();
            let script = format!(
                "#!/bin/sh\nexport GRYPE_DB_CACHE_DIR={} GRYPE_DB_AUTO_UPDATE=false GRYPE_CHECK_FOR_APP_UPDATE=false GRYPE_REGISTRY_INSECURE_USE_HTTP=true\nexec {} \"$@\"\n",
                self.database().display(),
                bed.tools().program("grype").unwrap().display()
            );
            let grype = programs.join("grype");
            fs::write(&grype, script).unwrap();
            fs::set_permissions(&grype, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let action = self.outage.scratch.path().join("upload");
        fs::create_dir_all(&action).unwrap();
        let nothing =
            "name: nothing\nruns: {using: composite, steps: [{shell: bash, run: 'true'}]}\n";
        fs::write(action.join("action.yml"), nothing).unwrap();
        bed.runner(RunnerOptions {
            programs: vec![programs],
            actions: [("actions/upload-artifact".to_owned(), action)].into(),
            ..RunnerOptions::default()
        })
        .unwrap()
    }

    /// A database of today for the scanner.
    fn database(&self) -> PathBuf {
        let folder = self.outage.scratch.path().join("grype");
        let now = Timestamp::try_from(SystemTime::now()).unwrap();
        let known = [Vulnerability::event_stream()];
        write_grype_database(self.outage.bed.tools(), &folder, now, &known).unwrap();
        folder
    }

    /// A token of the administrator's that may do only this.
    fn token(&self, scopes: &[&str]) -> String {
        let path = format!("/users/{FORGE_USER}/tokens");
        let body = json!({"name": scopes.join(" "), "scopes": scopes});
        let made = self.forge.call("POST", &path, &body).unwrap().unwrap();
        made["sha1"].as_str().unwrap().to_owned()
    }

    /// Calls the forge's API of the source.
    fn api(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/repos/{FORGE_USER}/{PAYMENTS}{path}");
        self.forge.call(method, &path, body).unwrap().unwrap()
    }
}

fn verdicts(record: &Value) -> Vec<(&str, &str)> {
    let checks = record["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|check| {
            (
                check["name"].as_str().unwrap(),
                check["verdict"].as_str().unwrap(),
            )
        })
        .collect()
}

/// The parts of the only debt, with how they stand.
fn parts(debts: &Value) -> Vec<(&str, &str)> {
    let parts = debts["debts"][0]["parts"].as_array().unwrap();
    parts
        .iter()
        .map(|part| {
            (
                part["what"].as_str().unwrap(),
                part["state"]["is"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_hotfix_goes_from_a_broken_production_to_a_debt_that_is_paid_by_evidence() {
    let bed = bed();
    let friday = Friday::quiet(&bed);
    let runner = friday.runner();
    let mut clock = Clock::new();

    friday.deploy(BAD);
    friday.outage.wait("the bad deploy is live", |outage| {
        outage.pods().iter().any(|pod| pod.version == BAD) && outage.app()["operation"].is_null()
    });
    clock.start();
    let _ = friday
        .outage
        .rollback(&["--incident", "INC-31"])
        .assert_code(0);
    clock.stop("rollback, watched for 2 s");
    assert!(friday.outage.runs(GOOD));

    clock.start();
    let start = ["hotfix", "start", PAYMENTS, "--incident", "INC-31"];
    let more = ["--summary", "double charge", "-o", "json"];
    let started = friday.ripcord().run([&start[..], &more].concat()).unwrap();
    let started = started.assert_code(0).json().unwrap();
    clock.stop("hotfix start");
    assert_eq!(started["commit"], friday.released.as_str(), "{started}");
    assert_eq!(
        started["not_in_production"][0]["subject"],
        "Retry the charge"
    );
    friday.scratch_git(&friday.source, &["fetch", "-q"]);
    friday.scratch_git(&friday.source, &["switch", "-q", BRANCH]);

    // The fix brings a dependency that takes wallets.
    let dependency = Vulnerability::event_stream();
    friday.write("package-lock.json", &dependency.lock_file("3.3.6"));
    friday.commit_source("Depend on event-stream");
    clock.start();
    let record = friday.gate(3);
    clock.stop("gate, stopped by a CRITICAL");
    let stopped = [
        ("unit tests", "passed"),
        ("source scan", "found"),
        ("build and push", "not_run"),
    ];
    assert_eq!(verdicts(&record)[..3], stopped, "{record}");
    let scan = &record["checks"][1];
    assert_eq!(scan["findings"][0]["id"], "GHSA-mh6f-8j2x-4483", "{scan}");
    let said = friday.ship(&[]).assert_code(3).json().unwrap();
    assert_eq!(said["error"]["code"], "gate_stopped", "{said}");

    friday.write("package-lock.json", &dependency.lock_file("3.3.7"));
    friday.write("pay.txt", "charge never\n");
    friday.commit_source("Charge never");
    clock.start();
    let record = friday.gate(3);
    clock.stop("gate, stopped by a unit test");
    assert_eq!(verdicts(&record)[0], ("unit tests", "failed"), "{record}");

    friday.write("pay.txt", "charge once, and say so\n");
    let fix = friday.commit_source("Charge once, and say so");
    clock.start();
    let record = friday.gate(0);
    clock.stop("gate: tests, scan, build, push, scan of the image");
    let passed = ["unit tests", "source scan", "build and push", "image scan"];
    assert_eq!(
        verdicts(&record),
        passed.map(|name| (name, "passed")),
        "{record}"
    );
    let tag = record["tag"].as_str().unwrap();
    let registry = bed.registry().unwrap();
    assert_eq!(
        registry.digest(IMAGE, tag).unwrap(),
        record["digest"].as_str().unwrap()
    );

    // A token that may read and not dispatch is told as that, and shown nowhere.
    let weak = friday.token(&["read:repository"]);
    let ship = [
        "hotfix",
        "ship",
        PAYMENTS,
        "--key",
        "payments-ci",
        "--record",
    ];
    let told = friday.in_source().env("INFRA_REPO_TOKEN", &weak);
    let told = told
        .run([&ship[..], &[friday.record().as_str()]].concat())
        .unwrap();
    assert!(told.stderr.contains("write:repository"), "{told:?}");
    assert!(!format!("{told:?}").contains(&weak), "{told:?}");
    let _ = told.assert_code(5);
    clock.start();
    let shipped = friday.ship(&[]);
    let log = friday.forge.job_log("infra", 1, "Receive");
    assert_eq!(
        shipped.code,
        0,
        "{shipped:?} {log:?} {:?}",
        runner.trouble()
    );
    let shipped = shipped.json().unwrap();
    clock.stop("ship: from dispatch to ready pods");
    let hops: Vec<(&str, f64)> = (shipped["hops"].as_array().unwrap().iter())
        .map(|hop| {
            (
                hop["hop"].as_str().unwrap(),
                hop["seconds"].as_f64().unwrap(),
            )
        })
        .collect();
    for (hop, step) in [
        ("dispatched", "  to the dispatch"),
        ("committed", "  to the commit"),
        ("synced", "  to Argo CD's sync"),
        ("ready", "  to ready pods"),
    ] {
        // A run that is over before it is looked at is not among them.
        let reached = hops.iter().find(|one| one.0 == hop);
        assert!(reached.is_some(), "{shipped}");
        clock.steps.extend(reached.map(|one| (step, one.1)));
    }
    assert!(friday.outage.runs(tag));
    let open = friday.debts(&["check", "--all"], 0);
    let owed = ["in_main", "normal_image", "branch_gone", "skipped_checks"];
    assert_eq!(parts(&open), owed.map(|part| (part, "owed")), "{open}");

    // What would take the fix out again is refused.
    friday.push_image("v16", &friday.released);
    let infra = friday.outage.clone_dir();
    friday.scratch_git(infra, &["pull", "-q", "--rebase", "origin", "main"]);
    friday.scratch_git(infra, &["switch", "-q", "-c", "proposal"]);
    let path = infra.join("services/payments-service/overlays/production/kustomization.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let digest = format!("    digest: {}\n", record["digest"].as_str().unwrap());
    fs::write(&path, text.replace(tag, "v16").replace(&digest, "")).unwrap();
    friday.scratch_git(infra, &["commit", "-qam", "Deploy v16"]);
    let guarded = friday.ripcord().run(["guard", "-o", "json"]).unwrap();
    let guarded = guarded.assert_code(3).json().unwrap();
    assert_eq!(guarded["drops"][0]["hotfix"], NAME, "{guarded}");
    friday.scratch_git(infra, &["switch", "-q", "main"]);

    // The normal way: a pull request, its checks, a release of main.
    clock.start();
    let back = ["hotfix", "merge-back", NAME, "-o", "json"];
    let opened = friday.in_source().run(back).unwrap();
    // Main has changed the same line: that is told with the request, and left to a person.
    let opened = opened.assert_code(4);
    let opened = opened.json().unwrap();
    clock.stop("merge-back");
    let request = friday.api("GET", "/pulls", &Value::Null);
    assert_eq!(request[0]["head"]["ref"], BRANCH, "{opened}");
    // A person resolves what both sides changed.
    friday.scratch_git(&friday.source, &["switch", "-q", "main"]);
    friday.scratch_git(
        &friday.source,
        &[
            "merge",
            "-q",
            "-X",
            "theirs",
            "-m",
            "Merge the hotfix",
            BRANCH,
        ],
    );
    friday.scratch_git(
        &friday.source,
        &["push", "-q", "origin", "main", &format!(":{BRANCH}")],
    );
    let merged = friday
        .scratch_git(&friday.source, &["rev-parse", "HEAD"])
        .trim()
        .to_owned();
    let status = json!({"state": "success", "context": "ci / integration"});
    friday.api("POST", &format!("/statuses/{merged}"), &status);
    friday.push_image("v17", &merged);
    friday.deploy("v17");
    friday
        .outage
        .wait("the normal release runs", |outage| outage.runs("v17"));
    clock.start();
    let paid = friday.debts(&["status", NAME], 0);
    clock.stop("what the debt is, from five places");
    assert_eq!(parts(&paid), owed.map(|part| (part, "paid")), "{paid}");
    let none = friday.debts(&["check", "--all"], 0);
    assert_eq!(none["debts"], json!([]));
    let texts = format!("{shipped}{paid}{record}");
    assert!(!texts.contains(PASSWORD) && !texts.contains(KEY), "{texts}");
    assert!(fix.len() == 40);
    clock.tell();
}

#[test]
fn a_push_of_a_hotfix_goes_through_the_forges_own_runs_to_production() {
    let bed = bed();
    let friday = Friday::quiet(&bed);
    let _first = friday.runner();
    // The gate's run waits for the receiver's.
    let _second = friday.runner();
    let token = friday.token(&["write:repository"]);
    friday
        .forge
        .set_secret(PAYMENTS, "INFRA_REPO_TOKEN", &token)
        .unwrap();
    friday
        .forge
        .set_secret(PAYMENTS, "RIPCORD_PROOF_KEY", KEY)
        .unwrap();

    let start = ["hotfix", "start", PAYMENTS, "--incident", "INC-31"];
    let started = friday.ripcord().run(start).unwrap().assert_code(0);
    assert!(started.stdout.contains("hotfix/INC-31"));
    friday.scratch_git(&friday.source, &["fetch", "-q"]);
    friday.scratch_git(&friday.source, &["switch", "-q", "hotfix/INC-31"]);
    let infra = friday.infra_url();
    let init = [
        "pipeline",
        "init",
        "gitea",
        "--service",
        PAYMENTS,
        "--infra",
        &infra,
    ];
    let more = ["--key", "payments-ci", "--branch", "main"];
    let written = friday.in_source().run([&init[..], &more].concat()).unwrap();
    let _ = written.assert_code(0);
    friday.write("pay.txt", "charge once, and say so\n");
    let fix = friday.commit_source("Charge once, and say so");

    let run = || {
        let runs = friday.forge.runs(PAYMENTS).unwrap();
        let own = runs.iter().find(|run| run["head_sha"] == fix.as_str());
        own.and_then(|run| run["id"].as_u64())
    };
    friday.outage.wait("the push is a run", |_| run().is_some());
    let id = run().unwrap();
    let ended = friday
        .forge
        .wait_for_run(PAYMENTS, id, std::time::Duration::from_secs(60))
        .unwrap();
    let log = friday.forge.job_log(PAYMENTS, id, "Hotfix").unwrap();
    assert_eq!(ended, "success", "{log}");
    assert!(!log.contains(&token) && !log.contains(KEY), "{log}");
    bed.application("friday").refresh().unwrap();
    friday.outage.wait("the hotfix serves", |outage| {
        let pods = outage.pods();
        pods.iter()
            .all(|pod| pod.ready && pod.version.starts_with("hotfix-"))
    });
    let debts = friday.debts(&["list"], 0);
    assert_eq!(debts["debts"][0]["hotfix"], "INC-31", "{debts}");
}
