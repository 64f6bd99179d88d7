//! A hotfix is shipped: the deploy is asked for, then followed hop by hop until ready pods run it.
//!
//! Every hop is told by what was seen there: the forge's run, the commit on the infra repo's branch, the commit
//! that Argo CD deployed, the images of ready pods. Where it stands still, that hop is named.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use ripcord_connect::Which;
use ripcord_domain::hotfix::Payload;
use ripcord_domain::live::image::without_version;
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_forge::{Dispatch, Dispatched, Repository, RunState};
use ripcord_recovery::declared::declared;
use ripcord_recovery::deploy::landed;
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey::Branch;
use ripcord_runbook::serving::{self, Serving};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::forges;

/// How often a hop is looked at.
const GLANCE: Duration = Duration::from_secs(1);
/// How long a forge may be silent about a run before that is told.
const SILENT: Duration = Duration::from_secs(30);

/// How a deploy is asked for.
pub struct Ship<'a> {
    /// The infra repo.
    pub branch: &'a Branch,
    /// What is asked for, signed if a key is known.
    pub payload: &'a Payload,
    /// The file of the receiver's workflow.
    pub workflow: &'a str,
    /// The token for the infra repo's forge; none is whom git pushes as.
    pub token: Option<&'a str>,
    /// The token of a pipeline trigger of GitLab.
    pub trigger: Option<&'a str>,
    /// Where Argo CD is; none follows to the commit only.
    pub cluster: Option<&'a Which>,
    /// How long it is followed.
    pub wait: Duration,
    /// Where forges are asked.
    pub runtime: &'a Runtime,
    /// The time.
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// The way of a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// The event was sent.
    Dispatched,
    /// The forge runs the receiver.
    Running,
    /// The commit is on the infra repo's branch.
    Committed,
    /// Argo CD deployed that commit.
    Synced,
    /// Every pod runs the image and is ready.
    Ready,
}

impl Hop {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Dispatched => "dispatched",
            Self::Running => "receiver runs",
            Self::Committed => "committed",
            Self::Synced => "synced",
            Self::Ready => "pods ready",
        }
    }
}

/// A hop that was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reached {
    /// Which.
    pub hop: Hop,
    /// Seconds since it was asked for.
    pub seconds: f64,
    /// What was seen: a run, a commit, an Application.
    pub seen: String,
}

/// `ripcord hotfix ship`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shipment {
    /// The number of the JSON form.
    pub schema: u32,
    /// The request.
    pub correlation_id: String,
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// The image with its tag.
    pub image: String,
    /// Its digest.
    pub digest: String,
    /// The hops that were reached, in their order.
    pub hops: Vec<Reached>,
    /// The commit on the infra repo's branch, in hex.
    pub commit: Option<String>,
    /// Why it was not followed further, where it was not.
    pub not_followed: Option<String>,
}

/// What is told while it is followed.
pub type Tell<'f> = dyn FnMut(&Reached) + 'f;

/// Sends the event and follows it.
///
/// # Errors
/// The forge does not take it; its run fails; it stands still until the time is over, which is half done: the
/// problem names the hop, and what was reached stands in the shipment.
pub fn ship(ship: &Ship<'_>, tell: &mut Tell<'_>) -> (Shipment, Result<(), Problem>) {
    let mut way = Way::new(ship.payload, tell);
    let outcome = by_dispatch(ship, &mut way);
    (way.shipment, outcome)
}

/// Follows a deploy whose commit is there already, such as one that was committed without the forge.
///
/// # Errors
/// It stands still until the time is over.
pub fn follow(
    ship: &Ship<'_>,
    commit: &str,
    tell: &mut Tell<'_>,
) -> (Shipment, Result<(), Problem>) {
    let mut way = Way::new(ship.payload, tell);
    way.committed(commit);
    let outcome = to_pods(ship, &mut way);
    (way.shipment, outcome)
}

struct Way<'a, 'f> {
    started: Instant,
    shipment: Shipment,
    tell: &'a mut Tell<'f>,
}

impl<'a, 'f> Way<'a, 'f> {
    fn new(payload: &Payload, tell: &'a mut Tell<'f>) -> Self {
        Self {
            started: Instant::now(),
            shipment: Shipment {
                schema: SCHEMA,
                correlation_id: payload.correlation_id.clone(),
                service: payload.service.clone(),
                environment: payload.environment.clone(),
                image: payload.by_tag(),
                digest: payload.digest.clone(),
                hops: Vec::new(),
                commit: None,
                not_followed: None,
            },
            tell,
        }
    }

    fn reached(&mut self, hop: Hop, seen: impl Into<String>) {
        if self.shipment.hops.iter().any(|one| one.hop == hop) {
            return;
        }
        let reached = Reached {
            hop,
            seconds: (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            seen: seen.into(),
        };
        (self.tell)(&reached);
        self.shipment.hops.push(reached);
    }

    fn committed(&mut self, commit: &str) {
        self.shipment.commit = Some(commit.to_owned());
        let short = ripcord_domain::message::short_commit(commit).to_owned();
        self.reached(Hop::Committed, short);
    }

    fn is_over(&self, wait: Duration) -> bool {
        self.started.elapsed() >= wait
    }

    /// It stands still before a hop.
    fn stands_still(&self, before: Hop, why: &str) -> Problem {
        let id = &self.shipment.correlation_id;
        Problem::new(
            Kind::Unfinished,
            "stands_still",
            format!("{id} stands still before `{}`: {why}", before.words()),
        )
        .hint(format!(
            "`ripcord hotfix ship --follow {id}` goes on following; the same request is carried out once"
        ))
    }
}

fn by_dispatch(ship: &Ship<'_>, way: &mut Way<'_, '_>) -> Result<(), Problem> {
    let forge = ship.branch.newest()?.settings.config.forge;
    let who = forges::who(&ship.branch.repo, ship.token);
    let opened = forges::open(&ship.branch.repo, forge, who.as_ref());
    let repository = ship.runtime.block_on(opened)?;
    let asked = Dispatch {
        payload: ship.payload,
        workflow: ship.workflow,
        branch: &ship.branch.name,
        trigger: ship.trigger,
    };
    let sent = ship
        .runtime
        .block_on(repository.dispatch(&asked, (ship.clock)()))?;
    way.reached(Hop::Dispatched, sent.url.clone().unwrap_or_default());
    to_commit(ship, &repository, &sent, way)?;
    to_pods(ship, way)
}

/// Until the commit is there: that is what counts, whatever the run says of itself.
fn to_commit(
    ship: &Ship<'_>,
    repository: &Repository<'_>,
    sent: &Dispatched,
    way: &mut Way<'_, '_>,
) -> Result<(), Problem> {
    let id = ship.payload.correlation_id.as_str();
    let mut why = "the forge shows no run yet".to_owned();
    let mut ended: Option<Instant> = None;
    loop {
        if let Some(commit) = landed(ship.branch, id)? {
            way.committed(&commit);
            return Ok(());
        }
        match ship.runtime.block_on(repository.run_of(sent, id)) {
            Ok(None) if way.started.elapsed() > SILENT => {
                why = format!(
                    "the forge shows no run of it: `{}` must be on `{}`, and its run must name the correlation id",
                    ship.workflow, ship.branch.name
                );
            }
            Ok(None) => {}
            Ok(Some(run)) => {
                let at = run.url.unwrap_or_else(|| format!("run {}", run.id));
                match run.state {
                    RunState::Waiting(word) => {
                        why = format!(
                            "{at} waits ({word}): is a runner free, must somebody approve?"
                        );
                    }
                    RunState::Running => {
                        way.reached(Hop::Running, at.clone());
                        why = format!("{at} runs");
                    }
                    RunState::Failed(word) => {
                        return Err(Problem::new(
                            Kind::Rejected,
                            "receiver_failed",
                            format!(
                                "the receiver's run ended with {word}: {at}; nothing was committed"
                            ),
                        )
                        .hint("its log says what was refused")
                        .hint(
                            "`ripcord hotfix ship --direct` commits without the forge's runners",
                        ));
                    }
                    RunState::Succeeded => {
                        way.reached(Hop::Running, at.clone());
                        why = format!(
                            "{at} succeeded, and `{}` has no commit of it",
                            ship.branch.name
                        );
                        // What it had declared already needs no commit.
                        let since = *ended.get_or_insert_with(Instant::now);
                        if since.elapsed() > GLANCE * 3
                            && let Some(tip) = declared_already(ship)?
                        {
                            way.committed(&tip);
                            return Ok(());
                        }
                    }
                }
            }
            // The commit may be there all the same.
            Err(problem) => why = problem.message,
        }
        if way.is_over(ship.wait) {
            return Err(way.stands_still(Hop::Committed, &why));
        }
        std::thread::sleep(GLANCE);
    }
}

/// The tip, where the environment declares the image there already.
fn declared_already(ship: &Ship<'_>) -> Result<Option<String>, Problem> {
    let now = declared(
        ship.branch,
        &ship.payload.service,
        Some(&ship.payload.environment),
    )?;
    let version = now
        .plan
        .services
        .first()
        .map(|part| part.current.version.as_str());
    let is_it = version.is_some_and(|version| {
        version == ship.payload.tag || version.contains(&ship.payload.digest)
    });
    Ok(is_it.then(|| now.plan.base.clone()))
}

fn to_pods(ship: &Ship<'_>, way: &mut Way<'_, '_>) -> Result<(), Problem> {
    let Some(which) = ship.cluster else {
        way.shipment.not_followed = Some(
            "no cluster is known here: whether it is synced and serves was not looked at".into(),
        );
        return Ok(());
    };
    let Some(commit) = way.shipment.commit.clone() else {
        return Err(way.stands_still(Hop::Committed, "there is no commit"));
    };
    let declared = declared(
        ship.branch,
        &ship.payload.service,
        Some(&ship.payload.environment),
    )?;
    let mut asked = false;
    loop {
        let (hop, why) = match serving::serving(ship.branch, &declared, which) {
            Ok(seen) => {
                if !asked {
                    let names: Vec<_> = seen
                        .applications
                        .iter()
                        .map(|app| app.application.clone())
                        .collect();
                    serving::refresh(which, &names)?;
                    asked = true;
                }
                match hop_of(ship, &seen, &commit, way)? {
                    None => return Ok(()),
                    Some(stands) => stands,
                }
            }
            Err(problem) if problem.kind == Kind::Remote => (Hop::Synced, problem.message),
            Err(problem) => return Err(problem),
        };
        if way.is_over(ship.wait) {
            return Err(way.stands_still(hop, &why));
        }
        std::thread::sleep(GLANCE);
    }
}

/// The hop before which it stands, and why; none where all is done.
fn hop_of(
    ship: &Ship<'_>,
    seen: &Serving,
    commit: &str,
    way: &mut Way<'_, '_>,
) -> Result<Option<(Hop, String)>, Problem> {
    for app in &seen.applications {
        let mut has_it = false;
        for revision in &app.compared_with {
            has_it |= holds(ship.branch, commit, revision)?;
        }
        let name = &app.application;
        if !has_it {
            let now = app.compared_with.join(", ");
            return Ok(Some((
                Hop::Synced,
                format!("{name} was compared with {now}"),
            )));
        }
        if app.sync != "Synced" {
            let said = app
                .operation
                .as_ref()
                .map_or_else(String::new, |(phase, message)| {
                    format!("; its last operation: {phase} {message}")
                });
            return Ok(Some((Hop::Synced, format!("{name} is {}{said}", app.sync))));
        }
    }
    let names: Vec<String> = seen
        .applications
        .iter()
        .map(|app| app.application.to_string())
        .collect();
    way.reached(Hop::Synced, names.join(", "));
    let payload = ship.payload;
    let is_of_service = |image: &str| without_version(image) == payload.image;
    let (tag, digest) = (payload.by_tag(), payload.by_digest());
    let is_right = |image: &str| {
        image == tag || image == digest || image == format!("{tag}@{}", payload.digest)
    };
    let mut runs = false;
    for running in seen.applications.iter().flat_map(|app| &app.workloads) {
        if let Some(why) = running.lacks(&is_of_service, &is_right) {
            return Ok(Some((Hop::Ready, why)));
        }
        runs |= running.ready.keys().any(|image| is_right(image));
    }
    if !runs {
        return Ok(Some((Hop::Ready, format!("no ready pod runs {tag}"))));
    }
    // A tag says what was asked for; what a node pulled says what runs.
    let pulled: Vec<&String> = seen
        .applications
        .iter()
        .flat_map(|app| &app.pulled)
        .collect();
    let is_told = pulled.iter().any(|one| one.contains(&payload.digest));
    let how = if is_told {
        format!("{tag}, by its digest")
    } else {
        tag
    };
    way.reached(Hop::Ready, how);
    Ok(None)
}

/// Whether a commit that Argo CD deployed holds ours.
fn holds(branch: &Branch, commit: &str, revision: &str) -> Result<bool, Problem> {
    if commit == revision {
        return Ok(true);
    }
    let (Ok(ours), Ok(theirs)) = (commit.parse(), revision.parse()) else {
        return Ok(false);
    };
    if branch.repo.commit(theirs).is_err() {
        branch.newest()?;
        if branch.repo.commit(theirs).is_err() {
            return Ok(false);
        }
    }
    branch.repo.is_ancestor(ours, theirs).map_err(from_repo)
}

/// A name for a request that no other has.
pub fn fresh_correlation_id() -> String {
    const LETTERS: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";
    let letter = |_| char::from(LETTERS[fastrand::usize(..LETTERS.len())]);
    format!("d-{}", (0..12).map(letter).collect::<String>())
}
