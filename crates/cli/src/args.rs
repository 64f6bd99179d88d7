//! The command line, as typed. Help texts are the doc comments.

mod guarding;
mod hotfixing;
mod incidents;
mod pipeline;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use guarding::{Annotations, GuardArgs, QuarantineArgs, QuarantineCommand};
pub(crate) use hotfixing::{
    DebtArgs, GateArgs, HotfixCommand, MergeBackArgs, ReceiveArgs, RelandArgs, RelandCommand,
    Reminders, ShipArgs, SourceArgs, StartArgs, WayArg,
};
pub(crate) use incidents::{
    IncidentCommand, IntakeCommand, KindArg, MetricsArgs, RecordsArgs, ReviewArgs, SayingArgs,
    ServeArgs, ServerArgs,
};
pub(crate) use pipeline::{PipelineArgs, PipelineCommand};

const EXIT_CODES: &str = "\
Exit codes:
   0  done; also: already so, nothing pushed
   1  nothing could be done: no earlier version, nothing matches the selection
   2  usage: wrong flag, unknown name, bad configuration
   3  refused for safety: a flag named in the message is needed
   4  conflict with somebody else's change
   5  rejected by the remote: protected branch, hook, permission
   6  remote or network trouble, wrong credentials
   7  trouble on this machine: disk full, corrupt objects, no identity
   8  half done: the message says what is missing and how to finish it
   9  undone: somebody brought the bad version back while it was watched
  70  internal error: a bug in ripcord";

/// GitOps incident recovery: back to the last good version, through Git.
#[derive(Debug, Parser)]
#[command(name = "ripcord", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The infra repo: a URL (no clone needed) or any clone of it. Default: the clone one stands in
    #[arg(long, global = true, value_name = "URL|PATH", env = "RIPCORD_REPO")]
    pub(crate) repo: Option<String>,
    /// The branch that is deployed. Default: the remote's default branch
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// How to print the result
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(crate) output: Format,
    /// Print without colour (also: the variable `NO_COLOR`)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// A configuration to use instead of `ripcord.yaml` in the repository
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For people with wide screens: more columns
    Wide,
    /// For programs; the schemas are in `schemas/`
    Json,
    /// The same as YAML
    Yaml,
    /// Markdown: `review` alone
    Md,
    /// A page: `review` alone
    Html,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what every service runs in every environment, since when and by whom
    #[command(
        after_help = "Examples:\n  ripcord status\n  ripcord status payments-service -e production\n  ripcord status --repo https://git.example/acme/infra.git -o json"
    )]
    Status {
        /// Only these services
        #[arg(value_name = "SERVICE", value_delimiter = ',')]
        services: Vec<String>,
        /// Only this environment
        #[arg(short, long, value_name = "ENV")]
        environment: Option<String>,
    },
    /// Show every deploy of a service: from, to, how long it served, how it ended
    #[command(
        after_help = "Examples:\n  ripcord history payments-service\n  ripcord history payments-service -e staging --limit 50"
    )]
    History {
        /// The service
        service: String,
        /// The environment. Default: `production` or what the configuration says
        #[arg(short, long, value_name = "ENV")]
        environment: Option<String>,
        /// How many deploys at the most; 0 shows all
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Show what `rollback` would do; never writes anything
    #[command(
        after_help = "Examples:\n  ripcord plan payments-service production\n  ripcord plan payments-service --to v1.41.0\n  ripcord plan -e production --deployed-since 09:00"
    )]
    Plan(Planning),
    /// Put a service back on its last good version, through Git
    #[command(
        after_help = "Examples:\n  ripcord rollback payments-service production --reason 'payments fail' --incident INC-7\n  ripcord rollback payments-service,cart production --yes\n  ripcord rollback payments-service --to v1.41.0 --dry-run\n  ripcord rollback -e production --as-of '2026-11-20 16:30' --yes"
    )]
    Rollback(Planning),
    /// Go on with a recovery that was interrupted, or of which a part is missing
    #[command(after_help = "Examples:\n  ripcord resume r-7f3k9qxy\n  ripcord resume")]
    Resume {
        /// The recovery. Default: the newest that is not finished
        #[arg(value_name = "RECOVERY")]
        recovery: Option<String>,
        #[command(flatten)]
        pace: PaceArgs,
    },
    /// Look, before the incident, whether a recovery would work: rights, windows, holds, history
    ///
    /// Without a service it looks at what all have in common: whether one may push, as whom and by which
    /// rules, the cluster, Argo CD's release and its known bugs, rights, and what recoveries still hold.
    #[command(
        after_help = "Examples:\n  ripcord doctor\n  ripcord doctor payments-service\n  ripcord doctor payments-service production -o json"
    )]
    Doctor {
        /// The service. Default: what all services have in common
        #[arg(value_name = "SERVICE")]
        service: Option<String>,
        /// The environment. Default: `production` or what the configuration says
        #[arg(value_name = "ENV")]
        environment: Option<String>,
        #[command(flatten)]
        cluster: ClusterArgs,
        /// How long everything together is waited for; what has not answered by then is amber
        #[arg(long, value_name = "TIME", default_value = "2s")]
        within: String,
    },
    /// Show what runs otherwise than Git says: each field, who changed it, what will undo it
    #[command(
        after_help = "Examples:\n  ripcord drift payments-service\n  ripcord drift payments-service production -o json"
    )]
    Drift {
        /// The service
        service: String,
        /// The environment. Default: `production` or what the configuration says
        #[arg(value_name = "ENV")]
        environment: Option<String>,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// List the recoveries that this machine knows, newest first
    #[command(
        after_help = "Examples:\n  ripcord recoveries\n  ripcord recoveries --limit 5 -o json"
    )]
    Recoveries {
        /// How many at the most
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Show a recovery: every step with its seconds, every hold, what is missing
    #[command(after_help = "Examples:\n  ripcord show r-7f3k9qxy\n  ripcord show -o json")]
    Show {
        /// The recovery. Default: the newest
        #[arg(value_name = "RECOVERY")]
        recovery: Option<String>,
    },
    /// Let go what a recovery holds: Argo CD then deploys what Git says
    #[command(after_help = "Examples:\n  ripcord release r-7f3k9qxy\n  ripcord release")]
    Release {
        /// The recovery. Default: every one that holds something
        #[arg(value_name = "RECOVERY")]
        recovery: Option<String>,
    },
    /// Roll forward again exactly what a rollback changed
    #[command(
        after_help = "Examples:\n  ripcord undo\n  ripcord undo 4f2a91c --reason 'was not the deploy'"
    )]
    Undo {
        /// The rollback's commit. Default: the newest that was not undone
        #[arg(value_name = "ROLLBACK")]
        rollback: Option<String>,
        #[command(flatten)]
        words: WordArgs,
        #[command(flatten)]
        push: PushArgs,
        /// Go on although something irreversible would happen
        #[arg(long)]
        accept_risk: bool,
    },
    /// Refuse a change that deploys a quarantined version or takes a hotfix out: for CI and for a server's hook
    #[command(
        after_help = "Examples:\n  ripcord guard\n  ripcord guard --base origin/main --annotations github\n  ripcord guard --pre-receive"
    )]
    Guard(GuardArgs),
    /// Versions that must not be deployed again after a rollback
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Ship a fix through a reduced gate, and see what it owes afterwards
    #[command(subcommand)]
    Hotfix(HotfixCommand),
    /// Land again what was reverted: whether a merge would, and the branch that does
    #[command(subcommand)]
    Reland(RelandCommand),
    /// The CI files of a hotfix: written, kept up to date beside people's edits, and judged
    #[command(subcommand)]
    Pipeline(PipelineCommand),
    /// Take a deploy that a service's pipeline asks for: look at it, and commit it to the infra repo
    #[command(
        after_help = "Examples:\n  ripcord receive --event \"$GITHUB_EVENT_PATH\"\n  ripcord receive --event payload.json --dry-run\n  ripcord receive --from-variables"
    )]
    Receive(ReceiveArgs),
    /// Incidents: open, read, write, close
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// What other systems send: try it, read what was not understood
    #[command(subcommand)]
    Intake(IntakeCommand),
    /// Write the review of an incident from what was recorded; the human parts are left to people
    #[command(
        after_help = "Examples:\n  ripcord review INC-7\n  ripcord review INC-7 --write docs/reviews/INC-7.md\n  ripcord review INC-7 --from docs/reviews/INC-7.md -o html > INC-7.html\n  ripcord review INC-7 --from docs/reviews/INC-7.md --lint"
    )]
    Review(ReviewArgs),
    /// Count the figures of delivery from what was recorded, each with what it means and what it counts
    #[command(
        after_help = "Examples:\n  ripcord metrics\n  ripcord metrics --service payments-service --since 90d\n  ripcord metrics --since 2026-10-01T00:00:00Z --until 2026-11-01T00:00:00Z --rows\n  ripcord metrics --csv > figures.csv"
    )]
    Metrics(MetricsArgs),
    /// Take in pages and deploys, and answer for incidents over HTTP
    #[command(
        after_help = "Examples:\n  ripcord serve --settings server.yaml --check\n  ripcord serve --settings server.yaml\n  ripcord serve --settings server.yaml --listen 0.0.0.0:8420"
    )]
    Serve(ServeArgs),
    /// Show what is inferred about the repository and write a commented `ripcord.yaml`
    #[command(after_help = "Examples:\n  ripcord init --print\n  ripcord init")]
    Init {
        /// Print the configuration instead of writing it
        #[arg(long)]
        print: bool,
        /// Overwrite an existing file
        #[arg(long)]
        force: bool,
    },
    /// Play a Friday evening on a throwaway infra repo behind a local Git server
    Demo {
        /// Keep the repository and its server until Enter is pressed
        #[arg(long)]
        keep: bool,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the JSON Schema of an output or of the configuration
    Schema {
        /// Which one
        name: SchemaName,
    },
}

/// The schemas that can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    /// `plan`, `rollback`, `undo` and `quarantine lift`
    Plan,
    /// `status`
    Status,
    /// `history`
    History,
    /// `init`
    Init,
    /// `show`
    Recovery,
    /// A line of `rollback` and `resume` where there is a cluster
    Event,
    /// `doctor`
    Doctor,
    /// `drift`
    Drift,
    /// An error, of any command
    Problem,
    /// `guard`
    Guard,
    /// `quarantine list`
    Quarantine,
    /// `release`
    Release,
    /// `hotfix gate`
    Gate,
    /// `hotfix status`, `hotfix list` and `hotfix check`
    Debts,
    /// `hotfix merge-back`
    MergeBack,
    /// `reland check`
    RelandCheck,
    /// `reland prepare`
    Reland,
    /// `hotfix ship`
    Shipment,
    /// `hotfix start`
    Started,
    /// `receive`
    Received,
    /// What `receive` takes
    Payload,
    /// `pipeline init`
    Pipeline,
    /// `pipeline init --check`
    PipelineCheck,
    /// `incident show`
    Incident,
    /// `incident list`
    Incidents,
    /// `incident open`, `note`, `decide`, `charge`, `correct`, `close` and `reopen`
    Brief,
    /// What `incident sync` told a server
    Synced,
    /// `metrics`
    Metrics,
    /// `intake try`
    Tried,
    /// `intake dead-letters`
    DeadLetters,
    /// `review`
    Review,
    /// The settings of `serve`
    Settings,
    /// `ripcord.yaml`
    Config,
    /// What `serve` answers under `/api/v1`, as an OpenAPI document
    Openapi,
}

/// What `plan` and `rollback` take.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a command line is a set of switches"
)]
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("selection").multiple(false))]
pub(crate) struct Planning {
    /// The service; several with commas
    #[arg(value_name = "SERVICE[,SERVICE…]")]
    pub(crate) services: Option<String>,
    /// The environment. Default: `production` or what the configuration says
    #[arg(value_name = "ENV")]
    pub(crate) environment: Option<String>,
    /// The environment, by flag
    #[arg(
        short = 'e',
        long = "environment",
        value_name = "ENV",
        conflicts_with = "environment"
    )]
    pub(crate) environment_flag: Option<String>,
    /// The target: a version, a commit, or -N for N good versions back
    #[arg(
        long,
        value_name = "VERSION|COMMIT|-N",
        allow_hyphen_values = true,
        group = "selection"
    )]
    pub(crate) to: Option<String>,
    /// The environment (or the named services) as it was at that time: `09:00`, `2h`, `2026-11-20 16:30`, RFC 3339
    #[arg(long, value_name = "TIME", group = "selection")]
    pub(crate) as_of: Option<String>,
    /// Everything that was deployed to the environment since that time
    #[arg(long, value_name = "TIME", group = "selection")]
    pub(crate) deployed_since: Option<String>,
    /// Everything that this commit deployed
    #[arg(long, value_name = "SHA", group = "selection")]
    pub(crate) commit: Option<String>,
    /// How much goes back: the deploys' changes, only the version fields, or the files exactly
    #[arg(long, value_enum, value_name = "SCOPE")]
    pub(crate) scope: Option<ScopeArg>,
    #[command(flatten)]
    pub(crate) words: WordArgs,
    /// Go one version further although the last deploy was a rollback already
    #[arg(long)]
    pub(crate) again: bool,
    /// Go on although something irreversible would happen
    #[arg(long)]
    pub(crate) accept_risk: bool,
    /// Change files that other services or environments share
    #[arg(long)]
    pub(crate) include_shared: bool,
    /// Go on although somebody else deployed the same service meanwhile
    #[arg(long)]
    pub(crate) onto_latest: bool,
    #[command(flatten)]
    pub(crate) quarantine: QuarantineArgs,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) push: PushArgs,
}

/// How the cluster is put back.
#[derive(Debug, Clone, Args)]
pub(crate) struct LiveArgs {
    /// How: the fastest path that lasts and Git at once, or one of its parts alone
    #[arg(long, value_enum, default_value = "auto", value_name = "METHOD")]
    pub(crate) method: MethodArg,
    /// Push only: touch and look at no cluster
    #[arg(long, conflicts_with_all = ["method", "context", "server"])]
    pub(crate) git_only: bool,
    /// Run the steps of a canary for the good version too
    #[arg(long)]
    pub(crate) replay_canary: bool,
    /// Run the hooks of the good version, such as migrations
    #[arg(long)]
    pub(crate) run_hooks: bool,
    /// A name for this request: the same name again is the same recovery, not another one
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
}

/// Where Argo CD is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterArgs {
    /// The context of the kubeconfig where Argo CD's objects are. Default: the current one
    #[arg(long, value_name = "NAME", env = "RIPCORD_CONTEXT")]
    pub(crate) context: Option<String>,
    /// Go by Argo CD's API server instead, as `argocd login` or the variable `ARGOCD_AUTH_TOKEN` says who one is
    #[arg(
        long,
        value_name = "HOST|URL",
        env = "ARGOCD_SERVER",
        conflicts_with = "context"
    )]
    pub(crate) server: Option<String>,
    /// The namespace of Argo CD. Default: argocd
    #[arg(long, value_name = "NAME", env = "RIPCORD_ARGOCD_NAMESPACE")]
    pub(crate) argocd_namespace: Option<String>,
}

/// Where Argo CD is, and how long things may take.
#[derive(Debug, Clone, Args)]
pub(crate) struct PaceArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// How long to wait until everything is as it shall be
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) wait: String,
    /// How long to watch afterwards whether it stays so; 0 not at all
    #[arg(long, value_name = "TIME", default_value = "5m")]
    pub(crate) watch: String,
    /// How long Argo CD is held at the most while Git cannot be written; at least as long as `--wait`
    #[arg(long, value_name = "TIME", default_value = "30m")]
    pub(crate) hold_for: String,
}

/// `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodArg {
    /// Everything that helps, at once
    Auto,
    /// Push, and tell Argo CD to look
    Git,
    /// Argo CD syncs the last good commit, held; Git stays as it is
    Argocd,
    /// The workloads get their last good template, held; Git stays as it is
    Undo,
    /// Rollouts that are under way are aborted; Git stays as it is
    Abort,
}

/// What a person says about a change.
#[derive(Debug, Clone, Args)]
pub(crate) struct WordArgs {
    /// Why; goes into the commit
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The incident; goes into the commit
    #[arg(long, value_name = "ID")]
    pub(crate) incident: Option<String>,
    /// Who asked, if it was not the author
    #[arg(long, value_name = "NAME")]
    pub(crate) requested_by: Option<String>,
}

/// How a change is carried out.
#[derive(Debug, Clone, Args)]
pub(crate) struct PushArgs {
    /// Push the commit to this new branch instead, for a pull request
    #[arg(long, value_name = "BRANCH")]
    pub(crate) push_to: Option<String>,
    /// Only show the plan
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `--scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Only the version fields
    Version,
    /// What the deploys since the target changed; later edits are kept
    Deploy,
    /// The service's files exactly as they were
    Exact,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use ripcord_domain::Kind;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_exit_code_is_in_the_help() {
        for kind in Kind::ALL {
            let line = format!("{:>4}  {}", kind.exit_code(), kind.meaning());
            assert!(EXIT_CODES.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_negative_number_is_a_target_and_not_a_flag() {
        let cli = Cli::try_parse_from(["ripcord", "plan", "a", "--to", "-2"]).unwrap();
        let Command::Plan(planning) = cli.command else {
            panic!("not a plan")
        };
        assert_eq!(planning.to.as_deref(), Some("-2"));
    }
}
