//! Tags that name another image than they did.

use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

#[test]
fn a_good_tag_that_was_moved_to_the_bad_image_is_no_recovery() {
    let mut outage = Outage::none_yet("auto-heal", "moved", PAYMENTS, "moved");
    let base = "services/payments-service/base/kustomization.yaml";
    let infra = outage.scene.infra();
    let text = infra.read(base).unwrap();
    let pulled = "{testbed.ripcord/pulled: somebody-pushed-over-it}";
    let patch = format!(
        "patches:\n  - target: {{kind: Deployment}}\n    patch: |-\n      - {{op: add, path: /spec/template/metadata/annotations, value: {pulled}}}\n"
    );
    infra.write(base, format!("{text}{patch}"));
    let moved = infra.commit("Pull what was pushed over the tag").land();
    let moved = moved.unwrap();
    outage.scene.refresh().unwrap();
    outage.wait("it runs so", |outage| {
        let app = outage.app();
        app["status"]["sync"]["revision"] == *moved
            && app["operation"].is_null()
            && app["status"]["health"]["status"] == "Healthy"
            && outage.runs(GOOD)
    });
    outage.break_it(BAD);
    outage.wait("a node has pulled the bad image", |outage| {
        let pods = ["get", "pods", "-o"];
        let statuses = "jsonpath={range .items[*]}{.spec.containers[0].image}={.status.containerStatuses[0].imageID} {end}";
        let pulled = outage.scene.kubectl(&[&pods[..], &[statuses]].concat());
        pulled.unwrap().contains(&format!(":{BAD}=registry"))
    });
    let output = outage.rollback(&["--wait", "20s"]).assert_code(8);
    assert!(output.stderr.contains("the tag was moved"), "{output:?}");
    assert!(!output.stdout.contains("restored"), "{output:?}");
    // What it was told is done all the same, and nothing is held for it.
    assert!(outage.runs(GOOD), "{:?}", outage.pods());
    let holds = outage.ripcord().run(["show", "-o", "json"]).unwrap();
    assert!(holds.stdout.contains("\"released\""), "{holds:?}");
    outage.assert_restored(GOOD);
}
