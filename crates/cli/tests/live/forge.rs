//! `doctor` before a push to a forge: its rules, and its registry.

use ripcord_testbed::{FORGE_USER, Options, Testbed};
use ripcord_testkit::Output;
use serde_json::json;

use crate::outage::{BAD, Outage, PAYMENTS};

fn assert_says(output: &Output, words: &str) {
    assert!(output.stdout.contains(words), "{words}: {output:?}");
}

#[test]
fn doctor_asks_the_forge_for_its_rules_and_its_registry_for_the_image() {
    let bed = Testbed::start(&Options {
        forge: true,
        rollouts: false,
        ..Options::default()
    })
    .unwrap();
    let mut outage = Outage::on(&bed, "auto-heal", "forge", PAYMENTS, "forge");
    outage.break_it(BAD);
    let forge = bed.forge().unwrap();
    let url = forge.create_empty("infra").unwrap();
    outage.move_to(&url);
    outage.wait("the forge has seen the push", |_| {
        let infra = forge.call("GET", &format!("/repos/{FORGE_USER}/infra"), &json!({}));
        infra.unwrap().unwrap()["empty"] == false
    });
    let registry = forge.url().trim_start_matches("http://").to_owned();

    let free = outage.doctor(&registry);
    assert_says(&free, "main can be pushed to: it has no rules");
    assert_says(&free, &format!("pushes are as {FORGE_USER}"));
    assert_says(
        &free.assert_code(1),
        "acme/payments-service:v14 is not in its registry any more",
    );

    forge.push_image("acme", PAYMENTS, "v14").unwrap();
    // Nodes of the testbed pull nothing: what its pods say they ran is in no registry.
    let well = outage.doctor(&registry).assert_code(0);
    assert_says(&well, "acme/payments-service:v14 is sha256:");
    assert_says(&well, "its tag was moved");

    let rule = json!({"rule_name": "main", "enable_push": false, "required_approvals": 1});
    let rules = format!("/repos/{FORGE_USER}/infra/branch_protections");
    forge.call("POST", &rules, &rule).unwrap().unwrap();
    let stopped = outage.doctor(&registry).assert_code(1);
    assert_says(
        &stopped,
        "a push to main is stopped: the branch is protected; 1 approval(s)",
    );
    assert_says(&stopped, "--push-to BRANCH");
    let secret = ripcord_testbed::PASSWORD;
    assert!(!format!("{stopped:?}").contains(secret), "{stopped:?}");
}
