//! What `ripcord init` found out about a repository, and the configuration that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ripcord_domain::config::Settings;
use ripcord_domain::problem::Problem;
use ripcord_domain::{Catalog, Environment};
use ripcord_git::Repo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::survey::{self, Extent, Place};

/// What was inferred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inferred {
    /// The number of the JSON form.
    pub schema: u32,
    /// Environments with the number of services in each, in the order of a release.
    pub environments: Vec<(Environment, usize)>,
    /// The number of services.
    pub services: usize,
    /// The shapes of the paths that declare versions, with how many files have each.
    pub shapes: Vec<(String, usize)>,
    /// Files that could not be read.
    pub unreadable: Vec<String>,
    /// Versions that belong to no service that could be named: one line of configuration each.
    pub unowned: Vec<String>,
    /// The text of `ripcord.yaml`.
    pub configuration: String,
}

/// Looks at the tip and writes down what it means.
///
/// # Errors
/// Unreadable repository.
pub fn infer(repo: &Repo, place: &Place) -> Result<Inferred, Problem> {
    let catalog = survey::catalog(repo, place, Extent::Whole)?;
    let mut counts: BTreeMap<Environment, usize> = BTreeMap::new();
    let mut services = BTreeSet::new();
    for (service, environment) in catalog.units.keys() {
        *counts.entry(environment.clone()).or_default() += 1;
        services.insert(service.clone());
    }
    let mut environments: Vec<(Environment, usize)> = counts.into_iter().collect();
    environments
        .sort_by_key(|(environment, _)| (place.settings.rank(environment), environment.clone()));
    let shapes = shapes(&catalog);
    let unowned: Vec<String> = catalog
        .unowned
        .iter()
        .map(|s| format!("{}: {}", s.path, s.why))
        .collect();
    let configuration = text(&environments, &shapes, &unowned);
    Settings::parse(&configuration)?;
    Ok(Inferred {
        schema: ripcord_domain::plan::SCHEMA,
        services: services.len(),
        environments,
        shapes,
        unreadable: catalog
            .unreadable
            .iter()
            .map(|s| format!("{}: {}", s.path, s.why))
            .collect(),
        unowned,
        configuration,
    })
}

/// The paths of all places with their names taken out, most frequent first.
fn shapes(catalog: &Catalog) -> Vec<(String, usize)> {
    let mut files: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for unit in catalog.units.values() {
        for place in &unit.places {
            let shape = shape(
                &place.id.path,
                unit.service.as_str(),
                unit.environment.as_str(),
            );
            files.entry(shape).or_default().insert(&place.id.path);
        }
    }
    let mut shapes: Vec<(String, usize)> = files
        .into_iter()
        .map(|(shape, paths)| (shape, paths.len()))
        .collect();
    shapes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    shapes
}

fn shape(path: &str, service: &str, environment: &str) -> String {
    path.split('/')
        .map(|segment| {
            let (stem, ending) = match segment.rsplit_once('.') {
                Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
                _ => (segment, String::new()),
            };
            let parts: Vec<&str> = environment.split('/').collect();
            if stem == service {
                format!("{{service}}{ending}")
            } else if parts.contains(&stem) {
                format!("{{environment}}{ending}")
            } else if parts.iter().any(|part| stem == format!("{service}-{part}")) {
                format!("{{service}}-{{environment}}{ending}")
            } else {
                segment.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// A commented configuration.
fn text(
    environments: &[(Environment, usize)],
    shapes: &[(String, usize)],
    unowned: &[String],
) -> String {
    let mut out = String::from(
        "# How ripcord understands this repository. Every key is optional: without this file the\n\
         # same is inferred from the tree. `ripcord init --print` shows what is inferred.\n\n\
         # Where services live. The first template that matches a path wins; a folder covers what is\n\
         # below it. Paths that no template matches are understood by convention (`infer: true`).\n",
    );
    let usable: Vec<&(String, usize)> = shapes
        .iter()
        .filter(|(shape, _)| shape.contains("{service}"))
        .take(8)
        .collect();
    if usable.is_empty() {
        out.push_str("# paths:\n#   - services/{service}/overlays/{environment}\n");
    } else {
        out.push_str("paths:\n");
        for (shape, count) in usable {
            let _ = writeln!(out, "  - {} # {count} file(s)", quoted(shape));
        }
    }
    out.push_str("infer: true\n");
    for line in unowned.iter().take(10) {
        let _ = writeln!(out, "# not attributed: {}", line.replace(['\n', '\r'], " "));
    }
    out.push_str(
        "\n# Files that hold a version and nothing that says so; without `fields` the whole text is it.\n\
         # version_files:\n#   - path: versions/{environment}/{service}.json\n#     fields: [image.tag]\n\n\
         # The order in which a release passes through the environments.\n",
    );
    if environments.is_empty() {
        out.push_str("# environments: [staging, production]\n");
    } else {
        let names: Vec<String> = environments
            .iter()
            .map(|(e, _)| quoted(e.as_str()))
            .collect();
        let _ = writeln!(out, "environments: [{}]", names.join(", "));
    }
    let production: Vec<&Environment> = environments
        .iter()
        .map(|(e, _)| e)
        .filter(|e| e.is_production())
        .collect();
    if let [only] = production.as_slice() {
        let _ = writeln!(out, "default_environment: {}", quoted(only.as_str()));
    } else {
        out.push_str("# default_environment: production\n");
    }
    out.push_str(
        "# A rollback there must carry a reason:\n# protected: [production]\n\n\
         # For a branch per environment:\n# branches: {production: release}\n\n\
         # aliases:\n#   services: {pay: payments-service}\n#   environments: {p: production}\n\n\
         # Which forge the remote is on, where its address does not say: github, gitlab, gitea\n\
         # forge: gitea\n\n\
         # Applications whose project cannot be given a window are not held by marking their last operation:\n\
         # marks_operations: false\n\n\
         # What registries are called from here:\n# mirrors: {docker.io: mirror.acme.example}\n\n\
         # commit:\n\
         #   rollback: 'deploy: {service} {to} to {environment} (rollback from {from})'\n",
    );
    out
}

fn quoted(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        && !text.is_empty()
        && !text.starts_with('-')
        && text.parse::<f64>().is_err()
        && !matches!(
            text,
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    if plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
