//! A bad deploy on the testbed: a service of its own whose good version is live, then a bad one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ripcord_testbed::{Application, NAMESPACE, PodSeen, Scene, Testbed};
use ripcord_testkit::{Ripcord, Scratch};
use serde_json::{Value, json};

use crate::recover::point::{Point, Push};

pub(crate) const GOOD: &str = "v14";
/// A bad version whose pods crash.
pub(crate) const BAD: &str = "v15-crash";
/// How long Argo CD may take that looks for itself every 120 to 180 s, and may look too late once.
pub(crate) const PATIENCE: Duration = Duration::from_mins(7);
/// A second sync of Argo CD's own begins within a second of the first, if there is one.
const REST: Duration = Duration::from_secs(2);
pub(crate) const GLANCE: Duration = Duration::from_millis(20);
/// An address where nothing answers.
const NOWHERE: &str = "http://127.0.0.1:9/infra.git";

/// A service at one point of the sweep, and a person's clone of its infra repo.
pub(crate) struct Outage<'a> {
    pub(crate) bed: &'a Testbed,
    pub(crate) scene: Scene<'a>,
    pub(crate) point: Point,
    /// The version that was deployed last and is bad.
    pub(crate) bad: String,
    scratch: Scratch,
    clone: PathBuf,
}

impl<'a> Outage<'a> {
    /// The good version is live, and nothing is broken yet.
    pub(crate) fn none_yet(bed: &'a Testbed, point: Point, name: &str) -> Result<Self> {
        let scene = Scene::set(bed, point.scene, name)?;
        let (scratch, clone) = a_clone(bed, name)?;
        let mut outage = Self {
            bed,
            scene,
            point,
            bad: String::new(),
            scratch,
            clone,
        };
        outage.wait_until_settled()?;
        outage.scale()?;
        Ok(outage)
    }

    fn scale(&mut self) -> Result<()> {
        let point = self.point;
        if point.replicas == 4 {
            return Ok(());
        }
        let path = format!("services/{}/base/deployment.yaml", point.service);
        let replicas = format!("replicas: {}", point.replicas);
        self.edit(&path, "replicas: 4", &replicas, "Scale")?;
        wait("scaled", || Ok(self.are_good(&self.pods()?)))?;
        self.wait_until_settled()
    }

    /// Replaces a text in a file of the infra repo, as somebody else would, and Argo CD hears of it.
    fn edit(&mut self, path: &str, from: &str, to: &str, subject: &str) -> Result<()> {
        let infra = self.scene.infra();
        let text = infra.read(path)?.replace(from, to);
        infra.write(path, text);
        infra.commit(subject).land()?;
        self.scene.refresh()
    }

    /// Deploys a bad version and waits until it is live; the clone is up to date then.
    pub(crate) fn break_it(&mut self, number: usize) -> Result<()> {
        self.take_a_new_clone()?;
        let point = self.point;
        self.bad = point.bad_version(number);
        let commit = self.scene.deploy(point.service, &self.bad)?;
        self.scene.refresh()?;
        wait("the bad version is live", || {
            let app = self.application().get()?;
            let pods = self.pods()?;
            Ok(app["status"]["sync"]["revision"] == *commit
                && app["operation"].is_null()
                && pods.iter().any(|pod| pod.version == self.bad))
        })?;
        if point.promoted {
            self.kubectl(&["argo", "rollouts", "promote", "--full", point.service])?;
            wait("promoted", || {
                let pods = self.pods()?;
                let is_bad = |pod: &PodSeen| pod.version == self.bad;
                Ok(pods.len() == point.replicas && pods.iter().all(is_bad))
            })?;
            self.wait_until_settled()?;
        }
        if point.rests {
            self.wait_until_at_rest()?;
        }
        self.git(&["fetch", "--quiet"])
    }

    /// Waits until Argo CD has begun nothing new for a while.
    fn wait_until_at_rest(&self) -> Result<()> {
        let application = self.application();
        let (mut last, mut since) = (Value::Null, Instant::now());
        wait("at rest", || {
            let mut app = application.get()?;
            let now = app["status"]["operationState"]["startedAt"].take();
            if now != last || !app["operation"].is_null() {
                (last, since) = (now, Instant::now());
            }
            Ok(since.elapsed() > REST)
        })
    }

    /// A clone of somebody for whom ripcord has never run.
    pub(crate) fn take_a_new_clone(&mut self) -> Result<()> {
        (self.scratch, self.clone) = a_clone(self.bed, self.scene.name())?;
        Ok(())
    }

    /// Makes pushes from the clone take what the point says, from now on.
    pub(crate) fn hinder_pushes(&self) -> Result<()> {
        match self.point.push {
            Push::Seconds(0) => Ok(()),
            Push::Seconds(seconds) => self.bed.git().install_hook(
                &repository(self.scene.name()),
                "pre-receive",
                &format!("#!/bin/sh\nsleep {seconds}\n"),
            ),
            Push::Away => self.git(&["remote", "set-url", "origin", NOWHERE]),
        }
    }

    /// The script's way: revert the last deploy and push. The commit.
    pub(crate) fn revert(&mut self) -> Result<String> {
        self.git(&["pull", "--quiet"])?;
        self.git(&["revert", "--no-edit", "HEAD"])?;
        self.git(&["push", "--quiet"])?;
        self.scene.infra().tip()
    }

    /// Another change of the service, by somebody else; not of its version.
    pub(crate) fn change_something_else(&mut self) -> Result<()> {
        let path = format!("services/{}/base/service.yaml", self.point.service);
        self.edit(&path, "port: 80", "port: 81", "Move to another port")
    }

    /// ripcord in the clone.
    pub(crate) fn ripcord(&self, binary: &Path) -> Result<Ripcord> {
        let kubeconfig = self.bed.kubeconfig()?;
        Ok(Ripcord::new(&self.scratch, binary)
            .in_dir(&self.clone)
            // Windows of Argo CD are dated by the real clock.
            .at("")
            .env("KUBECONFIG", kubeconfig.display().to_string()))
    }

    pub(crate) fn application(&self) -> Application<'a> {
        let (name, ending) = (self.scene.name(), self.point.application);
        self.bed.application(&format!("{name}{ending}"))
    }

    pub(crate) fn pods(&self) -> Result<Vec<PodSeen>> {
        self.scene.pods(self.point.service)
    }

    /// Whether all pods are of the good version and ready and no other is left.
    pub(crate) fn are_good(&self, pods: &[PodSeen]) -> bool {
        let is_good = |pod: &PodSeen| pod.version == GOOD && pod.ready;
        pods.len() == self.point.replicas && pods.iter().all(is_good)
    }

    /// Where the branch is. Without a process of git: it is asked many times a second.
    pub(crate) fn tip(&mut self) -> Result<String> {
        let infra = self.scene.infra();
        match std::fs::read_to_string(infra.path().join("refs/heads/main")) {
            Ok(text) => Ok(text.trim_end().to_owned()),
            Err(_) => infra.tip(),
        }
    }

    /// Whether Argo CD is synced to a commit, and nothing runs.
    pub(crate) fn is_synced_to(&self, commit: &str) -> Result<bool> {
        let app = self.application().get()?;
        let sync = &app["status"]["sync"];
        Ok(sync["revision"] == *commit && sync["status"] == "Synced" && app["operation"].is_null())
    }

    /// Waits until Git, Argo CD and the workloads agree; also for an Application that is yet to be made.
    pub(crate) fn wait_until_settled(&mut self) -> Result<()> {
        let tip = self.tip()?;
        let application = self.application();
        wait("settled", || {
            let app = application.get().unwrap_or_default();
            let status = &app["status"];
            Ok(app["operation"].is_null()
                && status["sync"]["status"] == "Synced"
                && status["sync"]["revision"] == *tip
                && status["health"]["status"] == "Healthy")
        })
    }

    /// Takes it away and does not wait for its end: others shall not be slowed down by what is left of it.
    pub(crate) fn end(self) -> Result<()> {
        let name = self.scene.name().to_owned();
        self.scene.end()?;
        if self.point.scene == "applicationset-git" {
            // It would make its Applications anew.
            let args = ["delete", "applicationset", &name, "--wait=false"];
            self.bed.kubectl(NAMESPACE, &args)?;
        }
        Ok(())
    }

    pub(crate) fn kubectl(&self, args: &[&str]) -> Result<()> {
        self.scene.kubectl(args).map(drop)
    }

    fn git(&self, args: &[&str]) -> Result<()> {
        self.scratch.git(&self.clone, args).map(drop)
    }

    /// What the button of Argo CD's page does, after what it demands; or why Argo CD does not.
    pub(crate) fn roll_back_by_api(&self) -> Result<Result<(), String>> {
        let application = self.application();
        let app = application.get()?;
        let history = app["status"]["history"].as_array();
        let before = history.and_then(|all| all.iter().rev().nth(1));
        let id = &before.context("nothing to go back to")?["id"];
        let mut spec = app["spec"].clone();
        spec["syncPolicy"]["automated"] = Value::Null;
        let changed = application.call("PUT", "/spec?validate=false", &spec)?;
        ensure!(changed.is_ok(), "{changed:?}");
        let asked = application.call("POST", "/rollback", &json!({"id": id, "prune": true}))?;
        Ok(asked.map(drop).map_err(|refused| refused.message))
    }
}

fn repository(name: &str) -> String {
    format!("{name}.git")
}

fn a_clone(bed: &Testbed, name: &str) -> Result<(Scratch, PathBuf)> {
    let scratch = Scratch::new()?;
    let clone = scratch.clone_of(&bed.git().url(&repository(name)), "clone")?;
    Ok((scratch, clone))
}

pub(crate) fn wait(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !holds()? {
        ensure!(
            started.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        std::thread::sleep(GLANCE);
    }
    Ok(())
}
