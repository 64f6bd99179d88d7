//! Incidents, what came in about them, and the server, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Where incidents are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct RecordsArgs {
    /// The records of incidents: a file, or the `postgres://` address of a database. Default: a file of this user
    #[arg(
        long,
        value_name = "PATH|URL",
        env = "RIPCORD_RECORDS",
        hide_env_values = true
    )]
    pub(crate) records: Option<String>,
}

/// A server that is told what this machine wrote.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// The address of a ripcord server, such as `https://ripcord.example`
    #[arg(long, value_name = "URL", env = "RIPCORD_SERVER")]
    pub(crate) server: Option<String>,
    /// A file with the token. Default: the variable `RIPCORD_TOKEN`
    #[arg(long, value_name = "FILE", env = "RIPCORD_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Who says something, and where it is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct SayingArgs {
    /// Who says it. Default: git's identity, else the user of this machine
    #[arg(long = "as", value_name = "NAME", env = "RIPCORD_AUTHOR")]
    pub(crate) author: Option<String>,
    #[command(flatten)]
    pub(crate) records: RecordsArgs,
}

/// `incident`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Open an incident, where no alert did
    #[command(
        after_help = "Examples:\n  ripcord incident open 'payments fail' --service payments-service --severity critical --name INC-7\n  ripcord incident open 'customers call' -s cart -e staging"
    )]
    Open {
        /// What is wrong, in a line
        title: String,
        /// The service
        #[arg(short, long, value_name = "SERVICE")]
        service: Option<String>,
        /// The environment
        #[arg(short, long, value_name = "ENV", default_value = "production")]
        environment: String,
        /// How bad, in your words
        #[arg(long, value_name = "WORD")]
        severity: Option<String>,
        /// What it is called elsewhere, such as INC-7
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        saying: SayingArgs,
    },
    /// List incidents, the newest first
    #[command(
        after_help = "Examples:\n  ripcord incident list\n  ripcord incident list --all --limit 50 -o json"
    )]
    List {
        /// Also those that are closed
        #[arg(long)]
        all: bool,
        /// How many at the most
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
        #[command(flatten)]
        records: RecordsArgs,
    },
    /// Show an incident: how it stands, what is due, which deploys are suspected, what was said
    #[command(
        after_help = "Examples:\n  ripcord incident show\n  ripcord incident show INC-7 --noise\n  ripcord incident show i-7f3k9qxy -o json"
    )]
    Show {
        /// The incident. Default: the newest that is not closed
        #[arg(value_name = "INCIDENT")]
        incident: Option<String>,
        /// Also what is hidden: reminders, what was told again
        #[arg(long)]
        noise: bool,
        #[command(flatten)]
        records: RecordsArgs,
    },
    /// Write something down
    #[command(
        after_help = "Examples:\n  ripcord incident note INC-7 'the payment provider is fine'"
    )]
    Note {
        /// The incident
        #[arg(value_name = "INCIDENT")]
        incident: String,
        /// What
        text: String,
        #[command(flatten)]
        saying: SayingArgs,
    },
    /// Write down what was decided or approved
    #[command(
        after_help = "Examples:\n  ripcord incident decide INC-7 'roll back; support is told'"
    )]
    Decide {
        /// The incident
        #[arg(value_name = "INCIDENT")]
        incident: String,
        /// What
        what: String,
        #[command(flatten)]
        saying: SayingArgs,
    },
    /// Say what the cause was: a deploy, or none
    #[command(
        after_help = "Examples:\n  ripcord incident charge INC-7 --deploy 4f2a91c --why 'the stack trace is of its code'\n  ripcord incident charge INC-7 --no-deploy --why 'the cloud region was down'"
    )]
    #[command(group = clap::ArgGroup::new("cause").required(true))]
    Charge {
        /// The incident
        #[arg(value_name = "INCIDENT")]
        incident: String,
        /// The deploy, as `incident show` names it
        #[arg(long, value_name = "DEPLOY", group = "cause")]
        deploy: Option<String>,
        /// No deploy explains it
        #[arg(long, group = "cause")]
        no_deploy: bool,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
        #[command(flatten)]
        saying: SayingArgs,
    },
    /// Correct an instant; what was recorded stays beside it
    #[command(
        after_help = "Examples:\n  ripcord incident correct INC-7 fired '2026-11-20 17:12' --why 'the clock of the monitoring was late'\n  ripcord incident correct INC-7 onset unknown --why 'it was another alert'"
    )]
    Correct {
        /// The incident
        #[arg(value_name = "INCIDENT")]
        incident: String,
        /// Which: `deploy_started`, `onset`, `fired`, `informed`, `decided`, `restored` …
        #[arg(value_name = "INSTANT")]
        moment: String,
        /// When it was really, or `unknown`
        #[arg(value_name = "TIME")]
        at: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
        #[command(flatten)]
        saying: SayingArgs,
    },
    /// Close an incident whose alerts are quiet and whose recoveries hold
    #[command(
        after_help = "Examples:\n  ripcord incident close INC-7 --why 'rolled back, holds for an hour'"
    )]
    Close {
        /// The incident
        #[arg(value_name = "INCIDENT")]
        incident: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Close it although something is missing, which is recorded
        #[arg(long)]
        although_not_over: bool,
        #[command(flatten)]
        saying: SayingArgs,
    },
    /// Tell a server what this machine wrote while none was there
    ///
    /// What it was told is told once; told again it changes nothing. Only what ripcord itself recorded is sent:
    /// alerts and deploys of other systems come to the server from them.
    #[command(
        after_help = "Examples:\n  ripcord incident sync --server https://ripcord.example --token-file ~/.ripcord-token\n  RIPCORD_SERVER=https://ripcord.example RIPCORD_TOKEN=… ripcord incident sync\n  ripcord incident sync --dry-run"
    )]
    Sync {
        #[command(flatten)]
        server: ServerArgs,
        /// Only say how much would be sent
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        records: RecordsArgs,
    },
    /// Open an incident again
    #[command(
        after_help = "Examples:\n  ripcord incident reopen INC-7 --why 'customers call again'"
    )]
    Reopen {
        /// The incident
        #[arg(value_name = "INCIDENT")]
        incident: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
        #[command(flatten)]
        saying: SayingArgs,
    },
}

/// `intake`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum IntakeCommand {
    /// Show what would be understood of a body that another system sends; keeps nothing
    #[command(
        after_help = "Examples:\n  ripcord intake try page.json --kind pagerduty\n  ripcord intake try push.json --kind github --header 'X-GitHub-Event: push'\n  ripcord intake try alert.json --settings server.yaml --source checkmk"
    )]
    Try {
        /// The body; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The kind of system that sends it
        #[arg(long, value_name = "KIND", required_unless_present = "source")]
        kind: Option<KindArg>,
        /// A header that comes with it; may be given more than once
        #[arg(long = "header", value_name = "NAME: VALUE")]
        headers: Vec<String>,
        /// The settings of the server, for what labels mean there
        #[arg(long, value_name = "FILE", env = "RIPCORD_SETTINGS")]
        settings: Option<PathBuf>,
        /// The source in the settings
        #[arg(long, value_name = "NAME", requires = "settings")]
        source: Option<String>,
    },
    /// List what came in signed and was not understood
    #[command(
        after_help = "Examples:\n  ripcord intake dead-letters\n  ripcord intake dead-letters -o json"
    )]
    DeadLetters {
        /// How many at the most
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
        #[command(flatten)]
        records: RecordsArgs,
    },
    /// Have what was not understood read again, by the server that uses the records
    #[command(after_help = "Examples:\n  ripcord intake replay 17 18")]
    Replay {
        /// Their numbers
        #[arg(value_name = "NUMBER", required = true)]
        numbers: Vec<i64>,
        #[command(flatten)]
        records: RecordsArgs,
    },
}

/// The systems that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// PagerDuty, webhooks of version 3
    Pagerduty,
    /// Prometheus Alertmanager
    Alertmanager,
    /// Grafana Alerting
    Grafana,
    /// Opsgenie and Jira Service Management
    Opsgenie,
    /// Argo CD, by its notifications
    Argocd,
    /// Argo Rollouts, by its notifications
    Rollouts,
    /// GitHub
    Github,
    /// GitLab
    Gitlab,
    /// Gitea and Forgejo
    Gitea,
    /// `CDEvents`
    Cdevents,
    /// Anything else, by a mapping
    Generic,
}

/// `review`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReviewArgs {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: String,
    /// Write the review there; what people wrote in it stays
    #[arg(long, value_name = "FILE", conflicts_with_all = ["lint", "items"])]
    pub(crate) write: Option<PathBuf>,
    /// A review that people have written in, whose words are to be in what is printed
    #[arg(long, value_name = "FILE", conflicts_with = "write")]
    pub(crate) from: Option<PathBuf>,
    /// Say where the review of `--from` blames people, and what is wrong with its action items
    #[arg(long, requires = "from", conflicts_with = "items")]
    pub(crate) lint: bool,
    /// List the action items of `--from` that are open
    #[arg(long, requires = "from")]
    pub(crate) items: bool,
    #[command(flatten)]
    pub(crate) saying: SayingArgs,
}

/// `serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// The settings: sources, tokens, records
    #[arg(long, value_name = "FILE", env = "RIPCORD_SETTINGS")]
    pub(crate) settings: PathBuf,
    /// The address to listen on, instead of the one in the settings
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<std::net::SocketAddr>,
    /// Look whether the settings and every secret and the records can be used, and end
    #[arg(long)]
    pub(crate) check: bool,
}
