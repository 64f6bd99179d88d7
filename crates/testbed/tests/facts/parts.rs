//! Parts of Argo CD that are down, in a testbed that these tests have one after the other.

use std::sync::Mutex;

use ripcord_testbed::{Network, Options, Testbed, operation};
use serde_json::json;

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE, SOON};

/// The testbed in which components are stopped.
static BREAKABLE: Mutex<Option<Testbed>> = Mutex::new(None);

/// Gives a test the testbed for itself, with everything running whatever the one before has stopped.
fn alone(test: impl FnOnce(&Testbed)) {
    let mut bed = BREAKABLE.lock().unwrap_or_else(|poisoned| {
        // Of a test that failed nobody knows what it left.
        BREAKABLE.clear_poison();
        let mut bed = poisoned.into_inner();
        *bed = None;
        bed
    });
    let bed = bed.get_or_insert_with(|| {
        let options = Options {
            rollouts: false,
            ..Options::default()
        };
        Testbed::start(&options).unwrap()
    });
    // Before the first of them there is no way to Git yet.
    let _ = bed.set_network("argocd", "git", Network::Good);
    for (name, process) in bed.processes() {
        if process.is_none() {
            bed.part(name).start().unwrap();
        }
    }
    test(bed);
}

#[test]
fn an_operation_waits_for_the_controller_and_needs_no_api_server_of_argo_cd() {
    alone(|bed| {
        let mut incident = Incident::on(bed, "auto-heal", "down-server", SERVICE);
        bed.part("argocd-server").stop().unwrap();
        bed.part("argocd-application-controller").kill().unwrap();
        let reverted = incident.revert();
        incident.sync_to(&reverted);
        assert!(incident.app()["operation"].is_object());
        bed.part("argocd-application-controller").start().unwrap();
        incident.wait_until_durable(&reverted);
    });
}

#[test]
fn an_operation_without_the_repo_server_ends_in_an_error_and_is_not_tried_again() {
    alone(|bed| {
        let mut incident = Incident::on(bed, "auto-heal", "down-repo", SERVICE);
        let reverted = incident.revert();
        bed.part("argocd-repo-server").kill().unwrap();
        incident.sync_to(&reverted);
        incident.wait("it ends in an error", |app| {
            app["status"]["operationState"]["phase"] == "Error" && app["operation"].is_null()
        });
        bed.part("argocd-repo-server").start().unwrap();
        assert_eq!(incident.versions_for(A_WHILE), [BAD]);
    });
}

#[test]
fn an_operation_with_retries_outlasts_the_repo_servers_absence() {
    alone(|bed| {
        let mut incident = Incident::on(bed, "auto-heal", "down-retries", SERVICE);
        let reverted = incident.revert();
        bed.part("argocd-repo-server").kill().unwrap();
        let mut operation = operation(&reverted);
        operation["retry"] = json!({"limit": 10, "backoff": {"duration": "2s", "factor": 1}});
        let asked = incident.scene.application().ask(&operation);
        asked.unwrap().unwrap();
        incident.wait("it is tried again", |app| {
            app["status"]["operationState"]["retryCount"]
                .as_i64()
                .is_some_and(|count| count > 0)
        });
        bed.part("argocd-repo-server").start().unwrap();
        incident.wait_until_durable(&reverted);
    });
}

#[test]
fn the_old_commit_can_be_synced_while_git_is_away_and_does_not_last() {
    alone(|bed| {
        let incident = Incident::on(bed, "auto-heal", "down-old", SERVICE);
        bed.set_network("argocd", "git", Network::Cut).unwrap();
        incident.sync_to(&incident.good);
        incident.wait_for_version(GOOD);
        // Where the branch was is in the cache.
        incident.wait_for_version(BAD);
    });
}

#[test]
fn without_git_and_without_its_cache_argo_cd_syncs_the_old_commit_and_knows_of_no_other() {
    alone(|bed| {
        let incident = Incident::on(bed, "auto-heal", "down-empty", SERVICE);
        bed.set_network("argocd", "git", Network::Cut).unwrap();
        bed.part("redis").restart().unwrap();
        // The commit is in the repo server's own clone.
        incident.sync_to(&incident.good);
        incident.wait_for_version(GOOD);
        assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
        bed.set_network("argocd", "git", Network::Good).unwrap();
        incident.refresh();
        incident.wait_for_version(BAD);
    });
}

#[test]
fn a_held_undo_stays_while_git_is_away() {
    alone(|bed| {
        let incident = Incident::on(bed, "sync-windows", "down-undo", SERVICE);
        bed.set_network("argocd", "git", Network::Cut).unwrap();
        incident.close(true);
        incident.undo();
        incident.refresh();
        assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    });
}

#[test]
fn an_operation_goes_on_after_its_controller_was_killed_in_the_middle() {
    alone(|bed| {
        let mut incident = Incident::quiet(bed, "hooks", "down-middle", "ledger");
        incident.bad = incident.deploy("v15");
        incident.wait_until_durable(&incident.bad);
        let reverted = incident.revert();
        let mut operation = operation(&reverted);
        // With its hook it takes some seconds.
        operation["sync"]["syncStrategy"] = json!({"hook": {}});
        let asked = incident.scene.application().ask(&operation);
        asked.unwrap().unwrap();
        incident.wait_for_word("waiting for completion of hook");
        assert_eq!(incident.version(), "v15");
        let controller = bed.part("argocd-application-controller");
        controller.kill().unwrap();
        controller.start().unwrap();
        incident.acted();
        incident.wait_until_durable(&reverted);
    });
}

#[test]
fn without_the_controller_an_operation_that_waits_cannot_be_ended_by_the_api() {
    alone(|bed| {
        let mut incident = Incident::on(bed, "auto-heal", "down-ended", SERVICE);
        let reverted = incident.revert();
        bed.part("argocd-application-controller").kill().unwrap();
        incident.sync_to(&reverted);
        let refused = incident.refused("/sync", &json!({}));
        let why = "another operation is already in progress";
        assert!(refused.message.contains(why), "{refused:?}");
        let application = incident.scene.application();
        let refused = application.call("DELETE", "/operation", &json!({}));
        let refused = refused.unwrap().unwrap_err();
        let why = "No operation is in progress";
        assert!(refused.message.contains(why), "{refused:?}");
    });
}

#[test]
fn an_operation_by_merge_patch_becomes_part_of_one_that_was_just_set() {
    alone(|bed| {
        let mut incident = Incident::on(bed, "auto-heal", "down-merged", SERVICE);
        // The controller is in the middle of it: it has set an operation and has not begun it.
        let paused = bed.part("argocd-application-controller").pause().unwrap();
        incident.merge(&json!({"operation": {
            "initiatedBy": {"automated": true},
            "sync": {
                "revision": incident.bad,
                "resources": [{"kind": "Service", "name": SERVICE}],
            },
        }}));
        let reverted = incident.revert();
        incident.merge(&json!({"operation": operation(&reverted)}));
        let merged = incident.app()["operation"].clone();
        assert_eq!(merged["sync"]["revision"], reverted);
        assert_eq!(merged["initiatedBy"]["automated"], true);
        drop(paused);
        let app = incident.wait("it is done", |app| {
            app["operation"].is_null() && app["status"]["operationState"]["phase"] == "Succeeded"
        });
        // Our commit, it says; and only the Service was synced.
        let result = &app["status"]["operationState"]["syncResult"];
        assert_eq!(result["revision"], reverted);
        assert_eq!(incident.version(), BAD);
    });
}

#[test]
fn a_get_that_asks_for_a_refresh_waits_for_the_controller() {
    alone(|bed| {
        let incident = Incident::on(bed, "auto-heal", "down-get", SERVICE);
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
    });
}
