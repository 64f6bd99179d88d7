//! When is a way back proven: what is seen in which order after a revert with an operation, and for how
//! long Argo CD says that all is well while pods of the bad version are still there.

use std::time::Instant;

use anyhow::{Result, ensure};
use ripcord_testbed::{NAMESPACE, Options, Scene, Testbed};
use serde_json::{Value, json};

use crate::measure::median;
use crate::outage::{BAD, GOOD, PATIENCE, wait};
use crate::report::Table;

const SERVICE: &str = "payments-service";
/// A bad version that starts well, so that it is rolled out to the end.
const ROLLED_OUT: &str = "v15";

/// What is waited for, in the order in which it was mostly seen.
const EVENTS: [&str; 8] = [
    "Deployment wants the good version",
    "operation Succeeded",
    "Deployment observed",
    "synced to our commit",
    "health leaves the Healthy of before",
    "no old replicas",
    "Argo CD says Healthy",
    "no pod of the bad version",
];

struct Seen {
    /// In seconds, as in [`EVENTS`].
    at: [Option<f64>; EVENTS.len()],
    /// For how long Succeeded and Healthy were both said while bad pods were there.
    falsely_green: f64,
}

pub(crate) fn run(runs: usize) -> Result<Vec<Table>> {
    let bed = Testbed::start(&Options {
        rollouts: false,
        ..Options::default()
    })?;
    let mut tables = Vec::new();
    for (title, bad) in [("rolled out", ROLLED_OUT), ("crashes", BAD)] {
        let mut seen = Vec::new();
        for run in 0..runs {
            seen.push(one(&bed, bad, &format!("proof-{bad}-{run}"))?);
        }
        let title =
            format!("What is seen after a revert with an operation; the bad version {title}");
        let mut table = Table::new(&title, &["event", "runs", "median, s", "from", "to"]);
        for (number, event) in EVENTS.iter().enumerate() {
            let found: Vec<f64> = seen.iter().filter_map(|seen| seen.at[number]).collect();
            table.row(row(event, &found));
        }
        let green: Vec<f64> = seen
            .iter()
            .map(|seen| seen.falsely_green)
            .filter(|time| *time > 0.0)
            .collect();
        table.row(row("falsely Succeeded and Healthy, for", &green));
        tables.push(table);
    }
    tables.push(windows(&bed, runs)?);
    Ok(tables)
}

/// How soon a parent application takes a deny window from a project that it has from Git.
fn windows(bed: &Testbed, runs: usize) -> Result<Table> {
    let mut scene = Scene::set(bed, "project-in-git", "windows")?;
    scene.wait_until("Healthy")?;
    let mut found = Vec::new();
    for _ in 0..runs {
        // At the same commit self-heal would wait longer each time.
        let commit = scene.infra().commit("Nothing").land()?;
        scene.refresh()?;
        wait("nothing runs", || {
            let app = scene.application().get()?;
            let sync = &app["status"]["sync"];
            let is_there = sync["revision"] == *commit && sync["status"] == "Synced";
            Ok(is_there && app["operation"].is_null())
        })?;
        scene.close_project(true)?;
        let started = Instant::now();
        wait("the window is gone", || {
            bed.block_on(async {
                let kind = ("argoproj.io/v1alpha1", "AppProject");
                let objects = bed.objects();
                let projects = objects.api(kind.0, kind.1, Some(NAMESPACE)).await?;
                let project = projects.get(scene.name()).await?;
                Ok(project.data["spec"]["syncWindows"][0]["kind"] == "allow")
            })
        })?;
        found.push(started.elapsed().as_secs_f64());
    }
    let title = "A deny window on a project whose windows are in Git";
    let mut table = Table::new(title, &["event", "runs", "median, s", "from", "to"]);
    table.row(row("taken away by the parent application", &found));
    Ok(table)
}

fn row(name: &str, found: &[f64]) -> Vec<Value> {
    let bound = |of: fn(f64, f64) -> f64| found.iter().copied().reduce(of);
    vec![
        name.into(),
        found.len().into(),
        if found.is_empty() {
            Value::Null
        } else {
            json!(median(found))
        },
        json!(bound(f64::min)),
        json!(bound(f64::max)),
    ]
}

fn one(bed: &Testbed, bad: &str, name: &str) -> Result<Seen> {
    let mut scene = Scene::set(bed, "auto-heal", name)?;
    scene.wait_until("Healthy")?;
    let broken = scene.deploy(SERVICE, bad)?;
    scene.refresh()?;
    let is_rolled_out = bad == ROLLED_OUT;
    wait("the bad version is live", || {
        let app = scene.application().get()?;
        let pods = scene.pods(SERVICE)?;
        let is_there = app["status"]["sync"]["revision"] == *broken && app["operation"].is_null();
        let count = pods.iter().filter(|pod| pod.version == bad).count();
        let is_healthy = app["status"]["health"]["status"] == "Healthy";
        Ok(is_there && count > 0 && (!is_rolled_out || (is_healthy && count == pods.len())))
    })?;
    let ours = scene.deploy(SERVICE, GOOD)?;
    let application = scene.application();
    wait("asked for", || Ok(application.sync_to(&ours)?.is_ok()))?;
    let started = Instant::now();
    let mut seen = Seen {
        at: [None; EVENTS.len()],
        falsely_green: 0.0,
    };
    let mut last = 0.0;
    while seen.at.iter().any(Option::is_none) {
        let app = application.get()?;
        let deployment = scene.object("apps/v1", "Deployment", SERVICE)?;
        let pods = scene.pods(SERVICE)?;
        let now = started.elapsed().as_secs_f64();
        let health = &app["status"]["health"]["status"];
        let state = &app["status"]["operationState"];
        let is_done = state["phase"] == "Succeeded" && state["syncResult"]["revision"] == *ours;
        let has_bad = pods.iter().any(|pod| pod.version == bad);
        let status = &deployment["status"];
        let wants_good = scene.version(SERVICE)? == GOOD;
        let is_observed =
            wants_good && status["observedGeneration"] == deployment["metadata"]["generation"];
        let holds = [
            wants_good,
            is_done,
            is_observed,
            app["status"]["sync"]["status"] == "Synced"
                && app["status"]["sync"]["revision"] == *ours,
            *health != "Healthy",
            is_observed && status["replicas"] == status["updatedReplicas"],
            is_done && seen.at[4].is_some() && *health == "Healthy",
            wants_good && !has_bad,
        ];
        for (at, holds) in seen.at.iter_mut().zip(holds) {
            if holds {
                at.get_or_insert(now);
            }
        }
        if is_done && *health == "Healthy" && has_bad {
            seen.falsely_green += now - last;
        }
        last = now;
        ensure!(started.elapsed() < PATIENCE, "{:?}", seen.at);
    }
    scene.end()?;
    Ok(seen)
}
