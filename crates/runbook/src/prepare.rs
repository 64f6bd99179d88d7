//! What a recovery will do: the Applications that are concerned, what is seen of them, the ways.

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use ripcord_connect::{Cluster, Which, argocd, bots, destination};
use ripcord_domain::live::application::{AppName, Application, ObjectKey};
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::route::{self, Route};
use ripcord_domain::plan::{Plan, SCHEMA};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{
    Part, Recovery, RecoveryId, Restored, Standing, Step, StepKind, StepState,
};
use ripcord_recovery::keep;
use ripcord_recovery::request::Request;
use ripcord_recovery::survey::Branch;

use crate::bots::{Bumper, of_aim};
use crate::concern::Infra;
use crate::observe::{Clusters, Observed, observe};
use crate::recover::Setting;

/// A recovery that was prepared: what was seen, and the ways that were chosen.
pub(crate) struct Prepared {
    pub(crate) id: RecoveryId,
    pub(crate) aim: Aim,
    pub(crate) observed: Vec<(Clusters, Observed, Route)>,
    /// Bots that would bump a version again.
    pub(crate) bots: Vec<Bumper>,
    /// Why no cluster was seen, if so.
    pub(crate) unseen: Option<String>,
}

pub(crate) async fn listed(which: Which) -> Result<(Cluster, Vec<Application>), Problem> {
    let cluster = Cluster::open(&which).await?;
    let apps = argocd::applications(&cluster).await?;
    Ok((cluster, apps))
}

/// The images that tell the versions of a plan apart.
pub(crate) fn aim_of(plan: &Plan) -> Aim {
    let mut aim = Aim::default();
    for part in &plan.services {
        aim.good.extend(part.images.good.iter().cloned());
        aim.bad.extend(part.images.bad.iter().cloned());
    }
    aim
}

/// The commit at which the good version was deployed last.
pub(crate) fn before_of(plan: &Plan) -> Option<String> {
    plan.services
        .iter()
        .find_map(|part| part.target.as_ref()?.before.clone())
}

/// The Applications that a plan's files concern.
pub(crate) fn concerned(branch: &Branch, plan: &Plan, apps: Vec<Application>) -> Vec<Application> {
    let files = keep::files(plan);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let knows = |commit: &str| keep::knows(branch, commit);
    let built_from = |folder: &str| keep::built_from(branch, &plan.base, folder);
    let infra = Infra {
        remote: &plan.remote,
        branch: &plan.branch,
        knows: &knows,
        built_from: &built_from,
    };
    let (mut concerned, others): (Vec<_>, Vec<_>) = apps
        .into_iter()
        .partition(|app| infra.concerns(app, &files));
    // What a parent has from the changed files gets new settings by it.
    let named = keep::applications_in(branch, plan);
    let children: Vec<Application> = others
        .into_iter()
        .filter(|app| named.contains(&app.name.name) && parent_of(app, &concerned).is_some())
        .collect();
    concerned.extend(children);
    concerned
}

/// The one among these Applications that another is a part of.
fn parent_of(app: &Application, among: &[Application]) -> Option<AppName> {
    let is_it = |key: &ObjectKey| {
        key.kind == "Application" && key.group == "argoproj.io" && key.name == app.name.name
    };
    among
        .iter()
        .find(|parent| parent.resources.iter().any(|resource| is_it(&resource.key)))
        .map(|parent| parent.name.clone())
}

#[expect(
    clippy::too_many_arguments,
    reason = "it is where everything that was found out meets"
)]
pub(crate) async fn prepare(
    branch: &Branch,
    plan: &Plan,
    cluster: &Cluster,
    apps: Vec<Application>,
    aim: Aim,
    setting: &Setting,
    away: Option<String>,
    id: &RecoveryId,
    now: Timestamp,
) -> Result<Prepared, Problem> {
    let has_sets = apps.iter().any(|app| app.application_set.is_some());
    let concerned = concerned(branch, plan, apps);
    if concerned.is_empty() {
        let problem = Problem::new(
            Kind::Nothing,
            "no_application",
            format!(
                "no Application of Argo CD in {} deploys {} from {}",
                cluster.address(),
                keep::files(plan).first().map_or("these files", String::as_str),
                plan.remote
            ),
        )
        .hint("`--context NAME` names the cluster that Argo CD's objects are in; `--git-only` pushes and looks at no cluster");
        return Err(if has_sets {
            problem.hint("where an ApplicationSet takes the version from what it generates from, push with `--git-only`; the annotation `argocd.argoproj.io/application-set-refresh=true` makes it look at once instead of within 3 minutes")
        } else {
            problem
        });
    }
    let good_commit = before_of(plan);
    let may_mark = branch.config_of(plan)?.marks_operations.unwrap_or(true);
    let parents: Vec<Option<AppName>> = concerned
        .iter()
        .map(|app| parent_of(app, &concerned))
        .collect();
    let observing = join_all(concerned.into_iter().zip(parents).map(|(app, parent)| {
        // The commit before is one of the infra repo; what a child deploys may be from elsewhere.
        let good_commit = good_commit.clone().filter(|_| parent.is_none());
        let away = away.clone();
        let aim = &aim;
        async move {
            let clusters = Clusters {
                argo: cluster.clone(),
                target: destination::of(cluster, &app).await?,
            };
            let mut observed = observe(&clusters, app, aim, good_commit, away, now).await?;
            observed.parent = parent;
            if !may_mark {
                observed.situation.no_state_hold = Some("`marks_operations: false`".to_owned());
            }
            Ok::<_, Problem>((clusters, observed))
        }
    }));
    let (seen, roster) = join(observing, bots::roster(cluster, &plan.image_policies)).await;
    let mut observed = Vec::new();
    let mut bots: Vec<Bumper> = Vec::new();
    for one in seen {
        let (clusters, seen) = one?;
        let mut route = route::choose(setting.wishes, &seen.situation);
        for bumper in of_aim(roster.of(&seen.app), &aim, &seen) {
            route.why.push(bumper.says(setting.bots_until));
            // One of Flux is found for each Application that its version is in.
            if bots.iter().all(|known| known.bot != bumper.bot) {
                bots.push(bumper);
            }
        }
        observed.push((clusters, seen, route));
    }
    Ok(Prepared {
        id: id.clone(),
        aim,
        observed,
        bots,
        unseen: None,
    })
}

/// What was looked at first.
fn looked(prepared: &Prepared, started: Timestamp, now: Timestamp) -> Step {
    let seen = prepared.observed.iter();
    let names: Vec<String> = seen.map(|(_, one, _)| one.app.name.to_string()).collect();
    let (state, what) = match &prepared.unseen {
        Some(why) => (StepState::Failed, why.clone()),
        None => (StepState::Done, names.join(", ")),
    };
    Step {
        kind: StepKind::Observe,
        application: None,
        state,
        started,
        ended: Some(now),
        what,
    }
}

/// The recovery as it will be recorded.
pub(crate) fn drawn(
    prepared: &Prepared,
    plan: &Plan,
    setting: &Setting,
    request: &Request,
    which: &Which,
    (started, now): (Timestamp, Timestamp),
) -> Recovery {
    Recovery {
        schema: SCHEMA,
        id: prepared.id.clone(),
        key: setting.key.clone(),
        standing: Standing::Running,
        method: setting.wishes.method,
        started,
        ended: None,
        owner: setting.owner.clone(),
        reason: request.words.reason.clone(),
        incident: request.words.incident.clone(),
        services: plan
            .services
            .iter()
            .map(|part| Restored {
                service: part.service.clone(),
                environment: part.environment.clone(),
                from: part.current.version.clone(),
                to: part.target.as_ref().map_or_else(
                    || part.current.version.clone(),
                    |target| target.version.clone(),
                ),
                bad_since: part.target.as_ref().and(part.current.since),
            })
            .collect(),
        aim: prepared.aim.clone(),
        plan: plan.clone(),
        request: serde_json::to_value(request).unwrap_or_default(),
        watch_seconds: setting.watch.as_secs(),
        runs_hooks: setting.runs_hooks,
        replays_canary: setting.wishes.replay_canary,
        parts: prepared
            .observed
            .iter()
            .map(|(_, observed, route)| Part {
                application: observed.app.name.clone(),
                context: which.context.clone(),
                server: which.server.clone(),
                route: route.clone(),
                found_at: observed.app.revisions.clone(),
                good: None,
                synced: None,
                durable: None,
            })
            .collect(),
        steps: vec![looked(prepared, started, now)],
        holds: Vec::new(),
        bots_until: setting.bots_until,
        bots: Vec::new(),
        missing: Vec::new(),
        relapse: None,
        evidence: Vec::new(),
    }
}
