//! Workloads that a good commit alone does not heal.

use serde_json::Value;

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE, version};

#[test]
fn a_stateful_set_waits_for_its_broken_pod_until_somebody_deletes_it() {
    let mut incident = Incident::of("statefulset", "work-stateful", "sessions");
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait("the sync is done", |app| {
        app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["sync"]["revision"] == *reverted
    });
    let set = incident.workload("apps/v1", "StatefulSet");
    assert_eq!(version(&set), GOOD);
    // The last pod was the first to be replaced.
    let broken = |incident: &Incident<'_>| -> Option<Value> {
        let pods = incident.api("v1", "Pod", incident.scene.name());
        let pod = incident.bed.block_on(pods.get_opt("sessions-2")).unwrap();
        pod.map(|pod| pod.data["spec"]["containers"][0]["image"].clone())
    };
    std::thread::sleep(A_WHILE);
    assert_eq!(broken(&incident).unwrap(), "acme/sessions:v15-crash");
    // The set itself says that it is done.
    let status = &incident.workload("apps/v1", "StatefulSet")["status"];
    assert_eq!(status["updateRevision"], status["currentRevision"]);
    incident.kubectl(&["delete", "pod", "sessions-2"]);
    incident.wait_until_durable(&reverted);
    assert_eq!(broken(&incident).unwrap(), "acme/sessions:v14");
}

#[test]
fn a_sync_that_succeeded_is_no_proof_while_pods_of_the_bad_version_are_there() {
    // Pods that crash may be gone before anybody looks; these go one after the other.
    let mut incident = Incident::none_yet("auto-heal", "work-early", SERVICE);
    incident.bad = incident.deploy("v15");
    incident.wait_until_durable(&incident.bad);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait("the sync is done", |app| {
        app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["operationState"]["syncResult"]["revision"] == *reverted
    });
    let pods = incident.kubectl(&["get", "pods", "-o", "jsonpath={..image}"]);
    assert!(pods.contains(":v15"), "{pods}");
    incident.wait_until_durable(&reverted);
}

#[test]
fn a_deployment_that_counts_all_its_pods_as_new_has_no_other() {
    let mut incident = Incident::none_yet("auto-heal", "work-counters", SERVICE);
    incident.bad = incident.deploy("v15");
    incident.wait_until_durable(&incident.bad);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until("the counters are equal", || {
        let deployment = incident.workload("apps/v1", "Deployment");
        let status = &deployment["status"];
        let wanted = &deployment["spec"]["replicas"];
        let counters = ["replicas", "updatedReplicas", "availableReplicas"];
        version(&deployment) == GOOD
            && status["observedGeneration"] == deployment["metadata"]["generation"]
            && counters.iter().all(|name| status[name] == *wanted)
            && status["terminatingReplicas"] == 0
    });
    let pods = incident.scene.pods(SERVICE).unwrap();
    let good = |pod: &ripcord_testbed::PodSeen| pod.version == GOOD && pod.ready;
    assert!(pods.iter().all(good), "{pods:?}");
}

#[test]
fn a_stateful_set_whose_pods_start_together_heals_by_itself() {
    let mut incident = Incident::none_yet("statefulset", "work-parallel", "sessions");
    incident.edit("base/statefulset.yaml", |text| {
        let together = "spec:\n  podManagementPolicy: Parallel\n  serviceName";
        text.replace("spec:\n  serviceName", together)
    });
    // The policy of one that is there cannot be changed, and self-heal must not bring it back.
    incident.without_auto_sync(|incident| {
        incident.kubectl(&["delete", "statefulset", "sessions"]);
    });
    let tip = incident.scene.infra().tip().unwrap();
    incident.wait_until_durable(&tip);
    incident.bad = incident.deploy(BAD);
    incident.wait_until("a pod crashes", || {
        let pods = incident.kubectl(&["get", "pods", "-o", "json"]);
        pods.contains("CrashLoopBackOff")
    });
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    let pods = incident.scene.pods("sessions").unwrap();
    let good = |pod: &ripcord_testbed::PodSeen| pod.version == GOOD && pod.ready;
    assert!(pods.iter().all(good), "{pods:?}");
}
