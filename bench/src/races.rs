//! How often Argo CD puts the bad version back: races, shown by repetition.
//!
//! Each trial begins with the good version live and durable, deploys the bad one, goes back in one of
//! the ways, and watches what the Deployment is told to run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ripcord_testbed::{Application, NAMESPACE, Options, Scene, Testbed, operation};
use serde_json::{Value, json};

use crate::report::{Table, say};
use crate::ways::{BAD, GLANCE, GOOD, wait};

/// How long is watched after the good version is there.
const WATCHED: Duration = Duration::from_secs(5);
/// Trials that run at the same time, each on an Application of its own.
const LANES: usize = 4;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Race {
    NewCommit,
    OldCommit,
    NewCommitAndRefresh,
    UndoAndRefresh,
    Terminated,
    TerminatedAndRefresh,
    Replaced,
    Window,
    State,
    StateCompared,
}

impl Race {
    const ALL: [Self; 10] = [
        Self::NewCommit,
        Self::OldCommit,
        Self::NewCommitAndRefresh,
        Self::UndoAndRefresh,
        Self::Terminated,
        Self::TerminatedAndRefresh,
        Self::Replaced,
        Self::Window,
        Self::State,
        Self::StateCompared,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::NewCommit => "revert, operation to it",
            Self::OldCommit => "revert, operation to the old commit",
            Self::NewCommitAndRefresh => "revert, operation to it with a refresh",
            Self::UndoAndRefresh => "undo, revert, operation with a refresh",
            Self::Terminated => "waiting sync terminated, operation to the revert",
            Self::TerminatedAndRefresh => {
                "waiting sync terminated, operation to the revert with a refresh"
            }
            Self::Window => "deny window, undo at once, nothing pushed",
            Self::State => "hold by the operation's state, undo at once, nothing pushed",
            Self::StateCompared => {
                "hold by the operation's state, undo after a comparison, nothing pushed"
            }
            Self::Replaced => "operation with a refresh in the place of a sync that waits",
        }
    }

    /// Whether nothing is pushed, and something holds instead.
    fn holds(self) -> bool {
        matches!(self, Self::Window | Self::State | Self::StateCompared)
    }

    fn undoes(self) -> bool {
        self.holds() || self == Self::UndoAndRefresh
    }

    /// The scene, its service and the version that is deployed.
    fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Terminated | Self::TerminatedAndRefresh => ("hooks", "ledger", SLOW),
            Self::Replaced => ("hooks", "ledger", "v15-hangs"),
            Self::Window => ("sync-windows", "payments-service", BAD),
            _ => ("auto-heal", "payments-service", BAD),
        }
    }
}

/// Its hook succeeds; its pods are never ready, so that the sync waits for their wave.
const SLOW: &str = "v15-hangs";

/// What came of the trials of one race.
#[derive(Default)]
struct Came {
    trials: usize,
    relapsed: usize,
    stayed_bad: usize,
}

/// Runs every race whose name contains `only`.
pub(crate) fn run(trials: usize, only: &str) -> Result<Vec<Table>> {
    let bed = Testbed::start(&Options {
        rollouts: false,
        ..Options::default()
    })?;
    let head = ["what is done", "trials", "bad again", "bad after 5 s"];
    let mut table = Table::new("Races with Argo CD", &head);
    for (number, race) in Race::ALL.into_iter().enumerate() {
        if !race.name().contains(only) {
            continue;
        }
        let lanes = std::thread::scope(|scope| {
            let all: Vec<_> = (0..LANES.min(trials))
                .map(|lane| {
                    let name = format!("race-{number}-{lane}");
                    let own = trials / LANES + usize::from(lane < trials % LANES);
                    let bed = &bed;
                    scope.spawn(move || lane_of(bed, race, own, &name))
                })
                .collect();
            all.into_iter()
                .map(|lane| lane.join().unwrap_or_else(|_| bail!("a trial panicked")))
                .collect::<Result<Vec<Came>>>()
        })?;
        let sum = |of: fn(&Came) -> usize| lanes.iter().map(of).sum::<usize>();
        let row: Vec<Value> = vec![
            race.name().into(),
            sum(|came| came.trials).into(),
            sum(|came| came.relapsed).into(),
            sum(|came| came.stayed_bad).into(),
        ];
        say(&json!(row).to_string());
        table.row(row);
    }
    Ok(vec![table])
}

fn lane_of(bed: &Testbed, race: Race, trials: usize, name: &str) -> Result<Came> {
    let (scene, service, bad) = race.place();
    let mut scene = Scene::set(bed, scene, name)?;
    scene.wait_until("Healthy")?;
    let mut came = Came::default();
    for _ in 0..trials {
        let good = scene.infra().tip()?;
        let commit = scene.deploy(service, bad)?;
        scene.refresh()?;
        let waits = race.place().0 == "hooks";
        wait("the bad version is on its way", || {
            let app = scene.application().get()?;
            let state = &app["status"]["operationState"];
            let is_ours = state["syncResult"]["revision"] == *commit;
            let message = state["message"].as_str().unwrap_or_default();
            Ok(if waits {
                is_ours && message.contains("waiting for")
            } else {
                is_ours && app["operation"].is_null() && scene.version(service)? == bad
            })
        })?;
        let mut reverted = go_back(bed, &mut scene, race, service, &good)?;
        let seen = watch(&scene, service, bad)?;
        came.trials += 1;
        came.relapsed += usize::from(seen.relapsed);
        came.stayed_bad += usize::from(seen.is_bad);
        if race == Race::Window {
            close(bed, &scene, false)?;
        }
        if reverted.is_empty() {
            reverted = scene.deploy(service, GOOD)?;
        }
        settle(&scene, &reverted)?;
    }
    scene.end()?;
    Ok(came)
}

/// Goes back; the commit that is durable then.
fn go_back(
    bed: &Testbed,
    scene: &mut Scene<'_>,
    race: Race,
    service: &str,
    good: &str,
) -> Result<String> {
    match race {
        Race::Window => close(bed, scene, true)?,
        Race::State | Race::StateCompared => hold_by_state(scene, race == Race::StateCompared)?,
        _ => {}
    }
    if race.undoes() {
        scene.kubectl(&["rollout", "undo", &format!("deployment/{service}")])?;
    }
    if race.holds() {
        return Ok(String::new());
    }
    let reverted = scene.deploy(service, GOOD)?;
    let application = scene.application();
    match race {
        Race::Window | Race::State | Race::StateCompared => {}
        Race::NewCommit => ask(&application, &reverted)?,
        Race::OldCommit => ask(&application, good)?,
        Race::NewCommitAndRefresh | Race::UndoAndRefresh => {
            wait("asked for", || Ok(application.sync_to(&reverted)?.is_ok()))?;
        }
        Race::Terminated => {
            terminate(&application)?;
            ask(&application, &reverted)?;
        }
        Race::TerminatedAndRefresh => {
            terminate(&application)?;
            wait("asked for", || Ok(application.sync_to(&reverted)?.is_ok()))?;
        }
        Race::Replaced => {
            let replaced = application.patch(&json!([
                {"op": "add", "path": "/operation", "value": operation(&reverted)},
                {"op": "add", "path": "/status/operationState", "value": null},
                {"op": "add", "path": "/metadata/annotations",
                    "value": {"argocd.argoproj.io/refresh": "normal"}},
            ]))?;
            replaced.ok().context("the write was refused")?;
        }
    }
    Ok(reverted)
}

/// Closes the scene's project with a deny window that lets manual syncs pass, or opens it.
fn close(bed: &Testbed, scene: &Scene<'_>, closed: bool) -> Result<()> {
    let windows = if closed {
        json!([{
            "kind": "deny", "schedule": "* * * * *", "duration": "1h",
            "applications": ["*"], "manualSync": true,
        }])
    } else {
        Value::Null
    };
    bed.block_on(bed.objects().merge_object(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": scene.name(), "namespace": NAMESPACE},
        "spec": {"syncWindows": windows},
    })))
}

/// Makes the last operation look failed and without a result.
fn hold_by_state(scene: &Scene<'_>, compared: bool) -> Result<()> {
    let application = scene.application();
    let refresh = "argocd.argoproj.io/refresh";
    let held = application.patch(&json!([
        {"op": "replace", "path": "/status/operationState/phase", "value": "Failed"},
        {"op": "add", "path": "/status/operationState/syncResult", "value": null},
        {"op": "add", "path": "/metadata/annotations", "value": {refresh: "normal"}},
    ]))?;
    ensure!(held.is_ok(), "{held:?}");
    if !compared {
        return Ok(());
    }
    wait("compared", || {
        Ok(application.get()?["metadata"]["annotations"][refresh].is_null())
    })
}

/// Asks for a sync, and for no comparison.
fn ask(application: &Application<'_>, revision: &str) -> Result<()> {
    wait("asked for", || {
        let asked = application.patch(&json!([
            {"op": "test", "path": "/operation", "value": null},
            {"op": "add", "path": "/operation", "value": operation(revision)},
            {"op": "add", "path": "/status/operationState", "value": null},
        ]))?;
        Ok(asked.is_ok())
    })
}

fn terminate(application: &Application<'_>) -> Result<()> {
    // It may end meanwhile.
    let _ = application.call("DELETE", "/operation", &json!({}))?;
    wait("terminated", || {
        Ok(application.get()?["operation"].is_null())
    })
}

struct Seen {
    relapsed: bool,
    is_bad: bool,
}

/// What the Deployment is told until it was good for a while, or was never.
fn watch(scene: &Scene<'_>, service: &str, bad: &str) -> Result<Seen> {
    let started = Instant::now();
    let mut was_good = false;
    let mut relapsed = false;
    let mut is_bad = true;
    while started.elapsed() < WATCHED {
        is_bad = scene.version(service)? == bad;
        was_good |= !is_bad;
        relapsed |= was_good && is_bad;
        std::thread::sleep(GLANCE);
    }
    Ok(Seen { relapsed, is_bad })
}

/// Brings the good version about by all means, for the next trial.
fn settle(scene: &Scene<'_>, reverted: &str) -> Result<()> {
    let application = scene.application();
    let mut asked = Instant::now();
    terminate(&application)?;
    let _ = application.sync_to(reverted)?;
    wait("settled", || {
        let app = application.get()?;
        let status = &app["status"];
        let is_there = app["operation"].is_null()
            && status["sync"]["status"] == "Synced"
            && status["sync"]["revision"] == *reverted
            && status["health"]["status"] == "Healthy";
        if !is_there && asked.elapsed() > WATCHED {
            asked = Instant::now();
            let _ = application.sync_to(reverted)?;
        }
        Ok(is_there)
    })
}
