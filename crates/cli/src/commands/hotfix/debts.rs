//! `hotfix status`, `hotfix list` and `hotfix check`.

use ripcord_connect::is_configured;
use ripcord_domain::catalog::Unit;
use ripcord_domain::hotfix::HotfixName;
use ripcord_domain::live::image::without_version;
use ripcord_domain::{Kind, Problem};
use ripcord_hotfix::debts::{self, Books, Debts, Which};
use ripcord_hotfix::forges;
use ripcord_recovery::declared::declared;
use ripcord_recovery::survey::Branch;
use ripcord_registry::Registries;
use ripcord_runbook::serving;

use super::super::recovering;
use super::{REGISTRY, sources};
use crate::args::{ClusterArgs, DebtArgs, Global, Reminders};
use crate::moment;
use crate::render::{Output, annotations, hotfix as screen};
use crate::wiring::{self, Wanted};

pub(super) fn status(
    global: &Global,
    hotfix: Option<&str>,
    args: &DebtArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    let mut found = find(global, hotfix, args)?;
    if hotfix.is_none() {
        found.debts.retain(|debt| !debt.is_paid());
    }
    let now = moment::now();
    output.value(&found, |page| screen::debts(page, &found, now));
    Ok(())
}

pub(super) fn list(
    global: &Global,
    all: bool,
    args: &DebtArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    let mut found = find(global, None, args)?;
    if !all {
        found.debts.retain(|debt| !debt.is_paid());
    }
    let now = moment::now();
    output.value(&found, |page| screen::list(page, &found, now));
    Ok(())
}

pub(super) fn check(
    global: &Global,
    hotfix: Option<&str>,
    reminders: Option<Reminders>,
    args: &DebtArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    let mut found = find(global, hotfix, args)?;
    found.debts.retain(|debt| !debt.is_paid());
    let now = moment::now();
    output.answer(&found, |page| screen::debts(page, &found, now));
    // A document of JSON would be none with lines behind it.
    if reminders == Some(Reminders::Github) && output.is_for_people() {
        output.raw(&annotations::reminders(&found.debts, now));
    }
    found.settle()
}

fn find(global: &Global, hotfix: Option<&str>, args: &DebtArgs) -> Result<Debts, Problem> {
    let environment = args.environment.as_deref();
    let opened = wiring::open(global, Wanted::Environment(environment))?;
    let settings = opened.newest()?.settings;
    let runtime = ripcord_runbook::runtime()?;
    let books = Books {
        branch: &opened,
        registries: &Registries::new(settings.config.mirrors, REGISTRY),
        sources: &sources()?,
        runtime: &runtime,
        checks: &|source, known, commit| forges::checks(&runtime, source, known, commit),
        lacks: &|unit, image| lacks(&opened, &args.cluster, unit, image),
        now: moment::now(),
    };
    let which = Which {
        service: args.service.clone(),
        environment: args.environment.clone(),
        hotfix: hotfix.map(HotfixName::parse).transpose()?,
    };
    debts::debts(&books, &which)
}

/// What is missing until every pod of the unit runs the image.
fn lacks(
    branch: &Branch,
    cluster: &ClusterArgs,
    unit: &Unit,
    image: &str,
) -> Result<Option<String>, Problem> {
    let is_named = cluster.context.is_some() || cluster.server.is_some();
    if !is_named && !is_configured() {
        return Err(Problem::new(
            Kind::Remote,
            "no_cluster",
            "no cluster was looked at: there is no kubeconfig here",
        ));
    }
    let (service, environment) = (unit.service.as_str(), unit.environment.as_str());
    let declared = declared(branch, service, Some(environment))?;
    let seen = serving::serving(branch, &declared, &recovering::which(cluster))?;
    let name = without_version(image);
    let is_of_service = |one: &str| without_version(one) == name;
    let digest = image.split_once('@').map(|(_, digest)| digest);
    let is_right = |one: &str| {
        let has_digest =
            || digest.is_some_and(|digest| is_of_service(one) && one.ends_with(digest));
        one == image || one.starts_with(&format!("{image}@")) || has_digest()
    };
    Ok(seen.lacks(&is_of_service, &is_right, image))
}
