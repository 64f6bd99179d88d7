//! The quarantine files of a tree: read, written with a rollback, taken back with its undo.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bstr::ByteSlice;
use jiff::{SignedDuration, Timestamp};
use ripcord_domain::catalog::Value;
use ripcord_domain::live::image::without_version;
use ripcord_domain::plan::{Severity, Warning};
use ripcord_domain::problem::Problem;
use ripcord_domain::quarantine::{
    self, ENDING, Entry, FOLDER, Identity, Quarantine, UNREADABLE, path_of,
};
use ripcord_domain::target::spoken;
use ripcord_domain::timeline::{Deploy, State};
use ripcord_domain::{PlaceId, Service, Unit};
use ripcord_git::{Mode, Oid, Repo};

use crate::draft::{Content, Draft, File};
use crate::places::state_now;
use crate::problems::from_repo;
use crate::request::Words;
use crate::risk::warning;

/// What a tree keeps out: for every file of the folder what it says, or why that is not known.
pub(crate) type Files = BTreeMap<String, Result<Quarantine, Problem>>;

/// Reads all files of a tree.
///
/// # Errors
/// Missing or damaged objects.
pub(crate) fn files(repo: &Repo, tree: Oid) -> Result<Files, Problem> {
    let mut files = Files::new();
    if let Err(problem) = folder_of(repo, tree)? {
        files.insert(FOLDER.to_owned(), Err(problem));
        return Ok(files);
    }
    let listed = repo.files(tree, FOLDER).map_err(from_repo)?;
    let ours: Vec<_> = listed
        .into_iter()
        .filter(|(path, _)| path.ends_with_str(ENDING))
        .collect();
    repo.prefetch(ours.iter().map(|(_, entry)| entry.id))
        .map_err(from_repo)?;
    for (path, entry) in ours {
        let read = match std::str::from_utf8(&path) {
            Ok(path) if entry.mode.is_blob() => {
                Quarantine::parse(path, &repo.blob(entry.id).map_err(from_repo)?)
            }
            Ok(path) => Err(quarantine::unreadable(path, "it is not a plain file")),
            Err(_) => Err(quarantine::unreadable(
                &path.to_str_lossy(),
                "its name is not UTF-8",
            )),
        };
        files.insert(path.to_str_lossy().into_owned(), read);
    }
    Ok(files)
}

/// Whether the folder is one, or not there; a link or a file in its place hides what it should hold.
fn folder_of(repo: &Repo, tree: Oid) -> Result<Result<(), Problem>, Problem> {
    let mut at = FOLDER.len();
    while let Some(path) = FOLDER.get(..at) {
        let entry = repo.entry(tree, path).map_err(from_repo)?;
        if entry.is_some_and(|entry| entry.mode != Mode::Tree) {
            return Ok(Err(quarantine::unreadable(path, "it is not a folder")));
        }
        match path.rfind('/') {
            Some(slash) => at = slash,
            None => break,
        }
    }
    Ok(Ok(()))
}

/// In a partial clone, gets the files of these services in one request instead of one for each.
pub(crate) fn prefetch<'s>(
    repo: &Repo,
    tree: Oid,
    services: impl IntoIterator<Item = &'s Service>,
) -> Result<(), Problem> {
    if repo.is_partial() {
        let entries = services
            .into_iter()
            .map(|service| repo.entry(tree, &path_of(service)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(from_repo)?;
        let files = entries.into_iter().flatten().filter(|e| e.mode.is_blob());
        repo.prefetch(files.map(|entry| entry.id))
            .map_err(from_repo)?;
    }
    Ok(())
}

/// What is quarantined of a service at a tree.
///
/// # Errors
/// The file cannot be understood, or something else stands in its place.
pub(crate) fn of_service(repo: &Repo, tree: Oid, service: &Service) -> Result<Quarantine, Problem> {
    folder_of(repo, tree)??;
    let path = path_of(service);
    let Some(entry) = repo.entry(tree, &path).map_err(from_repo)? else {
        return Ok(Quarantine::of(service.clone()));
    };
    if !entry.mode.is_blob() {
        return Err(quarantine::unreadable(&path, "it is not a plain file"));
    }
    Quarantine::parse(&path, &repo.blob(entry.id).map_err(from_repo)?)
}

/// The same for who only wants to go back: a file that cannot be read is said and counts as empty.
pub(crate) fn of_service_or_warn(
    repo: &Repo,
    tree: Oid,
    service: &Service,
    warnings: &mut Vec<Warning>,
) -> Result<Quarantine, Problem> {
    match of_service(repo, tree, service) {
        Err(problem) if problem.code == UNREADABLE => {
            warnings.push(warning(
                UNREADABLE,
                Severity::Warning,
                format!("{service}: nothing is quarantined: {}", problem.message),
            ));
            Ok(Quarantine::of(service.clone()))
        }
        read => read,
    }
}

/// The entry that keeps a state out of a unit. What the unit runs already is not deployed by it.
pub(crate) fn keeping_out<'q>(
    quarantine: &'q Quarantine,
    unit: &Unit,
    current: Option<&State>,
    state: &State,
    now: Timestamp,
) -> Option<&'q Entry> {
    state
        .iter()
        .filter(|(id, values)| {
            let runs = current.and_then(|current| current.get(*id));
            runs.is_none_or(|runs| Identity::of(runs) != Identity::of(values))
        })
        .find_map(|(id, values)| {
            let subject = subject(unit, id, values);
            quarantine.keeping_out(&unit.environment, &subject, values, now)
        })
}

/// Why a version is kept out, in a sentence.
pub(crate) fn because(entry: &Entry) -> String {
    let mut why = format!("{} is quarantined until {}", entry.version, entry.until);
    let words: Vec<&str> = [entry.incident.as_deref(), entry.reason.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    if !words.is_empty() {
        let _ = write!(why, " ({})", words.join(": "));
    }
    why
}

/// Who quarantines, and for how long.
pub(crate) struct Term<'w> {
    pub(crate) lasts: SignedDuration,
    pub(crate) now: Timestamp,
    pub(crate) words: &'w Words,
    /// The commit's author; none where git knows nobody.
    pub(crate) author: Option<String>,
}

/// A unit on its way from what it runs, over the deploys that are undone, to a goal.
#[derive(Clone, Copy)]
pub(crate) struct Leaving<'a> {
    pub(crate) unit: &'a Unit,
    pub(crate) undone: &'a [(Oid, Deploy)],
    pub(crate) goal: &'a State,
}

impl Term<'_> {
    /// Puts into the draft what a unit leaves behind. A file that cannot be read is left alone: it
    /// must not stand between a person and the way back.
    pub(crate) fn record(
        &self,
        draft: &mut Draft<'_>,
        leaving: &Leaving<'_>,
    ) -> Result<(), Problem> {
        let Leaving { unit, undone, goal } = *leaving;
        let runs = state_now(unit);
        let states = std::iter::once(&runs).chain(undone.iter().map(|(_, deploy)| &deploy.after));
        let left: Vec<Entry> = states
            .flat_map(|state| self.left(unit, state, goal))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        let path = path_of(&unit.service);
        let drafted = draft.file(path.as_bytes())?;
        let known = match &drafted {
            Some(file) => file.bytes().map(|bytes| Quarantine::parse(&path, bytes)),
            None if folder_of(draft.repo(), draft.tree())?.is_err() => None,
            None => Some(Ok(Quarantine::of(unit.service.clone()))),
        };
        let Some(Ok(mut known)) = known else {
            return Ok(());
        };
        // The oldest first, so that the newest reason wins and the file grows at its end.
        for entry in left.into_iter().rev() {
            known.add(entry, self.now);
        }
        let mode = drafted.map_or(Mode::Blob, |file| file.mode);
        draft.set(path.as_bytes(), Some(file(mode, &known)));
        Ok(())
    }

    /// The present in whole seconds, as commits have it: people read and type it.
    fn begins(&self) -> Timestamp {
        Timestamp::from_second(self.now.as_second()).unwrap_or(self.now)
    }

    /// What one state has that the goal has not.
    fn left(&self, unit: &Unit, state: &State, goal: &State) -> Vec<Entry> {
        let kept = |id: &PlaceId, values: &[Value]| {
            let is = |other: &Vec<Value>| Identity::of(other) == Identity::of(values);
            match goal.get(id) {
                Some(other) => is(other),
                // In a file that was rearranged the same may stand under another key.
                None => goal.iter().any(|(at, other)| {
                    is(other) && subject(unit, at, other) == subject(unit, id, values)
                }),
            }
        };
        state
            .iter()
            .filter(|(id, values)| !kept(id, values))
            .map(|(id, values)| Entry {
                environment: unit.environment.clone(),
                subject: subject(unit, id, values),
                version: spoken(values),
                values: values.clone(),
                since: self.begins(),
                until: self
                    .begins()
                    .checked_add(self.lasts)
                    .unwrap_or(Timestamp::MAX),
                reason: self.words.reason.clone(),
                incident: self.words.incident.clone(),
                by: self.words.requested_by.clone().or(self.author.clone()),
            })
            .filter(|entry| !entry.version.is_empty())
            .collect()
    }
}

/// What a place's version is of, today; for one that is gone what its values say.
fn subject(unit: &Unit, id: &PlaceId, values: &[Value]) -> String {
    if let Some(place) = unit.places.iter().find(|place| place.id == *id) {
        return place.subject.clone();
    }
    let by = |role: &str| values.iter().find(|value| value.role == role);
    if let Some(image) = by("image") {
        return without_version(&image.value).to_owned();
    }
    by("name").or_else(|| by("chart")).map_or_else(
        || {
            unit.places
                .first()
                .map_or_else(String::new, |place| place.subject.clone())
        },
        |value| value.value.clone(),
    )
}

pub(crate) fn file(mode: Mode, quarantine: &Quarantine) -> File {
    File {
        mode,
        content: Content::Bytes(quarantine.text().into_bytes()),
    }
}

/// Whether a path of a tree is ripcord's own.
pub(crate) fn is_ours(path: &[u8]) -> bool {
    std::str::from_utf8(path).is_ok_and(quarantine::is_ours)
}

/// A quarantine file without what a rollback put in: `before` and `after` it, and `ours` now. What
/// others added, extended or lifted since then stays so. None where one of them is no such file.
#[expect(
    clippy::option_option,
    reason = "the inner one is a path that holds nothing"
)]
pub(crate) fn taken_back(
    path: &[u8],
    before: Option<&File>,
    after: Option<&File>,
    ours: Option<&File>,
) -> Option<Option<File>> {
    let path = std::str::from_utf8(path).ok()?;
    if !path.starts_with(FOLDER) || !path.ends_with(ENDING) {
        return None;
    }
    let read = |file: Option<&File>| match file {
        None => Some(None),
        Some(file) => Quarantine::parse(path, file.bytes()?).ok().map(Some),
    };
    let (before, after, now) = (read(before)?, read(after)?, read(ours)?);
    let entries = |of: Option<Quarantine>| of.map(|of| of.entries).unwrap_or_default();
    let (before, after) = (entries(before), entries(after));
    let Some(mut now) = now else {
        return Some(None);
    };
    let was = now.entries.clone();
    let added = after.iter().filter(|entry| !before.contains(entry));
    for entry in added {
        if let Some(at) = now.entries.iter().position(|one| one == entry) {
            match before.iter().find(|old| old.same_version(entry)) {
                Some(old) => now.entries[at] = old.clone(),
                None => drop(now.entries.remove(at)),
            }
        }
    }
    if now.entries == was {
        return Some(ours.cloned());
    }
    let mode = ours.map_or(Mode::Blob, |file| file.mode);
    Some((!now.entries.is_empty()).then(|| file(mode, &now)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use ripcord_domain::Environment;

    use super::*;

    fn entry(number: u8, days: i64) -> Entry {
        let since = Timestamp::UNIX_EPOCH;
        Entry {
            environment: Environment::new("production"),
            subject: "payments".into(),
            version: format!("v{number}"),
            values: Vec::new(),
            since,
            until: since + SignedDuration::from_hours(24 * days),
            reason: None,
            incident: None,
            by: None,
        }
    }

    fn of(entries: &[Entry]) -> Option<File> {
        let quarantine = Quarantine {
            entries: entries.to_vec(),
            ..Quarantine::of(Service::new("payments"))
        };
        (!entries.is_empty()).then(|| file(Mode::Blob, &quarantine))
    }

    fn versions(file: Option<&File>) -> BTreeSet<(String, Timestamp)> {
        let path = path_of(&Service::new("payments"));
        let read = file.map(|file| Quarantine::parse(&path, file.bytes().unwrap()).unwrap());
        let entries = read.map(|read| read.entries).unwrap_or_default();
        entries.into_iter().map(|e| (e.version, e.until)).collect()
    }

    proptest! {
        #[test]
        fn only_what_the_rollback_put_in_is_taken_back(
            older in prop::collection::btree_set(0u8..12, 0..5),
            added in prop::collection::btree_set(0u8..12, 0..5),
            others in prop::collection::btree_set(12u8..20, 0..5),
            lifted in prop::collection::btree_set(0u8..12, 0..5),
            extended in prop::collection::btree_set(0u8..12, 0..5),
        ) {
            let now = Timestamp::UNIX_EPOCH;
            let mut quarantine = Quarantine::of(Service::new("payments"));
            quarantine.entries = older.iter().map(|n| entry(*n, 10)).collect();
            let before = of(&quarantine.entries);
            for number in &added {
                quarantine.add(entry(*number, 14), now);
            }
            let after = of(&quarantine.entries);
            for number in others.iter().chain(extended.intersection(&added)) {
                quarantine.add(entry(*number, 20), now);
            }
            quarantine.entries.retain(|e| !lifted.iter().any(|n| e.same_version(&entry(*n, 0))));
            let ours = of(&quarantine.entries);
            let path = path_of(&quarantine.service);
            let back = taken_back(path.as_bytes(), before.as_ref(), after.as_ref(), ours.as_ref());

            let mut expected = BTreeSet::new();
            for number in (0u8..20).filter(|number| !lifted.contains(number)) {
                let days = if others.contains(&number) || (added.contains(&number) && extended.contains(&number)) {
                    20
                } else if older.contains(&number) {
                    10
                } else {
                    continue;
                };
                let entry = entry(number, days);
                expected.insert((entry.version, entry.until));
            }
            prop_assert_eq!(versions(back.unwrap().as_ref()), expected);
        }
    }
}
