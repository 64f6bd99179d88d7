//! Versions that are no image's: a release that only a setting names.

use crate::outage::{Outage, PAYMENTS, events};

const PRODUCTION: &str = "services/payments-service/overlays/production";

/// Deploys a release by the file that names it, and waits until its pods are there.
fn release(outage: &mut Outage<'_>, release: &str) {
    let infra = outage.scene.infra();
    infra.write(&format!("{PRODUCTION}/release.txt"), format!("{release}\n"));
    let commit = infra.commit(&format!("Release {release}")).land().unwrap();
    outage.scene.refresh().unwrap();
    outage.wait("the release is live", |outage| {
        let app = outage.app();
        app["status"]["sync"]["revision"] == *commit
            && app["status"]["health"]["status"] == "Healthy"
            && app["operation"].is_null()
            && serves(outage, release)
    });
    outage.bad = commit;
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
    let infra = outage.scene.infra();
    infra.write(
        "ripcord.yaml",
        "version_files: [{path: 'services/{service}/overlays/{environment}/release.txt'}]\n",
    );
    let overlay = format!("{PRODUCTION}/kustomization.yaml");
    let text = infra.read(&overlay).unwrap();
    let generator = "configMapGenerator: [{name: release, files: [release.txt]}]\n";
    infra.write(&overlay, format!("{text}{generator}"));
    let deployment = "services/payments-service/base/deployment.yaml";
    let text = infra.read(deployment).unwrap();
    let image = "image: acme/payments-service";
    let settings = format!("{image}\n          envFrom: [{{configMapRef: {{name: release}}}}]");
    infra.write(deployment, text.replace(image, &settings));
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
