//! The receiver: a deploy that a service's pipeline asks for is looked at from every side, then committed.

use jiff::Timestamp;
use ripcord_domain::config::Config;
use ripcord_domain::hotfix::payload::{Source, is_commit};
use ripcord_domain::hotfix::{HotfixName, Payload, Shipped};
use ripcord_domain::message::trailer;
use ripcord_domain::plan::{Outcome, Plan, SCHEMA};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::receiving::Key;
use ripcord_domain::time_span;
use ripcord_git::{Location, SafeUrl};
use ripcord_recovery::deploy::{self, Situation, Wanted};
use ripcord_recovery::ship::{Event, Shipping};
use ripcord_recovery::survey::Branch;
use ripcord_registry::{Labels, Presence, Registries};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;

use crate::overdue::{self, Next};
use crate::production::{built_of, image_of};
use crate::proof::{self, Secret};
use crate::source::Sources;
use crate::{drop_guard, gate_record};

/// Days for which a request is known again when no proof bounds its age.
const KNOWN_FOR_DAYS: i64 = 7;

/// What a receiver works with.
pub struct Receiver<'a> {
    /// The infra repo.
    pub branch: &'a Branch,
    /// The way to registries.
    pub registries: &'a Registries,
    /// The way to the sources of services.
    pub sources: &'a Sources,
    /// The secret of a key, from wherever the job has it.
    pub secret: &'a dyn Fn(&str) -> Option<String>,
    /// Where questions to registries are asked.
    pub runtime: &'a Runtime,
    /// The person's decision to drop these hotfixes, and why.
    pub drops: Option<(Vec<HotfixName>, String)>,
    /// Whoever runs this asks for themselves: who may push to the infra repo needs no key.
    pub is_own: bool,
    /// The time.
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// `ripcord receive`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Received {
    /// The number of the JSON form.
    pub schema: u32,
    /// The request.
    pub correlation_id: String,
    /// What it came to.
    pub outcome: Landing,
    /// The commit on the infra repo's branch, in hex.
    pub commit: Option<String>,
    /// The branch.
    pub branch: String,
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// The image with its tag.
    pub image: String,
    /// Its digest.
    pub digest: String,
    /// The hotfix that it is.
    pub hotfix: Option<HotfixName>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// What changes.
    pub changes: Vec<ripcord_domain::plan::FileChange>,
}

/// What a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Landing {
    /// Only shown.
    Planned,
    /// Committed and pushed.
    Pushed,
    /// The same request was carried out before.
    KnownAlready,
    /// The environment declares it already; nothing was pushed.
    DeclaredAlready,
}

/// Takes a request: looks at it, and commits it unless it is only to be shown.
///
/// # Errors
/// Who asks may not, the image is not there or another one, the version is quarantined, a hotfix would be
/// dropped; trouble with registry or remote. Nothing is on the remote then unless the message says so.
pub fn receive(
    receiver: &Receiver<'_>,
    payload: &Payload,
    only_plan: bool,
    shipping: &Shipping,
    watch: &mut dyn FnMut(Event),
) -> Result<Received, Problem> {
    let now = (receiver.clock)();
    let place = receiver.branch.newest_for_steps()?;
    let config = &place.settings.config;
    let window = time_span::read("receive.replay_window", &config.receive.replay_window)?;
    let key = who_asks(receiver, config, payload, window, now)?;
    let mut warnings = Vec::new();
    let labels = image(receiver, payload, &mut warnings)?;
    let payload = &with_source(payload, &labels, &mut warnings)?;
    gate_record::check(payload)?;
    let judge = |situation: &Situation<'_>| {
        if let Some((name, rules)) = &key {
            let unit = situation.unit;
            rules.allows(
                name,
                &unit.service,
                &unit.environment,
                payload.hotfix.is_some(),
            )?;
        }
        judge(receiver, payload, situation, now)
    };
    let known_for = jiff::SignedDuration::from_hours(24 * KNOWN_FOR_DAYS).max(window);
    let mut trailers = Vec::new();
    if let Some((names, reason)) = &receiver.drops {
        trailers.extend(
            names
                .iter()
                .map(|name| (trailer::DROPS_HOTFIX.to_owned(), name.to_string())),
        );
        trailers.push((trailer::REASON.to_owned(), reason.clone()));
    }
    let wanted = Wanted {
        payload,
        gate_record: payload.gate.as_ref().map(digest_of),
        known_for,
        trailers,
        judge: &judge,
    };
    let plan = if only_plan {
        deploy::plan(receiver.branch, &wanted, now)?
    } else {
        deploy::deploy(receiver.branch, &wanted, shipping, receiver.clock, watch)?
    };
    Ok(received(payload, plan, warnings))
}

fn received(payload: &Payload, plan: Plan, warnings: Vec<String>) -> Received {
    let pushed = plan.pushed.as_ref();
    let outcome = match (plan.outcome, pushed) {
        (Outcome::Planned, _) => Landing::Planned,
        (Outcome::Pushed, _) => Landing::Pushed,
        (Outcome::NothingToDo, Some(_)) => Landing::KnownAlready,
        (Outcome::NothingToDo, None) => Landing::DeclaredAlready,
    };
    Received {
        schema: SCHEMA,
        correlation_id: payload.correlation_id.clone(),
        outcome,
        commit: match outcome {
            Landing::DeclaredAlready => Some(plan.base.clone()),
            _ => pushed.map(|pushed| pushed.commit.clone()),
        },
        branch: plan.branch.clone(),
        service: payload.service.clone(),
        environment: payload.environment.clone(),
        image: payload.by_tag(),
        digest: payload.digest.clone(),
        hotfix: payload.hotfix.as_ref().map(|fix| fix.name.clone()),
        warnings,
        changes: plan.changes,
    }
}

/// Who asks: the name of a key and what it is good for; none where no key is needed.
fn who_asks(
    receiver: &Receiver<'_>,
    config: &Config,
    payload: &Payload,
    window: jiff::SignedDuration,
    now: Timestamp,
) -> Result<Option<(String, Key)>, Problem> {
    let keys = &config.receive.keys;
    if keys.is_empty() || receiver.is_own {
        return Ok(None);
    }
    let Some(proof) = &payload.proof else {
        return Err(Problem::new(
            Kind::Refused,
            "not_proven",
            "the request is signed by no key, and this infra repo takes only signed ones",
        )
        .hint("`ripcord hotfix ship` signs with `RIPCORD_PROOF_KEY`; its name goes by `--key`"));
    };
    let name = proof.key.as_str();
    let Some(rules) = keys.get(name) else {
        return Err(Problem::new(
            Kind::Refused,
            "not_proven",
            format!("no key `{}` is known here", name.escape_default()),
        ));
    };
    let variable = Key::variable(name);
    let Some(secret) = (receiver.secret)(&variable) else {
        return Err(Problem::new(
            Kind::Local,
            "no_secret",
            format!("the secret of the key `{name}` is not here: `{variable}` is not set"),
        )
        .hint("give it to the receiver's job as a secret"));
    };
    let secret = Secret::new(name, &secret)?;
    proof::verify(payload, proof, &secret, window, now)?;
    Ok(Some((name.to_owned(), rules.clone())))
}

/// Whether the image is there, and still the one that went through the gate.
fn image(
    receiver: &Receiver<'_>,
    payload: &Payload,
    warnings: &mut Vec<String>,
) -> Result<Labels, Problem> {
    let asked = async {
        let tagged = receiver.registries.look(&payload.by_tag()).await;
        let labels = receiver.registries.labels(&payload.by_digest()).await;
        (tagged, labels)
    };
    let (tagged, labels) = receiver.runtime.block_on(asked);
    match tagged {
        Presence::There { digest } if digest == payload.digest => {}
        Presence::There { digest } => {
            return Err(Problem::new(
                Kind::Refused,
                "tag_moved",
                format!(
                    "{} is {digest} now, and was {} when it was asked for: the tag was moved after the gate",
                    payload.by_tag(),
                    payload.digest
                ),
            )
            .hint("build under a tag of its own, and ship again"));
        }
        other => return Err(not_there(&payload.by_tag(), other)),
    }
    let labels = labels.map_err(|presence| not_there(&payload.by_digest(), presence))?;
    if labels.revision.is_none() {
        warnings.push(format!(
            "{} does not say what it was built of: the label org.opencontainers.image.revision is missing",
            payload.by_tag()
        ));
    }
    Ok(labels)
}

fn not_there(image: &str, presence: Presence) -> Problem {
    match presence {
        Presence::Gone => Problem::new(
            Kind::Refused,
            "image_gone",
            format!("{image} is not in its registry"),
        )
        .hint("nothing is deployed that cannot be pulled; push it and ask again"),
        Presence::Hidden => Problem::new(
            Kind::Remote,
            "image_hidden",
            format!("{image} is not shown to whoever asks here"),
        )
        .hint("`docker login` as somebody who may read it"),
        Presence::Unknown { why } => Problem::new(
            Kind::Remote,
            "image_unknown",
            format!("whether {image} is there is not known: {why}"),
        )
        .hint("nothing was changed; ask again"),
        Presence::There { .. } => Problem::new(
            Kind::Internal,
            "image_unknown",
            format!("{image} is there and could not be read"),
        ),
    }
}

/// The request with what the image says it was built of, which must not be something else.
fn with_source(
    payload: &Payload,
    labels: &Labels,
    warnings: &mut Vec<String>,
) -> Result<Payload, Problem> {
    let mut sourced = payload.clone();
    if let Some(revision) = &labels.revision {
        match &sourced.source {
            Some(source) if is_start_of(revision, &source.commit) => {}
            Some(source) if is_hex(revision) => {
                return Err(Problem::new(
                    Kind::Refused,
                    "other_source",
                    format!(
                        "{} was built of {revision}, and the request says {}",
                        payload.by_tag(),
                        source.commit
                    ),
                ));
            }
            None if is_commit(revision) => {
                sourced.source = Some(Source {
                    repository: None,
                    commit: revision.clone(),
                    base: None,
                });
            }
            _ => warnings.push(format!(
                "{} says that it was built of `{}`, which is no commit",
                payload.by_tag(),
                revision.escape_default()
            )),
        }
        if let Some(source) = &mut sourced.source
            && source.repository.is_none()
        {
            // A build may have put its own token into the address.
            let label = labels.source.as_deref();
            source.repository = label.map(|address| SafeUrl::new(address).for_others());
        }
        if sourced.check().is_err()
            && let Some(source) = &mut sourced.source
        {
            source.repository = None;
            warnings.push(
                "the image's label of its source is no address: it is not recorded".to_owned(),
            );
        }
    }
    if let Some(source) = &mut sourced.source
        && source.repository.as_deref().is_some_and(is_path)
    {
        warnings.push(
            "the source's address is a path of another machine: it is not recorded".to_owned(),
        );
        source.repository = None;
    }
    sourced.check()?;
    Ok(sourced)
}

fn is_hex(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a label names a commit, in short or in full.
fn is_start_of(revision: &str, commit: &str) -> bool {
    is_hex(revision) && commit.starts_with(&revision.to_ascii_lowercase())
}

/// Whether an address is of a folder, which is another one on every machine.
fn is_path(address: &str) -> bool {
    matches!(Location::parse(address), Ok(Location::Clone(_)) | Err(_))
}

/// What is asked on every tip that the push is tried on.
fn judge(
    receiver: &Receiver<'_>,
    payload: &Payload,
    situation: &Situation<'_>,
    now: Timestamp,
) -> Result<(), Problem> {
    let dropped = receiver.drops.as_ref().map(|(names, _)| names.as_slice());
    let kept: Vec<_> = situation
        .hotfixes
        .iter()
        // Another image of the service is built of another source.
        .filter(|fix| fix.is_of_image(&payload.image))
        .filter(|fix| !dropped.is_some_and(|names| names.contains(&fix.name)))
        .cloned()
        .collect();
    let known = situation
        .settings
        .config
        .sources
        .get(&situation.unit.service);
    let holds = |fix: &Shipped, commit: &str| {
        let source = receiver.sources.of(fix, known)?;
        let built = source.commit(commit)?;
        Ok(source.contains(fix, built)?.is_contained())
    };
    // A normal deploy pays by being of main; a hotfix waits until main holds the one before.
    let pays = |fix: &Shipped| {
        let asked = || -> Result<bool, Problem> {
            let source = receiver.sources.of(fix, known)?;
            let Some(next) = payload.source.as_ref().filter(|_| payload.hotfix.is_none()) else {
                return source.holds(fix);
            };
            let next = source.commit(&next.commit)?;
            Ok(source.is_on_main(next)? && source.contains(fix, next)?.is_contained())
        };
        matches!(asked(), Ok(true))
    };
    let next = match &payload.hotfix {
        Some(fix) => Next::Hotfix(&fix.name),
        None => Next::Deploy,
    };
    let policy = &situation.settings.config.hotfix;
    overdue::refuse(policy, &next, &kept, &pays, now)?;
    let running = |fix: &Shipped| {
        let source = receiver.sources.of(fix, known).ok()?;
        let image = image_of(
            situation.unit,
            Some(&payload.image),
            receiver.registries,
            receiver.runtime,
        );
        let built = built_of(&image.ok()?, &source, &known.cloned().unwrap_or_default());
        Some(built.ok()?.commit.to_string())
    };
    drop_guard::refuse(payload, situation.unit, &kept, &running, &holds, now)
}

/// The SHA-256 of a record, in hex, by its compact text.
fn digest_of(record: &serde_json::Value) -> String {
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in Sha256::digest(record.to_string().as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
