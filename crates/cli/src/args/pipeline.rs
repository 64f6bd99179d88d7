//! The CI files of a hotfix, as typed.

use clap::{Args, Subcommand, ValueEnum};
use ripcord_domain::config::Forge;
use ripcord_pipeline::Side;

/// `pipeline`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PipelineCommand {
    /// Write the CI files of one side of a hotfix, or find what became of them; commits nothing
    ///
    /// What is asked for is kept in `.ripcord/pipeline/settings.yaml`, so that the next run needs the forge alone.
    /// Edits are kept: what is new is merged into them, and where both changed the same lines the file is left alone
    /// and the new text stands beside it. An empty word (`--registry ''`) takes a setting back.
    #[command(
        after_help = "Examples:\n  ripcord pipeline init github --service checkout-service --infra https://github.com/acme/ecommerce-infra --key checkout-ci --registry ghcr.io\n  ripcord pipeline init github --side infra --key checkout-ci\n  ripcord pipeline init gitea --check\n  ripcord pipeline init gitlab --dry-run -o json"
    )]
    Init(PipelineArgs),
}

/// What `pipeline init` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct PipelineArgs {
    /// The forge
    pub(crate) forge: ForgeArg,
    /// Whose repository this is. Default: as it was, else a service's where `--service` names one
    #[arg(long, value_enum, value_name = "SIDE")]
    pub(crate) side: Option<SideArg>,
    /// The service, as the infra repo names it
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// The address of the infra repo, over HTTP and without credentials
    #[arg(long, value_name = "URL")]
    pub(crate) infra: Option<String>,
    /// A label (GitLab: a tag) of the runner; several by several flags. Default: ubuntu-latest, or no tag
    #[arg(long, value_name = "LABEL")]
    pub(crate) runner: Vec<String>,
    /// The registry that jobs log in to, such as `ghcr.io`. Default: the runner can push already
    #[arg(long, value_name = "HOST")]
    pub(crate) registry: Option<String>,
    /// The name of the key that requests are signed with; for the infra repo all that it takes, by several flags
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Vec<String>,
    /// Where jobs get ripcord: a `.tar.gz` or the program. Default: a variable of the forge says it
    #[arg(long, value_name = "URL")]
    pub(crate) ripcord_url: Option<String>,
    /// The sha256 of what is there. Default: a variable of the forge says it
    #[arg(long, value_name = "HEX")]
    pub(crate) ripcord_sha256: Option<String>,
    /// The version of ripcord that jobs run. Default: this one's, until an address is given
    #[arg(long, value_name = "VERSION")]
    pub(crate) ripcord_version: Option<String>,
    /// A scanner that jobs get as well, such as `trivy@0.74.0`. Default: the runner brings it
    #[arg(long, value_name = "PROGRAM@VERSION")]
    pub(crate) scanner: Option<String>,
    /// Where jobs get the scanner. Default: a variable of the forge says it
    #[arg(long, value_name = "URL")]
    pub(crate) scanner_url: Option<String>,
    /// The sha256 of what is there. Default: a variable of the forge says it
    #[arg(long, value_name = "HEX")]
    pub(crate) scanner_sha256: Option<String>,
    /// When debts are looked at, in UTC. Default: 17 6 * * *
    #[arg(long, value_name = "CRON")]
    pub(crate) debt_at: Option<String>,
    /// The clone whose files are written
    #[arg(long, value_name = "PATH", default_value = ".")]
    pub(crate) source: std::path::PathBuf,
    /// Write nothing: tell what is missing, old, changed or wrong, and end with 3 where something has to be mended
    #[arg(long)]
    pub(crate) check: bool,
    /// Only show what would be written
    #[arg(long, conflicts_with = "check")]
    pub(crate) dry_run: bool,
}

/// Which forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForgeArg {
    /// GitHub, also one's own
    Github,
    /// GitLab, also one's own
    Gitlab,
    /// Gitea and Forgejo
    Gitea,
}

impl From<ForgeArg> for Forge {
    fn from(forge: ForgeArg) -> Self {
        match forge {
            ForgeArg::Github => Self::Github,
            ForgeArg::Gitlab => Self::Gitlab,
            ForgeArg::Gitea => Self::Gitea,
        }
    }
}

/// `--side`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SideArg {
    /// A service's: gate and dispatch
    Service,
    /// The infra repo's: receiver, guard, debt
    Infra,
}

impl From<SideArg> for Side {
    fn from(side: SideArg) -> Self {
        match side {
            SideArg::Service => Self::Service,
            SideArg::Infra => Self::Infra,
        }
    }
}
