//! What the record of a recovery tells incidents: how it stands for each service, and the deploys that it leaves
//! and makes.

use jiff::Timestamp;

use super::event::{Concern, Confidence, Event, EventId, Fact, Source, SourceKind};
use super::report::{DeployReport, DeployStage, RecoveryReport};
use crate::recovery::{Recovery, Restored, StepKind, StepState};

/// The events that a recovery tells as it stands now. The same record gives the same events; a record that has
/// gone on gives further ones. `machine` is where the record is.
pub fn events(recovery: &Recovery, machine: &str) -> Vec<Event> {
    let seen = seen(recovery);
    recovery
        .services
        .iter()
        .flat_map(|service| of_service(recovery, service, machine, seen))
        .collect()
}

/// The latest instant that the record has.
fn seen(recovery: &Recovery) -> Timestamp {
    let steps = recovery.steps.iter();
    let steps = steps.flat_map(|step| [Some(step.started), step.ended]);
    let parts = recovery.parts.iter();
    let parts = parts.flat_map(|part| [part.good, part.synced, part.durable]);
    let holds = recovery.holds.iter().map(|hold| hold.released);
    let known = steps.chain(parts).chain(holds).chain([recovery.ended]);
    known.flatten().fold(recovery.started, Timestamp::max)
}

fn of_service(
    recovery: &Recovery,
    service: &Restored,
    machine: &str,
    seen: Timestamp,
) -> Vec<Event> {
    let concern = Concern {
        service: service.service.clone(),
        environment: service.environment.clone(),
    };
    let planned =
        recovery.plan.services.iter().find(|plan| {
            plan.service == service.service && plan.environment == service.environment
        });
    let left = planned.and_then(|plan| plan.current.commit.clone());
    let pushed = recovery
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Push && step.state == StepState::Done);
    let committed = pushed.filter_map(|step| step.ended).min();
    let committed = committed.filter(|_| recovery.commit().is_some());
    let about = format!(
        "{}/{}/{}",
        recovery.id, concern.service, concern.environment
    );
    let event = |id: String, observed, kind, name: &str, fact| Event {
        id: EventId::new(id),
        observed,
        received: observed,
        source: Source {
            kind,
            name: name.to_owned(),
        },
        confidence: Confidence::Observed,
        incident: None,
        concern: Some(concern.clone()),
        link: None,
        author: None,
        fact,
    };
    let report = RecoveryReport {
        recovery: recovery.id.clone(),
        standing: recovery.standing,
        incident: recovery.incident.clone(),
        started: recovery.started,
        from: service.from.clone(),
        to: service.to.clone(),
        committed,
        commit: recovery.commit().map(str::to_owned),
        good: recovery.good(),
        synced: synced(recovery),
        durable: recovery.durable(),
        undoes: left.iter().cloned().collect(),
        missing: recovery
            .missing
            .iter()
            .map(|one| one.what.clone())
            .collect(),
    };
    let mut events = vec![Event {
        author: Some(recovery.owner.clone()),
        ..event(
            format!("recovery/{about}/{seen}"),
            seen,
            SourceKind::Ripcord,
            machine,
            Fact::Recovery(report),
        )
    }];
    // Where nobody tells of deploys, what the plan read of Git is all that is known of the bad one.
    if let (Some(commit), Some(since)) = (left, service.bad_since) {
        let deploy = DeployReport {
            deploy: commit.clone(),
            stage: Some(DeployStage::Committed),
            commit: Some(commit.clone()),
            version: Some(service.from.clone()),
            by: planned.and_then(|plan| plan.current.author.clone()),
            ..DeployReport::default()
        };
        let id = format!(
            "deploy/{commit}/{}/{}",
            concern.service, concern.environment
        );
        events.push(event(
            id,
            since,
            SourceKind::Git,
            "git",
            Fact::Deploy(deploy),
        ));
    }
    if let (Some(commit), Some(committed)) = (recovery.commit(), committed) {
        let deploy = DeployReport {
            deploy: commit.to_owned(),
            stage: Some(DeployStage::Committed),
            commit: Some(commit.to_owned()),
            version: Some(service.to.clone()),
            replaced: Some(service.from.clone()),
            by: Some(recovery.owner.clone()),
            is_rollback: true,
            ..DeployReport::default()
        };
        let id = format!(
            "deploy/{commit}/{}/{}",
            concern.service, concern.environment
        );
        events.push(event(
            id,
            committed,
            SourceKind::Git,
            "git",
            Fact::Deploy(deploy),
        ));
    }
    events
}

/// When every Application was synced to the commit.
fn synced(recovery: &Recovery) -> Option<Timestamp> {
    let each = recovery.parts.iter().map(|part| part.synced);
    each.collect::<Option<Vec<_>>>()?.into_iter().max()
}
