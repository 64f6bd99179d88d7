//! `cargo xtask testbed`: the testbed for people.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "starts other programs and talks to a terminal"
)]

mod build;
mod keeper;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// A real control plane, Argo CD and Argo Rollouts on this machine
#[derive(Parser)]
#[command(name = "cargo xtask testbed")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the programs of the testbed, or see that they are built
    Build {
        /// What else than the control plane and Argo CD
        #[arg(long, value_enum)]
        with: Vec<Extra>,
    },
    /// Start a testbed that stays until `down`
    Up(Wanted),
    /// The scenes that there are
    Scenes,
    /// What runs, since when, how much memory it has
    Status(Which),
    /// A shell in which `kubectl` and `argocd` mean the testbed
    Shell {
        #[command(flatten)]
        which: Which,
        /// A command to run instead of a shell
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Stop the testbed; nothing is left of it
    Down(Which),
    /// Be the process that a testbed lives in
    #[command(hide = true)]
    Keep(Wanted),
}

/// Which of several testbeds.
#[derive(Args)]
struct Which {
    /// The testbed's name, for more than one at a time
    #[arg(long, default_value = "default", value_parser = name)]
    name: String,
}

/// What a testbed shall be.
#[derive(Args)]
struct Wanted {
    #[command(flatten)]
    which: Which,
    /// An infra repo and Applications to start with: `friday`, or a name of `testbed scenes`
    #[arg(long)]
    scene: Option<String>,
    /// What else than the control plane and Argo CD
    #[arg(long, value_enum)]
    with: Vec<Extra>,
}

fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.is_empty() || !text.chars().all(fits) {
        return Err("letters, digits and `-` only".into());
    }
    Ok(text.to_owned())
}

/// A group of tools that is not always needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Extra {
    /// A Gitea forge
    Forge,
    /// Argo CD Image Updater and Flux' image reflector
    Bots,
    /// An image registry, and what pipelines run: act, actionlint, crane, grype, cosign
    Ci,
}

impl Extra {
    /// As it is said on the command line.
    fn word(self) -> &'static str {
        match self {
            Self::Forge => "forge",
            Self::Bots => "bots",
            Self::Ci => "ci",
        }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{ERROR}{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What an error begins with.
const ERROR: &str = "error: ";

fn run(task: Task) -> Result<()> {
    match task {
        Task::Build { with } => build::build(&with).map(drop),
        Task::Up(wanted) => keeper::up(&wanted),
        Task::Scenes => scenes(),
        Task::Status(which) => keeper::status(&which.name),
        Task::Shell { which, command } => keeper::shell(&which.name, &command),
        Task::Down(which) => keeper::down(&which.name),
        Task::Keep(wanted) => keeper::keep(&wanted),
    }
}

fn scenes() -> Result<()> {
    println!(
        "{}: the broken payments service of a Friday evening",
        keeper::FRIDAY
    );
    for name in ripcord_testbed::scenes()? {
        println!("{name}");
    }
    Ok(())
}
