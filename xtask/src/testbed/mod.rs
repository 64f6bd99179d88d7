//! `cargo xtask testbed`: the testbed for people.

mod build;
mod keeper;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

#[derive(Subcommand)]
pub(crate) enum Testbed {
    /// Build the programs of the testbed, or see that they are built
    Build {
        /// What else than the control plane and Argo CD
        #[arg(long, value_enum)]
        with: Vec<Extra>,
    },
    /// Start a testbed that stays until `down`
    Up(Which),
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
    Keep(Which),
}

/// Which of several testbeds.
#[derive(Args)]
pub(crate) struct Which {
    /// The testbed's name, for more than one at a time
    #[arg(long, default_value = "default", value_parser = name)]
    name: String,
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
pub(crate) enum Extra {
    /// A Gitea forge
    Forge,
}

/// Builds the tools that tests use.
pub(crate) fn build_tools() -> Result<()> {
    println!("== testbed tools");
    build::build(&[]).map(drop)
}

pub(crate) fn run(task: &Testbed) -> Result<()> {
    match task {
        Testbed::Build { with } => build::build(with).map(drop),
        Testbed::Up(which) => keeper::up(&which.name),
        Testbed::Status(which) => keeper::status(&which.name),
        Testbed::Shell { which, command } => keeper::shell(&which.name, command),
        Testbed::Down(which) => keeper::down(&which.name),
        Testbed::Keep(which) => keeper::keep(&which.name),
    }
}
