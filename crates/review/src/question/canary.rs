//! What the canary measured before the deploy was everywhere.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ripcord_domain::incident::report::DeployStage;

use super::{Answer, Backed, Case, Evidence, State, cause};
use crate::knowledge::Canary;
use crate::words;

/// A metric that a canary was judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CanaryResult {
    /// The run, as `namespace/name`.
    pub run: String,
    /// How the whole run ended, in the source's word.
    pub run_phase: String,
    /// The metric; none: the run tells of none.
    pub metric: Option<String>,
    /// How the metric ended, in the source's word.
    pub phase: String,
    /// It was measured and could not stop anything.
    pub dry_run: bool,
    /// The values, oldest first, as the source wrote them.
    pub values: Vec<String>,
    /// What was asked of the provider.
    pub query: Option<String>,
    /// When the run began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Whether it ended before the deploy was everywhere; none: one of the two is not known.
    pub before_everywhere: Option<bool>,
}

pub(super) fn answer(case: &Case<'_>) -> Backed<CanaryResult> {
    let none = |answer| Backed {
        answer,
        data: Vec::new(),
    };
    let deploy = match cause(case) {
        Ok(deploy) => deploy,
        Err(answer) => return none(answer),
    };
    if deploy.analyses.is_empty() {
        return none(match case.knowledge.canary {
            Canary::Absent => Answer::new(
                State::No,
                "No canary ran: the service has none with an analysis.",
            ),
            Canary::Present => Answer::new(
                State::Unknown,
                "The service has a canary, and no result of it is recorded for this deploy.",
            ),
            Canary::Unknown => Answer::new(
                State::Unknown,
                "No result is recorded, and whether there was a canary is not known.",
            ),
        });
    }
    let everywhere = deploy.at(DeployStage::Healthy);
    let mut data = Vec::new();
    for run in &deploy.analyses {
        let before_everywhere = match (run.ended, everywhere) {
            (Some(ended), Some(everywhere)) => Some(ended <= everywhere),
            // What was stopped never was everywhere.
            _ if deploy.was_stopped() => Some(true),
            _ => None,
        };
        let result = |metric| CanaryResult {
            run: run.run.clone(),
            run_phase: run.phase.clone(),
            metric,
            phase: run.phase.clone(),
            dry_run: false,
            values: Vec::new(),
            query: None,
            started: run.started,
            ended: run.ended,
            before_everywhere,
        };
        if run.metrics.is_empty() {
            data.push(result(None));
        }
        for metric in &run.metrics {
            data.push(CanaryResult {
                phase: metric.phase.clone(),
                dry_run: metric.dry_run,
                values: metric.values.clone(),
                query: metric.query.clone(),
                ..result(Some(metric.name.clone()))
            });
        }
    }
    let evidence = deploy.analyses.iter().map(|run| Evidence {
        what: format!("analysis {} {}", run.run, run.phase),
        events: case.measured(deploy, &run.run),
    });
    let evidence = evidence.collect();
    let before = data
        .iter()
        .filter(|result| result.before_everywhere == Some(true))
        .count();
    let unknown = data
        .iter()
        .filter(|result| result.before_everywhere.is_none())
        .count();
    let results = words::count(data.len(), "result");
    let answer = if before > 0 {
        Answer::new(
            State::Yes,
            format!("{results} recorded, {before} before the deploy was everywhere."),
        )
    } else if unknown > 0 {
        Answer::new(
            State::Unknown,
            format!("{results} recorded; whether before the deploy was everywhere is not known."),
        )
    } else {
        Answer::new(
            State::No,
            format!("{results} recorded, none before the deploy was everywhere."),
        )
    };
    Backed {
        answer: answer.with(evidence),
        data,
    }
}
