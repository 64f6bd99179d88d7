//! Failed, flaky and skipped checks before the deploy, and results of gates that were overridden.

use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::{EventId, Fact};
use ripcord_domain::incident::report::CheckResult;

use super::{Answer, Case, Evidence, State, cause};
use crate::words;

pub(super) fn answer(case: &Case<'_>) -> Answer {
    let deploy = match cause(case) {
        Ok(deploy) => deploy,
        Err(answer) => return answer,
    };
    let bad = deploy
        .checks
        .iter()
        .filter(|check| check.result != CheckResult::Passed);
    let mut evidence: Vec<Evidence> = bad
        .map(|check| Evidence {
            what: format!("check {} {}", check.name, word(check.result)),
            events: case.told(deploy, |report| report.checks.contains(check)),
        })
        .collect();
    evidence.extend(
        overridden(case, deploy)
            .into_iter()
            .map(|(result, events)| Evidence {
                what: format!("gate result {result} overridden"),
                events,
            }),
    );
    if !evidence.is_empty() {
        let text = format!(
            "{} before the deploy.",
            words::count(evidence.len(), "warning")
        );
        return Answer::new(State::Yes, text).with(evidence);
    }
    if case.knowledge.checks_read {
        return Answer::new(
            State::No,
            "Every check of the commit was read, and each passed the first time.",
        );
    }
    if deploy.checks.is_empty() {
        return Answer::new(State::Unknown, "No check of the commit is recorded.");
    }
    let passed = words::count(deploy.checks.len(), "check");
    Answer::new(
        State::Unknown,
        format!("The {passed} that are recorded passed; whether there were others is not known."),
    )
}

pub(super) fn word(result: CheckResult) -> &'static str {
    match result {
        CheckResult::Passed => "passed",
        CheckResult::Flaky => "failed and then passed on the same commit",
        CheckResult::Failed => "failed",
        CheckResult::Skipped => "was skipped",
    }
}

/// The results of a gate that were overridden, where the deploy shipped a hotfix.
pub(super) fn overridden(case: &Case<'_>, deploy: &Deployed) -> Vec<(String, Vec<EventId>)> {
    let Some(name) = &deploy.hotfix else {
        return Vec::new();
    };
    let mut found: Vec<(String, Vec<EventId>)> = Vec::new();
    for event in case.events {
        let Fact::Hotfix(report) = &event.fact else {
            continue;
        };
        if report.hotfix != *name {
            continue;
        }
        for result in &report.overridden {
            match found.iter_mut().find(|(known, _)| known == result) {
                Some((_, events)) => events.push(event.id.clone()),
                None => found.push((result.clone(), vec![event.id.clone()])),
            }
        }
    }
    for (_, events) in &mut found {
        events.sort();
        events.dedup();
    }
    found.sort();
    found
}
