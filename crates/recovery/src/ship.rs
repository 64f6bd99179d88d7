//! From a plan to a commit on the remote's branch, through any race.
//!
//! The push is a compare-and-swap against the tip that was planned on. A lost race means: fetch the
//! new tip, look whether somebody deployed one of *our* services meanwhile, plan again, push again.
//! Never force. After trouble with the network the remote is asked first whether our commit landed.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use ripcord_domain::plan::{Outcome, Plan, Pushed};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{Identities, NewCommit, Oid, PushOutcome, RejectKind, Repo, RepoError};

use crate::agreement::{Agreement, Goal};
use crate::contention::{Pauses, Since, peers_between};
use crate::draft::Draft;
use crate::places;
use crate::problems::from_repo;
use crate::request::Request;
use crate::rollback::{self, Prepared};
use crate::survey::{self, Branch, Place};

/// The code of the problem that somebody else deployed the same service.
pub const DEPLOYED_MEANWHILE: &str = "deployed_meanwhile";

/// What the caller decides about a push.
#[derive(Clone, Debug)]
pub struct Shipping {
    /// Push to this branch instead, for a pull request.
    pub push_to: Option<String>,
    /// Give up after that long of lost races.
    pub patience: Duration,
    /// Pauses between lost races grow up to this: the more wait, the longer it has to be, and who is in a hurry
    /// goes before them with a short one.
    pub longest_pause: Duration,
}

/// What happens on the way, for a person who watches.
#[derive(Clone, Debug)]
pub enum Event {
    /// The remote is asked for its tip.
    Fetching,
    /// A push is under way.
    Pushing {
        /// The commit, in hex.
        commit: String,
        /// Counted from one.
        attempt: u32,
    },
    /// Somebody pushed in between.
    LostRace,
    /// The link broke; the remote is asked what it has.
    Checking,
}

/// Makes the plan and writes nothing.
///
/// # Errors
/// See [`Problem`].
pub fn plan(branch: &Branch, request: &Request, now: Timestamp) -> Result<Plan, Problem> {
    let place = branch.newest()?;
    Ok(rollback::prepare(&branch.repo, &place, request, now, &[])?.plan)
}

/// Makes the plan on the tip that is known here, without asking the remote: what production goes back to
/// while Git is away.
///
/// # Errors
/// Nothing is known here; see [`Problem`].
pub fn plan_on_what_is_known(
    branch: &Branch,
    request: &Request,
    now: Timestamp,
) -> Result<(Plan, Agreement), Problem> {
    let place = branch.known()?;
    let prepared = rollback::prepare(&branch.repo, &place, request, now, &[])?;
    rollback::refuse(&place, &prepared.plan, request)?;
    let goals = prepared.goals;
    Ok((prepared.plan, Agreement { goals }))
}

/// Makes the plan, shows it to `approve`, carries it out.
///
/// # Errors
/// See [`Problem`]; nothing is on the remote unless the message says so.
pub fn rollback(
    branch: &Branch,
    request: &Request,
    shipping: &Shipping,
    clock: &dyn Fn() -> Timestamp,
    approve: &mut dyn FnMut(&Plan) -> Result<bool, Problem>,
    watch: &mut dyn FnMut(Event),
) -> Result<Plan, Problem> {
    rollback_as_agreed(
        branch,
        request,
        &Agreement::default(),
        shipping,
        clock,
        &mut |plan, _| approve(plan),
        watch,
    )
}

/// The same for what was agreed to in a run before this one, which did not come to its end: the goals stay,
/// and where somebody else deployed one of the services since it is not pushed.
///
/// # Errors
/// See [`Problem`]; nothing is on the remote unless the message says so.
pub fn rollback_as_agreed(
    branch: &Branch,
    request: &Request,
    agreed: &Agreement,
    shipping: &Shipping,
    clock: &dyn Fn() -> Timestamp,
    approve: &mut Approve<'_>,
    watch: &mut dyn FnMut(Event),
) -> Result<Plan, Problem> {
    ship(
        branch,
        shipping,
        clock,
        watch,
        &mut |place, decided| rollback::prepare(&branch.repo, place, request, clock(), decided),
        &mut |place, plan, goals| {
            rollback::refuse(place, plan, request)?;
            let goals = goals.to_vec();
            approve(plan, &Agreement { goals })
        },
        &agreed.goals,
        request.consent.onto_latest,
    )
}

/// Whether somebody else deployed one of the services since that was agreed to: who is to be told so.
///
/// # Errors
/// The remote cannot be reached; see [`Problem`].
pub fn deployed_since(branch: &Branch, agreed: &Agreement) -> Result<Option<Problem>, Problem> {
    if agreed.is_empty() {
        return Ok(None);
    }
    match stop_for_others(&branch.repo, &branch.newest()?, &agreed.goals, None) {
        Err(problem) if problem.code == DEPLOYED_MEANWHILE => Ok(Some(problem)),
        done => done.map(|()| None),
    }
}

/// Asked before a push, with the plan and what is agreed to by it.
pub type Approve<'f> = dyn FnMut(&Plan, &Agreement) -> Result<bool, Problem> + 'f;

/// Plans on a tip; what was agreed to on an earlier one is given along.
type Prepare<'f, 'a> = dyn FnMut(&Place, &[Goal]) -> Result<Prepared<'a>, Problem> + 'f;

/// Asked on the tip that was planned on.
type ApproveOn<'f> = dyn FnMut(&Place, &Plan, &[Goal]) -> Result<bool, Problem> + 'f;

/// The loop that a rollback and an undo share. What was agreed to before stays what is gone to.
#[expect(
    clippy::too_many_arguments,
    reason = "a loop with three callers, each with its own steps"
)]
pub(crate) fn ship<'a>(
    line: &'a Branch,
    shipping: &Shipping,
    clock: &dyn Fn() -> Timestamp,
    watch: &mut dyn FnMut(Event),
    prepare: &mut Prepare<'_, 'a>,
    approve: &mut ApproveOn<'_>,
    before: &[Goal],
    onto_latest: bool,
) -> Result<Plan, Problem> {
    let (repo, branch) = (&line.repo, line.name.as_str());
    watch(Event::Fetching);
    let mut tip = repo.fetch_tip(branch, repo.depth()).map_err(from_repo)?;
    let started = Instant::now();
    let mut agreed = before.to_vec();
    let mut is_approved = false;
    let mut attempts = 0u32;
    let mut pauses = Pauses::up_to(shipping.longest_pause);
    let mut known_since = Instant::now();
    loop {
        let place = line.at(tip)?;
        let prepared = prepare(&place, &agreed);
        if !onto_latest {
            stop_for_others(repo, &place, &agreed, prepared.as_ref().ok())?;
        }
        let Prepared {
            mut plan,
            draft,
            goals,
            ..
        } = prepared?;
        if plan.outcome == Outcome::NothingToDo {
            return Ok(plan);
        }
        if !is_approved {
            if !approve(&place, &plan, &goals)? {
                return Ok(plan);
            }
            is_approved = true;
            agreed = goals;
        }
        let commit = write(repo, &draft, &plan, tip, clock())?;
        attempts += 1;
        watch(Event::Pushing {
            commit: commit.to_string(),
            attempt: attempts,
        });
        match push(repo, commit, branch, tip, shipping, watch)? {
            Landed::Yes(on) => {
                plan.outcome = Outcome::Pushed;
                plan.pushed = Some(Pushed {
                    commit: commit.to_string(),
                    branch: on,
                    attempts,
                });
                return Ok(plan);
            }
            Landed::Moved => {
                watch(Event::LostRace);
                if started.elapsed() > shipping.patience {
                    return Err(Problem::new(
                        Kind::Conflict,
                        "too_busy",
                        format!("`{branch}` moved under every one of {attempts} pushes; nothing was pushed"),
                    )
                    .hint("run the same command again; it starts from the newest tip"));
                }
                let took = known_since.elapsed();
                std::thread::sleep(pauses.next(fastrand::f64()));
                let lost_on = tip;
                tip = repo.fetch_tip(branch, repo.depth()).map_err(from_repo)?;
                pauses.learn(Since {
                    peers: peers_between(repo, lost_on, tip)?,
                    took,
                    passed: known_since.elapsed(),
                });
                known_since = Instant::now();
            }
        }
    }
}

/// Writes the plan's commit on top of `tip`.
fn write(
    repo: &Repo,
    draft: &Draft<'_>,
    plan: &Plan,
    tip: Oid,
    now: Timestamp,
) -> Result<Oid, Problem> {
    let Some(text) = &plan.commit else {
        return Err(Problem::new(
            Kind::Internal,
            "no_commit",
            "a plan with changes has no commit text",
        ));
    };
    let mut staged = repo.stage();
    let tree = draft.stage(&mut staged)?;
    let Identities { author, committer } = repo.identity(now.as_second()).map_err(from_repo)?;
    staged
        .commit(&NewCommit {
            tree,
            parents: vec![tip],
            author,
            committer,
            message: text.message.clone(),
            sign: repo.signing_wanted(),
        })
        .map_err(from_repo)
}

enum Landed {
    Yes(String),
    Moved,
}

/// Pushes once; trouble with the link is followed by a question to the remote.
fn push(
    repo: &Repo,
    commit: Oid,
    branch: &str,
    tip: Oid,
    shipping: &Shipping,
    watch: &mut dyn FnMut(Event),
) -> Result<Landed, Problem> {
    let (to, expected) = match &shipping.push_to {
        Some(other) => (other.as_str(), None),
        None => (branch, Some(tip)),
    };
    let mut tries = 0;
    loop {
        tries += 1;
        match repo.push(commit, to, expected) {
            Ok(PushOutcome::Updated | PushOutcome::AlreadyThere) => {
                return Ok(Landed::Yes(to.to_owned()));
            }
            Ok(PushOutcome::Moved) if shipping.push_to.is_some() => {
                return Err(Problem::new(
                    Kind::Conflict,
                    "branch_exists",
                    format!("`{to}` exists on the remote and holds something else"),
                )
                .hint("name a branch that does not exist yet"));
            }
            // What was pushed once before, over a link that broke, may be below what is there now.
            Ok(PushOutcome::Moved) if tries > 1 && has_landed(repo, to, commit)? => {
                return Ok(Landed::Yes(to.to_owned()));
            }
            Ok(PushOutcome::Moved) => return Ok(Landed::Moved),
            Ok(PushOutcome::Rejected {
                kind,
                reason,
                server_words,
            }) => {
                return Err(rejected(to, kind, &reason, &server_words));
            }
            Err(error @ (RepoError::Unreachable { .. } | RepoError::TimedOut { .. })) => {
                watch(Event::Checking);
                // What is not known is asked; what cannot be asked is said.
                match has_landed(repo, to, commit) {
                    Ok(true) => return Ok(Landed::Yes(to.to_owned())),
                    Ok(false) if tries < 3 => {}
                    Ok(false) => return Err(from_repo(error)),
                    Err(_) => {
                        return Err(from_repo(error).hint(format!(
                            "whether the push of {commit} landed is not known; run the same command again: it recognises its own commit"
                        )));
                    }
                }
            }
            Err(error) => return Err(from_repo(error)),
        }
    }
}

/// Whether the remote's branch holds our commit.
fn has_landed(repo: &Repo, branch: &str, commit: Oid) -> Result<bool, Problem> {
    match repo.remote_tip(branch).map_err(from_repo)? {
        None => Ok(false),
        Some(tip) if tip == commit => Ok(true),
        Some(_) => {
            let tip = repo.fetch_tip(branch, repo.depth()).map_err(from_repo)?;
            repo.is_ancestor(commit, tip).map_err(from_repo)
        }
    }
}

fn rejected(branch: &str, kind: RejectKind, reason: &str, server_words: &str) -> Problem {
    let what = match kind {
        RejectKind::ProtectedBranch => "the branch is protected",
        RejectKind::Hook => "a hook on the server declined it",
        RejectKind::Permission => "these credentials may not push there",
        RejectKind::Other => "the server refused it",
    };
    let words = server_words.trim();
    let said = if words.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}\n{words}")
    };
    Problem::new(
        Kind::Rejected,
        "push_rejected",
        format!("the push to `{branch}` was rejected: {what}; the server says: {said}"),
    )
    .hint("`--push-to BRANCH` pushes the same commit to a branch for a pull request")
}

/// After a lost race: did somebody deploy one of the services that were agreed on? A new plan knows
/// what runs now; without one the tree is asked.
fn stop_for_others(
    repo: &Repo,
    place: &Place,
    agreed: &[Goal],
    prepared: Option<&Prepared<'_>>,
) -> Result<(), Problem> {
    let mut unknown = Vec::new();
    for goal in agreed {
        let now = prepared.and_then(|prepared| {
            let mut goals = prepared.goals.iter();
            goals.find(|now| now.service == goal.service && now.environment == goal.environment)
        });
        match now {
            Some(now) if now.from == goal.from || now.from == goal.to => {}
            _ => unknown.push(goal),
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = unknown.iter().map(|goal| goal.service.as_str()).collect();
    let catalog = survey::catalog_of(repo, place, &names)?;
    for goal in unknown {
        let Ok(unit) = catalog.find(&place.settings, &goal.service, Some(&goal.environment)) else {
            continue;
        };
        let now = places::state_at(repo, &place.settings, place.tree, unit)?;
        if now != goal.from && now != goal.to {
            return Err(deployed_meanwhile(goal, unit.version()));
        }
    }
    Ok(())
}

fn deployed_meanwhile(goal: &Goal, version: &str) -> Problem {
    let Goal {
        service,
        environment,
        ..
    } = goal;
    Problem::new(
        Kind::Conflict,
        DEPLOYED_MEANWHILE,
        format!(
            "{service} in {environment} was deployed by somebody else meanwhile: it now runs {version}; nothing was pushed"
        ),
    )
    .hint(format!("`ripcord history {service} -e {environment}` shows who and why"))
    .hint("`--onto-latest` rolls back on top of it")
}
