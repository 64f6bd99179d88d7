//! A service whose last deploy broke it.
//!
//! What is waited for is printed with the time since the last thing that was done: with `--nocapture`
//! a test shows the figures that the documents have.

use std::cell::Cell;
use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject};
use ripcord_testbed::{Application, REFRESH, Refused, Scene, Testbed};
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
    /// The name of its Application.
    pub(crate) application: String,
    /// The commit before the bad deploy, and the bad deploy.
    pub(crate) good: String,
    pub(crate) bad: String,
    /// When something was done last.
    done: Cell<Instant>,
}

impl Incident<'static> {
    /// Under auto-sync and self-heal, in the shared testbed.
    pub(crate) fn new(name: &str) -> Self {
        Self::of("auto-heal", name, SERVICE)
    }

    /// Nothing has happened yet, in the shared testbed.
    pub(crate) fn none_yet(scene: &str, name: &str, service: &'static str) -> Self {
        Self::quiet(Testbed::shared().unwrap(), scene, name, service)
    }

    pub(crate) fn of(scene: &str, name: &str, service: &'static str) -> Self {
        Self::on(Testbed::shared().unwrap(), scene, name, service)
    }
}

impl<'a> Incident<'a> {
    /// Nothing has happened yet.
    pub(crate) fn quiet(bed: &'a Testbed, scene: &str, name: &str, service: &'static str) -> Self {
        let mut scene = Scene::set(bed, scene, name).unwrap();
        scene.wait_until("Healthy").unwrap();
        let good = scene.infra().tip().unwrap();
        Self {
            bed,
            scene,
            service,
            application: name.to_owned(),
            good,
            bad: String::new(),
            done: Cell::new(Instant::now()),
        }
    }

    pub(crate) fn on(bed: &'a Testbed, scene: &str, name: &str, service: &'static str) -> Self {
        let mut incident = Self::quiet(bed, scene, name, service);
        incident.bad = incident.deploy(BAD);
        incident.wait("the bad version is live", |app| {
            app["status"]["sync"]["revision"] == *incident.bad
                && app["status"]["operationState"]["phase"] == "Succeeded"
                && app["operation"].is_null()
                && app["status"]["health"]["status"] != "Healthy"
        });
        incident
    }

    /// Deploys the bad version and waits for the end of that sync, whatever is said of its health.
    pub(crate) fn turn_bad(&mut self) {
        self.bad = self.deploy(BAD);
        self.wait_for_version(BAD);
        self.wait("nothing runs", |app| {
            app["operation"].is_null()
                && app["status"]["operationState"]["phase"] == "Succeeded"
                && app["status"]["sync"]["status"] == "Synced"
        });
    }

    /// Deploys a version as a pipeline does, and Argo CD hears of it.
    pub(crate) fn deploy(&mut self, version: &str) -> String {
        let commit = self.scene.deploy(self.service, version).unwrap();
        self.refresh();
        commit
    }

    /// Asks Argo CD to compare.
    pub(crate) fn refresh(&self) {
        self.scene.refresh().unwrap();
        self.acted();
    }

    /// Something was done just now.
    pub(crate) fn acted(&self) {
        self.done.set(Instant::now());
    }

    /// Prints what was seen, and how long after the last thing that was done.
    fn saw(&self, what: &str) {
        let after = self.done.get().elapsed().as_secs_f64();
        println!("{}: {what} after {after:.2} s", self.scene.name());
    }

    /// Commits a change of a file below the service's folder.
    pub(crate) fn edit(&mut self, file: &str, change: impl Fn(&str) -> String) -> String {
        let path = format!("services/{}/{file}", self.service);
        let infra = self.scene.infra();
        let text = infra.read(&path).unwrap();
        infra.write(&path, change(&text));
        infra.commit("Edit").land().unwrap()
    }

    /// Does something with auto-sync switched off; switched on again, Argo CD looks first.
    pub(crate) fn without_auto_sync(&mut self, act: impl FnOnce(&mut Self)) {
        let automated = self.app()["spec"]["syncPolicy"]["automated"].clone();
        self.merge(&json!({"spec": {"syncPolicy": {"automated": null}}}));
        act(self);
        self.merge(&json!({
            "metadata": {"annotations": {REFRESH: "normal"}},
            "spec": {"syncPolicy": {"automated": automated}},
        }));
    }

    /// Holds by the state of the last operation.
    pub(crate) fn hold(&self) {
        self.handle().hold().unwrap();
        self.acted();
    }

    pub(crate) fn wait_until_compared(&self) {
        self.wait("a comparison has begun", |app| {
            app["metadata"]["annotations"][REFRESH].is_null()
        });
    }

    /// Closes the project with a deny window that lets manual syncs pass, or opens it.
    pub(crate) fn close(&self, closed: bool) {
        self.scene.close_project(closed).unwrap();
        self.acted();
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

    fn handle(&self) -> Application<'a> {
        self.bed.application(&self.application)
    }

    /// The Application as it is now.
    pub(crate) fn app(&self) -> Value {
        self.handle().get().unwrap()
    }

    pub(crate) fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let until = Instant::now() + SOON;
        while !holds() {
            assert!(Instant::now() < until, "{what}: {}", self.app()["status"]);
            std::thread::sleep(Duration::from_millis(20));
        }
        self.saw(what);
    }

    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut app = Value::Null;
        self.wait_until(what, || {
            app = self.app();
            holds(&app)
        });
        app
    }

    /// Waits until the operation says something.
    pub(crate) fn wait_for_word(&self, word: &str) -> Value {
        self.wait(word, |app| {
            let message = app["status"]["operationState"]["message"].as_str();
            message.is_some_and(|message| message.contains(word))
        })
    }

    pub(crate) fn patch(&self, operations: &Value) {
        self.handle().patch(operations).unwrap().unwrap();
        self.acted();
    }

    pub(crate) fn merge(&self, patch: &Value) {
        self.handle().merge(patch).unwrap();
        self.acted();
    }

    pub(crate) fn sync_to(&self, revision: &str) {
        let asked = self.handle().sync_to(revision);
        asked.unwrap().unwrap();
        self.acted();
    }

    pub(crate) fn workload(&self, api_version: &str, kind: &str) -> Value {
        self.scene.object(api_version, kind, self.service).unwrap()
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
                self.saw(&version);
                seen.push(version);
            }
            std::thread::sleep(Duration::from_millis(15));
        }
        seen
    }

    pub(crate) fn wait_for_version(&self, wanted: &str) {
        self.wait_until(&format!("it is {wanted}"), || self.version() == wanted);
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
        let said = self.scene.kubectl(args).unwrap();
        if args[0] != "get" {
            self.acted();
        }
        said
    }

    pub(crate) fn undo(&self) {
        self.kubectl(&["rollout", "undo", &format!("deployment/{}", self.service)]);
    }

    /// Calls Argo CD's API, which refuses.
    pub(crate) fn refused(&self, path: &str, body: &Value) -> Refused {
        let answer = self.handle().call("POST", path, body);
        answer.unwrap().unwrap_err()
    }

    /// Calls Argo CD's API, which does not refuse.
    pub(crate) fn allowed(&self, method: &str, path: &str, body: &Value) {
        let answer = self.handle().call(method, path, body);
        answer.unwrap().unwrap();
        self.acted();
    }

    /// Ends the operation that runs.
    pub(crate) fn terminate(&self) -> Value {
        self.allowed("DELETE", "/operation", &json!({}));
        self.wait("terminated", |app| app["operation"].is_null())
    }
}

pub(crate) fn version(workload: &Value) -> String {
    let image = &workload["spec"]["template"]["spec"]["containers"][0]["image"];
    let image = image.as_str().unwrap_or_default();
    image.rsplit(':').next().unwrap_or_default().to_owned()
}
