//! Bots that run: what they do with a version that they were told to pass over, and without that.

use ripcord_testbed::{Options, Testbed};
use serde_json::{Value, json};

use crate::followed::At;
use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

#[test]
fn a_bot_that_is_held_back_does_not_bring_the_bad_version_and_one_that_is_let_go_does() {
    let bed = Testbed::start(&Options {
        forge: true,
        bots: true,
        rollouts: false,
        ..Options::default()
    })
    .unwrap();
    let forge = bed.forge().unwrap();
    for tag in [GOOD, BAD] {
        forge.push_image("acme", PAYMENTS, tag).unwrap();
    }
    by_image_updater(&bed);
    unheld(&bed);
    by_flux(&bed);
}

fn release(outage: &Outage<'_>) {
    let released = outage.ripcord().run(["release"]).unwrap();
    let _ = released.assert_code(0);
}

/// An ImageUpdater that takes the last tag of all for the Application of an outage.
fn updater(outage: &Outage<'_>) -> Value {
    json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
        "metadata": {"name": outage.application, "namespace": "argocd"},
        "spec": {"applicationRefs": [{"namePattern": outage.application, "images": [{
            "alias": "pay", "imageName": "acme/payments-service",
            "commonUpdateSettings": {"updateStrategy": "alphabetical"},
        }]}]},
    })
}

/// Image Updater writes the version into the Application.
fn by_image_updater(bed: &Testbed) {
    let mut outage = Outage::on(bed, "auto-heal", "updated", PAYMENTS, "updated");
    outage.break_it(BAD);
    outage.apply(&updater(&outage));
    let _ = outage.rollback(&["--hold-bots"]).assert_code(0);
    let said = bed.update_images().unwrap();
    assert!(said.contains("images_updated=0 errors=0"), "{said}");
    outage.assert_restored(GOOD);

    release(&outage);
    let said = bed.update_images().unwrap();
    assert!(said.contains("images_updated=1 errors=0"), "{said}");
    let written = outage.app()["spec"]["source"]["kustomize"]["images"].clone();
    assert!(written.to_string().contains(BAD), "{written}");
}

/// Nothing holds it back: it is named as who brought the bad version.
fn unheld(bed: &Testbed) {
    let mut outage = Outage::on(bed, "auto-heal", "bumped", PAYMENTS, "bumped");
    outage.break_it(BAD);
    outage.apply(&updater(&outage));
    let mut running = outage.follow(&outage.rollback_args(&["--watch", "1m"]));
    running.until("watch", At::Begun);
    bed.update_images().unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(9), "{ended:#?}");
    let said = format!("{} {:?}", ended.stderr, ended.events);
    assert!(
        said.contains("with settings that `argocd-image-updater` changed"),
        "{ended:#?}"
    );
}

/// Flux chooses the version that another of its controllers would commit.
fn by_flux(bed: &Testbed) {
    let mut outage = Outage::on(bed, "auto-heal", "chosen", PAYMENTS, "chosen");
    let registry = bed.forge().unwrap().url().replace("http://", "");
    let image = format!("{registry}/acme/payments-service");
    let named = |kind: &str, spec: Value| {
        json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind,
            "metadata": {"name": "payments", "namespace": "chosen"}, "spec": spec,
        })
    };
    let scans = json!({"image": image, "interval": "1h", "insecure": true});
    outage.apply(&named("ImageRepository", scans));
    let chooses = json!({
        "imageRepositoryRef": {"name": "payments"}, "policy": {"alphabetical": {"order": "asc"}},
    });
    outage.apply(&named("ImagePolicy", chooses));
    outage.break_it(BAD);
    outage.let_flux_set_the_tag("chosen:payments:tag");
    let chosen = |outage: &Outage<'_>| {
        let policy = outage
            .scene
            .object("image.toolkit.fluxcd.io/v1", "ImagePolicy", "payments");
        policy.unwrap()["status"]["latestRef"]["tag"].clone()
    };
    outage.wait("Flux chooses the bad version", |outage| {
        chosen(outage) == BAD
    });

    let _ = outage.rollback(&["--hold-bots"]).assert_code(0);
    outage.wait("Flux chooses the good version", |outage| {
        chosen(outage) == GOOD
    });
    outage.assert_restored(GOOD);

    release(&outage);
    outage.wait("Flux chooses the bad version again", |outage| {
        chosen(outage) == BAD
    });
}
