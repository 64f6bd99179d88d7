//! From a path and the object in it to the service and the environment it belongs to.
//!
//! The conventions of real infra repos, in the order in which they are believed:
//!
//! 1. A path template of the configuration.
//! 2. *Service*: the last folder that is neither an environment nor a structural word (`base`,
//!    `overlays`, `templates`, …), looking no further once a structural word follows it:
//!    `services/S/overlays/E/…`, `kubernetes/apps/group/S/app/…`, `E/S/values.yaml`. Without such a
//!    folder the file's name (`clusters/E/S.yaml`, `image-tags/E/S`), and without that the object's.
//!    An Argo CD Application or a Flux HelmRelease is a service of its own name.
//! 3. *Environment*: the folder after `overlays`, `environments`, `envs`, `clusters`, `stages` or
//!    `image-tags`; a folder or file named like an environment; the end of `values-E.yaml` or of
//!    the object's name. A file with none belongs to every environment of its service.

use ripcord_manifest::{Declaration, DeclarationKind, ObjectRef};

use crate::config::Settings;
use crate::names::{Environment, Service, environment_word};
use crate::quarantine;

/// Who a declaration or a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The service; `None` where neither path nor object names one.
    pub service: Option<Service>,
    /// The environment; `None` for what all environments of the service share.
    pub environment: Option<Environment>,
}

/// Folders that say what is inside and not whose it is.
const STRUCTURAL: &[&str] = &[
    "app",
    "apps",
    "application",
    "applications",
    "applicationset",
    "applicationsets",
    "appset",
    "appsets",
    "argo",
    "argo-apps",
    "argocd",
    "base",
    "bases",
    "chart",
    "charts",
    "clusters",
    "cluster",
    "common",
    "components",
    "component",
    "config",
    "configs",
    "deploy",
    "deployment",
    "deployments",
    "env",
    "envs",
    "environment",
    "environments",
    "flux",
    "generators",
    "gitops",
    "helm",
    "helm-charts",
    "helmrelease",
    "helmreleases",
    "image-tags",
    "infra",
    "infrastructure",
    "k8s",
    "ks",
    "kube",
    "kubernetes",
    "kustomize",
    "kustomization",
    "manifest",
    "manifests",
    "overlay",
    "overlays",
    "patches",
    "platform",
    "projects",
    "release",
    "releases",
    "resources",
    "rollout",
    "rollouts",
    "services",
    "service",
    "stages",
    "stage-config",
    "templates",
    "tenants",
    "values",
    "variants",
    "versions",
    "workloads",
    "workload",
    "crds",
    "tests",
    "src",
    "system",
];

/// The folder after one of these is an environment whatever its name.
const BEFORE_ENVIRONMENT: &[&str] = &[
    "overlays",
    "overlay",
    "environments",
    "environment",
    "envs",
    "env",
    "clusters",
    "cluster",
    "stages",
    "image-tags",
];

/// File names (without ending) that say what is inside and not whose it is.
const GENERIC_FILES: &[&str] = &[
    "all",
    "app",
    "application",
    "applications",
    "applicationset",
    "appset",
    "chart",
    "config",
    "configmap",
    "cronjob",
    "daemonset",
    "default",
    "defaults",
    "deploy",
    "deployment",
    "deployments",
    "generated",
    "gitrepository",
    "helm-release",
    "helm-values",
    "helmrelease",
    "hpa",
    "image",
    "image-tag",
    "images",
    "ingress",
    "install",
    "job",
    "k8s",
    "ks",
    "kustomization",
    "list",
    "main",
    "manifest",
    "manifests",
    "namespace",
    "ocirepository",
    "patch",
    "pod",
    "release",
    "releases",
    "resources",
    "rollout",
    "service",
    "statefulset",
    "svc",
    "sync",
    "tag",
    "values",
    "version",
    "versions",
    "workload",
];

/// Says who a declaration belongs to.
pub fn owner(settings: &Settings, path: &str, declaration: &Declaration) -> Owner {
    if quarantine::is_ours(path) {
        return owner_of_path(settings, path);
    }
    let mut owner = owner_by(
        settings,
        path,
        declaration.object.as_ref(),
        Some(declaration.kind),
    );
    if owner.service.is_none() && settings.infers() {
        owner.service = service_in_key(declaration).map(|name| settings.service(&name));
    }
    if owner.environment.is_none() {
        owner.environment = environment_in_key(declaration).map(|name| settings.environment(&name));
    }
    owner
}

/// Says who a file belongs to, by its path alone.
pub fn owner_of_path(settings: &Settings, path: &str) -> Owner {
    owner_by(settings, path, None, None)
}

fn owner_by(
    settings: &Settings,
    path: &str,
    object: Option<&ObjectRef>,
    kind: Option<DeclarationKind>,
) -> Owner {
    let nobody = Owner {
        service: None,
        environment: None,
    };
    if quarantine::is_ours(path) {
        return nobody;
    }
    let inferred = || {
        let owner = inferred(path, object, kind);
        Owner {
            service: owner.service.map(|name| settings.service(name.as_str())),
            environment: owner
                .environment
                .map(|name| settings.environment(name.as_str())),
        }
    };
    let by_convention = if settings.infers() {
        inferred()
    } else {
        nobody
    };
    match settings.captured(path) {
        Some(captured) => Owner {
            service: captured
                .service
                .map(|name| settings.service(&name))
                .or(by_convention.service),
            environment: captured
                .environment
                .map(|name| settings.environment(&name))
                .or(by_convention.environment),
        },
        None => by_convention,
    }
}

/// In a values file of many services each stands below a key of its name: `payments.image`.
fn service_in_key(declaration: &Declaration) -> Option<String> {
    if !matches!(
        declaration.kind,
        DeclarationKind::HelmValues | DeclarationKind::VersionFile
    ) {
        return None;
    }
    let key = declaration.key.to_string();
    let (first, _) = key.split_once('.')?;
    let plain = !first.is_empty()
        && first
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    (plain
        && !matches!(
            first,
            "global" | "image" | "images" | "defaults" | "default"
        ))
    .then(|| first.to_owned())
}

/// An ApplicationSet's list element is named by its environment or cluster:
/// `…elements[env=prod]`.
fn environment_in_key(declaration: &Declaration) -> Option<String> {
    if declaration.kind != DeclarationKind::ArgoApplicationSet {
        return None;
    }
    let text = declaration.key.to_string();
    let (_, element) = text.rsplit_once("elements[")?;
    let name = element.split(']').next()?;
    let value = name.split_once('=').map_or(name, |(_, value)| value);
    (!value.chars().all(|c| c.is_ascii_digit())).then(|| value.to_owned())
}

/// The service that the folders of a path name by convention, and whether nothing further down can
/// name another.
pub(crate) fn folder_service(path: &str) -> Option<(&str, bool)> {
    let walk = Walk::of(path);
    walk.folder_service.map(|name| (name, walk.settled))
}

fn inferred(path: &str, object: Option<&ObjectRef>, kind: Option<DeclarationKind>) -> Owner {
    let walk = Walk::of(path);
    let names_itself = matches!(
        kind,
        Some(
            DeclarationKind::ArgoApplication
                | DeclarationKind::ArgoApplicationSet
                | DeclarationKind::FluxHelmRelease
                | DeclarationKind::FluxSource
        )
    );
    let object_name = object.map(|o| split_environment(&o.name));
    let (stem_service, stem_environment) = walk.file_name();
    let service = match (&object_name, walk.folder_service) {
        // `apps/argo/payments.yaml` in a folder of many: the object is the service. In its own
        // folder (`plex/app/helmrelease.yaml`) the folder is.
        (Some((name, _)), _) if names_itself && stem_service.is_some() && !walk.settled => {
            Some(name.clone())
        }
        (_, Some(folder)) => Some(folder.to_owned()),
        (object_name, None) => {
            stem_service.or_else(|| object_name.as_ref().map(|(name, _)| name.clone()))
        }
    };
    let mut environments = walk.environments;
    if environments.is_empty() {
        environments.extend(stem_environment);
    }
    if environments.is_empty() {
        environments.extend(object.and_then(environment_of_object));
    }
    Owner {
        service: service.map(Service::new),
        environment: joined(environments),
    }
}

/// What the folders of a path say.
struct Walk<'a> {
    folder_service: Option<&'a str>,
    /// A structural word has followed: the service will not change further down.
    settled: bool,
    environments: Vec<String>,
    file: &'a str,
    /// The folder just above the file makes its name an environment (`image-tags/E/S` does not).
    file_is_environment: bool,
    /// The file lies in `image-tags/E/`.
    in_list: bool,
}

impl<'a> Walk<'a> {
    fn of(path: &'a str) -> Self {
        let mut segments: Vec<&str> = path.split('/').collect();
        let file = segments.pop().unwrap_or_default();
        let mut walk = Self {
            folder_service: None,
            settled: false,
            environments: Vec::new(),
            file,
            file_is_environment: false,
            in_list: false,
        };
        let mut before = "";
        for segment in &segments {
            let lower = segment.to_ascii_lowercase();
            if BEFORE_ENVIRONMENT.contains(&before)
                && lower != "base"
                && !STRUCTURAL.contains(&lower.as_str())
            {
                walk.environments.push((*segment).to_owned());
            } else if is_environment(&lower) {
                walk.environments.push((*segment).to_owned());
                walk.settled |= walk.folder_service.is_some();
            } else if lower == "image-tags" && !walk.settled {
                // A list of other services' versions: what holds the list is not whose they are.
                walk.folder_service = None;
                walk.settled = false;
                walk.in_list = true;
            } else if STRUCTURAL.contains(&lower.as_str()) || segment.starts_with('.') {
                walk.settled |= walk.folder_service.is_some();
            } else if !walk.settled {
                walk.folder_service = Some(segment);
            }
            before = STRUCTURAL
                .iter()
                .find(|word| **word == lower)
                .copied()
                .unwrap_or("");
        }
        walk.file_is_environment = BEFORE_ENVIRONMENT.contains(&before);
        walk
    }

    /// The service and the environment that the file's own name gives.
    fn file_name(&self) -> (Option<String>, Option<String>) {
        let stem = stem(self.file);
        if self.in_list {
            // Every name is a service's here, even `release`.
            return (Some(stem.to_owned()), None);
        }
        let lower = stem.to_ascii_lowercase();
        if is_environment(&lower)
            || (self.file_is_environment && !GENERIC_FILES.contains(&lower.as_str()))
        {
            return (None, Some(stem.to_owned()));
        }
        if GENERIC_FILES.contains(&lower.as_str()) {
            return (None, None);
        }
        let (name, environment) = if self.environments.is_empty() {
            split_environment(stem)
        } else {
            (stem.to_owned(), None)
        };
        let generic = GENERIC_FILES.contains(&name.to_ascii_lowercase().as_str());
        ((!generic).then_some(name), environment)
    }
}

/// The file name without its endings (`values.prod.yaml` keeps `values.prod`).
fn stem(file: &str) -> &str {
    let ending = [".yaml", ".yml", ".json", ".txt", ".tpl", ".toml"]
        .into_iter()
        .find(|e| file.ends_with(e));
    &file[..file.len() - ending.map_or(0, str::len)]
}

/// Whether a whole folder or file name is an environment: a known word, alone or with a region or a
/// number (`prod-eu`, `us-east-1-prod`, `staging2`).
fn is_environment(name: &str) -> bool {
    if environment_word(name).is_some() {
        return true;
    }
    let mut words = 0;
    let rest_is_place = name.split(['-', '_', '.']).all(|token| {
        let bare = token.trim_end_matches(|c: char| c.is_ascii_digit());
        if environment_word(bare).is_some() {
            words += 1;
            return true;
        }
        is_place(token, bare)
    });
    words == 1 && rest_is_place
}

/// Whether a part of a name only says where: a region, a direction, a colour, a number.
fn is_place(token: &str, bare: &str) -> bool {
    bare.is_empty()
        || bare.len() == 1
        || matches!(
            bare,
            "eu" | "us"
                | "uk"
                | "de"
                | "fr"
                | "ap"
                | "sa"
                | "ca"
                | "me"
                | "af"
                | "emea"
                | "apac"
                | "amer"
                | "latam"
                | "east"
                | "west"
                | "north"
                | "south"
                | "central"
                | "northeast"
                | "southeast"
                | "northwest"
                | "southwest"
                | "europe"
                | "asia"
                | "america"
                | "global"
                | "blue"
                | "green"
                | "k8s"
                | "cluster"
                | "eks"
                | "gke"
                | "aks"
                | "aws"
                | "gcp"
                | "azure"
                | "az"
                | "region"
                | "primary"
                | "secondary"
        )
        || token.chars().all(|c| c.is_ascii_digit())
}

/// Splits `payments-production` into service and environment; also `production-payments`.
fn split_environment(name: &str) -> (String, Option<String>) {
    let separators = ['-', '_', '.'];
    for (at, _) in name.match_indices(separators) {
        let (head, tail) = (&name[..at], &name[at + 1..]);
        if !head.is_empty() && is_environment(&tail.to_ascii_lowercase()) {
            return (head.to_owned(), Some(tail.to_owned()));
        }
    }
    if let Some((head, tail)) = name.split_once(separators)
        && !tail.is_empty()
        && environment_word(head).is_some()
    {
        return (tail.to_owned(), Some(head.to_owned()));
    }
    (name.to_owned(), None)
}

/// The environment in an object's name, namespace or destination, when it is a plain word there.
fn environment_of_object(object: &ObjectRef) -> Option<String> {
    let destination = object.destination.as_ref();
    let named = |text: &str| {
        if environment_word(text).is_some() {
            Some(text.to_owned())
        } else {
            split_environment(text).1
        }
    };
    named(&object.name)
        .or_else(|| object.namespace.as_deref().and_then(named))
        .or_else(|| {
            destination
                .and_then(|d| d.namespace.as_deref())
                .and_then(named)
        })
        .or_else(|| {
            destination
                .and_then(|d| d.cluster.as_deref())
                .and_then(named)
        })
}

fn joined(mut names: Vec<String>) -> Option<Environment> {
    let mut kept: Vec<String> = Vec::new();
    for name in names.drain(..) {
        let known = |other: &String| Environment::new(other.clone()).answers_to(&name);
        if !kept.iter().any(known) {
            kept.push(name);
        }
    }
    (!kept.is_empty()).then(|| Environment::new(kept.join("/")))
}

#[cfg(test)]
mod tests;
