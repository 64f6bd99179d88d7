//! A connection to PostgreSQL that is made again when it broke, and the tables behind it.

use std::error::Error as _;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, IsolationLevel, NoTls, Transaction};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

/// Grows when older ripcords could not read what is written. Newer ones read all older forms.
const FORMAT: i64 = 1;

/// Long enough for any network in use; a sender of a webhook waits meanwhile.
const SOON: Duration = Duration::from_secs(3);
/// After this time without an answer from its network a connection counts as broken.
const SILENT: Duration = Duration::from_secs(10);

/// Writers wait for one another, in all servers, as those of an SQLite file do: so deliveries are numbered in the
/// order in which they are kept, and two that write the same rows in another order cannot block each other.
const ONE_WRITER: &str = "SELECT pg_advisory_xact_lock(8241763059)";

/// A server that vanished must not hold the others up, and what is committed must be on the disk.
const SESSION: &str = "
    SET search_path = ripcord;
    SET statement_timeout = '10s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '10s';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off';";

/// Names that other systems chose are BYTEA and found by digest: a TEXT holds no NUL, an index no long value.
const TABLES: &str = "
    CREATE SCHEMA IF NOT EXISTS ripcord;
    CREATE TABLE delivery (
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source BYTEA NOT NULL, key BYTEA NOT NULL,
        received BIGINT NOT NULL, headers TEXT NOT NULL, body BYTEA NOT NULL,
        state BIGINT NOT NULL, why BYTEA
    );
    CREATE UNIQUE INDEX delivery_once ON delivery (sha256(source), sha256(key));
    CREATE INDEX delivery_by_state ON delivery (state, number);
    CREATE TABLE event (
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id BYTEA NOT NULL, incident BYTEA,
        meant BYTEA, observed BIGINT NOT NULL, document TEXT NOT NULL
    );
    CREATE UNIQUE INDEX event_once ON event (sha256(id));
    CREATE INDEX event_by_incident ON event (sha256(incident), observed);
    CREATE INDEX event_without_incident ON event (sha256(meant)) WHERE incident IS NULL;
    CREATE INDEX event_of_production ON event (observed) WHERE incident IS NULL AND meant IS NULL;
    CREATE TABLE incident (id BYTEA NOT NULL, since BIGINT NOT NULL, document TEXT NOT NULL);
    CREATE UNIQUE INDEX incident_once ON incident (sha256(id));
    CREATE INDEX incident_by_time ON incident (since);
    CREATE TABLE incident_key (key BYTEA NOT NULL, incident BYTEA NOT NULL);
    CREATE UNIQUE INDEX incident_key_once ON incident_key (sha256(key), sha256(incident));
    CREATE INDEX incident_key_of ON incident_key (sha256(incident));
    CREATE TABLE passed_on (reader BYTEA PRIMARY KEY, number BIGINT NOT NULL);
    CREATE TABLE version (
        one BIGINT PRIMARY KEY CHECK (one = 1), format BIGINT NOT NULL, filings BIGINT NOT NULL
    );";

/// Why a transaction was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{}", with_causes(.0))]
    Database(#[from] postgres::Error),
    #[error("a document is not readable: {0}")]
    Document(#[from] serde_json::Error),
    #[error("an instant is not readable: {0}")]
    Instant(#[from] jiff::Error),
    #[error("a name is not readable: {0}")]
    Name(#[from] std::string::FromUtf8Error),
    #[error("a newer ripcord wrote it")]
    Newer,
    #[error("somebody else filed")]
    Overtaken,
}

/// Where the records are, and the connection to there.
pub(super) struct Connection {
    config: Config,
    place: String,
    client: Option<Client>,
}

impl Connection {
    /// Understands the URL; connects when it is used.
    pub(super) fn new(url: &str) -> Result<Self, StoreError> {
        // Why is not passed on: it can quote a part of the URL that holds the password.
        let mut config: Config = url.parse().map_err(|_| not_a_url())?;
        if config.get_hosts().is_empty() {
            return Err(not_a_url());
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(SOON);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENT);
        }
        if config.get_application_name().is_none() {
            config.application_name("ripcord");
        }
        config.keepalives_idle(SILENT);
        let place = place(&config);
        Ok(Self {
            config,
            place,
            client: None,
        })
    }

    /// One transaction that only reads.
    pub(super) fn read<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        self.transaction(true, work)
    }

    /// One transaction that writes, the only one at that time.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        self.transaction(false, work)
    }

    fn transaction<T>(
        &mut self,
        only_reads: bool,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let done = self.connected().and_then(|client| {
            let mut transaction = client
                .build_transaction()
                .isolation_level(IsolationLevel::ReadCommitted)
                .read_only(only_reads)
                .start()?;
            if !only_reads {
                transaction.batch_execute(ONE_WRITER)?;
            }
            let result = work(&mut transaction)?;
            transaction.commit()?;
            Ok(result)
        });
        done.map_err(|trouble| match trouble {
            Trouble::Newer => StoreError::Newer {
                place: self.place.clone(),
            },
            Trouble::Overtaken => StoreError::Overtaken,
            other => StoreError::Unusable {
                place: self.place.clone(),
                why: other.to_string(),
            },
        })
    }

    /// The connection. One that broke since it was used last shows by a query; it is made anew.
    fn connected(&mut self) -> Result<&mut Client, Trouble> {
        let usable = self
            .client
            .take()
            .filter(|client| !client.is_closed())
            .and_then(|mut client| client.is_valid(SOON).is_ok().then_some(client));
        let client = match usable {
            Some(client) => client,
            None => self.connect()?,
        };
        Ok(self.client.insert(client))
    }

    fn connect(&self) -> Result<Client, Trouble> {
        let mut client = if self.config.get_ssl_mode() == SslMode::Disable {
            self.config.connect(NoTls)?
        } else {
            self.config.connect(tls())?
        };
        client.batch_execute(SESSION)?;
        let mut making = client.transaction()?;
        making.batch_execute(ONE_WRITER)?;
        let exists = making.query_one("SELECT to_regclass('ripcord.version') IS NOT NULL", &[])?;
        if exists.try_get(0)? {
            let format: i64 = making
                .query_one("SELECT format FROM version", &[])?
                .try_get(0)?;
            if format > FORMAT {
                return Err(Trouble::Newer);
            }
        } else {
            making.batch_execute(TABLES)?;
            making.execute("INSERT INTO version VALUES (1, $1, 0)", &[&FORMAT])?;
        }
        making.commit()?;
        Ok(client)
    }
}

/// TLS that trusts whom the machine trusts; without certificates there it trusts nobody.
fn tls() -> MakeRustlsConnect {
    // Fails where another crate was first, with the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match MakeRustlsConnect::with_native_certs() {
        Ok((tls, _)) => tls,
        Err(_) => MakeRustlsConnect::new(
            ClientConfig::builder()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth(),
        ),
    }
}

fn not_a_url() -> StoreError {
    StoreError::NotUnderstood {
        why: "a PostgreSQL is named as postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require, with what \
              is special in a URL percent-encoded"
            .into(),
    }
}

/// Host and database, and nothing that a user wrote as a secret.
fn place(config: &Config) -> String {
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        })
        .collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or("?");
    format!("PostgreSQL at {}, database {database}", hosts.join(", "))
}

fn with_causes(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
