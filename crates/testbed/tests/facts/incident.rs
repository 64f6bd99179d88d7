//! A service whose last deploy broke it.

use std::process::Command;
use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use ripcord_testbed::{NAMESPACE, Scene, Testbed};
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

    pub(crate) fn apps(&self) -> Api<DynamicObject> {
        self.api("argoproj.io/v1alpha1", "Application", NAMESPACE)
    }

    /// The Application as it is now.
    pub(crate) fn app(&self) -> Value {
        let apps = self.apps();
        let found = self.bed.block_on(apps.get(self.scene.name())).unwrap();
        serde_json::to_value(found).unwrap()
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

    pub(crate) fn try_patch(&self, operations: &Value) -> kube::Result<DynamicObject> {
        let patch: json_patch::Patch = serde_json::from_value(operations.clone()).unwrap();
        let apps = self.apps();
        let patch = Patch::<()>::Json(patch);
        let params = PatchParams::default();
        self.bed
            .block_on(apps.patch(self.scene.name(), &params, &patch))
    }

    pub(crate) fn patch(&self, operations: &Value) {
        self.try_patch(operations).unwrap();
    }

    pub(crate) fn merge(&self, patch: &Value) {
        let apps = self.apps();
        let params = PatchParams::default();
        self.bed
            .block_on(apps.patch(self.scene.name(), &params, &Patch::Merge(patch)))
            .unwrap();
    }

    /// Asks for a sync to a commit and for a comparison, in one write, unless another sync is asked
    /// for already.
    pub(crate) fn sync_to(&self, revision: &str) {
        self.patch(&json!([
            {"op": "test", "path": "/operation", "value": null},
            {"op": "add", "path": "/operation", "value": operation(revision)},
            {"op": "add", "path": "/status/operationState", "value": null},
            {"op": "add", "path": "/metadata/annotations", "value": {"argocd.argoproj.io/refresh": "normal"}},
        ]));
    }

    pub(crate) fn workload(&self, api_version: &str, kind: &str) -> Value {
        let api = self.api(api_version, kind, self.scene.name());
        let found = self.bed.block_on(api.get(self.service)).unwrap();
        serde_json::to_value(found).unwrap()
    }

    /// The version that the Deployment shall run.
    pub(crate) fn version(&self) -> String {
        version(&self.workload("apps/v1", "Deployment"))
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

    /// Runs kubectl as a person would; what it says.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let output = Command::new(self.bed.programs().join("kubectl"))
            .env("KUBECONFIG", self.bed.kubeconfig().unwrap())
            .args(["-n", self.scene.name()])
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    pub(crate) fn undo(&self) {
        self.kubectl(&["rollout", "undo", &format!("deployment/{}", self.service)]);
    }

    /// Calls Argo CD's API: the status and the answer.
    pub(crate) fn call(&self, method: reqwest::Method, path: &str, body: &Value) -> (u16, Value) {
        let address = self.bed.argocd_address().unwrap();
        let url = format!(
            "http://{address}/api/v1/applications/{}{path}",
            self.scene.name()
        );
        let token = self.bed.argocd_token().unwrap();
        self.bed.block_on(async {
            let client = reqwest::Client::new();
            let request = client.request(method, url).bearer_auth(token).json(body);
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            (status, answer.json().await.unwrap_or(Value::Null))
        })
    }
}

pub(crate) fn operation(revision: &str) -> Value {
    json!({
        "initiatedBy": {"username": "test"},
        "sync": {"revision": revision, "prune": true, "syncStrategy": {"apply": {}}},
    })
}

pub(crate) fn version(workload: &Value) -> String {
    let image = &workload["spec"]["template"]["spec"]["containers"][0]["image"];
    let image = image.as_str().unwrap_or_default();
    image.rsplit(':').next().unwrap_or_default().to_owned()
}
