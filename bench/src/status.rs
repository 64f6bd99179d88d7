//! What runs where, over everything: the first time and again.

use std::process::Stdio;

use anyhow::Result;
use ripcord_testkit::Ripcord;
use serde_json::json;

use crate::Setup;
use crate::measure::{Sample, ratio, time};
use crate::report::{Table, say};
use crate::rig::Rig;

pub(crate) fn run(setup: &Setup) -> Result<Vec<Table>> {
    let rig = Rig::new(&setup.estate)?;
    let person = rig.clone_with_work_tree("person")?;
    let repo = person.dir.display().to_string();
    let mut log = Sample::default();
    let mut command = rig.scratch.command("git");
    command.args([
        "log",
        "-p",
        "--first-parent",
        "main",
        "--",
        "services/*/overlays/*",
    ]);
    // Gigabytes at the large size, which nobody would keep.
    let run = time(command.current_dir(&person.dir).stdout(Stdio::null()))?;
    log.add(&run, run.succeeded);
    let mut rows = vec![("git log -p --first-parent", log)];
    if setup.has_ripcord() {
        let ripcord = Ripcord::new(&rig.scratch, &setup.ripcord);
        let mut first = Sample::default();
        let mut again = Sample::default();
        for number in 0..=setup.runs {
            let run = time(&mut ripcord.command(["status", "--repo", &repo, "-o", "json"]))?;
            if !run.succeeded {
                say(run.errors.trim());
            }
            let sample = if number == 0 { &mut first } else { &mut again };
            sample.add(&run, run.succeeded);
        }
        rows.extend([
            ("ripcord status, first", first),
            ("ripcord status, again", again),
        ]);
    }
    let mut table = Table::new(
        "Status of everything",
        &["what", "ms", "right", "to git log"],
    );
    for (name, sample) in &rows {
        table.row(vec![
            json!(name),
            json!(sample.median()),
            sample.score(),
            json!(ratio(sample, &rows[0].1)),
        ]);
    }
    Ok(vec![table])
}
