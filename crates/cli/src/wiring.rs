//! Where the parts are put together: the repository, the branch, the configuration.

use std::path::{Path, PathBuf};
use std::time::Instant;

use etcetera::BaseStrategy;
use ripcord_casebook::CaseError;
use ripcord_client::Server;
use ripcord_domain::incident::recovered;
use ripcord_domain::recovery::Recovery;
use ripcord_domain::{Kind, Problem};
use ripcord_git::{Location, Repo};
use ripcord_ledger::Ledger;
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey::{self, Branch};
use ripcord_store::{Records, filing};

use crate::args::{Global, RecordsArgs, SayingArgs, ServerArgs};
use crate::commands;
use crate::moment;
use crate::render::Output;

/// Opens what the global flags name.
pub(crate) fn open(global: &Global, wanted: Wanted<'_>) -> Result<Branch, Problem> {
    open_until(global, wanted, None)
}

/// The same; git processes that are not done at the deadline are ended, also later ones.
pub(crate) fn open_until(
    global: &Global,
    wanted: Wanted<'_>,
    deadline: Option<Instant>,
) -> Result<Branch, Problem> {
    let configuration = configuration(global)?;
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
    })?
    .with_deadline(deadline);
    let name = match &global.branch {
        Some(name) => name.clone(),
        None => repo.default_branch().map_err(from_repo)?,
    };
    let cache = cache_root().ok().map(|root| root.join("history"));
    let mut opened = Branch {
        repo,
        name,
        is_default: global.branch.is_none(),
        configuration,
        inherited: None,
        cache,
    };
    if global.branch.is_none() && wanted != Wanted::DefaultBranch {
        choose_branch(&mut opened, wanted)?;
    }
    Ok(opened)
}

/// Which branch a command works on when no flag says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted<'a> {
    /// The one that the remote's HEAD names.
    DefaultBranch,
    /// The one of this environment, in a repository with a branch for each; none is the default one.
    Environment(Option<&'a str>),
}

/// In a repository with a branch for each environment, the branch of the one that is meant.
fn choose_branch(opened: &mut Branch, wanted: Wanted<'_>) -> Result<(), Problem> {
    let known = opened.repo.local_tip(&opened.name).map_err(from_repo)?;
    let tip = match known {
        Some(tip) => tip,
        None => opened.newest_for_steps()?.tip,
    };
    let settings = opened.at(tip)?.settings;
    if settings.config.branches.is_empty() {
        return Ok(());
    }
    let asked = match wanted {
        Wanted::Environment(Some(typed)) => settings.environment(typed),
        _ => settings.default_environment(),
    };
    let branches = settings.config.branches.iter();
    let branch = branches
        .into_iter()
        .find(|(name, _)| asked.answers_to(name));
    if let Some((_, branch)) = branch.filter(|(_, branch)| **branch != opened.name) {
        let tree = opened.repo.commit(tip).map_err(from_repo)?.tree;
        opened.inherited = survey::written(&opened.repo, tree)?;
        opened.name.clone_from(branch);
        opened.is_default = false;
    }
    Ok(())
}

/// The text of the configuration that a flag names.
pub(crate) fn configuration(global: &Global) -> Result<Option<String>, Problem> {
    let path = global.config.as_deref();
    path.map(read_configuration).transpose()
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

/// The record of recoveries on this machine.
pub(crate) fn ledger() -> Result<Ledger, Problem> {
    Ok(Ledger::open(&state_root()?)?)
}

/// Where what this user's commands write down lives.
fn state_root() -> Result<PathBuf, Problem> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| no_home("a record"))?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Ok(state.join("ripcord"))
}

/// The setting of the records of incidents: what was asked for, else a file of this user.
pub(crate) fn records_setting(asked: Option<&str>) -> Result<String, Problem> {
    if let Some(asked) = asked {
        return Ok(asked.to_owned());
    }
    let root = state_root()?;
    std::fs::create_dir_all(&root).map_err(|error| {
        Problem::new(
            Kind::Local,
            "no_records",
            format!("{} cannot be made: {error}", root.display()),
        )
        .hint("free some space or set XDG_STATE_HOME to a folder that can be written")
    })?;
    let file = root.join("incidents.sqlite");
    let text = file.to_str().ok_or_else(|| no_home("records"))?;
    Ok(format!("sqlite:{text}"))
}

/// The records of incidents, with what the recoveries of this machine tell them.
pub(crate) fn records(asked: &RecordsArgs) -> Result<Box<dyn Records>, Problem> {
    let setting = records_setting(asked.records.as_deref())?;
    let mut records = ripcord_store::open(&setting).map_err(CaseError::from)?;
    // Where no recovery was ever made there is nothing to tell.
    let recoveries = ledger().and_then(|ledger| Ok(ledger.list(TOLD)?));
    tell(records.as_mut(), &recoveries.unwrap_or_default())?;
    Ok(records)
}

/// How many recoveries, the newest, are told to incidents. Older ones were told before.
const TOLD: usize = 200;

fn tell(records: &mut dyn Records, recoveries: &[Recovery]) -> Result<(), Problem> {
    let machine = machine();
    let events: Vec<_> = recoveries
        .iter()
        .rev()
        .flat_map(|recovery| recovered::events(recovery, &machine))
        .collect();
    let fresh = || ripcord_casebook::fresh(fastrand::u128(..));
    Ok(filing::file(records, &events, fresh).map_err(CaseError::from)?)
}

/// Tells incidents how the recoveries of this machine stand, and the server that the environment names. Nothing
/// that was recovered is less so where that cannot be done: a later command tells them.
pub(crate) fn tell_incidents() {
    let asked = RecordsArgs {
        records: std::env::var("RIPCORD_RECORDS").ok(),
    };
    let told = records(&asked).and_then(|mut records| {
        let named = ServerArgs {
            server: std::env::var("RIPCORD_SERVER").ok(),
            token_file: std::env::var_os("RIPCORD_TOKEN_FILE").map(PathBuf::from),
        };
        if let Some(server) = server(&named)? {
            commands::tell(&server, records.as_mut())?;
        }
        Ok(())
    });
    if let Err(problem) = told {
        Output::told(&format!(
            "incidents are not told of it yet: {}",
            problem.message
        ));
    }
}

/// The server that is named, if one is.
pub(crate) fn server(named: &ServerArgs) -> Result<Option<Server>, Problem> {
    let Some(address) = named.server.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let token = match &named.token_file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            let text = format!("cannot read {}: {error}", file.display());
            Problem::new(Kind::Usage, "no_token", text)
        })?,
        None => std::env::var("RIPCORD_TOKEN").unwrap_or_default(),
    };
    let token = token.trim();
    if token.is_empty() {
        let text = "a server is named, and no token by which it knows who calls";
        return Err(Problem::new(Kind::Usage, "no_token", text)
            .hint("give it by RIPCORD_TOKEN, or in a file by `--token-file`"));
    }
    Server::new(address, token).map(Some)
}

/// That no server is named.
pub(crate) fn no_server() -> Problem {
    Problem::new(Kind::Usage, "no_server", "no server is named")
        .hint("name it: `--server https://ripcord.example`, or by RIPCORD_SERVER")
}

/// Who speaks. Nobody is kept from writing a note because git has no identity here.
pub(crate) fn author(args: &SayingArgs) -> String {
    let asked = args.author.clone();
    let by_git = || {
        let repo = Repo::open_clone(Path::new(".")).ok()?;
        let now = moment::now().as_second();
        repo.identity(now).ok().map(|found| found.author.name)
    };
    let by_machine = || {
        let user = std::env::var("USER").ok();
        let user = user.filter(|user| !user.is_empty());
        user.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
    };
    asked
        .filter(|name| !name.trim().is_empty())
        .or_else(by_git)
        .unwrap_or_else(by_machine)
}

/// What this machine is called in what it writes.
pub(crate) fn machine() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    if name.is_empty() {
        "command line".to_owned()
    } else {
        name.into_owned()
    }
}

/// Recoveries of this machine that hold something or have not ended. To read what is deployed needs no
/// record: without one there are none.
pub(crate) fn unfinished() -> Vec<Recovery> {
    let unfinished = ledger().and_then(|ledger| Ok(ledger.unfinished()?));
    unfinished.unwrap_or_default()
}

fn no_home(what: &str) -> Problem {
    Problem::new(
        Kind::Local,
        "no_home",
        format!("there is no home directory to keep {what} in"),
    )
    .hint("set HOME, or XDG_CACHE_HOME and XDG_STATE_HOME, or name a clone with `--repo PATH`")
}

/// Where private repositories and what was learned about them live.
pub(crate) fn cache_root() -> Result<PathBuf, Problem> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| no_home("a cache"))?;
    Ok(strategy.cache_dir().join("ripcord"))
}
