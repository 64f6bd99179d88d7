use super::{Component, Ready, SHORT};
use crate::process::Launch;

/// Flux' image reflector: reads the tags of registries and chooses versions by policies.
pub(crate) static IMAGE_REFLECTOR: Component = Component {
    name: "image-reflector-controller",
    launch: |site| {
        let health = site.port("image-reflector-controller")?;
        Ok(Launch::new(site.program("image-reflector-controller")?)
            .args(["--watch-all-namespaces", "--metrics-addr", "0"])
            .args(["--health-addr", &health.to_string()])
            .args(["--storage-path", &site.file("images")])
            // Its own measure is made for a million tags.
            .args(["--storage-value-log-file-size", "1048576"])
            .env("KUBECONFIG", site.kubeconfig("image-reflector-controller")?))
    },
    ready: |site| {
        let health = site.port("image-reflector-controller")?;
        Ok(Ready::Answers(format!("http://{health}/readyz")))
    },
    patience: SHORT,
};
