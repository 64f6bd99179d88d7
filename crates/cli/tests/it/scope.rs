//! How much goes back, what is shared with others, what cannot be taken back.

use ripcord_testkit::InfraRepo;

use crate::stage::{Stage, assert_says, deploy, json, live, overlay};

const ROLLBACK: [&str; 4] = ["rollback", "payments", "production", "--yes"];
const PATCH: &str = "services/payments/overlays/production/patch.yaml";

fn patch(memory: &str, replicas: u8) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: payments
spec:
  replicas: {replicas}
  # Far enough away from the
  # other line for a merge,
  # which looks at three lines
  # around each change.
  template:
    spec:
      containers:
        - name: app
          resources:
            limits:
              memory: {memory}
"
    )
}

/// The bad deploy raised the memory, too; a later commit raised the replicas.
fn with_patch(infra: &mut InfraRepo) {
    infra.write(PATCH, patch("1Gi", 3));
    deploy(infra, "payments", "production", "good000");
    infra.write(PATCH, patch("2Gi", 3));
    deploy(infra, "payments", "production", "bad1111");
    infra
        .write(PATCH, patch("2Gi", 5))
        .commit("config: five replicas")
        .land()
        .unwrap();
}

/// What the patch says after a rollback with this scope.
#[track_caller]
fn after(scope: &str) -> String {
    let stage = Stage::with(with_patch);
    let plan = json(
        stage.run(&[&ROLLBACK[..], &["--scope", scope, "-o", "json"]].concat()),
        0,
    );
    assert_eq!(plan["services"][0]["scope"], scope);
    assert_eq!(stage.live(), "good000");
    stage.infra.read(PATCH).unwrap()
}

#[test]
fn scope_deploy_takes_the_deploy_back_and_keeps_later_edits() {
    assert_eq!(after("deploy"), patch("1Gi", 5));
}

#[test]
fn scope_version_takes_only_the_version_back() {
    assert_eq!(after("version"), patch("2Gi", 5));
}

#[test]
fn scope_exact_takes_the_files_back() {
    assert_eq!(after("exact"), patch("1Gi", 3));
}

#[test]
fn a_later_edit_of_the_same_line_narrows_the_scope_and_is_said() {
    let stage = Stage::with(|infra| {
        with_patch(infra);
        infra
            .write(PATCH, patch("4Gi", 5))
            .commit("config: more memory")
            .land()
            .unwrap();
    });
    let plan = json(stage.run(&[&ROLLBACK[..], &["-o", "json"]].concat()), 0);
    assert_eq!(plan["services"][0]["scope"], "version");
    assert_eq!(plan["warnings"][0]["code"], "scope_narrowed");
    assert!(
        plan["warnings"][0]["message"]
            .as_str()
            .unwrap()
            .contains(PATCH)
    );
    assert_eq!(stage.live(), "good000");
    assert_eq!(stage.infra.read(PATCH).unwrap(), patch("4Gi", 5));
}

/// The bad deploy to production changed the base that staging is built on, too.
fn with_base(infra: &mut InfraRepo) {
    for version in ["s1", "s2"] {
        deploy(infra, "payments", "staging", version);
    }
    deploy(infra, "payments", "production", "good000");
    let base = infra
        .read("services/payments/base/deployment.yaml")
        .unwrap();
    infra.write(
        "services/payments/base/deployment.yaml",
        base.replace("replicas: 3", "replicas: 9"),
    );
    deploy(infra, "payments", "production", "bad1111");
}

#[test]
fn a_base_that_others_share_is_refused_and_then_included() {
    let stage = Stage::with(with_base);
    let base = "services/payments/base/deployment.yaml";
    let output = stage.roll_back().assert_code(3);
    assert_says(
        &output,
        &[
            base,
            "payments (staging)",
            "--include-shared",
            "--scope version",
        ],
    );
    assert_eq!(stage.live(), "bad1111");

    let _ = stage
        .run(&[&ROLLBACK[..], &["--include-shared"]].concat())
        .assert_code(0);
    assert_eq!(stage.live(), "good000");
    assert!(stage.infra.read(base).unwrap().contains("replicas: 3"));
    assert_eq!(live(&stage.infra, "payments", "staging"), "s2");
}

#[test]
fn a_base_that_others_share_is_left_alone_by_scope_version() {
    let stage = Stage::with(with_base);
    let _ = stage
        .run(&[&ROLLBACK[..], &["--scope", "version"]].concat())
        .assert_code(0);
    assert_eq!(stage.live(), "good000");
    let base = stage
        .infra
        .read("services/payments/base/deployment.yaml")
        .unwrap();
    assert!(base.contains("replicas: 9"));
}

#[test]
fn a_base_with_the_image_in_it_is_refused_where_two_environments_run_it() {
    let stage = Stage::with(|infra| {
        let base = |tag: &str| {
            ripcord_testkit::deployment("payments")
                .replace("acme/payments", &format!("acme/payments:{tag}"))
        };
        let overlay_of = |environment: &str| {
            format!("kind: Kustomization\nnamespace: {environment}\nresources: [../../base]\n")
        };
        infra.write(
            "services/payments/base/kustomization.yaml",
            "kind: Kustomization\nresources: [deployment.yaml]\n",
        );
        for environment in ["staging", "production"] {
            infra.write(&overlay("payments", environment), overlay_of(environment));
        }
        for tag in ["good000", "bad1111"] {
            infra
                .write("services/payments/base/deployment.yaml", base(tag))
                .commit(&format!("deploy: payments {tag}"))
                .land()
                .unwrap();
        }
    });
    let read = || {
        stage
            .infra
            .read("services/payments/base/deployment.yaml")
            .unwrap()
    };
    let _ = stage.roll_back().assert_code(3);
    assert!(read().contains("bad1111"));
    let _ = stage
        .run(&[&ROLLBACK[..], &["--include-shared"]].concat())
        .assert_code(0);
    assert!(read().contains("good000"));
}

/// `file` says these versions, and once the bad one of payments is there orders goes on to o3.
#[track_caller]
fn only_payments_goes_back(file: &str, text: fn(&str, &str) -> String) {
    let stage = Stage::with(|infra| {
        for (payments, orders) in [("good000", "o1"), ("bad1111", "o2"), ("bad1111", "o3")] {
            infra
                .write(file, text(payments, orders))
                .commit("deploy: all")
                .land()
                .unwrap();
        }
    });
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(stage.infra.read(file).unwrap(), text("good000", "o3"));
}

#[test]
fn of_a_file_with_the_objects_of_several_services_only_one_changes() {
    only_payments_goes_back("clusters/production/all.yaml", |payments, orders| {
        let of = |name: &str, tag: &str| {
            let image = format!("ghcr.io/acme/{name}");
            ripcord_testkit::deployment(name).replace(&image, &format!("{image}:{tag}  # keep"))
        };
        format!("{}---\n{}", of("payments", payments), of("orders", orders))
    });
}

#[test]
fn of_a_values_file_with_several_services_only_one_changes() {
    only_payments_goes_back("production/values.yaml", |payments, orders| {
        let of = |name: &str, tag: &str| {
            format!(
                "{name}:\n  image:\n    repository: ghcr.io/acme/{name}\n    tag: {tag}  # keep\n"
            )
        };
        format!(
            "# All of production.\n{}{}",
            of("payments", payments),
            of("orders", orders)
        )
    });
}

#[test]
fn a_migration_in_the_deploy_needs_consent() {
    let job = |version: &str| {
        format!(
            "apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: ghcr.io/acme/payments:{version}
          args: [db, migrate]
"
        )
    };
    let file = "services/payments/overlays/production/migrate.yaml";
    let stage = Stage::with(|infra| {
        for version in ["good000", "bad1111"] {
            infra.write(file, job(version));
            deploy(infra, "payments", "production", version);
        }
    });
    let plan = json(stage.run(&["plan", "payments", "-o", "json"]), 0);
    assert_eq!(plan["warnings"][0]["severity"], "irreversible", "{plan:#}");
    let output = stage.roll_back().assert_code(3);
    assert_says(&output, &["migration", "--accept-risk"]);
    assert_eq!(stage.live(), "bad1111");
    let _ = stage
        .run(&[&ROLLBACK[..], &["--accept-risk"]].concat())
        .assert_code(0);
    assert_eq!(stage.live(), "good000");
}
