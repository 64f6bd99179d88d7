//! Which gate would have stopped it: what said so and was not listened to first, guesses last.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::{Change, CheckResult, DeployStage, MetricReport};

use super::{Answer, Backed, Case, Evidence, State, cause, checks};
use crate::knowledge::Canary;
use crate::words;

/// How much the records say for a gate. The strongest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It said no before the deploy was everywhere, and was not listened to.
    SaidNo,
    /// It was not sure, was left out, or ended too soon.
    Doubted,
    /// The kind of change that such a gate is for; nothing recorded shows that it would have stopped this one.
    Possible,
}

impl Support {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::SaidNo => "said no",
            Self::Doubted => "in doubt",
            Self::Possible => "possible",
        }
    }
}

/// The kinds of gates. Their order is their rank where the records say as much for two.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum GateKind {
    /// A result that was overridden.
    Override,
    /// An analysis that failed and did not stop the rollout.
    Analysis,
    /// A check that failed.
    Check,
    /// A metric that was only tried.
    DryRun,
    /// An analysis that was not clear and was let through.
    Inconclusive,
    /// A canary that watches long enough.
    BakeTime,
    /// Another limit for a metric.
    Threshold,
    /// A check of migrations.
    Migration,
    /// A check of settings.
    Config,
}

/// A gate that would have stopped the deploy, or may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateCandidate {
    /// How much the records say for it.
    pub support: Support,
    /// What kind.
    pub kind: GateKind,
    /// What to have.
    pub text: String,
    /// The shortest time that a canary must watch, in milliseconds, where that is the gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bake_milliseconds: Option<i64>,
    /// What it stands on.
    pub evidence: Evidence,
}

pub(super) fn answer(case: &Case<'_>) -> Backed<GateCandidate> {
    let deploy = match cause(case) {
        Ok(deploy) => deploy,
        Err(answer) => {
            return Backed {
                answer,
                data: Vec::new(),
            };
        }
    };
    let mut data = Vec::new();
    overrides(case, deploy, &mut data);
    of_checks(case, deploy, &mut data);
    of_analyses(case, deploy, &mut data);
    bake_time(case, deploy, &mut data);
    kinds_of_change(case, deploy, &mut data);
    data.sort_by(|a, b| (a.support, a.kind, &a.text).cmp(&(b.support, b.kind, &b.text)));
    let answer = match data.first() {
        None => Answer::new(
            State::Unknown,
            "Nothing is recorded that a gate could have stopped it by.",
        ),
        Some(first) if first.support == Support::Possible => Answer::new(
            State::Unknown,
            format!(
                "No record shows that a gate would have stopped it; {} to think of.",
                words::count(data.len(), "gate")
            ),
        ),
        Some(first) => Answer::new(State::Yes, first.text.clone()),
    };
    Backed { answer, data }
}

fn candidate(support: Support, kind: GateKind, text: String, evidence: Evidence) -> GateCandidate {
    GateCandidate {
        support,
        kind,
        text,
        bake_milliseconds: None,
        evidence,
    }
}

fn overrides(case: &Case<'_>, deploy: &Deployed, into: &mut Vec<GateCandidate>) {
    for (result, events) in checks::overridden(case, deploy) {
        let text = format!("Gate result {result}: it was overridden.");
        let evidence = Evidence {
            what: format!("{result} overridden"),
            events,
        };
        into.push(candidate(
            Support::SaidNo,
            GateKind::Override,
            text,
            evidence,
        ));
    }
}

fn of_checks(case: &Case<'_>, deploy: &Deployed, into: &mut Vec<GateCandidate>) {
    for check in &deploy.checks {
        let support = match check.result {
            CheckResult::Passed => continue,
            CheckResult::Failed => Support::SaidNo,
            CheckResult::Flaky | CheckResult::Skipped => Support::Doubted,
        };
        let required = case.knowledge.required_checks.as_ref();
        let standing = match required.map(|names| names.contains(&check.name)) {
            Some(true) => "it was required, and the deploy went past it",
            Some(false) => "it was not required",
            None => "whether it was required is not known",
        };
        let did = checks::word(check.result);
        let text = format!("Check {}: it {did}; {standing}.", check.name);
        let evidence = Evidence {
            what: format!("check {} {did}", check.name),
            events: case.told(deploy, |report| report.checks.contains(check)),
        };
        into.push(candidate(support, GateKind::Check, text, evidence));
    }
}

fn of_analyses(case: &Case<'_>, deploy: &Deployed, into: &mut Vec<GateCandidate>) {
    let stopped = deploy.was_stopped();
    for run in &deploy.analyses {
        let late = run
            .ended
            .zip(deploy.at(DeployStage::Healthy))
            .is_some_and(|(ended, everywhere)| ended > everywhere);
        let evidence = |what: String| Evidence {
            what,
            events: case.measured(deploy, &run.run),
        };
        let mut add = |support, kind, text: String, what: String| {
            into.push(candidate(support, kind, text, evidence(what)));
        };
        let what = format!("analysis {} {}", run.run, run.phase);
        // What ended after the deploy was everywhere could only have undone it.
        if !stopped && !late && run.phase == "Failed" {
            let text = format!(
                "Analysis {}: it failed and did not stop the deploy.",
                run.run
            );
            add(Support::SaidNo, GateKind::Analysis, text, what);
        } else if !stopped && !late && run.phase == "Inconclusive" {
            let text = format!(
                "Analysis {}: it was not clear, and the deploy went on.",
                run.run
            );
            add(Support::Doubted, GateKind::Inconclusive, text, what);
        }
        for metric in &run.metrics {
            let what = format!("metric {} {}", metric.name, metric.phase);
            match metric.phase.as_str() {
                "Failed" if metric.dry_run && !late => {
                    let text = format!(
                        "Metric {}: it failed, but was only tried; let it count.",
                        metric.name
                    );
                    add(Support::SaidNo, GateKind::DryRun, text, what);
                }
                "Inconclusive" if !stopped && !late && run.phase != "Inconclusive" => {
                    let text = format!(
                        "Metric {}: it was not clear, and the deploy went on.",
                        metric.name
                    );
                    add(Support::Doubted, GateKind::Inconclusive, text, what);
                }
                "Successful" if !stopped => {
                    if let Some(text) = threshold(metric) {
                        add(Support::Possible, GateKind::Threshold, text, what);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The limit itself is not recorded, nor which side of it is bad; so it is only said what was measured.
fn threshold(metric: &MetricReport) -> Option<String> {
    let number = |text: &String| text.trim_matches(['[', ']', ' ']).parse::<f64>().ok();
    let values: Vec<f64> = metric
        .values
        .iter()
        .filter_map(number)
        .filter(|value| value.is_finite())
        .collect();
    let (first, last) = (values.first()?, values.last()?);
    if (first - last).abs() <= f64::EPSILON {
        return None;
    }
    let way = if last > first { "rose" } else { "fell" };
    Some(format!(
        "Metric {}: it passed while it {way} from {first} to {last}; a limit between the two would have stopped it, if that \
         is the bad way.",
        metric.name
    ))
}

fn bake_time(case: &Case<'_>, deploy: &Deployed, into: &mut Vec<GateCandidate>) {
    if deploy.was_stopped() {
        return;
    }
    let Some(began) = case.at(Moment::DeployStarted) else {
        return;
    };
    let onset = case.at(Moment::Onset);
    let Some(bad) = onset
        .or_else(|| case.at(Moment::Fired))
        .filter(|bad| *bad >= began)
    else {
        return;
    };
    let needed = bad.duration_since(began);
    let how = if onset.is_some() {
        "the condition became true"
    } else {
        "the alert fired, at the latest,"
    };
    let needed_words = words::span(needed);
    let ran = deploy.analyses.iter().filter_map(|run| run.ended).max();
    let (text, evidence) = match (ran, case.knowledge.canary) {
        (Some(ended), _) if ended < bad => {
            let watched = words::span(ended.duration_since(began));
            (
                format!(
                    "A longer canary: it watched for {watched}; {how} {needed_words} after the deploy began."
                ),
                Evidence {
                    what: format!("the last analysis ended {watched} after the deploy began"),
                    events: deploy
                        .analyses
                        .iter()
                        .flat_map(|run| case.measured(deploy, &run.run))
                        .collect(),
                },
            )
        }
        (None, Canary::Absent) if deploy.analyses.is_empty() => (
            format!(
                "A canary that watches for at least {needed_words}: {how} so long after the deploy began."
            ),
            Evidence {
                what: "no canary".to_owned(),
                events: case.told(deploy, |report| report.stage == Some(DeployStage::Started)),
            },
        ),
        _ => return,
    };
    into.push(GateCandidate {
        bake_milliseconds: Some(
            i64::try_from(needed.max(SignedDuration::ZERO).as_millis()).unwrap_or(i64::MAX),
        ),
        ..candidate(Support::Doubted, GateKind::BakeTime, text, evidence)
    });
}

fn kinds_of_change(case: &Case<'_>, deploy: &Deployed, into: &mut Vec<GateCandidate>) {
    for (change, kind, text) in [
        (
            Change::Migration,
            GateKind::Migration,
            "A check that the version before still works after the migration.",
        ),
        (
            Change::Config,
            GateKind::Config,
            "A check of the settings as they are rendered, before they are merged.",
        ),
        (
            Change::SharedBase,
            GateKind::Config,
            "A check of every service that is made of the shared base.",
        ),
    ] {
        if deploy.changes.contains(&change) {
            let evidence = Evidence {
                what: "the deploy changed that".to_owned(),
                events: case.told(deploy, |report| report.changes.contains(&change)),
            };
            into.push(candidate(
                Support::Possible,
                kind,
                text.to_owned(),
                evidence,
            ));
        }
    }
}
