use super::{Component, Ready, SHORT};
use crate::process::Launch;
use crate::registry;

/// An image registry: CNCF's distribution, on the disk.
pub(crate) static REGISTRY: Component = Component {
    name: "registry",
    launch: |site| {
        Ok(Launch::new(site.program("registry")?).args(["serve", &registry::settings_file(site)]))
    },
    ready: |site| {
        let own = site.port("registry")?;
        Ok(Ready::Answers(format!("http://{own}/v2/")))
    },
    patience: SHORT,
};
