//! What needs neither Git nor Argo CD once the good version is on its way: it is seen when only good pods
//! are left, Rollouts skip their steps, and broken pods that would be waited for are deleted.

use std::collections::BTreeMap;
use std::time::Duration;

use ripcord_connect::{ConnectError, workloads};
use ripcord_domain::live::application::{AppName, ObjectKey};
use ripcord_domain::live::image::{Aim, Verdict};
use ripcord_domain::live::proof::{self, Missing};
use ripcord_domain::live::route::Route;
use ripcord_domain::live::stuck::stuck;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{StepKind, StepState};
use tokio::sync::watch::Receiver;

use crate::observe::Clusters;
use crate::picture::{Picture, look};
use crate::record::{Begun, Record};

/// How often it is looked while pods start.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);

/// One Application whose pods are looked after.
pub(crate) struct Tending<'a> {
    clusters: &'a Clusters,
    record: &'a Record,
    /// With the digests that bad pods were seen to run so far.
    aim: Aim,
    route: &'a Route,
    name: AppName,
    promoted: BTreeMap<ObjectKey, String>,
    /// Why pods and Rollouts are left to themselves, if so.
    refused: Option<String>,
}

impl<'a> Tending<'a> {
    pub(crate) fn new(
        clusters: &'a Clusters,
        record: &'a Record,
        aim: &'a Aim,
        route: &'a Route,
        name: AppName,
    ) -> Self {
        let mut aim = aim.clone();
        aim.ran = record.snapshot().aim.ran;
        Self {
            clusters,
            record,
            aim,
            route,
            name,
            promoted: BTreeMap::new(),
            refused: None,
        }
    }

    /// Goes on until the push has ended: then it is gone on with what Git says. Trouble is none of the
    /// recovery's: what follows meets it too.
    pub(crate) async fn until_pushed(mut self, mut pushed: Receiver<()>) {
        loop {
            // Only what writes nothing is broken off.
            let picture = tokio::select! {
                _ = pushed.changed() => return,
                picture = async {
                    tokio::time::sleep(GLANCE).await;
                    look(self.clusters, &self.name).await
                } => picture,
            };
            let Ok(picture) = picture else { continue };
            match self.tend(&picture).await {
                Err(error) if !error.may_pass() => return,
                _ => {}
            }
        }
    }

    /// Does what can be done for the pods now, and says what is missing of them.
    pub(crate) async fn tend(&mut self, picture: &Picture) -> Result<Vec<Missing>, ConnectError> {
        self.learn(picture)?;
        let missing = self.pods_missing(picture);
        // Where images do not tell, pods are good when all has agreed and not before.
        if missing.is_empty() && self.aim.tells() {
            self.good(picture)?;
        }
        let mut missing = missing;
        for done in [self.unstick(picture).await, self.promote(picture).await] {
            match done {
                Err(error @ ConnectError::Forbidden { .. }) => {
                    // It is not for that alone that everything else is left undone.
                    self.refused.get_or_insert(error.to_string());
                }
                done => done?,
            }
        }
        // What comes right by itself needs no help.
        if let Some(why) = self.refused.clone().filter(|_| !missing.is_empty()) {
            missing.push(Missing::new("no_help", format!("{}: {why}", self.name)));
        }
        Ok(missing)
    }

    /// Keeps what nodes pulled for bad pods, for as long as those are there.
    fn learn(&mut self, picture: &Picture) -> Result<(), ConnectError> {
        let pods = picture.workloads.iter().flat_map(|seen| &seen.pods);
        let mut ran = proof::ran(&self.aim, pods);
        ran.retain(|digest| !self.aim.ran.contains(digest));
        if ran.is_empty() {
            return Ok(());
        }
        self.aim.ran.extend(ran.iter().cloned());
        self.keep(self.record.change(|recovery| recovery.aim.ran.extend(ran)))
    }

    /// Records that only good pods are left. Where there is nothing whose pods could be watched nothing was
    /// seen.
    pub(crate) fn good(&self, picture: &Picture) -> Result<(), ConnectError> {
        if picture.workloads.is_empty() {
            return Ok(());
        }
        self.keep(self.record.good(&self.name))
    }

    fn pods_missing(&self, picture: &Picture) -> Vec<Missing> {
        let gone = picture
            .gone
            .iter()
            .map(|key| Missing::new("workload_gone", format!("{key}: it is not there")));
        let pods = picture
            .workloads
            .iter()
            .flat_map(|seen| proof::pods(&self.aim, &seen.workload, &seen.pods));
        gone.chain(pods).collect()
    }

    /// Trouble with the record, as trouble of a glance.
    pub(crate) fn keep<T>(&self, done: Result<T, Problem>) -> Result<T, ConnectError> {
        done.map_err(|problem| ConnectError::Refused {
            what: self.name.to_string(),
            why: problem.message,
        })
    }

    /// Whether Argo CD was seen to be synced to the good version.
    fn is_synced(&self) -> bool {
        let recovery = self.record.snapshot();
        let mut parts = recovery.parts.iter();
        parts.any(|part| part.application == self.name && part.synced.is_some())
    }

    pub(crate) fn start(&self, kind: StepKind, what: &str) -> Result<Begun, ConnectError> {
        self.keep(self.record.start(kind, Some(&self.name), what))
    }

    pub(crate) fn end(
        &self,
        begun: Begun,
        state: StepState,
        what: String,
    ) -> Result<(), ConnectError> {
        self.keep(self.record.end(begun, state, what))
    }

    /// Lets Rollouts skip their steps once the good version is on its way; before that it is lost.
    async fn promote(&mut self, picture: &Picture) -> Result<(), ConnectError> {
        if self.refused.is_some() {
            return Ok(());
        }
        for seen in &picture.workloads {
            let workload = &seen.workload;
            let (Some(rollout), true) = (
                &workload.rollout,
                self.route.promote.contains(&workload.key),
            ) else {
                continue;
            };
            // Where images do not tell, what is on its way is the good one once Argo CD has synced that.
            let is_good = if self.aim.tells() {
                self.aim.of(workload.images.iter().map(String::as_str)) != Verdict::Bad
            } else {
                self.is_synced()
            };
            let is_seen = workload.observed >= workload.generation && rollout.is_under_way();
            let is_done = self.promoted.get(&workload.key) == Some(&rollout.current_hash);
            if is_good && is_seen && !is_done && !rollout.is_promoted_fully {
                let begun = self.start(StepKind::Promote, &workload.key.to_string())?;
                if let Err(error) = workloads::promote(&self.clusters.target, &workload.key).await {
                    self.end(begun, StepState::Failed, error.to_string())?;
                    return Err(error);
                }
                let what = format!("{} skips its steps", workload.key);
                self.end(begun, StepState::Done, what)?;
                self.promoted
                    .insert(workload.key.clone(), rollout.current_hash.clone());
            }
        }
        Ok(())
    }

    /// Deletes broken pods of the bad version that their controller would wait for.
    async fn unstick(&self, picture: &Picture) -> Result<(), ConnectError> {
        if self.refused.is_some() {
            return Ok(());
        }
        for seen in &picture.workloads {
            let workload = &seen.workload;
            if !self.route.unstick.contains(&workload.key)
                || workload.observed < workload.generation
                || self.aim.of(workload.images.iter().map(String::as_str)) == Verdict::Bad
            {
                continue;
            }
            for pod in stuck(&self.aim, workload, &seen.pods, self.is_synced()) {
                let begun = self.start(StepKind::Unstick, &format!("pod {}", pod.name))?;
                let namespace = &workload.key.namespace;
                let what = format!("pod {} of the bad version is deleted", pod.name);
                match workloads::delete_pod(&self.clusters.target, namespace, pod).await {
                    Ok(()) | Err(ConnectError::Missing { .. } | ConnectError::Conflict { .. }) => {
                        self.end(begun, StepState::Done, what)?;
                    }
                    Err(error) => {
                        self.end(begun, StepState::Failed, error.to_string())?;
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }
}
