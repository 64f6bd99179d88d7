//! Which crate may depend on which: the picture in ARCHITECTURE.md, enforced.

use std::path::Path;

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, MetadataCommand};

/// A crate of ours, the crates of ours that it may use, and outside crates that only it, and others that
/// list them, may use.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
    owns: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer {
        name: "ripcord-manifest",
        may_use: &[],
        owns: &["granit-parser"],
    },
    Layer {
        name: "ripcord-git",
        may_use: &[],
        owns: &["gix"],
    },
    Layer {
        name: "ripcord-domain",
        may_use: &["ripcord-manifest"],
        owns: &[],
    },
    Layer {
        name: "ripcord-lineage",
        may_use: &["ripcord-git", "ripcord-domain"],
        owns: &[],
    },
    Layer {
        name: "ripcord-recovery",
        may_use: &["ripcord-domain", "ripcord-manifest", "ripcord-git"],
        owns: &["rusqlite", "similar"],
    },
    Layer {
        name: "ripcord-pipeline",
        may_use: &["ripcord-domain", "ripcord-manifest"],
        owns: &["diffy"],
    },
    Layer {
        name: "ripcord-connect",
        may_use: &["ripcord-domain"],
        owns: &["kube", "k8s-openapi"],
    },
    Layer {
        name: "ripcord-ledger",
        may_use: &["ripcord-domain"],
        owns: &["rusqlite"],
    },
    Layer {
        name: "ripcord-store",
        may_use: &["ripcord-domain"],
        owns: &["rusqlite", "postgres", "tokio-postgres-rustls"],
    },
    Layer {
        name: "ripcord-casebook",
        may_use: &[
            "ripcord-domain",
            "ripcord-metrics",
            "ripcord-store",
            "ripcord-suspect",
        ],
        owns: &[],
    },
    Layer {
        name: "ripcord-lookout",
        may_use: &[
            "ripcord-connect",
            "ripcord-domain",
            "ripcord-intake",
            "ripcord-recovery",
        ],
        owns: &[],
    },
    Layer {
        name: "ripcord-pages",
        may_use: &[
            "ripcord-casebook",
            "ripcord-domain",
            "ripcord-review",
            "ripcord-suspect",
        ],
        owns: &[],
    },
    Layer {
        name: "ripcord-server",
        may_use: &[
            "ripcord-announce",
            "ripcord-casebook",
            "ripcord-domain",
            "ripcord-intake",
            "ripcord-pages",
            "ripcord-review",
            "ripcord-store",
        ],
        owns: &[],
    },
    Layer {
        name: "ripcord-client",
        may_use: &["ripcord-domain"],
        owns: &[],
    },
    Layer {
        name: "ripcord-forge",
        may_use: &["ripcord-domain"],
        owns: &[],
    },
    Layer {
        name: "ripcord-registry",
        may_use: &[],
        owns: &["oci-client"],
    },
    Layer {
        name: "ripcord-runbook",
        may_use: &[
            "ripcord-connect",
            "ripcord-domain",
            "ripcord-forge",
            "ripcord-git",
            "ripcord-ledger",
            "ripcord-recovery",
            "ripcord-registry",
        ],
        owns: &[],
    },
    Layer {
        name: "ripcord-gate",
        may_use: &["ripcord-domain"],
        owns: &[],
    },
    Layer {
        name: "ripcord-suspect",
        may_use: &["ripcord-domain"],
        owns: &[],
    },
    Layer {
        name: "ripcord-review",
        may_use: &["ripcord-domain"],
        owns: &["pulldown-cmark"],
    },
    Layer {
        name: "ripcord-metrics",
        may_use: &["ripcord-domain"],
        owns: &["csv"],
    },
    Layer {
        name: "ripcord-hotfix",
        may_use: &[
            "ripcord-connect",
            "ripcord-domain",
            "ripcord-forge",
            "ripcord-git",
            "ripcord-lineage",
            "ripcord-recovery",
            "ripcord-registry",
            "ripcord-runbook",
        ],
        owns: &["hmac"],
    },
    Layer {
        name: "ripcord-intake",
        may_use: &["ripcord-domain"],
        owns: &["hmac", "serde_json_path"],
    },
    Layer {
        name: "ripcord-announce",
        may_use: &["ripcord-domain"],
        owns: &[],
    },
    Layer {
        name: "ripcord-gitserver",
        may_use: &[],
        owns: &[],
    },
    Layer {
        name: "ripcord",
        may_use: &[
            "ripcord-casebook",
            "ripcord-client",
            "ripcord-connect",
            "ripcord-domain",
            "ripcord-gate",
            "ripcord-git",
            "ripcord-gitserver",
            "ripcord-hotfix",
            "ripcord-intake",
            "ripcord-ledger",
            "ripcord-lineage",
            "ripcord-lookout",
            "ripcord-metrics",
            "ripcord-pipeline",
            "ripcord-recovery",
            "ripcord-registry",
            "ripcord-review",
            "ripcord-runbook",
            "ripcord-server",
            "ripcord-store",
            "ripcord-suspect",
        ],
        owns: &["etcetera"],
    },
    Layer {
        name: "ripcord-scenarios",
        may_use: &["ripcord-domain", "ripcord-suspect"],
        owns: &[],
    },
    Layer {
        name: "ripcord-testkit",
        may_use: &["ripcord-gitserver"],
        owns: &[],
    },
    Layer {
        name: "ripcord-bench",
        may_use: &[
            "ripcord-gitserver",
            "ripcord-scenarios",
            "ripcord-suspect",
            "ripcord-testbed",
            "ripcord-testkit",
        ],
        owns: &[],
    },
    Layer {
        name: "ripcord-testbed",
        may_use: &["ripcord-gitserver", "ripcord-testkit"],
        owns: &["kube", "k8s-openapi", "rcgen"],
    },
    Layer {
        name: "xtask",
        may_use: &[],
        owns: &["cargo_metadata"],
    },
];

/// Fails with every dependency that points the wrong way.
pub(crate) fn check(root: &Path) -> Result<()> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata failed")?;
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(layer) = LAYERS
            .iter()
            .find(|layer| layer.name == package.name.as_str())
        else {
            wrong.push(format!(
                "{} has no place in xtask/src/layers.rs and ARCHITECTURE.md",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            // Tests may use the test kit and anything below.
            if dependency.kind == DependencyKind::Development {
                continue;
            }
            let ours = LAYERS.iter().any(|other| other.name == dependency.name);
            if ours && !layer.may_use.contains(&dependency.name.as_str()) {
                wrong.push(format!("{} must not use {}", layer.name, dependency.name));
            }
            let owners: Vec<&str> = LAYERS
                .iter()
                .filter(|other| other.owns.contains(&dependency.name.as_str()))
                .map(|owner| owner.name)
                .collect();
            if !owners.is_empty() && !owners.contains(&layer.name) {
                wrong.push(format!(
                    "{} must not use {}: that is {}'s",
                    layer.name,
                    dependency.name,
                    owners.join("'s and ")
                ));
            }
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        bail!("layers:\n  {}", wrong.join("\n  "))
    }
}
