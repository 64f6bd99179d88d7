//! A hotfix is shipped: the deploy is asked for, then followed hop by hop until ready pods run it.
//!
//! Every hop is told by what was seen there: the forge's run, the commit on the infra repo's branch, the commit
//! that Argo CD deployed, the images of ready pods. Where it stands still, that hop is named.

mod pods;
mod receiver;

use std::time::{Duration, Instant};

use ripcord_connect::Which;
use ripcord_domain::hotfix::Payload;
use ripcord_domain::names::name_from_chance;
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_recovery::survey::Branch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

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

/// How the deploy comes to its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By<'a> {
    /// The forge's receiver is sent the event.
    Dispatch,
    /// It was sent before.
    Sent,
    /// It was committed here.
    Commit(&'a str),
}

/// Sees a deploy to its commit, then to ready pods.
///
/// # Errors
/// The forge does not take the event; its run fails; it stands still until the time is over, which is half done:
/// the problem names the hop, and what was reached stands in the shipment.
pub fn ship(ship: &Ship<'_>, by: By<'_>, tell: &mut Tell<'_>) -> (Shipment, Result<(), Problem>) {
    let mut way = Way::new(ship.payload, tell);
    let committed = match by {
        By::Dispatch => receiver::send(ship, &mut way),
        By::Sent => receiver::resume(ship, &mut way),
        By::Commit(commit) => {
            way.committed(commit);
            Ok(())
        }
    };
    let outcome = committed.and_then(|()| pods::to_pods(ship, &mut way));
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
            "`ripcord hotfix ship {} --record FILE --follow {id}` goes on following; the same request is carried out once",
            self.shipment.service
        ))
    }
}

/// A name for a request that no other has.
pub fn fresh_correlation_id() -> String {
    name_from_chance("d-", 12, fastrand::u64(..))
}
