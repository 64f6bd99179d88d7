//! What others were told, in PostgreSQL.

use jiff::Timestamp;

use super::Postgres;
use crate::encoding::micros;
use crate::{Claims, StoreError};

impl Claims for Postgres {
    fn claim(&mut self, target: &str, key: &str, at: Timestamp) -> Result<bool, StoreError> {
        let (target, key) = (target.as_bytes(), key.as_bytes());
        let insert = "INSERT INTO claim VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        self.connection
            .write(|db| Ok(db.execute(insert, &[&target, &key, &micros(at)])? == 1))
    }

    fn disclaim(&mut self, target: &str, key: &str) -> Result<(), StoreError> {
        let (target, key) = (target.as_bytes(), key.as_bytes());
        let delete =
            "DELETE FROM claim WHERE sha256(target) = sha256($1) AND sha256(key) = sha256($2)";
        self.connection
            .write(|db| Ok(db.execute(delete, &[&target, &key]).map(drop)?))
    }

    fn forget_claims(&mut self, before: Timestamp) -> Result<(), StoreError> {
        let delete = "DELETE FROM claim WHERE at < $1";
        self.connection
            .write(|db| Ok(db.execute(delete, &[&micros(before)]).map(drop)?))
    }
}
