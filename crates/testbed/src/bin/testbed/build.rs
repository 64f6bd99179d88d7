//! Building the tools, and showing it.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::Result;
use ripcord_testbed::tools::{self, Event, Group, Toolbox};

use super::Extra;

pub(super) fn build(with: &[Extra]) -> Result<Toolbox> {
    let mut groups = vec![Group::Core];
    groups.extend(with.iter().map(|extra| match extra {
        Extra::Forge => Group::Forge,
        Extra::Bots => Group::Bots,
        Extra::Ci => Group::Ci,
    }));
    let started = Instant::now();
    let mut shown = Shown::default();
    let toolbox = tools::prepare(&groups, &mut |event| shown.show(&event))?;
    println!("ready after {}", spoken(started.elapsed()));
    Ok(toolbox)
}

/// What is shown of a build: a line for each tool, and on a terminal how far it is.
#[derive(Default)]
struct Shown {
    told: Option<Instant>,
}

impl Shown {
    fn show(&mut self, event: &Event<'_>) {
        let live = std::io::stdout().is_terminal();
        match event {
            Event::Cached(tool) => println!("{tool}: cached"),
            Event::Building(tool) => {
                if !live {
                    println!("{tool}: building");
                }
            }
            Event::Compiled(tool, packages) => {
                let due = self
                    .told
                    .is_none_or(|told| told.elapsed() > Duration::from_millis(200));
                if live && due {
                    self.told = Some(Instant::now());
                    print!("\r{tool}: building, {packages} packages compiled ");
                    let _ = std::io::stdout().flush();
                }
            }
            Event::Built(tool, time) => {
                if live {
                    print!("\r\u{1b}[K");
                }
                println!("{tool}: built in {}", spoken(*time));
            }
        }
    }
}

pub(super) fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}
