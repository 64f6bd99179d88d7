//! A service whose last deploy broke it.

use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject};
use ripcord_testbed::{Refused, Scene, Testbed};
use serde_json::{Value, json};

/// For how long it is watched whether something happens after all.
pub(crate) const A_WHILE: Duration = Duration::from_secs(5);
pub(crate) const SOON: Duration = Duration::from_secs(40);

pub(crate) const SERVICE: &str = "payments-service";
pub(crate) const GOOD: &str = "v14";
pub(crate) const BAD: &str = "v15-crash";

pub(crate) struct Incident<'a> {
    pub(crate) bed: &'a Testbed,
    pub(crate) scene: Scene<'a>,
    pub(crate) service: &'static str,
    /// The commit before the bad deploy, and the bad deploy.
    pub(crate) good: String,
    pub(crate) bad: String,
}

impl Incident<'static> {
    /// Under auto-sync and self-heal, in the shared testbed.
    pub(crate) fn new(name: &str) -> Self {
        Self::of("auto-heal", name, SERVICE)
    }

    pub(crate) fn of(scene: &str, name: &str, service: &'static str) -> Self {
        Self::on(Testbed::shared().unwrap(), scene, name, service)
    }
}

impl<'a> Incident<'a> {
    pub(crate) fn on(bed: &'a Testbed, scene: &str, name: &str, service: &'static str) -> Self {
        let mut scene = Scene::set(bed, scene, name).unwrap();
        scene.wait_until("Healthy").unwrap();
        let good = scene.infra().tip().unwrap();
        let bad = scene.deploy(service, BAD).unwrap();
        scene.refresh().unwrap();
        let incident = Self {
            bed,
            scene,
            service,
            good,
            bad,
        };
        incident.wait("the bad version is live", |app| {
            app["status"]["sync"]["revision"] == *incident.bad
                && app["status"]["operationState"]["phase"] == "Succeeded"
                && app["operation"].is_null()
                && app["status"]["health"]["status"] != "Healthy"
        });
        incident
    }

    /// Commits the good version again, as `git revert` does.
    pub(crate) fn revert(&mut self) -> String {
        self.scene.deploy(self.service, GOOD).unwrap()
    }

    pub(crate) fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let objects = self.bed.objects();
        self.bed
            .block_on(objects.api(api_version, kind, Some(namespace)))
            .unwrap()
    }

    /// The Application as it is now.
    pub(crate) fn app(&self) -> Value {
        self.scene.application().get().unwrap()
    }

    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + SOON;
        loop {
            let app = self.app();
            if holds(&app) {
                return app;
            }
            assert!(
                Instant::now() < until,
                "{what}: {} {}",
                app["operation"],
                app["status"]
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn patch(&self, operations: &Value) {
        self.scene.application().patch(operations).unwrap().unwrap();
    }

    pub(crate) fn merge(&self, patch: &Value) {
        self.scene.application().merge(patch).unwrap();
    }

    pub(crate) fn sync_to(&self, revision: &str) {
        let asked = self.scene.application().sync_to(revision);
        asked.unwrap().unwrap();
    }

    pub(crate) fn workload(&self, api_version: &str, kind: &str) -> Value {
        let api = self.api(api_version, kind, self.scene.name());
        let found = self.bed.block_on(api.get(self.service)).unwrap();
        serde_json::to_value(found).unwrap()
    }

    /// The version that the Deployment shall run.
    pub(crate) fn version(&self) -> String {
        self.scene.version(self.service).unwrap()
    }

    /// The versions that the Deployment shall run, one after the other, for a while.
    pub(crate) fn versions_for(&self, time: Duration) -> Vec<String> {
        let until = Instant::now() + time;
        let mut seen: Vec<String> = Vec::new();
        while Instant::now() < until {
            let version = self.version();
            if seen.last() != Some(&version) {
                seen.push(version);
            }
            std::thread::sleep(Duration::from_millis(15));
        }
        seen
    }

    pub(crate) fn wait_for_version(&self, wanted: &str) {
        let until = Instant::now() + SOON;
        while self.version() != wanted {
            assert!(Instant::now() < until, "still {}", self.version());
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// Waits for the whole proof: synced to a commit, healthy, nothing running.
    pub(crate) fn wait_until_durable(&self, revision: &str) {
        self.wait("durable", |app| {
            app["operation"].is_null()
                && app["status"]["sync"]["status"] == "Synced"
                && app["status"]["sync"]["revision"] == *revision
                && app["status"]["health"]["status"] == "Healthy"
        });
    }

    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        self.scene.kubectl(args).unwrap()
    }

    pub(crate) fn undo(&self) {
        self.kubectl(&["rollout", "undo", &format!("deployment/{}", self.service)]);
    }

    /// Calls Argo CD's API, which refuses.
    pub(crate) fn refused(&self, path: &str, body: &Value) -> Refused {
        let answer = self.scene.application().call("POST", path, body);
        answer.unwrap().unwrap_err()
    }

    /// Ends the operation that runs.
    pub(crate) fn terminate(&self) -> Value {
        let answer = self
            .scene
            .application()
            .call("DELETE", "/operation", &json!({}));
        answer.unwrap().unwrap();
        self.wait("terminated", |app| app["operation"].is_null())
    }
}

pub(crate) fn version(workload: &Value) -> String {
    let image = &workload["spec"]["template"]["spec"]["containers"][0]["image"];
    let image = image.as_str().unwrap_or_default();
    image.rsplit(':').next().unwrap_or_default().to_owned()
}
