use super::{Component, Ready, SHORT};
use crate::process::Launch;

/// Argo Rollouts' controller of canaries and blue-green deploys.
pub(crate) static ROLLOUTS: Component = Component {
    name: "rollouts-controller",
    launch: |site| {
        let metrics = site.port("rollouts-controller-metrics")?;
        let health = site.port("rollouts-controller")?;
        Ok(Launch::new(site.program("rollouts-controller")?)
            .args(["--kubeconfig", &site.kubeconfig("rollouts-controller")?])
            .args(["--leader-elect=false", "--loglevel", "info"])
            .args(["--metricsport", &metrics.port().to_string()])
            .args(["--healthzPort", &health.port().to_string()]))
    },
    ready: |site| {
        let health = site.port("rollouts-controller")?;
        Ok(Ready::Answers(format!("http://{health}/healthz")))
    },
    patience: SHORT,
};
