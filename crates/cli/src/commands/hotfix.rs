//! `hotfix`: one file for each of its commands.

mod debts;
mod gate;
mod merge_back;
mod ship;
mod start;

use std::rc::Rc;
use std::time::Duration;

use ripcord_domain::Problem;
use ripcord_hotfix::source::{Source, Sources};

use crate::args::{Global, HotfixCommand, SourceArgs};
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
        HotfixCommand::Gate(args) => gate::run(global, args, output),
        HotfixCommand::Ship(args) => ship::run(global, args, output),
        HotfixCommand::MergeBack(args) => merge_back::run(args, output),
        HotfixCommand::Status { hotfix, which } => {
            debts::status(global, hotfix.as_deref(), which, output)
        }
        HotfixCommand::List { all, which } => debts::list(global, *all, which, output),
        HotfixCommand::Check {
            hotfix,
            annotations,
            which,
            ..
        } => debts::check(global, hotfix.as_deref(), *annotations, which, output),
    }
}

/// The source that is named; the clone one stands in needs no copy.
pub(super) fn source(args: &SourceArgs) -> Result<Rc<Source>, Problem> {
    sources()?.open(&args.source, args.main.as_deref())
}

fn sources() -> Result<Sources, Problem> {
    Ok(Sources::new(wiring::cache_root()?))
}
