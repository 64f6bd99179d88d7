//! Where Applications come from, and what their sources are made of.

use serde_json::Value;

use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

#[test]
fn a_version_in_the_values_of_a_chart_goes_back() {
    let mut outage = Outage::of("chart", "live-chart", "web");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let hold = &recovery["holds"][0];
    assert!(!hold["released"].is_null(), "{recovery:#}");
    outage.assert_restored(GOOD);
    let values = "services/web/production/values.yaml";
    let values = outage.scene.infra().read(values).unwrap();
    assert!(values.contains("tag: v14"), "{values}");
}

#[test]
fn an_application_in_a_namespace_of_its_own_is_held_by_its_project_in_argo_cds() {
    let application = "team-pay/team-pay";
    let mut outage = Outage::none_yet("own-namespace", "team-pay", PAYMENTS, application);
    outage.break_it(BAD);
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let hold = &recovery["holds"][0];
    assert_eq!(hold["kind"], "window", "{recovery:#}");
    assert_eq!(hold["application"]["namespace"], "team-pay");
    assert_eq!(hold["project"]["namespace"], "argocd");
    outage.assert_restored(GOOD);
    assert!(outage.windows("team-pay").is_null());
}

/// What is wanted of a set and of its Applications.
fn wanted(outage: &Outage<'_>, set: &str) -> Vec<Value> {
    let objects = ["applicationset", "application"].map(|kind| {
        let found = outage
            .bed
            .kubectl("argocd", &["get", kind, "-o", "json"])
            .unwrap();
        serde_json::from_str::<Value>(&found).unwrap()
    });
    let objects = objects.iter().filter_map(|list| list["items"].as_array());
    let is_its = |object: &&Value| {
        object["metadata"]["name"]
            .as_str()
            .unwrap()
            .starts_with(set)
    };
    objects
        .flatten()
        .filter(is_its)
        .map(|object| object["spec"].clone())
        .collect()
}

#[test]
fn under_a_rolling_sync_one_service_goes_back_and_the_set_stays_as_it_is() {
    let application = "live-steps-payments-service";
    let mut outage = Outage::none_yet("rolling-sync", "live-steps", PAYMENTS, application);
    outage.break_it(BAD);
    let before = wanted(&outage, "live-steps");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["standing"], "restored", "{recovery:#}");
    outage.assert_agreed(GOOD);
    assert_eq!(before.len(), 3, "the set and its Applications");
    assert_eq!(wanted(&outage, "live-steps"), before);
}

#[test]
fn what_was_deployed_since_goes_back_in_one_commit_and_each_is_held_and_proven() {
    let applications = ["fleet-payments-service", "fleet-sessions"];
    let mut outage = Outage::none_yet("applicationset-list", "fleet", PAYMENTS, applications[0]);
    outage.break_it(BAD);
    outage.turn_to("sessions", applications[1]);
    outage.break_it(BAD);
    let since = ["rollback", "-e", "production", "--deployed-since", "1h"];
    let args = [&since[..], &["--yes", "-o", "json"]].concat();
    let output = outage.run(&args).assert_code(0);
    let recovery = Outage::recovery(&output);
    let parent = outage.scene.infra().rev("main^").unwrap();
    assert_eq!(parent, outage.bad, "one commit");
    for application in applications {
        let of = |list: &str, at: &dyn Fn(&Value) -> &Value| {
            let all = recovery[list].as_array().unwrap().iter();
            all.filter(|one| at(one)["name"] == application)
                .cloned()
                .collect::<Vec<_>>()
        };
        let part = of("parts", &|part| &part["application"]);
        assert!(!part[0]["durable"].is_null(), "{recovery:#}");
        let hold = of("holds", &|hold| &hold["application"]);
        assert!(!hold[0]["released"].is_null(), "{recovery:#}");
    }
    outage.assert_restored(GOOD);
    outage.turn_to(PAYMENTS, applications[0]);
    outage.assert_restored(GOOD);
}
