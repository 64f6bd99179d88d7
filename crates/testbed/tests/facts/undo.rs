//! What Kubernetes' own way back does, without Argo CD.

use std::time::{Duration, Instant};

use ripcord_testbed::Testbed;
use serde_json::json;

use crate::incident::{BAD, GOOD, SOON};

/// A workload that nobody but kubectl looks after.
struct Workload {
    bed: &'static Testbed,
    namespace: String,
    kind: &'static str,
}

impl Workload {
    fn new(kind: &'static str, name: &str) -> Self {
        let bed = Testbed::shared().unwrap();
        let labels = json!({"app": "web"});
        let mut spec = json!({
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": format!("acme/web:{GOOD}")}]},
            },
        });
        if kind != "DaemonSet" {
            spec["replicas"] = 2.into();
        }
        if kind == "StatefulSet" {
            spec["serviceName"] = "web".into();
        }
        let objects = [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            json!({
                "apiVersion": "apps/v1", "kind": kind,
                "metadata": {"name": "web", "namespace": name},
                "spec": spec,
            }),
        ];
        for object in &objects {
            bed.block_on(bed.objects().apply_object(object)).unwrap();
        }
        let workload = Self {
            bed,
            namespace: name.to_owned(),
            kind,
        };
        workload.wait_for_pods(GOOD);
        workload
    }

    fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        self.bed.kubectl(&self.namespace, args)
    }

    fn name(&self) -> String {
        format!("{}/web", self.kind.to_lowercase())
    }

    fn deploy(&self, version: &str) {
        let image = format!("main=acme/web:{version}");
        self.kubectl(&["set", "image", &self.name(), &image])
            .unwrap();
        self.wait_for_revision(version);
    }

    /// Waits until the controller has written the version down as one to go back to.
    fn wait_for_revision(&self, version: &str) {
        let kind = match self.kind {
            "Deployment" => "replicasets",
            _ => "controllerrevisions",
        };
        let image = format!("acme/web:{version}");
        self.wait(&format!("a revision of {version}"), || {
            let all = self.kubectl(&["get", kind, "-o", "json"]).unwrap();
            all.contains(&image)
        });
    }

    fn undo(&self, more: &[&str]) -> anyhow::Result<String> {
        let name = self.name();
        let args = [&["rollout", "undo", name.as_str()], more].concat();
        self.kubectl(&args)
    }

    fn version(&self) -> String {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        let image = self.kubectl(&["get", &self.name(), "-o", path]).unwrap();
        image.rsplit(':').next().unwrap().to_owned()
    }

    fn wait_for_pods(&self, version: &str) {
        self.wait(&format!("all pods are {version}"), || {
            let path = "jsonpath={range .items[*]}{.spec.containers[0].image} {.status.conditions[?(@.type=='Ready')].status}{'\\n'}{end}";
            let pods = self.kubectl(&["get", "pods", "-o", path]).unwrap();
            let wanted = format!("acme/web:{version} True");
            pods.lines().count() >= 2 && pods.lines().all(|line| line == wanted)
        });
    }

    fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let until = Instant::now() + SOON;
        while !holds() {
            assert!(Instant::now() < until, "{what} in {}", self.namespace);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn an_undo_goes_to_the_version_before_be_it_good_or_bad() {
    let web = Workload::new("Deployment", "undo-before");
    web.deploy(BAD);
    web.deploy("v16-crash");
    web.undo(&[]).unwrap();
    assert_eq!(web.version(), BAD);
}

#[test]
fn a_second_undo_brings_the_bad_version_back() {
    let web = Workload::new("Deployment", "undo-twice");
    web.deploy(BAD);
    web.undo(&[]).unwrap();
    assert_eq!(web.version(), GOOD);
    // The controller has to count the first one.
    web.wait_for_pods(GOOD);
    web.undo(&[]).unwrap();
    assert_eq!(web.version(), BAD);
}

#[test]
fn an_undo_to_a_revision_by_its_number_goes_there() {
    let web = Workload::new("Deployment", "undo-number");
    web.deploy(BAD);
    web.deploy("v16-crash");
    web.undo(&["--to-revision=1"]).unwrap();
    assert_eq!(web.version(), GOOD);
    web.wait_for_pods(GOOD);
}

#[test]
fn an_undo_is_refused_while_the_deployment_is_paused() {
    let web = Workload::new("Deployment", "undo-paused");
    web.deploy(BAD);
    web.kubectl(&["rollout", "pause", &web.name()]).unwrap();
    let refused = web.undo(&[]).unwrap_err().to_string();
    assert!(refused.contains("paused"), "{refused}");
    assert_eq!(web.version(), BAD);
}

#[test]
fn an_undo_has_nowhere_to_go_when_no_history_is_kept() {
    let web = Workload::new("Deployment", "undo-history");
    let none = r#"{"spec":{"revisionHistoryLimit":0}}"#;
    web.kubectl(&["patch", &web.name(), "-p", none]).unwrap();
    web.deploy("v15");
    web.wait_for_pods("v15");
    web.wait("the old revision is gone", || {
        let sets = web.kubectl(&["get", "replicasets", "-o", "name"]).unwrap();
        sets.lines().count() == 1
    });
    let refused = web.undo(&[]).unwrap_err().to_string();
    assert!(refused.contains("no rollout history found"), "{refused}");
}

#[test]
fn an_undo_leaves_what_is_not_in_the_pods_template_as_it_is() {
    let web = Workload::new("Deployment", "undo-rest");
    let more = r#"{"spec":{"replicas":3}}"#;
    web.kubectl(&["create", "configmap", "settings", "--from-literal=mode=old"])
        .unwrap();
    web.deploy("v15");
    web.kubectl(&["patch", &web.name(), "-p", more]).unwrap();
    let new = r#"{"data":{"mode":"new"}}"#;
    web.kubectl(&["patch", "configmap", "settings", "-p", new])
        .unwrap();
    web.undo(&[]).unwrap();
    assert_eq!(web.version(), GOOD);
    let left = |what: &str, path: &str| web.kubectl(&["get", what, "-o", path]).unwrap();
    assert_eq!(left(&web.name(), "jsonpath={.spec.replicas}"), "3");
    assert_eq!(left("configmap/settings", "jsonpath={.data.mode}"), "new");
}

#[test]
fn an_undo_of_a_daemon_set_replaces_its_crashing_pods() {
    let web = Workload::new("DaemonSet", "undo-daemon");
    web.deploy(BAD);
    web.wait("a pod crashes", || {
        let pods = web.kubectl(&["get", "pods", "-o", "json"]).unwrap();
        pods.contains("CrashLoopBackOff")
    });
    web.undo(&[]).unwrap();
    web.wait_for_pods(GOOD);
}

#[test]
fn an_undo_of_a_stateful_set_leaves_its_crashing_pod() {
    let web = Workload::new("StatefulSet", "undo-stateful");
    web.deploy(BAD);
    web.wait("a pod crashes", || {
        let pods = web.kubectl(&["get", "pods", "-o", "json"]).unwrap();
        pods.contains("CrashLoopBackOff")
    });
    web.undo(&[]).unwrap();
    assert_eq!(web.version(), GOOD);
    std::thread::sleep(crate::incident::A_WHILE);
    let path = "jsonpath={.spec.containers[0].image}";
    let image = || web.kubectl(&["get", "pod", "web-1", "-o", path]).unwrap();
    assert_eq!(image(), format!("acme/web:{BAD}"));
    web.kubectl(&["delete", "pod", "web-1"]).unwrap();
    web.wait_for_pods(GOOD);
}
