//! What is seen of a way back, from its first step.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ripcord_testbed::PodSeen;

use crate::outage::{GLANCE, GOOD, Outage};
use crate::recover::way::{Way, expected_code};

/// For how long it is watched whether the bad version comes back.
const AFTERWARDS: Duration = Duration::from_secs(6);

/// One run, in seconds from its first step.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// All pods are of the good version and ready and no other is left.
    pub(crate) good: Option<f64>,
    /// Argo CD is synced to a commit that says so, and nothing runs.
    pub(crate) durable: Option<f64>,
    pub(crate) pushed: Option<f64>,
    /// ripcord had changed the cluster, as it says.
    pub(crate) changed: Option<f64>,
    /// The bad version was wanted again.
    pub(crate) relapse: Option<f64>,
    /// Argo CD did not take it.
    pub(crate) refused: bool,
    /// How the Application stood at the end, where nothing was pushed; or why it was refused.
    pub(crate) stands: Option<String>,
    /// Whether the next commit of the service brought the bad version back, where nothing was pushed.
    pub(crate) lost_by_next_commit: Option<bool>,
}

/// Whether the bad version is wanted, after it had gone: also for a moment only.
struct Relapse {
    was_good: bool,
}

impl Relapse {
    fn is_there(&mut self, outage: &Outage<'_>, pods: &[PodSeen]) -> Result<bool> {
        if !outage.point.is_rollout() {
            let wanted = outage.scene.version(outage.point.service)?;
            self.was_good |= wanted == GOOD;
            return Ok(self.was_good && wanted == outage.bad);
        }
        // An aborted Rollout wants the bad version all the time; its pods tell.
        self.was_good |= outage.are_good(pods);
        Ok(self.was_good && pods.iter().any(|pod| pod.version == outage.bad))
    }
}

/// Goes a way back and watches.
pub(crate) fn go(outage: &mut Outage<'_>, way: Way, ripcord: &Path) -> Result<Seen> {
    let point = outage.point;
    let before = outage.tip()?;
    let started = Instant::now();
    let since = || started.elapsed().as_secs_f64();
    let mut begun = way.begin(outage, ripcord)?;
    if let Some(why) = begun.refused {
        return Ok(Seen {
            refused: true,
            stands: Some(why),
            ..Seen::default()
        });
    }
    let pushes = way.pushes(point);
    let mut seen = Seen {
        pushed: begun
            .pushed
            .map(|at| at.duration_since(started).as_secs_f64()),
        ..Seen::default()
    };
    let mut relapse = Relapse { was_good: false };
    let mut done: Option<Instant> = None;
    let is_late = loop {
        let pods = outage.pods()?;
        if seen.good.is_none() && outage.are_good(&pods) {
            seen.good = Some(since());
        }
        if pushes && seen.durable.is_none() {
            let tip = outage.tip()?;
            if tip != before {
                seen.pushed.get_or_insert_with(since);
                if outage.is_synced_to(&tip)? {
                    seen.durable = Some(since());
                }
            }
        }
        if seen.relapse.is_none() && relapse.is_there(outage, &pods)? {
            seen.relapse = Some(since());
        }
        if seen.good.is_some() && (!pushes || seen.durable.is_some()) {
            done.get_or_insert_with(Instant::now);
        }
        let gives_up = way == Way::Undo && started.elapsed() > 2 * AFTERWARDS;
        if gives_up || done.is_some_and(|at| at.elapsed() > AFTERWARDS) {
            break false;
        }
        if done.is_none() && started.elapsed() > way.limit(point) {
            break true;
        }
        if let Some(running) = &mut begun.running
            && done.is_none()
            && running.has_failed(expected_code(point))?
        {
            break false;
        }
        std::thread::sleep(GLANCE);
    };
    if let Some(running) = begun.running {
        let ended = running.wait_within(started.elapsed() + AFTERWARDS)?;
        ensure!(
            is_late || ended.code == Some(expected_code(point)),
            "{}: ripcord ended with {:?}:\n{}",
            point.name(),
            ended.code,
            ended.said()
        );
        seen.changed = ended.changed();
    } else if !pushes {
        look_on(outage, &mut relapse, &mut seen)?;
    }
    Ok(seen)
}

/// What becomes of a way that pushed nothing.
fn look_on(outage: &mut Outage<'_>, relapse: &mut Relapse, seen: &mut Seen) -> Result<()> {
    let app = outage.application().get()?;
    let said = |what: &str| {
        let status = app["status"][what]["status"].as_str();
        status.unwrap_or("?").to_owned()
    };
    seen.stands = Some(format!("{}, {}", said("sync"), said("health")));
    if seen.relapse.is_some() || !relapse.was_good {
        return Ok(());
    }
    outage.change_something_else()?;
    let changed = Instant::now();
    let mut lost = false;
    while !lost && changed.elapsed() < AFTERWARDS + outage.point.delays() {
        lost = relapse.is_there(outage, &outage.pods()?)?;
        std::thread::sleep(GLANCE);
    }
    seen.lost_by_next_commit = Some(lost);
    Ok(())
}
