use std::time::Duration;

use super::{Component, Ready};
use crate::forge;
use crate::process::Launch;

/// A forge: repositories with protected branches, pull requests, webhooks and an API.
pub(crate) static GITEA: Component = Component {
    name: "gitea",
    launch: |site| {
        Ok(Launch::new(site.program("gitea")?)
            .args(["web", "--config", &forge::settings_file(site)])
            .args(["--work-path", &forge::folder(site)]))
    },
    ready: |site| {
        let own = site.port("gitea")?;
        Ok(Ready::Answers(format!("http://{own}/api/healthz")))
    },
    patience: Duration::from_secs(5),
};
