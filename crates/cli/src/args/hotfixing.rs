//! Hotfixes and deploys that pipelines ask for, as typed.

use std::path::PathBuf;

use clap::Args;

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
