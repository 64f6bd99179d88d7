//! How often the bad version comes back after ripcord, counted: many recoveries at each point of the sweep.
//!
//! Several Applications are put back at the same time. Whether the bad version comes back is a yes or a no,
//! so load makes it only harder. An Application that was put back well is broken again, with another bad
//! version, by somebody for whom ripcord has never run.

mod wanted;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::at_once::at_once;
use crate::outage::{GOOD, Outage};
use crate::recover::point::{Point, Push, sweep};
use crate::recover::way::{Way, expected_code, roll_back};
use crate::report::{Table, say};
use crate::stage::Stage;

use self::wanted::Wanted;

/// For how long it is watched when ripcord has ended.
const WATCHED: Duration = Duration::from_secs(5);
/// A recovery that is one of many may take this much longer than one alone.
const UNDER_LOAD: Duration = Duration::from_mins(1);

/// What came of one recovery.
struct Came {
    /// How long after its start the bad version was wanted again.
    relapse: Option<Duration>,
    /// Why it did not end as it should.
    failure: Option<String>,
}

impl Came {
    fn is_well(&self) -> bool {
        self.relapse.is_none() && self.failure.is_none()
    }
}

/// Tries every point whose name contains `only`, so many Applications `together`.
pub(crate) fn run(
    ripcord: &Path,
    trials: usize,
    together: usize,
    only: &str,
) -> Result<Vec<Table>> {
    ensure!(together > 0, "none together is none at all");
    let ripcord = ripcord.canonicalize()?;
    let stage = Stage::set()?;
    let head = [
        "point",
        "trials",
        "bad again",
        "failed otherwise",
        "took, s",
    ];
    let mut table = Table::new("Whether the bad version comes back after ripcord", &head);
    let numbers = AtomicUsize::new(0);
    for point in sweep().into_iter().filter(|point| point.rests) {
        if !point.name().contains(only) {
            continue;
        }
        let started = Instant::now();
        let series = Series {
            stage: &stage,
            ripcord: &ripcord,
            // With Argo CD still at work it is harder.
            point: Point {
                rests: false,
                ..point
            },
            numbers: &numbers,
        };
        let came = series.run(trials, together)?;
        let count = |is: fn(&Came) -> bool| came.iter().filter(|came| is(came)).count();
        let row: Vec<Value> = vec![
            point.name().into(),
            came.len().into(),
            count(|came| came.relapse.is_some()).into(),
            count(|came| came.failure.is_some()).into(),
            started.elapsed().as_secs().into(),
        ];
        say(&json!(row).to_string());
        table.row(row);
        for failure in came.iter().filter_map(|came| came.failure.as_ref()) {
            table.note(format!("{}: {failure}", point.name()));
        }
    }
    table.note(format!(
        "{together} Applications at the same time; watched until {} s after the end of ripcord.",
        WATCHED.as_secs()
    ));
    Ok(vec![table])
}

/// The trials of one point.
struct Series<'a> {
    stage: &'a Stage,
    ripcord: &'a Path,
    point: Point,
    /// How many Applications there were before.
    numbers: &'a AtomicUsize,
}

impl<'a> Series<'a> {
    fn run(&self, trials: usize, together: usize) -> Result<Vec<Came>> {
        let mut came = Vec::new();
        let mut outages: Vec<Option<Outage<'a>>> = Vec::new();
        outages.resize_with(together.min(trials), || None);
        for round in 0.. {
            let left = outages.len().min(trials - came.len());
            for spare in outages.split_off(left).into_iter().flatten() {
                spare.end()?;
            }
            if outages.is_empty() {
                break;
            }
            self.stage.render_in(Duration::ZERO)?;
            // Broken together, so that all of them are put back at the same time.
            let broken = at_once(outages, |outage| self.break_one(outage, round))?;
            self.stage.render_in(self.point.rendering)?;
            let tried = at_once(broken, |(outage, wanted)| {
                let came = self.put_back(&outage, wanted)?;
                Ok((outage, came))
            })?;
            self.stage.render_in(Duration::ZERO)?;
            let ready = at_once(tried, |(outage, came)| {
                Ok((self.make_ready(outage, &came)?, came))
            })?;
            outages = Vec::new();
            for (outage, one) in ready {
                if let Some(after) = one.relapse {
                    let name = self.point.name();
                    say(&format!(
                        "{name}: bad again after {:.2} s",
                        after.as_secs_f64()
                    ));
                }
                outages.push(outage);
                came.push(one);
            }
        }
        Ok(came)
    }

    fn break_one(&self, outage: Option<Outage<'a>>, round: usize) -> Result<(Outage<'a>, Wanted)> {
        let mut outage = if let Some(outage) = outage {
            outage
        } else {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            let name = format!("relapse-{number}");
            Outage::none_yet(&self.stage.bed, self.point, &name)?
        };
        outage.break_it(round)?;
        outage.hinder_pushes()?;
        let wanted = Wanted::watch(&outage)?;
        Ok((outage, wanted))
    }

    /// A recovery, watched.
    fn put_back(&self, outage: &Outage<'_>, wanted: Wanted) -> Result<Came> {
        let limit = Way::Ripcord.limit(self.point) + UNDER_LOAD;
        let running = roll_back(outage, self.ripcord)?;
        let started = running.started();
        let ended = running.wait_within(limit)?;
        let mut failure = None;
        if ended.code != Some(expected_code(self.point)) {
            failure = Some(format!("ended with {:?}: {}", ended.code, ended.said()));
        }
        std::thread::sleep(WATCHED);
        let changed = ended.changed().map(Duration::from_secs_f64);
        let changed = changed.map_or_else(Instant::now, |after| started + after);
        let relapse = wanted.came_back(changed)?;
        // Where Git is away ripcord does not wait for the pods to the end.
        let mut pods = outage.pods()?;
        while !outage.are_good(&pods) && failure.is_none() {
            if started.elapsed() > limit {
                failure = Some(format!("the pods did not become good: {pods:?}"));
            }
            std::thread::sleep(Duration::from_millis(200));
            pods = outage.pods()?;
        }
        Ok(Came {
            relapse: relapse.map(|at| at.duration_since(started)),
            failure,
        })
    }

    /// What is to be broken next: the same Application where all is well, else another in its place.
    fn make_ready(&self, mut outage: Outage<'a>, came: &Came) -> Result<Option<Outage<'a>>> {
        if !came.is_well() {
            outage.end()?;
            return Ok(None);
        }
        if self.point.push == Push::Away {
            // What was not pushed is done by hand; then nothing has to be held any more.
            outage.scene.deploy(self.point.service, GOOD)?;
            let released = outage.ripcord(self.ripcord)?.run(["release"])?;
            ensure!(released.succeeded(), "{released:?}");
            outage.scene.refresh()?;
        }
        outage.wait_until_settled()?;
        Ok(Some(outage))
    }
}
