//! `drift`: what was changed by hand, by whom, and what makes it last.

use serde_json::{Value, json};

use crate::outage::{BAD, Outage, PAYMENTS};
use crate::schemas::valid;

const BASE: &str = "services/payments-service/base";

/// What a Secret says in Git and after somebody changed it: as it is written, and encoded.
const WORDS: [&str; 6] = [
    "first-pass-word",
    "Zmlyc3QtcGFzcy13b3Jk",
    "other-pass-word",
    "b3RoZXItcGFzcy13b3Jk",
    "third-pass-word",
    "dGhpcmQtcGFzcy13b3Jk",
];

#[test]
fn drift_names_who_set_an_image_and_the_rollback_that_makes_it_last() {
    let outage = Outage::of("auto", "live-drift", PAYMENTS);
    let clean = outage.ripcord().run(["drift", PAYMENTS]).unwrap();
    assert!(
        clean
            .assert_code(0)
            .stdout
            .contains("all is as it was applied")
    );
    let image = "main=acme/payments-service:v14";
    outage
        .scene
        .kubectl(&["set", "image", "deployment/payments-service", image])
        .unwrap();
    let port = json!({"spec": {"ports": [{"port": 8080}]}}).to_string();
    outage
        .scene
        .kubectl(&["patch", "service", PAYMENTS, "--type=merge", "-p", &port])
        .unwrap();
    let said = outage.ripcord().run(["drift", PAYMENTS]).unwrap();
    let said = said.assert_code(0).stdout;
    for words in [
        "containers[main].image",
        "applied acme/payments-service:v15-crash",
        "now     acme/payments-service:v14",
        "by kubectl-set",
        "auto-sync at the next commit",
        "ripcord rollback payments-service production --to v14",
        "spec.ports[0].port",
        "by kubectl-patch",
        "edit it in Git (services/payments-service/overlays/production)",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let output = outage.ripcord().run(["drift", PAYMENTS, "-ojson"]).unwrap();
    let found = valid(&outage, "drift", &output.assert_code(0));
    assert_eq!(found["fields"].as_array().unwrap().len(), 2, "{found:#}");
}

#[test]
fn drift_says_that_a_secret_differs_and_never_what_it_says() {
    let mut outage = Outage::none_yet("auto", "live-secret", PAYMENTS, "live-secret");
    let infra = outage.scene.infra();
    let list = format!("{BASE}/kustomization.yaml");
    let text = infra.read(&list).unwrap();
    infra.write(
        &list,
        text.replace("- service.yaml", "- service.yaml\n  - secret.yaml"),
    );
    infra.write(
        &format!("{BASE}/secret.yaml"),
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n\
             data:\n  password: {}\nstringData:\n  token: {}\n",
            WORDS[1], WORDS[0]
        ),
    );
    outage.break_it(BAD);
    let clean = outage.ripcord().run(["drift", PAYMENTS]).unwrap();
    let clean = clean.assert_code(0);
    assert!(
        clean.stdout.contains("all is as it was applied"),
        "{clean:?}"
    );

    let change = json!({"stringData": {"password": WORDS[2], "token": WORDS[4]}}).to_string();
    outage
        .scene
        .kubectl(&["patch", "secret", "db", "-p", &change])
        .unwrap();
    let text = outage.ripcord().run(["drift", PAYMENTS]).unwrap();
    let document = outage.ripcord().run(["drift", PAYMENTS, "-ojson"]).unwrap();
    let (text, document) = (text.assert_code(0), document.assert_code(0));
    for words in [
        "Secret db data.password",
        "Secret db stringData.token",
        "by kubectl-patch",
        "values of Secrets are not shown",
        "edit it in Git",
    ] {
        assert!(text.stdout.contains(words), "{words}: {text:?}");
    }
    let found = valid(&outage, "drift", &document);
    assert_eq!(found["fields"].as_array().unwrap().len(), 2, "{found:#}");
    for output in [&text, &document] {
        for word in WORDS {
            let told = format!("{}{}", output.stdout, output.stderr);
            assert!(!told.contains(word), "{word}: {told}");
        }
    }

    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "no-secrets"},
        "rules": [
            {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
            {"apiGroups": ["apps", "argoproj.io"], "resources": ["*"], "verbs": ["get", "list"]},
        ],
    });
    let blind = outage.ripcord_as("no-secrets", &role);
    let said = blind.run(["drift", PAYMENTS]).unwrap().assert_code(0);
    for words in [
        "what was read is as it was applied",
        "Secret db was not looked at",
    ] {
        assert!(said.stdout.contains(words), "{words}: {said:?}");
    }
}

/// What `drift` says to people.
fn drift(outage: &Outage<'_>) -> String {
    let said = outage.ripcord().run(["drift", PAYMENTS]).unwrap();
    said.assert_code(0).stdout
}

fn replicas(outage: &Outage<'_>) -> Value {
    let found = outage.scene.object("apps/v1", "Deployment", PAYMENTS);
    found.unwrap()["spec"]["replicas"].clone()
}

fn scale(outage: &Outage<'_>, to: &str) {
    let replicas = format!("--replicas={to}");
    let args = ["scale", "deployment/payments-service", &replicas];
    outage.scene.kubectl(&args).unwrap();
}

fn wait_until_out_of_sync(outage: &Outage<'_>) {
    outage.wait("Argo CD sees it", |outage| {
        outage.app()["status"]["sync"]["status"] == "OutOfSync"
    });
}

#[test]
fn what_kubectl_apply_changed_is_not_called_as_it_was_applied() {
    let outage = Outage::of("auto", "live-kubectl", PAYMENTS);
    let manifest = outage.scratch.path().join("deployment.yaml");
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: payments-service}\n\
                spec:\n  replicas: 3\n  selector: {matchLabels: {app: payments-service}}\n  \
                template:\n    metadata: {labels: {app: payments-service}}\n    spec:\n      \
                containers: [{name: main, image: 'acme/payments-service:v14'}]\n";
    std::fs::write(&manifest, text).unwrap();
    let manifest = manifest.to_str().unwrap();
    outage.scene.kubectl(&["apply", "-f", manifest]).unwrap();
    wait_until_out_of_sync(&outage);
    let said = drift(&outage);
    for words in [
        "Deployment payments-service",
        "Argo CD says OutOfSync; the field cannot be told, for kubectl-client-side-apply applied it last",
        "`argocd app diff live-kubectl` shows it",
        "spec.replicas",
        "auto-sync at the next commit",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("as it was applied"), "{said}");
    let output = outage.ripcord().run(["drift", PAYMENTS, "-ojson"]).unwrap();
    let found = valid(&outage, "drift", &output.assert_code(0));
    let applier = &found["untold"][0]["applied_by"];
    assert_eq!(applier["by"], "kubectl-client-side-apply", "{found:#}");
}

#[test]
fn under_server_side_apply_every_program_is_named_and_nothing_before_somebody_came() {
    let mut outage = Outage::none_yet("auto", "live-server-side", PAYMENTS, "live-server-side");
    let options = json!(["CreateNamespace=true", "ServerSideApply=true"]);
    let policy = json!({"spec": {"syncPolicy": {"syncOptions": options}}});
    outage.scene.application().merge(&policy).unwrap();
    outage.break_it(BAD);
    let clean = drift(&outage);
    assert!(clean.contains("all is as it was applied"), "{clean}");
    let image = "main=acme/payments-service:v14";
    let set = ["set", "image", "deployment/payments-service", image];
    outage.scene.kubectl(&set).unwrap();
    let wait = json!({"spec": {"minReadySeconds": 1}}).to_string();
    let patch = [
        "patch",
        "deployment",
        PAYMENTS,
        "--field-manager=my-operator",
        "-p",
        &wait,
    ];
    outage.scene.kubectl(&patch).unwrap();
    wait_until_out_of_sync(&outage);
    let said = drift(&outage);
    for words in [
        "containers[main].image",
        "applied (not known)",
        "now     acme/payments-service:v14",
        "by kubectl-set",
        "ripcord rollback payments-service production --to v14",
        "spec.minReadySeconds",
        "by my-operator",
        "nothing, should Git not name the field",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn self_heal_is_said_to_wait_longer_after_it_came_several_times() {
    let outage = Outage::of("auto-heal", "live-heals", PAYMENTS);
    for _ in 0..3 {
        scale(&outage, "7");
        outage.wait("it is healed", |outage| replicas(outage) == 4);
    }
    scale(&outage, "7");
    let said = drift(&outage);
    for words in [
        "spec.replicas",
        // A scale is recorded without its time.
        "by kubectl",
        "self-heal, in about ",
        "s by Argo CD's defaults",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn what_is_ignored_or_in_a_closed_window_is_not_said_to_be_healed() {
    let outage = Outage::of("sync-windows", "live-closed", PAYMENTS);
    let ignored =
        json!([{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]);
    let spec = json!({"spec": {"ignoreDifferences": ignored}});
    outage.scene.application().merge(&spec).unwrap();
    // Self-heal would be there before it is ignored.
    outage.scene.close_project(true).unwrap();
    scale(&outage, "7");
    let image = "main=acme/payments-service:v14";
    let set = ["set", "image", "deployment/payments-service", image];
    outage.scene.kubectl(&set).unwrap();
    let said = drift(&outage);
    for words in [
        "nothing by itself: ignoreDifferences of the Application is about it",
        "nothing by itself while a sync window of its project is closed",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("self-heal"), "{said}");
}

#[test]
fn drift_is_seen_while_git_is_away_and_says_so() {
    let outage = Outage::of("auto", "live-away", PAYMENTS);
    outage.point_clone_at("http://127.0.0.1:9/nowhere.git");
    scale(&outage, "7");
    let said = drift(&outage);
    for words in [
        "Git does not answer",
        "spec.replicas",
        "overlays/production",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
