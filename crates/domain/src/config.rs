//! `ripcord.yaml`: one line here settles what the tree alone leaves open.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::GatePolicy;
use crate::hotfix::debt::DebtPolicy;
use crate::names::{Environment, Service, environment_word};
use crate::path_template::{Below, Captured, PathTemplate};
use crate::problem::{Kind, Problem};
use crate::receiving::Receiving;

/// The file's name at the root of an infra repo.
pub const FILE_NAME: &str = "ripcord.yaml";

/// What `ripcord.yaml` says. Every part is optional; an absent file is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where services live: path templates with `{service}` and `{environment}`, first match wins.
    /// A template that names a folder covers everything below it.
    pub paths: Vec<String>,
    /// Whether paths that no template matches are still understood by convention. Default: true.
    pub infer: Option<bool>,
    /// Files that hold a version and nothing that says so.
    pub version_files: Vec<VersionFile>,
    /// Other names for services and environments: the short one to the real one.
    pub aliases: Aliases,
    /// The environments in the order a release passes through them.
    pub environments: Vec<Environment>,
    /// The environment that a command without one means. Default: production.
    pub default_environment: Option<Environment>,
    /// Environments in which a rollback must carry a reason.
    pub protected: Vec<Environment>,
    /// For a repository with a branch per environment: the environment to its branch.
    pub branches: BTreeMap<String, String>,
    /// How commits read.
    pub commit: CommitTemplates,
    /// Which forge the remote is on, where its address does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forge: Option<Forge>,
    /// Whether an Application whose project cannot be given a window may be held by marking its last
    /// operation as failed until the hold is let go. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marks_operations: Option<bool>,
    /// What registries are called from here: the name in images to the other one, such as
    /// `docker.io: mirror.acme.example`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mirrors: BTreeMap<String, String>,
    /// Where the sources of services are: the service to what its hotfixes need to know.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<Service, SourceOf>,
    /// How the debts of hotfixes are dealt with.
    #[serde(skip_serializing_if = "is_default")]
    pub hotfix: DebtPolicy,
    /// The gate of hotfixes, in a service's own repository.
    #[serde(skip_serializing_if = "is_default")]
    pub gate: GatePolicy,
    /// What `ripcord receive` takes.
    #[serde(skip_serializing_if = "is_default")]
    pub receive: Receiving,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Config {
    /// Whether the record of an operation may be falsified for as long as a hold stands.
    pub fn may_mark(&self) -> bool {
        self.marks_operations.unwrap_or(true)
    }
}

/// Where a service's source is, and what is built of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SourceOf {
    /// The address of the repository. None: what the image's label says.
    pub repository: Option<String>,
    /// Its line of development. None: the remote's default branch.
    pub main: Option<String>,
    /// The tag of Git that an image's tag names, where images have no label: `v{version}`. None: the tag itself.
    pub revision: Option<String>,
    /// Checks of the normal pipeline that show by their names on a commit that it was checked.
    pub checks: Vec<String>,
    /// Which forge the repository is on, where its address does not say.
    pub forge: Option<Forge>,
}

/// A forge whose API is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Forge {
    /// GitHub, also one's own.
    Github,
    /// GitLab, also one's own.
    Gitlab,
    /// Gitea and Forgejo.
    Gitea,
}

/// A file whose version is found by a field or is the whole text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionFile {
    /// A path template, such as `versions/{environment}/{service}.json`.
    pub path: String,
    /// The fields that hold versions, such as `image.tag`. None: the whole text is the version.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// Other names that people type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Aliases {
    /// Such as `pay: payments-service`.
    pub services: BTreeMap<String, Service>,
    /// Such as `p: production`.
    pub environments: BTreeMap<String, Environment>,
}

/// Subjects of the commits that ripcord makes. Known fields: `{service}`, `{environment}`, `{from}`,
/// `{to}`; for several services `{count}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CommitTemplates {
    /// For one service.
    pub rollback: String,
    /// For several services in one commit.
    pub fleet: String,
    /// For `ripcord undo`.
    pub undo: String,
}

impl Default for CommitTemplates {
    fn default() -> Self {
        // The field's own convention, so that `git log --grep 'deploy: payments'` finds them too.
        Self {
            rollback: "deploy: {service} {to} to {environment} (rollback from {from})".into(),
            fleet: "deploy: roll back {count} services in {environment}: {service}".into(),
            undo: "deploy: {service} {to} to {environment} (undo of the rollback to {from})".into(),
        }
    }
}

/// A configuration with its templates parsed.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// As it was written.
    pub config: Config,
    paths: Vec<PathTemplate>,
    version_files: Vec<(PathTemplate, Vec<String>)>,
}

impl Settings {
    /// Reads the text of a `ripcord.yaml`.
    ///
    /// # Errors
    /// What is wrong, in which line, as a usage problem.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
        {
            return Ok(Self::default());
        }
        let config: Config = serde_saphyr::from_str(text).map_err(|error| {
            wrong(&error.to_string()).hint("`ripcord init --print` shows a commented example")
        })?;
        Self::new(config)
    }

    /// Checks a configuration made in code.
    ///
    /// # Errors
    /// A template or a reference inside it that cannot be.
    pub fn new(config: Config) -> Result<Self, Problem> {
        let template = |text: &str| {
            PathTemplate::parse(text)
                .map_err(|why| wrong(&format!("the path template `{text}` {why}")))
        };
        let paths = config
            .paths
            .iter()
            .map(|t| template(t))
            .collect::<Result<_, _>>()?;
        let version_files = config
            .version_files
            .iter()
            .map(|file| Ok((template(&file.path)?, file.fields.clone())))
            .collect::<Result<_, Problem>>()?;
        Ok(Self {
            config,
            paths,
            version_files,
        })
    }

    /// What the templates say about a path, version files first.
    pub fn captured(&self, path: &str) -> Option<Captured> {
        self.version_files
            .iter()
            .map(|(template, _)| template)
            .chain(&self.paths)
            .find_map(|template| template.matches(path))
    }

    /// What each template says about paths below a folder.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = Below> + 'a {
        let version_files = self.version_files.iter().map(|(template, _)| template);
        version_files
            .chain(&self.paths)
            .map(|template| template.below(folder))
    }

    /// Every text that means a service: its name and its aliases.
    pub fn names_of<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a str> {
        let aliases = self.config.aliases.services.iter();
        let of_it =
            aliases.filter_map(move |(alias, name)| (name == service).then_some(alias.as_str()));
        std::iter::once(service.as_str()).chain(of_it)
    }

    /// The fields of a version file; an empty list means that its whole text is the version.
    pub fn version_fields(&self, path: &str) -> Option<&[String]> {
        self.version_files
            .iter()
            .find(|(t, _)| t.matches(path).is_some())
            .map(|(_, fields)| fields.as_slice())
    }

    /// Whether paths without a template are understood by convention.
    pub fn infers(&self) -> bool {
        self.config.infer.unwrap_or(true)
    }

    /// What a person means by a service's name.
    pub fn service(&self, typed: &str) -> Service {
        self.config
            .aliases
            .services
            .get(typed)
            .cloned()
            .unwrap_or_else(|| Service::new(typed))
    }

    /// What a person means by an environment's name.
    pub fn environment(&self, typed: &str) -> Environment {
        self.config
            .aliases
            .environments
            .get(typed)
            .cloned()
            .unwrap_or_else(|| Environment::new(typed))
    }

    /// The environment of a command that names none.
    pub fn default_environment(&self) -> Environment {
        self.config
            .default_environment
            .clone()
            .unwrap_or_else(|| Environment::new("production"))
    }

    /// Whether a rollback there must carry a reason.
    pub fn is_protected(&self, environment: &Environment) -> bool {
        self.config
            .protected
            .iter()
            .any(|p| environment.answers_to(p.as_str()))
    }

    /// The environment that a branch stands for, by configuration or by its name.
    pub fn environment_of_branch(&self, branch: &str) -> Option<Environment> {
        self.config
            .branches
            .iter()
            .find(|(_, b)| b.as_str() == branch)
            .map(|(e, _)| Environment::new(e))
            .or_else(|| {
                let last = branch.rsplit('/').next().unwrap_or(branch);
                environment_word(last).map(|_| Environment::new(last))
            })
    }

    /// Where an environment stands in the order a release passes through them.
    pub fn rank(&self, environment: &Environment) -> usize {
        let order = &self.config.environments;
        order
            .iter()
            .position(|e| environment.answers_to(e.as_str()))
            .unwrap_or_else(|| {
                order.len()
                    + match environment.as_str().split('/').find_map(environment_word) {
                        Some("development" | "sandbox" | "preview") => 0,
                        Some("testing" | "qa" | "integration") => 1,
                        Some("production" | "dr") => 4,
                        Some("staging" | "preproduction" | "acceptance" | "canary") => 3,
                        _ => 2,
                    }
            })
    }
}

fn wrong(what: &str) -> Problem {
    Problem::new(
        Kind::Usage,
        "bad_configuration",
        format!("{FILE_NAME}: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let problem = Settings::parse("environments: [a]\npath: [x]\n").unwrap_err();
        assert_eq!(problem.kind, Kind::Usage);
        assert!(
            problem.message.contains("path") && problem.message.contains('2'),
            "{}",
            problem.message
        );
    }

    #[test]
    fn a_wrong_template_is_named() {
        let problem = Settings::parse("paths: ['apps/{svc}']\n").unwrap_err();
        assert!(
            problem.message.contains("apps/{svc}"),
            "{}",
            problem.message
        );
    }

    #[test]
    fn only_comments_is_the_default() {
        assert_eq!(
            Settings::parse("# nothing\n\n").unwrap().config,
            Config::default()
        );
    }

    #[test]
    fn a_branch_named_after_an_environment_stands_for_it() {
        let settings = Settings::parse("branches: {live: main}\n").unwrap();
        assert_eq!(
            settings.environment_of_branch("main").unwrap().as_str(),
            "live"
        );
        assert_eq!(
            settings
                .environment_of_branch("env/staging")
                .unwrap()
                .as_str(),
            "staging"
        );
        assert!(settings.environment_of_branch("develop-things").is_none());
    }

    #[test]
    fn environments_sort_by_configuration_then_by_convention() {
        let settings = Settings::parse("environments: [blue, production]\n").unwrap();
        let rank = |name: &str| settings.rank(&Environment::new(name));
        assert!(
            rank("blue") < rank("prod")
                && rank("prod") < rank("dev")
                && rank("dev") < rank("staging")
        );
    }
}
