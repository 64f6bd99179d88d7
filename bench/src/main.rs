//! ripcord and its alternatives side by side on generated infra repositories.
#![expect(
    clippy::disallowed_methods,
    reason = "measures whole processes: git, shells and ripcord are started directly"
)]

mod cold;
mod fleet;
mod generate;
mod measure;
mod proof;
mod race;
mod races;
mod recover;
mod report;
mod rig;
mod saturate;
mod scripts;
mod status;
mod warm;
mod ways;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::generate::{Estate, Size, Target};
use crate::report::say;

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
    /// With clones that are up to date
    Warm(Common),
    /// With nothing on disk, counting bytes
    Cold(Common),
    /// While others deploy
    Race {
        #[command(flatten)]
        common: Common,
        /// Deploys of others a second, at random moments
        #[arg(long, default_value_t = 2.0)]
        rate: f64,
    },
    /// With many clients on one branch
    Saturate {
        #[command(flatten)]
        common: Common,
        /// How many clients; several with commas
        #[arg(long, value_delimiter = ',', default_value = "16,64")]
        clients: Vec<usize>,
        /// For how long each
        #[arg(long, default_value_t = 15)]
        seconds: u64,
    },
    /// What runs where, over everything
    Status(Common),
    /// Many services in one commit
    Fleet {
        #[command(flatten)]
        common: Common,
        /// How many, at the most
        #[arg(long, default_value_t = 300)]
        services: usize,
    },
    /// The ways back that there are without ripcord, on a real Argo CD
    Ways {
        /// How often each is run
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Replicas of the service; several with commas
        #[arg(long, value_delimiter = ',', default_value = "1,4,40")]
        replicas: Vec<usize>,
        /// Only ways whose name contains this, such as `polls`, which takes minutes
        #[arg(long, default_value = "")]
        only: String,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// How often Argo CD puts the bad version back, on the testbed
    Races {
        #[arg(long, default_value_t = 50)]
        trials: usize,
        /// Only those whose name contains this
        #[arg(long, default_value = "")]
        only: String,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// ripcord and the other ways back from the same broken deploy, on the testbed
    Recover {
        /// The binary
        #[arg(long)]
        ripcord: PathBuf,
        /// How often each is run
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Only points whose name contains this, such as `push 2 s`
        #[arg(long, default_value = "")]
        only: String,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// What is seen in which order after a way back, on the testbed
    Proof {
        #[arg(long, default_value_t = 7)]
        runs: usize,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// The folder that `generate` made
    #[arg(long)]
    repo: PathBuf,
    /// The binary; without one only the alternatives run
    #[arg(long)]
    ripcord: Option<PathBuf>,
    /// How often each is run
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Which planted targets: near, mid, root
    #[arg(long, value_delimiter = ',', default_value = "near,mid,root")]
    targets: Vec<String>,
    /// A file for the results as JSON
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What every benchmark needs to know.
struct Setup {
    estate: Estate,
    ripcord: PathBuf,
    runs: usize,
    places: Vec<String>,
}

impl Setup {
    fn new(common: &Common) -> Result<Self> {
        let ripcord = match &common.ripcord {
            Some(path) => path.canonicalize()?,
            None => PathBuf::new(),
        };
        if common.ripcord.is_none() {
            say("without --ripcord only the alternatives are measured");
        }
        let estate = Estate::open(&common.repo)?;
        Ok(Self {
            estate,
            ripcord,
            runs: common.runs,
            places: common.targets.clone(),
        })
    }

    fn has_ripcord(&self) -> bool {
        !self.ripcord.as_os_str().is_empty()
    }

    fn targets(&self) -> Vec<Target> {
        self.estate.at(&self.places)
    }
}

fn main() -> Result<()> {
    let command = Cli::parse().command;
    let common = match &command {
        Command::Generate { size, seed, out } => return generate::generate(*size, *seed, out),
        Command::Ways {
            runs,
            replicas,
            only,
            out,
        } => {
            let tables = ways::run(*runs, replicas, only)?;
            return report::publish(&tables, out.as_deref());
        }
        Command::Races { trials, only, out } => {
            return report::publish(&races::run(*trials, only)?, out.as_deref());
        }
        Command::Recover {
            ripcord,
            runs,
            only,
            out,
        } => {
            let tables = recover::run(ripcord, *runs, only)?;
            return report::publish(&tables, out.as_deref());
        }
        Command::Proof { runs, out } => {
            return report::publish(&proof::run(*runs)?, out.as_deref());
        }
        Command::Warm(common)
        | Command::Cold(common)
        | Command::Status(common)
        | Command::Race { common, .. }
        | Command::Saturate { common, .. }
        | Command::Fleet { common, .. } => common,
    };
    let setup = Setup::new(common)?;
    let tables = match &command {
        Command::Generate { .. }
        | Command::Ways { .. }
        | Command::Races { .. }
        | Command::Recover { .. }
        | Command::Proof { .. } => vec![],
        Command::Warm(_) => warm::run(&setup)?,
        Command::Cold(_) => cold::run(&setup)?,
        Command::Status(_) => status::run(&setup)?,
        Command::Race { rate, .. } => race::run(&setup, *rate)?,
        Command::Saturate {
            clients, seconds, ..
        } => saturate::run(&setup, clients, Duration::from_secs(*seconds))?,
        Command::Fleet { services, .. } => fleet::run(&setup, *services)?,
    };
    report::publish(&tables, common.out.as_deref())
}
