//! Hotfixes and deploys that pipelines ask for, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ClusterArgs;

/// `hotfix`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum HotfixCommand {
    /// Begin a hotfix: a branch in the service's source, from the commit that production runs
    #[command(
        after_help = "Examples:\n  ripcord hotfix start checkout-service --incident INC-31 --summary 'double charge'\n  ripcord hotfix start checkout-service -e production --incident INC-31 --dry-run\n  ripcord hotfix start checkout-service --incident INC-31 --from v1.41.0"
    )]
    Start(StartArgs),
    /// Go through the reduced gate in the clone one stands in: checks, scans, build; ends with a record
    #[command(
        after_help = "Examples:\n  ripcord hotfix gate\n  ripcord hotfix gate --record gate.json\n  ripcord hotfix gate --override 'source scan=its database server is down, INC-31'"
    )]
    Gate(GateArgs),
    /// Ask the infra repo to deploy what went through the gate, and follow it until ready pods run it
    #[command(
        after_help = "Examples:\n  ripcord hotfix ship checkout-service --record gate.json --repo https://git.example/acme/infra.git\n  ripcord hotfix ship checkout-service --record gate.json --direct\n  ripcord hotfix ship checkout-service --record gate.json --dry-run\n  ripcord hotfix ship checkout-service --record gate.json --follow d-7f3k9qxy2mnp"
    )]
    Ship(ShipArgs),
    /// Open the pull request of a hotfix to main, and tell conflicts early
    #[command(
        after_help = "Examples:\n  ripcord hotfix merge-back INC-31-double-charge\n  ripcord hotfix merge-back --check"
    )]
    MergeBack(MergeBackArgs),
    /// Show what a hotfix owes: each part with its evidence, or with what is missing
    #[command(
        after_help = "Examples:\n  ripcord hotfix status\n  ripcord hotfix status INC-31-double-charge -o json"
    )]
    Status {
        /// The hotfix. Default: every one that owes something
        #[arg(value_name = "HOTFIX")]
        hotfix: Option<String>,
        #[command(flatten)]
        which: DebtArgs,
    },
    /// List the hotfixes that were shipped, with where their debts stand
    #[command(
        after_help = "Examples:\n  ripcord hotfix list\n  ripcord hotfix list --service checkout-service --all"
    )]
    List {
        /// Also those whose debt is paid
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        which: DebtArgs,
    },
    /// Remind of debts, and end with 8 where one is overdue: for a daily job
    #[command(
        after_help = "Examples:\n  ripcord hotfix check --all\n  ripcord hotfix check --all --annotations github\n  ripcord hotfix check INC-31-double-charge"
    )]
    Check {
        /// The hotfix
        #[arg(
            value_name = "HOTFIX",
            required_unless_present = "all",
            conflicts_with = "all"
        )]
        hotfix: Option<String>,
        /// Every one
        #[arg(long)]
        all: bool,
        /// Print each reminder for a forge to show at the job, too; not with `-o json` or `yaml`
        #[arg(long, value_enum, value_name = "FORGE")]
        annotations: Option<Reminders>,
        #[command(flatten)]
        which: DebtArgs,
    },
}

/// Who shows reminders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reminders {
    /// Workflow commands on standard output, after what is shown to people
    Github,
}

/// What `hotfix merge-back` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct MergeBackArgs {
    /// The hotfix. Default: every one whose branch is there
    #[arg(value_name = "HOTFIX")]
    pub(crate) hotfix: Option<String>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Only look for conflicts, and open nothing: for a job on every commit of main
    #[arg(long)]
    pub(crate) check: bool,
}

/// Where a service's source is.
#[derive(Debug, Clone, Args)]
pub(crate) struct SourceArgs {
    /// The service's source: a URL, or any clone of it. Default: the clone one stands in
    #[arg(long, value_name = "URL|PATH", default_value = ".")]
    pub(crate) source: String,
    /// Its line of development. Default: the remote's default branch
    #[arg(long, value_name = "BRANCH")]
    pub(crate) main: Option<String>,
}

/// `reland`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RelandCommand {
    /// Tell whether merging a branch brings what it holds, or whether a part was reverted on main
    #[command(
        after_help = "Examples:\n  ripcord reland check\n  ripcord reland check hotfix/INC-31-double-charge\n  ripcord reland check '#7' -o json"
    )]
    Check(RelandArgs),
    /// Build the branch that lands again what was reverted, with the fix
    #[command(
        after_help = "Examples:\n  ripcord reland prepare feature/pay\n  ripcord reland prepare feature/pay --push-to reland/pay\n  ripcord reland prepare feature/pay --way fix-on-top --push-to reland/pay"
    )]
    Prepare {
        #[command(flatten)]
        what: RelandArgs,
        /// How it lands: the revert is reverted and the new commits follow, or all comes as new commits
        #[arg(
            long,
            value_enum,
            default_value = "revert-of-revert",
            value_name = "WAY"
        )]
        way: WayArg,
        /// Push it to this new branch. Default: it is only shown
        #[arg(long, value_name = "BRANCH")]
        push_to: Option<String>,
    },
}

/// What is to land again.
#[derive(Debug, Clone, Args)]
pub(crate) struct RelandArgs {
    /// A branch, a pull request by its number, or a commit. Default: HEAD
    #[arg(value_name = "BRANCH|PR", default_value = "HEAD")]
    pub(crate) branch: String,
    /// The commit that the branch began at, where it was merged by fast-forward
    #[arg(long, value_name = "REV")]
    pub(crate) base: Option<String>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// `--way`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WayArg {
    /// Revert the revert, then the branch's new commits
    RevertOfRevert,
    /// Everything as new commits on top of main
    FixOnTop,
}

/// Whose debts, and where it is looked.
#[derive(Debug, Clone, Args)]
pub(crate) struct DebtArgs {
    /// Only of this service
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Only in this environment
    #[arg(short, long, value_name = "ENV")]
    pub(crate) environment: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// What `hotfix start` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct StartArgs {
    /// The service
    pub(crate) service: String,
    /// The environment. Default: `production` or what the configuration says
    #[arg(short, long, value_name = "ENV")]
    pub(crate) environment: Option<String>,
    /// The incident; the branch is named after it
    #[arg(long, value_name = "ID")]
    pub(crate) incident: String,
    /// What it is about, in a few words; the branch is named after them too
    #[arg(long, value_name = "TEXT")]
    pub(crate) summary: Option<String>,
    /// Begin at this commit or tag instead of at what production runs
    #[arg(long, value_name = "REV")]
    pub(crate) from: Option<String>,
    /// The service's source: a URL, or any clone of it. Default: what ripcord.yaml or the image says
    #[arg(long, value_name = "URL|PATH")]
    pub(crate) source: Option<String>,
    /// Only show where it would begin
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `hotfix gate` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct GateArgs {
    /// The clone of the service's source
    #[arg(long, value_name = "PATH", default_value = ".")]
    pub(crate) source: PathBuf,
    /// The hotfix. Default: the branch that is checked out says it
    #[arg(long, value_name = "NAME")]
    pub(crate) hotfix: Option<String>,
    /// Write the record there
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Keep logs and reports in this folder. Default: one that goes when all passed
    #[arg(long, value_name = "FOLDER")]
    pub(crate) logs: Option<PathBuf>,
    /// Go on although a scan says nothing, or drop a check that may be dropped; the reason is recorded
    #[arg(long = "override", value_name = "CHECK=REASON")]
    pub(crate) overrides: Vec<String>,
    /// Who stands for it. Default: git's identity
    #[arg(long, value_name = "NAME")]
    pub(crate) signed_off_by: Option<String>,
}

/// What `hotfix ship` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShipArgs {
    /// The service, as the infra repo names it
    pub(crate) service: String,
    /// The environment. Default: `production` or what the configuration says
    #[arg(short, long, value_name = "ENV")]
    pub(crate) environment: Option<String>,
    /// The record of the gate: it says the image, the digest and the commit
    #[arg(long, value_name = "FILE")]
    pub(crate) record: PathBuf,
    /// The incident. Default: none is named
    #[arg(long, value_name = "ID")]
    pub(crate) incident: Option<String>,
    /// Commit to the infra repo oneself, looked at as the receiver does: for when CI is what is down
    #[arg(long)]
    pub(crate) direct: bool,
    /// Send nothing; go on following this request
    #[arg(long, value_name = "CORRELATION", conflicts_with = "direct")]
    pub(crate) follow: Option<String>,
    /// The name of the key that `RIPCORD_PROOF_KEY` holds; the infra repo's configuration knows it
    #[arg(long, value_name = "NAME", env = "RIPCORD_PROOF_KEY_NAME")]
    pub(crate) key: Option<String>,
    /// The file of the receiver's workflow in the infra repo
    #[arg(long, value_name = "FILE", default_value = "deploy-service.yml")]
    pub(crate) workflow: String,
    /// Follow to the commit only, and look at no cluster
    #[arg(long)]
    pub(crate) no_cluster: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// How long it is followed
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub(crate) wait: String,
    /// Only show what would be sent
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `receive` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReceiveArgs {
    /// The event's file, or `-` for standard input: an event of the forge, or the bare payload
    #[arg(
        long,
        value_name = "FILE",
        env = "GITHUB_EVENT_PATH",
        required_unless_present = "from_variables"
    )]
    pub(crate) event: Option<PathBuf>,
    /// Read the payload from `RIPCORD_SERVICE`, `RIPCORD_IMAGE` and so on, as a pipeline of GitLab has it
    #[arg(long)]
    pub(crate) from_variables: bool,
    /// Deploy although it takes this hotfix out; several with commas
    #[arg(
        long,
        value_name = "HOTFIX",
        value_delimiter = ',',
        requires = "reason"
    )]
    pub(crate) drops_hotfix: Vec<String>,
    /// Why; goes into the commit
    #[arg(long, value_name = "TEXT", requires = "drops_hotfix")]
    pub(crate) reason: Option<String>,
    /// Only look, and show the change
    #[arg(long)]
    pub(crate) dry_run: bool,
}
