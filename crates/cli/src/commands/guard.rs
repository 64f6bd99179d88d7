//! `guard`.

use std::cell::OnceCell;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use ripcord_domain::{Kind, Problem};
use ripcord_git::Repo;
use ripcord_hotfix::guard::dropped;
use ripcord_hotfix::source::Sources;
use ripcord_recovery::guard::{self, Dropped, GuardRequest, Replaced, Verdict};
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey::{self, Branch};
use ripcord_registry::Registries;
use tokio::runtime::Runtime;

use crate::args::{Annotations, Global, GuardArgs};
use crate::moment;
use crate::render::{Output, annotations, human};
use crate::wiring::{self, Wanted};

/// How long a registry may take: somebody's push waits.
const REGISTRY: Duration = Duration::from_secs(20);

pub(super) fn run(global: &Global, args: &GuardArgs, output: &mut Output) -> Result<(), Problem> {
    let verdict = judge(global, args);
    match (args.annotations, &verdict) {
        (Some(Annotations::Github), _) => {
            output.raw(&annotations::github(verdict.as_ref()));
        }
        (Some(Annotations::Gitlab), Ok(verdict)) => output.raw(&annotations::gitlab(verdict)),
        // Who pushes is told what is wrong, and nothing else.
        (_, Ok(verdict)) if args.pre_receive && verdict.is_clean() => {}
        (_, Ok(verdict)) => output.answer(verdict, |screen| human::verdict(screen, verdict)),
        (_, Err(_)) => {}
    }
    verdict?.settle()
}

/// Asks registries and sources about hotfixes, only where one may be lost: most changes ask nobody, and a server's
/// hook may have no home for a cache.
#[derive(Default)]
struct Asker {
    ways: OnceCell<(Sources, Runtime)>,
}

impl Asker {
    fn ways(&self) -> Result<&(Sources, Runtime), Problem> {
        if let Some(ways) = self.ways.get() {
            return Ok(ways);
        }
        let ways = (
            Sources::new(wiring::cache_root()?),
            ripcord_runbook::runtime()?,
        );
        Ok(self.ways.get_or_init(|| ways))
    }

    fn dropped(&self, replaced: &Replaced<'_>) -> Result<Option<Dropped>, Problem> {
        let mirrors = replaced.settings.config.mirrors.clone();
        let registries = Registries::new(mirrors, REGISTRY);
        let (sources, runtime) = self.ways()?;
        dropped(replaced, &registries, sources, runtime)
    }
}

fn judge(global: &Global, args: &GuardArgs) -> Result<Verdict, Problem> {
    if args.pre_receive {
        return receive(global, args.allow_lift);
    }
    let mut opened = wiring::open(global, Wanted::DefaultBranch)?;
    // No history is read.
    opened.cache = None;
    if !opened.is_default && opened.configuration.is_none() {
        opened.inherited = of_default_branch(&opened)?;
    }
    let request = GuardRequest {
        base: args.base.clone(),
        head: args.head.clone(),
        allow_lift: args.allow_lift,
    };
    let asker = Asker::default();
    guard::guard(
        &opened,
        &request,
        &|replaced| asker.dropped(replaced),
        moment::now(),
    )
}

/// The configuration of the default branch: it holds where the branch that is guarded has none.
fn of_default_branch(opened: &Branch) -> Result<Option<String>, Problem> {
    let repo = &opened.repo;
    let name = repo.default_branch().map_err(from_repo)?;
    if name == opened.name {
        return Ok(None);
    }
    let tip = match repo.local_tip(&name).map_err(from_repo)? {
        Some(tip) => tip,
        None => repo.fetch_tip(&name, repo.depth()).map_err(from_repo)?,
    };
    let tree = repo.commit(tip).map_err(from_repo)?.tree;
    survey::written(repo, tree)
}

fn receive(global: &Global, allow_lift: bool) -> Result<Verdict, Problem> {
    let path = global.repo.as_deref().unwrap_or(".");
    let repo = Repo::open_receiving(Path::new(path)).map_err(from_repo)?;
    let own = repo.receiving_head().map(|(name, _)| name.clone());
    let Some(name) = global.branch.clone().or(own) else {
        return Err(Problem::new(
            Kind::Usage,
            "unknown_branch",
            "HEAD of this repository names no branch",
        )
        .hint("`--branch NAME` names the branch that is deployed"));
    };
    // Where there is a branch for each environment, the configuration is on the repository's own.
    let inherited = match repo.receiving_head() {
        Some((_, Some(tip))) => {
            let tree = repo.commit(*tip).map_err(from_repo)?.tree;
            // Who mends one that is broken must not be stopped by it.
            match survey::written(&repo, tree) {
                Err(problem) if problem.code == "bad_configuration" => None,
                written => written?,
            }
        }
        _ => None,
    };
    let branch = Branch {
        repo,
        name,
        is_default: global.branch.is_none(),
        configuration: wiring::configuration(global)?,
        inherited,
        cache: None,
    };
    let mut lines = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut lines)
        .map_err(|error| {
            Problem::new(
                Kind::Local,
                "not_a_push",
                format!("what is pushed could not be read: {error}"),
            )
        })?;
    let asker = Asker::default();
    guard::receive(
        &branch,
        &lines,
        allow_lift,
        &|replaced| asker.dropped(replaced),
        moment::now(),
    )
}
