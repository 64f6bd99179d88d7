use std::path::Path;

use super::{Component, Ready, SHORT};
use crate::process::Launch;

/// Argo CD's cache: Debian's package.
pub(crate) static REDIS: Component = Component {
    name: "redis",
    launch: |site| {
        let own = site.port("redis")?;
        Ok(Launch::new(Path::new("redis-server"))
            .args(["--bind", "127.0.0.1", "--port", &own.port().to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .args(["--dir", &site.file("tmp")]))
    },
    ready: |site| Ok(Ready::Listens(site.port("redis")?)),
    patience: SHORT,
};
