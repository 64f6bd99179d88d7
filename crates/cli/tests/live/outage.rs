//! A service that a deploy just broke, and ripcord in a clone of its infra repo.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ripcord_testbed::{PodSeen, Scene, Testbed};
use ripcord_testkit::{Output, Ripcord, Scratch};
use serde_json::{Value, json};

use crate::followed::{At, Followed};

pub(crate) const GOOD: &str = "v14";
pub(crate) const BAD: &str = "v15-crash";
pub(crate) const PAYMENTS: &str = "payments-service";

/// Where no registry is.
pub(crate) const NO_REGISTRY: &str = "127.0.0.1:9";

/// For how long it is watched whether something happens after all.
const A_WHILE: Duration = Duration::from_secs(4);
const SOON: Duration = Duration::from_mins(1);
const GLANCE: Duration = Duration::from_millis(20);

pub(crate) struct Outage<'a> {
    pub(crate) bed: &'a Testbed,
    pub(crate) scene: Scene<'a>,
    pub(crate) service: &'static str,
    /// The name of its Application.
    pub(crate) application: String,
    pub(crate) bad: String,
    pub(crate) scratch: Scratch,
    clone: PathBuf,
    /// How it syncs, as it was before anything was done, where it was there by then.
    policy: Option<Value>,
}

impl Outage<'static> {
    /// In the testbed that tests share.
    pub(crate) fn of(scene: &str, name: &str, service: &'static str) -> Self {
        let mut outage = Self::none_yet(scene, name, service, name);
        outage.break_it(BAD);
        outage
    }

    /// A Rollout whose bad version serves everybody.
    pub(crate) fn promoted(scene: &str, name: &str, service: &'static str) -> Self {
        let mut outage = Self::none_yet(scene, name, service, name);
        outage.break_it("v15");
        outage
            .scene
            .kubectl(&["argo", "rollouts", "promote", "--full", service])
            .unwrap();
        outage.wait("it serves everybody", |outage| outage.runs("v15"));
        outage.scene.wait_until("Healthy").unwrap();
        outage
    }

    pub(crate) fn none_yet(
        scene: &str,
        name: &str,
        service: &'static str,
        application: &str,
    ) -> Self {
        Outage::on(
            Testbed::shared().unwrap(),
            scene,
            name,
            service,
            application,
        )
    }
}

impl<'a> Outage<'a> {
    pub(crate) fn on(
        bed: &'a Testbed,
        scene: &str,
        name: &str,
        service: &'static str,
        application: &str,
    ) -> Self {
        let scene = Scene::set(bed, scene, name).unwrap();
        scene.wait_until("Healthy").unwrap();
        let scratch = Scratch::new().unwrap();
        let clone = scratch
            .clone_of(&bed.git().url(&format!("{name}.git")), "clone")
            .unwrap();
        let policy = policy_of(bed, application);
        Self {
            bed,
            scene,
            service,
            application: application.to_owned(),
            bad: String::new(),
            scratch,
            clone,
            policy,
        }
    }

    /// Deploys a version and waits until its sync has ended and its pods are there.
    pub(crate) fn break_it(&mut self, version: &str) {
        self.bad = self.deploy(version);
        let bad = self.bad.clone();
        self.wait("the deploy is live", |outage| {
            let app = outage.app();
            let pods = outage.pods();
            let sync = &app["status"]["sync"];
            (sync["revision"] == *bad || sync["revisions"][0] == *bad)
                && app["operation"].is_null()
                && app["status"]["operationState"]["phase"] == "Succeeded"
                && pods.iter().any(|pod| pod.version == version)
        });
    }

    /// Deploys a version whose migration, a hook, never ends.
    pub(crate) fn hang_in_hook(&mut self) {
        self.bad = self.deploy("v15-hangs");
        self.wait("the hook runs", |outage| {
            let message = outage.app()["status"]["operationState"]["message"].to_string();
            message.contains("hook")
        });
    }

    /// Looks at another service of the scene from now on.
    pub(crate) fn turn_to(&mut self, service: &'static str, application: &str) {
        self.service = service;
        application.clone_into(&mut self.application);
        self.policy = policy_of(self.bed, application);
    }

    /// Deploys a version as a pipeline does, and Argo CD hears of it.
    pub(crate) fn deploy(&mut self, version: &str) -> String {
        let commit = self.scene.deploy(self.service, version).unwrap();
        self.scene.refresh().unwrap();
        commit
    }

    /// The clone.
    pub(crate) fn clone_dir(&self) -> &std::path::Path {
        &self.clone
    }

    /// ripcord in a clone, with the kubeconfig of the testbed.
    pub(crate) fn ripcord(&self) -> Ripcord {
        let kubeconfig = self.bed.kubeconfig().unwrap();
        Ripcord::new(&self.scratch, env!("CARGO_BIN_EXE_ripcord"))
            .in_dir(&self.clone)
            // Windows of Argo CD are dated by the real clock.
            .at("")
            .env("KUBECONFIG", kubeconfig.to_str().unwrap())
    }

    /// The same for a terminal, without arguments yet.
    pub(crate) fn at_a_terminal(&self) -> Command {
        let mut command = self.scratch.command(env!("CARGO_BIN_EXE_ripcord"));
        command
            .current_dir(&self.clone)
            .env("TERM", "xterm")
            .env("KUBECONFIG", self.bed.kubeconfig().unwrap());
        command
    }

    /// `rollback … --yes` of its service, watched for a moment only.
    pub(crate) fn rollback(&self, more: &[&str]) -> Output {
        self.run(&self.rollback_args(more))
    }

    pub(crate) fn rollback_args<'s>(&self, more: &[&'s str]) -> Vec<&'s str> {
        let args = ["rollback", self.service, "production", "--yes"];
        [&args[..], more].concat()
    }

    /// `doctor` of its service, which looks for images in a registry: nothing is asked of the internet.
    pub(crate) fn doctor(&self, registry: &str) -> Output {
        self.doctor_as(&self.ripcord(), registry)
    }

    pub(crate) fn doctor_as(&self, ripcord: &Ripcord, registry: &str) -> Output {
        let config = self.scratch.path().join("ripcord.yaml");
        std::fs::write(&config, format!("mirrors: {{docker.io: '{registry}'}}\n")).unwrap();
        let config = config.to_str().unwrap();
        // With other tests beside 2 s may be too short.
        let args = [
            "doctor",
            self.service,
            "--config",
            config,
            "--within",
            "60s",
        ];
        ripcord.run(args).unwrap()
    }

    /// Runs ripcord to its end, watched for a moment only.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.ripcord().run(paced(args)).unwrap()
    }

    /// The same, to do something in the middle of it.
    pub(crate) fn follow(&self, args: &[&str]) -> Followed {
        let mut args = paced(args);
        args.extend(["-o", "json"]);
        Followed::start(self.ripcord().command(args))
    }

    /// Runs a rollback and kills it when a step has ended.
    pub(crate) fn killed_after(&self, step: &str) {
        self.kill(&self.rollback_args(&[]), (step, At::Ended));
    }

    /// The same after the two steps that go on beside each other, whichever ends first.
    pub(crate) fn killed_after_undo_and_push(&self) {
        let mut running = self.follow(&self.rollback_args(&[]));
        running.until("undo", At::Ended);
        running.until("push", At::Ended);
        running.kill();
    }

    /// Runs something and kills it at a step.
    pub(crate) fn kill(&self, args: &[&str], (step, at): (&str, At)) {
        let mut running = self.follow(args);
        running.until(step, at);
        running.kill();
    }

    pub(crate) fn app(&self) -> Value {
        self.bed.application(&self.application).get().unwrap()
    }

    pub(crate) fn pods(&self) -> Vec<PodSeen> {
        self.scene.pods(self.service).unwrap()
    }

    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let until = Instant::now() + SOON;
        while !holds(self) {
            assert!(
                Instant::now() < until,
                "{what}: {:?} {:?}",
                self.bed.application(&self.application).get(),
                self.pods()
            );
            std::thread::sleep(GLANCE);
        }
    }

    /// All pods are of the version and ready, and there is no other.
    pub(crate) fn runs(&self, version: &str) -> bool {
        let pods = self.pods();
        !pods.is_empty() && pods.iter().all(|pod| pod.version == version && pod.ready)
    }

    /// Fails unless only pods of the version are there, now and for a while.
    pub(crate) fn assert_stays(&self, version: &str) {
        let until = Instant::now() + A_WHILE;
        while Instant::now() < until {
            let pods = self.pods();
            assert!(self.runs(version), "{pods:?}");
            std::thread::sleep(GLANCE);
        }
    }

    /// Fails unless Git, Argo CD and the pods agree on the version, and auto-sync is on, as it was.
    pub(crate) fn assert_restored(&mut self, version: &str) {
        let app = self.app();
        assert!(!app["spec"]["syncPolicy"]["automated"].is_null());
        if let Some(policy) = &self.policy {
            assert_eq!(app["spec"]["syncPolicy"], *policy);
        }
        self.assert_agreed(version);
    }

    /// Fails unless Git, Argo CD and the pods agree on the version.
    pub(crate) fn assert_agreed(&mut self, version: &str) {
        let tip = self.scene.infra().tip().unwrap();
        let app = self.app();
        assert!(app["operation"].is_null(), "{app:#}");
        assert_eq!(app["status"]["sync"]["status"], "Synced");
        assert_eq!(app["status"]["health"]["status"], "Healthy");
        let revision = &app["status"]["sync"]["revision"];
        let revisions = &app["status"]["sync"]["revisions"];
        assert!(
            *revision == *tip || revisions[0] == *tip,
            "{revision} {revisions} {tip}"
        );
        let project = app["spec"]["project"].as_str().unwrap();
        let windows = self.windows(project);
        let name = json!([self.application]);
        let mut windows = windows.as_array().into_iter().flatten();
        let left = windows.find(|window| {
            let told = window["description"].to_string();
            window["applications"] == name && told.contains("ripcord r-")
        });
        assert_eq!(left, None, "a hold was left behind");
        self.assert_stays(version);
    }

    /// The recovery that a run printed as its last event.
    pub(crate) fn recovery(output: &Output) -> Value {
        let events = events(output);
        let last = events.iter().rev().find(|event| event["event"] == "ended");
        assert!(last.is_some(), "{output:?}");
        last.map(|event| event["recovery"].clone()).unwrap()
    }

    /// Writes other windows into the scene's own project.
    pub(crate) fn set_windows(&self, windows: &Value) {
        let project = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": self.scene.name(), "namespace": "argocd"},
            "spec": {"syncWindows": windows},
        });
        self.bed
            .block_on(self.bed.objects().merge_object(&project))
            .unwrap();
    }

    /// The windows of a project.
    pub(crate) fn windows(&self, project: &str) -> Value {
        let found = self
            .bed
            .kubectl("argocd", &["get", "appproject", project, "-o", "json"])
            .unwrap();
        let found: Value = serde_json::from_str(&found).unwrap();
        found["spec"]["syncWindows"].clone()
    }
}

impl Outage<'_> {
    fn git_in_clone(&self, args: &[&str]) {
        self.scratch.git(&self.clone, args).unwrap();
    }

    /// Makes the clone push somewhere else.
    pub(crate) fn point_clone_at(&self, url: &str) {
        self.git_in_clone(&["fetch", "--quiet"]);
        self.git_in_clone(&["remote", "set-url", "origin", url]);
    }

    /// Moves the infra repo to another server: the clone fetches and pushes there from now on.
    pub(crate) fn move_to(&self, url: &str) {
        self.git_in_clone(&["fetch", "--quiet"]);
        self.git_in_clone(&["push", "--quiet", url, "origin/main:refs/heads/main"]);
        self.git_in_clone(&["remote", "set-url", "origin", url]);
    }

    pub(crate) fn point_clone_back(&self) {
        let url = self.bed.git().url(&format!("{}.git", self.scene.name()));
        self.git_in_clone(&["remote", "set-url", "origin", &url]);
    }

    /// Makes each push take a while, as on a forge that has much to do.
    pub(crate) fn delay_pushes(&self) {
        let repository = format!("{}.git", self.scene.name());
        let script = "#!/bin/sh\nsleep 2\n";
        let git = self.bed.git();
        git.install_hook(&repository, "pre-receive", script)
            .unwrap();
    }

    /// Makes somebody else deploy a version while the next push is under way.
    pub(crate) fn deploy_during_push(&mut self, version: &str) {
        let next = self.scene.deploy(self.service, version).unwrap();
        let infra = self.scene.infra();
        infra
            .git(&["update-ref", "refs/next/deploy", &next])
            .unwrap();
        infra
            .git(&["update-ref", "refs/heads/main", &self.bad])
            .unwrap();
        // What a hook changes is not part of the push that runs it.
        let script = "#!/bin/sh\nrm -f hooks/pre-receive\nunset GIT_QUARANTINE_PATH\n\
                      git update-ref refs/heads/main refs/next/deploy\n";
        let repository = format!("{}.git", self.scene.name());
        let git = self.bed.git();
        git.install_hook(&repository, "pre-receive", script)
            .unwrap();
    }

    /// ripcord as an account that may only do what a ClusterRole says.
    pub(crate) fn ripcord_as(&self, account: &str, role: &Value) -> Ripcord {
        self.ripcord_with(&json!({"token": self.token_of(account, role)}))
    }

    /// A token of an account that may only do what a ClusterRole says.
    pub(crate) fn token_of(&self, account: &str, role: &Value) -> String {
        let objects = [
            role.clone(),
            json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": account, "namespace": "default"},
            }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": account},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": account},
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}],
            }),
        ];
        for object in &objects {
            self.bed
                .block_on(self.bed.objects().apply_object(object))
                .unwrap();
        }
        let token = self
            .bed
            .kubectl("default", &["create", "token", account])
            .unwrap();
        token.trim().to_owned()
    }

    /// ripcord with other credentials.
    pub(crate) fn ripcord_with(&self, user: &Value) -> Ripcord {
        self.ripcord_configured(|config| config["users"][0]["user"] = user.clone())
    }

    /// ripcord that looks for the cluster at another address.
    pub(crate) fn ripcord_at(&self, server: &str) -> Ripcord {
        self.ripcord_configured(|config| config["clusters"][0]["cluster"]["server"] = server.into())
    }

    fn ripcord_configured(&self, change: impl FnOnce(&mut Value)) -> Ripcord {
        let path = self.bed.kubeconfig().unwrap();
        let mut config: Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        change(&mut config);
        let own = self.scratch.path().join("kubeconfig");
        std::fs::write(&own, config.to_string()).unwrap();
        self.ripcord().env("KUBECONFIG", own.to_str().unwrap())
    }
}

/// How an Application syncs.
fn policy_of(bed: &Testbed, application: &str) -> Option<Value> {
    let app = bed.application(application).get().ok()?;
    Some(app["spec"]["syncPolicy"].clone())
}

/// Arguments with an end: else a test that fails would wait, and watch, as long as a person would.
fn paced<'s>(args: &[&'s str]) -> Vec<&'s str> {
    let mut paced = args.to_vec();
    for (flag, time) in [("--watch", "2s"), ("--wait", "60s")] {
        if !args.contains(&flag) {
            paced.extend([flag, time]);
        }
    }
    paced
}

/// The events that a run printed, one in each line.
pub(crate) fn events(output: &Output) -> Vec<Value> {
    output
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
