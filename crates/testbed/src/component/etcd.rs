use std::time::Duration;

use super::{Component, Ready};
use crate::process::Launch;

/// Kubernetes' store. It does not wait for the disk: what is lost with the machine is of no use.
pub(crate) static ETCD: Component = Component {
    name: "etcd",
    launch: |site| {
        let peers = format!("http://{}", site.port("etcd-peers")?);
        let clients = format!("http://{}", site.port("etcd")?);
        Ok(Launch::new(site.program("etcd")?)
            .args(["--data-dir", &site.file("etcd")])
            .args(["--listen-client-urls", &clients])
            .args(["--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers])
            .args(["--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("default={peers}")])
            .args(["--unsafe-no-fsync", "--log-level", "warn"]))
    },
    ready: |site| {
        Ok(Ready::Answers(format!(
            "http://{}/health",
            site.port("etcd")?
        )))
    },
    patience: Duration::from_secs(5),
};
