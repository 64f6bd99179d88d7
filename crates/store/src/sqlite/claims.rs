//! What others were told, in SQLite.

use jiff::Timestamp;
use rusqlite::params;

use super::Sqlite;
use crate::encoding::micros;
use crate::{Claims, StoreError};

impl Claims for Sqlite {
    fn claim(&mut self, target: &str, key: &str, at: Timestamp) -> Result<bool, StoreError> {
        let insert = "INSERT INTO claim VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.write(|db| Ok(db.execute(insert, params![target, key, micros(at)])? == 1))
    }

    fn disclaim(&mut self, target: &str, key: &str) -> Result<(), StoreError> {
        let delete = "DELETE FROM claim WHERE target = ?1 AND key = ?2";
        self.write(|db| db.execute(delete, [target, key]).map(drop))
    }

    fn forget_claims(&mut self, before: Timestamp) -> Result<(), StoreError> {
        let delete = "DELETE FROM claim WHERE at < ?1";
        self.write(|db| db.execute(delete, [micros(before)]).map(drop))
    }
}
