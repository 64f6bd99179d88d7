//! Which version to go back to, and the evidence for it.

use std::collections::BTreeMap;

use crate::catalog::PlaceId;
use crate::message::short_commit;
use crate::plan::Candidate;
use crate::problem::{Kind, Problem};
use crate::timeline::{BEFORE_ALL, Judgement, Position, State, Timeline};

/// How a person asked for the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The newest earlier version that was not itself rolled back from.
    LastGood {
        /// Go one further although the last deploy was a rollback already.
        again: bool,
    },
    /// `-N`: that many deployed versions back in the line of good ones.
    Steps(usize),
    /// A version by name or digest, or the start of a digest.
    Version(String),
    /// What ran right after this commit or, where it deployed nothing here, at this commit; already
    /// resolved to a state by the caller.
    State(Box<State>, String),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Go to this state.
    To {
        /// What the places shall say.
        state: State,
        /// The commit that brought it, in hex.
        commit: String,
        /// Where it stands in the timeline, if it does.
        position: Option<Position>,
    },
    /// Already there.
    AlreadyThere {
        /// Why nothing is to be done: a sentence fragment.
        why: String,
    },
}

/// Chooses the target of a unit.
///
/// # Errors
/// There is no earlier version, or none of the name that was asked for.
pub fn choose(
    timeline: &Timeline,
    judgement: &Judgement,
    wanted: &Wanted,
    primary: Option<&PlaceId>,
    what: &str,
) -> Result<Choice, Problem> {
    let current = timeline.deploys.last();
    let below: Vec<Position> = judgement.line.iter().rev().skip(1).copied().collect();
    match wanted {
        Wanted::LastGood { again } => {
            let after_rollback = judgement
                .verdicts
                .last()
                .is_some_and(|verdict| verdict.is_rollback);
            if after_rollback && !again {
                let deploy = current
                    .map(|d| (d.commit.as_str(), d.author.as_str()))
                    .unwrap_or_default();
                return Ok(Choice::AlreadyThere {
                    why: format!(
                        "it was already rolled back to {} by {} in {}",
                        version_at(timeline, timeline.deploys.len().saturating_sub(1), primary),
                        deploy.1,
                        short_commit(deploy.0)
                    ),
                });
            }
            let position =
                first_different(timeline, &below).ok_or_else(|| no_earlier(timeline, what))?;
            Ok(to(timeline, position))
        }
        Wanted::Steps(steps) => {
            let distinct = distinct(timeline, &below);
            let position = steps
                .checked_sub(1)
                .and_then(|n| distinct.get(n))
                .ok_or_else(|| {
                    no_earlier(timeline, what).hint(format!(
                        "only {} earlier version(s) are in the line of good ones",
                        distinct.len()
                    ))
                })?;
            Ok(to(timeline, *position))
        }
        Wanted::Version(version) => by_version(timeline, version, primary, what),
        Wanted::State(state, commit) => {
            if current.map(|deploy| &deploy.after) == Some(state) {
                return Ok(Choice::AlreadyThere {
                    why: format!("it already runs what it ran at {}", short_commit(commit)),
                });
            }
            let position = (0..timeline.deploys.len())
                .rev()
                .find(|&p| timeline.state(p) == Some(state));
            Ok(Choice::To {
                state: state.as_ref().clone(),
                commit: commit.clone(),
                position,
            })
        }
    }
}

fn by_version(
    timeline: &Timeline,
    version: &str,
    primary: Option<&PlaceId>,
    what: &str,
) -> Result<Choice, Problem> {
    let has = |position: Position| {
        timeline.state(position).is_some_and(|state| {
            state.values().flatten().any(|value| {
                value.value == version
                    || value.value.rsplit([':', '@']).next() == Some(version)
                    || (version.len() >= 7 && value.value.contains(&format!("sha256:{version}")))
                    || (version.starts_with("sha256:") && value.value.ends_with(version))
            })
        })
    };
    if let Some(last) = timeline.deploys.len().checked_sub(1)
        && has(last)
    {
        return Ok(Choice::AlreadyThere {
            why: format!("it already runs {version}"),
        });
    }
    let found = (0..timeline.deploys.len())
        .rev()
        .chain([BEFORE_ALL])
        .find(|&position| has(position));
    found.map(|position| to(timeline, position)).ok_or_else(|| {
        let known: Vec<String> = (0..timeline.deploys.len())
            .rev()
            .map(|p| version_at(timeline, p, primary))
            .collect();
        Problem::new(
            Kind::Usage,
            "unknown_version",
            format!("{what} never ran `{version}`"),
        )
        .did_you_mean(&crate::names::nearest(
            version,
            known.iter().map(String::as_str),
        ))
        .hint(format!(
            "`ripcord history {}` lists what it ran",
            what.split(' ').next().unwrap_or(what)
        ))
    })
}

fn to(timeline: &Timeline, position: Position) -> Choice {
    let state = timeline.state(position).cloned().unwrap_or_default();
    Choice::To {
        state,
        commit: commit_of(timeline, position),
        position: Some(position),
    }
}

/// The commit that brought a state; for what ran before the oldest known deploy, that deploy's
/// parent is meant and the caller resolves `^`.
fn commit_of(timeline: &Timeline, position: Position) -> String {
    if position == BEFORE_ALL {
        timeline
            .deploys
            .first()
            .map(|deploy| format!("{}^", deploy.commit))
            .unwrap_or_default()
    } else {
        timeline.deploys[position].commit.clone()
    }
}

fn first_different(timeline: &Timeline, below: &[Position]) -> Option<Position> {
    distinct(timeline, below).first().copied()
}

/// The positions whose versions are neither the current ones nor repeated, newest first. Another
/// registry with the same tag is no way back.
fn distinct(timeline: &Timeline, below: &[Position]) -> Vec<Position> {
    let versions = |state: &State| -> BTreeMap<PlaceId, String> {
        state
            .iter()
            .map(|(id, values)| (id.clone(), spoken(values)))
            .collect()
    };
    let current = timeline
        .deploys
        .last()
        .map(|deploy| versions(&deploy.after));
    let mut seen: Vec<BTreeMap<PlaceId, String>> = current.into_iter().collect();
    let mut kept = Vec::new();
    for &position in below {
        let Some(state) = timeline.state(position).filter(|state| !state.is_empty()) else {
            continue;
        };
        let spoken = versions(state);
        if !seen.contains(&spoken) {
            seen.push(spoken);
            kept.push(position);
        }
    }
    kept
}

/// The candidates in order of preference: the line from the newest, then what was rolled back from.
pub fn candidates(
    timeline: &Timeline,
    judgement: &Judgement,
    primary: Option<&PlaceId>,
    resolve_parent: &dyn Fn(&str) -> String,
) -> Vec<Candidate> {
    let below: Vec<Position> = judgement.line.iter().rev().skip(1).copied().collect();
    let good = distinct(timeline, &below);
    let bad = distinct(
        timeline,
        &judgement
            .rolled_back
            .iter()
            .rev()
            .copied()
            .collect::<Vec<_>>(),
    );
    let entry = |position: Position, rolled_back: bool| {
        let commit = commit_of(timeline, position);
        Candidate {
            version: version_at(timeline, position, primary),
            commit: commit
                .strip_suffix('^')
                .map_or(commit.clone(), resolve_parent),
            deployed_at: timeline.deploys.get(position).map(|deploy| deploy.at),
            served_seconds: judgement
                .verdicts
                .get(position)
                .map(|verdict| verdict.served_seconds),
            rolled_back,
        }
    };
    good.iter()
        .map(|&p| entry(p, false))
        .chain(bad.iter().map(|&p| entry(p, true)))
        .take(20)
        .collect()
}

/// What a person calls the version at a position.
pub fn version_at(timeline: &Timeline, position: Position, primary: Option<&PlaceId>) -> String {
    timeline
        .state(position)
        .map(|state| version_of(state, primary))
        .unwrap_or_default()
}

/// What a person calls a state: the version at the unit's first place, or of any other.
pub fn version_of(state: &State, primary: Option<&PlaceId>) -> String {
    let values = primary
        .and_then(|id| state.get(id))
        .or_else(|| state.values().next());
    values.map(|values| spoken(values)).unwrap_or_default()
}

/// What a person calls a move from one state to another. Where *the* version stays and something
/// beside it moves (a chart, a sidecar), that is named with it.
pub fn named_move(before: &State, after: &State, primary: Option<&PlaceId>) -> (String, String) {
    let (from, to) = (version_of(before, primary), version_of(after, primary));
    if from != to {
        return (from, to);
    }
    let moved = after
        .iter()
        .find(|(id, values)| before.get(id) != Some(values));
    let gone = before.iter().find(|(id, _)| !after.contains_key(id));
    let Some((id, _)) = moved.or(gone) else {
        return (from, to);
    };
    let name = id.key.to_string();
    let beside = |state: &State, version: &str| match state.get(id) {
        Some(values) => format!("{version} ({name} {})", spoken(values)),
        None => format!("{version} (no {name})"),
    };
    (beside(before, &from), beside(after, &to))
}

/// The version in a list of values: the tag, else the revision, else the digest, else the image's.
pub fn spoken(values: &[crate::catalog::Value]) -> String {
    let by = |role: &str| {
        values
            .iter()
            .find(|value| value.role == role)
            .map(|value| value.value.clone())
    };
    by("tag")
        .or_else(|| by("revision"))
        .or_else(|| by("image").map(|image| image_version(&image)))
        .or_else(|| by("digest"))
        .or_else(|| values.first().map(|value| value.value.clone()))
        .unwrap_or_default()
}

fn image_version(image: &str) -> String {
    let (name, digest) = image
        .split_once('@')
        .map_or((image, None), |(name, digest)| (name, Some(digest)));
    let tag = name
        .rsplit_once(':')
        .map(|(_, tag)| tag)
        .filter(|tag| !tag.contains('/'));
    tag.or(digest).unwrap_or(image).to_owned()
}

fn no_earlier(timeline: &Timeline, what: &str) -> Problem {
    let first = timeline.deploys.first();
    let message = match first {
        Some(_) if timeline.complete => {
            format!("{what} has no earlier version that was not rolled back from")
        }
        Some(_) => format!("no earlier version of {what} is in the history that was read"),
        None => format!("no deploy of {what} is in the history that was read"),
    };
    Problem::new(Kind::Nothing, "no_earlier_version", message)
        .hint("`ripcord history` shows every version; `--to VERSION` takes one by name")
}

#[cfg(test)]
mod tests;
