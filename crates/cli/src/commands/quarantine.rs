//! `quarantine list` and `quarantine lift`.

use ripcord_domain::Problem;
use ripcord_recovery::lift::{self, LiftRequest};

use super::planning;
use crate::args::{Global, PushArgs, QuarantineCommand};
use crate::moment;
use crate::render::{Output, human};
use crate::wiring::{self, Wanted};

pub(super) fn run(
    global: &Global,
    command: &QuarantineCommand,
    output: &mut Output,
) -> Result<(), Problem> {
    match command {
        QuarantineCommand::List {
            service,
            environment,
        } => {
            let opened = wiring::open(global, super::read::read_from(environment.as_deref()))?;
            let now = moment::now();
            let list = lift::list(&opened, service.as_deref(), environment.as_deref(), now)?;
            output.value(&list, |screen| human::quarantined(screen, &list));
            Ok(())
        }
        QuarantineCommand::Lift {
            service,
            version,
            environment,
            words,
            push,
        } => {
            let request = LiftRequest {
                service: service.clone(),
                version: version.clone(),
                environment: environment.clone(),
                words: planning::words(words),
            };
            run_lift(global, request, push, output)
        }
    }
}

fn run_lift(
    global: &Global,
    mut request: LiftRequest,
    push: &PushArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    let wanted = Wanted::Environment(request.environment.as_deref());
    let opened = wiring::open(global, wanted)?;
    if push.dry_run {
        let plan = lift::plan(&opened.repo, &opened.newest()?, &request)?;
        output.value(&plan, |screen| human::plan(screen, &plan));
        return Ok(());
    }
    planning::ask_reason(&mut request.words, push, output)?;
    planning::carry_out(&opened, push, output, |shipping, approve, watch| {
        lift::lift(&opened, &request, shipping, &moment::now, approve, watch)
    })
}
