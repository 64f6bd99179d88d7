//! `status` and `history`.

use ripcord_domain::Problem;
use ripcord_recovery::index::Index;
use ripcord_recovery::status::{self, Filter};

use crate::args::Global;
use crate::moment;
use crate::render::{Output, human};
use crate::wiring::{self, Wanted};

pub(super) fn status(
    global: &Global,
    services: &[String],
    environment: Option<&str>,
    output: &mut Output,
) -> Result<(), Problem> {
    let opened = wiring::open(global, read_from(environment))?;
    let place = opened.newest()?;
    let filter = Filter {
        services: services.to_vec(),
        environment: environment.map(str::to_owned),
    };
    let now = moment::now();
    if services.is_empty() && place.index.as_ref().is_some_and(Index::is_empty) {
        Output::note("reading the history of the branch, once; the next time takes a moment");
    }
    let mut status = status::status(&opened.repo, &place, &filter)?;
    for recovery in wiring::unfinished() {
        status.holds.extend(recovery.standing_holds().cloned());
        status.bots.extend(recovery.held_bots().cloned());
    }
    output.value(&status, |screen| human::status(screen, &status, now));
    Ok(())
}

pub(super) fn history(
    global: &Global,
    service: &str,
    environment: Option<&str>,
    limit: usize,
    output: &mut Output,
) -> Result<(), Problem> {
    let opened = wiring::open(global, read_from(environment))?;
    let place = opened.newest()?;
    let now = moment::now();
    let limit = (limit > 0).then_some(limit);
    let history = status::history(&opened.repo, &place, service, environment, limit, now)?;
    output.value(&history, |screen| human::history(screen, &history));
    Ok(())
}

/// Without an environment the default branch is read: it may hold several.
pub(super) fn read_from(environment: Option<&str>) -> Wanted<'_> {
    match environment {
        None => Wanted::DefaultBranch,
        named => Wanted::Environment(named),
    }
}
