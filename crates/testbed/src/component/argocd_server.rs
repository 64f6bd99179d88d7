use super::{Component, Ready, SHORT};
use crate::argocd;

/// Argo CD's API.
pub(crate) static ARGOCD_SERVER: Component = Component {
    name: "argocd-server",
    launch: |site| {
        let own = site.port("argocd-server")?;
        let metrics = site.port("argocd-server-metrics")?;
        Ok(argocd::part(site, "argocd-server")?
            .args(argocd::clients(site, "argocd-server")?)
            .args(["--redis", &site.link("argocd-server", "redis")?.to_string()])
            .args(["--address", "127.0.0.1", "--port", &own.port().to_string()])
            .args(["--metrics-address", "127.0.0.1"])
            .args(["--metrics-port", &metrics.port().to_string()])
            .args(["--insecure"]))
    },
    ready: |site| {
        let own = site.port("argocd-server")?;
        Ok(Ready::Answers(format!("http://{own}/healthz")))
    },
    patience: SHORT,
};
