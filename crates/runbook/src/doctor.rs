//! Before the incident: what would stand in the way of a recovery, and how it is mended. Changes nothing.

mod application;
mod git;
mod images;
mod permissions;

use std::time::Duration;

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use ripcord_connect::bots::{self, Roster};
use ripcord_connect::{Cluster, Which, argocd, destination};
use ripcord_domain::config::Config;
use ripcord_domain::live::application::{AppName, Application};
use ripcord_domain::live::bot::Passing;
use ripcord_domain::live::release::Release;
use ripcord_domain::plan::{Plan, SCHEMA};
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::Recovery;
use ripcord_recovery::survey::Branch;
use ripcord_registry::Registries;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bots::of_aim;
use crate::observe::{Clusters, observe};
use crate::prepare::{aim_of, before_of, concerned, listed};
use crate::recover::broken;

/// How long forges and registries are waited for: the whole is to take two seconds.
const LIMIT: Duration = Duration::from_millis(1200);

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// As it should be.
    Green,
    /// A recovery works, but slower or with less.
    Amber,
    /// A recovery would stop here.
    Red,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// A stable word for programs, such as `push`.
    pub code: String,
    /// How bad it is.
    pub light: Light,
    /// Of which Application; none where it is of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<AppName>,
    /// What was found.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// `ripcord doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The number of the JSON form.
    pub schema: u32,
    /// The worst of the findings.
    pub light: Light,
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
}

impl Finding {
    fn new(code: &str, light: Light, what: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            light,
            application: None,
            what: what.into(),
            mend: None,
        }
    }

    fn green(code: &str, what: impl Into<String>) -> Self {
        Self::new(code, Light::Green, what)
    }

    fn amber(code: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let mut finding = Self::new(code, Light::Amber, what);
        finding.mend = Some(mend.into());
        finding
    }

    fn red(code: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let mut finding = Self::new(code, Light::Red, what);
        finding.mend = Some(mend.into());
        finding
    }

    fn of(mut self, app: &AppName) -> Self {
        self.application = Some(app.clone());
        self
    }
}

/// Looks at everything that a recovery of these services would meet.
///
/// # Errors
/// The threads for it cannot be started; what cannot be reached is a finding.
pub fn examine(
    branch: &Branch,
    plan: Result<&Plan, &Problem>,
    config: &Config,
    which: &Which,
    unfinished: &[Recovery],
    now: Timestamp,
) -> Result<Diagnosis, Problem> {
    let runtime = crate::recover::runtime()?;
    let seen = runtime.spawn(listed(which.clone()));
    let rules = runtime.spawn(git::rules(
        branch.repo.remote().push_url().to_string(),
        config.forge,
        git::who(branch),
        branch.name.clone(),
        LIMIT,
    ));
    let mut findings = Vec::new();
    git::git(branch, plan, now, &mut findings);
    let rules = runtime.block_on(rules).map_err(broken)?;
    findings.push(git::judged(&branch.name, rules));
    for recovery in unfinished {
        for hold in recovery.standing_holds() {
            findings.push(
                Finding::red(
                    "hold",
                    format!(
                        "recovery {} holds it until {}, since {} by {}",
                        recovery.id, hold.until, hold.taken, hold.owner
                    ),
                    format!(
                        "`ripcord resume {0}` finishes it, `ripcord release {0}` lets go",
                        recovery.id
                    ),
                )
                .of(&hold.application),
            );
        }
    }
    for recovery in unfinished {
        findings.extend(
            recovery
                .held_bots()
                .map(|passing| held_bot(recovery, passing)),
        );
    }
    match runtime.block_on(seen).map_err(broken)? {
        Ok((cluster, apps)) => {
            findings.push(Finding::green(
                "cluster",
                format!("{}: {} Application(s)", cluster.address(), apps.len()),
            ));
            if let Ok(plan) = plan {
                let concerned = concerned(branch, plan, apps);
                let registries = Registries::new(config.mirrors.clone(), LIMIT);
                let looked = applications(plan, &cluster, concerned, &registries, now);
                findings.extend(runtime.block_on(looked));
            }
        }
        Err(problem) => findings.push(Finding::red(
            "cluster",
            problem.message.clone(),
            problem.hints.first().cloned().unwrap_or_else(|| {
                "`--context NAME` names the cluster that Argo CD's objects are in".to_owned()
            }),
        )),
    }
    let light = findings
        .iter()
        .map(|finding| finding.light)
        .max()
        .unwrap_or(Light::Green);
    Ok(Diagnosis {
        schema: SCHEMA,
        light,
        findings,
    })
}

/// A bot that still passes a version over.
fn held_bot(recovery: &Recovery, passing: &Passing) -> Finding {
    let tags = passing.tags.join(", ");
    Finding::amber(
        "held_bot",
        format!(
            "{}; recovery {} makes it pass {tags} over until {}",
            passing.bot, recovery.id, passing.until
        ),
        format!("`ripcord release {}` lets it bump again", recovery.id),
    )
}

/// Everything about the Applications that a recovery would touch.
async fn applications(
    plan: &Plan,
    cluster: &Cluster,
    concerned: Vec<Application>,
    registries: &Registries,
    now: Timestamp,
) -> Vec<Finding> {
    if concerned.is_empty() {
        return vec![Finding::red(
            "application",
            format!(
                "no Application of Argo CD deploys these services from {}",
                plan.remote
            ),
            "`--context NAME` names the cluster that Argo CD's objects are in",
        )];
    }
    let (release, roster) = join(
        argocd::version(cluster),
        bots::roster(cluster, &plan.image_policies),
    )
    .await;
    let release = release.as_deref().and_then(Release::parse);
    let each = concerned
        .into_iter()
        .map(|app| one(plan, cluster, app, release, &roster, registries, now));
    join_all(each).await.concat()
}

async fn one(
    plan: &Plan,
    cluster: &Cluster,
    app: Application,
    release: Option<Release>,
    roster: &Roster,
    registries: &Registries,
    now: Timestamp,
) -> Vec<Finding> {
    let name = app.name.clone();
    let target = match destination::of(cluster, &app).await {
        Ok(target) => target,
        Err(error) => {
            let mend = "add a context with its address to the kubeconfig";
            return vec![Finding::red("destination", error.to_string(), mend).of(&name)];
        }
    };
    let clusters = Clusters {
        argo: cluster.clone(),
        target,
    };
    let aim = aim_of(plan);
    let (mut findings, observed) = join(
        permissions::permissions(&clusters, &app),
        observe(&clusters, app.clone(), &aim, before_of(plan), None, now),
    )
    .await;
    match observed {
        Ok(observed) => {
            application::application(&aim, &observed, release, &mut findings);
            findings.extend(images::images(registries, &aim, &observed).await);
            for bumper in of_aim(roster.of(&app), &aim, &observed) {
                findings.push(Finding::new("image_bot", Light::Amber, bumper.says(None)).of(&name));
            }
        }
        Err(problem) => findings.push(
            Finding::red(
                "observe",
                problem.message,
                "a recovery must be able to read this",
            )
            .of(&name),
        ),
    }
    findings
}
