//! A recovery from the wish to the receipt.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use ripcord_connect::Which;
use ripcord_domain::live::proof::Missing;
use ripcord_domain::live::route::Wishes;
use ripcord_domain::plan::{Outcome, Plan};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{Recovery, Standing, StepKind};
use ripcord_ledger::{Ledger, Lock};
use ripcord_recovery::agreement::Agreement;
use ripcord_recovery::request::Request;
use ripcord_recovery::ship::{self, Shipping};
use ripcord_recovery::survey::Branch;
use tokio::runtime::Runtime;
use tokio::sync::watch::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use crate::applications::listed;
use crate::away::Waiting;
use crate::bots;
use crate::event::{Event, Sink};
use crate::finish::{finish, note_push};
use crate::first_answer::{ANSWERS_WITHIN, Answer, Question, may_be_silent, silent};
use crate::late::Late;
use crate::live;
use crate::prepare::{Prepared, UNREACHABLE, drawn, prepare};
use crate::record::{Begun, Clock, Record};
use crate::taken_up::{self, go_on, promote_still};
use crate::tend::Tending;
use crate::unrecorded;

/// What a recovery is carried out with.
pub struct Setting {
    /// How, and with which canaries.
    pub wishes: Wishes,
    /// Hooks run.
    pub runs_hooks: bool,
    /// How long the cluster is waited for.
    pub patience: Duration,
    /// How long it is watched afterwards.
    pub watch: Duration,
    /// How long a hold stands at the most, in minutes.
    pub hold_minutes: i64,
    /// Until when bots are to pass the bad version over; none leaves them alone.
    pub bots_until: Option<Timestamp>,
    /// The key under which a second request is the same one.
    pub key: Option<String>,
    /// Who asks.
    pub owner: String,
    /// It ends with the plan: nothing is approved, and nothing is recorded.
    pub only_plans: bool,
}

/// What is wanted.
pub enum Wish {
    /// A rollback.
    New(Box<Request>),
    /// To go on with a recovery that was interrupted, or of which a part is missing.
    Resume(Box<Recovery>),
}

/// Where a recovery takes place.
pub struct Site {
    /// Which cluster Argo CD's objects are in.
    pub which: Which,
    /// The record of recoveries on this machine.
    pub ledger: Ledger,
    /// Where events go.
    pub sink: Sink,
    /// The clock.
    pub clock: Clock,
}

/// Asked before anything is changed, with the plan and the recovery as it would be.
pub type Approval<'f> = dyn FnMut(&Plan, &Recovery) -> Result<bool, Problem> + 'f;

/// What came of the way in the cluster.
pub(crate) struct Lived {
    pub(crate) done: Result<(), Problem>,
    /// Bots that could not be held back.
    pub(crate) missing: Vec<Missing>,
}

/// What goes on in the cluster while Git is written.
pub(crate) struct Lane {
    pub(crate) record: Arc<Record>,
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) live: JoinHandle<Lived>,
    pub(crate) push: Option<Begun>,
    /// What was agreed to: a push that is tried again keeps to it.
    pub(crate) agreed: Agreement,
    /// Dropped when the push has ended: until then pods are looked after without Git.
    pub(crate) pushing: Sender<()>,
    pub(crate) _locks: Vec<Lock>,
}

/// Puts services back, in the cluster and in Git at once.
///
/// # Errors
/// Nothing was changed. What was changed in part is no error: the recovery says what is missing.
pub fn recover(
    branch: &Branch,
    wish: Wish,
    shipping: &Shipping,
    setting: &Setting,
    site: Site,
    approve: &mut Approval<'_>,
    git: &mut dyn FnMut(ship::Event),
) -> Result<Recovery, Problem> {
    let runtime = runtime()?;
    let Site {
        which,
        ledger,
        sink,
        clock,
    } = site;
    let which = which.named();
    let mut wish = wish;
    if let Some(key) = &setting.key
        && let Some(known) = ledger.of_key(key)?
    {
        taken_up::refuse_another(key, &known, &wish)?;
        if known.standing != Standing::Running {
            sink(&Event::Ended {
                recovery: Box::new(known.clone()),
            });
            return Ok(known);
        }
        // It is under way, which its lock tells, or was interrupted.
        wish = Wish::Resume(Box::new(known));
    }
    // The cluster is asked while Git is.
    let seen = runtime.spawn(listed(which.clone()));
    let (mut request, resumed, landed) = taken_up::choose(
        branch,
        &ledger,
        &which,
        wish,
        &runtime,
        (clock, setting.only_plans),
    )?;
    let id = match &resumed {
        Some(recovery) => recovery.id.clone(),
        None => ledger.fresh_id(|| fastrand::u64(..))?,
    };
    request.words.recovery = Some(id.to_string());
    let agreed = match &resumed {
        Some(recovery) => taken_up::agreed(recovery)?,
        None => Agreement::default(),
    };
    let mut looking = Some((ledger, seen, resumed));
    let mut lane: Option<Lane> = None;
    let has_begun = Cell::new(false);
    let started = clock();
    let pushes = setting.wishes.method.pushes();
    let mut start =
        |plan: &Plan, agreed: &Agreement, away: Option<String>| -> Result<bool, Problem> {
            let Some((ledger, seen, resumed)) = looking.take() else {
                return Err(Problem::new(
                    Kind::Internal,
                    "begun_twice",
                    "a recovery begins once",
                ));
            };
            let aim = plan.aim();
            let mut prepared = match runtime.block_on(seen).map_err(broken)? {
                Ok(listed) => runtime.block_on(prepare(
                    branch,
                    plan,
                    listed,
                    aim,
                    setting,
                    away,
                    &id,
                    clock(),
                ))?,
                // Git does not need the cluster; what is missing is said at the end.
                Err(problem) if pushes && problem.code == UNREACHABLE => {
                    Prepared::unseen(&id, aim, problem.message)
                }
                Err(problem) => return Err(problem),
            };
            if let Some(before) = &resumed {
                promote_still(&mut prepared, before);
            }
            let mut recovery = drawn(
                &prepared,
                plan,
                setting,
                &request,
                agreed,
                &which,
                (started, clock()),
            );
            if !pushes {
                refuse_nothing_to_do(&recovery)?;
            }
            if !approve(plan, &recovery)? {
                return Ok(false);
            }
            let locks = taken_up::locks(&ledger, &recovery)?;
            if let Some(before) = resumed {
                // Read again under the lock: whoever had it may have gone on with it.
                go_on(&mut recovery, ledger.load(before.id.as_str())?);
            }
            let record = Arc::new(Record::begin(ledger, recovery, Arc::clone(&sink), clock)?);
            let prepared = Arc::new(prepared);
            // Before anything is done: where it cannot be recorded nothing was changed.
            let push = pushes
                .then(|| record.start(StepKind::Push, None, "the commit is made and pushed"))
                .transpose()?;
            let (pushing, pushed) = watch::channel(());
            let live = runtime.spawn(go_live(
                Arc::clone(&record),
                Arc::clone(&prepared),
                setting.hold_minutes,
                pushed,
            ));
            lane = Some(Lane {
                record,
                prepared,
                live,
                push,
                agreed: agreed.clone(),
                pushing,
                _locks: locks,
            });
            has_begun.set(true);
            Ok(true)
        };
    // Where nothing is known here there is nothing to do but to wait.
    let mut question = (landed.is_none() && may_be_silent(branch)).then(|| Question::ask(branch));
    let answer = question
        .as_ref()
        .map_or(Answer::Known, |one| one.wait(branch, ANSWERS_WITHIN));
    if !matches!(answer, Answer::None) {
        question = None;
    }
    let shipped = match (landed, answer) {
        (Some(plan), _) => start(&plan, &agreed, None).map(|_| plan),
        (None, Answer::Trouble(problem)) => Err(problem),
        (None, Answer::None) => Err(silent(branch)),
        (None, Answer::Known) => ship::rollback_as_agreed(
            branch,
            &request,
            &agreed,
            shipping,
            &clock,
            &mut |plan, agreed| Ok(start(plan, agreed, None)? && pushes),
            git,
        ),
    };
    let (plan, trouble) = match shipped {
        Ok(plan) => {
            // Where the race was lost to the same change it has begun.
            let is_first = plan.outcome == Outcome::NothingToDo && !has_begun.get();
            if is_first && !start(&plan, &agreed, None)? {
                return Err(declined());
            }
            (plan, None)
        }
        // Git is away before anything was planned: what is known of it is enough for the cluster.
        Err(problem) if !has_begun.get() && looking_at_nothing(&problem) => {
            let (plan, known) = ship::plan_on_what_is_known(branch, &request, clock())
                .map_err(|_| problem.clone())?;
            // What was agreed to before stays the goal.
            let agreed = if agreed.is_empty() { known } else { agreed };
            if !start(&plan, &agreed, Some(problem.message.clone()))? {
                return Err(declined());
            }
            (plan, Some(problem))
        }
        Err(problem) => match &lane {
            Some(lane) => (lane.record.snapshot().plan, Some(problem)),
            None => return Err(problem),
        },
    };
    let Some(lane) = lane else {
        return Err(declined());
    };
    let (plan, trouble) = match trouble {
        Some(problem) if problem.kind == Kind::Remote && pushes => {
            let push = Waiting {
                branch,
                request: &request,
                shipping,
                setting,
                lane: &lane,
                question,
            };
            push.until_it_is_back(plan, problem)
        }
        trouble => (plan, trouble),
    };
    let mut lane = lane;
    let told = |lane: &Lane, problem| unrecorded::told(&lane.record.snapshot(), problem);
    if let Some(push) = lane.push.take() {
        note_push(&lane.record, push, &plan, trouble.as_ref())
            .map_err(|problem| told(&lane, problem))?;
    }
    let saw_nothing = lane.prepared.observed.is_empty() && lane.prepared.is_away;
    if trouble.is_none() && pushes && saw_nothing {
        let late = Late {
            branch,
            plan: &plan,
            which: &which,
            setting,
            runtime: &runtime,
        };
        let looked = late.look(&mut lane);
        looked.map_err(|problem| told(&lane, problem))?;
    }
    let record = Arc::clone(&lane.record);
    finish(&runtime, branch, setting, lane, trouble.as_ref())
        .map_err(|problem| unrecorded::told(&record.snapshot(), problem))
}

fn looking_at_nothing(problem: &Problem) -> bool {
    let codes = ["unreachable", "access_denied"];
    problem.kind == Kind::Remote && codes.contains(&problem.code.as_str())
}

/// A method that leaves Git as it is and finds nothing to do in the cluster would wait in vain.
fn refuse_nothing_to_do(recovery: &Recovery) -> Result<(), Problem> {
    let mut parts = recovery.parts.iter();
    if parts.any(|part| !part.route.live.is_empty()) {
        return Ok(());
    }
    let why = recovery.parts.iter().flat_map(|part| &part.route.why);
    let why: Vec<&str> = why.map(String::as_str).collect();
    let why = if why.is_empty() {
        "nothing there runs the bad version in a way that it takes back".to_owned()
    } else {
        why.join("; ")
    };
    Err(Problem::new(
        Kind::Nothing,
        "nothing_to_do_there",
        format!("this method has nothing to do in the cluster: {why}"),
    )
    .hint("without `--method` everything that helps is done, and Git is put right"))
}

fn declined() -> Problem {
    Problem::new(
        Kind::Refused,
        "declined",
        "not confirmed; nothing was changed",
    )
}

/// Threads for what a cluster is asked.
///
/// # Errors
/// The system gives none.
pub fn runtime() -> Result<Runtime, Problem> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("ripcord")
        .enable_all()
        .build()
        .map_err(|error| {
            Problem::new(
                Kind::Local,
                "no_runtime",
                format!("threads cannot be started: {error}"),
            )
        })
}

#[expect(clippy::needless_pass_by_value, reason = "it is the end of the error")]
pub(crate) fn broken(error: tokio::task::JoinError) -> Problem {
    Problem::new(Kind::Internal, "broken_task", error.to_string())
}

/// The live way of every Application at once, and what its pods need until the push has ended.
async fn go_live(
    record: Arc<Record>,
    prepared: Arc<Prepared>,
    hold_minutes: i64,
    pushed: Receiver<()>,
) -> Lived {
    let each = prepared.observed.iter().map(|going| {
        let (clusters, observed, route) = going;
        let (record, aim, pushed) = (&*record, &observed.aim, pushed.clone());
        async move {
            live::go(clusters, record, observed, route, hold_minutes).await?;
            let name = observed.app.name.clone();
            let tending = Tending::new(clusters, record, aim, route, name);
            tending.until_pushed(pushed).await;
            Ok(())
        }
    });
    let (done, missing) = join(join_all(each), hold_bots(&record, &prepared)).await;
    Lived {
        done: done.into_iter().collect(),
        missing,
    }
}

/// Holds bots back, where that is wanted.
async fn hold_bots(record: &Record, prepared: &Prepared) -> Vec<Missing> {
    let argo = prepared
        .observed
        .first()
        .map(|(clusters, ..)| &clusters.argo);
    match (argo, record.snapshot().bots_until) {
        (Some(argo), Some(until)) => bots::hold_all(argo, record, &prepared.bots, until).await,
        _ => Vec::new(),
    }
}
