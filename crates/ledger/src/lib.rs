//! Recoveries as they are recorded on this machine.
//!
//! One SQLite file, written before and after each step, so that a recovery that was killed can be
//! resumed and a hold that was left behind is known. A [`Lock`] lets one run at a time work on a service
//! in an environment; it is let go by the system when its process ends, however that is.

mod lock;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{Recovery, RecoveryId, Standing};
use rusqlite::{Connection, OptionalExtension, params};

pub use lock::Lock;

/// Grows when older ripcords could not read what is written. Newer ones read all older forms.
const FORMAT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS recovery (
        id TEXT PRIMARY KEY, key TEXT UNIQUE, standing TEXT NOT NULL, started TEXT NOT NULL,
        holds INTEGER NOT NULL, document TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS recovery_by_time ON recovery (started);";

/// The record of recoveries.
pub struct Ledger {
    folder: PathBuf,
    db: Connection,
}

/// What can go wrong with the record.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The folder or the file cannot be used.
    #[error("the record of recoveries in {folder} cannot be used: {why}")]
    Unusable {
        /// Where.
        folder: String,
        /// Why.
        why: String,
    },
    /// A newer ripcord wrote it.
    #[error("the record of recoveries in {folder} was written by a newer ripcord")]
    Newer {
        /// Where.
        folder: String,
    },
    /// Another run works on the same service.
    #[error("another run of ripcord (process {process}) works on {what}")]
    Locked {
        /// The service and environment.
        what: String,
        /// Its process.
        process: String,
    },
    /// There is no such recovery.
    #[error("there is no recovery `{0}`")]
    Unknown(String),
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let text = error.to_string();
        match error {
            LedgerError::Unusable { .. } => Self::new(Kind::Local, "no_ledger", text).hint(
                "free some space or set XDG_STATE_HOME to a folder that can be written; nothing was changed",
            ),
            LedgerError::Newer { .. } => Self::new(Kind::Local, "newer_ledger", text)
                .hint("use the newer ripcord, or another XDG_STATE_HOME"),
            LedgerError::Locked { .. } => Self::new(Kind::Conflict, "already_running", text)
                .hint("`ripcord recoveries` shows how far it is"),
            LedgerError::Unknown(_) => Self::new(Kind::Usage, "unknown_recovery", text)
                .hint("`ripcord recoveries` lists those that this machine knows"),
        }
    }
}

impl Ledger {
    /// Opens the record in a folder, making an empty one.
    ///
    /// # Errors
    /// It cannot be written, or is of a newer ripcord.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let unusable = |why: String| LedgerError::Unusable {
            folder: folder.display().to_string(),
            why,
        };
        private_folder(folder).map_err(|error| unusable(error.to_string()))?;
        let file = folder.join("recoveries.sqlite");
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let db = Connection::open(&file)?;
            db.busy_timeout(Duration::from_secs(10))?;
            // What is recorded must outlast a loss of power: the next run relies on it.
            db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
            let format = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok((db, format))
        };
        let (db, format) = open().map_err(|error| unusable(error.to_string()))?;
        if format > FORMAT {
            return Err(LedgerError::Newer {
                folder: folder.display().to_string(),
            });
        }
        if format < FORMAT {
            db.execute_batch(&format!("{TABLES} PRAGMA user_version = {FORMAT};"))
                .map_err(|error| unusable(error.to_string()))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            db,
        })
    }

    fn trouble(&self, error: &dyn std::fmt::Display) -> LedgerError {
        LedgerError::Unusable {
            folder: self.folder.display().to_string(),
            why: error.to_string(),
        }
    }

    /// Writes a recovery as it is now; when this returns it is on the disk.
    ///
    /// # Errors
    /// It could not be written.
    pub fn save(&self, recovery: &Recovery) -> Result<(), LedgerError> {
        let document = serde_json::to_string(recovery).map_err(|error| self.trouble(&error))?;
        let standing = serde_json::to_string(&recovery.standing).unwrap_or_default();
        let holds = recovery.held();
        let written = self.db.execute(
            "INSERT INTO recovery VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET key = ?2, standing = ?3, started = ?4, holds = ?5, document = ?6",
            params![
                recovery.id.as_str(),
                recovery.key,
                standing,
                recovery.started.to_string(),
                i64::try_from(holds).unwrap_or(i64::MAX),
                document,
            ],
        );
        written.map(drop).map_err(|error| self.trouble(&error))
    }

    fn one(
        &self,
        query: &str,
        params: impl rusqlite::Params,
    ) -> Result<Option<Recovery>, LedgerError> {
        let found: Option<String> = self
            .db
            .query_row(query, params, |row| row.get(0))
            .optional()
            .map_err(|error| self.trouble(&error))?;
        found
            .map(|text| serde_json::from_str(&text).map_err(|error| self.trouble(&error)))
            .transpose()
    }

    /// A recovery by its id.
    ///
    /// # Errors
    /// There is none.
    pub fn load(&self, id: &str) -> Result<Recovery, LedgerError> {
        self.one("SELECT document FROM recovery WHERE id = ?1", [id])?
            .ok_or_else(|| LedgerError::Unknown(id.to_owned()))
    }

    /// The recovery that was asked for under a key, if one was.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn of_key(&self, key: &str) -> Result<Option<Recovery>, LedgerError> {
        self.one("SELECT document FROM recovery WHERE key = ?1", [key])
    }

    /// Recoveries, newest first.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn list(&self, limit: usize) -> Result<Vec<Recovery>, LedgerError> {
        self.several(&format!(
            "SELECT document FROM recovery ORDER BY started DESC LIMIT {limit}"
        ))
    }

    /// Every recovery, newest first.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn all(&self) -> Result<Vec<Recovery>, LedgerError> {
        self.several("SELECT document FROM recovery ORDER BY started DESC")
    }

    /// Recoveries that hold something, and those that were not ended.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn unfinished(&self) -> Result<Vec<Recovery>, LedgerError> {
        let running = serde_json::to_string(&Standing::Running).unwrap_or_default();
        let partial = serde_json::to_string(&Standing::Partial).unwrap_or_default();
        self.several(&format!(
            "SELECT document FROM recovery WHERE holds > 0 OR standing IN ('{running}', '{partial}')
             ORDER BY started DESC"
        ))
    }

    fn several(&self, query: &str) -> Result<Vec<Recovery>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut query = self.db.prepare(query)?;
            let rows = query.query_map([], |row| row.get(0))?;
            rows.collect()
        };
        let texts = read().map_err(|error| self.trouble(&error))?;
        texts
            .iter()
            .map(|text| serde_json::from_str(text).map_err(|error| self.trouble(&error)))
            .collect()
    }

    /// Takes the lock of a service in an environment, or says who has it.
    ///
    /// # Errors
    /// Another run has it.
    pub fn lock(&self, service: &str, environment: &str) -> Result<Lock, LedgerError> {
        Lock::take(&self.folder.join("locks"), service, environment)
    }

    /// An id that no recovery has, from chance.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn fresh_id(&self, mut chance: impl FnMut() -> u64) -> Result<RecoveryId, LedgerError> {
        loop {
            let id = RecoveryId::from_chance(chance());
            match self.load(id.as_str()) {
                Err(LedgerError::Unknown(_)) => return Ok(id),
                Err(other) => return Err(other),
                Ok(_) => {}
            }
        }
    }
}

/// A folder that only its user can read: reasons and incidents are in it.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}
