//! One file for each command: arguments → one call → one rendering.

mod demo;
mod doctor;
mod drift;
mod guard;
mod hotfix;
mod init;
mod pipeline;
mod planning;
mod quarantine;
mod read;
mod receive;
mod recovering;
mod reland;
mod schema;
mod undo;

use ripcord_domain::Problem;

use crate::args::{Cli, Command};
use crate::render::Output;

/// Runs what was asked for.
pub(crate) fn run(cli: &Cli, output: &mut Output) -> Result<(), Problem> {
    let global = &cli.global;
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
