//! What is still missing until a service is back, from what is seen and nothing else.
//!
//! Two things are proven apart: that only pods of the good version serve ([`pods`]), and that Git, Argo CD
//! and the cluster agree on it ([`agreement`]). That an operation succeeded proves neither, and
//! `Healthy` is stale for a moment: `docs/concepts/argo-cd-facts.md` names the tests.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::live::application::{Application, Source};
use crate::live::image::{Aim, Verdict};
use crate::live::workload::{Kind, Pod, Workload};
use crate::message::short_commit;

/// Something that is not as it shall be yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// A stable word for programs, such as `pods_not_ready`.
    pub code: String,
    /// A fragment for people.
    pub what: String,
}

impl Missing {
    /// A thing that is missing.
    pub fn new(code: &str, what: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            what: what.into(),
        }
    }
}

/// What must be seen of an Application.
pub struct Expected<'a> {
    /// Which images are good.
    pub aim: &'a Aim,
    /// Whether a commit is ours, or a later one that keeps our files.
    pub is_accepted: &'a dyn Fn(&str) -> bool,
    /// Whether a source is of the infra repo.
    pub is_ours: &'a dyn Fn(&Source) -> bool,
    /// What only the bad version had is taken away; else it may stay.
    pub prunes: bool,
}

/// What is missing until only the good version serves in a workload.
pub fn pods(aim: &Aim, workload: &Workload, pods: &[Pod]) -> Vec<Missing> {
    let mut missing = Vec::new();
    let of = &workload.key;
    let live: Vec<&Pod> = pods.iter().filter(|pod| !pod.is_over).collect();
    let left = live.iter().filter(|pod| is_bad(aim, workload, pod)).count();
    if left > 0 {
        let going = live
            .iter()
            .filter(|pod| pod.is_going && is_bad(aim, workload, pod))
            .count();
        missing.push(Missing::new(
            "bad_pods_left",
            format!("{of}: {left} pod(s) of the bad version are left, {going} of them ending"),
        ));
    }
    let standing: Vec<&&Pod> = live
        .iter()
        .filter(|pod| !pod.is_going && !is_bad(aim, workload, pod))
        .collect();
    if let Some((image, digest)) = standing.iter().find_map(|pod| bad_by_digest(aim, pod)) {
        missing.push(Missing::new(
            "same_image",
            format!(
                "{of}: its node pulled {digest} for {image}, and pods of the bad version ran the same: the tag was moved, or both name one image; `--to VERSION` goes to another"
            ),
        ));
    }
    let ready = standing.iter().filter(|pod| pod.is_ready).count();
    let wanted = usize::try_from(workload.wanted).unwrap_or(0);
    if ready < wanted {
        let why = standing
            .iter()
            .find_map(|pod| pod.trouble.as_deref())
            .map_or_else(String::new, |why| format!(" ({why})"));
        missing.push(Missing::new(
            "pods_not_ready",
            format!("{of}: {ready} of {wanted} pods of the good version are ready{why}"),
        ));
    }
    missing
}

/// The image of the good version by its tag, and the digest that the bad one ran.
fn bad_by_digest<'a>(aim: &Aim, pod: &'a Pod) -> Option<(&'a str, &'a str)> {
    let pulled = pod.pulled.iter();
    let mut pulled = pulled.filter(|(image, digest)| {
        aim.ran.contains(digest) && aim.of([image.as_str()]) == Verdict::Good
    });
    let (image, digest) = pulled.next()?;
    Some((image, digest))
}

/// The digests that nodes pulled for the bad version, as these pods say.
pub fn ran<'a>(aim: &Aim, pods: impl IntoIterator<Item = &'a Pod>) -> Vec<String> {
    let pulled = pods.into_iter().flat_map(|pod| &pod.pulled);
    let bad = pulled.filter(|(image, _)| aim.of([image.as_str()]) == Verdict::Bad);
    let digests: BTreeSet<&String> = bad.map(|(_, digest)| digest).collect();
    digests.into_iter().cloned().collect()
}

/// Whether a pod is of the version that shall go. Where images do not tell, its template does.
fn is_bad(aim: &Aim, workload: &Workload, pod: &Pod) -> bool {
    match aim.of(pod.images.iter().map(String::as_str)) {
        Verdict::Bad => true,
        Verdict::Good => false,
        Verdict::Other | Verdict::Unconcerned => {
            // While a Rollout is aborted its pods are of the stable template, as they shall be.
            let rollout = workload.rollout.as_ref();
            let current = match rollout {
                Some(state) if state.is_aborted => Some(&state.stable_hash),
                _ => workload.template.as_ref(),
            };
            matches!((current, &pod.template), (Some(current), Some(own)) if current != own)
        }
    }
}

/// What is missing until a workload's controller has done what its template says, and that is good.
pub fn workload(aim: &Aim, workload: &Workload) -> Vec<Missing> {
    let mut missing = Vec::new();
    let of = &workload.key;
    let Workload {
        wanted,
        replicas,
        updated,
        available,
        ..
    } = *workload;
    if aim.of(workload.images.iter().map(String::as_str)) == Verdict::Bad {
        missing.push(Missing::new(
            "template_is_bad",
            format!("{of}: it is to run the bad version"),
        ));
    }
    if workload.observed < workload.generation {
        missing.push(Missing::new(
            "not_observed",
            format!("{of}: its controller has not seen the change yet"),
        ));
    }
    if (replicas, updated, available) != (wanted, wanted, wanted) {
        missing.push(Missing::new(
            "counters_differ",
            format!(
                "{of}: {wanted} wanted, {replicas} there, {updated} of the new version, {available} available"
            ),
        ));
    }
    if let Some(ending) = workload.terminating.filter(|ending| *ending > 0) {
        missing.push(Missing::new(
            "pods_ending",
            format!("{of}: {ending} pod(s) are still ending"),
        ));
    }
    if workload.is_paused && workload.kind == Kind::Deployment {
        missing.push(Missing::new(
            "paused",
            format!(
                "{of}: somebody paused it: `kubectl rollout resume deployment/{}`",
                of.name
            ),
        ));
    }
    if let Some(rollout) = &workload.rollout {
        if rollout.is_under_way() {
            missing.push(Missing::new(
                "rollout_under_way",
                format!("{of}: it has not been promoted ({})", rollout.phase),
            ));
        } else if rollout.phase != "Healthy" {
            missing.push(Missing::new(
                "rollout_not_healthy",
                format!("{of}: {}", rollout.phase),
            ));
        }
    }
    missing
}

/// What is missing until Argo CD agrees with Git and with what serves.
pub fn agreement(expected: &Expected<'_>, app: &Application) -> Vec<Missing> {
    let mut missing = Vec::new();
    let name = &app.name;
    if app.is_going {
        missing.push(Missing::new("deleted", format!("{name} is being deleted")));
    }
    let unaccepted = app
        .sources
        .iter()
        .zip(&app.revisions)
        .filter(|(source, _)| (expected.is_ours)(source))
        .find(|(_, revision)| !(expected.is_accepted)(revision));
    if let Some((_, revision)) = unaccepted {
        missing.push(Missing::new(
            "other_revision",
            format!("{name} was compared with {}", short_commit(revision)),
        ));
    } else if app.revisions.is_empty() {
        missing.push(Missing::new(
            "never_compared",
            format!("{name} was not compared with Git yet"),
        ));
    }
    if app.is_outdated {
        missing.push(Missing::new(
            "settings_changed",
            format!("{name} was not compared since its settings changed"),
        ));
    }
    if let Some(operation) = &app.operation {
        let who = if operation.is_automated {
            "Argo CD"
        } else {
            operation.username.as_str()
        };
        let has_begun = app
            .operation_state
            .as_ref()
            .is_some_and(|state| matches!(state.phase.as_str(), "Running" | "Terminating"));
        missing.push(Missing::new(
            "operation_pending",
            if has_begun {
                format!("{name}: a sync of {who} is not done yet")
            } else {
                // Nobody has to ask again when it is back.
                format!(
                    "{name}: a sync of {who} is not begun yet; Argo CD's application controller begins it as soon as it is there"
                )
            },
        ));
    }
    if !is_synced(app, expected.prunes) {
        let differing: Vec<String> = app
            .resources
            .iter()
            .filter(|resource| !resource.is_synced && !resource.is_hook)
            .map(|resource| resource.key.to_string())
            .take(3)
            .collect();
        let which = if differing.is_empty() {
            String::new()
        } else {
            format!(": {}", differing.join(", "))
        };
        missing.push(Missing::new(
            "not_synced",
            format!("{name} is {}{which}", app.sync),
        ));
    }
    if app.health != "Healthy" {
        missing.push(Missing::new(
            "not_healthy",
            format!("{name} is {}", app.health),
        ));
    }
    missing
}

/// Whether Argo CD says `Synced`, or would if what shall stay were not there.
fn is_synced(app: &Application, prunes: bool) -> bool {
    if app.sync == "Synced" {
        return true;
    }
    let differing = || app.resources.iter().filter(|resource| !resource.is_synced);
    app.sync == "OutOfSync"
        && !prunes
        && differing().next().is_some()
        && differing().all(|resource| resource.wants_pruning)
}

#[cfg(test)]
mod tests;
