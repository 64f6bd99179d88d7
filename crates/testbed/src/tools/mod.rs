//! The programs of a testbed: which there are, where their modules are, what is built of them.
//!
//! Each tool is a Go module under `testbed/tools/`, whose `tool` directives name the packages and
//! whose `go.sum` fixes every line of source. Here stands only what a module cannot say.

mod build;
mod cache;

use std::path::PathBuf;

pub use build::{Event, Toolbox, prepare};

/// Which tools are needed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The control plane, Argo CD and Argo Rollouts, and what Argo CD calls.
    Core,
    /// A forge.
    Forge,
    /// Programs that bump versions by themselves, and their kinds.
    Bots,
    /// What a pipeline runs and where it puts images: workflows and their lint, a registry, a scanner
    /// with a database of its own, signatures.
    Ci,
}

/// A Go module under `testbed/tools/`.
#[derive(Debug)]
pub struct Tool {
    /// The folder's name.
    pub name: &'static str,
    /// With which others it is needed.
    pub group: Group,
    /// The module that is wanted, as `go.mod` requires it.
    module: &'static str,
    /// The package of each program and the program's name.
    programs: &'static [(&'static str, &'static str)],
    /// Values that the linker writes; `{version}`, `{major}` and `{minor}` are the module's.
    stamps: &'static [&'static str],
    /// Build tags.
    tags: &'static str,
    /// Whether C is compiled too.
    cgo: bool,
    /// Folders of the module that are kept beside the programs.
    manifests: &'static [&'static str],
}

/// All tools, in the order in which they are built.
pub static TOOLS: &[Tool] = &[
    Tool {
        name: "etcd",
        group: Group::Core,
        module: "go.etcd.io/etcd/server/v3",
        programs: &[("go.etcd.io/etcd/server/v3", "etcd")],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "kubernetes",
        group: Group::Core,
        module: "k8s.io/kubernetes",
        programs: &[
            ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
            (
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                "kube-controller-manager",
            ),
            ("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
            ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
        ],
        stamps: &[
            "k8s.io/component-base/version.gitVersion=v{version}",
            "k8s.io/component-base/version.gitMajor={major}",
            "k8s.io/component-base/version.gitMinor={minor}",
            "k8s.io/component-base/version.gitTreeState=clean",
            "k8s.io/client-go/pkg/version.gitVersion=v{version}",
            "k8s.io/client-go/pkg/version.gitMajor={major}",
            "k8s.io/client-go/pkg/version.gitMinor={minor}",
        ],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "kwok",
        group: Group::Core,
        module: "sigs.k8s.io/kwok",
        programs: &[("sigs.k8s.io/kwok/cmd/kwok", "kwok")],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "argocd",
        group: Group::Core,
        module: "github.com/argoproj/argo-cd/v3",
        programs: &[("github.com/argoproj/argo-cd/v3/cmd", "argocd")],
        stamps: &[
            "github.com/argoproj/argo-cd/v3/common.version={version}",
            "github.com/argoproj/argo-cd/v3/common.gitTreeState=clean",
        ],
        tags: "",
        cgo: false,
        manifests: &["manifests/crds", "manifests/base/config"],
    },
    Tool {
        name: "rollouts",
        group: Group::Core,
        module: "github.com/argoproj/argo-rollouts",
        programs: &[
            (
                "github.com/argoproj/argo-rollouts/cmd/rollouts-controller",
                "rollouts-controller",
            ),
            (
                "github.com/argoproj/argo-rollouts/cmd/kubectl-argo-rollouts",
                "kubectl-argo-rollouts",
            ),
        ],
        stamps: &["github.com/argoproj/argo-rollouts/utils/version.version=v{version}"],
        tags: "",
        cgo: false,
        manifests: &["manifests/crds"],
    },
    Tool {
        name: "kustomize",
        group: Group::Core,
        module: "sigs.k8s.io/kustomize/kustomize/v5",
        programs: &[("sigs.k8s.io/kustomize/kustomize/v5", "kustomize")],
        stamps: &["sigs.k8s.io/kustomize/api/provenance.version=v{version}"],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "helm",
        group: Group::Core,
        module: "helm.sh/helm/v3",
        programs: &[("helm.sh/helm/v3/cmd/helm", "helm")],
        stamps: &["helm.sh/helm/v3/internal/version.version=v{version}"],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "gitea",
        group: Group::Forge,
        module: "code.gitea.io/gitea",
        programs: &[("code.gitea.io/gitea", "gitea")],
        stamps: &["main.Version={version}"],
        tags: "sqlite sqlite_unlock_notify",
        cgo: true,
        manifests: &["options", "templates", "public"],
    },
    Tool {
        name: "image-updater",
        group: Group::Bots,
        module: "github.com/argoproj-labs/argocd-image-updater",
        programs: &[(
            "github.com/argoproj-labs/argocd-image-updater/cmd",
            "argocd-image-updater",
        )],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &["config/crd/bases"],
    },
    Tool {
        name: "image-reflector",
        group: Group::Bots,
        module: "github.com/fluxcd/image-reflector-controller",
        programs: &[(
            "github.com/fluxcd/image-reflector-controller",
            "image-reflector-controller",
        )],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &["config/crd/bases"],
    },
    Tool {
        name: "registry",
        group: Group::Ci,
        module: "github.com/distribution/distribution/v3",
        programs: &[(
            "github.com/distribution/distribution/v3/cmd/registry",
            "registry",
        )],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "crane",
        group: Group::Ci,
        module: "github.com/google/go-containerregistry",
        programs: &[("github.com/google/go-containerregistry/cmd/crane", "crane")],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "act",
        group: Group::Ci,
        module: "github.com/nektos/act",
        programs: &[("github.com/nektos/act", "act")],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "actionlint",
        group: Group::Ci,
        module: "github.com/rhysd/actionlint",
        programs: &[("github.com/rhysd/actionlint/cmd/actionlint", "actionlint")],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "grype",
        group: Group::Ci,
        module: "github.com/anchore/grype",
        programs: &[
            ("github.com/anchore/grype/cmd/grype", "grype"),
            ("testbed/grype/grype-db-writer", "grype-db-writer"),
        ],
        stamps: &["main.version={version}"],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "trivy-db",
        group: Group::Ci,
        module: "go.etcd.io/bbolt",
        programs: &[("testbed/trivy-db/trivy-db-writer", "trivy-db-writer")],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &[],
    },
    Tool {
        name: "cosign",
        group: Group::Ci,
        module: "github.com/sigstore/cosign/v3",
        programs: &[("github.com/sigstore/cosign/v3/cmd/cosign", "cosign")],
        stamps: &[],
        tags: "",
        cgo: false,
        manifests: &[],
    },
];

impl Tool {
    /// The variable that names a binary which takes the place of a program of ours, such as
    /// `RIPCORD_TESTBED_ARGOCD`.
    fn variable(program: &str) -> String {
        format!(
            "RIPCORD_TESTBED_{}",
            program.to_uppercase().replace('-', "_")
        )
    }

    /// The variable that names the folder in which the manifests lie that belong to such a binary,
    /// such as `RIPCORD_TESTBED_ARGOCD_MANIFESTS`.
    fn manifests_variable(&self) -> String {
        format!("{}_MANIFESTS", Self::variable(self.name))
    }
}

/// Where the modules are.
fn modules() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testbed/tools"))
}
