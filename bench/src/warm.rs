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

/// Nine ways for each target: four without a push, four with one, and the push alone.
pub(crate) fn run(setup: &Setup) -> Result<Vec<Table>> {
    let rig = Rig::new(&setup.estate)?;
    let person = rig.clone_with_work_tree("person")?;
    let bare = rig.bare_clone("bare.git")?;
    let ripcord = Ripcord::new(&rig.scratch, &setup.ripcord);
    let repo = person.dir.display().to_string();
    let targets = setup.targets();
    if let (true, Some(target)) = (setup.has_ripcord(), targets.first()) {
        let first = time(rollback(&ripcord, &repo, target).arg("--dry-run"))?;
        ensure!(first.succeeded, "ripcord --dry-run: {}", first.errors);
    }
    let first = Memory::save(&rig.scratch, "first")?;
    if setup.has_ripcord() {
        say("ripcord status, which fills its cache");
        let status = time(&mut ripcord.command(["status", "--repo", &repo]))?;
        ensure!(status.succeeded, "ripcord status: {}", status.errors);
    }
    let later = Memory::save(&rig.scratch, "later")?;
    let world = World {
        rig: &rig,
        clones: [&person, &bare],
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
        let groups: [[Contender<'_>; 4]; 2] = [
            [
                ("script, no push", &first, &|| script("0")),
                ("recipe, no push", &first, &|| recipe("0")),
                ("ripcord --dry-run, first run", &first, &dry_run),
                ("ripcord --dry-run, after a status", &later, &dry_run),
            ],
            [
                ("script", &first, &naive),
                ("recipe", &first, &|| recipe("1")),
                ("ripcord, first run", &first, &ripcord_rollback),
                ("ripcord, after a status", &later, &ripcord_rollback),
            ],
        ];
        for (group, pushes) in groups.iter().zip([false, true]) {
            let mut samples = Vec::new();
            for (name, memory, command) in group {
                if name.starts_with("ripcord") && !setup.has_ripcord() {
                    continue;
                }
                samples.push((*name, world.sample(target, pushes, memory, command)?));
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

/// A name, what ripcord knows before, and how to start it.
type Contender<'a> = (&'a str, &'a Memory, &'a dyn Fn() -> Command);

struct World<'a> {
    rig: &'a Rig,
    clones: [&'a Repo; 2],
    setup: &'a Setup,
}

impl World<'_> {
    fn rewind(&self) -> Result<()> {
        self.rig.origin.rewind(&self.rig.scratch)?;
        for clone in self.clones {
            clone.rewind(&self.rig.scratch)?;
        }
        Ok(())
    }

    /// Runs once for the page cache and then `--runs` times, from the same state each time.
    fn sample(
        &self,
        target: &Target,
        pushes: bool,
        memory: &Memory,
        command: &dyn Fn() -> Command,
    ) -> Result<Sample> {
        let mut sample = Sample::default();
        for number in 0..=self.setup.runs {
            self.rewind()?;
            memory.restore()?;
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
