//! Before the incident: what would stand in the way of a recovery, and how it is mended. Changes nothing.

mod application;
mod cluster;
mod deadline;
mod git;
mod images;
mod permissions;
mod policy;
mod release;
#[cfg(test)]
mod scene;

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::try_join;
use jiff::Timestamp;
use ripcord_connect::Which;
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::bot::Passing;
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{HoldRecord, Recovery};
use ripcord_recovery::request::Request;
use ripcord_recovery::survey::Branch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::applications::listed;
use crate::held::{By, Held};
use deadline::Deadline;

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// As it should be.
    Green,
    /// A recovery works, but slower or with less; or it is not known.
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
    fn green(code: &str, what: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            light: Light::Green,
            application: None,
            what: what.into(),
            mend: None,
        }
    }

    /// What is not green says what to do about it.
    fn to_mend(code: &str, light: Light, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            light,
            mend: Some(mend.into()),
            ..Self::green(code, what)
        }
    }

    fn amber(code: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::to_mend(code, Light::Amber, what, mend)
    }

    fn red(code: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::to_mend(code, Light::Red, what, mend)
    }

    /// What keeps a recovery from beginning, with its own hints, or else with this one.
    fn of_problem(code: &str, problem: &Problem, otherwise: &str) -> Self {
        let mend = if problem.hints.is_empty() {
            otherwise.to_owned()
        } else {
            problem.hints.join("; ")
        };
        Self::red(code, &problem.message, mend)
    }

    fn of(mut self, app: &AppName) -> Self {
        self.application = Some(app.clone());
        self
    }
}

/// Opens the branch; every git process of it is ended at the moment that is handed over.
pub type Opening = Box<dyn FnOnce(Instant) -> Result<Branch, Problem> + Send>;

/// What is asked about.
pub struct About<'a> {
    /// The rollback of a service; none asks about the place, whatever the service.
    pub request: Option<&'a Request>,
    /// Which cluster Argo CD's objects are in.
    pub which: &'a Which,
    /// Recoveries of this machine that have not ended, or hold something.
    pub unfinished: &'a [Recovery],
    /// The time.
    pub now: Timestamp,
    /// How long all of it may take.
    pub within: Duration,
}

/// Looks at everything that a recovery would meet, within a time: what has not answered by then is told.
///
/// # Errors
/// The threads for it cannot be started; there is no repository of that name. What cannot be reached is a
/// finding.
pub fn examine(open: Opening, about: &About<'_>) -> Result<Diagnosis, Problem> {
    let runtime = crate::recover::runtime()?;
    let deadline = Deadline::start(about.within);
    let seen = runtime.spawn(listed(about.which.clone()));
    let (tell, read) = oneshot::channel::<Rc<git::Read>>();
    let looked = runtime.block_on(try_join(
        git::look(open, about, deadline, tell),
        cluster::look(about, seen, read, deadline),
    ));
    // What has not answered is not waited for at the end either.
    runtime.shutdown_background();
    let (mut findings, in_cluster) = looked?;
    findings.extend(left_behind(about));
    findings.extend(in_cluster);
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
    if findings.is_empty() && about.request.is_none() {
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

/// A hold that no recovery of this machine's record knows of as standing.
fn foreign_hold(held: &Held, now: Timestamp) -> Finding {
    let Held {
        application,
        recovery,
        ..
    } = held;
    let since = held.since.map(|at| format!(" since {at}"));
    let until = held.until.map(|at| format!(" until {at}"));
    let span = since.unwrap_or_default() + &until.unwrap_or_default();
    let owner = format!("`ripcord release {recovery}` on the machine that took it");
    let (light, how, mend) = match &held.by {
        By::Window { project, at } => (
            Light::Amber,
            match held.until {
                Some(_) => format!("a window of project {project}"),
                None => format!("a window of project {project} that is over and was left behind"),
            },
            format!("{owner}; without it `argocd proj windows delete {project} {at}`"),
        ),
        // A mark does not end by itself: when its time is over nobody is left who would end it.
        By::Mark => (
            if held.until.is_some_and(|until| until > now) {
                Light::Amber
            } else {
                Light::Red
            },
            "the state of its last operation".to_owned(),
            format!(
                "{owner}; without it `argocd app sync {application}` ends it, and deploys what Git says"
            ),
        ),
    };
    let what = format!("held by {recovery}{span}, not of this machine's record ({how})");
    Finding::to_mend("foreign_hold", light, what, mend).of(application)
}

/// The holds that are not of recoveries which this machine knows as unfinished.
fn foreign_holds(holds: &[Held], about: &About<'_>) -> Vec<Finding> {
    let known = |held: &&Held| {
        let mut ours = about.unfinished.iter();
        ours.any(|recovery| recovery.id.as_str() == held.recovery)
    };
    let foreign = holds.iter().filter(|held| !known(held));
    foreign.map(|held| foreign_hold(held, about.now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn held(by: By, since: Option<&str>, until: Option<&str>) -> Held {
        Held {
            application: AppName {
                namespace: "argocd".into(),
                name: "pay".into(),
            },
            recovery: "r-abc".into(),
            by,
            since: since.map(at),
            until: until.map(at),
        }
    }

    #[test]
    fn a_hold_of_another_machine_is_told_with_what_ends_it() {
        let which = Which::default();
        let about = About {
            request: None,
            which: &which,
            unfinished: &[],
            now: at("2026-11-27T17:20:00Z"),
            within: Duration::from_secs(2),
        };
        let window = By::Window {
            project: "team".into(),
            at: 3,
        };
        let (from, until) = (Some("2026-11-27T17:15:00Z"), Some("2026-11-27T17:45:00Z"));
        let of = |held: Held| foreign_holds(&[held], &about).remove(0);
        let one = of(held(window, from, until));
        assert_eq!(one.light, Light::Amber);
        assert!(one.what.starts_with(
            "held by r-abc since 2026-11-27T17:15:00Z until 2026-11-27T17:45:00Z, not of this machine's record"
        ));
        let mend = one.mend.unwrap();
        assert!(mend.contains("ripcord release r-abc"), "{mend}");
        assert!(mend.contains("argocd proj windows delete team 3"), "{mend}");
        assert_eq!(of(held(By::Mark, None, until)).light, Light::Amber);
        let over = of(held(By::Mark, None, Some("2026-11-27T16:00:00Z")));
        assert_eq!(over.light, Light::Red);
        assert!(over.mend.unwrap().contains("argocd app sync argocd/pay"));
    }

    #[test]
    fn a_problem_without_a_hint_is_not_without_something_to_do() {
        use ripcord_domain::problem::Kind;
        let plain = Problem::new(Kind::Nothing, "nothing", "no earlier version");
        let finding = Finding::of_problem("plan", &plain, "`ripcord plan` shows it");
        assert_eq!(finding.mend.as_deref(), Some("`ripcord plan` shows it"));
        let hinted = plain.hint("one").hint("two");
        let finding = Finding::of_problem("plan", &hinted, "else");
        assert_eq!(finding.mend.as_deref(), Some("one; two"));
    }
}
