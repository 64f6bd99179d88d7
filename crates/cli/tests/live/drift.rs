//! `drift`: what was changed by hand, by whom, and what makes it last.

use serde_json::json;

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
        "what may be read is as it was applied",
        "Secret db was not looked at",
    ] {
        assert!(said.stdout.contains(words), "{words}: {said:?}");
    }
}
