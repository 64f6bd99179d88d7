//! GitHub's webhooks: what is pushed to the branch that is deployed, and how deployments go.
//!
//! The kind of an event is in a header, not in the body. GitHub never sends an event a second time by itself, so
//! what was lost is found elsewhere; one that a person sends again has the same id here.

use jiff::Timestamp;
use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{DeployReport, DeployStage};
use serde_json::Value;

use crate::push::paths;
use crate::shape::{missing, needed};
use crate::understand::{Arrival, Headers, NotUnderstood, Understood};
use crate::wording::{self, instant, text};

/// The header that names the kind of an event.
const KIND: &str = "X-GitHub-Event";

/// Reads an event of the kind that the header names.
pub(crate) fn read(
    arrival: &Arrival<'_>,
    headers: Headers<'_>,
    body: &Value,
) -> Result<Understood, NotUnderstood> {
    let Some(kind) = headers.get(KIND) else {
        return Err(arrival.not_understood(format!("it has no header `{KIND}`")));
    };
    match kind {
        "push" => push(arrival, body),
        "deployment_status" => deployment(arrival, body),
        "ping" => Ok(Understood::Nothing("a test of the webhook".to_owned())),
        other => {
            let kind = wording::line(other);
            let why = format!("events of the kind `{kind}` say nothing here");
            Ok(Understood::Nothing(why))
        }
    }
}

fn push(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let need = |pointer| needed(arrival, body, pointer);
    let (pushed, deployed) = (need("/ref")?, need("/repository/default_branch")?);
    if pushed.strip_prefix("refs/heads/") != Some(deployed.as_str()) {
        let why = format!("a push to `{pushed}`, and `{deployed}` is deployed");
        return Ok(Understood::Nothing(why));
    }
    if body.get("deleted").and_then(Value::as_bool) == Some(true) {
        return Ok(Understood::Nothing(format!("`{deployed}` was deleted")));
    }
    let (repository, commit) = (need("/repository/full_name")?, need("/after")?);
    // The push puts it on the branch. A commit's own time is that of whoever made it, maybe days before.
    let at = body.pointer("/repository/pushed_at");
    let at = at.and_then(Value::as_i64);
    let pushed_at = at.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let (observed, confidence) = match pushed_at {
        Some(at) => (at, Confidence::Reported),
        None => (
            instant(body, "/head_commit/timestamp")
                .ok_or_else(|| missing(arrival, body, "/repository/pushed_at"))?,
            Confidence::Inferred,
        ),
    };
    let by = text(body, "/pusher/name");
    let subject = body.pointer("/head_commit/message").and_then(Value::as_str);
    let subject = subject.and_then(|message| message.lines().next());
    let report = DeployReport {
        deploy: commit.clone(),
        stage: Some(DeployStage::Committed),
        commit: Some(commit.clone()),
        paths: paths(body),
        subject: subject.map(wording::line),
        by: by.clone(),
        ..DeployReport::default()
    };
    let id = ["github", arrival.source, "push", &repository, &commit];
    Ok(Understood::one(Event {
        id: wording::id(&id),
        observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Github),
        confidence,
        incident: None,
        // What a push is about is known by its files only, and those are known to who reads the infra repo.
        concern: None,
        link: wording::link(body, "/compare"),
        author: by,
        fact: Fact::Deploy(report),
    }))
}

fn deployment(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let need = |pointer| needed(arrival, body, pointer);
    let state = need("/deployment_status/state")?;
    let stage = match state.as_str() {
        "in_progress" => DeployStage::Started,
        // The workflow ended well: nobody looked at whether what it brought is healthy.
        "success" => DeployStage::Synced,
        "failure" | "error" => DeployStage::Failed,
        _ => {
            let why = format!("a deployment that is `{state}` says nothing here");
            return Ok(Understood::Nothing(why));
        }
    };
    let number = |pointer: &str| {
        let number = body.pointer(pointer).and_then(Value::as_u64);
        number
            .map(|number| number.to_string())
            .ok_or_else(|| missing(arrival, body, pointer))
    };
    let (deployment, status) = (number("/deployment/id")?, number("/deployment_status/id")?);
    let (repository, name) = (need("/repository/full_name")?, need("/repository/name")?);
    let environment = need("/deployment/environment")?;
    let observed = instant(body, "/deployment_status/created_at")
        .ok_or_else(|| missing(arrival, body, "/deployment_status/created_at"))?;
    let concern = arrival.mapping.placed(&[&repository, &name], &environment);
    let by = text(body, "/deployment/creator/login");
    let report = DeployReport {
        deploy: format!("{repository}/{deployment}"),
        stage: Some(stage),
        version: text(body, "/deployment/ref"),
        subject: text(body, "/deployment/description"),
        by: by.clone(),
        ..DeployReport::default()
    };
    let id = [
        "github",
        arrival.source,
        "deployment",
        &repository,
        &deployment,
        &status,
    ];
    Ok(Understood::one(Event {
        id: wording::id(&id),
        observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Github),
        confidence: Confidence::Reported,
        incident: None,
        concern,
        link: wording::link(body, "/deployment_status/log_url"),
        author: by,
        fact: Fact::Deploy(report),
    }))
}

#[cfg(test)]
#[path = "github_tests.rs"]
mod tests;
