//! ripcord and its alternatives side by side on generated infra repositories.
#![expect(
    clippy::disallowed_methods,
    reason = "measures whole processes: git, shells and ripcord are started directly"
)]

mod generate;
mod report;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::generate::Size;

/// Generates infra repositories and measures ripcord and its alternatives on them.
#[derive(Debug, Parser)]
#[command(name = "ripcord-bench", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a bare repository and a description of the deploys planted in it
    Generate {
        /// How large
        #[arg(long, value_enum, default_value = "small")]
        size: Size,
        /// The same seed gives the same commits
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The folder for infra.git and targets.json
        out: PathBuf,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Generate { size, seed, out } => generate::generate(size, seed, &out),
    }
}
