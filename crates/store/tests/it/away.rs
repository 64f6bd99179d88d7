//! A PostgreSQL that goes away, at the worst moments, and comes back.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use ripcord_domain::incident::event::IncidentId;
use ripcord_store::{Accepted, StoreError, filing, open};
use ripcord_testkit::PostgresServer;

use crate::story::{alert, delivery};

#[test]
fn a_database_that_crashed_and_came_back_is_used_again_and_nothing_is_lost_or_doubled() {
    let mut server = PostgresServer::start().unwrap();
    let mut records = open(&server.database("incidents").unwrap()).unwrap();
    records.accept(&[delivery("before")]).unwrap();
    server.crash().unwrap();
    for _ in 0..2 {
        let failed = records.accept(&[delivery("meanwhile")]).unwrap_err();
        assert!(matches!(failed, StoreError::Unusable { .. }), "{failed}");
        assert!(!failed.to_string().contains(server.password()), "{failed}");
    }
    server.start_again().unwrap();
    let both = [delivery("before"), delivery("meanwhile")];
    assert_eq!(
        records.accept(&both).unwrap(),
        [Accepted::Again, Accepted::New]
    );
    assert_eq!(records.waiting(9).unwrap().len(), 2);
}

#[test]
fn a_delivery_whose_commit_was_never_answered_is_kept_once() {
    let server = PostgresServer::start().unwrap();
    server.database("incidents").unwrap();
    let proxy = Proxy::start(server.socket());
    let mut records = open(&server.url_at(proxy.port, "incidents")).unwrap();
    proxy.swallow_next_commit();
    records.accept(&[delivery("one")]).unwrap_err();
    assert!(!proxy.swallowing.load(SeqCst), "the answer was lost");
    assert_eq!(
        records.accept(&[delivery("one")]).unwrap(),
        [Accepted::Again]
    );
    assert_eq!(records.waiting(9).unwrap().len(), 1);
}

#[test]
fn a_filing_whose_commit_was_never_answered_finds_its_events_told() {
    let server = PostgresServer::start().unwrap();
    server.database("incidents").unwrap();
    let proxy = Proxy::start(server.socket());
    let mut records = open(&server.url_at(proxy.port, "incidents")).unwrap();
    let fresh = || IncidentId::new("i-1");
    let decided = filing::decide(&mut *records, vec![alert("a", 0, None)], fresh).unwrap();
    proxy.swallow_next_commit();
    let failed = records.file(&decided).unwrap_err();
    assert!(matches!(failed, StoreError::Unusable { .. }), "{failed}");
    assert!(matches!(records.file(&decided), Err(StoreError::Overtaken)));
    let anew = filing::decide(&mut *records, vec![alert("a", 0, None)], fresh).unwrap();
    assert!(anew.events.is_empty() && anew.incidents.is_empty());
    assert_eq!(records.incidents(9).unwrap().len(), 1);
}

/// Passes TCP on to a database's socket, and can lose what the database says of a COMMIT.
struct Proxy {
    port: u16,
    swallowing: Arc<AtomicBool>,
}

impl Proxy {
    /// It serves as long as the test's process lives.
    fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let swallowing = Arc::new(AtomicBool::new(false));
        let swallows = Arc::clone(&swallowing);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(database) = UnixStream::connect(&socket) else {
                    continue;
                };
                pass_on(client.unwrap(), database, &swallows);
            }
        });
        Self { port, swallowing }
    }

    fn swallow_next_commit(&self) {
        self.swallowing.store(true, SeqCst);
    }
}

fn pass_on(client: TcpStream, database: UnixStream, swallows: &Arc<AtomicBool>) {
    let (mut asks, mut hears) = (client.try_clone().unwrap(), database.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut asks, &mut hears);
        let _ = hears.shutdown(Shutdown::Both);
    });
    let (mut client, mut database, swallows) = (client, database, Arc::clone(swallows));
    thread::spawn(move || {
        let mut said = [0; 8192];
        while let Ok(length @ 1..) = database.read(&mut said) {
            let said = &said[..length];
            // The tag of the message that says a transaction is committed.
            if said.windows(7).any(|tag| tag == b"COMMIT\0") && swallows.swap(false, SeqCst) {
                break;
            }
            if client.write_all(said).is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
    });
}
