//! Many clients at once, each rolling its own service back and forth on one branch.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use ripcord_testkit::{Ripcord, Scratch};
use serde_json::json;

use crate::generate::Target;
use crate::measure::{Run, Sample, time};
use crate::report::{Table, say};
use crate::rig::{Repo, Rig, rollback};
use crate::{Setup, scripts};

/// As patient as a script is written.
const SCRIPT_TRIES: &str = "10";
const RECIPE_TRIES: &str = "200";

pub(crate) fn run(setup: &Setup, clients: &[usize], time_limit: Duration) -> Result<Vec<Table>> {
    let seconds = time_limit.as_secs();
    let head = [
        "clients",
        "what",
        "success %",
        "landed/s",
        "median ms",
        "p95 ms",
        "max tries",
    ];
    let title = format!("Saturation: clients that roll back in a loop for {seconds} s");
    let mut table = Table::new(&title, &head);
    for count in clients {
        for way in [Way::Script, Way::Recipe, Way::Ripcord] {
            if way == Way::Ripcord && !setup.has_ripcord() {
                continue;
            }
            let rig = Rig::new(&setup.estate)?;
            let start = Instant::now();
            let sample = measure(setup, &rig, way, *count, time_limit)?;
            let elapsed = start.elapsed().max(time_limit).as_secs_f64();
            table.row(vec![
                json!(count),
                json!(way.name()),
                json!(sample.success_percent()),
                json!(sample.right() as f64 / elapsed),
                json!(sample.median()),
                json!(sample.percentile(95)),
                json!(sample.max_tries()),
            ]);
        }
    }
    table.note("Clients share the machine with the server: read the figures against each other.");
    Ok(vec![table])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Script,
    Recipe,
    Ripcord,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Script => "fetch + script, 10 tries",
            Self::Recipe => "recipe until landed",
            Self::Ripcord => "ripcord rollback --to",
        }
    }
}

/// One person: a service, a clone or a home, and nothing shared with the others.
struct Client<'a> {
    rig: &'a Rig,
    setup: &'a Setup,
    way: Way,
    target: Target,
    home: Scratch,
    clone: Option<Repo>,
}

fn measure(setup: &Setup, rig: &Rig, way: Way, count: usize, limit: Duration) -> Result<Sample> {
    let services = &setup.estate.deployed;
    ensure!(
        !services.is_empty(),
        "the estate names no deployed services"
    );
    let mut clients = Vec::new();
    for number in 0..count {
        let clone = match way {
            Way::Script => Some(rig.shared_clone(&format!("client-{number}"))?),
            Way::Recipe => Some(rig.shared_bare_clone(&format!("client-{number}.git"))?),
            Way::Ripcord => None,
        };
        let target = services[number % services.len()].clone();
        clients.push(Client {
            rig,
            setup,
            way,
            target,
            home: Scratch::new()?,
            clone,
        });
    }
    for client in &clients {
        client.prepare()?;
    }
    let deadline = Instant::now() + limit;
    let mut sample = Sample::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter()
            .map(|client| scope.spawn(|| client.work(deadline)))
            .collect();
        for thread in threads {
            for run in thread.join().map_err(|_| anyhow!("a client panicked"))?? {
                // Ending well without a push is no rollback.
                sample.add(&run, run.succeeded && run.tries.is_some());
            }
        }
        Ok(sample)
    })
}

impl Client<'_> {
    /// Fills ripcord's cache, as its last use on this machine would have.
    fn prepare(&self) -> Result<()> {
        if self.way == Way::Ripcord {
            let run = time(self.command(0).arg("--dry-run"))?;
            ensure!(run.succeeded, "ripcord --dry-run: {}", run.errors);
        }
        Ok(())
    }

    fn work(&self, deadline: Instant) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        while Instant::now() < deadline {
            let run = time(&mut self.command(runs.len()))?;
            if !run.succeeded && runs.is_empty() {
                say(&format!("{}: {}", self.way.name(), run.errors.trim()));
            }
            runs.push(run);
        }
        Ok(runs)
    }

    /// The command for the round: there and back, so that each one changes something.
    fn command(&self, round: usize) -> Command {
        let Target {
            service,
            environment,
            good,
            bad,
            ..
        } = &self.target;
        let (text, tries) = match self.way {
            Way::Script => (scripts::SCRIPT, SCRIPT_TRIES),
            Way::Recipe => (scripts::RECIPE, RECIPE_TRIES),
            Way::Ripcord => {
                let ripcord = Ripcord::new(&self.home, &self.setup.ripcord);
                let to = if round.is_multiple_of(2) { good } else { bad };
                let mut command = rollback(&ripcord, &self.rig.url(), &self.target);
                // What was rolled back from would be quarantined, and the next round goes there.
                command.args(["--to", to, "--no-quarantine"]);
                return command;
            }
        };
        let dir = self
            .clone
            .as_ref()
            .map_or(self.rig.scratch.path(), |clone| &clone.dir);
        self.rig.script(text, dir, &[service, environment, tries])
    }
}
