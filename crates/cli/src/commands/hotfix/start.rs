//! `hotfix start`.

use ripcord_domain::Problem;
use ripcord_hotfix::start::{Start, start};
use ripcord_registry::Registries;

use super::{REGISTRY, sources};
use crate::args::{Global, StartArgs};
use crate::moment;
use crate::render::{Output, hotfix as screen};
use crate::wiring::{self, Wanted};

pub(super) fn run(global: &Global, args: &StartArgs, output: &mut Output) -> Result<(), Problem> {
    let opened = wiring::open(global, Wanted::Environment(args.environment.as_deref()))?;
    let settings = opened.newest()?.settings;
    let started = start(&Start {
        branch: &opened,
        service: &args.service,
        environment: args.environment.as_deref(),
        incident: &args.incident,
        summary: args.summary.as_deref(),
        from: args.from.as_deref(),
        source: args.source.as_deref(),
        only_plan: args.dry_run,
        registries: &Registries::new(settings.config.mirrors, REGISTRY),
        sources: &sources()?,
        runtime: &ripcord_runbook::runtime()?,
        now: moment::now(),
    })?;
    output.value(&started, |page| screen::started(page, &started));
    Ok(())
}
