use super::{Component, Ready, SHORT};
use crate::process::Launch;

/// Gives pods to nodes.
pub(crate) static SCHEDULER: Component = Component {
    name: "kube-scheduler",
    launch: |site| {
        let own = site.port("kube-scheduler")?;
        Ok(Launch::new(site.program("kube-scheduler")?)
            .args(["--kubeconfig", &site.kubeconfig("kube-scheduler")?])
            .args(["--leader-elect=false", "--bind-address", "127.0.0.1"])
            .args(["--cert-dir", &site.file("certificates")])
            .args(["--secure-port", &own.port().to_string()]))
    },
    ready: |site| Ok(Ready::Listens(site.port("kube-scheduler")?)),
    patience: SHORT,
};
