//! What is seen of one Application before anything is done.

use futures_util::future::{join_all, join3};
use jiff::{SignedDuration, Timestamp};
use ripcord_connect::workloads::{self, Seen};
use ripcord_connect::{Cluster, ConnectError, argocd, project};
use ripcord_domain::live::application::{AppName, Application, ObjectKey};
use ripcord_domain::live::image::{Aim, Verdict};
use ripcord_domain::live::proof;
use ripcord_domain::live::release::Release;
use ripcord_domain::live::route::{RolloutSeen, Situation, Windows, WorkloadSeen};
use ripcord_domain::live::windows::{self, Window};
use ripcord_domain::live::workload::{Kind, Revision};
use ripcord_domain::problem::Problem;

use crate::applications::SettingsFrom;
use crate::held::{self, Held};

/// An Application with its workloads, and what the way depends on.
pub(crate) struct Observed {
    pub(crate) app: Application,
    /// The images that tell, where any of its images does: a version may be that of a setting alone.
    pub(crate) aim: Aim,
    pub(crate) situation: Situation,
    pub(crate) workloads: Vec<Watched>,
    /// Its project, in the namespace of Argo CD.
    pub(crate) project: AppName,
    /// From what it has its settings, where those change.
    pub(crate) settings_from: Option<SettingsFrom>,
    /// When it was looked at.
    pub(crate) at: Timestamp,
    /// Holds of recoveries that stand on it, also of other machines.
    pub(crate) holds: Vec<Held>,
}

/// A workload with its earlier templates.
pub(crate) struct Watched {
    pub(crate) seen: Seen,
    pub(crate) revisions: Vec<Revision>,
    /// Why those cannot be read; none where they can.
    pub(crate) unread: Option<String>,
}

/// Where an Application's objects are.
#[derive(Clone)]
pub(crate) struct Clusters {
    /// Argo CD's.
    pub(crate) argo: Cluster,
    /// What it deploys to.
    pub(crate) target: Cluster,
}

/// What is known before an Application is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Which images are good.
    pub(crate) aim: &'a Aim,
    /// The commit at which the good version was deployed last.
    pub(crate) good_commit: Option<&'a str>,
    /// Why Git cannot be written, if so.
    pub(crate) git_is_away: Option<&'a str>,
    /// Operations may be marked: `marks_operations` of `ripcord.yaml`.
    pub(crate) may_mark: bool,
    /// The Application that has its project from Git, as Argo CD lists it.
    pub(crate) manager: Option<&'a AppName>,
    /// The time.
    pub(crate) now: Timestamp,
}

/// The workloads among what an Application consists of.
pub(crate) fn workload_keys(app: &Application) -> Vec<ObjectKey> {
    app.resources
        .iter()
        .filter(|resource| !resource.is_hook && Kind::of(&resource.key).is_some())
        .map(|resource| resource.key.clone())
        .collect()
}

/// Looks at everything that the way depends on.
pub(crate) async fn observe(
    clusters: &Clusters,
    app: Application,
    known: Known<'_>,
) -> Result<Observed, Problem> {
    let Known { aim, now, .. } = known;
    let keys = workload_keys(&app);
    let (workloads, project, rolling_sync) = join3(
        join_all(keys.iter().map(|key| watched(&clusters.target, key))),
        project_of(&clusters.argo, &app, known.manager, now),
        rolls_in_steps(&clusters.argo, &app),
    )
    .await;
    let workloads: Vec<Watched> = workloads
        .into_iter()
        .collect::<Result<Vec<_>, ConnectError>>()?
        .into_iter()
        .flatten()
        .collect();
    let mut aim = if workloads.is_empty() || are_concerned(aim, &workloads) {
        aim.clone()
    } else {
        Aim::default()
    };
    let pods = workloads.iter().flat_map(|watched| &watched.seen.pods);
    aim.ran.extend(proof::ran(&aim, pods));
    let seen = workloads.iter().map(|watched| workload_seen(&aim, watched));
    let seen = seen.collect();
    let state = app.operation_state.as_ref();
    let no_state_hold = if !known.may_mark {
        Some("`marks_operations: false`".to_owned())
    } else if clusters.argo.is_by_server() {
        Some("Argo CD's API cannot mark an operation".to_owned())
    } else if state.is_none() {
        Some("no sync was ever done whose state could hold".to_owned())
    } else if project.no_window.is_some() {
        too_old_for_a_mark(&clusters.argo).await
    } else {
        None
    };
    let situation = Situation {
        syncs_itself: app.auto_sync.is_some(),
        // Whoever may not see the set must not rely on it.
        rolling_sync: rolling_sync.unwrap_or(true),
        is_busy: app.operation.is_some() || state.is_some_and(|state| state.phase == "Running"),
        images_tell: aim.tells(),
        windows: project.windows,
        windows_last: project.windows_last,
        no_window: project.no_window,
        no_state_hold,
        good_commit: known.good_commit.map(str::to_owned).filter(|_| {
            // By Argo CD's API it is synced to where the branch is, which is bad.
            !clusters.argo.is_by_server() && (!app.has_several_sources || all_ours(&app))
        }),
        git_is_away: known.git_is_away.map(str::to_owned),
        workloads: seen,
    };
    let mut holds = project.holds;
    holds.extend(held::by_mark(&app));
    Ok(Observed {
        app,
        aim,
        situation,
        workloads,
        project: project.name,
        settings_from: None,
        at: now,
        holds,
    })
}

/// Whether any image that runs, ran or shall run is one of the version that moves.
fn are_concerned(aim: &Aim, workloads: &[Watched]) -> bool {
    let templates = workloads
        .iter()
        .map(|watched| &watched.seen.workload.images);
    let pods = workloads
        .iter()
        .flat_map(|watched| &watched.seen.pods)
        .map(|pod| &pod.images);
    let before = workloads
        .iter()
        .flat_map(|watched| &watched.revisions)
        .map(|revision| &revision.images);
    let mut all = templates.chain(pods).chain(before);
    all.any(|images| aim.of(images.iter().map(String::as_str)) != Verdict::Unconcerned)
}

/// Why a mark does not hold in the release of Argo CD, if so: the next commit of anybody ends it there.
async fn too_old_for_a_mark(argo: &Cluster) -> Option<String> {
    let release = Release::parse(&argocd::version(argo).await?)?;
    release
        .forgets_marks()
        .then(|| format!("Argo CD {release} forgets a marked operation at the next commit"))
}

/// Whether the ApplicationSet of an Application syncs it in a turn of its own; none where that may not be
/// read.
pub(crate) async fn rolls_in_steps(argo: &Cluster, app: &Application) -> Option<bool> {
    match &app.application_set {
        Some(set) => argocd::rolls_in_steps(argo, &app.name.namespace, set)
            .await
            .ok(),
        None => Some(false),
    }
}

/// Whether every source is of one repository: then one commit says where all of them go.
fn all_ours(app: &Application) -> bool {
    let mut repositories: Vec<&str> = app
        .sources
        .iter()
        .map(|source| source.repository.as_str())
        .collect();
    repositories.dedup();
    repositories.len() == 1
}

async fn watched(cluster: &Cluster, key: &ObjectKey) -> Result<Option<Watched>, ConnectError> {
    match workloads::seen_with_revisions(cluster, key).await {
        // It was listed, and is gone or not made yet.
        Err(ConnectError::Missing { .. }) => Ok(None),
        found => Ok(found?.map(|(seen, templates)| Watched {
            seen,
            revisions: templates.revisions,
            unread: templates.unread,
        })),
    }
}

/// The newest earlier template that runs the good version.
pub(crate) fn good_revision<'a>(aim: &Aim, revisions: &'a [Revision]) -> Option<&'a Revision> {
    revisions
        .iter()
        .find(|revision| aim.of(revision.images.iter().map(String::as_str)) == Verdict::Good)
}

fn workload_seen(aim: &Aim, watched: &Watched) -> WorkloadSeen {
    let workload = &watched.seen.workload;
    let good = good_revision(aim, &watched.revisions);
    let rollout = workload.rollout.as_ref().map(|state| {
        let revisions = &watched.revisions;
        let stable = revisions.iter().find(|one| one.hash == state.stable_hash);
        // The window counts the templates between the good one and the stable one.
        let between = good.map(|good| {
            let newer = revisions.iter().filter(|one| one.number > good.number);
            newer.count()
        });
        RolloutSeen {
            is_under_way: state.is_under_way(),
            is_aborted: state.is_aborted,
            stable: aim.of(stable
                .iter()
                .flat_map(|one| &one.images)
                .map(String::as_str)),
            borrows_template: state.borrows_template,
            window_covers: matches!(
                (state.rollback_window, between),
                (Some(window), Some(between)) if i64::try_from(between).is_ok_and(|n| n <= window)
            ),
        }
    });
    WorkloadSeen {
        key: workload.key.clone(),
        kind: workload.kind,
        runs: aim.of(workload.images.iter().map(String::as_str)),
        good_revision: good
            .filter(|_| {
                // A borrowed template is not the Rollout's to change.
                workload
                    .rollout
                    .as_ref()
                    .is_none_or(|rollout| !rollout.borrows_template)
            })
            .map(|revision| revision.number),
        templates_unread: watched.unread.clone(),
        is_paused: workload.is_paused && workload.kind == Kind::Deployment,
        rollout,
        waits_for_broken_pods: workload.replacement.is_ordered || workload.replacement.is_by_hand,
    }
}

struct ProjectSeen {
    name: AppName,
    windows: Windows,
    windows_last: bool,
    no_window: Option<String>,
    holds: Vec<Held>,
}

/// For how long a window of others must keep Argo CD still to be as good as a hold.
const AS_GOOD_AS_A_HOLD: SignedDuration = SignedDuration::from_mins(30);

/// The project of an Application: what its windows allow, and why it cannot be given one.
async fn project_of(
    cluster: &Cluster,
    app: &Application,
    manager: Option<&AppName>,
    now: Timestamp,
) -> ProjectSeen {
    // An Application may lie in a namespace of its own; its project lies where Argo CD does.
    let name = AppName {
        namespace: cluster.namespace().to_owned(),
        name: app.project.clone(),
    };
    let seen = match project::project(cluster, &name.namespace, &name.name).await {
        Ok(seen) => seen,
        Err(error) => {
            return ProjectSeen {
                name,
                windows: Windows::Open,
                windows_last: false,
                no_window: Some(format!("its project cannot be read: {error}")),
                holds: Vec::new(),
            };
        }
    };
    // Labels may be others than the usual ones; what Argo CD itself lists is not.
    let manager = manager.map(|app| format!("Application {app}"));
    let no_window = if let Some(owner) = seen.managed_by.or(manager) {
        Some(format!(
            "project {} is managed by {owner}, which may put it back at once",
            name.name
        ))
    } else {
        match project::may_change(cluster, &name.namespace, &name.name).await {
            Ok(true) => None,
            Ok(false) => Some(format!(
                "these credentials may not change project {}",
                name.name
            )),
            Err(error) => Some(error.to_string()),
        }
    };
    // A hold that a run before left behind ends before what this one does.
    let known = seen.windows.unwrap_or_default();
    let holds = held::by_windows(app, &name.name, &known, now);
    let known: Vec<Window> = known.into_iter().filter(|one| !one.is_hold()).collect();
    let later = now.checked_add(AS_GOOD_AS_A_HOLD).unwrap_or(now);
    ProjectSeen {
        windows: windows::allowed(&known, app, now),
        windows_last: windows::allowed(&known, app, later) != Windows::Open,
        name,
        no_window,
        holds,
    }
}
