//! `hotfix`: one file for each of its commands.

mod start;

use std::time::Duration;

use ripcord_domain::Problem;
use ripcord_hotfix::source::Sources;

use crate::args::{Global, HotfixCommand};
use crate::render::Output;
use crate::wiring;

/// How long a registry may take: somebody waits.
const REGISTRY: Duration = Duration::from_secs(20);

pub(super) fn run(
    global: &Global,
    command: &HotfixCommand,
    output: &mut Output,
) -> Result<(), Problem> {
    match command {
        HotfixCommand::Start(args) => start::run(global, args, output),
    }
}

fn sources() -> Result<Sources, Problem> {
    Ok(Sources {
        cache: wiring::cache_root()?,
    })
}
