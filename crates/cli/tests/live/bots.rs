//! Bots that would bump the bad version again: their real kinds, in a real API server.

use serde_json::{Value, json};

use crate::by_server::by_server;
use crate::followed::At;
use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

const IMAGE: &str = "acme/payments-service";
const OVERLAY: &str = "services/payments-service/overlays/production/kustomization.yaml";

/// An ImageUpdater for the Application of an outage.
pub(crate) fn updater(outage: &Outage<'_>) -> Value {
    json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
        "metadata": {"name": outage.scene.name(), "namespace": "argocd"},
        "spec": {
            "commonUpdateSettings": {"ignoreTags": ["latest"]},
            "applicationRefs": [{
                "namePattern": outage.application,
                "images": [
                    {"alias": "proxy", "imageName": "acme/proxy"},
                    {"alias": "pay", "imageName": format!("{IMAGE}:1.x")},
                ],
            }],
        },
    })
}

/// What Flux is told about the image.
fn reflected(outage: &Outage<'_>) -> [Value; 2] {
    let named = |kind: &str, spec: Value| {
        json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind,
            "metadata": {"name": "payments", "namespace": outage.scene.name()}, "spec": spec,
        })
    };
    [
        named("ImageRepository", json!({"image": IMAGE, "interval": "1m"})),
        named(
            "ImagePolicy",
            json!({
                "imageRepositoryRef": {"name": "payments"},
                "policy": {"alphabetical": {"order": "asc"}},
            }),
        ),
    ]
}

impl Outage<'_> {
    pub(crate) fn apply(&self, object: &Value) {
        let objects = self.bed.objects();
        self.bed.block_on(objects.apply_object(object)).unwrap();
    }

    /// Marks the tag of the bad version as one that Flux sets by a policy.
    pub(crate) fn let_flux_set_the_tag(&mut self, policy: &str) {
        let infra = self.scene.infra();
        let text = infra.read(OVERLAY).unwrap();
        let marked = text.replace(
            &format!("newTag: {BAD}"),
            &format!("newTag: {BAD} # {{\"$imagepolicy\": \"{policy}\"}}"),
        );
        infra.write(OVERLAY, marked);
        infra.commit("Let Flux set the tag").land().unwrap();
    }

    fn spec(&self, namespace: &str, kind: &str, name: &str) -> Value {
        let found = self
            .bed
            .kubectl(namespace, &["get", kind, name, "-o", "json"])
            .unwrap();
        let found: Value = serde_json::from_str(&found).unwrap();
        found["spec"].clone()
    }

    fn updater_spec(&self) -> Value {
        self.spec("argocd", "imageupdater", self.scene.name())
    }

    fn annotate(&self, annotation: &str) {
        let _ = self
            .bed
            .kubectl(
                "argocd",
                &["annotate", "application", &self.application, annotation],
            )
            .unwrap();
    }
}

fn ignored_by_annotation(outage: &Outage<'_>) -> Value {
    outage.app()["metadata"]["annotations"]["argocd-image-updater.argoproj.io/pay.ignore-tags"]
        .clone()
}

#[test]
fn bots_pass_the_bad_version_over_until_they_are_let_go() {
    let mut outage = Outage::of("auto-heal", "live-bots", PAYMENTS);
    outage.bed.know_image_bots().unwrap();
    outage.apply(&updater(&outage));
    for object in reflected(&outage) {
        outage.apply(&object);
    }
    outage.let_flux_set_the_tag("live-bots:payments:tag");
    let (updater, repository) = (
        outage.updater_spec(),
        outage.spec("live-bots", "imagerepository", "payments"),
    );

    let plan = outage
        .ripcord()
        .run(["plan", PAYMENTS])
        .unwrap()
        .assert_code(0);
    for words in [
        "by ImageUpdater live-bots",
        "by ImageRepository payments",
        "`--hold-bots` makes it pass v15-crash over",
    ] {
        assert!(plan.stdout.contains(words), "{words}: {plan:?}");
    }
    assert_eq!(outage.updater_spec(), updater, "a plan changes nothing");

    let output = outage
        .rollback(&["-o", "json", "--hold-bots"])
        .assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["standing"], "restored");
    assert_eq!(
        recovery["bots"].as_array().unwrap().len(),
        2,
        "{recovery:#}"
    );
    let held = outage.updater_spec();
    let image = &held["applicationRefs"][0]["images"][1];
    // What counted for all images still does.
    assert_eq!(
        image["commonUpdateSettings"]["ignoreTags"],
        json!(["latest", BAD])
    );
    assert_eq!(
        held["applicationRefs"][0]["images"][0],
        updater["applicationRefs"][0]["images"][0]
    );
    let excluded = outage.spec("live-bots", "imagerepository", "payments")["exclusionList"].clone();
    assert_eq!(excluded, json!(["^.*\\.sig$", "^v15-crash$"]));
    outage.assert_restored(GOOD);

    let status = outage.ripcord().run(["status"]).unwrap().assert_code(0);
    assert!(
        status.stdout.contains("pass v15-crash over until"),
        "{status:?}"
    );
    let again = outage.ripcord().run(["resume"]).unwrap();
    let _ = again.assert_code(1);

    let released = outage.ripcord().run(["release", "-o", "json"]).unwrap();
    let released = released.assert_code(0).json().unwrap();
    assert_eq!(
        released["bots"].as_array().unwrap().len(),
        2,
        "{released:#}"
    );
    assert_eq!(outage.updater_spec(), updater);
    assert_eq!(
        outage.spec("live-bots", "imagerepository", "payments"),
        repository
    );
}

#[test]
fn a_bot_that_git_manages_is_left_alone_and_said_to_be_missing() {
    let mut outage = Outage::of("auto-heal", "live-bot-git", PAYMENTS);
    outage.bed.know_image_bots().unwrap();
    let mut managed = updater(&outage);
    managed["metadata"]["annotations"] = json!({
        "argocd.argoproj.io/tracking-id": "platform:argocd-image-updater.argoproj.io/ImageUpdater:argocd/x",
    });
    outage.apply(&managed);
    let before = outage.updater_spec();
    let output = outage
        .rollback(&["-o", "json", "--hold-bots"])
        .assert_code(8);
    let recovery = Outage::recovery(&output);
    assert_eq!(
        recovery["missing"][0]["code"], "bot_not_held",
        "{recovery:#}"
    );
    assert!(
        recovery["missing"][0]["what"]
            .as_str()
            .unwrap()
            .contains("Argo CD (platform)")
    );
    assert_eq!(outage.updater_spec(), before);
    outage.assert_restored(GOOD);
    // Somebody takes it over; the recovery is finished.
    let name = outage.scene.name().to_owned();
    let _ = outage
        .bed
        .kubectl(
            "argocd",
            &[
                "annotate",
                "imageupdater",
                &name,
                "argocd.argoproj.io/tracking-id-",
            ],
        )
        .unwrap();
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    assert!(
        resumed
            .assert_code(0)
            .stdout
            .contains("is to pass v15-crash over")
    );
    let held = outage.updater_spec();
    assert!(held.to_string().contains(BAD), "{held:#}");
}

#[test]
fn a_bot_by_annotation_is_held_back_by_both_ways_to_argo_cd() {
    for (name, goes_by_server) in [("live-bot-note", false), ("live-bot-api", true)] {
        let mut outage = Outage::of("auto-heal", name, PAYMENTS);
        outage.bed.know_image_bots().unwrap();
        let mut by_note = updater(&outage);
        by_note["spec"]["applicationRefs"][0]["useAnnotations"] = true.into();
        outage.apply(&by_note);
        outage.annotate(&format!(
            "argocd-image-updater.argoproj.io/image-list=pay={IMAGE}:1.x"
        ));
        let ripcord = || {
            if goes_by_server {
                by_server(&outage)
            } else {
                outage.ripcord()
            }
        };
        let args = [
            "rollback",
            PAYMENTS,
            "production",
            "--yes",
            "--watch",
            "1s",
            "--wait",
            "60s",
            "--hold-bots",
            "-ojson",
        ];
        let output = ripcord().run(args).unwrap().assert_code(0);
        let recovery = Outage::recovery(&output);
        assert_eq!(recovery["bots"][0]["tags"], json!([BAD]), "{recovery:#}");
        assert_eq!(ignored_by_annotation(&outage), BAD);
        let released = ripcord().run(["release"]).unwrap().assert_code(0);
        assert!(
            released.stdout.contains("it takes every version again"),
            "{released:?}"
        );
        assert_eq!(ignored_by_annotation(&outage), Value::Null);
        outage.assert_restored(GOOD);
    }
}

#[test]
fn a_bot_whose_hold_was_cut_short_is_held_back_by_the_resume_and_put_back_as_it_was() {
    let outage = Outage::of("auto-heal", "live-bot-kill", PAYMENTS);
    outage.bed.know_image_bots().unwrap();
    outage.apply(&updater(&outage));
    let before = outage.updater_spec();
    outage.kill(
        &outage.rollback_args(&["--hold-bots"]),
        ("hold_bot", At::Begun),
    );
    let output = outage.run(&["resume", "-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(
        recovery["bots"].as_array().unwrap().len(),
        1,
        "{recovery:#}"
    );
    assert!(outage.updater_spec().to_string().contains(BAD));
    let released = outage.ripcord().run(["release"]).unwrap();
    let _ = released.assert_code(0);
    assert_eq!(outage.updater_spec(), before);
}

#[test]
fn bots_that_may_not_be_listed_are_said_in_the_plan_and_missing_with_hold_bots() {
    let outage = Outage::of("auto-heal", "live-bot-unseen", PAYMENTS);
    outage.bed.know_image_bots().unwrap();
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "live-bot-unseen"},
        "rules": [{"apiGroups": ["argoproj.io", "apps", ""], "resources": ["*"], "verbs": ["*"]}],
    });
    let blind = outage.ripcord_as("live-bot-unseen", &role);
    let plan = blind.run(["plan", PAYMENTS]).unwrap().assert_code(0);
    let words = "by ImageUpdaters would bump the version again is not seen";
    assert!(plan.stdout.contains(words), "{plan:?}");
    let args = outage.rollback_args(&["-o", "json", "--hold-bots"]);
    let recovery = Outage::recovery(&blind.run(args).unwrap().assert_code(8));
    let missing = &recovery["missing"][0];
    assert_eq!(missing["code"], "bot_not_held", "{recovery:#}");
    let what = missing["what"].as_str().unwrap();
    assert!(what.contains("is forbidden"), "{what}");
}
