//! What others were told, in SQLite.

use jiff::Timestamp;
use ripcord_domain::incident::event::IncidentId;
use rusqlite::{Row, params};

use super::{Sql, Sqlite, parsed};
use crate::encoding::micros;
use crate::{Announced, Filed, StoreError};

/// Made where they are not: an older ripcord passes them over.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS announced (target TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS claim (
        target TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (target, key)
    ) WITHOUT ROWID;";

fn filed(row: &Row<'_>) -> Sql<Filed> {
    Ok(Filed {
        number: row.get(0)?,
        incident: row.get::<_, Option<String>>(1)?.map(IncidentId::new),
        event: parsed(row, 2)?,
    })
}

impl Announced for Sqlite {
    fn filed_after(&mut self, number: i64, limit: u32) -> Result<Vec<Filed>, StoreError> {
        let query = "SELECT number, incident, document FROM event WHERE number > ?1
                     ORDER BY number LIMIT ?2";
        self.read(|db| {
            let mut query = db.prepare_cached(query)?;
            query.query_map(params![number, limit], filed)?.collect()
        })
    }

    fn announced_to(&mut self, target: &str) -> Result<i64, StoreError> {
        self.write(|db| {
            db.execute(
                "INSERT INTO announced SELECT ?1, coalesce(max(number), 0) FROM event WHERE true
                 ON CONFLICT (target) DO NOTHING",
                [target],
            )?;
            let query = "SELECT number FROM announced WHERE target = ?1";
            db.query_row(query, [target], |row| row.get(0))
        })
    }

    fn announce_after(
        &mut self,
        target: &str,
        number: i64,
        forget: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "UPDATE announced SET number = ?2 WHERE target = ?1 AND number < ?2",
                params![target, number],
            )?;
            db.execute(
                "DELETE FROM claim WHERE target = ?1 AND at < ?2",
                params![target, micros(forget)],
            )?;
            Ok(())
        })
    }

    fn claim(&mut self, target: &str, key: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.write(|db| {
            let new = db.execute(
                "INSERT INTO claim VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![target, key, micros(at)],
            )?;
            Ok(new == 1)
        })
    }

    fn disclaim(&mut self, target: &str, key: &str) -> Result<(), StoreError> {
        let delete = "DELETE FROM claim WHERE target = ?1 AND key = ?2";
        self.write(|db| db.execute(delete, [target, key]).map(drop))
    }
}
