//! Would going back by itself have been faster? Told from recorded instants: when a policy would have acted, and
//! how long the way back took in this incident. Measurements are not played again.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::{AnalysisReport, Change};

use super::{Answer, Backed, Case, State, cause};
use crate::knowledge::{CurrentPolicy, Policy, Trigger};
use crate::words;

/// What is said of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It would have acted before it was decided to go back.
    Faster,
    /// It would have acted no earlier.
    NotFaster,
    /// It would not have acted.
    WouldNotAct,
    /// It cannot be told from what was recorded.
    Unknowable,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::NotFaster => "not faster",
            Self::WouldNotAct => "would not have acted",
            Self::Unknowable => "unknowable",
        }
    }
}

/// What a policy would have done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The policy.
    pub policy: Policy,
    /// It was in force.
    pub in_force: bool,
    /// What is said of it.
    pub verdict: Verdict,
    /// When it would have acted.
    pub acts: Option<Timestamp>,
    /// How long the way back takes once it is decided, in milliseconds, as it took here; none: not known.
    pub way_back_milliseconds: Option<i64>,
    /// When all would have been healthy again.
    pub healthy: Option<Timestamp>,
    /// How much earlier than it was, in milliseconds; less than zero: later.
    pub saved_milliseconds: Option<i64>,
    /// Why it is said, in words.
    pub reason: String,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
}

/// When a policy would have acted, that it would not, or why that cannot be told.
enum Acts {
    At(Timestamp, String),
    Never(String),
    Untold(String),
}

pub(super) fn answer(case: &Case<'_>) -> Backed<Estimate> {
    let deploy = match cause(case) {
        Ok(deploy) => deploy,
        Err(answer) => {
            return Backed {
                answer,
                data: Vec::new(),
            };
        }
    };
    let current = match &case.knowledge.current {
        CurrentPolicy::Is(policy) => Some(policy.clone()),
        CurrentPolicy::Off | CurrentPolicy::Unknown => None,
    };
    let stricter = match case.knowledge.stricter.as_slice() {
        [] => Policy::stricter(),
        given => given.to_vec(),
    };
    let policies = current.into_iter().map(|policy| (policy, true));
    let policies = policies.chain(stricter.into_iter().map(|policy| (policy, false)));
    let data: Vec<Estimate> = policies
        .map(|(policy, in_force)| estimate(case, deploy, policy, in_force))
        .collect();
    Backed {
        answer: sum_up(case, &data),
        data,
    }
}

fn sum_up(case: &Case<'_>, data: &[Estimate]) -> Answer {
    let mut text = match &case.knowledge.current {
        CurrentPolicy::Unknown => "Which policy was in force is not known. ".to_owned(),
        CurrentPolicy::Off => "Nothing went back by itself. ".to_owned(),
        CurrentPolicy::Is(policy) => match data.iter().find(|one| one.in_force) {
            Some(one) => format!(
                "The policy in force ({}): {}. ",
                policy.name,
                one.verdict.words()
            ),
            None => String::new(),
        },
    };
    let faster = data.iter().filter(|one| one.verdict == Verdict::Faster);
    let best = faster.max_by_key(|one| one.saved_milliseconds);
    if let Some(best) = best {
        let name = &best.policy.name;
        let saved = match best.saved_milliseconds.map(SignedDuration::from_millis) {
            Some(saved) => format!("would have saved about {}", words::span(saved)),
            None => "would have begun earlier; how much it saves is not known".to_owned(),
        };
        text.extend(["Going back ", name, " ", &saved, "."]);
        return Answer::new(State::Yes, text);
    }
    if data.iter().any(|one| one.verdict == Verdict::Unknowable) {
        text.push_str(
            "What was recorded does not tell whether any of the policies would have been faster.",
        );
        return Answer::new(State::Unknown, text);
    }
    text.push_str("None of the policies would have been faster.");
    Answer::new(State::No, text)
}

fn estimate(case: &Case<'_>, deploy: &Deployed, policy: Policy, in_force: bool) -> Estimate {
    let mut estimate = Estimate {
        verdict: Verdict::Unknowable,
        acts: None,
        way_back_milliseconds: None,
        healthy: None,
        saved_milliseconds: None,
        reason: String::new(),
        assumptions: Vec::new(),
        policy,
        in_force,
    };
    let (acts, because) = match acts(case, deploy, &estimate.policy.acts_when) {
        Acts::Never(why) => {
            estimate.verdict = Verdict::WouldNotAct;
            estimate.reason = why;
            return estimate;
        }
        Acts::Untold(why) => {
            estimate.reason = why;
            return estimate;
        }
        Acts::At(at, because) => (at, because),
    };
    estimate.acts = Some(acts);
    estimate.reason = because;
    let Some(decided) = case.at(Moment::Decided) else {
        estimate
            .reason
            .push_str("; when it was really decided to go back is not recorded");
        return estimate;
    };
    estimate.verdict = if acts < decided {
        Verdict::Faster
    } else {
        Verdict::NotFaster
    };
    estimate.assumptions = vec![
        "the policy would have been let act: no freeze, and a version to go back to".to_owned(),
        "the source's instants are right, and the policy sees them at once".to_owned(),
    ];
    if deploy.changes.contains(&Change::Migration) {
        let across =
            "going back across the migration that the deploy brought would have been allowed";
        estimate.assumptions.push(across.to_owned());
    }
    if matches!(estimate.policy.acts_when, Trigger::AnalysisFails { .. }) {
        let end = "an analysis is acted on when its run ends: when each value was measured is not recorded";
        estimate.assumptions.push(end.to_owned());
    }
    let real = case.at(Moment::BackHealthy);
    let Some(real) = real.filter(|real| *real >= decided) else {
        estimate
            .reason
            .push_str("; how long the way back took here is not recorded");
        return estimate;
    };
    let took = real.duration_since(decided);
    let Ok(healthy) = acts.checked_add(took) else {
        return estimate;
    };
    estimate.way_back_milliseconds = Some(milliseconds(took));
    estimate.healthy = Some(healthy);
    estimate.saved_milliseconds = Some(milliseconds(real.duration_since(healthy)));
    estimate.assumptions.push(format!(
        "the way back would have taken as long as it took here from the decision to healthy, {}",
        words::span(took)
    ));
    estimate
}

fn milliseconds(span: SignedDuration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn acts(case: &Case<'_>, deploy: &Deployed, trigger: &Trigger) -> Acts {
    let Some(began) = deploy.began() else {
        return Acts::Untold("when the deploy began is not recorded".to_owned());
    };
    match trigger {
        Trigger::AlertFires { alert } => alert_fires(case, began, alert.as_deref()),
        Trigger::ConditionHolds { alert, .. } => {
            condition_holds(case, began, alert.as_deref(), trigger.held_for())
        }
        Trigger::AnalysisFails {
            metric,
            inconclusive,
            dry_run,
        } => analysis_fails(deploy, metric.as_deref(), *inconclusive, *dry_run),
    }
}

/// One time that an alert fired: its title, when that began, when the condition was true, when it ended.
type Fired<'a> = (&'a str, Timestamp, Option<Timestamp>, Option<Timestamp>);

fn fired<'a>(case: &Case<'a>, named: Option<&'a str>) -> Vec<Fired<'a>> {
    let mut found = Vec::new();
    for alert in case.incident.alerts.values() {
        let title = alert.said.value().map_or("", |said| said.title.as_str());
        if named.is_some_and(|named| named != title) {
            continue;
        }
        for (began, episode) in &alert.episodes {
            found.push((title, *began, episode.condition, episode.ended.at()));
        }
    }
    found.sort_by_key(|(title, began, ..)| (*began, *title));
    found
}

const BEFORE: &str =
    "it was so before the deploy began, and what was bad before is no reason to go back";

fn alert_fires(case: &Case<'_>, deployed: Timestamp, named: Option<&str>) -> Acts {
    let fired = fired(case, named);
    match fired.iter().find(|(_, began, ..)| *began >= deployed) {
        Some((title, began, ..)) => Acts::At(
            *began,
            format!("“{title}” fired at {}", words::instant(*began)),
        ),
        None if fired.is_empty() => Acts::Never("no such alert fired".to_owned()),
        None => Acts::Never(format!("an alert fired, but {BEFORE}")),
    }
}

fn condition_holds(
    case: &Case<'_>,
    deployed: Timestamp,
    named: Option<&str>,
    held: SignedDuration,
) -> Acts {
    let fired = fired(case, named);
    if fired.is_empty() {
        // A condition that held for a shorter time than the alert's own is not recorded anywhere.
        return Acts::Untold(
            "no such alert fired; whether its condition was true for a while is not recorded"
                .to_owned(),
        );
    }
    let (mut first, mut untold, mut before) = (None, None, false);
    for (title, _, condition, ended) in fired {
        let Some(condition) = condition else {
            untold = Some(format!(
                "when the condition of “{title}” became true is not recorded"
            ));
            continue;
        };
        if condition < deployed {
            before = true;
            continue;
        }
        let Ok(acts) = condition.checked_add(held) else {
            continue;
        };
        match ended.or(case.incident.latest) {
            Some(last) if acts <= last => {
                let because = format!(
                    "the condition of “{title}” was true from {} for {}",
                    words::instant(condition),
                    words::span(held)
                );
                if first.as_ref().is_none_or(|(known, _)| acts < *known) {
                    first = Some((acts, because));
                }
            }
            _ if ended.is_none() => {
                untold = Some(format!(
                    "whether the condition of “{title}” stayed true is not recorded"
                ));
            }
            _ => {}
        }
    }
    match (first, untold) {
        (Some((at, because)), _) => Acts::At(at, because),
        (None, Some(why)) => Acts::Untold(why),
        (None, None) if before => Acts::Never(format!("the condition was true, but {BEFORE}")),
        (None, None) => Acts::Never(format!("no condition was true for {}", words::span(held))),
    }
}

fn analysis_fails(
    deploy: &Deployed,
    metric: Option<&str>,
    inconclusive: bool,
    dry_run: bool,
) -> Acts {
    if deploy.analyses.is_empty() {
        return Acts::Untold("no analysis of a canary is recorded".to_owned());
    }
    let counts = |phase: &str| phase == "Failed" || inconclusive && phase == "Inconclusive";
    let bad = |run: &AnalysisReport| {
        let fits = |name: &str| metric.is_none_or(|wanted| wanted == name);
        let by_metric = run
            .metrics
            .iter()
            .find(|one| fits(&one.name) && (dry_run || !one.dry_run) && counts(&one.phase));
        match by_metric {
            Some(one) => Some(format!("metric {} {}", one.name, one.phase)),
            None => (metric.is_none() && counts(&run.phase)).then(|| run.phase.clone()),
        }
    };
    let found = deploy
        .analyses
        .iter()
        .filter_map(|run| Some((run, bad(run)?)));
    match found.min_by_key(|(run, _)| (run.ended.is_none(), run.ended)) {
        Some((run, how)) => match run.ended {
            Some(at) => Acts::At(
                at,
                format!("analysis {}: {how} at {}", run.run, words::instant(at)),
            ),
            None => Acts::Untold(format!("when analysis {} ended is not recorded", run.run)),
        },
        None if deploy.analyses.iter().all(|run| run.ended.is_some()) => {
            Acts::Never("no analysis that is recorded ended so".to_owned())
        }
        None => Acts::Untold("not every analysis is recorded to its end".to_owned()),
    }
}
