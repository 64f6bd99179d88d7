//! Brings the status of an older tip up to date.
//!
//! Between two looks at a large estate a few services were deployed. As long as the changed files
//! declare the same places as before, with other values, nothing but the rows of their services can
//! have changed. In every other case the whole tree is read again: who builds on what may be another.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use ripcord_domain::names::{Environment, Service};
use ripcord_domain::problem::Problem;
use ripcord_git::{Change, Interest, Oid, Repo};
use ripcord_manifest::FileFacts;

use crate::problems::from_repo;
use crate::status::{Row, Status, of_catalog};
use crate::survey::{self, Extent, Place};

/// Commits between the two tips; over more, reading all is not much slower.
const COMMITS: usize = 2000;
/// Services whose rows are read again; for more, the same.
const SERVICES: usize = 40;

/// The status at `place` from that of an older tip; none when it takes more than new values.
///
/// # Errors
/// The repository cannot be read.
pub(crate) fn freshened(
    repo: &Repo,
    place: &Place,
    older: Oid,
    mut status: Status,
) -> Result<Option<Status>, Problem> {
    let Some(paths) = moved(repo, place, older)? else {
        return Ok(None);
    };
    let skipped = status.unreadable.iter().chain(&status.unowned);
    if skipped.into_iter().any(|file| paths.contains(&file.path)) {
        return Ok(None);
    }
    let held: BTreeSet<&str> = status
        .services
        .iter()
        .flat_map(|row| row.paths.iter().map(String::as_str))
        .collect();
    if !paths.iter().all(|path| held.contains(path.as_str())) {
        return Ok(None);
    }
    let concerned = |row: &Row| row.paths.iter().any(|path| paths.contains(path));
    let services: BTreeSet<Service> = status
        .services
        .iter()
        .filter(|row| concerned(row))
        .map(|row| row.service.clone())
        .collect();
    if services.len() > SERVICES {
        return Ok(None);
    }
    let catalog = survey::catalog(repo, place, Extent::Only(&services))?;
    let wanted: BTreeSet<(&Service, &Environment)> = status
        .services
        .iter()
        .filter(|row| concerned(row))
        .map(|row| (&row.service, &row.environment))
        .collect();
    let units = catalog
        .units
        .values()
        .filter(|unit| wanted.contains(&(&unit.service, &unit.environment)))
        .collect();
    let new = of_catalog(repo, place, &catalog, units)?;
    let mut new: BTreeMap<_, Row> = new
        .services
        .into_iter()
        .map(|row| ((row.service.clone(), row.environment.clone()), row))
        .collect();
    for row in status.services.iter_mut().filter(|row| concerned(row)) {
        // What else builds on a row's files is known of the whole tree only: the flag stays.
        let shared = row.flags.iter().any(|flag| flag == "shared");
        let name = (row.service.clone(), row.environment.clone());
        let Some(mut fresh) = new.remove(&name).filter(|fresh| fresh.paths == row.paths) else {
            return Ok(None);
        };
        fresh.flags.retain(|flag| flag != "shared");
        if shared {
            fresh.flags.push("shared".to_owned());
        }
        *row = fresh;
    }
    status.commit = place.tip.to_string();
    Ok(Some(status))
}

/// The files in which some commit between an older one and the tip declared other values; none when
/// something else about what is declared changed too, or the older commit is not on the line.
fn moved(repo: &Repo, place: &Place, older: Oid) -> Result<Option<BTreeSet<String>>, Problem> {
    let mut line = repo.first_parents(place.tip).take(COMMITS);
    let found = line.find(|link| !matches!(link, Ok(link) if link.commit != older));
    if found.transpose().map_err(from_repo)?.is_none() {
        return Ok(None);
    }
    let mut changes: Vec<Change> = Vec::new();
    repo.walk_changes(
        place.tip,
        Some(older),
        &Interest::All,
        1,
        &mut |_, changed| {
            changes.extend(changed);
            ControlFlow::Continue(())
        },
    )
    .map_err(from_repo)?;
    let mut paths = BTreeSet::new();
    for change in changes {
        let declares = change.old.or(change.new).is_some_and(|entry| {
            std::str::from_utf8(&change.path)
                .is_ok_and(|path| survey::may_declare(&place.settings, path, entry))
        });
        let (Ok(path), true) = (String::from_utf8(change.path.into()), declares) else {
            continue;
        };
        let (Some(old), Some(new)) = (change.old, change.new) else {
            return Ok(None);
        };
        let facts = |id: Oid| -> Result<FileFacts, Problem> {
            let bytes = repo.blob(id).map_err(from_repo)?;
            Ok(without_spans(survey::facts(&place.settings, &path, &bytes)))
        };
        if !(old.mode.is_blob() && new.mode.is_blob()) {
            return Ok(None);
        }
        let (old, new) = (facts(old.id)?, facts(new.id)?);
        if old == new {
            continue;
        }
        if without_values(old) != without_values(new) {
            return Ok(None);
        }
        paths.insert(path);
    }
    Ok(Some(paths))
}

fn without_spans(mut facts: FileFacts) -> FileFacts {
    for declaration in &mut facts.declarations {
        for field in &mut declaration.fields {
            field.span = 0..0;
        }
    }
    facts
}

fn without_values(mut facts: FileFacts) -> FileFacts {
    for declaration in &mut facts.declarations {
        for field in &mut declaration.fields {
            field.value.clear();
        }
    }
    facts
}
