//! GitLab's webhooks: pushes, deployments, and what a pipeline says of the checks of a commit.
//!
//! GitLab writes instants as RFC 3339 or as `2026-11-20 17:00:00 UTC` (`+0100` in deployments), by the kind of event.

use jiff::Timestamp;
use jiff::fmt::strtime;
use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{CheckReport, CheckResult, DeployReport, DeployStage};
use serde_json::Value;

use crate::push::{self, Push};
use crate::shape::{missing, name, needed};
use crate::understand::{Arrival, Headers, NotUnderstood, Understood};
use crate::wording::{self, text};

/// The header that names the kind of an event.
const KIND: &str = "X-Gitlab-Event";
/// Checks of one pipeline that are kept.
const MOST_CHECKS: usize = 200;

/// Reads an event of the kind that the header names.
pub(crate) fn read(
    arrival: &Arrival<'_>,
    headers: Headers<'_>,
    body: &Value,
) -> Result<Understood, NotUnderstood> {
    match headers.get(KIND) {
        None => Err(arrival.not_understood(format!("it has no header `{KIND}`"))),
        Some("Push Hook") => pushed(arrival, body),
        Some("Deployment Hook") => deployment(arrival, body),
        Some("Pipeline Hook") => pipeline(arrival, body),
        Some(other) => {
            let why = format!(
                "events of the kind `{}` say nothing here",
                wording::line(other)
            );
            Ok(Understood::Nothing(why))
        }
    }
}

fn pushed(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let need = |pointer| needed(arrival, body, pointer);
    let commit = need("/after")?;
    let commits = body.get("commits").and_then(Value::as_array);
    let mut commits = commits.into_iter().flatten();
    let newest = commits.find(|one| one.get("id").and_then(Value::as_str) == Some(&commit));
    let push = Push {
        kind: SourceKind::Gitlab,
        pushed: need("/ref")?,
        deployed: need("/project/default_branch")?,
        repository: need("/project/path_with_namespace")?,
        by: text(body, "/user_username"),
        message: newest.and_then(|one| one.get("message")?.as_str()),
        made: newest.and_then(|one| instant(one, "/timestamp")),
        link: newest.and_then(|one| wording::link(one, "/url")),
        commit,
    };
    Ok(push::read(arrival, push, body))
}

fn deployment(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let need = |pointer| needed(arrival, body, pointer);
    let status = need("/status")?;
    let stage = match status.as_str() {
        "running" => DeployStage::Started,
        // The job ended well: nobody looked at whether what it brought is healthy.
        "success" => DeployStage::Synced,
        "failed" => DeployStage::Failed,
        "canceled" => DeployStage::Aborted,
        _ => {
            let why = format!("a deployment that is `{status}` says nothing here");
            return Ok(Understood::Nothing(why));
        }
    };
    let lacks = |pointer| missing(arrival, body, pointer);
    let number = name(body, "/deployment_id").ok_or_else(|| lacks("/deployment_id"))?;
    let observed =
        instant(body, "/status_changed_at").ok_or_else(|| lacks("/status_changed_at"))?;
    let (repository, project) = (
        need("/project/path_with_namespace")?,
        need("/project/name")?,
    );
    let environment = need("/environment")?;
    let concern = arrival
        .mapping
        .placed(&[&repository, &project], &environment);
    let by = text(body, "/user/username");
    let at = observed.to_string();
    let id = [
        "gitlab",
        arrival.source,
        "deployment",
        &repository,
        &number,
        &status,
        &at,
    ];
    Ok(Understood::one(Event {
        id: wording::id(&id),
        observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Gitlab),
        confidence: Confidence::Reported,
        incident: None,
        concern,
        link: wording::link(body, "/deployable_url"),
        author: by.clone(),
        fact: Fact::Deploy(DeployReport {
            deploy: format!("{repository}/{number}"),
            stage: Some(stage),
            version: text(body, "/ref").or_else(|| text(body, "/short_sha")),
            subject: text(body, "/commit_title"),
            by,
            ..DeployReport::default()
        }),
    }))
}

/// A pipeline that ended tells how the checks of its commit went. It is no deploy: it has no stage.
fn pipeline(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let need = |pointer| needed(arrival, body, pointer);
    let lacks = |pointer| missing(arrival, body, pointer);
    let status = need("/object_attributes/status")?;
    let (commit, repository) = (
        need("/object_attributes/sha")?,
        need("/project/path_with_namespace")?,
    );
    let number =
        name(body, "/object_attributes/id").ok_or_else(|| lacks("/object_attributes/id"))?;
    let Some(observed) = instant(body, "/object_attributes/finished_at") else {
        return Ok(Understood::Nothing(format!(
            "a pipeline that is `{status}` has not ended"
        )));
    };
    let checks = checks(body);
    if checks.is_empty() {
        return Ok(Understood::Nothing(
            "a pipeline of which no job ended".to_owned(),
        ));
    }
    let at = observed.to_string();
    let id = [
        "gitlab",
        arrival.source,
        "pipeline",
        &repository,
        &number,
        &at,
    ];
    Ok(Understood::one(Event {
        id: wording::id(&id),
        observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Gitlab),
        confidence: Confidence::Reported,
        incident: None,
        concern: None,
        link: wording::link(body, "/object_attributes/url"),
        author: text(body, "/user/username"),
        fact: Fact::Deploy(DeployReport {
            deploy: commit.clone(),
            commit: Some(commit),
            checks,
            ..DeployReport::default()
        }),
    }))
}

/// The jobs that ended, each by its name once: one that failed and passed when it was tried again is flaky.
fn checks(body: &Value) -> Vec<CheckReport> {
    let mut checks: Vec<CheckReport> = Vec::new();
    let builds = body.get("builds").and_then(Value::as_array);
    for build in builds.into_iter().flatten() {
        let result = match build.get("status").and_then(Value::as_str) {
            Some("success") => CheckResult::Passed,
            Some("failed") => CheckResult::Failed,
            Some("skipped" | "manual" | "canceled") => CheckResult::Skipped,
            _ => continue,
        };
        let Some(name) = text(build, "/name") else {
            continue;
        };
        if let Some(known) = checks.iter_mut().find(|known| known.name == name) {
            known.result = both(known.result, result);
        } else if checks.len() < MOST_CHECKS {
            checks.push(CheckReport { name, result });
        }
    }
    checks
}

/// What two tries of one job come to, in whatever order they are told.
fn both(one: CheckResult, other: CheckResult) -> CheckResult {
    use CheckResult::{Failed, Flaky, Passed, Skipped};
    match (one, other) {
        (Flaky, _) | (_, Flaky) | (Failed, Passed) | (Passed, Failed) => Flaky,
        (Failed, _) | (_, Failed) => Failed,
        (Passed, _) | (_, Passed) => Passed,
        (Skipped, Skipped) => Skipped,
    }
}

fn instant(body: &Value, pointer: &str) -> Option<Timestamp> {
    wording::instant(body, pointer).or_else(|| {
        let written = body.pointer(pointer)?.as_str()?;
        let written = written.replace(" UTC", " +0000");
        strtime::parse("%Y-%m-%d %H:%M:%S %z", written)
            .ok()?
            .to_timestamp()
            .ok()
    })
}

#[cfg(test)]
#[path = "gitlab_tests.rs"]
mod tests;
