//! Programs that bump versions by themselves.

use crate::stage::{Stage, json};

const FILE: &str = "services/payments/overlays/production/kustomization.yaml";

/// A service whose tag Flux sets, and then sets again.
fn set_by_flux() -> Stage {
    Stage::with(|infra| {
        for version in ["1.0.0", "1.1.0", "2.0.0"] {
            infra.write(
                FILE,
                format!(
                    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n\
                     resources:\n  - ../../base\nimages:\n  - name: acme/payments\n    \
                     newTag: {version} # {{\"$imagepolicy\": \"flux-system:payments:tag\"}}\n"
                ),
            );
            infra
                .commit(&format!("Update payments to {version}"))
                .land()
                .unwrap();
        }
    })
}

#[test]
fn a_bot_that_would_bump_the_version_again_is_told_in_the_plan() {
    let stage = set_by_flux();
    let plan = json(stage.run(&["plan", "payments", "-o", "json"]), 0);
    let warnings = plan["warnings"].as_array().unwrap();
    let bot = warnings
        .iter()
        .find(|one| one["code"] == "image_bot")
        .unwrap();
    let message = bot["message"].as_str().unwrap();
    assert!(message.contains("flux-system:payments"), "{message}");
}
