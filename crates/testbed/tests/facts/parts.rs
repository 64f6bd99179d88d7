//! Parts of Argo CD that are down, in a testbed of the test's own.

use ripcord_testbed::{Network, Options, Testbed, operation};
use serde_json::json;

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE, SOON};

fn bed() -> Testbed {
    let options = Options {
        rollouts: false,
        ..Options::default()
    };
    Testbed::start(&options).unwrap()
}

#[test]
fn an_operation_waits_for_the_controller_and_needs_no_api_server_of_argo_cd() {
    let bed = bed();
    let mut incident = Incident::on(&bed, "auto-heal", "down", SERVICE);
    bed.part("argocd-server").stop().unwrap();
    bed.part("argocd-application-controller").kill().unwrap();
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    assert!(incident.app()["operation"].is_object());
    bed.part("argocd-application-controller").start().unwrap();
    incident.wait_until_durable(&reverted);
}

#[test]
fn an_operation_without_the_repo_server_ends_in_an_error_and_is_not_tried_again() {
    let bed = bed();
    let mut incident = Incident::on(&bed, "auto-heal", "down", SERVICE);
    let reverted = incident.revert();
    bed.part("argocd-repo-server").kill().unwrap();
    incident.sync_to(&reverted);
    incident.wait("it ends in an error", |app| {
        app["status"]["operationState"]["phase"] == "Error" && app["operation"].is_null()
    });
    bed.part("argocd-repo-server").start().unwrap();
    assert_eq!(incident.versions_for(A_WHILE), [BAD]);
}

#[test]
fn an_operation_with_retries_outlasts_the_repo_servers_absence() {
    let bed = bed();
    let mut incident = Incident::on(&bed, "auto-heal", "down", SERVICE);
    let reverted = incident.revert();
    bed.part("argocd-repo-server").kill().unwrap();
    let mut operation = operation(&reverted);
    operation["retry"] = json!({"limit": 10, "backoff": {"duration": "2s", "factor": 1}});
    incident.patch(&json!([
        {"op": "add", "path": "/operation", "value": operation},
        {"op": "add", "path": "/status/operationState", "value": null},
        {"op": "add", "path": "/metadata/annotations",
            "value": {"argocd.argoproj.io/refresh": "normal"}},
    ]));
    incident.wait("it is tried again", |app| {
        app["status"]["operationState"]["retryCount"]
            .as_i64()
            .is_some_and(|count| count > 0)
    });
    bed.part("argocd-repo-server").start().unwrap();
    incident.wait_until_durable(&reverted);
}

#[test]
fn the_old_commit_can_be_synced_while_git_is_away_and_does_not_last() {
    let bed = bed();
    let incident = Incident::on(&bed, "auto-heal", "down", SERVICE);
    bed.set_network("argocd", "git", Network::Cut).unwrap();
    incident.sync_to(&incident.good);
    incident.wait_for_version(GOOD);
    incident.wait_for_version(BAD);
}

#[test]
fn a_get_that_asks_for_a_refresh_waits_for_the_controller() {
    let bed = bed();
    let incident = Incident::on(&bed, "auto-heal", "down", SERVICE);
    let controller = bed.part("argocd-application-controller");
    controller.kill().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let get = || {
            incident
                .scene
                .application()
                .call("GET", "?refresh=normal", &json!({}))
        };
        scope.spawn(move || sender.send(get().is_ok_and(|answer| answer.is_ok())));
        assert!(receiver.recv_timeout(A_WHILE).is_err());
        controller.start().unwrap();
        assert!(receiver.recv_timeout(SOON).unwrap());
    });
}
