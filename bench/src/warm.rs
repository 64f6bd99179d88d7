//! Everything is on disk and up to date: from the command to the pushed rollback.

use std::process::Command;

use anyhow::{Result, ensure};
use ripcord_testkit::Ripcord;
use serde_json::json;

use crate::generate::Target;
use crate::measure::{Sample, ratio, time};
use crate::report::{Table, say};
use crate::rig::{Memory, Repo, Rig, rollback};
use crate::{Setup, scripts};

/// Seven ways for each target: three without a push, three with one, and the push alone.
pub(crate) fn run(setup: &Setup) -> Result<Vec<Table>> {
    let rig = Rig::new(&setup.estate)?;
    let person = rig.clone_with_work_tree("person")?;
    let bare = rig.bare_clone("bare.git")?;
    let ripcord = Ripcord::new(&rig.scratch, &setup.ripcord);
    let repo = person.dir.display().to_string();
    let targets = setup.targets();
    if let (true, Some(target)) = (setup.has_ripcord(), targets.first()) {
        say("first run of ripcord, which may fill its cache");
        let first = time(rollback(&ripcord, &repo, target).arg("--dry-run"))?;
        ensure!(first.succeeded, "ripcord --dry-run: {}", first.errors);
    }
    let memory = Memory::save(&rig.scratch)?;
    let world = World {
        rig: &rig,
        clones: [&person, &bare],
        memory: &memory,
        setup,
    };
    let head = ["target", "what", "ms", "right", "to script", "to recipe"];
    let mut table = Table::new("Warm: locate and commit; locate, commit and push", &head);
    for target in &targets {
        let script = |tries: &'static str| {
            let args = [&target.service, &target.environment, tries];
            rig.script(scripts::SCRIPT, &person.dir, &args)
        };
        let recipe = |tries: &'static str| {
            let args = [&target.service, &target.environment, tries];
            rig.script(scripts::RECIPE, &bare.dir, &args)
        };
        let naive = || {
            let args = [target.service.as_str(), &target.environment];
            rig.script(scripts::NAIVE, &person.dir, &args)
        };
        let dry_run = || {
            let mut command = rollback(&ripcord, &repo, target);
            command.arg("--dry-run");
            command
        };
        let ripcord_rollback = || rollback(&ripcord, &repo, target);
        let groups: [[Contender<'_>; 3]; 2] = [
            [
                ("script, no push", &|| script("0")),
                ("recipe, no push", &|| recipe("0")),
                ("ripcord --dry-run", &dry_run),
            ],
            [
                ("script", &naive),
                ("recipe", &|| recipe("1")),
                ("ripcord", &ripcord_rollback),
            ],
        ];
        for (group, pushes) in groups.iter().zip([false, true]) {
            let mut samples = Vec::new();
            for (name, command) in group {
                if name.starts_with("ripcord") && !setup.has_ripcord() {
                    continue;
                }
                samples.push((*name, world.sample(target, pushes, command)?));
            }
            for (name, sample) in &samples {
                table.row(vec![
                    json!(target.place),
                    json!(name),
                    json!(sample.median()),
                    sample.score(),
                    json!(ratio(sample, &samples[0].1)),
                    json!(ratio(sample, &samples[1].1)),
                ]);
            }
        }
        let pushed = world.push_alone(target, &bare)?;
        table.row(vec![
            json!(target.place),
            json!("push alone"),
            json!(pushed.median()),
            pushed.score(),
        ]);
    }
    table.note(rig.recipe_note());
    table.note("Script without a fetch, as it is used; ripcord includes its own check of the tip.");
    Ok(vec![table])
}

/// A name, and how to start it.
type Contender<'a> = (&'a str, &'a dyn Fn() -> Command);

struct World<'a> {
    rig: &'a Rig,
    clones: [&'a Repo; 2],
    memory: &'a Memory,
    setup: &'a Setup,
}

impl World<'_> {
    fn rewind(&self) -> Result<()> {
        self.rig.origin.rewind(&self.rig.scratch)?;
        for clone in self.clones {
            clone.rewind(&self.rig.scratch)?;
        }
        self.memory.restore()
    }

    /// Runs once for the page cache and then `--runs` times, from the same state each time.
    fn sample(
        &self,
        target: &Target,
        pushes: bool,
        command: &dyn Fn() -> Command,
    ) -> Result<Sample> {
        let mut sample = Sample::default();
        for number in 0..=self.setup.runs {
            self.rewind()?;
            let run = time(&mut command())?;
            let right = run.succeeded && (!pushes || self.rig.is_good(target)?);
            if !right {
                say(&format!("{}: {}", target.place, run.errors.trim()));
            }
            if number > 0 {
                sample.add(&run, right);
            }
        }
        Ok(sample)
    }

    /// What no client can be faster than: the push of a commit that is there already.
    fn push_alone(&self, target: &Target, bare: &Repo) -> Result<Sample> {
        let mut sample = Sample::default();
        for number in 0..=self.setup.runs {
            self.rewind()?;
            let args = [&target.service, &target.environment, "0"];
            let made = time(&mut self.rig.script(scripts::RECIPE, &bare.dir, &args))?;
            ensure!(made.succeeded, "recipe: {}", made.errors);
            let mut push = self.rig.scratch.command("git");
            push.args([
                "push",
                "-q",
                "origin",
                "refs/bench/rollback:refs/heads/main",
            ]);
            let run = time(push.current_dir(&bare.dir))?;
            if number > 0 {
                sample.add(&run, run.succeeded && self.rig.is_good(target)?);
            }
        }
        Ok(sample)
    }
}
