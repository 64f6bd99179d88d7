//! What a service ran, when, and how each version ended.
//!
//! The rule that everything rests on is [`Timeline::judge`]: the versions that were reached by
//! going forward stand in a line; a rollback cuts the line back to the version it returned to. What
//! is cut off was rolled back from; what stands below the last is the earlier good ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::{PlaceId, Value};

/// What a unit's places say at one moment. Two moments with equal states ran the same.
pub type State = BTreeMap<PlaceId, Vec<Value>>;

/// Why a deploy happened, as far as its message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// Nothing special is said.
    None,
    /// Our trailers say it is a rollback.
    Rollback,
    /// Our trailers say it takes a rollback back.
    Undo,
    /// A plain `git revert`.
    Revert,
    /// A revert of a revert.
    Reapply,
}

/// A commit that changed what a unit runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    /// The commit, in hex.
    pub commit: String,
    /// Committer time.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: String,
    /// The first line of the message.
    pub subject: String,
    /// The pull or merge request that the message names, such as `#123`.
    pub pull_request: Option<String>,
    /// What the message claims.
    pub claim: Claim,
    /// What ran before; `None` for the first deploy ever.
    pub before: Option<State>,
    /// What runs after; empty where the unit was removed.
    pub after: State,
}

/// How a version's time ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It still runs.
    Running,
    /// A later version replaced it.
    Replaced,
    /// It was rolled back from.
    RolledBack,
    /// The service was removed.
    Removed,
}

/// What a deploy turned out to be, judged with everything that came before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// It went back to an earlier version.
    pub is_rollback: bool,
    /// How the version it brought ended.
    pub ended: Ended,
    /// Seconds that the version served; never negative, whatever the clocks say.
    pub served_seconds: i64,
}

/// The deploys of one unit, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Oldest first.
    pub deploys: Vec<Deploy>,
    /// Whether the first entry is really the first deploy ever.
    pub complete: bool,
    /// Files that stood elsewhere before: the path of today and the one of then, newest first.
    pub moves: Vec<(String, String)>,
}

/// A position in [`Timeline::deploys`]; [`BEFORE_ALL`] is what ran before the oldest known deploy.
pub type Position = usize;

/// The position of the state that the oldest known deploy replaced.
pub const BEFORE_ALL: Position = usize::MAX;

/// The line of versions and the verdict on each deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// One verdict for each deploy.
    pub verdicts: Vec<Judged>,
    /// The line: positions that were reached forward and not rolled back from, newest last. The
    /// last one is what runs.
    pub line: Vec<Position>,
    /// Positions that were rolled back from and have not come back since, newest last.
    pub rolled_back: Vec<Position>,
}

impl Timeline {
    /// The state at a position.
    pub fn state(&self, position: Position) -> Option<&State> {
        if position == BEFORE_ALL {
            self.deploys
                .first()
                .and_then(|deploy| deploy.before.as_ref())
        } else {
            self.deploys.get(position).map(|deploy| &deploy.after)
        }
    }

    /// Judges every deploy; `now` ends the time of what still runs.
    pub fn judge(&self, now: Timestamp) -> Judgement {
        let mut line: Vec<Position> = Vec::new();
        let mut rolled_back: Vec<Position> = Vec::new();
        if self
            .deploys
            .first()
            .is_some_and(|deploy| deploy.before.is_some())
        {
            line.push(BEFORE_ALL);
        }
        let mut is_rollback = vec![false; self.deploys.len()];
        for (position, deploy) in self.deploys.iter().enumerate() {
            if deploy.after.is_empty() {
                // Removed: nothing to return to, and what comes next is no return from it.
                continue;
            }
            let earlier = line
                .iter()
                .rposition(|&other| self.state(other) == Some(&deploy.after));
            // The top of the line is what ran; the same state again is no move.
            let back_to = earlier.filter(|&at| at + 1 < line.len());
            let goes_back = match deploy.claim {
                Claim::Undo | Claim::Reapply => false,
                Claim::Rollback | Claim::Revert => !line.is_empty(),
                Claim::None => back_to.is_some(),
            };
            if goes_back {
                is_rollback[position] = true;
                // Without the earlier version in view (old history not read), only what ran is cut.
                let keep = back_to.map_or(line.len().saturating_sub(1), |at| at);
                rolled_back.extend(line.drain(keep..).skip(usize::from(back_to.is_some())));
            }
            rolled_back.retain(|&other| self.state(other) != Some(&deploy.after));
            line.push(position);
        }
        let verdicts = (0..self.deploys.len())
            .map(|position| {
                let next = self.deploys.get(position + 1);
                let until = next.map_or(now, |deploy| deploy.at);
                Judged {
                    is_rollback: is_rollback[position],
                    ended: match next {
                        None if self.deploys[position].after.is_empty() => Ended::Removed,
                        None => Ended::Running,
                        Some(next) if next.after.is_empty() => Ended::Removed,
                        Some(_) if is_rollback[position + 1] => Ended::RolledBack,
                        Some(_) => Ended::Replaced,
                    },
                    served_seconds: (until.as_second() - self.deploys[position].at.as_second())
                        .max(0),
                }
            })
            .collect();
        Judgement {
            verdicts,
            line,
            rolled_back,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
