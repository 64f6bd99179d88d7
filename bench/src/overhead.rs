//! What of a rollback's time is ripcord's own.
//!
//! The time of a run is taken apart by whom is waited for. Git's answers are the lives of its processes, by
//! git's own trace. The cluster's answers are on the wire to its API server: from each question to the last
//! piece of its answer, connecting included. What is left is ripcord's own, whatever it does meanwhile:
//! starting, reading the repository, planning, the commit, the record on the disk, waiting for a processor
//! that others have.

mod gits;
mod processor;
mod spans;
mod wire;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use ripcord_testbed::{Options, Testbed};
use serde_json::{Value, json};

use crate::measure::median;
use crate::outage::Outage;
use crate::recover::point::Point;
use crate::report::{Table, say};
use crate::running::{Ended, Running};

use self::gits::Call;
use self::processor::Processor;
use self::spans::{Span, covered};
use self::wire::Wire;

/// How often it is looked what the processor did.
const GLANCE: Duration = Duration::from_millis(1);

/// A run of ripcord, in seconds from its start.
struct Seen {
    ended: Ended,
    end: f64,
    gits: Vec<Call>,
    cluster: Vec<Span>,
    processor: Processor,
}

/// Where the time until a moment went, in milliseconds.
struct Parts {
    all: f64,
    git: f64,
    cluster: f64,
    own: f64,
    /// Until the first question to anybody; a part of its own.
    before: f64,
    processor: Option<f64>,
}

impl Seen {
    fn until(&self, end: f64) -> Parts {
        let git: Vec<Span> = self.gits.iter().map(|call| call.span).collect();
        let both = [git.as_slice(), &self.cluster].concat();
        let first = both.iter().map(|span| span.0).fold(end, f64::min);
        let milliseconds = |seconds: f64| seconds * 1e3;
        Parts {
            all: milliseconds(end),
            git: milliseconds(covered(&git, end)),
            cluster: milliseconds(covered(&self.cluster, end)),
            own: milliseconds(end - covered(&both, end)),
            before: milliseconds(first),
            processor: self.processor.until(end).map(milliseconds),
        }
    }
}

/// Measures plans and rollbacks at the usual point.
pub(crate) fn run(ripcord: &Path, runs: usize) -> Result<Vec<Table>> {
    let ripcord = ripcord.canonicalize()?;
    let bed = Testbed::start(&Options {
        rollouts: false,
        ..Options::default()
    })?;
    let wire = Wire::open(&bed.kubeconfig()?)?;
    let mut outage = Outage::none_yet(&bed, Point::USUAL, "overhead")?;
    let (mut first, mut again, mut rollbacks) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..runs {
        outage.break_it(run)?;
        first.push(watched(&outage, &wire, &ripcord, &PLAN)?);
        again.push(watched(&outage, &wire, &ripcord, &PLAN)?);
        // For a rollback as for a plan ripcord has never run here.
        outage.take_a_new_clone()?;
        rollbacks.push(watched(&outage, &wire, &ripcord, &ROLLBACK)?);
        outage.wait_until_settled()?;
        say(&format!("run {} of {runs}", run + 1));
    }
    let until = |seen: &[Seen], moment: fn(&Seen) -> Option<f64>| -> Vec<Parts> {
        let each = seen.iter();
        each.filter_map(|seen| Some(seen.until(moment(seen)?)))
            .collect()
    };
    let head = [
        "what",
        "runs",
        "ms",
        "waits for git",
        "waits for the cluster",
        "own",
        "own, most",
        "of it before the first question",
        "processor, own",
    ];
    let mut table = Table::new("What of the time is ripcord's own, ms", &head);
    for (name, parts) in [
        ("plan, first run", until(&first, |seen| Some(seen.end))),
        ("plan, again", until(&again, |seen| Some(seen.end))),
        (
            "rollback until the cluster is changed",
            until(&rollbacks, |seen| seen.ended.changed()),
        ),
        (
            "rollback until it is pushed",
            until(&rollbacks, |seen| seen.ended.pushed()),
        ),
    ] {
        table.row(row(name, &parts));
    }
    table.note("Medians. It is waited for git and the cluster at the same time, so that the parts are more than the whole. The processor's time is that of all threads of ripcord, without the gits.");
    Ok(vec![table, asked(&rollbacks)])
}

const PLAN: [&str; 5] = ["plan", "payments-service", "production", "-o", "json"];
const ROLLBACK: [&str; 8] = [
    "rollback",
    "payments-service",
    "production",
    "--yes",
    "--watch",
    "0",
    "-o",
    "json",
];

/// Runs ripcord with everybody watched that it waits for.
fn watched(outage: &Outage<'_>, wire: &Wire, ripcord: &Path, words: &[&str]) -> Result<Seen> {
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig");
    wire.write_kubeconfig(&outage.bed.kubeconfig()?, &kubeconfig)?;
    let trace = folder.path().join("trace");
    std::fs::create_dir(&trace)?;
    let mut command = outage
        .ripcord(ripcord)?
        .env("KUBECONFIG", kubeconfig.display().to_string())
        .env(gits::TRACE, trace.display().to_string())
        .command(words);
    let clock = SystemTime::now();
    let mut running = Running::start(&mut command)?;
    let started = running.started();
    let mut processor = Processor::of(running.id());
    let end = loop {
        let now = started.elapsed().as_secs_f64();
        processor.look(now);
        if running.has_ended()? {
            break now;
        }
        std::thread::sleep(GLANCE);
    };
    let ended = running.wait_within(Duration::MAX)?;
    ensure!(ended.code == Some(0), "{words:?}: {}", ended.said());
    Ok(Seen {
        ended,
        end,
        gits: gits::calls(&trace, clock)?,
        cluster: wire.take_waits(started),
        processor,
    })
}

fn row(name: &str, parts: &[Parts]) -> Vec<Value> {
    let of = |part: fn(&Parts) -> Option<f64>| -> Value {
        let found: Vec<f64> = parts.iter().filter_map(part).collect();
        if found.is_empty() {
            Value::Null
        } else {
            json!(median(&found))
        }
    };
    let most = parts.iter().map(|parts| parts.own).reduce(f64::max);
    vec![
        name.into(),
        parts.len().into(),
        of(|parts| Some(parts.all)),
        of(|parts| Some(parts.git)),
        of(|parts| Some(parts.cluster)),
        of(|parts| Some(parts.own)),
        json!(most),
        of(|parts| Some(parts.before)),
        of(|parts| parts.processor),
    ]
}

/// What git was asked by the rollbacks, to their ends.
fn asked(rollbacks: &[Seen]) -> Table {
    let mut calls: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for call in rollbacks.iter().flat_map(|seen| &seen.gits) {
        let took = (call.span.1 - call.span.0) * 1e3;
        calls.entry(&call.name).or_default().push(took);
    }
    let mut table = Table::new(
        "What git is asked by a rollback",
        &["git", "calls of all runs", "each, ms"],
    );
    for (name, took) in calls {
        table.row(vec![name.into(), took.len().into(), json!(median(&took))]);
    }
    table
}
