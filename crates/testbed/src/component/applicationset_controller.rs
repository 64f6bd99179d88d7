use super::{Component, Ready, SHORT};
use crate::argocd;

/// Argo CD's owner of Applications that are made from a template.
pub(crate) static APPLICATIONSET_CONTROLLER: Component = Component {
    name: "argocd-applicationset-controller",
    launch: |site| {
        let name = "argocd-applicationset-controller";
        let metrics = site.port("argocd-applicationset-controller-metrics")?;
        let webhooks = site.port("argocd-applicationset-controller-webhooks")?;
        let probes = site.port(name)?;
        Ok(argocd::part(site, name)?
            .args(["--kubeconfig", &site.kubeconfig(name)?])
            .args(["--namespace", argocd::NAMESPACE])
            .args([
                "--argocd-repo-server",
                &site.link(name, "argocd-repo-server")?.to_string(),
            ])
            .args(["--enable-progressive-syncs"])
            .args(["--metrics-addr", &metrics.to_string()])
            .args(["--probe-addr", &probes.to_string()])
            .args(["--webhook-addr", &webhooks.to_string()]))
    },
    // Its probes answer nothing but 404.
    ready: |site| {
        Ok(Ready::Listens(
            site.port("argocd-applicationset-controller")?,
        ))
    },
    patience: SHORT,
};
