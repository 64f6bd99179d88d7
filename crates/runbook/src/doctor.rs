//! Before the incident: what would stand in the way of a recovery, and how it is mended. Changes nothing.

mod application;
mod cluster;
mod deadline;
mod git;
mod images;
mod permissions;
mod release;

use std::time::Duration;

use jiff::Timestamp;
use ripcord_connect::Which;
use ripcord_domain::config::Config;
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::bot::Passing;
use ripcord_domain::plan::{Plan, SCHEMA};
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{HoldRecord, Recovery};
use ripcord_recovery::survey::Branch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::applications::listed;
use crate::recover::broken;
use deadline::Deadline;

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

/// What is asked about.
pub struct About<'a> {
    /// The rollback of a service, or why there can be none; none asks about the place, whatever the service.
    pub plan: Option<Result<&'a Plan, &'a Problem>>,
    /// What is configured.
    pub config: &'a Config,
    /// Which cluster Argo CD's objects are in.
    pub which: &'a Which,
    /// Recoveries of this machine that have not ended, or hold something.
    pub unfinished: &'a [Recovery],
    /// The time.
    pub now: Timestamp,
}

/// Looks at everything that a recovery would meet.
///
/// # Errors
/// The threads for it cannot be started; what cannot be reached is a finding.
pub fn examine(branch: &Branch, about: &About<'_>) -> Result<Diagnosis, Problem> {
    let runtime = crate::recover::runtime()?;
    let deadline = Deadline::start();
    let seen = runtime.spawn(listed(about.which.clone()));
    let known = branch.repo.credentials();
    let rules = runtime.spawn(git::rules(
        branch.repo.remote().push_url().to_string(),
        about.config.forge,
        known.as_ref().map(git::who),
        branch.name.clone(),
        LIMIT,
    ));
    let mut findings = Vec::new();
    git::git(branch, known.as_ref(), about.now, &mut findings);
    if let Some(plan) = about.plan {
        git::targets(plan, &mut findings);
    }
    let what = format!("the rules of the branch {}", branch.name);
    let rules = deadline.waits_for("branch_rules", &what, rules);
    findings.push(match runtime.block_on(rules) {
        Ok(rules) => git::judged(&branch.name, rules.map_err(broken)?),
        Err(late) => late,
    });
    findings.extend(left_behind(about));
    let cluster = deadline.waits_for("cluster", "Argo CD's objects", seen);
    match runtime.block_on(cluster) {
        Ok(listed) => {
            let listed = listed.map_err(broken)?;
            let looked = cluster::look(branch, about, listed, deadline);
            findings.extend(runtime.block_on(looked));
        }
        Err(late) => findings.push(late),
    }
    // What has not answered is not waited for at the end either.
    runtime.shutdown_background();
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

/// What recoveries of this machine still hold.
fn left_behind(about: &About<'_>) -> Vec<Finding> {
    let holds = about.unfinished.iter().flat_map(|recovery| {
        let holds = recovery.standing_holds();
        holds.map(move |hold| standing_hold(recovery, hold))
    });
    let bots = about.unfinished.iter().flat_map(|recovery| {
        let bots = recovery.held_bots();
        bots.map(move |passing| held_bot(recovery, passing))
    });
    let mut findings: Vec<Finding> = holds.chain(bots).collect();
    if findings.is_empty() && about.plan.is_none() {
        let none = "no recovery of this machine holds an Application or a bot";
        findings.push(Finding::green("hold", none));
    }
    findings
}

fn standing_hold(recovery: &Recovery, hold: &HoldRecord) -> Finding {
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
    .of(&hold.application)
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
