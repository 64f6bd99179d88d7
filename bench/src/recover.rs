//! ripcord and the other ways back from the same broken deploy, side by side in one testbed.
//!
//! Each run has an Application of its own: the good version is live, then a bad one, then a way back is
//! taken. What a way is measured against is the time that pods need: `kubectl rollout undo` on an
//! Application without self-heal, which changes nothing but the pods' template. The others pay for Git and
//! Argo CD, and what that costs is swept over: pushes and rendering that take long, Git that is away, more
//! replicas.

pub(crate) mod point;
mod seen;
pub(crate) mod way;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::at_once::at_once;
use crate::measure::median;
use crate::outage::Outage;
use crate::report::{Table, say};
use crate::stage::Stage;

use self::point::{Point, sweep};
use self::seen::Seen;
use self::way::Way;

const HEAD: [&str; 12] = [
    "point",
    "way",
    "runs",
    "all pods good, s",
    "of the floor",
    "durable, s",
    "after the push, s",
    "cluster changed, s",
    "bad again",
    "after, s",
    "at the end",
    "bad after another commit",
];

/// Runs every way whose point and name contain `only`; without a binary those that there are without
/// ripcord.
pub(crate) fn run(ripcord: Option<&Path>, runs: usize, only: &str) -> Result<Vec<Table>> {
    let ripcord = ripcord.map(Path::canonicalize).transpose()?;
    let stage = Stage::set()?;
    let mut table = Table::new("ripcord and the other ways back", &HEAD);
    let mut add = |row: Vec<Value>| {
        say(&json!(row).to_string());
        table.row(row);
    };
    let mut number = 0;
    let mut polls = Vec::new();
    for point in sweep() {
        let mut floor = None;
        for way in Way::at(point) {
            let name = format!("{}, {}", point.name(), way.name());
            if !name.contains(only) || (way == Way::Ripcord && ripcord.is_none()) {
                continue;
            }
            let runs: Vec<Run<'_>> = (0..runs)
                .map(|_| {
                    number += 1;
                    Run {
                        stage: &stage,
                        ripcord: ripcord.as_deref().unwrap_or(Path::new("")),
                        point,
                        way,
                        name: format!("rec-{number}"),
                    }
                })
                .collect();
            if way == Way::Poll {
                polls.push((point, floor, runs));
                continue;
            }
            let seen = runs.iter().map(Run::go).collect::<Result<Vec<_>>>()?;
            if way == Way::UndoWithoutHeal {
                floor = median_of(&seen, |seen| seen.good);
            }
            add(row(point, way, &seen, floor));
        }
    }
    // Who waits for the poll only waits: those runs can do so together.
    let waiting = polls.iter().flat_map(|(_, _, runs)| runs);
    let mut seen = at_once(waiting, Run::go)?.into_iter();
    for (point, floor, runs) in &polls {
        let seen: Vec<Seen> = seen.by_ref().take(runs.len()).collect();
        add(row(*point, Way::Poll, &seen, *floor));
    }
    table.note("The floor is `kubectl rollout undo` on an Application without self-heal at the same number of replicas; where a Rollout is aborted or promoted, there is none. Medians of the runs that got there; a cell without a number: the way does not lead there.");
    Ok(vec![table])
}

/// One run of a way, on an Application of its own.
struct Run<'a> {
    stage: &'a Stage,
    ripcord: &'a Path,
    point: Point,
    way: Way,
    name: String,
}

impl Run<'_> {
    fn go(&self) -> Result<Seen> {
        let point = match self.way {
            Way::UndoWithoutHeal => self.point.without_heal(),
            _ => self.point,
        };
        self.stage.render_in(Duration::ZERO)?;
        let mut outage = Outage::none_yet(&self.stage.bed, point, &self.name)?;
        outage.break_it(0)?;
        outage.hinder_pushes()?;
        self.stage.render_in(point.rendering)?;
        let seen = seen::go(&mut outage, self.way, self.ripcord)?;
        self.stage.render_in(Duration::ZERO)?;
        outage.end()?;
        Ok(seen)
    }
}

fn median_of(seen: &[Seen], part: fn(&Seen) -> Option<f64>) -> Option<f64> {
    let found: Vec<f64> = seen.iter().filter_map(part).collect();
    (!found.is_empty()).then(|| median(&found))
}

/// The median; how many got there where not all did, and how long it was waited for them.
fn reached(seen: &[Seen], limit: Duration, part: fn(&Seen) -> Option<f64>) -> Value {
    let count = seen.iter().filter(|seen| part(seen).is_some()).count();
    let limit = limit.as_secs();
    match median_of(seen, part) {
        Some(median) if count == seen.len() => median.into(),
        Some(median) => format!("{median:.2}, {count} of {} within {limit} s", seen.len()).into(),
        None if seen.iter().all(|seen| seen.refused) => "refused".into(),
        None if seen.iter().all(|seen| seen.relapse.is_some()) => "undone before".into(),
        None => format!("not within {limit} s").into(),
    }
}

fn row(point: Point, way: Way, seen: &[Seen], floor: Option<f64>) -> Vec<Value> {
    let of = |part: fn(&Seen) -> Option<f64>| median_of(seen, part);
    let limit = way.limit(point);
    let good = of(|seen| seen.good);
    let durable = if way.pushes(point) {
        reached(seen, limit, |seen| seen.durable)
    } else {
        Value::Null
    };
    let back = seen.iter().filter(|seen| seen.relapse.is_some()).count();
    let lost: Vec<bool> = seen
        .iter()
        .filter_map(|seen| seen.lost_by_next_commit)
        .collect();
    let mut stands: Vec<&str> = seen
        .iter()
        .filter_map(|seen| seen.stands.as_deref())
        .collect();
    stands.sort_unstable();
    stands.dedup();
    let text = |there: bool, text: String| if there { text.into() } else { Value::Null };
    vec![
        point.name().into(),
        way.name().into(),
        seen.len().into(),
        reached(seen, limit, |seen| seen.good),
        json!(good.zip(floor).map(|(good, floor)| good / floor)),
        durable,
        json!(of(|seen| Some(seen.durable? - seen.pushed?))),
        json!(of(|seen| seen.changed)),
        format!("{back} of {}", seen.len()).into(),
        json!(of(|seen| seen.relapse)),
        text(!stands.is_empty(), stands.join("; ")),
        text(
            !lost.is_empty(),
            format!(
                "{} of {}",
                lost.iter().filter(|lost| **lost).count(),
                lost.len()
            ),
        ),
    ]
}
