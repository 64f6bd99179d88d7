//! One file for each command: arguments → one call → one rendering.

mod demo;
mod doctor;
mod drift;
mod guard;
mod hotfix;
mod incident;
mod init;
mod intake;
mod pipeline;
mod planning;
mod quarantine;
mod read;
mod receive;
mod recovering;
mod reland;
mod review;
mod schema;
mod serve;
mod undo;

use ripcord_domain::{Kind, Problem};

pub(crate) use incident::{Synced, tell};
pub(crate) use intake::Tried;

use crate::args::{Cli, Command};
use crate::render::Output;
use crate::wiring;

/// Runs what was asked for, and tells incidents of what it did for a recovery.
pub(crate) fn run(cli: &Cli, output: &mut Output) -> Result<(), Problem> {
    let done = dispatch(cli, output);
    let recovers = match &cli.command {
        Command::Rollback(planning) => !planning.push.dry_run,
        Command::Resume { .. } | Command::Release { .. } => true,
        _ => false,
    };
    if recovers {
        wiring::tell_incidents();
    }
    done
}

fn dispatch(cli: &Cli, output: &mut Output) -> Result<(), Problem> {
    let global = &cli.global;
    if output.is_document() && !matches!(cli.command, Command::Review(_)) {
        return Err(Problem::new(
            Kind::Usage,
            "bad_format",
            "only `review` is written as Markdown or as a page",
        )
        .hint("`-o text`, `-o wide`, `-o json` and `-o yaml` are for every command"));
    }
    match &cli.command {
        Command::Status {
            services,
            environment,
        } => read::status(global, services, environment.as_deref(), output),
        Command::History {
            service,
            environment,
            limit,
        } => read::history(global, service, environment.as_deref(), *limit, output),
        Command::Plan(planning) => planning::run(global, planning, true, output),
        Command::Rollback(planning) => {
            planning::run(global, planning, planning.push.dry_run, output)
        }
        Command::Undo {
            rollback,
            words,
            push,
            accept_risk,
        } => undo::run(
            global,
            rollback.as_deref(),
            words,
            push,
            *accept_risk,
            output,
        ),
        Command::Guard(args) => guard::run(global, args, output),
        Command::Quarantine(command) => quarantine::run(global, command, output),
        Command::Hotfix(command) => hotfix::run(global, command, output),
        Command::Reland(command) => reland::run(command, output),
        Command::Pipeline(command) => pipeline::run(global, command, output),
        Command::Receive(args) => receive::run(global, args, output),
        Command::Resume { recovery, pace } => {
            recovering::resume(global, recovery.as_deref(), pace, output)
        }
        Command::Doctor {
            service,
            environment,
            cluster,
            within,
        } => doctor::run(
            global,
            service.as_deref(),
            environment.as_deref(),
            cluster,
            within,
            output,
        ),
        Command::Drift {
            service,
            environment,
            cluster,
        } => drift::run(global, service, environment.as_deref(), cluster, output),
        Command::Recoveries { limit } => recovering::list(*limit, output),
        Command::Show { recovery } => recovering::show(recovery.as_deref(), output),
        Command::Release { recovery } => recovering::release(recovery.as_deref(), output),
        Command::Incident(command) => incident::run(command, output),
        Command::Intake(command) => intake::run(command, output),
        Command::Review(args) => review::run(args, output),
        Command::Serve(args) => serve::run(global, args),
        Command::Init { print, force } => init::run(global, *print, *force, output),
        Command::Demo { keep } => demo::run(*keep, output),
        Command::Completions { shell } => {
            schema::completions(*shell, output);
            Ok(())
        }
        Command::Schema { name } => {
            schema::print(*name, output);
            Ok(())
        }
    }
}
