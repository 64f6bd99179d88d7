//! A cluster that did not answer at the beginning: it is looked at again while Git is right already.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ripcord_connect::Which;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::Problem;
use ripcord_recovery::survey::Branch;
use tokio::runtime::Runtime;

use crate::applications::listed;
use crate::prepare::{Prepared, UNREACHABLE, looked, parts, prepare};
use crate::recover::{Lane, Setting};

/// How often it is looked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What is needed to look at a cluster late.
pub(crate) struct Late<'a> {
    pub(crate) branch: &'a Branch,
    pub(crate) plan: &'a Plan,
    pub(crate) which: &'a Which,
    pub(crate) setting: &'a Setting,
    pub(crate) runtime: &'a Runtime,
}

impl Late<'_> {
    /// Looks until the cluster answers or patience ends. What is done with what was seen is what is done
    /// where the push came first: Argo CD syncs the commit.
    ///
    /// # Errors
    /// The record cannot be kept.
    pub(crate) fn look(&self, lane: &mut Lane) -> Result<(), Problem> {
        let record = Arc::clone(&lane.record);
        let why = lane.prepared.unseen.join("; ");
        record.note(format!(
            "the cluster does not answer yet ({why}); it is looked at again"
        ));
        let until = Instant::now() + self.setting.patience;
        while Instant::now() < until {
            std::thread::sleep(LOOK_AGAIN);
            let started = record.now();
            let prepared = match self.prepared(&lane.prepared, started) {
                Ok(prepared) if prepared.is_away => continue,
                Ok(prepared) => prepared,
                Err(problem) if problem.code == UNREACHABLE => continue,
                Err(problem) => Prepared {
                    unseen: vec![problem.message],
                    is_away: false,
                    ..Prepared::unseen(&lane.prepared.id, lane.prepared.aim.clone(), String::new())
                },
            };
            let step = looked(&prepared, started, record.now());
            record.change(|recovery| {
                recovery.parts = parts(&prepared, self.which);
                recovery.steps.push(step);
            })?;
            lane.prepared = Arc::new(prepared);
            return Ok(());
        }
        Ok(())
    }

    fn prepared(&self, before: &Prepared, now: Timestamp) -> Result<Prepared, Problem> {
        self.runtime.block_on(async {
            let listed = listed(self.which.clone()).await?;
            prepare(
                self.branch,
                self.plan,
                listed,
                before.aim.clone(),
                self.setting,
                None,
                &before.id,
                now,
            )
            .await
        })
    }
}
