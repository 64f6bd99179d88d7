//! What senders are answered, and what is made of what they sent.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use reqwest::{Client, StatusCode};
use ripcord_domain::incident::event::{IncidentId, SourceKind};
use ripcord_domain::incident::{Incident, State};
use ripcord_intake::Mapping;
use ripcord_server::clerk::{Clerk, Keeping};
use ripcord_server::figures::Figures;
use ripcord_server::filing::file_waiting;
use ripcord_server::intake;
use ripcord_server::source::{Secret, Source, Sources};
use ripcord_store::{Delivery, Records as _, Sqlite};

const FIRING: &str = r#"{"version":"4","groupKey":"g","status":"firing","alerts":[{"status":"firing",
    "labels":{"alertname":"PaymentsFail","service":"payments"},"annotations":{},
    "startsAt":"2026-11-27T17:15:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f1"}]}"#;
const RESOLVED: &str = r#"{"version":"4","groupKey":"g","status":"resolved","alerts":[{"status":"resolved",
    "labels":{"alertname":"PaymentsFail","service":"payments"},"annotations":{},
    "startsAt":"2026-11-27T17:15:00Z","endsAt":"2026-11-27T17:19:00Z","fingerprint":"f1"}]}"#;
/// A signature of version 1 of this body by `test-secret`.
const PAGE: &str = r#"{"event":{"id":"e1","event_type":"incident.triggered"}}"#;
const PAGE_SIGNATURE: &str = "v1=4486305e9c260404cf60b51e5499b9ed082111688649fffe7195c3e8f5efc936";

struct Server {
    address: String,
    file: PathBuf,
    sources: Arc<Sources>,
    _folder: tempfile::TempDir,
    _keeping: Keeping,
}

fn five_fifteen() -> Timestamp {
    "2026-11-27T17:15:30Z".parse().unwrap()
}

async fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("incidents.sqlite");
    let source = |kind| Source {
        kind,
        mapping: Mapping::default(),
        secrets: vec![Secret::new("test-secret")],
    };
    let sources = Sources::from([
        ("prometheus".to_owned(), source(SourceKind::Alertmanager)),
        ("pager".to_owned(), source(SourceKind::Pagerduty)),
    ]);
    let sources = Arc::new(sources);
    let records = Box::new(Sqlite::open(&file).unwrap());
    let (clerk, keeping) = Clerk::begin(records, 1000).unwrap();
    let router = intake::router(intake::Intake {
        clerk,
        sources: Arc::clone(&sources),
        kept: Arc::new(|| {}),
        figures: Figures::default(),
        clock: five_fifteen,
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server {
        address,
        file,
        sources,
        _folder: folder,
        _keeping: keeping,
    }
}

impl Server {
    async fn send(&self, source: &str, header: (&str, &str), body: &str) -> StatusCode {
        // Built along with other crates the client wants a provider for TLS, although none is spoken here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("{}/intake/{source}", self.address));
        let request = request.header(header.0, header.1).body(body.to_owned());
        request.send().await.unwrap().status()
    }

    async fn tell(&self, body: &str) -> StatusCode {
        let bearer = ("authorization", "Bearer test-secret");
        self.send("prometheus", bearer, body).await
    }

    fn records(&self) -> Sqlite {
        Sqlite::open(&self.file).unwrap()
    }

    fn file_all(&self) -> Sqlite {
        let mut records = self.records();
        let mut number = 0;
        let mut fresh = || {
            number += 1;
            IncidentId::new(format!("i-{number}"))
        };
        while file_waiting(&mut records, &self.sources, &mut fresh).unwrap() > 0 {}
        records
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_an_incident_and_its_end_told_first_and_twice_is_the_end_of_it() {
    let server = server().await;
    for body in [RESOLVED, FIRING, RESOLVED] {
        assert_eq!(server.tell(body).await, StatusCode::ACCEPTED);
    }
    let incidents = server.file_all().incidents(5).unwrap();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].title(), "PaymentsFail");
    assert_eq!(incidents[0].state(), State::Quiet);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_is_refused_and_nothing_of_it_is_kept() {
    let server = server().await;
    let bad = "v1=0486305e9c260404cf60b51e5499b9ed082111688649fffe7195c3e8f5efc936";
    let upper = PAGE_SIGNATURE.to_uppercase().replace("V1=", "v1=");
    let tries = [
        ("pager", ("x-pagerduty-signature", bad), PAGE),
        ("pager", ("x-pagerduty-signature", upper.as_str()), PAGE),
        ("pager", ("x-pagerduty-signature", PAGE_SIGNATURE), FIRING),
        ("pager", ("authorization", "Bearer test-secret"), PAGE),
        ("prometheus", ("authorization", "Bearer other"), FIRING),
        ("nobody", ("authorization", "Bearer test-secret"), FIRING),
    ];
    for (source, header, body) in tries {
        let answer = server.send(source, header, body).await;
        assert_eq!(answer, StatusCode::UNAUTHORIZED, "{source} {header:?}");
    }
    assert!(server.records().waiting(9).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_and_cannot_be_understood_is_accepted_and_can_be_read() {
    let server = server().await;
    let signed = ("x-pagerduty-signature", PAGE_SIGNATURE);
    assert_eq!(
        server.send("pager", signed, PAGE).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(server.tell("{ truncated").await, StatusCode::ACCEPTED);
    let letters = server.file_all().dead_letters(5).unwrap();
    assert_eq!(letters.len(), 2);
    assert!(letters[0].why.contains("not JSON"), "{}", letters[0].why);
    assert_eq!(letters[0].delivery.body, b"{ truncated");
    let headers = format!("{:?}", letters[0].delivery.headers);
    assert!(!headers.contains("test-secret"), "{headers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused() {
    let server = server().await;
    let large = "x".repeat(intake::LARGEST_BODY + 1);
    assert_eq!(server.tell(&large).await, StatusCode::PAYLOAD_TOO_LARGE);
}

/// One alert of a service that fires within a quarter of an hour after the others, or its end.
fn body(alert: usize, ends: bool) -> String {
    let at = |minutes: usize| {
        let span = SignedDuration::from_mins(minutes.try_into().unwrap());
        (five_fifteen() + span).to_string()
    };
    let (began, ended) = (at(alert * 5), at(alert * 5 + 3));
    let status = if ends { "resolved" } else { "firing" };
    format!(
        r#"{{"version":"4","alerts":[{{"status":"{status}","labels":{{"service":"payments"}},
            "startsAt":"{began}","endsAt":"{ended}","fingerprint":"f{alert}"}}]}}"#
    )
}

/// What comes of bodies in this order when the process ends after each of these steps.
fn after(order: &[(usize, bool)]) -> Incident {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("incidents.sqlite");
    let source = Source {
        kind: SourceKind::Alertmanager,
        mapping: Mapping::default(),
        secrets: Vec::new(),
    };
    let sources = Sources::from([("prometheus".to_owned(), source)]);
    for (number, (alert, ends)) in order.iter().enumerate() {
        let delivery = Delivery {
            source: "prometheus".to_owned(),
            key: number.to_string(),
            received: five_fifteen(),
            headers: Vec::new(),
            body: body(*alert, *ends).into_bytes(),
        };
        Sqlite::open(&file).unwrap().accept(&[delivery]).unwrap();
        if number % 2 == 0 {
            let fresh = || IncidentId::new("i-1");
            file_waiting(&mut Sqlite::open(&file).unwrap(), &sources, fresh).unwrap();
        }
    }
    let mut records = Sqlite::open(&file).unwrap();
    file_waiting(&mut records, &sources, || IncidentId::new("i-1")).unwrap();
    let mut incidents = records.incidents(5).unwrap();
    assert_eq!(incidents.len(), 1);
    incidents.remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_order_and_any_doubling_of_what_is_sent_come_to_one_incident(
        order in Just((0..4).flat_map(|alert| [(alert, false), (alert, true)]).collect::<Vec<_>>())
            .prop_shuffle(),
        again in proptest::collection::vec((0..4_usize, any::<bool>()), 0..4),
    ) {
        let in_order: Vec<_> = (0..4).flat_map(|alert| [(alert, false), (alert, true)]).collect();
        let shuffled = [&order[..], &again[..]].concat();
        prop_assert_eq!(after(&in_order), after(&shuffled));
    }
}
