//! The `ripcord` program: arguments in, one call, a rendering out.

mod args;
mod commands;
mod moment;
mod render;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let mut output = render::Output::new(&cli.global);
    match commands::run(&cli, &mut output).and_then(|()| output.finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            output.problem(&problem);
            ExitCode::from(problem.kind.exit_code())
        }
    }
}
