//! `status` and `history`.

use ripcord_domain::Problem;
use ripcord_domain::recovery::Recovery;
use ripcord_recovery::index::Index;
use ripcord_recovery::status::{self, Filter, Status};

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
    // What is held is known here, also while Git is away: it is told before anybody is waited for.
    let unfinished = wiring::unfinished();
    if !output.is_data() && unfinished.iter().any(|one| one.held() > 0) {
        output.screen(|screen| human::held(screen, &unfinished, moment::now()));
    }
    let mut status = match read(global, services, environment) {
        Ok(status) => status,
        Err(problem) if output.is_data() => return Err(with_holds(problem, &unfinished)),
        Err(problem) => return Err(problem),
    };
    for recovery in &unfinished {
        status.holds.extend(recovery.standing_holds().cloned());
        status.bots.extend(recovery.held_bots().cloned());
    }
    output.value(&status, |screen| {
        human::status(screen, &status, moment::now())
    });
    Ok(())
}

/// What runs where, as Git says it.
fn read(
    global: &Global,
    services: &[String],
    environment: Option<&str>,
) -> Result<Status, Problem> {
    let opened = wiring::open(global, read_from(environment))?;
    let place = opened.newest()?;
    let filter = Filter {
        services: services.to_vec(),
        environment: environment.map(str::to_owned),
    };
    if services.is_empty() && place.index.as_ref().is_some_and(Index::is_empty) {
        Output::note("reading the history of the branch, once; the next time takes a moment");
    }
    status::status(&opened.repo, &place, &filter)
}

/// A program that gets an error and no status is told of the holds by it.
fn with_holds(problem: Problem, unfinished: &[Recovery]) -> Problem {
    let mut problem = problem;
    for recovery in unfinished {
        for hold in recovery.standing_holds() {
            problem = problem.hint(hold.let_go_by(&recovery.id));
        }
    }
    problem
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
