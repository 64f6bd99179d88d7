//! What people read and write of incidents: the same on the command line, over HTTP and on pages.
//!
//! Reading puts an incident together with the deploys of its time and with what is suspected ([`Case`]); writing
//! is one more event with an author ([`say`]). Nothing is ever changed or taken away.

pub mod board;
mod case;
mod measuring;
mod minding;
mod next_step;
mod saying;
#[cfg(test)]
mod tests;

use ripcord_domain::incident::Incident;
use ripcord_domain::incident::joining::Key;
use ripcord_domain::{Kind, Problem};
use ripcord_store::{Records, StoreError};

pub use board::{Board, Health, Place, board};
pub use case::{Brief, Case, SCHEMA, briefs, case};
pub use measuring::{Asked, metrics};
pub use minding::{Minding, mind};
pub use next_step::{Back, Doubt, NextStep};
pub use saying::{Saying, Teller, fresh, say};

/// Why something of an incident could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The records cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No incident is called so.
    #[error("no incident is called `{0}`")]
    Unknown(String),
    /// Neither a deploy nor an incident is of what was asked for.
    #[error("neither a deploy nor an incident of it is recorded")]
    NothingKnown,
    /// Something keeps it from being closed.
    #[error("{id} is not over: {}", missing.join("; "))]
    NotOver {
        /// The incident.
        id: String,
        /// What is missing.
        missing: Vec<String>,
    },
    /// What was said says nothing.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A text is longer than anybody reads.
    #[error("{what} is longer than {most} bytes")]
    TooLong {
        /// What.
        what: &'static str,
        /// The most.
        most: usize,
    },
    /// An event of another system was sent as if a person had said it.
    #[error("the event {0} is not one that a command of ripcord wrote")]
    NotOurs(String),
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        let text = error.to_string();
        match error {
            CaseError::Store(StoreError::Newer { .. }) => {
                Self::new(Kind::Local, "newer_records", text)
                    .hint("use the newer ripcord, or other records")
            }
            CaseError::Store(StoreError::Overtaken) => Self::new(Kind::Conflict, "overtaken", text)
                .hint("nothing was written: say it again"),
            CaseError::Store(_) => Self::new(Kind::Local, "no_records", text)
                .hint("free some space, or name other records; nothing was changed"),
            CaseError::Unknown(_) => Self::new(Kind::Usage, "unknown_incident", text)
                .hint("`ripcord incident list` shows those that are known"),
            CaseError::NothingKnown => Self::new(Kind::Nothing, "nothing_known", text).hint(
                "`ripcord metrics` without `--service` and `--environment` shows what is known",
            ),
            CaseError::NotOver { .. } => Self::new(Kind::Refused, "not_over", text)
                .hint("`--although-not-over` closes it all the same, and records what was missing"),
            CaseError::Empty(_) | CaseError::TooLong { .. } | CaseError::NotOurs(_) => {
                Self::new(Kind::Usage, "bad_text", text)
            }
        }
    }
}

/// The incident that is called so: by its id, by a name such as `INC-7`, by its number at PagerDuty.
///
/// # Errors
/// None is called so, or the records cannot be read.
pub fn find(records: &mut dyn Records, name: &str) -> Result<Incident, CaseError> {
    let key = Key::name(name);
    let found = records.known(&std::iter::once(key).collect())?;
    // A name may be given twice in a lifetime; the one that is meant at night is the newest.
    let newest = found.into_iter().max_by_key(|incident| incident.latest);
    newest.ok_or_else(|| CaseError::Unknown(name.to_owned()))
}
