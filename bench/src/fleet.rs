//! Hundreds of services in one commit, against one service.

use std::process::Command;

use anyhow::{Result, ensure};
use ripcord_testkit::Ripcord;
use serde_json::json;

use crate::generate::Target;
use crate::measure::{Sample, ratio, time};
use crate::report::{Table, say};
use crate::rig::{Memory, Rig, rollback};
use crate::{Setup, scripts};

pub(crate) fn run(setup: &Setup, services: usize) -> Result<Vec<Table>> {
    let rig = Rig::new(&setup.estate)?;
    let person = rig.clone_with_work_tree("person")?;
    let bare = rig.bare_clone("bare.git")?;
    let ripcord = Ripcord::new(&rig.scratch, &setup.ripcord);
    let repo = person.dir.display().to_string();
    let deployed = &setup.estate.deployed;
    ensure!(
        !deployed.is_empty(),
        "the estate names no deployed services"
    );
    if setup.has_ripcord() {
        let _ = time(rollback(&ripcord, &repo, &deployed[0]).arg("--dry-run"))?;
    }
    let memory = Memory::save(&rig.scratch, "first")?;
    let mut table = Table::new(
        "Fleet: many services in one go",
        &["services", "what", "ms", "good services", "to one"],
    );
    let mut ones: Vec<Sample> = Vec::new();
    for count in [1, services.min(deployed.len())] {
        let fleet = &deployed[..count];
        let names = fleet
            .iter()
            .map(|target| target.service.as_str())
            .collect::<Vec<_>>();
        let all = Target {
            service: names.join(","),
            ..fleet[0].clone()
        };
        let args = [all.service.as_str(), &all.environment];
        let script = || rig.script(scripts::FLEET_SCRIPT, &person.dir, &args);
        let recipe = || rig.script(scripts::FLEET_RECIPE, &bare.dir, &args);
        let ripcord_rollback = || rollback(&ripcord, &repo, &all);
        let contenders: [(&str, &dyn Fn() -> Command); 3] = [
            ("script", &script),
            ("recipe", &recipe),
            ("ripcord", &ripcord_rollback),
        ];
        for (index, (name, command)) in contenders.into_iter().enumerate() {
            if name == "ripcord" && !setup.has_ripcord() {
                continue;
            }
            let mut sample = Sample::default();
            let mut good = 0;
            for _ in 0..setup.runs {
                for repo in [&rig.origin, &person, &bare] {
                    repo.rewind(&rig.scratch)?;
                }
                memory.restore()?;
                let run = time(&mut command())?;
                good = 0;
                for target in fleet {
                    good += usize::from(rig.is_good(target)?);
                }
                if good < count {
                    say(&format!(
                        "{name}: {good} of {count} are good: {}",
                        run.errors.trim()
                    ));
                }
                // Partly right counts here: the table says how much.
                sample.add(&run, good > 0);
            }
            let to_one = ones.get(index).and_then(|one| ratio(&sample, one));
            table.row(vec![
                json!(count),
                json!(name),
                json!(sample.median()),
                json!(good),
                json!(to_one),
            ]);
            if count == 1 {
                ones.push(sample);
            }
        }
    }
    table.note("The script reverts one commit a service; the recipe and ripcord write one commit.");
    Ok(vec![table])
}
