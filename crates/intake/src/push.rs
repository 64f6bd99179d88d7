//! What the pushes of all forges have in common.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{DeployReport, DeployStage};
use serde_json::Value;

use crate::understand::{Arrival, Understood};
use crate::wording;

/// Files of one push that are kept: enough to see what it touches.
const MOST_PATHS: usize = 500;

/// A push as its forge tells it.
pub(crate) struct Push<'a> {
    pub(crate) kind: SourceKind,
    /// What was pushed to, as `refs/heads/main`.
    pub(crate) pushed: String,
    /// The branch that is deployed.
    pub(crate) deployed: String,
    pub(crate) repository: String,
    pub(crate) commit: String,
    pub(crate) by: Option<String>,
    /// The message of the newest commit.
    pub(crate) message: Option<&'a str>,
    /// The time of the newest commit, which is that of whoever made it.
    pub(crate) made: Option<Timestamp>,
    pub(crate) link: Option<String>,
}

/// What a push says: neither GitLab nor Gitea tells when it was, so its instant is concluded.
pub(crate) fn read(arrival: &Arrival<'_>, push: Push<'_>, body: &Value) -> Understood {
    if push.pushed.strip_prefix("refs/heads/") != Some(push.deployed.as_str()) {
        let why = format!(
            "a push to `{}`, and `{}` is deployed",
            push.pushed, push.deployed
        );
        return Understood::Nothing(why);
    }
    if push.commit.bytes().all(|byte| byte == b'0') {
        return Understood::Nothing(format!("`{}` was deleted", push.deployed));
    }
    let subject = push.message.and_then(|message| message.lines().next());
    let prefix = if push.kind == SourceKind::Gitlab {
        "gitlab"
    } else {
        "gitea"
    };
    let id = [
        prefix,
        arrival.source,
        "push",
        &push.repository,
        &push.commit,
    ];
    Understood::one(Event {
        id: wording::id(&id),
        // A commit that is pushed was made before it came in; a clock that is ahead must not say otherwise.
        observed: push
            .made
            .map_or(arrival.received, |made| made.min(arrival.received)),
        received: arrival.received,
        source: arrival.source(push.kind),
        confidence: Confidence::Inferred,
        incident: None,
        // What a push is about is known by its files only, and those are known to who reads the infra repo.
        concern: None,
        link: push.link,
        author: push.by.clone(),
        fact: Fact::Deploy(DeployReport {
            deploy: push.commit.clone(),
            stage: Some(DeployStage::Committed),
            commit: Some(push.commit),
            paths: paths(body),
            subject: subject.map(wording::line),
            by: push.by,
            ..DeployReport::default()
        }),
    })
}

/// The files of all the commits of a push, each once.
pub(crate) fn paths(body: &Value) -> Vec<String> {
    let list = |value: &'_ Value, name: &str| -> Vec<String> {
        let list = value.get(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(wording::line).collect()
    };
    let commits = body.get("commits").and_then(Value::as_array);
    let files = commits.into_iter().flatten().flat_map(|commit| {
        let kinds = ["added", "modified", "removed"];
        kinds.into_iter().flat_map(move |kind| list(commit, kind))
    });
    let files: BTreeSet<String> = files.collect();
    files.into_iter().take(MOST_PATHS).collect()
}
