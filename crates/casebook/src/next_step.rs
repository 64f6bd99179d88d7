//! What brings the service back now: the one thing to do first.

use ripcord_domain::incident::State;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::Concern;
use ripcord_domain::incident::report::RecoveryReport;
use ripcord_domain::recovery::Standing;
use ripcord_suspect::Answer;

use crate::Case;

/// The one thing to do first.
#[derive(Clone, Debug, PartialEq)]
pub enum NextStep<'a> {
    /// Nothing: it is over.
    Nothing,
    /// Nothing fires and every recovery holds: close it.
    Close,
    /// Wait: a recovery is under way.
    Wait(&'a RecoveryReport),
    /// Go on with a recovery that is half done.
    GoOn(&'a RecoveryReport),
    /// Look further: a recovery is done and holds, and the alert still fires.
    LookFurther(&'a RecoveryReport),
    /// Find the cause: somebody said that no deploy explains it, so going back would not help.
    FindCause,
    /// Put a service back on its last good version.
    GoBack(Back<'a>),
    /// Find out where: nothing tells which service is wrong.
    FindPlace,
}

/// A way back that is proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Back<'a> {
    /// What is put back.
    pub concern: &'a Concern,
    /// The deploy that is left, where one is suspected or was the last before it began.
    pub leaves: Option<&'a Deployed>,
    /// Why it may not help.
    pub doubt: Option<Doubt>,
    /// The recovery that went back before, and was undone.
    pub undone: Option<&'a RecoveryReport>,
}

/// Why going back may not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No deploy explains it, as far as the records tell.
    NoDeploy,
    /// It cannot be told which deploy it is, or whether it is one.
    Unclear,
    /// No deploy of it is known.
    NothingDeployed,
}

impl Case {
    /// The one thing to do first.
    pub fn next_step(&self) -> NextStep<'_> {
        match self.brief.state {
            State::Closed => return NextStep::Nothing,
            State::Quiet => return NextStep::Close,
            _ => {}
        }
        let recoveries = self.incident.recoveries.values();
        let mut recoveries: Vec<&RecoveryReport> =
            recoveries.filter_map(|said| said.value()).collect();
        recoveries.sort_by_key(|report| report.started);
        let running = |report: &&&RecoveryReport| report.standing == Standing::Running;
        if let Some(report) = recoveries.iter().rev().find(running) {
            return NextStep::Wait(report);
        }
        let mut undone = None;
        if let Some(report) = recoveries.last() {
            match report.standing {
                Standing::Partial => return NextStep::GoOn(report),
                Standing::Restored => return NextStep::LookFurther(report),
                Standing::Relapsed => undone = Some(*report),
                Standing::Running | Standing::GaveWay | Standing::Failed => {}
            }
        }
        if self.no_deploy {
            return NextStep::FindCause;
        }
        self.way_back().map_or(NextStep::FindPlace, |back| {
            NextStep::GoBack(Back { undone, ..back })
        })
    }

    /// What a person charged comes before what is suspected, and that before what was deployed last.
    fn way_back(&self) -> Option<Back<'_>> {
        let ours = || {
            let concerns = &self.incident.concerns;
            let deploys = self.deploys.iter();
            deploys.filter(|deploy| concerns.contains(&deploy.concern))
        };
        let charged = self.cause.as_ref().and_then(|cause| {
            let mut deploys = ours();
            deploys.find(|deploy| deploy.id == *cause)
        });
        let answer = self.suspicion.as_ref().map(|verdict| &verdict.answer);
        let suspected = match answer {
            Some(Answer::Deploy(name)) => self
                .deploys
                .iter()
                .find(|deploy| deploy.id == name.id && deploy.concern == name.concern),
            _ => None,
        };
        if let Some(deploy) = charged.or(suspected) {
            return Some(Back {
                concern: &deploy.concern,
                leaves: Some(deploy),
                doubt: None,
                undone: None,
            });
        }
        let concern = self.incident.concerns.first()?;
        let began = self.incident.began();
        let before = |deploy: &&Deployed| {
            deploy.concern == *concern
                && began.is_none_or(|began| deploy.began().is_some_and(|at| at <= began))
        };
        let leaves = ours().filter(before).max_by_key(|deploy| deploy.began());
        let doubt = match answer {
            _ if leaves.is_none() => Doubt::NothingDeployed,
            Some(Answer::NoDeploy) => Doubt::NoDeploy,
            _ => Doubt::Unclear,
        };
        Some(Back {
            concern,
            leaves,
            doubt: Some(doubt),
            undone: None,
        })
    }
}
