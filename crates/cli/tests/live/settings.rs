//! Versions that are no image's: a release that only a setting names.

use crate::outage::{Outage, PAYMENTS, events};

const CHECKOUT: &str = "checkout";
const NAMES: &str = "nameReference:
  - kind: ConfigMap
    version: v1
    fieldSpecs:
      - kind: Rollout
        path: spec/template/spec/containers/envFrom/configMapRef/name
";

/// Where a service's settings are.
fn overlay(outage: &Outage<'_>) -> String {
    format!("services/{}/overlays/production", outage.service)
}

/// Deploys a release by the file that names it, and waits until its pods are there.
fn release(outage: &mut Outage<'_>, release: &str) {
    let file = format!("{}/release.txt", overlay(outage));
    let infra = outage.scene.infra();
    infra.write(&file, format!("{release}\n"));
    let commit = infra.commit(&format!("Release {release}")).land().unwrap();
    outage.scene.refresh().unwrap();
    if outage.service == CHECKOUT {
        outage.wait("its canary waits", |outage| {
            let paused = "jsonpath={.status.pauseConditions[0].reason}";
            let said = outage
                .scene
                .kubectl(&["get", "rollout", CHECKOUT, "-o", paused]);
            said.unwrap() == "CanaryPauseStep"
        });
        let promote = ["argo", "rollouts", "promote", "--full", CHECKOUT];
        outage.scene.kubectl(&promote).unwrap();
    }
    outage.wait("the release is live", |outage| {
        let app = outage.app();
        app["status"]["sync"]["revision"] == *commit
            && app["status"]["health"]["status"] == "Healthy"
            && app["operation"].is_null()
            && serves(outage, release)
    });
    outage.bad = commit;
}

/// Has a service read a release from a file: the version that counts is the one there.
fn by_a_setting(outage: &mut Outage<'_>, template: &str) {
    let production = overlay(outage);
    let infra = outage.scene.infra();
    infra.write(
        "ripcord.yaml",
        "version_files: [{path: 'services/{service}/overlays/{environment}/release.txt'}]\n",
    );
    let overlay = format!("{production}/kustomization.yaml");
    let text = infra.read(&overlay).unwrap();
    // Where a Rollout names a ConfigMap kustomize does not know by itself.
    infra.write(&format!("{production}/names.yaml"), NAMES);
    let generator = "configMapGenerator: [{name: release, files: [release.txt]}]\nconfigurations: [names.yaml]\n";
    infra.write(&overlay, format!("{text}{generator}"));
    let text = infra.read(template).unwrap();
    let image = format!("image: acme/{}", outage.service);
    let settings = format!("{image}\n          envFrom: [{{configMapRef: {{name: release}}}}]");
    let text = text.replace(&image, &settings);
    outage.scene.infra().write(template, text);
}

/// Whether every pod has the settings of a release.
fn serves(outage: &Outage<'_>, release: &str) -> bool {
    let settings = [
        "get",
        "configmaps",
        "-o",
        "jsonpath={range .items[*]}{.metadata.name}={.data.release\\.txt}{\"\\n\"}{end}",
    ];
    let settings = outage.scene.kubectl(&settings).unwrap();
    let named = settings
        .lines()
        .filter_map(|line| line.split_once('='))
        .find(|(_, text)| *text == release)
        .map(|(name, _)| name.to_owned());
    let pods = [
        "get",
        "pods",
        "-o",
        "jsonpath={..envFrom[*].configMapRef.name}",
    ];
    let pods = outage.scene.kubectl(&pods).unwrap();
    named.is_some_and(|name| pods.split_whitespace().all(|used| used == name))
}

#[test]
fn where_images_do_not_tell_pods_are_good_when_all_agree_and_not_before() {
    let mut outage = Outage::none_yet("auto-heal", "untold", PAYMENTS, "untold");
    by_a_setting(
        &mut outage,
        "services/payments-service/base/deployment.yaml",
    );
    release(&mut outage, "1.0");
    release(&mut outage, "2.0");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    assert!(serves(&outage, "1.0"));
    let events = events(&output);
    let at = |is_it: &dyn Fn(&serde_json::Value) -> bool| events.iter().position(is_it);
    let good = at(&|event| event["event"] == "good");
    let operated =
        at(&|event| event["step"]["kind"] == "release" && event["step"]["state"] == "done");
    assert!(good > operated && operated.is_some(), "{output:?}");
}

#[test]
fn a_rollout_whose_settings_alone_went_back_stopped_at_the_first_step_of_its_canary() {
    let mut outage = Outage::none_yet("canary", "untold-canary", CHECKOUT, "untold-canary");
    by_a_setting(&mut outage, "services/checkout/base/rollout.yaml");
    release(&mut outage, "1.0");
    release(&mut outage, "2.0");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    assert!(serves(&outage, "1.0"));
    let steps = Outage::recovery(&output)["steps"].to_string();
    assert!(steps.contains("promote"), "{steps}");
}
