//! What went wrong, classed once: the kind decides the exit code, the text is for a tired person.

use schemars::JsonSchema;
use serde::Serialize;

/// The classes of trouble, each with its own exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Asked for something that cannot be had: no earlier version, nothing deployed since then.
    Nothing,
    /// A wrong flag, name, file or configuration.
    Usage,
    /// Possible, but refused without an explicit flag because it is dangerous.
    Refused,
    /// Somebody else changed the same thing.
    Conflict,
    /// The remote understood and said no: protected branch, hook, missing permission.
    Rejected,
    /// The remote could not be reached or did not let us in.
    Remote,
    /// This machine or this clone: disk full, missing or corrupt objects, no identity.
    Local,
    /// A part of a recovery is done and a part is missing; the message names both.
    Unfinished,
    /// The bad version was brought back while it was watched.
    Relapsed,
    /// A bug in ripcord.
    Internal,
}

impl Kind {
    /// Every kind, in the order of the exit codes.
    pub const ALL: [Self; 10] = [
        Self::Nothing,
        Self::Usage,
        Self::Refused,
        Self::Conflict,
        Self::Rejected,
        Self::Remote,
        Self::Local,
        Self::Unfinished,
        Self::Relapsed,
        Self::Internal,
    ];

    /// The exit code of the process; 0 is "done", and also "already so, nothing pushed".
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Nothing => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Conflict => 4,
            Self::Rejected => 5,
            Self::Remote => 6,
            Self::Local => 7,
            Self::Unfinished => 8,
            Self::Relapsed => 9,
            Self::Internal => 70,
        }
    }

    /// One line for the table of exit codes.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Nothing => {
                "nothing could be done: no earlier version, nothing matches the selection"
            }
            Self::Usage => "usage: wrong flag, unknown name, bad configuration",
            Self::Refused => "refused for safety: a flag named in the message is needed",
            Self::Conflict => "conflict with somebody else's change",
            Self::Rejected => "rejected by the remote: protected branch, hook, permission",
            Self::Remote => "remote or network trouble, wrong credentials",
            Self::Local => "trouble on this machine: disk full, corrupt objects, no identity",
            Self::Unfinished => "half done: the message says what is missing and how to finish it",
            Self::Relapsed => "undone: somebody brought the bad version back while it was watched",
            Self::Internal => "internal error: a bug in ripcord",
        }
    }
}

/// Something a person has to know and act on. Nothing was written unless the message says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The class.
    pub kind: Kind,
    /// A stable word for programs, such as `unknown_service`.
    pub code: String,
    /// What was wrong and where: a lowercase fragment without a period.
    pub message: String,
    /// What to do next, one step each.
    pub hints: Vec<String>,
}

impl Problem {
    /// A problem with no hint yet.
    pub fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// The same with one more thing to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with "did you mean …" where there is anything near.
    #[must_use]
    pub fn did_you_mean(self, names: &[String]) -> Self {
        if names.is_empty() {
            self
        } else {
            self.hint(format!("did you mean {}?", names.join(", ")))
        }
    }
}
