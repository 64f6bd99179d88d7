//! A hotfix from a broken production to a debt that is paid, with real parts only: a forge with a runner, a
//! registry, a builder, a scanner, Argo CD and a cluster.

use std::fs;
use std::time::Instant;

use ripcord_testbed::{PASSWORD, Vulnerability};
use serde_json::{Value, json};

use crate::friday::{Friday, IMAGE, KEY, bed};
use crate::outage::{BAD, GOOD, PAYMENTS};

const NAME: &str = "INC-31-double-charge";
const BRANCH: &str = "hotfix/INC-31-double-charge";

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
    clock.stop("gate: tests, scan, build, push, scan of the image, signature");
    let passed = [
        "unit tests",
        "source scan",
        "build and push",
        "image scan",
        "signature",
    ];
    assert_eq!(
        verdicts(&record),
        passed.map(|name| (name, "passed")),
        "{record}"
    );
    assert!(friday.is_signed(record["digest"].as_str().unwrap()));
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
        .wait_for_run(PAYMENTS, id, std::time::Duration::from_mins(1))
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
