//! `hotfix start`: a branch from what production runs.

use ripcord_testkit::{ImageRegistry, InfraRepo, Output};
use serde_json::Value;

use crate::stage::{Stage, assert_says, deploy, json};

/// A source repository whose second of three commits is in production, by its image's label.
pub(crate) struct Workshop {
    pub(crate) stage: Stage,
    pub(crate) registry: ImageRegistry,
    pub(crate) source: InfraRepo,
    pub(crate) released: String,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let mut stage = Stage::empty();
        let mut source = InfraRepo::new(&stage.scratch, "payments.git").unwrap();
        source.write("main.go", "package main\n");
        source.commit("Begin").land().unwrap();
        source.write("pay.go", "package main // pay\n");
        let released = source.commit("Pay").land().unwrap();
        source.write("refund.go", "package main // refund\n");
        source.commit("Refund").land().unwrap();
        let registry = ImageRegistry::start().unwrap();
        registry.push("acme/payments", "v2", Some(&released));
        deploy(&mut stage.infra, "payments", "production", "v1");
        deploy(&mut stage.infra, "payments", "production", "v2");
        let config = format!(
            "mirrors: {{ghcr.io: '{}'}}\nsources:\n  payments: {{repository: '{}'}}\n",
            registry.host(),
            stage.server.url("payments.git"),
        );
        stage.infra.write("ripcord.yaml", config);
        stage.infra.commit("configure").land().unwrap();
        Self {
            stage,
            registry,
            source,
            released,
        }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.stage.run(args)
    }

    fn start(&self, args: &[&str]) -> Output {
        let all: Vec<&str> = ["hotfix", "start", "payments", "--incident", "INC-31"]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        self.run(&all)
    }
}

#[test]
fn a_hotfix_begins_at_what_production_runs_and_not_at_main() {
    let workshop = Workshop::new();
    let output = workshop.start(&["--summary", "Double charge"]);
    assert_says(
        &output,
        &[
            "git switch hotfix/INC-31-double-charge",
            "Refund",
            "not in production",
        ],
    );
    let _ = output.assert_code(0);
    let tip = workshop.source.rev("hotfix/INC-31-double-charge").unwrap();
    assert_eq!(tip, workshop.released);
    let again = json(
        workshop.start(&["--summary", "Double charge", "-o", "json"]),
        0,
    );
    assert_eq!(again["was_there"], Value::Bool(true));
    assert_eq!(again["by"], "label");
}

#[test]
fn a_branch_that_is_gone_on_with_is_found_and_one_that_began_elsewhere_is_not_taken() {
    let workshop = Workshop::new();
    let _ = workshop.start(&[]).assert_code(0);
    let tip = workshop.source.git(&["rev-parse", "main"]).unwrap();
    let tip = tip.trim();
    workshop
        .source
        .git(&["update-ref", "refs/heads/hotfix/INC-31", tip])
        .unwrap();
    let found = json(workshop.start(&["-o", "json"]), 0);
    assert_eq!(found["was_there"], Value::Bool(true));
    let first = workshop.source.rev("main~2").unwrap();
    workshop
        .source
        .git(&["update-ref", "refs/heads/hotfix/INC-31", &first])
        .unwrap();
    let said = json(workshop.start(&["-o", "json"]), 4);
    assert_eq!(said["error"]["code"], "branch_exists");
}

#[test]
fn a_dry_run_makes_no_branch() {
    let workshop = Workshop::new();
    let output = workshop.start(&["--dry-run"]);
    assert_says(&output, &["Would begin `hotfix/INC-31`"]);
    let _ = output.assert_code(0);
    assert!(workshop.source.rev("hotfix/INC-31").is_err());
}

#[test]
fn without_a_label_the_tag_names_the_commit_and_a_registry_that_is_away_is_said() {
    let mut workshop = Workshop::new();
    let released = workshop.released.clone();
    workshop
        .source
        .git(&["tag", "-m", "v3", "v3", &released])
        .unwrap();
    workshop.registry.push("acme/payments", "v3", None);
    deploy(&mut workshop.stage.infra, "payments", "production", "v3");
    let by_tag = json(workshop.start(&["-o", "json", "--dry-run"]), 0);
    assert_eq!(by_tag["commit"], released.as_str());
    assert_eq!(by_tag["by"], "tag");
    let tag = format!("main-{}", &released[..10]);
    workshop.registry.set_trouble(Some(500));
    deploy(&mut workshop.stage.infra, "payments", "production", &tag);
    let unchecked = workshop.start(&["--dry-run"]);
    assert_says(&unchecked, &["was not checked", &released[..10]]);
    let _ = unchecked.assert_code(0);
}

#[test]
fn what_cannot_be_begun_says_why() {
    let workshop = Workshop::new();
    let code = |args: &[&str], exit: i32| {
        let said = json(workshop.run(args), exit);
        said["error"]["code"].as_str().unwrap().to_owned()
    };
    let begin = |service: &'static str, incident: &'static str| {
        [
            "hotfix",
            "start",
            service,
            "--incident",
            incident,
            "-o",
            "json",
        ]
    };
    assert_eq!(code(&begin("paymnts", "INC-1"), 2), "unknown_service");
    assert_eq!(code(&begin("payments", "§"), 2), "bad_hotfix_name");
    let mut workshop = Workshop::new();
    deploy(&mut workshop.stage.infra, "payments", "production", "v9");
    let said = json(workshop.start(&["-o", "json"]), 3);
    assert_eq!(said["error"]["code"], "image_gone");
    workshop.registry.push("acme/payments", "v9", None);
    let said = json(workshop.start(&["-o", "json"]), 1);
    assert_eq!(said["error"]["code"], "unknown_revision");
}
