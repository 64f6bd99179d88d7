//! The hotfixes that an infra repo knows of: its own files in the tree.

use bstr::ByteSlice as _;
use ripcord_domain::hotfix::record::{ENDING, FOLDER, Shipped, folder_of};
use ripcord_domain::problem::Problem;
use ripcord_domain::timeline::Deploy;
use ripcord_domain::{Environment, Service};
use ripcord_git::{Oid, Repo};

use crate::problems::from_repo;

/// Every hotfix of a tree, in the order of their paths.
///
/// # Errors
/// One that cannot be understood: what it would remind of is not known then.
pub fn all(repo: &Repo, tree: Oid) -> Result<Vec<Shipped>, Problem> {
    below(repo, tree, FOLDER)
}

/// Those of a service in an environment.
///
/// # Errors
/// As [`all`].
pub fn of_unit(
    repo: &Repo,
    tree: Oid,
    service: &Service,
    environment: &Environment,
) -> Result<Vec<Shipped>, Problem> {
    below(repo, tree, &folder_of(service, environment))
}

/// The hotfixes that are lost when these deploys are undone: one of them brought the fix.
///
/// That is told by what the deploys declared, which needs no registry and no source: whoever rolls back has no time
/// for either.
pub(crate) fn undone_with<'f>(fixes: &'f [Shipped], undone: &[&Deploy]) -> Vec<&'f Shipped> {
    let brought = |fix: &Shipped| {
        undone
            .iter()
            .flat_map(|deploy| deploy.after.values())
            .any(|values| fix.is_declared_as(values))
    };
    fixes.iter().filter(|fix| brought(fix)).collect()
}

fn below(repo: &Repo, tree: Oid, folder: &str) -> Result<Vec<Shipped>, Problem> {
    if repo.entry(tree, FOLDER).map_err(from_repo)?.is_none() {
        return Ok(Vec::new());
    }
    let inside = format!("{folder}/");
    let enter = |path: &[u8]| {
        let path = path.trim_end_with(|c| c == '/');
        folder.as_bytes().starts_with(path) || path.starts_with(folder.as_bytes())
    };
    let files = repo.files_where(tree, &enter).map_err(from_repo)?;
    let wanted: Vec<_> = files
        .into_iter()
        .filter_map(|(path, entry)| {
            let path = path.to_str().ok()?;
            let is_one = path.starts_with(&inside) && path.ends_with(ENDING);
            (is_one && entry.mode.is_blob()).then(|| (path.to_owned(), entry.id))
        })
        .collect();
    repo.prefetch(wanted.iter().map(|(_, id)| *id))
        .map_err(from_repo)?;
    let read =
        |(path, id): (String, Oid)| Shipped::parse(&path, &repo.blob(id).map_err(from_repo)?);
    wanted.into_iter().map(read).collect()
}
