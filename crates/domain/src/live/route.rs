//! Which path is taken when: the one place where that is decided.
//!
//! Each rule rests on what was seen of a real Argo CD: `docs/concepts/argo-cd-facts.md` and
//! `argo-rollouts-facts.md` name the tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::live::application::ObjectKey;
use crate::live::image::Verdict;
use crate::live::workload::Kind;
use crate::message::short_commit;

/// How a service is put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The fastest live path that lasts, and Git at the same time.
    #[default]
    Auto,
    /// Only Git, and Argo CD is told.
    Git,
    /// Only Argo CD: a sync to the last good commit, held.
    Argocd,
    /// Only the workloads: their last good template, held.
    Undo,
    /// Only Rollouts that are under way.
    Abort,
}

impl Method {
    /// Whether it changes Git: only then it lasts.
    pub fn pushes(self) -> bool {
        matches!(self, Self::Auto | Self::Git)
    }
}

/// A Rollout, as far as the way depends on it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own that the decision asks"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutSeen {
    /// A version is on its way.
    pub is_under_way: bool,
    /// It was aborted already.
    pub is_aborted: bool,
    /// What serves if it is aborted.
    pub stable: Verdict,
    /// The wanted version is among those that skip the steps.
    pub window_covers: bool,
    /// Its template is another workload's (`workloadRef`), and changes there.
    pub borrows_template: bool,
}

/// A workload, as far as the way depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadSeen {
    /// Which.
    pub key: ObjectKey,
    /// What it is.
    pub kind: Kind,
    /// What its template is to run.
    pub runs: Verdict,
    /// The number of the revision that runs the good version.
    pub good_revision: Option<i64>,
    /// Why its earlier templates cannot be read; none where they can. Then one may be kept all the same.
    pub templates_unread: Option<String>,
    /// Somebody paused it.
    pub is_paused: bool,
    /// For a Rollout.
    pub rollout: Option<RolloutSeen>,
    /// A broken pod of it is never replaced until somebody deletes it.
    pub waits_for_broken_pods: bool,
}

/// What the project's windows allow now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// Everything.
    Open,
    /// What people ask for, and nothing that Argo CD does by itself.
    OnlyManual,
    /// Nothing.
    Closed,
}

/// An Application, as far as the way depends on it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own that the decision asks"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Argo CD syncs by itself.
    pub syncs_itself: bool,
    /// An ApplicationSet syncs it in steps.
    pub rolling_sync: bool,
    /// A sync is asked for or runs.
    pub is_busy: bool,
    /// Images tell the good version from the bad one.
    pub images_tell: bool,
    /// What windows allow, holds left aside.
    pub windows: Windows,
    /// They will still keep Argo CD from syncing by itself when a hold would end.
    pub windows_last: bool,
    /// Why the project cannot be given a window; none where it can.
    pub no_window: Option<String>,
    /// Why the operation's state cannot hold; none where it can.
    pub no_state_hold: Option<String>,
    /// The last commit at which the good version was synced.
    pub good_commit: Option<String>,
    /// Why Git cannot be written; none where it can, as far as is known.
    pub git_is_away: Option<String>,
    /// Its workloads.
    pub workloads: Vec<WorkloadSeen>,
}

/// What a person wants otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wishes {
    /// How.
    pub method: Method,
    /// The canary of the good version is run as any other.
    pub replay_canary: bool,
}

/// What keeps Argo CD from putting the bad version back until Git says the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Nothing has to: it would not.
    NotNeeded,
    /// A window of the project that lets only people sync.
    Window,
    /// The mark of a failed operation.
    State,
    /// Nothing can: the cluster is left as it is until Git says the good version.
    Impossible,
}

/// What is done to the cluster before Git is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Live {
    /// A Rollout's new version is stopped.
    Abort {
        /// Which.
        workload: ObjectKey,
    },
    /// A workload gets an earlier template.
    Undo {
        /// Which.
        workload: ObjectKey,
        /// The number of the revision.
        revision: i64,
    },
    /// Argo CD syncs an earlier commit.
    SyncOld {
        /// Which.
        commit: String,
    },
}

/// The way of one Application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// What runs is ended first.
    pub terminate: bool,
    /// What keeps Argo CD still.
    pub hold: Hold,
    /// What is done at once.
    pub live: Vec<Live>,
    /// The commit is made and pushed.
    pub push: bool,
    /// Argo CD is told to sync it, not only to look.
    pub operate: bool,
    /// Rollouts that skip their steps when the good version is on its way.
    pub promote: Vec<ObjectKey>,
    /// Workloads whose broken pods are deleted once they would be replaced by good ones.
    pub unstick: Vec<ObjectKey>,
    /// Why, for people.
    pub why: Vec<String>,
}

impl Route {
    /// The commit that Argo CD is told to sync at once, if it is.
    pub fn old_commit(&self) -> Option<&str> {
        self.live.iter().find_map(|change| match change {
            Live::SyncOld { commit } => Some(commit.as_str()),
            _ => None,
        })
    }
}

/// Decides the way of one Application.
pub fn choose(wishes: Wishes, seen: &Situation) -> Route {
    let method = wishes.method;
    let mut why = Vec::new();
    let mut live = Vec::new();
    if matches!(method, Method::Auto | Method::Abort) {
        aborts(seen, &mut live, &mut why);
    }
    let hold = hold(seen);
    let changes = match method {
        Method::Auto => by_undo(seen).or_else(|| by_old_commit(seen)),
        Method::Undo => by_undo(seen),
        Method::Argocd => by_old_commit(seen),
        Method::Git | Method::Abort => None,
    };
    let mut taken = Hold::NotNeeded;
    if let Some(changes) = changes {
        taken = hold;
        if hold == Hold::Impossible {
            why.push(format!(
                "the cluster waits for Git: nothing can hold Argo CD meanwhile ({}; {}), and it would put the bad version back",
                seen.no_window.as_deref().unwrap_or("no window"),
                seen.no_state_hold.as_deref().unwrap_or("no mark"),
            ));
        } else {
            for change in &changes {
                why.push(match change {
                    Live::Undo { workload, revision } => format!(
                        "{workload} gets the template of its revision {revision} at once: that needs neither Git nor Argo CD"
                    ),
                    Live::SyncOld { commit } => format!(
                        "Argo CD syncs {} at once: an undo is not possible",
                        short_commit(commit)
                    ),
                    Live::Abort { workload } => format!("{workload} is aborted"),
                });
            }
            live.extend(changes);
        }
    } else if method == Method::Auto && live.is_empty() && is_bad(seen) {
        why.push(not_undone(seen));
    }
    match taken {
        Hold::Window => why.push(
            "a window of the project lets only people sync until Argo CD has the commit".to_owned(),
        ),
        Hold::State => why.push(format!(
            "the last operation is marked as failed until Argo CD has the commit: {}",
            seen.no_window.as_deref().unwrap_or("no window")
        )),
        Hold::NotNeeded | Hold::Impossible => {}
    }
    if seen.windows == Windows::Closed {
        why.push(
            "a sync window denies every sync: Argo CD takes the commit when it ends".to_owned(),
        );
    }
    let push = method.pushes() && seen.git_is_away.is_none();
    if let Some(away) = seen.git_is_away.as_deref().filter(|_| method.pushes()) {
        why.push(format!("Git cannot be written now: {away}"));
    }
    // What runs is ended before a window opens: inside one it would stay Terminating. In one that is
    // closed to people it stays so too.
    let terminate = seen.is_busy && method != Method::Abort && seen.windows != Windows::Closed;
    if terminate {
        why.push("a sync of the bad version is under way: it is ended first".to_owned());
    }
    let promote = promotions(wishes, seen, &mut why);
    let unstick: Vec<ObjectKey> = seen
        .workloads
        .iter()
        .filter(|one| one.waits_for_broken_pods && method != Method::Abort)
        .map(|one| one.key.clone())
        .collect();
    why.extend(unstick.iter().map(|key| {
        format!("{key}: pods that its controller does not replace are deleted once good ones would follow")
    }));
    Route {
        terminate,
        hold: taken,
        live,
        push,
        operate: method == Method::Auto,
        promote,
        unstick,
        why,
    }
}

/// Why the cluster waits for Git where nothing in it can go back.
fn not_undone(seen: &Situation) -> String {
    let mut unread = seen.workloads.iter().filter_map(|one| {
        let why = one.templates_unread.as_deref()?;
        (one.runs == Verdict::Bad).then(|| {
            format!(
                "earlier templates of {} cannot be read ({why}), so whether the good one is kept is not known: it waits for Git",
                one.key
            )
        })
    });
    unread.next().unwrap_or_else(|| {
        "no template of the good version is kept in the cluster: it waits for Git".to_owned()
    })
}

/// Whether something runs, or is to run, the bad version that an abort does not take back.
fn is_bad(seen: &Situation) -> bool {
    let mut bad = seen
        .workloads
        .iter()
        .filter(|one| one.runs == Verdict::Bad && !is_taken_back_by_abort(one));
    !seen.images_tell || bad.next().is_some()
}

/// Whether an abort makes it good, or made it so already.
fn is_taken_back_by_abort(one: &WorkloadSeen) -> bool {
    one.rollout
        .is_some_and(|rollout| rollout.is_under_way && rollout.stable == Verdict::Good)
}

/// Rollouts whose version is on its way: traffic goes back without any new pod of the good one.
fn aborts(seen: &Situation, live: &mut Vec<Live>, why: &mut Vec<String>) {
    for one in &seen.workloads {
        let Some(rollout) = &one.rollout else {
            continue;
        };
        if one.runs != Verdict::Bad || !rollout.is_under_way || rollout.is_aborted {
            continue;
        }
        if rollout.stable == Verdict::Good {
            why.push(format!(
                "{} is under way and its stable side is good: it is aborted at once",
                one.key
            ));
            live.push(Live::Abort {
                workload: one.key.clone(),
            });
        } else {
            why.push(format!(
                "{} is under way, but its stable side is not the good version: it is not aborted",
                one.key
            ));
        }
    }
}

/// An undo of everything that runs the bad version, if all of it can be undone.
fn by_undo(seen: &Situation) -> Option<Vec<Live>> {
    if !seen.images_tell {
        return None;
    }
    let mut changes = Vec::new();
    for one in &seen.workloads {
        let is_borrowed = one.rollout.is_some_and(|rollout| rollout.borrows_template);
        if one.runs != Verdict::Bad || is_taken_back_by_abort(one) || is_borrowed {
            continue;
        }
        let revision = one.good_revision.filter(|_| !one.is_paused)?;
        changes.push(Live::Undo {
            workload: one.key.clone(),
            revision,
        });
    }
    (!changes.is_empty()).then_some(changes)
}

/// A sync to the commit before, where one is known.
fn by_old_commit(seen: &Situation) -> Option<Vec<Live>> {
    let commit = seen.good_commit.clone()?;
    // In a closed window it would hang.
    let can = is_bad(seen) && seen.windows != Windows::Closed;
    can.then(|| vec![Live::SyncOld { commit }])
}

/// What could keep Argo CD still, whether or not anything is done meanwhile.
pub fn hold(seen: &Situation) -> Hold {
    let moves_itself = seen.syncs_itself || seen.rolling_sync;
    if !moves_itself || (seen.windows != Windows::Open && seen.windows_last) {
        return Hold::NotNeeded;
    }
    if seen.no_window.is_none() {
        return Hold::Window;
    }
    // The set writes operations itself and does not look at the state of the last one.
    if seen.no_state_hold.is_none() && !seen.rolling_sync {
        return Hold::State;
    }
    Hold::Impossible
}

/// Rollouts that would run a whole canary of the good version.
fn promotions(wishes: Wishes, seen: &Situation, why: &mut Vec<String>) -> Vec<ObjectKey> {
    let mut promote = Vec::new();
    if matches!(wishes.method, Method::Abort) {
        return promote;
    }
    for one in &seen.workloads {
        let Some(rollout) = &one.rollout else {
            continue;
        };
        // Where images do not tell, what is under way after the sync and was not before is so by it. One
        // that was goes back to its stable side without steps.
        let may_be_bad = one.runs == Verdict::Bad || !seen.images_tell;
        if rollout.is_under_way || !may_be_bad {
            continue;
        }
        if rollout.window_covers {
            why.push(format!(
                "{}: the good version is within its rollback window: it skips its steps by itself",
                one.key
            ));
        } else if wishes.replay_canary {
            why.push(format!(
                "{}: the good version goes through its steps, as asked",
                one.key
            ));
        } else {
            why.push(format!(
                "{}: the bad version was promoted fully: the good one is promoted when it is on its way (`--replay-canary` runs its steps)",
                one.key
            ));
            promote.push(one.key.clone());
        }
    }
    promote
}

#[cfg(test)]
mod tests;
