use super::{Component, Ready, SHORT};
use crate::process::Launch;

/// The kubelets: says of nodes and pods what a kubelet would say (`pods.rs` has what).
pub(crate) static KWOK: Component = Component {
    name: "kwok",
    launch: |site| {
        let own = site.port("kwok")?;
        Ok(Launch::new(site.program("kwok")?)
            .args(["--config", &site.file("stages.yaml")])
            .args(["--kubeconfig", &site.kubeconfig("kwok")?])
            .args(["--manage-all-nodes=true"])
            .args(["--cidr", "10.244.0.0/16", "--node-ip", "127.0.0.1"])
            .args(["--server-address", &own.to_string()]))
    },
    ready: |site| {
        Ok(Ready::Answers(format!(
            "http://{}/healthz",
            site.port("kwok")?
        )))
    },
    patience: SHORT,
};
