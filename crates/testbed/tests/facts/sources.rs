//! Applications that are not one folder of manifests: charts, several sources.

use ripcord_testbed::operation;
use serde_json::{Value, json};

use crate::incident::{A_WHILE, BAD, GOOD, Incident};

const SERVICE: &str = "web";

/// One operation to a commit of each source, with a refresh.
fn sync_both_to(incident: &Incident<'_>, revisions: &Value) {
    let mut operation = operation("");
    let sync = operation["sync"].as_object_mut().unwrap();
    sync.remove("revision");
    sync.insert("revisions".into(), revisions.clone());
    let asked = incident.scene.application().ask(&operation);
    asked.unwrap().unwrap();
    incident.acted();
}

/// Of several sources, with the bad version live.
fn of_several(name: &str) -> Incident<'static> {
    let mut incident = Incident::none_yet("multi-source", name, SERVICE);
    incident.turn_bad();
    incident
}

#[test]
fn a_chart_goes_back_as_manifests_do() {
    let mut incident = Incident::of("chart", "source-chart", SERVICE);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn an_operation_with_a_commit_for_each_source_is_durable() {
    let mut incident = of_several("source-each");
    let reverted = incident.revert();
    let both = json!([reverted, reverted]);
    sync_both_to(&incident, &both);
    incident.wait("durable", |app| {
        app["operation"].is_null()
            && app["status"]["sync"]["status"] == "Synced"
            && app["status"]["sync"]["revisions"] == both
            && app["status"]["health"]["status"] == "Healthy"
    });
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn an_operation_with_two_commits_of_one_repository_is_refused() {
    let incident = of_several("source-two");
    sync_both_to(&incident, &json!([incident.bad, incident.good]));
    let app = incident.wait("it ends", |app| {
        app["operation"].is_null() && app["status"]["operationState"]["phase"] == "Error"
    });
    let message = app["status"]["operationState"]["message"].as_str().unwrap();
    let why = "cannot reference a different revision of the same repository";
    assert!(message.contains(why), "{message}");
    assert_eq!(incident.version(), BAD);
}
