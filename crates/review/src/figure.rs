//! How long each part took: two instants and what is between them.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ripcord_domain::incident::event::EventId;
use ripcord_domain::incident::instant::{Correction, Instant, Moment};

use crate::words;

/// How an instant is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// A source said so.
    Recorded,
    /// It was concluded from something else.
    Inferred,
    /// A person corrected it.
    Corrected,
    /// It is not known.
    Unknown,
}

impl Known {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Inferred => "inferred",
            Self::Corrected => "corrected",
            Self::Unknown => "unknown",
        }
    }
}

/// An instant of the incident, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reached {
    /// Which.
    pub moment: Moment,
    /// When; none: it is not known.
    pub at: Option<Timestamp>,
    /// How it is known.
    pub known: Known,
    /// From what it was concluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inferred: Option<String>,
    /// Who corrected it and why, and what had been recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Correction>,
    /// The event that says so, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
}

impl From<Instant> for Reached {
    fn from(instant: Instant) -> Self {
        let known = match (&instant.corrected, instant.at, &instant.inferred) {
            (Some(_), ..) => Known::Corrected,
            (None, None, _) => Known::Unknown,
            (None, Some(_), Some(_)) => Known::Inferred,
            (None, Some(_), None) => Known::Recorded,
        };
        Self {
            moment: instant.moment,
            at: instant.at,
            known,
            inferred: instant.inferred,
            corrected: instant.corrected,
            event: instant.event,
        }
    }
}

impl Reached {
    /// What is to be said of it beside its time.
    pub(crate) fn note(&self) -> String {
        if let Some(correction) = &self.corrected {
            let before = correction
                .recorded
                .map_or_else(|| "not known".to_owned(), words::instant);
            return format!("was {before}; {}: {}", correction.by, correction.why);
        }
        self.inferred.clone().unwrap_or_default()
    }
}

/// The parts of an incident.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// From the deploy to the alert.
    Detection,
    /// From the alert to the decision.
    Response,
    /// From the decision to a service that works, hop by hop.
    Resolution,
    /// From one milestone to another.
    Whole,
}

impl Part {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::Response => "response",
            Self::Resolution => "resolution",
            Self::Whole => "overall",
        }
    }
}

/// One end of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// Which instant.
    pub moment: Moment,
    /// When; none: it is not known.
    pub at: Option<Timestamp>,
    /// How it is known.
    pub known: Known,
}

/// What is between two instants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Span {
    /// So long.
    Took {
        /// In milliseconds.
        milliseconds: i64,
    },
    /// The end is before the beginning, as they were recorded.
    Contradictory {
        /// In milliseconds, less than zero.
        milliseconds: i64,
    },
    /// One end or both are not known.
    Unknown {
        /// Which.
        missing: Vec<Moment>,
    },
}

/// How long a part took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// Of which part.
    pub part: Part,
    /// Its name.
    pub name: String,
    /// From when.
    pub from: End,
    /// To when.
    pub to: End,
    /// How long.
    pub span: Span,
}

/// Every figure: part, name, from, to. Part by part in the order of the instants.
const FIGURES: [(Part, &str, Moment, Moment); 15] = [
    (
        Part::Detection,
        "deploy to condition",
        Moment::DeployStarted,
        Moment::Onset,
    ),
    (
        Part::Detection,
        "condition to alert",
        Moment::Onset,
        Moment::Fired,
    ),
    (
        Part::Detection,
        "deploy to alert",
        Moment::DeployStarted,
        Moment::Fired,
    ),
    (
        Part::Detection,
        "healthy everywhere to alert",
        Moment::DeployHealthy,
        Moment::Fired,
    ),
    (
        Part::Response,
        "alert to informed",
        Moment::Fired,
        Moment::Informed,
    ),
    (
        Part::Response,
        "informed to decision",
        Moment::Informed,
        Moment::Decided,
    ),
    (
        Part::Resolution,
        "decision to commit",
        Moment::Decided,
        Moment::BackCommitted,
    ),
    (
        Part::Resolution,
        "commit to synced",
        Moment::BackCommitted,
        Moment::BackSynced,
    ),
    (
        Part::Resolution,
        "synced to healthy",
        Moment::BackSynced,
        Moment::BackHealthy,
    ),
    (
        Part::Resolution,
        "healthy to restored",
        Moment::BackHealthy,
        Moment::Restored,
    ),
    (
        Part::Resolution,
        "decision to restored",
        Moment::Decided,
        Moment::Restored,
    ),
    (
        Part::Whole,
        "alert to rollback in Git",
        Moment::Fired,
        Moment::BackCommitted,
    ),
    (
        Part::Whole,
        "alert to rollback healthy",
        Moment::Fired,
        Moment::BackHealthy,
    ),
    (
        Part::Whole,
        "alert to restored",
        Moment::Fired,
        Moment::Restored,
    ),
    (
        Part::Whole,
        "rollback to full fix",
        Moment::BackHealthy,
        Moment::Fixed,
    ),
];

/// Each figure, known or not.
pub(crate) fn figures(instants: &[Reached]) -> Vec<Figure> {
    FIGURES
        .iter()
        .map(|(part, name, from, to)| {
            let (from, to) = (end(instants, *from), end(instants, *to));
            Figure {
                part: *part,
                name: (*name).to_owned(),
                from,
                to,
                span: between(from, to),
            }
        })
        .collect()
}

fn end(instants: &[Reached], moment: Moment) -> End {
    let found = instants.iter().find(|reached| reached.moment == moment);
    End {
        moment,
        at: found.and_then(|reached| reached.at),
        known: found.map_or(Known::Unknown, |reached| reached.known),
    }
}

fn between(from: End, to: End) -> Span {
    let (Some(start), Some(stop)) = (from.at, to.at) else {
        let ends = [from, to].into_iter();
        let missing = ends
            .filter(|end| end.at.is_none())
            .map(|end| end.moment)
            .collect();
        return Span::Unknown { missing };
    };
    let milliseconds = stop.as_millisecond() - start.as_millisecond();
    if stop < start {
        Span::Contradictory { milliseconds }
    } else {
        Span::Took { milliseconds }
    }
}

impl Figure {
    /// The span in words.
    pub(crate) fn words(&self) -> String {
        match &self.span {
            Span::Took { milliseconds } => words::span(SignedDuration::from_millis(*milliseconds)),
            Span::Contradictory { milliseconds } => format!(
                "{}: “{}” is recorded before “{}”",
                words::span(SignedDuration::from_millis(*milliseconds)),
                self.to.moment.words(),
                self.from.moment.words()
            ),
            Span::Unknown { missing } => {
                let missing: Vec<String> = missing
                    .iter()
                    .map(|moment| format!("“{}”", moment.words()))
                    .collect();
                let verb = if missing.len() == 1 { "is" } else { "are" };
                format!("unknown: {} {verb} not recorded", missing.join(" and "))
            }
        }
    }

    /// How sure its ends are, where one is not simply recorded.
    pub(crate) fn quality(&self) -> String {
        let told = [&self.from, &self.to]
            .into_iter()
            .filter_map(|end| match end.known {
                Known::Inferred | Known::Corrected => {
                    Some(format!("“{}” is {}", end.moment.words(), end.known.word()))
                }
                Known::Recorded | Known::Unknown => None,
            });
        told.collect::<Vec<_>>().join("; ")
    }
}
