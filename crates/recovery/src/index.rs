//! What was learned about a repository's history, kept for the next run.
//!
//! For every commit of the branch's line: which files that may declare a version changed, from which
//! blob to which. History never changes, so this is only ever extended; it is a cache, and everything
//! works without it. Commits are found by id, so a branch that was force-pushed joins the known line
//! wherever it meets it, and what lies above is read from Git.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;

use ripcord_domain::config::Settings;
use ripcord_domain::problem::Problem;
use ripcord_git::{Change, Entry, Interest, Link, Mode, Oid, Repo};
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

use crate::problems::from_repo;
use crate::survey;

/// Grows when the meaning of what is kept changes; other versions are thrown away.
const FORMAT: &str = "1";

/// Commits above the known line that are looked at one by one.
const NEAR: usize = 500;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS line (pos INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, seconds INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS path (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS change (
        path INTEGER NOT NULL, pos INTEGER NOT NULL, old BLOB, new BLOB, PRIMARY KEY (path, pos)
    ) WITHOUT ROWID;";

/// The kept history of one branch of one remote.
pub struct Index {
    db: Connection,
}

impl Index {
    /// Opens the index of a branch, making an empty one. Any trouble (another version, a full disk, a
    /// damaged file) means that there is none.
    pub fn open(folder: &Path, repo: &Repo, branch: &str, settings: &Settings) -> Option<Self> {
        std::fs::create_dir_all(folder).ok()?;
        let file = folder.join(format!("{}.sqlite", name(repo, branch)));
        let meaning = format!("{FORMAT} {:?}", settings.config.version_files);
        Self::try_open(&file, &meaning)
            .or_else(|_| {
                for ending in ["", "-wal", "-shm", "-journal"] {
                    let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
                }
                Self::try_open(&file, &meaning)
            })
            .ok()
    }

    fn try_open(file: &Path, meaning: &str) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let db = Connection::open_with_flags(file, flags)?;
        db.busy_timeout(std::time::Duration::from_secs(10))?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 268435456;",
        )?;
        let known: Option<String> = db
            .query_row("SELECT value FROM meta WHERE key = 'meaning'", [], |row| {
                row.get(0)
            })
            .optional()
            .unwrap_or(None);
        if known.as_deref() != Some(meaning) {
            db.execute_batch(
                "BEGIN IMMEDIATE; DROP TABLE IF EXISTS meta; DROP TABLE IF EXISTS line;
                 DROP TABLE IF EXISTS path; DROP TABLE IF EXISTS change; COMMIT;",
            )?;
            db.execute_batch(TABLES)?;
            db.execute(
                "INSERT OR REPLACE INTO meta VALUES ('meaning', ?1)",
                [meaning],
            )?;
        }
        Ok(Self { db })
    }

    /// Whether nothing of the line is known.
    pub fn is_empty(&self) -> bool {
        let known = "SELECT EXISTS (SELECT 1 FROM line)";
        !matches!(self.db.query_row(known, [], |row| row.get(0)), Ok(true))
    }

    /// Where a commit stands on the known line, counted from the oldest.
    fn position(&self, commit: Oid) -> rusqlite::Result<Option<i64>> {
        self.db
            .prepare_cached("SELECT pos FROM line WHERE id = ?1")?
            .query_row([commit.as_slice()], |row| row.get(0))
            .optional()
    }

    /// The newest commit of the line to `tip` that is known, and its position; none when it is not
    /// among the first `within` commits, or `stop` comes before it.
    fn join(
        &self,
        repo: &Repo,
        tip: Oid,
        stop: Option<Oid>,
        within: usize,
    ) -> Result<Option<(Oid, i64)>, Problem> {
        if self.is_empty() {
            return Ok(None);
        }
        for link in repo.first_parents(tip).take(within) {
            let commit = link.map_err(from_repo)?.commit;
            if Some(commit) == stop {
                break;
            }
            if let Ok(Some(pos)) = self.position(commit) {
                return Ok(Some((commit, pos)));
            }
        }
        Ok(None)
    }

    /// Every change of these files between two positions, the lower not included, newest first.
    fn changes(&self, paths: &[&[u8]], from: i64, above: i64) -> rusqlite::Result<Vec<Step>> {
        let mut steps: BTreeMap<i64, Step> = BTreeMap::new();
        let mut query = self.db.prepare_cached(
            "SELECT line.pos, line.id, line.seconds, change.old, change.new FROM path
             JOIN change ON change.path = path.number JOIN line ON line.pos = change.pos
             WHERE path.name = ?1 AND change.pos <= ?2 AND change.pos > ?3",
        )?;
        for path in paths {
            let mut rows = query.query(params![path, from, above])?;
            while let Some(row) = rows.next()? {
                let change = Change {
                    path: (*path).into(),
                    old: entry(row.get_ref(3)?.as_blob_or_null()?),
                    new: entry(row.get_ref(4)?.as_blob_or_null()?),
                };
                let (commit, seconds) = (oid(row.get_ref(1)?.as_blob()?)?, row.get(2)?);
                let step = || Step {
                    commit,
                    seconds,
                    changes: Vec::new(),
                };
                steps
                    .entry(row.get(0)?)
                    .or_insert_with(step)
                    .changes
                    .push(change);
            }
        }
        Ok(steps.into_values().rev().collect())
    }

    /// Every path that a file which may declare a version ever had on the line to `tip`, and perhaps
    /// some of a line that is gone; none when the known line is too far away.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn paths(&self, repo: &Repo, tip: Oid) -> Result<Option<Vec<Vec<u8>>>, Problem> {
        let Some((commit, _)) = self.join(repo, tip, None, NEAR)? else {
            return Ok(None);
        };
        let mut paths = BTreeSet::new();
        repo.walk_changes(tip, Some(commit), &Interest::All, 1, &mut |_, changes| {
            paths.extend(changes.into_iter().map(|change| change.path.into()));
            ControlFlow::Continue(())
        })
        .map_err(from_repo)?;
        let known = || -> rusqlite::Result<Vec<Vec<u8>>> {
            let mut query = self.db.prepare_cached("SELECT name FROM path")?;
            query.query_map([], |row| row.get(0))?.collect()
        };
        Ok(known().ok().map(|known| {
            paths.extend(known);
            paths.into_iter().collect()
        }))
    }

    /// Adds the commits between the known line and `tip`.
    ///
    /// # Errors
    /// The repository cannot be read. Trouble with the index itself is no error.
    pub fn extend(&self, repo: &Repo, settings: &Settings, tip: Oid) -> Result<(), Problem> {
        let mut links: Vec<Link> = Vec::new();
        let mut joined = None;
        {
            let _reading = self.reading();
            for link in repo.first_parents(tip) {
                let link = link.map_err(from_repo)?;
                joined = self.position(link.commit).ok().flatten();
                if joined.is_some() {
                    break;
                }
                links.push(link);
            }
        }
        // What a shallow clone does not hold cannot be kept as if it were all.
        if links.is_empty() || links.last().is_some_and(|link| link.boundary) {
            return Ok(());
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let stop = links.last().and_then(|link| link.parent);
        let mut changes = Vec::with_capacity(links.len());
        repo.walk_changes(tip, stop, &Interest::All, threads, &mut |_, mut changed| {
            changed.retain(|change| is_declaring(settings, change));
            changes.push(changed);
            ControlFlow::Continue(())
        })
        .map_err(from_repo)?;
        // Without room for it everything still works, only slower.
        let _ = self.store(joined, &links, &changes);
        Ok(())
    }

    /// One look at the file for many questions.
    fn reading(&self) -> Option<Transaction<'_>> {
        Transaction::new_unchecked(&self.db, TransactionBehavior::Deferred).ok()
    }

    fn store(
        &self,
        joined: Option<i64>,
        links: &[Link],
        changes: &[Vec<Change>],
    ) -> rusqlite::Result<()> {
        let transaction = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        // Commits above the meeting point belong to a line that is gone.
        let keep = joined.unwrap_or(-1);
        transaction.execute("DELETE FROM line WHERE pos > ?1", [keep])?;
        transaction.execute("DELETE FROM change WHERE pos > ?1", [keep])?;
        {
            let mut line = transaction.prepare("INSERT INTO line VALUES (?1, ?2, ?3)")?;
            let mut path = transaction.prepare("INSERT OR IGNORE INTO path (name) VALUES (?1)")?;
            let mut number = transaction.prepare("SELECT number FROM path WHERE name = ?1")?;
            let mut change = transaction.prepare("INSERT INTO change VALUES (?1, ?2, ?3, ?4)")?;
            let mut numbers: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
            for (pos, (link, changes)) in (keep + 1..).zip(links.iter().zip(changes).rev()) {
                line.execute(params![pos, link.commit.as_slice(), link.seconds])?;
                for one in changes {
                    let name: Vec<u8> = one.path.to_vec();
                    let known = if let Some(known) = numbers.get(&name) {
                        *known
                    } else {
                        path.execute([&name])?;
                        let found: i64 = number.query_row([&name], |row| row.get(0))?;
                        numbers.insert(name, found);
                        found
                    };
                    change.execute(params![known, pos, bytes(one.old), bytes(one.new)])?;
                }
            }
        }
        transaction.commit()
    }

    /// What was kept last under a key with the same meaning, and for which tip.
    pub fn kept(&self, key: &str, meaning: &str) -> Option<(Oid, String)> {
        let text: String = self
            .db
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .ok()?;
        let (tip, rest) = text.split_once('\n')?;
        let value = rest.strip_prefix(meaning)?.strip_prefix('\n')?;
        Some((Oid::from_str(tip).ok()?, value.to_owned()))
    }

    /// Keeps a value for a tip; an older one is forgotten.
    pub fn keep(&self, key: &str, tip: Oid, meaning: &str, value: &str) {
        let _ = self.db.execute(
            "INSERT OR REPLACE INTO meta VALUES (?1, ?2)",
            params![key, format!("{tip}\n{meaning}\n{value}")],
        );
    }
}

/// Whether a change is to a plain file that may declare a version.
fn is_declaring(settings: &Settings, change: &Change) -> bool {
    let plain = |entry: Option<Entry>| entry.is_none_or(|entry| entry.mode.is_blob());
    std::str::from_utf8(&change.path).is_ok_and(|path| {
        let entry = change.new.or(change.old);
        plain(change.old)
            && plain(change.new)
            && entry.is_some_and(|entry| survey::may_declare(settings, path, entry))
    })
}

/// A commit of the line with the changes of the files that were asked about.
pub struct Step {
    /// The commit.
    pub commit: Oid,
    /// Committer time, since 1970.
    pub seconds: i64,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// Walks the first-parent line from `tip`, newest first, until `stop` (not included): every commit
/// that is read from Git, and of the known ones those that changed one of the files.
///
/// # Errors
/// The repository cannot be read.
pub fn walk(
    repo: &Repo,
    index: Option<&Index>,
    tip: Oid,
    stop: Option<Oid>,
    paths: &[&[u8]],
    sink: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> Result<(), Problem> {
    let interest = Interest::files(paths.iter().map(|path| path.to_vec()));
    let _reading = index.and_then(Index::reading);
    let joined = match index {
        Some(index) => index.join(repo, tip, stop, usize::MAX)?,
        None => None,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // Whether the sink has enough.
    let mut live = |from: Oid, until: Option<Oid>| -> Result<bool, Problem> {
        let mut flow = ControlFlow::Continue(());
        repo.walk_changes(from, until, &interest, threads, &mut |link, changes| {
            flow = sink(Step {
                commit: link.commit,
                seconds: link.seconds,
                changes,
            });
            flow
        })
        .map_err(from_repo)?;
        Ok(flow.is_break())
    };
    let (Some(index), Some((commit, pos))) = (index, joined) else {
        return live(tip, stop).map(|_| ());
    };
    if live(tip, Some(commit))? {
        return Ok(());
    }
    let lowest = stop
        .and_then(|stop| index.position(stop).ok().flatten())
        .unwrap_or(-1);
    match index.changes(paths, pos, lowest) {
        Ok(steps) => {
            let _ = steps.into_iter().try_for_each(sink);
            Ok(())
        }
        // A damaged cache: the truth is in Git.
        Err(_) => live(commit, stop).map(|_| ()),
    }
}

/// A name for the file that differs for every remote and branch.
fn name(repo: &Repo, branch: &str) -> String {
    format!(
        "{}-{}",
        repo.cache_name(),
        branch.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_")
    )
}

fn oid(bytes: &[u8]) -> rusqlite::Result<Oid> {
    Oid::try_from(bytes).map_err(|_| rusqlite::Error::InvalidQuery)
}

/// An entry as it is kept: its id, and a byte for what is executable.
fn bytes(entry: Option<Entry>) -> Option<Vec<u8>> {
    entry.map(|entry| {
        let mut bytes = entry.id.as_slice().to_vec();
        if entry.mode == Mode::Exec {
            bytes.push(1);
        }
        bytes
    })
}

fn entry(bytes: Option<&[u8]>) -> Option<Entry> {
    let bytes = bytes?;
    let (id, mode) = if bytes.len() % 2 == 1 {
        (&bytes[..bytes.len() - 1], Mode::Exec)
    } else {
        (bytes, Mode::Blob)
    };
    Oid::try_from(id).ok().map(|id| Entry { mode, id })
}
