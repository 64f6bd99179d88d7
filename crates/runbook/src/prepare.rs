//! What a recovery will do: the Applications that are concerned, what is seen of them, the ways.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use ripcord_connect::{Which, bots, destination};
use ripcord_domain::live::application::Application;
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::route::{self, Route};
use ripcord_domain::message::short_commit;
use ripcord_domain::plan::{Plan, SCHEMA};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{
    Part, Recovery, RecoveryId, Restored, Standing, Step, StepKind, StepState,
};
use ripcord_recovery::agreement::Agreement;
use ripcord_recovery::keep;
use ripcord_recovery::request::Request;
use ripcord_recovery::survey::Branch;

use crate::applications::{Concerned, Listed, SettingsFrom, concerned};
use crate::bots::{self as bumpers, Bumper, of_aim};
use crate::generate::digest_of;
use crate::observe::{Clusters, Known, Observed, observe};
use crate::recover::Setting;

/// A recovery that was prepared: what was seen, and the ways that were chosen.
pub(crate) struct Prepared {
    pub(crate) id: RecoveryId,
    pub(crate) aim: Aim,
    pub(crate) observed: Vec<(Clusters, Observed, Route)>,
    /// Bots that would bump a version again.
    pub(crate) bots: Vec<Bumper>,
    /// What could not be looked at, and why: a cluster, or single Applications.
    pub(crate) unseen: Vec<String>,
    /// Because it did not answer: it may answer later.
    pub(crate) is_away: bool,
}

impl Prepared {
    /// Nothing was seen, because the cluster does not answer.
    pub(crate) fn unseen(id: &RecoveryId, aim: Aim, why: String) -> Self {
        Self {
            id: id.clone(),
            aim,
            observed: Vec::new(),
            bots: Vec::new(),
            unseen: vec![why],
            is_away: true,
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "it is where everything that was found out meets"
)]
pub(crate) async fn prepare(
    branch: &Branch,
    plan: &Plan,
    listed: Listed,
    aim: Aim,
    setting: &Setting,
    away: Option<String>,
    id: &RecoveryId,
    now: Timestamp,
) -> Result<Prepared, Problem> {
    let Listed {
        cluster,
        apps,
        sets,
    } = &listed;
    let concerned = concerned(branch, plan, apps, sets)?;
    if concerned.is_empty() {
        return Err(Problem::new(
            Kind::Nothing,
            "no_application",
            format!(
                "no Application of Argo CD in {} deploys {} from {}",
                cluster.address(),
                keep::files(plan).first().map_or("these files", String::as_str),
                plan.remote
            ),
        )
        .hint("`--context NAME` names the cluster that Argo CD's objects are in; `--git-only` pushes and looks at no cluster"));
    }
    let may_mark = branch.config_of(plan)?.may_mark();
    let observing = join_all(concerned.into_iter().map(|concerned| {
        let Concerned {
            app,
            settings_from,
            aim,
            good_commit,
            manager,
        } = concerned;
        // The commit before is one of the infra repo; what a child deploys may be from elsewhere.
        let good_commit = good_commit.filter(|_| settings_from.is_none());
        let away = away.as_deref();
        async move {
            let name = app.name.clone();
            let known = Known {
                aim: &aim,
                good_commit: good_commit.as_deref(),
                git_is_away: away,
                may_mark,
                manager: manager.as_ref(),
                now,
            };
            let look = async {
                let clusters = Clusters {
                    argo: cluster.clone(),
                    target: destination::of(cluster, &app).await?,
                };
                let mut observed = observe(&clusters, app, known).await?;
                observed.settings_from = settings_from;
                Ok::<_, Problem>((clusters, observed))
            };
            look.await.map_err(|problem| (name, problem))
        }
    }));
    let (seen, roster) = join(observing, bots::roster(cluster, &plan.image_policies)).await;
    let mut observed = Vec::new();
    let mut bots: Vec<Bumper> = Vec::new();
    let mut unseen = Vec::new();
    let mut is_away = false;
    for one in seen {
        let (clusters, mut seen) = match one {
            Ok(seen) => seen,
            // Git does not need it, and the others do not; what is missing is said at the end.
            Err((name, problem)) if setting.wishes.method.pushes() => {
                is_away |= problem.code == UNREACHABLE;
                unseen.push(format!("{name}: {}", problem.message));
                continue;
            }
            Err((_, problem)) => return Err(problem),
        };
        let mut route = route::choose(setting.wishes, &seen.situation);
        if let Some(commit) = route.old_commit()
            && keep::differs_elsewhere(branch, plan, commit, &folders(&seen.app))
        {
            let why = format!(
                "other files of it were changed since {}: Argo CD is not told to sync that",
                short_commit(commit)
            );
            seen.situation.good_commit = None;
            route = route::choose(setting.wishes, &seen.situation);
            route.why.push(why);
        }
        for bumper in of_aim(roster.of(&seen.app), &aim, &seen) {
            route.why.push(bumper.says(setting.bots_until));
            // One of Flux is found for each Application that its version is in.
            if bots.iter().all(|known| known.bot() != bumper.bot()) {
                bots.push(bumper);
            }
        }
        observed.push((clusters, seen, route));
    }
    let hidden = bumpers::unseen(&roster);
    if let Some((_, _, route)) = observed.first_mut() {
        let says = hidden.iter().map(|one| one.says(setting.bots_until));
        route.why.extend(says);
    }
    bots.extend(hidden);
    Ok(Prepared {
        id: id.clone(),
        aim,
        observed,
        bots,
        unseen,
        is_away,
    })
}

/// The folders that an Application's sources are in.
fn folders(app: &Application) -> Vec<&str> {
    let sources = app.sources.iter();
    sources
        .filter_map(|source| source.path.as_deref())
        .collect()
}

/// The code of trouble with a cluster that does not answer.
pub(crate) const UNREACHABLE: &str = "cluster_unreachable";

/// What was looked at first.
pub(crate) fn looked(prepared: &Prepared, started: Timestamp, now: Timestamp) -> Step {
    let seen = prepared.observed.iter();
    let names: Vec<String> = seen.map(|(_, one, _)| one.app.name.to_string()).collect();
    let (state, what) = if prepared.unseen.is_empty() {
        (StepState::Done, names.join(", "))
    } else {
        (StepState::Failed, prepared.unseen.join("; "))
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
    agreed: &Agreement,
    which: &Which,
    (started, now): (Timestamp, Timestamp),
) -> Recovery {
    let observed = prepared.observed.iter();
    let ran: BTreeSet<&String> = observed.flat_map(|(_, one, _)| &one.aim.ran).collect();
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
        aim: Aim {
            ran: ran.into_iter().cloned().collect(),
            ..prepared.aim.clone()
        },
        plan: plan.clone(),
        request: serde_json::to_value(request).unwrap_or_default(),
        agreed: serde_json::to_value(agreed).unwrap_or_default(),
        watch_seconds: setting.watch.as_secs(),
        runs_hooks: setting.runs_hooks,
        replays_canary: setting.wishes.replay_canary,
        parts: parts(prepared, which),
        steps: vec![looked(prepared, started, now)],
        holds: Vec::new(),
        bots_until: setting.bots_until,
        bots: Vec::new(),
        missing: Vec::new(),
        relapse: None,
        evidence: Vec::new(),
    }
}

/// Each Application, as it will be recorded.
pub(crate) fn parts(prepared: &Prepared, which: &Which) -> Vec<Part> {
    prepared
        .observed
        .iter()
        .map(|(_, observed, route)| Part {
            application: observed.app.name.clone(),
            context: which.context.clone(),
            server: which.server.clone(),
            argocd_namespace: which.namespace.clone(),
            route: route.clone(),
            found_at: observed.app.revisions.clone(),
            found_with: matches!(observed.settings_from, Some(SettingsFrom::Set(_)))
                .then(|| digest_of(&observed.app.settings)),
            good: None,
            synced: None,
            durable: None,
        })
        .collect()
}
