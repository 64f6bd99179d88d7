//! What others were told, in PostgreSQL.

use jiff::Timestamp;
use postgres::Row;
use ripcord_domain::incident::event::IncidentId;

use super::{Done, Postgres, document};
use crate::encoding::micros;
use crate::{Announced, Filed, StoreError};

/// Made where they are not: an older ripcord passes them over.
pub(super) const TABLES: &str = "
    CREATE TABLE announced (target BYTEA NOT NULL, number BIGINT NOT NULL);
    CREATE UNIQUE INDEX announced_once ON announced (sha256(target));
    CREATE TABLE claim (target BYTEA NOT NULL, key BYTEA NOT NULL, at BIGINT NOT NULL);
    CREATE UNIQUE INDEX claim_once ON claim (sha256(target), sha256(key));";

fn filed(row: &Row) -> Done<Filed> {
    let incident: Option<Vec<u8>> = row.try_get(1)?;
    let incident = incident.map(String::from_utf8).transpose()?;
    Ok(Filed {
        number: row.try_get(0)?,
        incident: incident.map(IncidentId::new),
        event: document(row, 2)?,
    })
}

impl Announced for Postgres {
    fn filed_after(&mut self, number: i64, limit: u32) -> Result<Vec<Filed>, StoreError> {
        let query = "SELECT number, incident, document FROM event WHERE number > $1
                     ORDER BY number LIMIT $2";
        self.connection.read(|db| {
            let rows = db.query(query, &[&number, &i64::from(limit)])?;
            rows.iter().map(filed).collect()
        })
    }

    fn announced_to(&mut self, target: &str) -> Result<i64, StoreError> {
        let target = target.as_bytes();
        self.connection.write(|db| {
            db.execute(
                "INSERT INTO announced SELECT $1, coalesce(max(number), 0) FROM event
                 ON CONFLICT DO NOTHING",
                &[&target],
            )?;
            let query = "SELECT number FROM announced WHERE sha256(target) = sha256($1)";
            Ok(db.query_one(query, &[&target])?.try_get(0)?)
        })
    }

    fn announce_after(
        &mut self,
        target: &str,
        number: i64,
        forget: Timestamp,
    ) -> Result<(), StoreError> {
        let target = target.as_bytes();
        self.connection.write(|db| {
            db.execute(
                "UPDATE announced SET number = $2 WHERE sha256(target) = sha256($1) AND number < $2",
                &[&target, &number],
            )?;
            db.execute(
                "DELETE FROM claim WHERE sha256(target) = sha256($1) AND at < $2",
                &[&target, &micros(forget)],
            )?;
            Ok(())
        })
    }

    fn claim(&mut self, target: &str, key: &str, at: Timestamp) -> Result<bool, StoreError> {
        let (target, key) = (target.as_bytes(), key.as_bytes());
        self.connection.write(|db| {
            let new = db.execute(
                "INSERT INTO claim VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &[&target, &key, &micros(at)],
            )?;
            Ok(new == 1)
        })
    }

    fn disclaim(&mut self, target: &str, key: &str) -> Result<(), StoreError> {
        let (target, key) = (target.as_bytes(), key.as_bytes());
        let delete =
            "DELETE FROM claim WHERE sha256(target) = sha256($1) AND sha256(key) = sha256($2)";
        self.connection
            .write(|db| Ok(db.execute(delete, &[&target, &key]).map(drop)?))
    }
}
