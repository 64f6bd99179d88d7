use std::time::Duration;

use super::{Component, Ready};
use crate::process::Launch;

/// The Kubernetes API.
pub(crate) static APISERVER: Component = Component {
    name: "kube-apiserver",
    launch: |site| {
        let own = site.port("kube-apiserver")?;
        let store = site.link("kube-apiserver", "etcd")?;
        Ok(Launch::new(site.program("kube-apiserver")?)
            .args(["--etcd-servers", &format!("http://{store}")])
            .args(["--bind-address", "127.0.0.1"])
            .args(["--advertise-address", "127.0.0.1"])
            .args(["--secure-port", &own.port().to_string()])
            .args(["--cert-dir", &site.file("certificates")])
            .args(["--tls-cert-file", &site.file("certificates/server.crt")])
            .args([
                "--tls-private-key-file",
                &site.file("certificates/server.key"),
            ])
            .args(["--token-auth-file", &site.file("tokens.csv")])
            .args(["--authorization-mode", "RBAC"])
            .args(["--service-account-issuer", "https://kubernetes.default.svc"])
            .args([
                "--service-account-key-file",
                &site.file("certificates/accounts.pub"),
            ])
            .args([
                "--service-account-signing-key-file",
                &site.file("certificates/accounts.key"),
            ])
            .args(["--service-cluster-ip-range", "10.96.0.0/16"])
            .args(["--endpoint-reconciler-type", "none"])
            // Nobody would lift the taint of new nodes: the node lifecycle controller is off.
            .args(["--disable-admission-plugins", "TaintNodesByCondition"]))
    },
    ready: |_| Ok(Ready::Kubernetes),
    patience: Duration::from_secs(5),
};
