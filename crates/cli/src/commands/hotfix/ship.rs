//! `hotfix ship`.

use std::path::Path;
use std::time::Duration;

use ripcord_connect::is_configured;
use ripcord_domain::gate::Record;
use ripcord_domain::hotfix::payload::{Hotfix, Payload, Source};
use ripcord_domain::{Kind, Problem};
use ripcord_hotfix::proof::{self, Secret};
use ripcord_hotfix::ship::{self, By, Ship, Shipment};
use ripcord_hotfix::{Receiver, receive};
use ripcord_recovery::ship::Shipping;
use ripcord_recovery::survey::Branch;
use ripcord_registry::Registries;

use super::super::receive::PAUSE_OF_HOTFIX;
use super::super::recovering;
use super::{REGISTRY, sources};
use crate::args::{Global, ShipArgs};
use crate::moment;
use crate::render::{Output, hotfix as screen};
use crate::wiring::{self, Wanted};

/// How long lost races are gone on with.
const PATIENCE: Duration = Duration::from_mins(5);

pub(super) fn run(global: &Global, args: &ShipArgs, output: &mut Output) -> Result<(), Problem> {
    let record = read(&args.record)?;
    let opened = wiring::open(global, Wanted::Environment(args.environment.as_deref()))?;
    let payload = payload(&opened, args, &record)?;
    if args.dry_run {
        output.value(&payload, |page| screen::payload(page, &payload));
        return Ok(());
    }
    let runtime = ripcord_runbook::runtime()?;
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let token = variable("INFRA_REPO_TOKEN");
    let trigger = variable("RIPCORD_TRIGGER_TOKEN");
    let which = recovering::which(&args.cluster);
    let is_named = args.cluster.context.is_some() || args.cluster.server.is_some();
    let has_cluster = !args.no_cluster && (is_named || is_configured());
    let wait = moment::duration("--wait", &args.wait)?;
    let shipping = Ship {
        branch: &opened,
        payload: &payload,
        workflow: &args.workflow,
        token: token.as_deref(),
        trigger: trigger.as_deref(),
        cluster: has_cluster.then_some(&which),
        wait,
        runtime: &runtime,
    };
    let mut tell = |reached: &ship::Reached| {
        Output::told(&format!(
            "{:>7.1} s  {}  {}",
            reached.seconds,
            reached.hop.words(),
            reached.seen
        ));
    };
    let (shipment, outcome) = if args.follow.is_some() {
        ship::ship(&shipping, By::Sent, &mut tell)
    } else if args.direct {
        let commit = direct(&opened, &payload, &runtime)?;
        ship::ship(&shipping, By::Commit(&commit), &mut tell)
    } else {
        ship::ship(&shipping, By::Dispatch, &mut tell)
    };
    told(&shipment, outcome, output)
}

fn told(
    shipment: &Shipment,
    outcome: Result<(), Problem>,
    output: &mut Output,
) -> Result<(), Problem> {
    // What was reached is the answer, also where it stands still; nothing was where the forge took nothing.
    if outcome.is_ok() || !shipment.hops.is_empty() {
        output.answer(shipment, |page| screen::shipment(page, shipment));
    }
    outcome
}

/// Commits by the receiver's own code, as whoever runs this.
fn direct(
    opened: &Branch,
    payload: &Payload,
    runtime: &tokio::runtime::Runtime,
) -> Result<String, Problem> {
    let settings = opened.newest_for_steps()?.settings;
    let registries = Registries::new(settings.config.mirrors, REGISTRY);
    let sources = sources()?;
    let receiver = Receiver {
        branch: opened,
        registries: &registries,
        sources: &sources,
        secret: &|variable| std::env::var(variable).ok(),
        runtime,
        drops: None,
        is_own: true,
        clock: &moment::now,
    };
    let shipping = Shipping {
        push_to: None,
        patience: PATIENCE,
        longest_pause: PAUSE_OF_HOTFIX,
    };
    let mut progress = Output::progress();
    let received = receive(&receiver, payload, false, &shipping, &mut |event| {
        progress(event);
    })?;
    received.commit.ok_or_else(|| {
        Problem::new(
            Kind::Internal,
            "no_commit",
            "what was received has no commit",
        )
    })
}

fn payload(opened: &Branch, args: &ShipArgs, record: &Record) -> Result<Payload, Problem> {
    let settings = opened.newest()?.settings;
    let lacks = |what: &str| {
        Problem::new(
            Kind::Usage,
            "bad_record",
            format!("{} says no {what}: there is nothing to ship", args.record.display()),
        )
        .hint("`gate: {build: {run: …, image: …}}` in ripcord.yaml of the service says how the image is built")
    };
    if !record.passed {
        return Err(Problem::new(
            Kind::Refused,
            "gate_stopped",
            format!("{} is of a gate that stopped", args.record.display()),
        )
        .hint("`ripcord hotfix gate` goes through it again"));
    }
    let name = record.hotfix.clone().ok_or_else(|| lacks("hotfix"))?;
    let environment = match &args.environment {
        Some(typed) => settings.environment(typed).to_string(),
        None => settings.default_environment().to_string(),
    };
    let mut payload = Payload {
        service: settings.service(&args.service).to_string(),
        image: record.image.clone().ok_or_else(|| lacks("image"))?,
        tag: record.tag.clone().ok_or_else(|| lacks("tag"))?,
        digest: record.digest.clone().ok_or_else(|| lacks("digest"))?,
        environment,
        hotfix: Some(Hotfix {
            name,
            incident: args.incident.clone(),
        }),
        correlation_id: args
            .follow
            .clone()
            .unwrap_or_else(ship::fresh_correlation_id),
        source: Some(Source {
            repository: record.repository.clone(),
            commit: record.commit.clone(),
            base: record.base.clone(),
        }),
        gate: serde_json::to_value(record.short()).ok(),
        proof: None,
    };
    payload.check()?;
    if let Some(name) = &args.key {
        let Ok(secret) = std::env::var("RIPCORD_PROOF_KEY") else {
            return Err(Problem::new(
                Kind::Usage,
                "no_secret",
                format!("the key `{name}` is not here: `RIPCORD_PROOF_KEY` is not set"),
            ));
        };
        let secret = Secret::new(name, &secret)?;
        payload.proof = Some(proof::sign(&payload, name, &secret, moment::now())?);
    }
    Ok(payload)
}

fn read(path: &Path) -> Result<Record, Problem> {
    let unreadable = |why: &str| {
        Problem::new(
            Kind::Usage,
            "bad_record",
            format!("{} is no record of a gate: {why}", path.display()),
        )
        .hint("`ripcord hotfix gate --record FILE` writes one")
    };
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(&error.to_string()))
}
