use super::{Component, Ready, SHORT};
use crate::argocd;

/// Argo CD's syncing and healing.
pub(crate) static APPLICATION_CONTROLLER: Component = Component {
    name: "argocd-application-controller",
    launch: |site| {
        let own = site.port("argocd-application-controller")?;
        let name = "argocd-application-controller";
        Ok(argocd::part(site, name)?
            // The shard is read from the pod's name.
            .env("HOSTNAME", format!("{name}-0"))
            .args(argocd::clients(site, name)?)
            .args(["--redis", &site.link(name, "redis")?.to_string()])
            .args(["--metrics-port", &own.port().to_string()]))
    },
    ready: |site| {
        let own = site.port("argocd-application-controller")?;
        Ok(Ready::Answers(format!("http://{own}/healthz")))
    },
    patience: SHORT,
};
