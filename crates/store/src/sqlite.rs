//! The records in one SQLite file: the default, for one server or one command line.

mod claims;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::event::{Event, EventId, IncidentId};
use ripcord_domain::incident::joining::Key;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};
use serde::de::DeserializeOwned;

use crate::encoding::{self, DEAD, UNDERSTOOD, WAITING, micros};
use crate::{
    Accepted, DeadLetter, Delivery, DeliveryNumber, EventNumber, Filing, News, Records, StoreError,
};

/// Grows when older ripcords could not read what is written. Newer ones read all older forms.
const FORMAT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE delivery (
        number INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, key TEXT NOT NULL,
        received INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
        state INTEGER NOT NULL, why TEXT, UNIQUE (source, key)
    );
    CREATE INDEX delivery_by_state ON delivery (state, number);
    CREATE TABLE event (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, incident TEXT,
        meant TEXT, observed INTEGER NOT NULL, document TEXT NOT NULL
    );
    CREATE INDEX event_by_incident ON event (incident, observed);
    CREATE INDEX event_without_incident ON event (meant) WHERE incident IS NULL;
    CREATE TABLE incident (id TEXT PRIMARY KEY, since INTEGER NOT NULL, document TEXT NOT NULL);
    CREATE INDEX incident_by_time ON incident (since);
    CREATE TABLE incident_key (key TEXT NOT NULL, incident TEXT NOT NULL, PRIMARY KEY (key, incident))
        WITHOUT ROWID;
    CREATE INDEX incident_key_of ON incident_key (incident);
    CREATE TABLE passed_on (reader TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE claim (
        target TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (target, key)
    ) WITHOUT ROWID;
    CREATE TABLE version (one INTEGER PRIMARY KEY CHECK (one = 1), filings INTEGER NOT NULL);
    INSERT INTO version VALUES (1, 0);";

/// The records in a file.
pub struct Sqlite {
    place: String,
    db: Connection,
}

type Sql<T> = rusqlite::Result<T>;

impl Sqlite {
    /// Opens the records, making empty ones where there are none.
    ///
    /// # Errors
    /// The file cannot be used, or a newer ripcord wrote it.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let place = file.display().to_string();
        let open = || -> Sql<(Connection, i64)> {
            let mut db = Connection::open(file)?;
            db.busy_timeout(Duration::from_secs(10))?;
            // A sender is told that its message is kept: that must outlast a loss of power.
            db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
            let making = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let format = making.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if format == 0 {
                making.execute_batch(&format!("{TABLES} PRAGMA user_version = {FORMAT};"))?;
            }
            making.commit()?;
            Ok((db, format))
        };
        match open() {
            Ok((_, format)) if format > FORMAT => Err(StoreError::Newer { place }),
            Ok((db, _)) => Ok(Self { place, db }),
            Err(error) => Err(StoreError::Unusable {
                place,
                why: error.to_string(),
            }),
        }
    }

    /// One transaction that writes.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Sql<T>) -> Result<T, StoreError> {
        let wrote = (|| {
            let writing = self
                .db
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&writing)?;
            writing.commit()?;
            Ok(result)
        })();
        wrote.map_err(|error: rusqlite::Error| self.trouble(&error))
    }

    fn read<T>(&mut self, work: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, StoreError> {
        work(&self.db).map_err(|error| self.trouble(&error))
    }

    fn trouble(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::Unusable {
            place: self.place.clone(),
            why: error.to_string(),
        }
    }
}

/// A column that holds JSON.
fn parsed<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Sql<T> {
    let text: String = row.get(column)?;
    encoding::parsed(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

fn written<T: serde::Serialize>(value: &T) -> Sql<String> {
    encoding::written(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn delivery(row: &Row<'_>) -> Sql<(DeliveryNumber, Delivery)> {
    let received: i64 = row.get(3)?;
    let received = encoding::instant(received)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(3, received))?;
    let delivery = Delivery {
        source: row.get(1)?,
        key: row.get(2)?,
        received,
        headers: parsed(row, 4)?,
        body: row.get(5)?,
    };
    Ok((DeliveryNumber(row.get(0)?), delivery))
}

fn documents<T: DeserializeOwned>(
    db: &Connection,
    query: &str,
    params: impl rusqlite::Params,
) -> Sql<Vec<T>> {
    let mut query = db.prepare_cached(query)?;
    query.query_map(params, |row| parsed(row, 0))?.collect()
}

impl Records for Sqlite {
    fn accept(&mut self, deliveries: &[Delivery]) -> Result<Vec<Accepted>, StoreError> {
        self.write(|db| {
            let mut insert = db.prepare_cached(
                "INSERT INTO delivery (source, key, received, headers, body, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (source, key) DO NOTHING",
            )?;
            let mut keep = |one: &Delivery| {
                let headers = written(&one.headers)?;
                let received = micros(one.received);
                let new = insert.execute(params![
                    one.source, one.key, received, headers, one.body, WAITING
                ])?;
                Ok(if new == 0 {
                    Accepted::Again
                } else {
                    Accepted::New
                })
            };
            deliveries.iter().map(&mut keep).collect()
        })
    }

    fn waiting(&mut self, limit: u32) -> Result<Vec<(DeliveryNumber, Delivery)>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT number, source, key, received, headers, body FROM delivery
                 WHERE state = ?1 ORDER BY number LIMIT ?2",
            )?;
            query
                .query_map(params![WAITING, limit], delivery)?
                .collect()
        })
    }

    fn version(&mut self) -> Result<i64, StoreError> {
        self.read(|db| db.query_row("SELECT filings FROM version", [], |row| row.get(0)))
    }

    fn news(&mut self, after: EventNumber) -> Result<News, StoreError> {
        self.read(|db| {
            let mut news = News {
                latest: EventNumber(
                    db.prepare_cached("SELECT coalesce(max(number), 0) FROM event")?
                        .query_row([], |row| row.get(0))?,
                ),
                ..News::default()
            };
            // What is filed between the two questions is left to the next call.
            let mut query = db.prepare_cached(
                "SELECT DISTINCT incident FROM event WHERE number > ?1 AND number <= ?2",
            )?;
            let told = query.query_map([after.0, news.latest.0], |row| {
                row.get::<_, Option<String>>(0)
            })?;
            for incident in told {
                match incident? {
                    Some(id) => {
                        news.incidents.insert(IncidentId::new(id));
                    }
                    None => news.production = true,
                }
            }
            Ok(news)
        })
    }

    fn known(&mut self, keys: &BTreeSet<Key>) -> Result<Vec<Incident>, StoreError> {
        self.read(|db| {
            let mut ids = BTreeSet::new();
            let mut query =
                db.prepare_cached("SELECT incident FROM incident_key WHERE key = ?1")?;
            for key in keys {
                let found = query.query_map([key.as_str()], |row| row.get::<_, String>(0))?;
                for id in found {
                    ids.insert(id?);
                }
            }
            let mut found = Vec::new();
            for id in ids {
                found.extend(documents(
                    db,
                    "SELECT document FROM incident WHERE id = ?1",
                    [id],
                )?);
            }
            Ok(found)
        })
    }

    fn told(&mut self, events: &[Event]) -> Result<BTreeSet<String>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT 1 FROM event WHERE id = ?1")?;
            let mut told = BTreeSet::new();
            for event in events {
                if query.exists([event.id.as_str()])? {
                    told.insert(event.id.as_str().to_owned());
                }
            }
            Ok(told)
        })
    }

    fn waiting_for(&mut self, incident: &IncidentId) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT document FROM event WHERE meant = ?1 AND incident IS NULL
                     ORDER BY observed, id";
        self.read(|db| documents(db, query, [incident.as_str()]))
    }

    fn file(&mut self, filing: &Filing) -> Result<(), StoreError> {
        let filed = self.write(|db| {
            let grown = db.execute(
                "UPDATE version SET filings = filings + 1 WHERE filings = ?1",
                [filing.version],
            )?;
            if grown == 0 {
                return Ok(false);
            }
            for (incident, event) in &filing.events {
                db.prepare_cached(
                    "INSERT INTO event (id, incident, meant, observed, document) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (id) DO NOTHING",
                )?
                .execute(params![
                    event.id.as_str(),
                    incident.as_ref().map(IncidentId::as_str),
                    event.incident.as_ref().map(IncidentId::as_str),
                    micros(event.observed),
                    written(event)?,
                ])?;
            }
            for (event, incident) in &filing.found {
                let filed = [incident.as_str(), event.as_str()];
                db.execute("UPDATE event SET incident = ?1 WHERE id = ?2", filed)?;
            }
            for (gone, into) in &filing.merged {
                let (gone, into) = (gone.as_str(), into.as_str());
                db.execute("UPDATE event SET incident = ?2 WHERE incident = ?1", [gone, into])?;
                db.execute("DELETE FROM incident_key WHERE incident = ?1", [gone])?;
                db.execute("DELETE FROM incident WHERE id = ?1", [gone])?;
            }
            for incident in &filing.incidents {
                let id = incident.id.as_str();
                db.prepare_cached(
                    "INSERT INTO incident (id, since, document) VALUES (?1, ?2, ?3)
                     ON CONFLICT (id) DO UPDATE SET since = ?2, document = ?3",
                )?
                .execute(params![id, micros(incident.span().from), written(incident)?])?;
                let mut key_of = db.prepare_cached(
                    "INSERT INTO incident_key (key, incident) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                )?;
                for key in incident.keys() {
                    key_of.execute([key.as_str(), id])?;
                }
            }
            let mut done = db.prepare_cached("UPDATE delivery SET state = ?2, why = ?3 WHERE number = ?1")?;
            for number in &filing.understood {
                done.execute(params![number.0, UNDERSTOOD, None::<String>])?;
            }
            for (number, why) in &filing.dead {
                done.execute(params![number.0, DEAD, why])?;
            }
            Ok(true)
        })?;
        if filed {
            Ok(())
        } else {
            Err(StoreError::Overtaken)
        }
    }

    fn events_of(&mut self, incident: &IncidentId) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT document FROM event WHERE incident = ?1 ORDER BY observed, id";
        self.read(|db| documents(db, query, [incident.as_str()]))
    }

    fn incident_of(&mut self, event: &EventId) -> Result<Option<Incident>, StoreError> {
        let query =
            "SELECT incident.document FROM event JOIN incident ON incident.id = event.incident
                     WHERE event.id = ?1";
        self.read(|db| Ok(documents(db, query, [event.as_str()])?.pop()))
    }

    fn events_of_production(
        &mut self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT document FROM event
                     WHERE incident IS NULL AND meant IS NULL AND observed BETWEEN ?1 AND ?2
                     ORDER BY observed, id";
        self.read(|db| documents(db, query, [micros(from), micros(to)]))
    }

    fn events_after(
        &mut self,
        after: EventNumber,
        limit: u32,
    ) -> Result<Vec<(EventNumber, Event)>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT document, number FROM event WHERE number > ?1 ORDER BY number LIMIT ?2",
            )?;
            query
                .query_map(params![after.0, limit], |row| {
                    Ok((EventNumber(row.get(1)?), parsed(row, 0)?))
                })?
                .collect()
        })
    }

    fn passed_on(&mut self, to: &str) -> Result<EventNumber, StoreError> {
        let query = "SELECT COALESCE(MAX(number), 0) FROM passed_on WHERE reader = ?1";
        self.read(|db| Ok(EventNumber(db.query_row(query, [to], |row| row.get(0))?)))
    }

    fn pass_on(&mut self, to: &str, until: EventNumber) -> Result<(), StoreError> {
        let further = "INSERT INTO passed_on (reader, number) VALUES (?1, ?2)
                       ON CONFLICT (reader) DO UPDATE SET number = MAX(number, ?2)";
        self.write(|db| db.execute(further, params![to, until.0]).map(drop))
    }

    fn incidents(&mut self, limit: u32) -> Result<Vec<Incident>, StoreError> {
        let query = "SELECT document FROM incident ORDER BY since DESC, id LIMIT ?1";
        self.read(|db| documents(db, query, [limit]))
    }

    fn dead_letters(&mut self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT number, source, key, received, headers, body, why FROM delivery
                 WHERE state = ?1 ORDER BY number DESC LIMIT ?2",
            )?;
            let letter = |row: &Row<'_>| {
                let (number, delivery) = delivery(row)?;
                let why = row.get::<_, Option<String>>(6)?.unwrap_or_default();
                Ok(DeadLetter {
                    number,
                    delivery,
                    why,
                })
            };
            query.query_map(params![DEAD, limit], letter)?.collect()
        })
    }

    fn replay(&mut self, numbers: &[DeliveryNumber]) -> Result<u64, StoreError> {
        self.write(|db| {
            let mut again = db.prepare_cached(
                "UPDATE delivery SET state = ?2, why = NULL WHERE number = ?1 AND state = ?3",
            )?;
            let mut count = 0;
            for number in numbers {
                count += again.execute(params![number.0, WAITING, DEAD])? as u64;
            }
            Ok(count)
        })
    }
}
