use super::{Component, Ready, SHORT};
use crate::argocd;

/// Argo CD's reader of Git.
pub(crate) static REPO_SERVER: Component = Component {
    name: "argocd-repo-server",
    launch: |site| {
        let own = site.port("argocd-repo-server")?;
        let metrics = site.port("argocd-repo-server-metrics")?;
        Ok(argocd::part(site, "argocd-repo-server")?
            // Else one place for all of the machine, and another user's is in the way.
            .env("ARGOCD_ASK_PASS_SOCK", site.file("tmp/ask-pass.sock"))
            .args(["--address", "127.0.0.1", "--port", &own.port().to_string()])
            .args(["--metrics-address", "127.0.0.1"])
            .args(["--metrics-port", &metrics.port().to_string()])
            .args([
                "--redis",
                &site.link("argocd-repo-server", "redis")?.to_string(),
            ]))
    },
    ready: |site| {
        let metrics = site.port("argocd-repo-server-metrics")?;
        Ok(Ready::Answers(format!("http://{metrics}/healthz")))
    },
    patience: SHORT,
};
