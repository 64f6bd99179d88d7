//! Nothing is on disk: from the command to the pushed rollback, with every byte counted.

use std::fs;
use std::process::Command;

use anyhow::Result;
use ripcord_testkit::{Ripcord, Scratch, Traffic};
use serde_json::json;

use crate::measure::{Sample, ratio, time};
use crate::report::{Table, say};
use crate::rig::{Rig, rollback};
use crate::{Setup, scripts};

pub(crate) fn run(setup: &Setup) -> Result<Vec<Table>> {
    let rig = Rig::new(&setup.estate)?;
    let head = [
        "target",
        "what",
        "ms",
        "right",
        "down kB",
        "up kB",
        "requests",
        "to full",
        "to shallow",
    ];
    let mut table = Table::new("Cold: nothing on disk to a pushed rollback", &head);
    for target in setup.targets() {
        let mut rows: Vec<(&str, Sample, Traffic)> = Vec::new();
        for (name, script) in [
            ("full clone + script", scripts::COLD_FULL),
            ("depth 64, blobless, deepened", scripts::COLD_SHALLOW),
            ("treeless", scripts::COLD_TREELESS),
            ("ripcord", ""),
        ] {
            if script.is_empty() && !setup.has_ripcord() {
                continue;
            }
            let mut sample = Sample::default();
            let mut traffic = Traffic::default();
            for _ in 0..setup.runs {
                rig.origin.rewind(&rig.scratch)?;
                let place = rig.scratch.path().join("cold");
                let _ = fs::remove_dir_all(&place);
                fs::create_dir(&place)?;
                // Its own scratch: no cache of an earlier run.
                let home = Scratch::new()?;
                let mut command: Command = if script.is_empty() {
                    let ripcord = Ripcord::new(&home, &setup.ripcord).in_dir(&place);
                    rollback(&ripcord, &rig.url(), &target)
                } else {
                    let args = [&target.service, &target.environment, &rig.url()];
                    rig.script(script, &place, &args.map(String::as_str))
                };
                rig.server.reset_traffic();
                let run = time(&mut command)?;
                traffic = rig.server.traffic();
                let right = run.succeeded && rig.is_good(&target)?;
                if !right {
                    say(&format!("{} {name}: {}", target.place, run.errors.trim()));
                }
                sample.add(&run, right);
            }
            rows.push((name, sample, traffic));
        }
        for (name, sample, traffic) in &rows {
            table.row(vec![
                json!(target.place),
                json!(name),
                json!(sample.median()),
                sample.score(),
                json!(traffic.down as f64 / 1e3),
                json!(traffic.up as f64 / 1e3),
                json!(traffic.requests),
                json!(ratio(sample, &rows[0].1)),
                json!(ratio(sample, &rows[1].1)),
            ]);
        }
    }
    table.note("Bytes are the server's count of the last run, with HTTP headers.");
    Ok(vec![table])
}
