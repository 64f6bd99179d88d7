//! What ApplicationSets make Applications from, at the commit that a plan starts from.

pub use ripcord_domain::live::generated::Fed;
use ripcord_domain::live::generated::{Params, elements};
use ripcord_domain::live::glob::fits;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::Oid;
use ripcord_manifest::{DeclarationKind, ReadRules};

use crate::keep;
use crate::problems::from_repo;
use crate::survey::{self, Branch};

/// The parameters in the files that fit a pattern; none where the plan changes none of them. The
/// neighbours are read where `tells` says that the changed ones do not tell enough by themselves.
///
/// # Errors
/// Missing objects; a file that does not tell.
pub fn by_files(
    branch: &Branch,
    plan: &Plan,
    pattern: &str,
    tells: impl Fn(&Params) -> bool,
) -> Result<Option<Fed>, Problem> {
    // By default a star stands for folders too, as in git's own patterns.
    let mut changed = keep::files(plan);
    changed.retain(|path| fits(pattern, path));
    let tree = branch.base_tree(plan)?;
    let read = |path: &str, id: Oid| {
        let bytes = branch.repo.blob(id).map_err(from_repo)?;
        let params = Params::of_file(path, &String::from_utf8_lossy(&bytes));
        Ok::<_, Problem>(params)
    };
    let mut fed = Fed::default();
    for path in &changed {
        if let Some(entry) = branch.repo.entry(tree, path).map_err(from_repo)? {
            fed.own.push(read(path, entry.id)?.map_err(untold)?);
        }
    }
    if fed.own.is_empty() {
        return Ok(None);
    }
    if fed.own.iter().all(tells) {
        return Ok(Some(fed));
    }
    // What stands before the first sign of a glob is a folder for certain.
    let literal = pattern.split(['*', '?', '[', '{']).next().unwrap_or("");
    let folder = literal.rsplit_once('/').map_or("", |(folder, _)| folder);
    for (path, entry) in branch.repo.files(tree, folder).map_err(from_repo)? {
        let path = path.to_string();
        if !entry.mode.is_blob() || !fits(pattern, &path) || changed.contains(&path) {
            continue;
        }
        // A neighbour that nobody can read makes nothing.
        fed.others.extend(read(&path, entry.id)?.ok());
    }
    Ok(Some(fed))
}

/// The parameters in the lists of a set; none where no file that the plan changes has its manifest.
///
/// # Errors
/// Missing objects; a manifest that does not tell.
pub fn by_lists(branch: &Branch, plan: &Plan, set: &str) -> Result<Option<Fed>, Problem> {
    let tree = branch.base_tree(plan)?;
    for path in keep::files(plan) {
        let Some(entry) = branch.repo.entry(tree, &path).map_err(from_repo)? else {
            continue;
        };
        let bytes = branch.repo.blob(entry.id).map_err(from_repo)?;
        let facts = ripcord_manifest::read(&path, &bytes, &ReadRules::default());
        let is_it = |kind: &str, name: &str| kind == "ApplicationSet" && name == set;
        if !facts.objects.iter().any(|one| is_it(&one.kind, &one.name)) {
            continue;
        }
        let base = branch.repo.resolve(&plan.base).map_err(from_repo)?;
        let place = branch.at(base)?;
        let names: Vec<&str> = plan
            .services
            .iter()
            .map(|one| one.service.as_str())
            .collect();
        let catalog = survey::catalog_of(&branch.repo, &place, &names)?;
        let mut declared = Vec::new();
        for part in &plan.services {
            let environment = Some(part.environment.as_str());
            let unit = catalog.find(&place.settings, part.service.as_str(), environment)?;
            let in_set = unit.places.iter().filter(|place| {
                place.id.path == path && place.kind == DeclarationKind::ArgoApplicationSet
            });
            declared.extend(in_set.map(|place| &place.id.key));
        }
        let text = String::from_utf8_lossy(&bytes);
        return elements(&text, set, &declared).map(Some).map_err(untold);
    }
    Ok(None)
}

/// Which Application is meant is not known: nothing is done to any.
pub fn untold(why: String) -> Problem {
    Problem::new(Kind::Refused, "application_untold", why).hint(
        "`--git-only` pushes and looks at no cluster; the annotation `argocd.argoproj.io/application-set-refresh=true` makes the set look at once instead of within 3 minutes",
    )
}
