//! `receive`: a deploy that a service's pipeline asks for.

use std::fs;
use std::thread;

use ripcord_domain::hotfix::Payload;
use ripcord_hotfix::proof::{Secret, sign};
use ripcord_testkit::{ImageRegistry, Output};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_says, json};

const FIX: &str = "1111111111111111111111111111111111111111";

/// Payments behind a registry, in an infra repo that takes deploys.
struct Reception {
    stage: Stage,
    registry: ImageRegistry,
    digest: String,
}

impl Reception {
    fn new(more: &str) -> Self {
        let registry = ImageRegistry::start().unwrap();
        let digest = registry.push("acme/payments", "hotfix-1", Some(FIX));
        let mut stage = Stage::payments();
        let config = format!("mirrors: {{ghcr.io: '{}'}}\n{more}", registry.host());
        stage.infra.write("ripcord.yaml", config);
        stage.infra.commit("configure").land().unwrap();
        Self {
            stage,
            registry,
            digest,
        }
    }

    fn payload(&self) -> Value {
        json!({
            "service": "payments", "image": "ghcr.io/acme/payments", "tag": "hotfix-1",
            "digest": self.digest, "environment": "production",
            "hotfix": {"name": "INC-31-double-charge", "incident": "INC-31"},
            "correlation_id": "d-7f3k9qxy", "source": {"commit": FIX},
            "gate": gate_of(&self.digest, FIX),
        })
    }

    fn receive(&self, payload: &Value, args: &[&str]) -> Output {
        self.receive_with(payload, args, &[])
    }

    fn receive_with(&self, payload: &Value, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let file = tempfile::NamedTempFile::new_in(self.stage.scratch.path()).unwrap();
        fs::write(file.path(), payload.to_string()).unwrap();
        let url = self.stage.url();
        let path = file.path().to_str().unwrap();
        let mut ripcord = self.stage.ripcord();
        for (name, value) in variables {
            ripcord = ripcord.env(name, value);
        }
        let all: Vec<&str> = ["receive", "--repo", &url, "--event", path]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        ripcord.run(&all).unwrap()
    }

    /// Refused with this code and these words, and nothing pushed.
    #[track_caller]
    fn refused(&self, payload: &Value, exit: i32, code: &str, words: &[&str]) {
        let before = self.stage.tip();
        let output = self.receive(payload, &["-o", "json"]);
        assert_says(&output, words);
        let said = json(output, exit);
        assert_eq!(said["error"]["code"], code, "{said}");
        assert_eq!(self.stage.tip(), before);
    }
}

/// The record of a gate that passed.
pub(crate) fn gate_of(digest: &str, commit: &str) -> Value {
    json!({
        "schema": 1, "hotfix": "INC-31-double-charge", "commit": commit, "repository": null,
        "started": "2026-11-20T17:10:00Z", "seconds": 42.0, "passed": true,
        "checks": [{"name": "unit tests", "command": "go test -short ./...", "verdict": "passed", "seconds": 4.0}],
        "image": "ghcr.io/acme/payments", "tag": "hotfix-1", "digest": digest,
        "skipped": [{"name": "integration", "context": "ci / integration"}], "overrides": [],
        "rescan_owed": false, "signed_off_by": "Dana <dana@acme.example>", "ripcord": "0.1.0",
    })
}

fn with(mut payload: Value, field: &str, value: Value) -> Value {
    payload[field] = value;
    payload
}

#[test]
fn a_request_becomes_one_commit_with_everything_in_its_trailers() {
    let reception = Reception::new("");
    let before = reception.stage.tip();
    let event = json!({"action": "deploy-service", "client_payload": reception.payload()});
    let said = json(reception.receive(&event, &["-o", "json"]), 0);
    assert_eq!(said["outcome"], "pushed", "{said}");
    assert_eq!(reception.stage.live(), "hotfix-1");
    reception.stage.assert_one_on_top_of(&before);
    let message = reception
        .stage
        .infra
        .git(&["log", "-1", "--format=%B", "main"])
        .unwrap();
    for line in [
        "deploy: payments hotfix-1 to production\n",
        "Service: payments",
        "Environment: production",
        "Correlation-Id: d-7f3k9qxy",
        "Hotfix: INC-31-double-charge",
        "Incident: INC-31",
        &format!("Source-Commit: {FIX}"),
        &format!("Image-Digest: {}", reception.digest),
    ] {
        assert!(message.contains(line), "{line} in {message}");
    }
    let record = ".ripcord/hotfixes/payments/production/INC-31-double-charge.hotfix";
    let record: Value = serde_json::from_str(&reception.stage.infra.read(record).unwrap()).unwrap();
    assert_eq!(record["digest"], reception.digest.as_str());
}

#[test]
fn the_same_request_again_pushes_nothing() {
    let reception = Reception::new("");
    let first = json(reception.receive(&reception.payload(), &["-o", "json"]), 0);
    let tip = reception.stage.tip();
    let again = json(reception.receive(&reception.payload(), &["-o", "json"]), 0);
    assert_eq!(again["outcome"], "known_already");
    assert_eq!(again["commit"], first["commit"]);
    let other = with(reception.payload(), "correlation_id", json!("d-another"));
    let other = json(reception.receive(&other, &["-o", "json"]), 0);
    assert_eq!(other["outcome"], "declared_already");
    assert_eq!(reception.stage.tip(), tip);
}

#[test]
fn a_request_from_before_a_rollback_is_not_carried_out_again() {
    let reception = Reception::new("");
    let _ = reception.receive(&reception.payload(), &[]).assert_code(0);
    let _ = reception.stage.roll_back().assert_code(0);
    let said = json(reception.receive(&reception.payload(), &["-o", "json"]), 0);
    assert_eq!(said["outcome"], "known_already");
    assert_ne!(reception.stage.live(), "hotfix-1");
    // Asked anew, the version that was rolled back from is kept out.
    let anew = with(reception.payload(), "correlation_id", json!("d-another"));
    reception.refused(&anew, 3, "quarantined", &["hotfix-1 must not be deployed"]);
}

#[test]
fn what_does_not_fit_the_infra_repo_is_refused() {
    let reception = Reception::new("");
    let payload = || reception.payload();
    let unknown = with(payload(), "service", json!("paymnts"));
    reception.refused(&unknown, 2, "unknown_service", &["did you mean payments"]);
    let nowhere = with(payload(), "environment", json!("qa"));
    reception.refused(&nowhere, 2, "unknown_environment", &["production"]);
    let mut foreign = with(payload(), "image", json!("ghcr.io/evil/payments"));
    foreign["gate"]["image"] = json!("ghcr.io/evil/payments");
    reception
        .registry
        .push("evil/payments", "hotfix-1", Some(FIX));
    reception.refused(&foreign, 3, "foreign_image", &["ghcr.io/evil/payments"]);
    let gone = with(payload(), "tag", json!("never-pushed"));
    reception.refused(&gone, 3, "image_gone", &["never-pushed"]);
    let source = json!({"commit": "2".repeat(40)});
    let other = with(payload(), "source", source);
    reception.refused(&other, 3, "other_source", &[FIX]);
    reception.refused(
        &json!({"service": "payments"}),
        2,
        "bad_payload",
        &["missing"],
    );
}

#[test]
fn a_tag_that_moved_after_the_gate_is_refused() {
    let reception = Reception::new("");
    let now = reception.registry.push("acme/payments", "hotfix-1", None);
    let words = [
        "moved after the gate",
        now.as_str(),
        reception.digest.as_str(),
    ];
    reception.refused(&reception.payload(), 3, "tag_moved", &words);
}

#[test]
fn a_registry_in_trouble_says_nothing_about_the_image() {
    let reception = Reception::new("");
    for (status, code) in [
        (401, "image_hidden"),
        (429, "image_unknown"),
        (500, "image_unknown"),
    ] {
        reception.registry.set_trouble(Some(status));
        reception.refused(&reception.payload(), 6, code, &["payments:hotfix-1"]);
    }
    reception.registry.set_trouble(None);
    let _ = reception.receive(&reception.payload(), &[]).assert_code(0);
}

#[test]
fn only_who_knows_a_key_may_ask_and_only_for_what_it_is_good_for() {
    let keys = "receive:\n  keys:\n    ci: {services: [payments], environments: [production]}\n";
    let reception = Reception::new(keys);
    reception.refused(&reception.payload(), 3, "not_proven", &["signed by no key"]);
    let forged = json!({"key": "ci", "at": "2026-11-20T17:15:00Z", "mac": "ab".repeat(32)});
    let forged = with(reception.payload(), "proof", forged);
    reception.refused(&forged, 7, "no_secret", &["RIPCORD_KEY_CI"]);
    let secret = "0123456789abcdef0123456789abcdef";
    let output = reception.receive_with(&forged, &[], &[("RIPCORD_KEY_CI", secret)]);
    assert_says(&output, &["not signed by the key `ci`"]);
    let _ = output.assert_code(3);
    let stranger = json!({"key": "cd", "at": "2026-11-20T17:15:00Z", "mac": "ab".repeat(32)});
    let stranger = with(reception.payload(), "proof", stranger);
    reception.refused(&stranger, 3, "not_proven", &["no key `cd`"]);
}

#[test]
fn a_key_is_good_for_the_environment_that_is_meant_however_it_is_spelt() {
    let keys = "receive:\n  keys:\n    ci: {services: [payments], environments: [production]}\n    test: {services: [payments], environments: [prod, staging]}\n";
    let reception = Reception::new(keys);
    let secret = "0123456789abcdef0123456789abcdef";
    let signed = |key: &str, environment: &str| {
        let mut asked = with(reception.payload(), "environment", environment.into());
        let payload = Payload::read(&asked.to_string()).unwrap();
        let known = Secret::new(key, secret).unwrap();
        let now = "2026-10-01T12:00:00Z".parse().unwrap();
        let proof = sign(&payload, key, &known, now).unwrap();
        asked["proof"] = serde_json::to_value(proof).unwrap();
        let secrets = [("RIPCORD_KEY_CI", secret), ("RIPCORD_KEY_TEST", secret)];
        reception.receive_with(&asked, &["--dry-run"], &secrets)
    };
    let _ = signed("ci", "production").assert_code(0);
    let _ = signed("ci", "prod").assert_code(0);
    // Its rules name no environment of this infra repo, and so are good for none.
    for environment in ["production", "prod"] {
        let refused = signed("test", environment);
        assert_says(&refused, &["the key `test` is not good for production"]);
        let _ = refused.assert_code(3);
    }
}

#[test]
fn a_dry_run_shows_the_change_and_pushes_nothing() {
    let reception = Reception::new("");
    let before = reception.stage.tip();
    let output = reception.receive(&reception.payload(), &["--dry-run"]);
    assert_says(&output, &["would deploy", "+    newTag: hotfix-1"]);
    let _ = output.assert_code(0);
    assert_eq!(reception.stage.tip(), before);
}

#[test]
fn many_at_once_all_land() {
    const MANY: usize = 12;
    let reception = Reception::new("");
    let before = reception.stage.commits();
    thread::scope(|scope| {
        let jobs: Vec<_> = (0..MANY)
            .map(|n| {
                let reception = &reception;
                scope.spawn(move || {
                    let tag = format!("v{n}");
                    let digest = reception.registry.push("acme/payments", &tag, None);
                    let payload = json!({
                        "service": "payments", "image": "ghcr.io/acme/payments", "tag": tag,
                        "digest": digest, "environment": "production",
                        "correlation_id": format!("d-many-{n}"),
                    });
                    reception.receive(&payload, &["-o", "json"])
                })
            })
            .collect();
        for job in jobs {
            let said = json(job.join().unwrap(), 0);
            assert_eq!(said["outcome"], "pushed", "{said}");
        }
    });
    assert_eq!(reception.stage.commits(), before + MANY);
}

#[test]
fn a_hotfix_without_the_record_of_its_gate_is_refused() {
    let reception = Reception::new("");
    let payload = || reception.payload();
    let without = with(payload(), "gate", Value::Null);
    reception.refused(&without, 3, "not_gated", &["no record of a gate"]);
    let another = with(
        payload(),
        "gate",
        gate_of(&format!("sha256:{}", "0".repeat(64)), FIX),
    );
    reception.refused(&another, 3, "not_gated", &["not of sha256:"]);
    let other = with(
        payload(),
        "gate",
        gate_of(&reception.digest, &"3".repeat(40)),
    );
    reception.refused(&other, 3, "not_gated", &["is of commit 333"]);
    let mut stopped = payload();
    stopped["gate"]["checks"][0]["verdict"] = json!("found");
    reception.refused(&stopped, 3, "not_gated", &["stopped at `unit tests`"]);
    // Nobody decides against what was found, whatever the record says.
    stopped["gate"]["overrides"] = json!([{"check": "unit tests", "verdict": "found", "by": "x", "reason": "x", "at": "2026-11-20T17:10:00Z"}]);
    reception.refused(&stopped, 3, "not_gated", &["nobody may override"]);
    stopped["gate"]["overrides"][0]["verdict"] = json!("scanner_failed");
    reception.refused(&stopped, 3, "not_gated", &["is not what it came to"]);
    reception.refused(
        &with(payload(), "gate", json!({"passed": true})),
        3,
        "not_gated",
        &["cannot be read"],
    );
}

#[test]
fn a_record_of_another_hotfix_or_another_tag_is_refused() {
    let reception = Reception::new("");
    let mut payload = reception.payload();
    payload["gate"]["hotfix"] = json!("INC-32");
    reception.refused(&payload, 3, "not_gated", &["is of INC-32"]);
    payload["gate"]["hotfix"] = Value::Null;
    reception.refused(&payload, 3, "not_gated", &["is of no hotfix"]);
    let mut payload = reception.payload();
    payload["gate"]["tag"] = json!("hotfix-0");
    reception.refused(&payload, 3, "not_gated", &["payments:hotfix-0"]);
}

#[test]
fn an_id_that_another_request_had_is_no_success() {
    let mut reception = Reception::new("");
    let _ = reception.receive(&reception.payload(), &[]).assert_code(0);
    let digest = reception.registry.push("acme/payments", "v9", None);
    let mut other = with(reception.payload(), "hotfix", Value::Null);
    other["digest"] = json!(digest);
    other["tag"] = json!("v9");
    other["source"] = Value::Null;
    reception.refused(
        &other,
        3,
        "correlation_id_reused",
        &["d-7f3k9qxy", "of its own"],
    );
    crate::stage::deploy(&mut reception.stage.infra, "payments", "staging", "good000");
    let elsewhere = with(reception.payload(), "environment", json!("staging"));
    reception.refused(&elsewhere, 3, "correlation_id_reused", &["something else"]);
}

#[test]
fn a_request_is_known_again_beyond_what_a_fresh_copy_holds() {
    let mut reception = Reception::new("");
    let _ = reception.receive(&reception.payload(), &[]).assert_code(0);
    for n in 0..80 {
        let commit = reception
            .stage
            .infra
            .deploy("orders", "production", &format!("o{n}"));
        commit.at("2026-10-01T12:00:30Z").queue().unwrap();
    }
    reception.stage.infra.land_queued().unwrap();
    let _ = reception.stage.roll_back().assert_code(0);
    let fresh = reception.stage.scratch.path().join("fresh");
    let cache = fresh.display().to_string();
    let variables = [
        ("RIPCORD_CACHE_DIR", cache.as_str()),
        ("XDG_CACHE_HOME", cache.as_str()),
    ];
    let said = reception.receive_with(&reception.payload(), &["-o", "json"], &variables);
    assert_eq!(json(said, 0)["outcome"], "known_already");
}

#[test]
fn a_token_in_an_images_label_is_not_committed() {
    let reception = Reception::new("");
    let source = "https://gitlab-ci-token:very-secret@git.acme.example/pay.git";
    let labels = [("revision", FIX), ("source", source)];
    let digest = reception
        .registry
        .push_labelled("acme/payments", "hotfix-1", &labels);
    let mut payload = with(reception.payload(), "digest", json!(digest));
    payload["gate"]["digest"] = json!(digest);
    let output = reception.receive(&payload, &["-o", "json"]);
    assert!(!format!("{output:?}").contains("very-secret"));
    let _ = output.assert_code(0);
    let shown = reception.stage.infra.git(&["show", "main"]).unwrap();
    assert!(!shown.contains("very-secret"), "{shown}");
    assert!(
        shown.contains("Source-Repository: https://git.acme.example/pay.git"),
        "{shown}"
    );
}

#[test]
fn a_short_revision_in_a_label_is_the_commit_that_it_begins() {
    let reception = Reception::new("");
    for (label, code) in [(&FIX[..9], 0), ("v1.2", 0), ("2222222", 3)] {
        let digest = reception
            .registry
            .push("acme/payments", "hotfix-1", Some(label));
        let mut payload = with(reception.payload(), "digest", json!(digest));
        payload["gate"]["digest"] = json!(digest);
        payload["correlation_id"] = json!(format!("d-{label}"));
        let _ = reception.receive(&payload, &[]).assert_code(code);
    }
}

#[test]
fn a_base_that_another_service_builds_on_is_not_changed() {
    let reception = Reception::new(
        "receive: {registries: [ghcr.io/acme]}
",
    );
    let mut stage = reception.stage;
    let infra = &mut stage.infra;
    let resources = |of: &str| {
        format!(
            "resources: [{of}]
"
        )
    };
    infra.write(
        "services/pay/base/kustomization.yaml",
        "images: [{name: ghcr.io/acme/pay, newTag: v1}]
",
    );
    infra.write(
        "services/pay/overlays/production/kustomization.yaml",
        resources("../../base"),
    );
    infra.write(
        "services/cart/overlays/production/kustomization.yaml",
        resources("../../../pay/base"),
    );
    infra
        .commit("Build cart on the base of pay")
        .land()
        .unwrap();
    let reception = Reception { stage, ..reception };
    let digest = reception.registry.push("acme/pay", "v2", None);
    let payload = json!({
        "service": "pay", "image": "ghcr.io/acme/pay", "tag": "v2", "digest": digest,
        "environment": "production", "correlation_id": "d-shared-1",
    });
    reception.refused(&payload, 3, "shared_place", &["cart"]);
}
