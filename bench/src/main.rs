//! ripcord and its alternatives side by side on generated infra repositories.
#![expect(
    clippy::disallowed_methods,
    reason = "measures whole processes: git, shells and ripcord are started directly"
)]

mod at_once;
mod cold;
mod fleet;
mod flood;
mod generate;
mod measure;
mod outage;
mod overhead;
mod proof;
mod race;
mod races;
mod receive;
mod recover;
mod relapses;
mod report;
mod rig;
mod running;
mod saturate;
mod scripts;
mod stage;
mod status;
mod suspects;
mod warm;

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
        /// The binary; without one only the alternatives run
        #[arg(long)]
        ripcord: Option<PathBuf>,
        /// How often each is run
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Only where point and way contain this, such as `push 2 s` or `polls`, which takes minutes
        #[arg(long, default_value = "")]
        only: String,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// How often the bad version comes back after ripcord, on the testbed
    Relapses {
        /// The binary
        #[arg(long)]
        ripcord: PathBuf,
        /// Recoveries at each point
        #[arg(long, default_value_t = 50)]
        trials: usize,
        /// How many Applications are put back at the same time
        #[arg(long, default_value_t = 10)]
        together: usize,
        /// Only points whose name contains this
        #[arg(long, default_value = "")]
        only: String,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// What of a rollback's time is ripcord's own, on the testbed
    Overhead {
        /// The binary
        #[arg(long)]
        ripcord: PathBuf,
        #[arg(long, default_value_t = 7)]
        runs: usize,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Many deploys that are asked for at the same moment
    Receive {
        /// The binary; without one only the alternative runs
        #[arg(long)]
        ripcord: Option<PathBuf>,
        /// How many; several with commas
        #[arg(long, value_delimiter = ',', default_value = "100,1000")]
        requests: Vec<usize>,
        /// How many jobs run at a time, the others wait for their turn. Default: all
        #[arg(long)]
        runners: Option<usize>,
        /// Only ways whose name contains this
        #[arg(long, default_value = "")]
        only: String,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// How often the deploy that caused an alert is named, over generated scenarios
    Suspects {
        /// Cases of each scenario
        #[arg(long, default_value_t = 2000)]
        cases: u64,
        /// A file for the results as JSON
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Pages that come in faster than anybody reads, to a server
    Flood {
        /// The binary
        #[arg(long)]
        ripcord: PathBuf,
        /// Deliveries a minute
        #[arg(long, default_value_t = 10_000)]
        rate: u64,
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// Kill the server and begin it again each time that so many seconds have passed
        #[arg(long, default_value_t = 0)]
        kill_every: u64,
        /// Also with PostgreSQL, whose programs must be installed
        #[arg(long)]
        postgres: bool,
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
    let (tables, out) = match &command {
        Command::Generate { size, seed, out } => return generate::generate(*size, *seed, out),
        Command::Races { trials, only, out } => (races::run(*trials, only)?, out),
        Command::Recover {
            ripcord,
            runs,
            only,
            out,
        } => (recover::run(ripcord.as_deref(), *runs, only)?, out),
        Command::Relapses {
            ripcord,
            trials,
            together,
            only,
            out,
        } => (relapses::run(ripcord, *trials, *together, only)?, out),
        Command::Overhead { ripcord, runs, out } => (overhead::run(ripcord, *runs)?, out),
        Command::Receive {
            ripcord,
            requests,
            runners,
            only,
            out,
        } => (
            receive::run(ripcord.as_deref(), requests, *runners, only)?,
            out,
        ),
        Command::Suspects { cases, out } => (suspects::run(*cases), out),
        Command::Flood {
            ripcord,
            rate,
            minutes,
            kill_every,
            postgres,
            out,
        } => {
            let flood = flood::Flood {
                rate: *rate,
                minutes: *minutes,
                kill_every: *kill_every,
                postgres: *postgres,
            };
            (flood::run(ripcord, &flood)?, out)
        }
        Command::Proof { runs, out } => (proof::run(*runs)?, out),
        Command::Warm(common) => (warm::run(&Setup::new(common)?)?, &common.out),
        Command::Cold(common) => (cold::run(&Setup::new(common)?)?, &common.out),
        Command::Status(common) => (status::run(&Setup::new(common)?)?, &common.out),
        Command::Race { common, rate } => (race::run(&Setup::new(common)?, *rate)?, &common.out),
        Command::Saturate {
            common,
            clients,
            seconds,
        } => {
            let length = Duration::from_secs(*seconds);
            let tables = saturate::run(&Setup::new(common)?, clients, length)?;
            (tables, &common.out)
        }
        Command::Fleet { common, services } => {
            (fleet::run(&Setup::new(common)?, *services)?, &common.out)
        }
    };
    report::publish(&tables, out.as_deref())
}
