//! Where the parts are put together: the repository, the branch, the configuration.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use ripcord_domain::{Kind, Problem};
use ripcord_git::{Location, Repo};
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey::Branch;

use crate::args::Global;

/// Opens what the global flags name. `environment` chooses the branch where the configuration has
/// one for each.
pub(crate) fn open(global: &Global, environment: Option<&str>) -> Result<Branch, Problem> {
    let configuration = global
        .config
        .as_deref()
        .map(read_configuration)
        .transpose()?;
    let location = match &global.repo {
        Some(text) => Location::parse(text).map_err(from_repo)?,
        None => Location::Clone(PathBuf::from(".")),
    };
    let repo = match &location {
        Location::Clone(path) => Repo::open_clone(path),
        Location::Remote(url) => Repo::open_remote(url, &cache_root()?),
    }
    .map_err(|error| {
        let problem = from_repo(error);
        if global.repo.is_none() && problem.code == "not_a_repository" {
            problem.hint("stand in a clone of the infra repo, or name it: `--repo URL|PATH`")
        } else {
            problem
        }
    })?;
    let name = match &global.branch {
        Some(name) => name.clone(),
        None => repo.default_branch().map_err(from_repo)?,
    };
    let cache = cache_root().ok().map(|root| root.join("history"));
    let mut opened = Branch {
        repo,
        name,
        configuration,
        cache,
    };
    if global.branch.is_none()
        && let Some(environment) = environment
        && let Some(branch) = branch_of(&opened, environment)?
    {
        opened.name = branch;
    }
    Ok(opened)
}

/// The branch that the configuration gives an environment.
fn branch_of(opened: &Branch, environment: &str) -> Result<Option<String>, Problem> {
    let settings = if let Some(text) = &opened.configuration {
        ripcord_domain::config::Settings::parse(text)?
    } else {
        let known = opened.repo.local_tip(&opened.name).map_err(from_repo)?;
        let Some(tip) = known else { return Ok(None) };
        opened.at(tip)?.settings
    };
    let asked = settings.environment(environment);
    let branches = &settings.config.branches;
    Ok(branches
        .iter()
        .find(|(name, _)| asked.answers_to(name))
        .map(|(_, branch)| branch.clone()))
}

fn read_configuration(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| {
        Problem::new(
            Kind::Usage,
            "bad_configuration",
            format!("cannot read {}: {error}", path.display()),
        )
    })
}

/// Where private repositories and what was learned about them live.
fn cache_root() -> Result<PathBuf, Problem> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| {
        Problem::new(
            Kind::Local,
            "no_home",
            "there is no home directory to keep a cache in",
        )
        .hint("set HOME or XDG_CACHE_HOME, or name a clone with `--repo PATH`")
    })?;
    Ok(strategy.cache_dir().join("ripcord"))
}
