//! One rollback while others deploy to the same branch, over a distant link.

use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use fastrand::Rng;
use ripcord_testkit::{InfraRepo, Ripcord};
use serde_json::json;

use crate::generate::Target;
use crate::measure::{Sample, time};
use crate::report::{Table, say};
use crate::rig::{Memory, Rig, rollback};
use crate::{Setup, scripts};

const ROUND_TRIP: Duration = Duration::from_millis(40);
/// More tries than any contender needs that gets through at all.
const MANY: &str = "100";

pub(crate) fn run(setup: &Setup, per_second: f64) -> Result<Vec<Table>> {
    let rig = Rig::new(&setup.estate)?;
    let person = rig.clone_with_work_tree("person")?;
    let bare = rig.bare_clone("bare.git")?;
    let ripcord = Ripcord::new(&rig.scratch, &setup.ripcord);
    let repo = person.dir.display().to_string();
    let head = [
        "target",
        "what",
        "success %",
        "median ms",
        "p95 ms",
        "max tries",
        "deploys/s",
    ];
    let title = format!("Race: {per_second} deploys a second, 40 ms round trip");
    let mut table = Table::new(&title, &head);
    for target in setup.targets() {
        if setup.has_ripcord() {
            rig.origin.rewind(&rig.scratch)?;
            let _ = time(rollback(&ripcord, &repo, &target).arg("--dry-run"))?;
        }
        let memory = Memory::save(&rig.scratch, "first")?;
        let script = |tries: &'static str| {
            let args = [&target.service, &target.environment, tries];
            rig.script(scripts::SCRIPT, &person.dir, &args)
        };
        let recipe = || {
            let args = [&target.service, &target.environment, MANY];
            rig.script(scripts::RECIPE, &bare.dir, &args)
        };
        let ripcord_rollback = || rollback(&ripcord, &repo, &target);
        let contenders: [(&str, &dyn Fn() -> Command); 4] = [
            ("fetch + script, once", &|| script("1")),
            ("fetch + script, 10 tries", &|| script("10")),
            ("recipe until landed", &recipe),
            ("ripcord", &ripcord_rollback),
        ];
        for (name, command) in contenders {
            if name == "ripcord" && !setup.has_ripcord() {
                continue;
            }
            let mut sample = Sample::default();
            let (mut landed, mut seconds) = (0, 0.0);
            for number in 0..setup.runs {
                for repo in [&rig.origin, &person, &bare] {
                    repo.rewind(&rig.scratch)?;
                }
                memory.restore()?;
                rig.server.set_latency(ROUND_TRIP);
                let rivals = Rivals::start(&rig, setup, per_second, number as u64)?;
                let start = Instant::now();
                let run = time(&mut command())?;
                seconds += start.elapsed().as_secs_f64();
                landed += rivals.stop()?;
                rig.server.set_latency(Duration::ZERO);
                let right = run.succeeded && rig.is_good(&target)?;
                if !right {
                    say(&format!("{} {name}: {}", target.place, run.errors.trim()));
                }
                sample.add(&run, right);
            }
            table.row(row(&target, name, &sample, f64::from(landed) / seconds));
        }
    }
    table.note(rig.recipe_note());
    Ok(vec![table])
}

fn row(target: &Target, name: &str, sample: &Sample, rate: f64) -> Vec<serde_json::Value> {
    vec![
        json!(target.place),
        json!(name),
        json!(sample.success_percent()),
        json!(sample.median()),
        json!(sample.percentile(95)),
        json!(sample.max_tries()),
        json!(rate),
    ]
}

/// Other people, who deploy other services at random moments.
struct Rivals {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Result<u32>>,
}

impl Rivals {
    fn start(rig: &Rig, setup: &Setup, per_second: f64, seed: u64) -> Result<Self> {
        let mut infra = InfraRepo::open(&rig.scratch, &rig.origin.dir)?;
        let services = setup.estate.deployed.clone();
        let mut rng = Rng::with_seed(seed);
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut landed = 0;
            loop {
                // Exponential gaps make a Poisson process.
                let gap = Duration::from_secs_f64(-(1.0 - rng.f64()).ln() / per_second);
                match stopped.recv_timeout(gap) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return Ok(landed),
                }
                let Target {
                    service,
                    environment,
                    ..
                } = &services[rng.usize(0..services.len())];
                let version = format!("v{}", rng.u32(..));
                // One that loses its own race against the rollback is not counted.
                landed += u32::from(infra.deploy(service, environment, &version).land().is_ok());
            }
        });
        Ok(Self { stop, thread })
    }

    /// Ends the deploys and gives how many there were.
    fn stop(self) -> Result<u32> {
        drop(self.stop);
        self.thread
            .join()
            .map_err(|_| anyhow!("the rivals' thread panicked"))?
    }
}
