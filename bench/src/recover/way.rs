//! The ways back, which of them are taken where, and the first steps of each.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::outage::{Outage, PATIENCE, wait};
use crate::recover::point::{Point, Push};
use crate::running::Running;

/// How long a way may take, beside what its pushes and renderings are made to.
const LIMIT: Duration = Duration::from_mins(1);

/// A way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The floor: pods and nothing else.
    UndoWithoutHeal,
    Ripcord,
    Webhook,
    Refresh,
    Operation,
    ApiRollback,
    Undo,
    Abort,
    AbortAndRefresh,
    Poll,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UndoWithoutHeal => "kubectl rollout undo, no self-heal",
            Self::Ripcord => "ripcord",
            Self::Webhook => "script, webhook",
            Self::Refresh => "script, refresh",
            Self::Operation => "script, operation and refresh",
            Self::ApiRollback => "Argo CD's rollback, auto-sync switched off first",
            Self::Undo => "kubectl rollout undo",
            Self::Abort => "Rollouts abort",
            Self::AbortAndRefresh => "Rollouts abort, then script, refresh",
            Self::Poll => "script, Argo CD polls",
        }
    }

    /// The ways that are taken at a point.
    pub(crate) fn at(point: Point) -> Vec<Self> {
        let mut ways = vec![Self::Ripcord];
        if !point.is_rollout() {
            ways.insert(0, Self::UndoWithoutHeal);
        }
        if point.push != Push::Away {
            ways.push(Self::Webhook);
        }
        let is_usual = |other: Point| {
            let replicas = point.replicas;
            Point { replicas, ..other } == point
        };
        if is_usual(Point::USUAL) {
            ways.extend([
                Self::Refresh,
                Self::Operation,
                Self::ApiRollback,
                Self::Undo,
            ]);
            ways.push(Self::Poll);
        } else if point.scene == "applicationset-git" {
            ways.extend([Self::ApiRollback, Self::Undo, Self::Poll]);
        } else if point.scene == "auto" {
            ways.extend([Self::ApiRollback, Self::Poll]);
        } else if point.is_rollout() {
            if !point.promoted {
                ways.extend([Self::Abort, Self::AbortAndRefresh]);
            }
            ways.extend([Self::ApiRollback, Self::Poll]);
        }
        ways
    }

    /// Whether it ends with a commit on the branch.
    pub(crate) fn pushes(self, point: Point) -> bool {
        let only_cluster = matches!(
            self,
            Self::UndoWithoutHeal | Self::Undo | Self::ApiRollback | Self::Abort
        );
        !only_cluster && point.push != Push::Away
    }

    /// How long it is waited for its end. Who waits for the poll only waits.
    pub(crate) fn limit(self, point: Point) -> Duration {
        match self {
            Self::Poll => PATIENCE,
            _ => LIMIT + point.delays(),
        }
    }

    /// Takes the first steps of a way.
    pub(crate) fn begin(self, outage: &mut Outage<'_>, ripcord: &Path) -> Result<Begun> {
        let service = outage.point.service;
        let mut begun = Begun::default();
        let mut revert = |outage: &mut Outage<'_>| {
            let reverted = outage.revert()?;
            begun.pushed = Some(Instant::now());
            anyhow::Ok(reverted)
        };
        match self {
            Self::Ripcord => begun.running = Some(roll_back(outage, ripcord)?),
            Self::UndoWithoutHeal | Self::Undo => {
                outage.kubectl(&["rollout", "undo", &format!("deployment/{service}")])?;
            }
            Self::ApiRollback => begun.refused = outage.roll_back_by_api()?.err(),
            Self::Abort => abort(outage)?,
            Self::AbortAndRefresh => {
                abort(outage)?;
                revert(outage)?;
                outage.scene.refresh()?;
            }
            Self::Webhook => {
                let reverted = revert(outage)?;
                outage.scene.notify(&reverted)?;
            }
            Self::Refresh => {
                revert(outage)?;
                outage.scene.refresh()?;
            }
            Self::Operation => {
                let reverted = revert(outage)?;
                let application = outage.application();
                // While an operation of Argo CD's own runs it is refused.
                wait("asked for", || Ok(application.sync_to(&reverted)?.is_ok()))?;
            }
            Self::Poll => drop(revert(outage)?),
        }
        Ok(begun)
    }
}

/// What the first steps of a way left behind.
#[derive(Default)]
pub(crate) struct Begun {
    /// ripcord goes on by itself.
    pub(crate) running: Option<Running>,
    /// When the script had pushed.
    pub(crate) pushed: Option<Instant>,
    /// Why Argo CD did not take it.
    pub(crate) refused: Option<String>,
}

fn abort(outage: &Outage<'_>) -> Result<()> {
    outage.kubectl(&["argo", "rollouts", "abort", outage.point.service])
}

/// Starts `ripcord rollback` as somebody types it.
pub(crate) fn roll_back(outage: &Outage<'_>, ripcord: &Path) -> Result<Running> {
    // Git that is away at a point does not come back.
    let patience = if outage.point.push == Push::Away {
        "4s"
    } else {
        "10m"
    };
    let words = ["rollback", outage.point.service, "production", "--yes"];
    let flags = ["--watch", "0", "--wait", patience, "-o", "json"];
    let mut command = outage
        .ripcord(ripcord)?
        .command(words.into_iter().chain(flags));
    Running::start(&mut command)
}

/// How ripcord ends at a point: where Git is away, half done.
pub(crate) fn expected_code(point: Point) -> i32 {
    if point.push == Push::Away { 8 } else { 0 }
}
