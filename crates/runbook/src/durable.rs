//! From the commit to the proof: Argo CD is asked, everything is waited for, holds are let go.

use std::time::{Duration, Instant};

use ripcord_connect::{ConnectError, argocd, workloads};
use ripcord_domain::live::application::{AppName, Application, ObjectKey, OperationState, Source};
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::proof::{self, Expected, Missing};
use ripcord_domain::live::route::{Hold, Route};
use ripcord_domain::message::short_commit;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{StepKind, StepState};
use ripcord_recovery::keep::Descent;
use ripcord_recovery::ship::DEPLOYED_MEANWHILE;

use crate::holds;
use crate::live::{self, tell};
use crate::observe::Clusters;
use crate::picture::{Picture, look};
use crate::record::{Begun, Record};
use crate::tend::{GLANCE, Tending};

/// How long a sync of somebody else is waited for before it is ended.
const OTHERS_END_WITHIN: Duration = Duration::from_secs(3);
/// How long after an end in trouble a sync is asked for again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How long a sync that was asked for may be unseen before it is taken for lost.
const LOST_AFTER: Duration = Duration::from_secs(2);

/// What the commit is, and which others count as it.
pub(crate) struct Target<'a> {
    /// The commit; none where the method leaves Git as it is.
    pub(crate) commit: Option<&'a str>,
    /// How a commit stands to ours. It may ask the remote.
    pub(crate) descent: &'a dyn Fn(&str) -> Descent,
    /// Who made a commit, and what they said.
    pub(crate) told: &'a dyn Fn(&str) -> String,
    /// Whether a source is of the infra repo.
    pub(crate) is_ours: &'a dyn Fn(&Application, &Source) -> bool,
}

impl Target<'_> {
    /// Whether a commit is ours, or a later one that keeps our files.
    pub(crate) fn accepts(&self, revision: &str) -> bool {
        (self.descent)(revision) == Descent::Keeps
    }

    /// The commits of the infra repo that an Application was compared with.
    pub(crate) fn compared_with<'s>(
        &'s self,
        app: &'s Application,
    ) -> impl Iterator<Item = &'s str> {
        let each = app.sources.iter().zip(&app.revisions);
        each.filter(|(source, _)| (self.is_ours)(app, source))
            .map(|(_, revision)| revision.as_str())
    }
}

/// What is left to do for one Application.
pub(crate) struct Landing<'a> {
    clusters: &'a Clusters,
    record: &'a Record,
    aim: &'a Aim,
    route: &'a Route,
    target: &'a Target<'a>,
    name: AppName,
    until: Instant,
    asked: Option<Instant>,
    trouble: Option<(Instant, String)>,
    waits_since: Option<Instant>,
    tending: Tending<'a>,
    /// Jobs that were deleted so that they are made anew.
    replaced: Vec<ObjectKey>,
    /// Without a commit only pods are waited for.
    only_pods: bool,
    /// Why it is not gone on with, if so.
    over: Option<Missing>,
}

impl<'a> Landing<'a> {
    pub(crate) fn new(
        clusters: &'a Clusters,
        record: &'a Record,
        aim: &'a Aim,
        route: &'a Route,
        target: &'a Target<'a>,
        name: AppName,
        patience: Duration,
    ) -> Self {
        let tending = Tending::new(clusters, record, aim, route, name.clone());
        Self {
            clusters,
            record,
            aim,
            route,
            target,
            tending,
            replaced: Vec::new(),
            name,
            until: Instant::now() + patience,
            asked: None,
            trouble: None,
            waits_since: None,
            only_pods: target.commit.is_none(),
            over: None,
        }
    }

    /// Goes on until nothing is missing, or patience ends: then that is said.
    pub(crate) async fn land(&mut self) -> Result<Vec<Missing>, Problem> {
        if let Some(commit) = self.target.commit {
            if self.route.operate {
                self.operate(commit).await?;
            } else {
                let refreshed =
                    holds::again(|| argocd::refresh(&self.clusters.argo, &self.name)).await;
                refreshed?;
            }
        }
        let begun =
            self.record
                .start(StepKind::Converge, Some(&self.name), "waiting for the pods")?;
        let missing = match self.converge().await {
            Ok(missing) => missing,
            Err(problem) => {
                self.record
                    .end(begun, StepState::Failed, problem.message.clone())?;
                return Err(problem);
            }
        };
        self.end(begun, &missing)?;
        Ok(missing)
    }

    fn end(&self, begun: Begun, missing: &[Missing]) -> Result<(), Problem> {
        if missing.is_empty() {
            let what = if self.only_pods {
                "only good pods, and all of them are ready"
            } else {
                "Git, Argo CD and the pods agree"
            };
            self.record.end(begun, StepState::Done, what)
        } else {
            let what: Vec<&str> = missing.iter().map(|one| one.what.as_str()).collect();
            self.record.end(begun, StepState::Failed, what.join("; "))
        }
    }

    async fn converge(&mut self) -> Result<Vec<Missing>, Problem> {
        let mut told: Vec<Missing> = Vec::new();
        loop {
            let missing = match self.glance().await {
                Ok(missing) => missing,
                Err(error) if error.may_pass() => {
                    vec![Missing::new("cluster_away", error.to_string())]
                }
                Err(ConnectError::Missing { what }) => {
                    return Ok(vec![Missing::new(
                        "deleted",
                        format!("{what}: it was deleted"),
                    )]);
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(over) = self.over.take() {
                return Ok(vec![over]);
            }
            if missing.is_empty() || Instant::now() > self.until {
                return Ok(missing);
            }
            if missing != told {
                self.record.waiting(missing.clone());
                told = missing;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Looks once, does what can be done now, and says what is missing.
    async fn glance(&mut self) -> Result<Vec<Missing>, ConnectError> {
        let picture = look(self.clusters, &self.name).await?;
        let mut missing = self.tending.tend(&picture).await?;
        if self.only_pods {
            missing.extend(self.untold(&picture.app));
            return Ok(missing);
        }
        if self.is_over(&picture.app).await? {
            return Ok(missing);
        }
        if self.route.operate {
            self.ask_again(&picture).await?;
        }
        let expected = Expected {
            aim: self.aim,
            is_accepted: &|revision| self.target.accepts(revision),
            is_ours: &|source| (self.target.is_ours)(&picture.app, source),
            prunes: picture.app.auto_sync.is_some_and(|auto| auto.prunes),
        };
        let disagreement = proof::agreement(&expected, &picture.app);
        let blocks_release =
            |one: &Missing| matches!(one.code.as_str(), "not_healthy" | "operation_pending");
        let is_synced = disagreement.iter().all(blocks_release) && picture.app.operation.is_none();
        if is_synced {
            let now = self.record.now();
            self.tending
                .keep(self.record.change_part(&self.name, |part| {
                    part.synced.get_or_insert(now);
                }))?;
            if self
                .tending
                .keep(holds::release(&self.clusters.argo, self.record, &self.name).await)?
            {
                // What was seen was seen while it was held.
                return Ok(vec![Missing::new(
                    "released",
                    format!("{}: it is compared once more without the hold", self.name),
                )]);
            }
        }
        if picture.app.refresh_is_asked {
            missing.push(Missing::new(
                "comparison_pending",
                format!("{}: Argo CD has not compared yet", self.name),
            ));
        }
        missing.extend(disagreement);
        for seen in &picture.workloads {
            missing.extend(proof::workload(self.aim, &seen.workload));
        }
        if let Some((_, why)) = &self.trouble
            && !missing.is_empty()
        {
            missing.push(Missing::new("sync_failed", why.clone()));
        }
        if missing.is_empty() {
            self.tending.good(&picture)?;
            let now = self.record.now();
            self.tending
                .keep(self.record.change_part(&self.name, |part| {
                    part.durable.get_or_insert(now);
                }))?;
        }
        Ok(missing)
    }

    /// Whether somebody decided otherwise by a later commit. Where something else was deployed nothing is
    /// held any more, and Argo CD deploys that; what brings the bad version back is kept out by what holds.
    async fn is_over(&mut self, app: &Application) -> Result<bool, ConnectError> {
        let target = self.target;
        let later = target
            .compared_with(app)
            .map(|revision| (revision, (target.descent)(revision)))
            .find(|(_, descent)| matches!(descent, Descent::Overtakes | Descent::TakesBack));
        let Some((revision, descent)) = later else {
            return Ok(false);
        };
        let (name, told) = (&self.name, (target.told)(revision));
        self.over = Some(if descent == Descent::Overtakes {
            let released = holds::release(&self.clusters.argo, self.record, name).await;
            self.tending.keep(released)?;
            Missing::new(
                DEPLOYED_MEANWHILE,
                format!("{name}: it was deployed by somebody else meanwhile, with commit {told}"),
            )
        } else {
            Missing::new(
                "taken_back",
                format!("{name}: commit {told} brings back what was left"),
            )
        });
        Ok(true)
    }

    /// How the last operation stands, if it is one of this recovery.
    fn state_of_ours<'s>(&self, app: &'s Application) -> Option<&'s OperationState> {
        let id = self.record.id();
        let state = app.operation_state.as_ref();
        // One of self-heal that was merged into ours has our id too, and syncs what it likes.
        state.filter(|state| {
            let operation = &state.operation;
            operation.recovery.as_deref() == Some(id.as_str()) && !operation.is_automated
        })
    }

    /// Without a commit, what is not known of pods whose images do not tell: only a sync to the last good
    /// commit that has ended does.
    fn untold(&self, app: &Application) -> Option<Missing> {
        let is_synced = self
            .state_of_ours(app)
            .is_some_and(|state| state.phase == "Succeeded");
        let is_known = self.aim.tells() || (is_synced && app.operation.is_none());
        (!is_known).then(|| {
            Missing::new(
                "not_told",
                format!(
                    "{}: images do not tell the versions apart, and no sync to the good one was seen",
                    self.name
                ),
            )
        })
    }

    /// Asks Argo CD to sync the commit, and ends what is in the way.
    async fn operate(&mut self, commit: &str) -> Result<(), Problem> {
        let argo = &self.clusters.argo;
        let begun = self.record.start(
            StepKind::Operate,
            Some(&self.name),
            format!("Argo CD syncs {}", short_commit(commit)),
        )?;
        let started = Instant::now();
        let done = loop {
            let seen = match argocd::application(argo, &self.name).await {
                Ok(seen) => seen,
                Err(error) if error.may_pass() && Instant::now() < self.until => {
                    tokio::time::sleep(AGAIN_AFTER).await;
                    continue;
                }
                Err(error) => break Err(error),
            };
            if live::is_ours(&seen, &self.record.id()) && !live::is_of_old(&seen, commit) {
                // One that waited in a window goes on after a comparison.
                break holds::again(|| argocd::refresh(argo, &self.name)).await;
            }
            if Instant::now() > self.until {
                // What is missing is said by whoever looks next.
                let what = "another sync does not end";
                return self.record.end(begun, StepState::Failed, what);
            }
            if seen.operation.is_some() && started.elapsed() > OTHERS_END_WITHIN {
                let ended = live::terminate(argo, self.record, &self.name, Some(commit)).await;
                if let Err(problem) = ended {
                    let why = problem.message.clone();
                    self.record.end(begun, StepState::Failed, why)?;
                    return Err(problem);
                }
            }
            let sync = live::sync_to(self.record, &seen, commit, &|source| {
                (self.target.is_ours)(&seen, source)
            });
            match argocd::operate(argo, &self.name, &sync).await {
                Err(ConnectError::Conflict { .. }) => {}
                Err(ConnectError::Unreachable { .. }) if Instant::now() < self.until => {}
                done => break done,
            }
            tokio::time::sleep(GLANCE).await;
        };
        match done {
            Ok(()) => {
                self.asked = Some(Instant::now());
                self.record.end(begun, StepState::Done, "")?;
                tell(
                    argo,
                    self.record,
                    &self.name,
                    "Synced",
                    &format!("a sync to {commit} was asked for"),
                );
                Ok(())
            }
            Err(error) => {
                self.record
                    .end(begun, StepState::Failed, error.to_string())?;
                Err(error.into())
            }
        }
    }

    /// Asks once more where our sync was lost or ended in trouble.
    async fn ask_again(&mut self, picture: &Picture) -> Result<(), ConnectError> {
        let (Some(commit), Some(asked)) = (self.target.commit, self.asked) else {
            return Ok(());
        };
        let app = &picture.app;
        if app.operation.is_some() {
            // Argo CD tries ours again and again, and on what cannot be changed always in vain.
            self.replace_jobs(app).await?;
            return self.end_what_waits(app, commit).await;
        }
        self.waits_since = None;
        let ended = self
            .state_of_ours(app)
            .filter(|state| !live::is_to_another(&state.operation, commit));
        let has_landed = app.sync == "Synced"
            && app
                .revisions
                .iter()
                .any(|revision| self.target.accepts(revision));
        match ended {
            Some(state) if matches!(state.phase.as_str(), "Failed" | "Error") => {
                let why = format!("{}: Argo CD says {}", self.name, state.message);
                let is_new = self.trouble.as_ref().is_none_or(|(_, was)| *was != why);
                if is_new {
                    self.record.note(why.clone());
                }
                let (since, _) = self
                    .trouble
                    .get_or_insert_with(|| (Instant::now(), why.clone()));
                let waited = since.elapsed() > AGAIN_AFTER;
                let replaced = self.replace_jobs(app).await?;
                if replaced || waited {
                    self.trouble = Some((Instant::now(), why));
                    self.ask(app, commit).await?;
                }
            }
            Some(_) => self.trouble = None,
            // A sync that Argo CD began by itself may have taken the place of ours.
            None if !has_landed && asked.elapsed() > LOST_AFTER => {
                self.record.note(format!(
                    "{}: our sync was lost; it is asked for again",
                    self.name
                ));
                self.ask(app, commit).await?;
            }
            None => {}
        }
        Ok(())
    }

    /// A sync that Argo CD began by itself waits in our own window until that is let go, which waits for a
    /// sync: it is ended, and ours is asked for again.
    async fn end_what_waits(
        &mut self,
        app: &Application,
        commit: &str,
    ) -> Result<(), ConnectError> {
        let recovery = self.record.snapshot();
        let in_window = recovery
            .standing_holds()
            .any(|hold| hold.application == self.name && hold.kind == Hold::Window);
        let is_automated = app.operation.as_ref().is_some_and(|op| op.is_automated);
        if !in_window || !is_automated {
            self.waits_since = None;
            return Ok(());
        }
        let since = *self.waits_since.get_or_insert_with(Instant::now);
        if since.elapsed() < OTHERS_END_WITHIN {
            return Ok(());
        }
        self.waits_since = None;
        self.record.note(format!(
            "{}: a sync of Argo CD took the place of ours; ours is asked for again",
            self.name
        ));
        self.tending.keep(
            live::terminate(&self.clusters.argo, self.record, &self.name, Some(commit)).await,
        )?;
        self.ask(app, commit).await
    }

    async fn ask(&mut self, app: &Application, commit: &str) -> Result<(), ConnectError> {
        let sync = live::sync_to(self.record, app, commit, &|source| {
            (self.target.is_ours)(app, source)
        });
        let what = format!("Argo CD syncs {} once more", short_commit(commit));
        let begun = self.tending.start(StepKind::Operate, &what)?;
        let done = argocd::operate(&self.clusters.argo, &self.name, &sync).await;
        let (state, what) = match &done {
            Ok(()) => (StepState::Done, String::new()),
            // Whoever came first is waited for.
            Err(ConnectError::Conflict { .. }) => {
                let what = "another sync was asked for meanwhile".to_owned();
                self.tending.end(begun, StepState::Skipped, what)?;
                return Ok(());
            }
            Err(error) => (StepState::Failed, error.to_string()),
        };
        self.tending.end(begun, state, what)?;
        self.asked = Some(Instant::now());
        done
    }

    /// A Job cannot be changed: the one of the bad version is deleted, once, and the sync makes it anew.
    async fn replace_jobs(&mut self, app: &Application) -> Result<bool, ConnectError> {
        let mut replaced = false;
        let ours = self.state_of_ours(app);
        for (key, why) in ours.iter().flat_map(|state| &state.failed) {
            let is_new = !self.replaced.contains(key);
            if key.kind == "Job" && why.contains("immutable") && is_new {
                self.replaced.push(key.clone());
                let what = format!("{key} cannot be changed: it is deleted");
                let begun = self.tending.start(StepKind::Replace, &what)?;
                match workloads::delete(&self.clusters.target, key).await {
                    Ok(()) | Err(ConnectError::Missing { .. }) => {
                        let what = format!("{key} is deleted: the sync makes it anew");
                        self.tending.end(begun, StepState::Done, what)?;
                        replaced = true;
                    }
                    Err(error) => {
                        let is_forbidden = matches!(error, ConnectError::Forbidden { .. });
                        self.tending
                            .end(begun, StepState::Failed, error.to_string())?;
                        // The sync goes on to fail, which is said; the rest goes on too.
                        if !is_forbidden {
                            return Err(error);
                        }
                    }
                }
            }
        }
        Ok(replaced)
    }
}
