//! What others are told of what is filed: once, across restarts and servers, and nothing that is old.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use jiff::{SignedDuration, Timestamp};
use ripcord_announce::Target;
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, IncidentId, Source, SourceKind,
};
use ripcord_domain::incident::report::{AlertReport, AlertState, DeployReport, DeployStage};
use ripcord_domain::{Environment, Service};
use ripcord_server::announcer::{self, Announcing, Named};
use ripcord_server::figures::Figures;
use ripcord_store::{Sqlite, filing};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Longer than anything takes that is told at all.
const PATIENCE: Duration = Duration::from_secs(20);

fn now() -> Timestamp {
    "2026-11-27T17:15:30Z".parse().unwrap()
}

fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn event(id: &str, at: Timestamp, fact: Fact) -> Event {
    Event {
        id: EventId::new(id),
        observed: at,
        received: at,
        source: Source {
            kind: SourceKind::Argocd,
            name: "argocd".to_owned(),
        },
        confidence: Confidence::Reported,
        incident: None,
        concern: Some(Concern {
            service: Service::new("payments"),
            environment: Environment::new("production"),
        }),
        link: None,
        author: None,
        fact,
    }
}

fn deploy(id: &str, minutes: i64) -> Event {
    let report = DeployReport {
        deploy: id.to_owned(),
        stage: Some(DeployStage::Synced),
        version: Some("v2".to_owned()),
        ..DeployReport::default()
    };
    event(id, minutes_ago(minutes), Fact::Deploy(report))
}

fn alert(ended: Option<i64>) -> Event {
    let ended = ended.map(minutes_ago);
    let state = match ended {
        Some(_) => AlertState::Resolved,
        None => AlertState::Firing,
    };
    let report = AlertReport {
        alert: "a".to_owned(),
        state,
        started: minutes_ago(9),
        ended,
        condition: None,
        title: "payments fail".to_owned(),
        severity: None,
        group: None,
        labels: BTreeMap::new(),
    };
    let at = ended.unwrap_or(minutes_ago(9));
    event(&format!("{state:?}"), at, Fact::Alert(report))
}

/// Records that are filed in, and somebody who is told and keeps what it is told.
struct Desk {
    file: PathBuf,
    changes: Arc<watch::Sender<u64>>,
    address: String,
    told: Receiver<String>,
    _runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// The first so many are asked to come back much later.
    fn new(busy: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (heard, told) = mpsc::channel();
        let runtime = Runtime::new().unwrap();
        let left = Arc::new(AtomicUsize::new(busy));
        let answer = move |body: Bytes| {
            let body: Value = serde_json::from_slice(&body).unwrap();
            heard.send(body["id"].as_str().unwrap().to_owned()).unwrap();
            let is_busy = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
            async move {
                match is_busy {
                    Ok(_) => {
                        let later = [("retry-after", "600")];
                        (StatusCode::TOO_MANY_REQUESTS, later).into_response()
                    }
                    Err(_) => StatusCode::ACCEPTED.into_response(),
                }
            }
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            file: folder.path().join("incidents.sqlite"),
            changes: Arc::default(),
            address,
            told,
            _runtime: runtime,
            _folder: folder,
        }
    }

    fn records(&self) -> Box<Sqlite> {
        Box::new(Sqlite::open(&self.file).unwrap())
    }

    fn begin(&self) -> Announcing {
        let named = Named {
            name: "broker".to_owned(),
            target: Target::Cdevents {
                url: self.address.clone(),
                source: "/ripcord".to_owned(),
                token: None,
            },
        };
        let with = announcer::Desk {
            changed: Arc::clone(&self.changes),
            figures: Figures::default(),
            clock: now,
            say: |_| {},
        };
        Announcing::begin(self.records(), named, &with).unwrap()
    }

    fn file(&self, events: &[Event]) {
        let mut records = self.records();
        filing::file(&mut *records, events, || IncidentId::new("i-1")).unwrap();
        self.changes.send_modify(|count| *count += 1);
    }

    fn next(&self) -> String {
        self.told.recv_timeout(PATIENCE).unwrap()
    }
}

#[test]
fn what_is_filed_is_told_once_in_order_and_a_restart_goes_on_where_it_was() {
    let desk = Desk::new(0);
    let first = desk.begin();
    desk.file(&[deploy("one", 5), deploy("two", 6)]);
    assert_eq!(
        (desk.next(), desk.next()),
        ("one".to_owned(), "two".to_owned())
    );
    Announcing::end_all(vec![first]);
    desk.file(&[deploy("one", 5), deploy("three", 4)]);
    let again = desk.begin();
    desk.file(&[deploy("four", 3)]);
    assert_eq!(
        (desk.next(), desk.next()),
        ("three".to_owned(), "four".to_owned())
    );
    Announcing::end_all(vec![again]);
    assert!(desk.told.try_recv().is_err());
}

#[test]
fn nobody_is_told_what_is_old_and_who_is_new_only_of_the_last_hour() {
    let desk = Desk::new(0);
    desk.file(&[deploy("long ago", 24 * 60), deploy("just now", 59)]);
    let announcing = desk.begin();
    assert_eq!(desk.next(), "just now");
    let mut late = deploy("told late", 24 * 60);
    late.received = minutes_ago(1);
    desk.file(&[late, deploy("yesterday", 24 * 60), deploy("new", 1)]);
    assert_eq!(desk.next(), "new");
    Announcing::end_all(vec![announcing]);
    assert!(desk.told.try_recv().is_err());
}

#[test]
fn two_servers_tell_each_thing_once() {
    let desk = Desk::new(0);
    let servers = vec![desk.begin(), desk.begin()];
    let mut names: Vec<String> = (0..20).map(|number| format!("e{number:02}")).collect();
    for name in &names {
        desk.file(&[deploy(name, 5)]);
    }
    let mut told: Vec<String> = names.iter().map(|_| desk.next()).collect();
    Announcing::end_all(servers);
    told.extend(desk.told.try_iter());
    told.sort();
    names.sort();
    assert_eq!(told, names);
}

#[test]
fn what_was_surely_not_taken_is_told_after_a_restart() {
    let desk = Desk::new(1);
    let first = desk.begin();
    desk.file(&[deploy("one", 5)]);
    assert_eq!(desk.next(), "one");
    // It was asked to wait for ten minutes; the end does not wait for that.
    Announcing::end_all(vec![first]);
    let again = desk.begin();
    assert_eq!(desk.next(), "one");
    desk.file(&[deploy("two", 4)]);
    assert_eq!(desk.next(), "two");
    Announcing::end_all(vec![again]);
    assert!(desk.told.try_recv().is_err());
}

#[test]
fn an_incident_is_told_when_it_opens_and_when_it_is_quiet() {
    let desk = Desk::new(0);
    let announcing = desk.begin();
    desk.file(&[alert(None)]);
    assert_eq!(desk.next(), "incident/i-1/opened");
    desk.file(&[alert(Some(2)), alert(None)]);
    assert_eq!(
        desk.next(),
        format!("incident/i-1/quiet/{}", minutes_ago(2))
    );
    desk.file(&[deploy("one", 1)]);
    assert_eq!(desk.next(), "one");
    Announcing::end_all(vec![announcing]);
    assert!(desk.told.try_recv().is_err());
}
