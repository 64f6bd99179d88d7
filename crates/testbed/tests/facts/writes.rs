//! What API servers make of what is written.

use ripcord_testbed::NAMESPACE;
use serde_json::json;

use crate::incident::{Incident, SERVICE};

#[test]
fn a_write_that_compares_a_text_with_an_ampersand_is_refused() {
    let incident = Incident::none_yet("auto", "write-ampersand", SERVICE);
    let handle = incident.bed.application("write-ampersand");
    let note = |text: &str| json!({"metadata": {"annotations": {"note": text}}});
    let compared = |text: &str| {
        handle.merge(&note(text)).unwrap();
        let known = incident.app()["metadata"]["annotations"].clone();
        let write = json!([{"op": "test", "path": "/metadata/annotations", "value": known}]);
        handle.patch(&write).unwrap()
    };
    assert!(compared("a and b").is_ok());
    assert!(compared("a && b").is_err());
}

#[test]
fn an_object_that_is_gone_is_a_bad_request_to_the_api_of_argo_cd() {
    let incident = Incident::none_yet("auto", "write-gone", SERVICE);
    let handle = incident.bed.application("write-gone");
    let pod = "/resource?namespace=write-gone&resourceName=gone&version=v1&group=&kind=Pod";
    let refused = handle.call("GET", pod, &json!(null)).unwrap().unwrap_err();
    assert_eq!(refused.status, 400);
    let words = "not found as part of application";
    assert!(refused.message.contains(words), "{refused:?}");
}

#[test]
fn the_settings_of_an_image_are_filled_with_defaults_as_soon_as_there_are_any() {
    let incident = Incident::none_yet("auto", "write-defaults", SERVICE);
    incident.bed.know_image_bots().unwrap();
    let updater = json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
        "metadata": {"name": "write-defaults", "namespace": NAMESPACE},
        "spec": {
            "commonUpdateSettings": {"updateStrategy": "newest-build"},
            "applicationRefs": [{"namePattern": "write-defaults", "images": [
                {"alias": "plain", "imageName": "acme/plain"},
                {"alias": "own", "imageName": "acme/own", "commonUpdateSettings": {"ignoreTags": ["v2"]}},
            ]}],
        },
    });
    let objects = incident.bed.objects();
    incident
        .bed
        .block_on(objects.apply_object(&updater))
        .unwrap();
    let updaters = incident.api(
        "argocd-image-updater.argoproj.io/v1alpha1",
        "ImageUpdater",
        NAMESPACE,
    );
    let found = incident
        .bed
        .block_on(updaters.get("write-defaults"))
        .unwrap();
    let images = &found.data["spec"]["applicationRefs"][0]["images"];
    assert!(images[0]["commonUpdateSettings"].is_null());
    let own = &images[1]["commonUpdateSettings"];
    assert_eq!(own["updateStrategy"], "semver");
    assert_eq!(own["forceUpdate"], false);
}
