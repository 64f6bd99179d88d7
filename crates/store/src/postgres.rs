//! The records in a PostgreSQL: for several servers that know the same.

mod claims;
mod connection;

use std::collections::BTreeSet;

use jiff::Timestamp;
use postgres::types::ToSql;
use postgres::{Row, Transaction};
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::event::{Event, EventId, IncidentId};
use ripcord_domain::incident::joining::Key;
use serde::de::DeserializeOwned;

use self::connection::{Connection, Trouble};
use crate::encoding::{DEAD, UNDERSTOOD, WAITING, instant, micros, parsed, written};
use crate::{
    Accepted, DeadLetter, Delivery, DeliveryNumber, EventNumber, Filing, News, Records, StoreError,
};

/// The records in the schema `ripcord` of a PostgreSQL database (11 or newer).
///
/// A connection that broke is made again by the next call. While the database is away calls fail soon; what they
/// were to write is written wholly or not at all.
///
/// It waits with a runtime of its own: used or dropped inside an asynchronous task it panics. Give it a thread.
pub struct Postgres {
    connection: Connection,
}

impl Postgres {
    /// Opens the records at a URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=MODE`, making empty ones
    /// where there are none. Modes are `disable`, `prefer` (the default) and `require`; where TLS is spoken the
    /// certificate must be one that the machine trusts (or that the file in SSL_CERT_FILE holds), in every mode.
    ///
    /// # Errors
    /// The URL is not understood, the database cannot be used, or a newer ripcord wrote it. None says the password.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let mut connection = Connection::new(url)?;
        connection.read(|_| Ok(()))?;
        Ok(Self { connection })
    }
}

type Done<T> = Result<T, Trouble>;

fn name(row: &Row, column: usize) -> Done<String> {
    Ok(String::from_utf8(row.try_get(column)?)?)
}

fn document<T: DeserializeOwned>(row: &Row, column: usize) -> Done<T> {
    Ok(parsed(row.try_get(column)?)?)
}

fn delivery(row: &Row) -> Done<(DeliveryNumber, Delivery)> {
    let delivery = Delivery {
        source: name(row, 1)?,
        key: name(row, 2)?,
        received: instant(row.try_get(3)?)?,
        headers: document(row, 4)?,
        body: row.try_get(5)?,
    };
    Ok((DeliveryNumber(row.try_get(0)?), delivery))
}

fn letter(row: &Row) -> Done<DeadLetter> {
    let (number, delivery) = delivery(row)?;
    let why: Option<Vec<u8>> = row.try_get(6)?;
    Ok(DeadLetter {
        number,
        delivery,
        why: String::from_utf8(why.unwrap_or_default())?,
    })
}

fn documents<T: DeserializeOwned>(
    db: &mut Transaction<'_>,
    query: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Done<Vec<T>> {
    let rows = db.query(query, params)?;
    rows.iter().map(|row| document(row, 0)).collect()
}

impl Records for Postgres {
    fn accept(&mut self, deliveries: &[Delivery]) -> Result<Vec<Accepted>, StoreError> {
        self.connection.write(|db| {
            let insert = db.prepare(
                "INSERT INTO delivery (source, key, received, headers, body, state)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sha256(source), sha256(key)) DO NOTHING",
            )?;
            let mut keep = |one: &Delivery| {
                let (source, key) = (one.source.as_bytes(), one.key.as_bytes());
                let (received, headers) = (micros(one.received), written(&one.headers)?);
                let new = db.execute(
                    &insert,
                    &[&source, &key, &received, &headers, &one.body, &WAITING],
                )?;
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
        let query = "SELECT number, source, key, received, headers, body FROM delivery
                     WHERE state = $1 ORDER BY number LIMIT $2";
        self.connection.read(|db| {
            let rows = db.query(query, &[&WAITING, &i64::from(limit)])?;
            rows.iter().map(delivery).collect()
        })
    }

    fn version(&mut self) -> Result<i64, StoreError> {
        let query = "SELECT filings FROM version";
        self.connection
            .read(|db| Ok(db.query_one(query, &[])?.try_get(0)?))
    }

    fn news(&mut self, after: EventNumber) -> Result<News, StoreError> {
        self.connection.read(|db| {
            let latest = "SELECT coalesce(max(number), 0) FROM event";
            let mut news = News {
                latest: EventNumber(db.query_one(latest, &[])?.try_get(0)?),
                ..News::default()
            };
            // What is filed between the two questions is left to the next call.
            let query = "SELECT DISTINCT incident FROM event WHERE number > $1 AND number <= $2";
            for row in db.query(query, &[&after.0, &news.latest.0])? {
                match row.try_get::<_, Option<Vec<u8>>>(0)? {
                    Some(id) => {
                        let id = String::from_utf8(id)?;
                        news.incidents.insert(IncidentId::new(id));
                    }
                    None => news.production = true,
                }
            }
            Ok(news)
        })
    }

    fn known(&mut self, keys: &BTreeSet<Key>) -> Result<Vec<Incident>, StoreError> {
        let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_str().as_bytes()).collect();
        let query = "SELECT document FROM incident WHERE sha256(id) IN (
                         SELECT sha256(incident) FROM incident_key
                         WHERE sha256(key) IN (SELECT sha256(one) FROM unnest($1::BYTEA[]) AS one)
                     ) ORDER BY id";
        self.connection.read(|db| documents(db, query, &[&keys]))
    }

    fn told(&mut self, events: &[Event]) -> Result<BTreeSet<String>, StoreError> {
        let ids: Vec<&[u8]> = events
            .iter()
            .map(|one| one.id.as_str().as_bytes())
            .collect();
        let query = "SELECT id FROM event
                     WHERE sha256(id) IN (SELECT sha256(one) FROM unnest($1::BYTEA[]) AS one)";
        self.connection.read(|db| {
            let rows = db.query(query, &[&ids])?;
            rows.iter().map(|row| name(row, 0)).collect()
        })
    }

    fn waiting_for(&mut self, incident: &IncidentId) -> Result<Vec<Event>, StoreError> {
        let query =
            "SELECT document FROM event WHERE sha256(meant) = sha256($1) AND incident IS NULL
                     ORDER BY observed, id";
        let incident = incident.as_str().as_bytes();
        self.connection
            .read(|db| documents(db, query, &[&incident]))
    }

    fn file(&mut self, filing: &Filing) -> Result<(), StoreError> {
        self.connection.write(|db| file(db, filing))
    }

    fn events_of(&mut self, incident: &IncidentId) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT document FROM event WHERE sha256(incident) = sha256($1)
                     ORDER BY observed, id";
        let incident = incident.as_str().as_bytes();
        self.connection
            .read(|db| documents(db, query, &[&incident]))
    }

    fn incident_of(&mut self, event: &EventId) -> Result<Option<Incident>, StoreError> {
        let query = "SELECT incident.document FROM event
                     JOIN incident ON sha256(incident.id) = sha256(event.incident)
                     WHERE sha256(event.id) = sha256($1)";
        let event = event.as_str().as_bytes();
        self.connection
            .read(|db| Ok(documents(db, query, &[&event])?.pop()))
    }

    fn events_of_production(
        &mut self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT document FROM event
                     WHERE incident IS NULL AND meant IS NULL AND observed BETWEEN $1 AND $2
                     ORDER BY observed, id";
        self.connection
            .read(|db| documents(db, query, &[&micros(from), &micros(to)]))
    }

    fn events_after(
        &mut self,
        after: EventNumber,
        limit: u32,
    ) -> Result<Vec<(EventNumber, Event)>, StoreError> {
        // Filings change the one row of `version` first, so that one ends before another takes numbers.
        let query = "SELECT document, number FROM event WHERE number > $1 ORDER BY number LIMIT $2";
        self.connection.read(|db| {
            let rows = db.query(query, &[&after.0, &i64::from(limit)])?;
            let numbered = |row: &Row| Ok((EventNumber(row.try_get(1)?), document(row, 0)?));
            rows.iter().map(numbered).collect()
        })
    }

    fn passed_on(&mut self, to: &str) -> Result<EventNumber, StoreError> {
        let query = "SELECT COALESCE(MAX(number), 0) FROM passed_on WHERE reader = $1";
        let to = to.as_bytes();
        self.connection
            .read(|db| Ok(EventNumber(db.query_one(query, &[&to])?.try_get(0)?)))
    }

    fn pass_on(&mut self, to: &str, until: EventNumber) -> Result<(), StoreError> {
        let further = "INSERT INTO passed_on (reader, number) VALUES ($1, $2)
                       ON CONFLICT (reader)
                       DO UPDATE SET number = GREATEST(passed_on.number, $2)";
        let to = to.as_bytes();
        self.connection.write(|db| {
            db.execute(further, &[&to, &until.0])?;
            Ok(())
        })
    }

    fn incidents(&mut self, limit: u32) -> Result<Vec<Incident>, StoreError> {
        let query = "SELECT document FROM incident ORDER BY since DESC, id LIMIT $1";
        self.connection
            .read(|db| documents(db, query, &[&i64::from(limit)]))
    }

    fn dead_letters(&mut self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let query = "SELECT number, source, key, received, headers, body, why FROM delivery
                     WHERE state = $1 ORDER BY number DESC LIMIT $2";
        self.connection.read(|db| {
            let rows = db.query(query, &[&DEAD, &i64::from(limit)])?;
            rows.iter().map(letter).collect()
        })
    }

    fn replay(&mut self, numbers: &[DeliveryNumber]) -> Result<u64, StoreError> {
        let numbers: Vec<i64> = numbers.iter().map(|number| number.0).collect();
        let again = "UPDATE delivery SET state = $2, why = NULL
                     WHERE number = ANY($1) AND state = $3";
        self.connection
            .write(|db| Ok(db.execute(again, &[&numbers, &WAITING, &DEAD])?))
    }
}

fn file(db: &mut Transaction<'_>, filing: &Filing) -> Done<()> {
    let grown = db.execute(
        "UPDATE version SET filings = filings + 1 WHERE filings = $1",
        &[&filing.version],
    )?;
    if grown == 0 {
        return Err(Trouble::Overtaken);
    }
    let insert = db.prepare(
        "INSERT INTO event (id, incident, meant, observed, document) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (sha256(id)) DO NOTHING",
    )?;
    for (incident, event) in &filing.events {
        let incident = incident.as_ref().map(|id| id.as_str().as_bytes());
        let meant = event.incident.as_ref().map(|id| id.as_str().as_bytes());
        let (id, observed) = (event.id.as_str().as_bytes(), micros(event.observed));
        db.execute(
            &insert,
            &[&id, &incident, &meant, &observed, &written(event)?],
        )?;
    }
    for (event, incident) in &filing.found {
        let (event, incident) = (event.as_str().as_bytes(), incident.as_str().as_bytes());
        db.execute(
            "UPDATE event SET incident = $1 WHERE sha256(id) = sha256($2)",
            &[&incident, &event],
        )?;
    }
    for (gone, into) in &filing.merged {
        let (gone, into) = (gone.as_str().as_bytes(), into.as_str().as_bytes());
        db.execute(
            "UPDATE event SET incident = $2 WHERE sha256(incident) = sha256($1)",
            &[&gone, &into],
        )?;
        db.execute(
            "DELETE FROM incident_key WHERE sha256(incident) = sha256($1)",
            &[&gone],
        )?;
        db.execute(
            "DELETE FROM incident WHERE sha256(id) = sha256($1)",
            &[&gone],
        )?;
    }
    for incident in &filing.incidents {
        let id = incident.id.as_str().as_bytes();
        let (since, document) = (micros(incident.span().from), written(incident)?);
        db.execute(
            "INSERT INTO incident (id, since, document) VALUES ($1, $2, $3)
             ON CONFLICT (sha256(id)) DO UPDATE SET since = $2, document = $3",
            &[&id, &since, &document],
        )?;
        let keys = incident.keys();
        let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_str().as_bytes()).collect();
        db.execute(
            "INSERT INTO incident_key (key, incident) SELECT one, $2 FROM unnest($1::BYTEA[]) AS one
             ON CONFLICT DO NOTHING",
            &[&keys, &id],
        )?;
    }
    let understood: Vec<i64> = filing.understood.iter().map(|number| number.0).collect();
    db.execute(
        "UPDATE delivery SET state = $2, why = NULL WHERE number = ANY($1)",
        &[&understood, &UNDERSTOOD],
    )?;
    for (number, why) in &filing.dead {
        db.execute(
            "UPDATE delivery SET state = $2, why = $3 WHERE number = $1",
            &[&number.0, &DEAD, &why.as_bytes()],
        )?;
    }
    Ok(())
}
