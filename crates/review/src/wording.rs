//! What Markdown and page say in the same words: the head, the rows of the tables, the ends of lines.

use std::fmt::Write as _;

use jiff::SignedDuration;
use ripcord_domain::incident::event::{Confidence, EventId};

use crate::question::{CanaryResult, Estimate, GateCandidate};
use crate::review::{Cause, Review};
use crate::words;

/// What stands in the head of a review beside title and id.
pub(crate) fn facts(review: &Review) -> Vec<(&'static str, String)> {
    let concerns: Vec<String> = review.concerns.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = review.names.iter().map(String::as_str).collect();
    let mut facts = Vec::new();
    if !names.is_empty() {
        facts.push(("Also called", names.join(", ")));
    }
    let or_unknown = |text: String| {
        if text.is_empty() {
            "unknown".to_owned()
        } else {
            text
        }
    };
    facts.push(("Services", or_unknown(concerns.join(", "))));
    facts.push((
        "Severity",
        or_unknown(review.severity.clone().unwrap_or_default()),
    ));
    facts.push(("State", review.state.word().to_owned()));
    facts.push(("Trigger", trigger(&review.cause)));
    facts
}

/// A deploy is what set it off; why it could is for people to say.
fn trigger(cause: &Cause) -> String {
    match cause {
        Cause::Unknown => "unknown: nobody named a deploy, and none was undone".to_owned(),
        Cause::NoDeploy { why } => format!("no deploy: {why}"),
        Cause::Deploy {
            deploy,
            concern,
            version,
            replaced,
            subject,
            because,
        } => {
            let mut text = match version {
                Some(version) => format!("deploy {deploy} of {version} to {concern}"),
                None => format!("deploy {deploy} to {concern}"),
            };
            if let Some(replaced) = replaced {
                let _ = write!(text, ", before {replaced}");
            }
            if let Some(subject) = subject {
                let _ = write!(text, " (“{subject}”)");
            }
            let _ = write!(text, "; {because}");
            text
        }
    }
}

/// How many entries are not shown.
pub(crate) fn hidden(review: &Review) -> String {
    let shown = review.shown().count();
    let hidden = review.timeline.len() - shown;
    match hidden {
        0 => format!("{}.", entries(shown)),
        hidden => format!(
            "{}; {hidden} of systems that repeat or remind are left out.",
            entries(shown)
        ),
    }
}

fn entries(count: usize) -> String {
    if count == 1 {
        "1 entry".to_owned()
    } else {
        format!("{count} entries")
    }
}

pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Observed => "observed",
        Confidence::Reported => "reported",
        Confidence::Inferred => "inferred",
    }
}

pub(crate) fn capital(word: &str) -> String {
    let mut signs = word.chars();
    signs.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(signs).collect()
    })
}

/// The events behind something, for the end of a line.
pub(crate) fn named(events: &[EventId]) -> String {
    if events.is_empty() {
        return String::new();
    }
    let ids: Vec<&str> = events.iter().map(EventId::as_str).collect();
    format!(" (event {})", ids.join(", "))
}

pub(crate) const CANARY_HEADS: [&str; 6] = [
    "Run",
    "Metric",
    "Result",
    "Values",
    "Counted",
    "Before everywhere",
];

pub(crate) fn canary_row(result: &CanaryResult) -> [String; 6] {
    [
        result.run.clone(),
        result
            .metric
            .clone()
            .unwrap_or_else(|| "none told".to_owned()),
        result.phase.clone(),
        if result.values.is_empty() {
            "none recorded".to_owned()
        } else {
            result.values.join(", ")
        },
        (if result.dry_run {
            "no, tried only"
        } else {
            "yes"
        })
        .to_owned(),
        match result.before_everywhere {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        }
        .to_owned(),
    ]
}

pub(crate) const ESTIMATE_HEADS: [&str; 5] = [
    "Policy",
    "Verdict",
    "Would have acted",
    "Saves about",
    "Why",
];

pub(crate) fn estimate_row(one: &Estimate) -> [String; 5] {
    let in_force = if one.in_force { " (in force)" } else { "" };
    [
        format!("go back {}{in_force}", one.policy.name),
        one.verdict.words().to_owned(),
        one.acts.map_or_else(String::new, words::instant),
        one.saved_milliseconds.map_or_else(
            || "unknown".to_owned(),
            |saved| words::span(SignedDuration::from_millis(saved)),
        ),
        one.reason.clone(),
    ]
}

/// What any of the estimates takes for granted, each once.
pub(crate) fn assumptions(review: &Review) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for assumption in review
        .pipeline
        .automatic
        .data
        .iter()
        .flat_map(|one| &one.assumptions)
    {
        if !known.contains(assumption) {
            known.push(assumption.clone());
        }
    }
    known
}

pub(crate) const GATE_HEADS: [&str; 4] = ["Rank", "Gate", "Support", "Evidence"];

pub(crate) fn gate_row(rank: usize, gate: &GateCandidate) -> [String; 4] {
    [
        (rank + 1).to_string(),
        gate.text.clone(),
        gate.support.words().to_owned(),
        format!("{}{}", gate.evidence.what, named(&gate.evidence.events)),
    ]
}
