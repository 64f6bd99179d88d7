//! The ways back from a bad deploy on a real Argo CD, side by side.
//!
//! Each run has an Application of its own: the good version is live, then a bad one, whose pods crash;
//! then a way back is taken. Measured from its first step: until all pods are of the good version and
//! ready and no other pod is left, and until Git and Argo CD agree on it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use ripcord_testbed::{Options, PodSeen, Scene, Testbed};
use serde_json::{Value, json};

use crate::report::{Table, say};

pub(crate) const GOOD: &str = "v14";
pub(crate) const BAD: &str = "v15-crash";
/// How long a way may take; Argo CD looks for itself every 120 to 180 s, and may look too late once.
pub(crate) const PATIENCE: Duration = Duration::from_mins(7);
/// How long a way that ends nowhere is watched, and one that has ended well.
const AFTERWARDS: Duration = Duration::from_secs(6);
pub(crate) const GLANCE: Duration = Duration::from_millis(20);

/// A way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Poll,
    Refresh,
    Webhook,
    Operation,
    ApiRollback,
    Undo,
    UndoWithoutHeal,
    Abort,
    AbortAndRefresh,
}

impl Way {
    const ALL: [Self; 9] = [
        Self::Poll,
        Self::Refresh,
        Self::Webhook,
        Self::Operation,
        Self::ApiRollback,
        Self::Undo,
        Self::UndoWithoutHeal,
        Self::Abort,
        Self::AbortAndRefresh,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Poll => "git revert, Argo CD polls",
            Self::Refresh => "git revert, refresh",
            Self::Webhook => "git revert, webhook",
            Self::Operation => "git revert, operation and refresh",
            Self::ApiRollback => "Argo CD rollback, auto-sync switched off first",
            Self::Undo => "kubectl rollout undo",
            Self::UndoWithoutHeal => "kubectl rollout undo, no self-heal",
            Self::Abort => "Rollouts abort, mid-canary",
            Self::AbortAndRefresh => "Rollouts abort, git revert, refresh",
        }
    }

    fn is_canary(self) -> bool {
        matches!(self, Self::Abort | Self::AbortAndRefresh)
    }

    fn pushes(self) -> bool {
        matches!(
            self,
            Self::Poll | Self::Refresh | Self::Webhook | Self::Operation | Self::AbortAndRefresh
        )
    }
}

/// What was seen of one run, in seconds from its first step.
#[derive(Debug, Default)]
struct Seen {
    good: Option<f64>,
    durable: Option<f64>,
    /// When the bad version was wanted again.
    relapse: Option<f64>,
}

/// Runs every way whose name contains `only`, for each number of replicas.
pub(crate) fn run(runs: usize, replicas: &[usize], only: &str) -> Result<Vec<Table>> {
    let bed = Testbed::start(&Options::default())?;
    let head = [
        "way back",
        "replicas",
        "runs",
        "all pods good, s",
        "durable, s",
        "bad again",
        "after, s",
    ];
    let mut table = Table::new("Ways back on a real Argo CD", &head);
    let mut number = 0;
    for way in Way::ALL {
        if !way.name().contains(only) {
            continue;
        }
        let mut asked: Vec<(usize, String)> = Vec::new();
        for &replicas in replicas {
            for _ in 0..runs {
                number += 1;
                asked.push((replicas, format!("run-{number}")));
            }
        }
        let one = |(replicas, name): &(usize, String)| {
            let seen = one(&bed, way, *replicas, name)?;
            Ok((*replicas, seen))
        };
        // Who waits for the poll only waits: its runs can do so together.
        let seen: Vec<(usize, Seen)> = if way == Way::Poll {
            std::thread::scope(|scope| {
                let all: Vec<_> = asked
                    .iter()
                    .map(|run| scope.spawn(move || one(run)))
                    .collect();
                all.into_iter()
                    .map(|run| run.join().unwrap_or_else(|_| bail!("a run panicked")))
                    .collect::<Result<_>>()
            })?
        } else {
            asked.iter().map(one).collect::<Result<_>>()?
        };
        for &replicas in replicas {
            let of_it = seen.iter().filter(|(count, _)| *count == replicas);
            let of_it: Vec<&Seen> = of_it.map(|(_, seen)| seen).collect();
            let row = row(way, replicas, &of_it);
            say(&json!(row).to_string());
            table.row(row);
        }
    }
    table.note("Medians of the runs that got there; a cell without a number: none did.");
    Ok(vec![table])
}

fn row(way: Way, replicas: usize, seen: &[&Seen]) -> Vec<Value> {
    let of = |part: fn(&Seen) -> Option<f64>| {
        let found: Vec<f64> = seen.iter().filter_map(|seen| part(seen)).collect();
        if found.is_empty() {
            Value::Null
        } else {
            json!(median(&found))
        }
    };
    let back = seen.iter().filter(|seen| seen.relapse.is_some()).count();
    vec![
        way.name().into(),
        replicas.into(),
        seen.len().into(),
        of(|seen| seen.good),
        of(|seen| seen.durable),
        format!("{back} of {}", seen.len()).into(),
        of(|seen| seen.relapse),
    ]
}

fn one(bed: &Testbed, way: Way, replicas: usize, name: &str) -> Result<Seen> {
    let (scene, service, folder) = match way {
        way if way.is_canary() => ("canary", "checkout", "rollout.yaml"),
        Way::UndoWithoutHeal => ("auto", "payments-service", "deployment.yaml"),
        _ => ("auto-heal", "payments-service", "deployment.yaml"),
    };
    let mut scene = Scene::set(bed, scene, name)?;
    scene.wait_until("Healthy")?;
    if replicas != 4 {
        let path = format!("services/{service}/base/{folder}");
        let text = scene.infra().read(&path)?;
        let text = text.replace("replicas: 4", &format!("replicas: {replicas}"));
        let infra = scene.infra();
        infra.write(&path, text);
        infra.commit("Scale").land()?;
        scene.refresh()?;
        wait("scaled", || Ok(is_good(&scene.pods(service)?, replicas)))?;
        scene.wait_until("Healthy")?;
    }
    let bad = scene.deploy(service, BAD)?;
    scene.refresh()?;
    wait("the bad version is live", || {
        let app = scene.application().get()?;
        let pods = scene.pods(service)?;
        Ok(app["status"]["sync"]["revision"] == *bad
            && app["operation"].is_null()
            && pods.iter().any(|pod| pod.version == BAD))
    })?;
    let seen = back(&mut scene, way, service, replicas)?;
    // Others shall not be slowed down by what is left of this.
    scene.end()?;
    Ok(seen)
}

fn back(scene: &mut Scene<'_>, way: Way, service: &str, replicas: usize) -> Result<Seen> {
    let started = Instant::now();
    let since = || started.elapsed().as_secs_f64();
    let mut wanted = None;
    match way {
        Way::Undo | Way::UndoWithoutHeal => {
            scene.kubectl(&["rollout", "undo", &format!("deployment/{service}")])?;
        }
        Way::Abort | Way::AbortAndRefresh => {
            scene.kubectl(&["argo", "rollouts", "abort", service])?;
        }
        Way::ApiRollback => roll_back_by_api(scene)?,
        _ => {}
    }
    if way.pushes() {
        let reverted = scene.deploy(service, GOOD)?;
        match way {
            Way::Refresh | Way::AbortAndRefresh => scene.refresh()?,
            Way::Webhook => scene.notify(&reverted)?,
            Way::Operation => {
                // While an operation of Argo CD's own runs it is refused.
                wait("asked for", || {
                    Ok(scene.application().sync_to(&reverted)?.is_ok())
                })?;
            }
            _ => {}
        }
        wanted = Some(reverted);
    }
    let mut seen = Seen::default();
    let mut last_change = Instant::now();
    loop {
        let pods = scene.pods(service)?;
        if seen.good.is_none() && is_good(&pods, replicas) {
            seen.good = Some(since());
            last_change = Instant::now();
        }
        if seen.durable.is_none() {
            let app = scene.application().get()?;
            let is_ours = wanted
                .as_ref()
                .is_some_and(|wanted| app["status"]["sync"]["revision"] == **wanted);
            if is_ours && app["operation"].is_null() && app["status"]["sync"]["status"] == "Synced"
            {
                seen.durable = Some(since());
                last_change = Instant::now();
            }
        }
        // Without Git the way can only be lost again.
        if way == Way::Undo && seen.relapse.is_none() && scene.version(service)? == BAD {
            seen.relapse = Some(since());
        }
        let is_done = seen.good.is_some() && (wanted.is_none() || seen.durable.is_some());
        let gives_up = wanted.is_none() && started.elapsed() > 3 * AFTERWARDS;
        if (is_done && last_change.elapsed() > AFTERWARDS) || gives_up {
            if is_done && scene.pods(service)?.iter().any(|pod| pod.version == BAD) {
                seen.relapse.get_or_insert(since());
            }
            return Ok(seen);
        }
        ensure!(started.elapsed() < PATIENCE, "{}: {pods:?}", way.name());
        std::thread::sleep(GLANCE);
    }
}

/// What the button of Argo CD's page does, after what it demands.
fn roll_back_by_api(scene: &Scene<'_>) -> Result<()> {
    let application = scene.application();
    let app = application.get()?;
    let history = app["status"]["history"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    ensure!(history.len() > 1, "nothing to go back to");
    let mut spec = app["spec"].clone();
    spec["syncPolicy"]["automated"] = Value::Null;
    let changed = application.call("PUT", "/spec?validate=false", &spec)?;
    ensure!(changed.is_ok(), "{changed:?}");
    let id = &history[history.len() - 2]["id"];
    let asked = application.call("POST", "/rollback", &json!({"id": id, "prune": true}))?;
    ensure!(asked.is_ok(), "{asked:?}");
    Ok(())
}

pub(crate) fn is_good(pods: &[PodSeen], replicas: usize) -> bool {
    pods.len() == replicas && pods.iter().all(|pod| pod.version == GOOD && pod.ready)
}

pub(crate) fn median(found: &[f64]) -> f64 {
    let mut sorted = found.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
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
