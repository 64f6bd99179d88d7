//! What `guard` refuses in a pull request.

use std::fs;
use std::path::PathBuf;

use ripcord_testkit::Output;
use serde_json::Value;

use crate::stage::{QUARANTINE, Stage, assert_says, deploy, json, overlay};

pub(crate) const OVERLAY: &str = "services/payments/overlays/production/kustomization.yaml";

/// `payments` was rolled back from bad1111 in production.
pub(crate) fn rolled_back() -> Stage {
    let stage = Stage::payments();
    let args = ["--reason", "payments fail", "--incident", "INC-7"];
    let rollback = ["rollback", "payments", "production", "--yes"];
    let _ = stage.run(&[&rollback[..], &args].concat()).assert_code(0);
    stage
}

/// A clone with a change in it, committed on a branch of its own.
pub(crate) struct Proposal<'s> {
    pub(crate) stage: &'s Stage,
    pub(crate) clone: PathBuf,
}

impl<'s> Proposal<'s> {
    pub(crate) fn on(stage: &'s Stage, name: &str) -> Self {
        let clone = stage.clone(name);
        stage.git(&clone, &["checkout", "-q", "-b", "proposal"]);
        Self { stage, clone }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.clone.join(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.clone.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self.commit();
    }

    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{text}");
        self.write(path, &text.replace(from, to));
    }

    fn commit(&self) {
        self.stage.git(&self.clone, &["add", "-A"]);
        self.stage.git(&self.clone, &["commit", "-qm", "A change"]);
    }

    fn guard(&self, args: &[&str]) -> Output {
        self.stage.run_in(&self.clone, &[&["guard"], args].concat())
    }

    #[track_caller]
    fn findings(&self, args: &[&str], code: i32) -> Vec<Value> {
        let output = self.guard(&[args, &["-o", "json"]].concat());
        let verdict = json(output, code);
        verdict["findings"].as_array().unwrap().clone()
    }
}

#[test]
fn a_change_that_deploys_a_quarantined_version_is_refused_with_everything_one_needs() {
    let stage = rolled_back();
    let change = Proposal::on(&stage, "dev");
    assert_says(
        &change.guard(&[]).assert_code(0),
        &["1 quarantined version is not"],
    );
    change.replace(OVERLAY, "good000", "bad1111");
    let output = change.guard(&[]).assert_code(3);
    let line = output.stdout.lines().next().unwrap();
    assert_eq!(
        line,
        format!(
            "{OVERLAY}:8: payments in production: bad1111 is quarantined until 2026-10-15T12:00:00Z, \
             INC-7: payments fail; to allow it: ripcord quarantine lift payments bad1111 production --reason '…'"
        )
    );
    assert_eq!(output.stdout.lines().count(), 1);
    assert_says(&output, &["error: 1 deploy(s) of quarantined versions"]);
    let found = change.findings(&[], 3);
    assert_eq!(found[0]["line"], 8, "{found:#?}");
    assert_eq!(found[0]["lifted_here"], false);

    change.replace(OVERLAY, "bad1111", "better2");
    let _ = change.guard(&[]).assert_code(0);
}

#[test]
fn the_verdict_is_as_its_schema_says() {
    let stage = rolled_back();
    let change = Proposal::on(&stage, "dev");
    let schema = json(stage.ripcord().run(["schema", "guard"]).unwrap(), 0);
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&json(change.guard(&["-o", "json"]), 0)));
    change.replace(OVERLAY, "good000", "bad1111");
    assert!(validator.is_valid(&json(change.guard(&["-o", "json"]), 3)));
}

#[test]
fn other_versions_services_and_environments_pass() {
    let stage = Stage::payments();
    deploy(&mut stage.infra.clone(), "payments", "staging", "s1");
    let _ = stage.roll_back().assert_code(0);
    let change = Proposal::on(&stage, "dev");
    change.replace(&overlay("payments", "staging"), "s1", "bad1111");
    change.replace(&overlay("orders", "production"), "o1", "bad1111");
    change.replace(
        "services/payments/base/deployment.yaml",
        "replicas: 3",
        "replicas: 5",
    );
    let _ = change.guard(&[]).assert_code(0);
}

/// A layout: where the version stands, and the text of the file with it.
type Layout = (&'static str, fn(&str) -> String);

const LAYOUTS: [Layout; 10] = [
    ("apps/production/payments.yaml", |version| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: payments\n  \
             namespace: production\nspec:\n  chart:\n    spec:\n      chart: payments\n      \
             version: {}.0.0\n",
            version.trim_start_matches('v')
        )
    }),
    ("apps/production/payments.yaml", |version| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: payments\n  \
             namespace: production\nspec:\n  values:\n    image:\n      \
             repository: ghcr.io/acme/payments\n      tag: {version}\n"
        )
    }),
    ("environments/production/payments/Chart.yaml", |version| {
        format!(
            "apiVersion: v2\nname: payments-production\nversion: 0.0.1\ndependencies:\n- name: payments\n  \
             repository: https://charts.acme.io\n  version: {}.0.0\n",
            version.trim_start_matches('v')
        )
    }),
    ("environments/production/payments/values.yaml", |version| {
        format!("image:\n  repository: ghcr.io/acme/payments\n  tag: {version}\n")
    }),
    ("charts/payments/values-production.yaml", |version| {
        format!("replicas: 2\nimage: ghcr.io/acme/payments:{version}\n")
    }),
    ("clusters/production/payments.yaml", |version| {
        ripcord_testkit::deployment("payments")
            .replace("acme/payments", &format!("acme/payments:{version}"))
    }),
    (
        "services/payments/overlays/production/kustomization.yaml",
        |version| {
            let digest = format!("{:0>64}", version.trim_start_matches('v'));
            format!(
                "kind: Kustomization\nimages:\n- name: ghcr.io/acme/payments\n  digest: sha256:{digest}\n"
            )
        },
    ),
    ("apps/production/payments.yaml", |version| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: payments\nspec:\n  \
             destination:\n    namespace: production\n  source:\n    chart: web\n    \
             repoURL: https://charts.acme.io\n    targetRevision: 5.1.0\n    helm:\n      values: |\n        \
             image:\n          repository: ghcr.io/acme/payments\n          tag: {version}\n"
        )
    }),
    ("apps/production/payments.yaml", |version| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: payments\nspec:\n  \
             destination:\n    namespace: production\n  source:\n    chart: payments\n    \
             repoURL: https://charts.acme.io\n    targetRevision: {}.0.0\n",
            version.trim_start_matches('v')
        )
    }),
    ("image-tags/production/payments.yaml", |version| {
        format!("image_tag: {version}\n")
    }),
];

#[test]
fn every_layout_that_ripcord_reads_is_guarded() {
    for (number, (path, text)) in LAYOUTS.into_iter().enumerate() {
        let stage = Stage::with(|infra| {
            for version in ["v1", "v2"] {
                infra
                    .write(path, text(version))
                    .commit("deploy")
                    .land()
                    .unwrap();
            }
        });
        let _ = stage.roll_back().assert_code(0);
        assert_eq!(stage.infra.read(path).unwrap(), text("v1"));
        let change = Proposal::on(&stage, "dev");
        change.write(path, &text("v3"));
        assert_eq!(change.findings(&[], 0), [0; 0], "{number}: {path}");
        change.write(path, &text("v2"));
        let found = change.findings(&[], 3);
        assert_eq!(found.len(), 1, "{number}: {path}: {found:#?}");
        assert_eq!(found[0]["path"], path);
        let at = usize::try_from(found[0]["line"].as_u64().unwrap()).unwrap();
        let version = found[0]["version"].as_str().unwrap();
        // Of a text inside another the line is that of the whole or of the value.
        let line = text("v2").lines().nth(at - 1).unwrap().to_owned();
        assert!(
            line.contains(version) || line.contains("values: |"),
            "{number}: {at}: {line}"
        );
        let _ = change.guard(&["--allow-lift"]).assert_code(3);
    }
}

#[test]
fn an_image_with_the_same_digest_is_the_same_version_whatever_its_tag() {
    let digest = |c: &str| format!("sha256:{}", c.repeat(64));
    let text = |tag: &str, digest: &str| {
        format!(
            "kind: Kustomization\nimages:\n- name: ghcr.io/acme/payments\n  newTag: {tag}\n  digest: {digest}\n"
        )
    };
    let stage = Stage::with(|infra| {
        for (tag, c) in [("v1", "a"), ("v2", "b")] {
            infra
                .write(OVERLAY, text(tag, &digest(c)))
                .commit("deploy")
                .land()
                .unwrap();
        }
    });
    let _ = stage.roll_back().assert_code(0);
    let change = Proposal::on(&stage, "dev");
    change.write(OVERLAY, &text("stable", &digest("b")));
    assert_eq!(change.findings(&[], 3).len(), 1);
    // The tag was given to another image since: that is another version.
    change.write(OVERLAY, &text("v2", &digest("c")));
    assert_eq!(change.findings(&[], 0).len(), 0);
    // Without a digest the tag is all that is known.
    change.write(
        OVERLAY,
        "kind: Kustomization\nimages:\n- name: ghcr.io/acme/payments\n  newTag: v2\n",
    );
    assert_eq!(change.findings(&[], 3).len(), 1);
}

#[test]
fn a_base_that_two_environments_run_is_guarded_for_the_one_that_was_rolled_back() {
    let stage = rolled_back();
    let change = Proposal::on(&stage, "dev");
    let base = "services/payments/base/deployment.yaml";
    change.replace(
        base,
        "image: ghcr.io/acme/payments",
        "image: ghcr.io/acme/payments:bad1111",
    );
    // The overlay still says another tag.
    let _ = change.guard(&[]).assert_code(0);
    change.write(OVERLAY, "kind: Kustomization\nresources: [../../base]\n");
    let found = change.findings(&[], 3);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (&found[0]["path"], &found[0]["environment"]),
        (&base.into(), &"production".into())
    );
}

#[test]
fn to_lift_and_to_deploy_are_two_changes() {
    let lifts: [fn(&Proposal<'_>); 3] = [
        |change| {
            fs::remove_file(change.clone.join(QUARANTINE)).unwrap();
            change.commit();
        },
        |change| change.replace(QUARANTINE, "until: 2026-10-15", "until: 2026-10-01"),
        |change| {
            change.replace(
                QUARANTINE,
                "environment: production",
                "environment: nowhere",
            );
        },
    ];
    for lift in lifts {
        let stage = rolled_back();
        let change = Proposal::on(&stage, "dev");
        lift(&change);
        let _ = change.guard(&[]).assert_code(0);
        change.replace(OVERLAY, "good000", "bad1111");
        let output = change.guard(&[]).assert_code(3);
        assert_says(&output, &["two changes", "--allow-lift"]);
        let _ = change.guard(&["--allow-lift"]).assert_code(0);
    }
}

#[test]
fn what_was_lifted_or_quarantined_on_the_branch_meanwhile_counts() {
    let stage = Stage::payments();
    let old = Proposal::on(&stage, "old");
    let _ = stage.roll_back().assert_code(0);
    // This one left the branch before the rollback and knows nothing of it.
    old.replace(&overlay("orders", "production"), "o1", "o2");
    let _ = old.guard(&[]).assert_code(0);
    old.replace(OVERLAY, "bad1111", "good000");
    let _ = old.guard(&[]).assert_code(0);

    let late = Proposal::on(&stage, "late");
    late.replace(OVERLAY, "good000", "bad1111");
    assert_eq!(late.findings(&[], 3).len(), 1);
    stage.lift("bad1111");
    assert_eq!(late.findings(&[], 0).len(), 0);
}

#[test]
fn a_change_from_before_the_bad_deploy_is_held_against_the_branch_as_it_is_now() {
    let stage = Stage::with(|infra| deploy(infra, "payments", "production", "good000"));
    let early = Proposal::on(&stage, "early");
    early.replace(OVERLAY, "good000", "bad1111");
    let _ = early.guard(&[]).assert_code(0);
    deploy(
        &mut stage.infra.clone(),
        "payments",
        "production",
        "bad1111",
    );
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(early.findings(&[], 3).len(), 1);
}

#[test]
fn when_its_time_is_over_a_version_passes() {
    let stage = rolled_back();
    let change = Proposal::on(&stage, "dev");
    change.replace(OVERLAY, "good000", "bad1111");
    let at = |now: &str| {
        let ripcord = stage.ripcord().in_dir(&change.clone).at(now);
        ripcord.run(["guard"]).unwrap()
    };
    let _ = at("2026-10-15T11:59:59Z").assert_code(3);
    let _ = at("2026-10-15T12:00:00Z").assert_code(0);
}

#[test]
fn a_file_that_only_moves_deploys_nothing() {
    let stage = Stage::payments();
    let _ = stage.run(&["rollback", "payments", "--yes"]).assert_code(0);
    // Somebody deployed it past the guard: it runs, and what runs may be moved about.
    deploy(
        &mut stage.infra.clone(),
        "payments",
        "production",
        "bad1111",
    );
    let change = Proposal::on(&stage, "dev");
    let to = "services/payments/overlays/production/eu/kustomization.yaml";
    fs::create_dir_all(change.clone.join(to).parent().unwrap()).unwrap();
    fs::rename(change.clone.join(OVERLAY), change.clone.join(to)).unwrap();
    change.commit();
    let _ = change.guard(&[]).assert_code(0);
}

#[test]
fn a_change_of_the_configuration_does_not_hide_whose_a_version_is() {
    let stage = rolled_back();
    let change = Proposal::on(&stage, "dev");
    change.replace(OVERLAY, "good000", "bad1111");
    change.write("ripcord.yaml", "aliases: {services: {payments: billing}}\n");
    assert_eq!(change.findings(&[], 3).len(), 1);
    change.write("ripcord.yaml", "infer: false\n");
    assert_eq!(change.findings(&[], 3).len(), 1);
}

#[test]
fn what_cannot_be_read_is_not_let_through() {
    let stage = rolled_back();
    let change = Proposal::on(&stage, "dev");
    let text = change.read(QUARANTINE);
    change.write(QUARANTINE, "schema: 1\nentries: [");
    assert_says(
        &change.guard(&[]).assert_code(7),
        &[QUARANTINE, "cannot be read"],
    );
    assert_eq!(
        json(change.guard(&["-o", "json"]), 7)["error"]["code"],
        "quarantine_unreadable"
    );
    change.write(QUARANTINE, &text);
    let _ = change.guard(&[]).assert_code(0);
    change.write(OVERLAY, "kind: Kustomization\nimages: [\n");
    assert_says(
        &change.guard(&[]).assert_code(7),
        &[OVERLAY, "is not known"],
    );
    let _ = change.guard(&["--base", "nonsense"]).assert_code(2);
}

#[test]
fn who_mends_a_broken_file_is_not_stopped_by_how_it_was() {
    let deploys_it = |change: &Proposal<'_>| change.replace(OVERLAY, "good000", "bad1111");
    let stage = rolled_back();
    let early = Proposal::on(&stage, "early");
    let text = stage.infra.read(QUARANTINE).unwrap();
    let broken = text.replace("until", "till");
    stage
        .infra
        .clone()
        .write(QUARANTINE, broken)
        .commit("break")
        .land()
        .unwrap();
    // One who has an older copy mends nothing.
    deploys_it(&early);
    let _ = early.guard(&[]).assert_code(7);
    let change = Proposal::on(&stage, "dev");
    let _ = change.guard(&[]).assert_code(7);
    change.write(QUARANTINE, &text);
    let _ = change.guard(&[]).assert_code(0);
    deploys_it(&change);
    let _ = change.guard(&[]).assert_code(3);
}

#[test]
fn a_shallow_clone_that_cannot_tell_is_told_what_to_fetch() {
    let stage = rolled_back();
    deploy(&mut stage.infra.clone(), "orders", "production", "o2");
    let url = stage.url();
    stage.git(
        stage.scratch.path(),
        &["clone", "-q", "--depth", "1", &url, "shallow"],
    );
    let clone = stage.scratch.path().join("shallow");
    let output = stage.ripcord().in_dir(&clone).run(["guard"]).unwrap();
    assert_says(&output.assert_code(7), &["fetch-depth: 0", "--base"]);
}

#[test]
fn what_is_on_the_branch_already_is_compared_with_what_was_there_before() {
    let stage = rolled_back();
    deploy(
        &mut stage.infra.clone(),
        "payments",
        "production",
        "bad1111",
    );
    let _ = stage.run(&["guard"]).assert_code(3);
    let clone = stage.clone("main");
    let _ = stage.run_in(&clone, &["guard"]).assert_code(3);
    deploy(&mut stage.infra.clone(), "orders", "production", "o2");
    let _ = stage.run(&["guard"]).assert_code(0);
}

#[test]
fn any_two_revisions_can_be_compared_without_the_remote() {
    let stage = rolled_back();
    deploy(
        &mut stage.infra.clone(),
        "payments",
        "production",
        "bad1111",
    );
    deploy(&mut stage.infra.clone(), "orders", "production", "o2");
    let clone = stage.clone("dev");
    stage.git(&clone, &["remote", "set-url", "origin", "/no/such/place"]);
    let run = |args: &[&str]| stage.run_in(&clone, &[&["guard"], args].concat());
    let _ = run(&["--base", "HEAD~1"]).assert_code(0);
    let _ = run(&["--base", "HEAD~2"]).assert_code(3);
    let _ = run(&["--base", "HEAD~2", "--head", "HEAD~1"]).assert_code(3);
    let _ = run(&[]).assert_code(6);
}

#[test]
fn forges_show_what_is_found_beside_the_line() {
    let stage = rolled_back();
    let change = Proposal::on(&stage, "dev");
    let none = change.guard(&["--annotations", "gitlab"]).assert_code(0);
    assert_eq!(none.json().unwrap(), serde_json::json!([]));
    assert_eq!(
        change
            .guard(&["--annotations", "github"])
            .assert_code(0)
            .stdout,
        ""
    );
    change.replace(OVERLAY, "good000", "bad1111");
    let github = change.guard(&["--annotations", "github"]).assert_code(3);
    let start = format!(
        "::error file={OVERLAY},line=8,title=quarantined version::payments in production: bad1111 is"
    );
    assert!(github.stdout.starts_with(&start), "{github:?}");
    let gitlab = json(change.guard(&["--annotations", "gitlab"]), 3);
    let finding = &gitlab[0];
    assert_eq!(finding["location"]["path"], OVERLAY);
    assert_eq!(finding["location"]["lines"]["begin"], 8);
    assert_eq!(finding["severity"], "blocker");
    assert_eq!(finding["fingerprint"].as_str().unwrap().len(), 32);
    change.write(QUARANTINE, "50% of a file");
    let broken = change.guard(&["--annotations", "github"]).assert_code(7);
    assert!(
        broken.stdout.starts_with("::error title=ripcord guard::"),
        "{broken:?}"
    );
}
