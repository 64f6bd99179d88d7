//! Where a file came from that a commit put in a new place.
//!
//! Folders of infra repos are rearranged, and a service's past must not end there. Git records no
//! moves; a file counts as moved when the same commit took one away that held the same, or, if only
//! one of that name was taken away, one that declares the same places.

use std::collections::BTreeSet;

use ripcord_domain::PlaceId;
use ripcord_domain::config::Settings;
use ripcord_domain::problem::Problem;
use ripcord_git::{Change, Entry, Oid, Repo};

use crate::problems::from_repo;
use crate::survey;

/// Finds among a commit's changes what became the file that it added.
///
/// # Errors
/// Missing or damaged objects.
pub(crate) fn origin(
    repo: &Repo,
    settings: &Settings,
    changes: &[Change],
    path: &str,
    added: Entry,
) -> Result<Option<(String, Entry)>, Problem> {
    let gone: Vec<(&str, Entry)> = changes
        .iter()
        .filter(|change| change.new.is_none())
        .filter_map(|change| {
            let old = change.old.filter(|entry| entry.mode.is_blob())?;
            Some((std::str::from_utf8(&change.path).ok()?, old))
        })
        .filter(|(path, entry)| survey::may_declare(settings, path, *entry))
        .collect();
    let namesake = |other: &&(&str, Entry)| file_name(other.0) == file_name(path);
    let same = |other: &&(&str, Entry)| other.1.id == added.id;
    let found = only(gone.iter().filter(same))
        .or_else(|| only(gone.iter().filter(|other| same(other) && namesake(other))));
    if let Some((path, entry)) = found {
        return Ok(Some(((*path).to_owned(), *entry)));
    }
    let Some((from, entry)) = only(gone.iter().filter(namesake)) else {
        return Ok(None);
    };
    let declares = |id: Oid| -> Result<BTreeSet<PlaceId>, Problem> {
        let bytes = repo.blob(id).map_err(from_repo)?;
        let declarations = survey::facts(settings, path, &bytes).declarations;
        Ok(declarations
            .into_iter()
            .map(|declaration| PlaceId {
                path: path.to_owned(),
                key: declaration.key,
            })
            .collect())
    };
    let (now, then) = (declares(added.id)?, declares(entry.id)?);
    Ok((!now.is_empty() && now == then).then(|| ((*from).to_owned(), *entry)))
}

fn only<'a, T>(mut found: impl Iterator<Item = &'a T>) -> Option<&'a T> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
