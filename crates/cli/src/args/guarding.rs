//! What keeps quarantined versions out, as typed.

use clap::{Args, Subcommand, ValueEnum};

use super::{PushArgs, WordArgs};

/// How `plan` and `rollback` keep the versions out that are left.
#[derive(Debug, Clone, Args)]
pub(crate) struct QuarantineArgs {
    /// Do not write down that the versions which are left must not be deployed again
    #[arg(long)]
    pub(crate) no_quarantine: bool,
    /// For how long they must not: `12h`, `14d`, `3w`
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "14d",
        conflicts_with = "no_quarantine"
    )]
    pub(crate) quarantine_for: String,
    /// Make bots that bump versions pass the bad one over for as long as it is quarantined
    #[arg(long, conflicts_with = "git_only")]
    pub(crate) hold_bots: bool,
}

/// What `guard` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct GuardArgs {
    /// The revision before the change. Default: where the head left the remote's branch
    #[arg(long, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// The revision after the change. Default: HEAD
    #[arg(long, value_name = "REV")]
    pub(crate) head: Option<String>,
    /// Let a change deploy what it lifts itself
    #[arg(long)]
    pub(crate) allow_lift: bool,
    /// Print what is found for a forge to show beside the lines
    #[arg(long, value_enum, value_name = "FORGE")]
    pub(crate) annotations: Option<Annotations>,
    /// Judge a push: be the `pre-receive` hook of the bare repository one stands in
    #[arg(long, conflicts_with_all = ["base", "head", "annotations"])]
    pub(crate) pre_receive: bool,
}

/// Who shows what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Annotations {
    /// Workflow commands on standard output
    Github,
    /// A code quality report on standard output
    Gitlab,
}

/// What `quarantine` does.
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Show what is quarantined, until when and why
    #[command(
        after_help = "Examples:\n  ripcord quarantine list\n  ripcord quarantine list payments-service -e production -o json"
    )]
    List {
        /// Only this service
        service: Option<String>,
        /// Only this environment
        #[arg(short, long, value_name = "ENV")]
        environment: Option<String>,
    },
    /// Allow a version again before its time
    #[command(
        after_help = "Examples:\n  ripcord quarantine lift payments-service v2.0.0 production --reason 'was the database'"
    )]
    Lift {
        /// The service
        service: String,
        /// The version, a digest or the start of one
        version: String,
        /// The environment. Default: `production` or what the configuration says, or the only one
        #[arg(value_name = "ENV")]
        environment: Option<String>,
        #[command(flatten)]
        words: WordArgs,
        #[command(flatten)]
        push: PushArgs,
    },
}
