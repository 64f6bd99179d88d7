//! What people say of incidents.

use jiff::Timestamp;
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, IncidentId, Source, SourceKind,
};
use ripcord_domain::incident::instant::Moment;
use ripcord_store::{Records, filing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CaseError, find};

/// The longest text that is kept of a person's words, in bytes.
const LONGEST: usize = 16 * 1024;

/// What a person says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "say", rename_all = "snake_case", deny_unknown_fields)]
pub enum Saying {
    /// Something is wrong.
    Open {
        /// What, in a line.
        title: String,
        /// How bad, in the person's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        severity: Option<String>,
        /// The service and environment, where one is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        concern: Option<Concern>,
        /// What the incident is called elsewhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Something to remember.
    Note {
        /// What.
        text: String,
    },
    /// What was decided or approved.
    Decide {
        /// What.
        what: String,
    },
    /// What the cause was.
    Charge {
        /// The deploy; none: no deploy explains it.
        deploy: Option<String>,
        /// Why.
        why: String,
    },
    /// When something was really.
    Correct {
        /// Which instant.
        moment: Moment,
        /// When; none: it is not known after all.
        at: Option<Timestamp>,
        /// Why.
        why: String,
    },
    /// It is over.
    Close {
        /// Why.
        why: String,
        /// Close it although something is missing, which is recorded.
        #[serde(default)]
        although_not_over: bool,
    },
    /// The review is written.
    Reviewed {
        /// Where it is kept.
        place: String,
    },
    /// It is not over after all.
    Reopen {
        /// Why.
        why: String,
    },
}

/// Who says it, where and when.
#[derive(Clone, Debug)]
pub struct Teller<'a> {
    /// The person.
    pub author: &'a str,
    /// The machine, or the name of the server.
    pub place: &'a str,
    /// Now.
    pub now: Timestamp,
    /// From chance: no two sayings have the same.
    pub chance: u128,
}

/// Writes down what a person says of an incident; how the incident stands then. An incident is opened with
/// `None`, and everything else is said of the one that is called so.
///
/// # Errors
/// Nothing was written.
pub fn say(
    records: &mut dyn Records,
    of: Option<&str>,
    saying: &Saying,
    teller: &Teller<'_>,
) -> Result<Incident, CaseError> {
    let known = of.map(|name| find(records, name)).transpose()?;
    let (fact, concern) = fact(saying, known.as_ref())?;
    let id = known.map_or_else(|| fresh(teller.chance), |incident| incident.id);
    let mut events = vec![event(&id, fact, concern, teller, 0)];
    if let Saying::Open {
        name: Some(name), ..
    } = saying
    {
        let named = Fact::Named {
            name: checked("the name", name)?,
        };
        events.push(event(&id, named, None, teller, 1));
    }
    let mut turn = 0;
    let next = || {
        turn += 1;
        fresh(teller.chance.wrapping_add(turn))
    };
    filing::file(records, &events, next)?;
    find(records, id.as_str())
}

/// An incident's id from chance.
pub fn fresh(chance: u128) -> IncidentId {
    let folded = (chance ^ (chance >> 64)) & u128::from(u64::MAX);
    IncidentId::from_chance(u64::try_from(folded).unwrap_or_default())
}

fn event(
    incident: &IncidentId,
    fact: Fact,
    concern: Option<Concern>,
    teller: &Teller<'_>,
    part: u8,
) -> Event {
    Event {
        id: EventId::new(format!("said/{:032x}/{part}", teller.chance)),
        observed: teller.now,
        received: teller.now,
        source: Source {
            kind: SourceKind::Ripcord,
            name: teller.place.to_owned(),
        },
        confidence: Confidence::Reported,
        incident: Some(incident.clone()),
        concern,
        link: None,
        author: Some(teller.author.to_owned()),
        fact,
    }
}

fn fact(saying: &Saying, known: Option<&Incident>) -> Result<(Fact, Option<Concern>), CaseError> {
    let fact = match saying {
        Saying::Open {
            title,
            severity,
            concern,
            ..
        } => {
            let severity = severity.as_deref();
            let severity = severity.map(|text| checked("the severity", text));
            let opened = Fact::Opened {
                title: checked("the title", title)?,
                severity: severity.transpose()?,
            };
            return Ok((opened, concern.clone()));
        }
        Saying::Note { text } => Fact::Note {
            text: checked("the note", text)?,
        },
        Saying::Decide { what } => Fact::Decision {
            what: checked("what was decided", what)?,
        },
        Saying::Charge { deploy, why } => Fact::Charged {
            deploy: deploy.clone(),
            why: checked("the reason", why)?,
        },
        Saying::Correct { moment, at, why } => Fact::Corrected {
            moment: *moment,
            at: *at,
            why: checked("the reason", why)?,
        },
        Saying::Close {
            why,
            although_not_over,
        } => {
            let missing = known.map(Incident::missing_to_close).unwrap_or_default();
            if let (Some(incident), false, false) = (known, *although_not_over, missing.is_empty())
            {
                return Err(CaseError::NotOver {
                    id: incident.id.to_string(),
                    missing,
                });
            }
            Fact::Closed {
                why: checked("the reason", why)?,
                although: missing,
            }
        }
        Saying::Reviewed { place } => Fact::Reviewed {
            place: checked("where it is kept", place)?,
        },
        Saying::Reopen { why } => Fact::Reopened {
            why: checked("the reason", why)?,
        },
    };
    Ok((fact, None))
}

fn checked(what: &'static str, text: &str) -> Result<String, CaseError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(CaseError::Empty(what));
    }
    if text.len() > LONGEST {
        return Err(CaseError::TooLong {
            what,
            most: LONGEST,
        });
    }
    Ok(text.to_owned())
}
