//! The four questions that a review asks of the pipeline, answered from records.

mod automatic;
mod canary;
mod checks;
mod gates;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use jiff::Timestamp;
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::{Event, EventId, Fact};
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::DeployReport;

use crate::figure::Reached;
use crate::knowledge::Knowledge;

pub use automatic::{Estimate, Verdict};
pub use canary::CanaryResult;
pub use gates::{GateCandidate, GateKind, Support};

/// What the answers are made of.
pub(crate) struct Case<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) events: &'a [Event],
    pub(crate) cause: Charged<'a>,
    pub(crate) instants: &'a [Reached],
    pub(crate) knowledge: &'a Knowledge,
}

/// The deploy that counts as the cause.
#[derive(Clone, Copy)]
pub(crate) enum Charged<'a> {
    /// This one.
    Deploy(&'a Deployed),
    /// No deploy explains it.
    NoDeploy,
    /// It is not known.
    Unknown,
}

impl<'a> Charged<'a> {
    pub(crate) fn of(incident: &Incident, deploys: &'a [Deployed]) -> Self {
        match incident.cause(deploys) {
            Some(Some(deploy)) => Self::Deploy(deploy),
            Some(None) => Self::NoDeploy,
            None => Self::Unknown,
        }
    }

    pub(crate) fn deploy(self) -> Option<&'a Deployed> {
        match self {
            Self::Deploy(deploy) => Some(deploy),
            Self::NoDeploy | Self::Unknown => None,
        }
    }
}

impl Case<'_> {
    pub(crate) fn at(&self, moment: Moment) -> Option<Timestamp> {
        let mut instants = self.instants.iter();
        instants
            .find(|reached| reached.moment == moment)
            .and_then(|reached| reached.at)
    }

    /// The events of a deploy whose report is so.
    fn told(&self, deploy: &Deployed, fits: impl Fn(&DeployReport) -> bool) -> Vec<EventId> {
        self.evidence(
            deploy,
            |fact| matches!(fact, Fact::Deploy(report) if fits(report)),
        )
    }

    /// The events of an analysis, by the name of its run.
    fn measured(&self, deploy: &Deployed, run: &str) -> Vec<EventId> {
        self.evidence(
            deploy,
            |fact| matches!(fact, Fact::Analysis(report) if report.run == run),
        )
    }

    fn evidence(&self, deploy: &Deployed, fits: impl Fn(&Fact) -> bool) -> Vec<EventId> {
        let events = self.events.iter();
        let mut found: Vec<EventId> = events
            .filter(|event| deploy.events.contains(&event.id) && fits(&event.fact))
            .map(|event| event.id.clone())
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

/// An answer, as far as the records give one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The records say yes.
    Yes,
    /// The records say no.
    No,
    /// No deploy explains the incident, so that there is nothing to ask.
    NotApplicable,
    /// The records do not say.
    Unknown,
}

impl State {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::NotApplicable => "does not apply",
            Self::Unknown => "unknown",
        }
    }
}

/// What an answer stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What was recorded.
    pub what: String,
    /// The events that say so. Empty where it is said by what is known beside the events.
    pub events: Vec<EventId>,
}

/// An answer with what it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// As far as the records give one.
    pub state: State,
    /// In words.
    pub text: String,
    /// What it stands on.
    pub evidence: Vec<Evidence>,
}

/// An answer with the data that it is computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backed<T> {
    /// The answer.
    pub answer: Answer,
    /// The data.
    pub data: Vec<T>,
}

/// The four questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Questions {
    /// Were there warnings before the deploy?
    pub warnings: Answer,
    /// Were there results of a canary before it was everywhere?
    pub canary: Backed<CanaryResult>,
    /// Would going back by itself have been faster?
    pub automatic: Backed<Estimate>,
    /// Which gate would have stopped it?
    pub gates: Backed<GateCandidate>,
}

pub(crate) const WARNINGS: &str = "Were there warnings before the deploy?";
pub(crate) const CANARY: &str = "Were there canary results before it was everywhere?";
pub(crate) const AUTOMATIC: &str = "Would an automatic rollback have been faster?";
pub(crate) const GATES: &str = "Which gate would have stopped it?";

pub(crate) fn answer(case: &Case<'_>) -> Questions {
    Questions {
        warnings: checks::answer(case),
        canary: canary::answer(case),
        automatic: automatic::answer(case),
        gates: gates::answer(case),
    }
}

impl Answer {
    fn new(state: State, text: impl Into<String>) -> Self {
        Self {
            state,
            text: text.into(),
            evidence: Vec::new(),
        }
    }

    fn with(mut self, evidence: Vec<Evidence>) -> Self {
        self.evidence = evidence;
        self
    }
}

/// The deploy to be asked about, or the answer that there is none.
fn cause<'a>(case: &Case<'a>) -> Result<&'a Deployed, Answer> {
    match case.cause {
        Charged::Deploy(deploy) => Ok(deploy),
        Charged::NoDeploy => Err(Answer::new(
            State::NotApplicable,
            "No deploy explains this incident, so none is judged.",
        )),
        Charged::Unknown => Err(Answer::new(
            State::Unknown,
            "No deploy is named as the cause, so it is not known which one to look at.",
        )),
    }
}
