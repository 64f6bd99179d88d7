//! `hotfix ship`: without the forge, and what it refuses to send.

use std::fs;
use std::path::PathBuf;

use ripcord_testkit::Output;
use serde_json::{Value, json};

use crate::hotfix_start::Workshop;
use crate::receive::gate_of;
use crate::stage::{assert_says, json};

impl Workshop {
    fn gated(&self, change: impl FnOnce(&mut Value)) -> PathBuf {
        let digest = self
            .registry
            .push("acme/payments", "hotfix-1", Some(&self.released));
        let mut record = gate_of(&digest, &self.released);
        change(&mut record);
        let file = self.stage.scratch.path().join("gate.json");
        fs::write(&file, record.to_string()).unwrap();
        file
    }

    fn ship_record(&self, record: &std::path::Path, args: &[&str]) -> Output {
        let path = record.to_str().unwrap();
        let all: Vec<&str> = ["hotfix", "ship", "payments", "--record", path]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        self.run(&all)
    }
}

#[test]
fn when_ci_is_down_it_commits_by_itself_and_does_not_claim_more() {
    let workshop = Workshop::new();
    let record = workshop.gated(|_| {});
    let said = json(
        workshop.ship_record(&record, &["--direct", "--incident", "INC-31", "-o", "json"]),
        0,
    );
    assert_eq!(said["hops"][0]["hop"], "committed", "{said}");
    assert!(
        said["not_followed"]
            .as_str()
            .unwrap()
            .contains("no cluster")
    );
    assert_eq!(said["commit"], workshop.stage.tip().as_str());
    assert_eq!(workshop.stage.live(), "hotfix-1");
    let id = said["correlation_id"].as_str().unwrap();
    let followed = json(
        workshop.ship_record(&record, &["--follow", id, "-o", "json"]),
        0,
    );
    assert_eq!(followed["commit"], said["commit"]);
    let unknown = json(
        workshop.ship_record(&record, &["--follow", "d-nothing", "-o", "json"]),
        1,
    );
    assert_eq!(unknown["error"]["code"], "not_committed");
}

#[test]
fn a_dry_run_shows_what_would_be_sent() {
    let workshop = Workshop::new();
    let record = workshop.gated(|_| {});
    let tip = workshop.stage.tip();
    let said = json(
        workshop.ship_record(&record, &["--dry-run", "-o", "json"]),
        0,
    );
    assert_eq!(said["service"], "payments");
    assert_eq!(said["hotfix"]["name"], "INC-31-double-charge");
    assert_eq!(said["source"]["commit"], workshop.released.as_str());
    assert_eq!(workshop.stage.tip(), tip);
}

#[test]
fn what_did_not_pass_its_gate_is_not_sent() {
    let workshop = Workshop::new();
    let stopped = workshop.gated(|record| record["passed"] = json!(false));
    let output = workshop.ship_record(&stopped, &["--direct"]);
    assert_says(&output, &["a gate that stopped"]);
    let _ = output.assert_code(3);
    let imageless = workshop.gated(|record| record["digest"] = Value::Null);
    let output = workshop.ship_record(&imageless, &["--direct"]);
    assert_says(&output, &["says no digest"]);
    let _ = output.assert_code(2);
    let none = workshop.stage.scratch.path().join("none.json");
    let output = workshop.ship_record(&none, &["--direct"]);
    assert_says(&output, &["is no record of a gate"]);
    let _ = output.assert_code(2);
}

#[test]
fn a_repository_on_no_forge_is_asked_for_by_name() {
    let workshop = Workshop::new();
    let record = workshop.gated(|_| {});
    let said = json(workshop.ship_record(&record, &["-o", "json"]), 2);
    assert_eq!(said["error"]["code"], "no_forge", "{said}");
}
