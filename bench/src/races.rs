//! How often Argo CD puts the bad version back: races, shown by repetition.
//!
//! Each trial begins with the good version live and durable, deploys the bad one, goes back in one of
//! the ways, and watches what the Deployment is told to run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ripcord_testbed::{Application, Options, Scene, Testbed, operation};
use serde_json::{Value, json};

use crate::at_once::at_once;
use crate::outage::{BAD, GLANCE, GOOD, wait};
use crate::report::{Table, say};

/// How long is watched after the good version is there.
const WATCHED: Duration = Duration::from_secs(5);
/// When it should be there: an operation of three waves takes five seconds.
const GOOD_WITHIN: Duration = Duration::from_secs(20);
/// Trials that run at the same time, each on an Application of its own.
const LANES: usize = 6;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Race {
    NewCommit,
    OldCommit,
    NewCommitAndRefresh,
    UndoAndRefresh,
    UndoAndMerge,
    Terminated,
    TerminatedAndRefresh,
    Replaced,
    Window,
    State,
    StateHeld,
}

impl Race {
    const ALL: [Self; 11] = [
        Self::NewCommit,
        Self::OldCommit,
        Self::NewCommitAndRefresh,
        Self::UndoAndRefresh,
        Self::UndoAndMerge,
        Self::Terminated,
        Self::TerminatedAndRefresh,
        Self::Replaced,
        Self::Window,
        Self::State,
        Self::StateHeld,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::NewCommit => "revert, operation to it",
            Self::OldCommit => "revert, operation to the old commit",
            Self::NewCommitAndRefresh => "revert, operation to it with a refresh",
            Self::UndoAndRefresh => "undo, revert, operation with a refresh",
            Self::UndoAndMerge => "undo, revert, operation by merge patch",
            Self::Terminated => "waiting sync terminated, operation to the revert",
            Self::TerminatedAndRefresh => {
                "waiting sync terminated, operation to the revert with a refresh"
            }
            Self::Replaced => "operation with a refresh in the place of a sync that waits",
            Self::Window => "deny window, undo at once, nothing pushed",
            Self::State => "operation marked failed, undo at once, nothing pushed",
            Self::StateHeld => {
                "operation marked failed until a comparison knows of it, undo, nothing pushed"
            }
        }
    }

    /// Whether nothing is pushed, and something holds instead.
    fn holds(self) -> bool {
        matches!(self, Self::Window | Self::State | Self::StateHeld)
    }

    fn undoes(self) -> bool {
        self.holds() || matches!(self, Self::UndoAndRefresh | Self::UndoAndMerge)
    }

    /// What the sync of the bad version says that it waits for; none where it is done.
    fn waits_for(self) -> Option<&'static str> {
        match self {
            Self::Terminated | Self::TerminatedAndRefresh => {
                Some("waiting for healthy state of apps/Deployment")
            }
            Self::Replaced => Some("waiting for completion of hook"),
            _ => None,
        }
    }

    /// The scene, its service and the version that is deployed.
    fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            // Its hook succeeds; its pods are never ready, so that the sync waits for their wave.
            Self::Terminated | Self::TerminatedAndRefresh => ("hooks", "ledger", "v15-never-ready"),
            Self::Replaced => ("hooks", "ledger", "v15-hangs"),
            Self::Window => ("sync-windows", "payments-service", BAD),
            _ => ("auto-heal", "payments-service", BAD),
        }
    }
}

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
    let head = [
        "what is done",
        "trials",
        "bad again",
        "bad, or not done, at the end",
    ];
    let mut table = Table::new("Races with Argo CD", &head);
    for (number, race) in Race::ALL.into_iter().enumerate() {
        if !race.name().contains(only) {
            continue;
        }
        let lanes = at_once(0..LANES.min(trials), |lane| {
            let own = trials / LANES + usize::from(lane < trials % LANES);
            lane_of(&bed, race, own, &format!("race-{number}-{lane}"))
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
        wait("the bad version is on its way", || {
            let app = scene.application().get()?;
            let state = &app["status"]["operationState"];
            let is_ours = state["syncResult"]["revision"] == *commit;
            let message = state["message"].as_str().unwrap_or_default();
            Ok(match race.waits_for() {
                Some(what) => is_ours && message.contains(what),
                None => is_ours && app["operation"].is_null() && scene.version(service)? == bad,
            })
        })?;
        let pushed = go_back(&mut scene, race, service, &good)?;
        let mut seen = watch(&scene, service, bad)?;
        if race == Race::Replaced {
            // The Deployment was never changed: it is about whose sync was done.
            let app = scene.application().get()?;
            let done = &app["status"]["operationState"]["syncResult"]["revision"];
            seen.is_bad = pushed.as_deref() != done.as_str();
        }
        came.trials += 1;
        came.relapsed += usize::from(seen.relapsed);
        came.stayed_bad += usize::from(seen.is_bad);
        if race == Race::Window {
            scene.close_project(false)?;
        }
        let reverted = match pushed {
            Some(commit) => commit,
            None => scene.deploy(service, GOOD)?,
        };
        settle(&scene, &reverted)?;
    }
    scene.end()?;
    Ok(came)
}

/// Goes back; the commit that was pushed for it.
fn go_back(scene: &mut Scene<'_>, race: Race, service: &str, good: &str) -> Result<Option<String>> {
    match race {
        Race::Window => scene.close_project(true)?,
        Race::State => wait("marked", || Ok(scene.application().mark_failed()?.is_ok()))?,
        Race::StateHeld => scene.application().hold()?,
        _ => {}
    }
    if race.undoes() {
        scene.kubectl(&["rollout", "undo", &format!("deployment/{service}")])?;
    }
    if race.holds() {
        return Ok(None);
    }
    let reverted = scene.deploy(service, GOOD)?;
    let application = scene.application();
    match race {
        Race::Window | Race::State | Race::StateHeld => {}
        Race::UndoAndMerge => application.merge(&json!({"operation": operation(&reverted)}))?,
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
            let replaced = application.replace(&operation(&reverted))?;
            replaced.ok().context("the write was refused")?;
        }
    }
    Ok(Some(reverted))
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

/// What the Deployment is told until it was good for a while, or is not good in time.
fn watch(scene: &Scene<'_>, service: &str, bad: &str) -> Result<Seen> {
    let started = Instant::now();
    let mut was_good: Option<Instant> = None;
    let mut seen = Seen {
        relapsed: false,
        is_bad: true,
    };
    while was_good.map_or(started.elapsed() < GOOD_WITHIN, |at| at.elapsed() < WATCHED) {
        seen.is_bad = scene.version(service)? == bad;
        if !seen.is_bad {
            was_good.get_or_insert_with(Instant::now);
        }
        seen.relapsed |= was_good.is_some() && seen.is_bad;
        std::thread::sleep(GLANCE);
    }
    Ok(seen)
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
            let _ = application.call("DELETE", "/operation", &json!({}))?;
            let _ = application.sync_to(reverted)?;
        }
        Ok(is_there)
    })
}
