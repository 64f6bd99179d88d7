use super::{Component, Ready, SHORT};
use crate::process::Launch;

/// Controllers for clouds, disks and nodes, which there are none of, and the two that sign with a key
/// of the cluster's that nobody has.
const OFF: &str = "*,-nodeipam,-nodelifecycle,-service-lb-controller,-cloud-node-lifecycle-controller,\
-node-route-controller,-attachdetach,-persistentvolume-binder-controller,\
-persistentvolume-expander-controller,-certificatesigningrequest-signing-controller,\
-certificatesigningrequest-approving-controller";

/// The controllers of Deployments, Jobs, quotas and the like.
pub(crate) static CONTROLLER_MANAGER: Component = Component {
    name: "kube-controller-manager",
    launch: |site| {
        let own = site.port("kube-controller-manager")?;
        Ok(Launch::new(site.program("kube-controller-manager")?)
            .args(["--kubeconfig", &site.kubeconfig("kube-controller-manager")?])
            .args([
                "--service-account-private-key-file",
                &site.file("certificates/accounts.key"),
            ])
            .args(["--root-ca-file", &site.file("certificates/ca.crt")])
            .args(["--leader-elect=false", "--controllers", OFF])
            .args(["--bind-address", "127.0.0.1"])
            .args(["--cert-dir", &site.file("certificates")])
            .args(["--secure-port", &own.port().to_string()]))
    },
    ready: |site| Ok(Ready::Listens(site.port("kube-controller-manager")?)),
    patience: SHORT,
};
