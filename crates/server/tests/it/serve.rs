//! The whole server: who may do what, what is answered, and how it ends.

use std::io::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Method;
use ripcord_domain::incident::event::SourceKind;
use ripcord_intake::Mapping;
use ripcord_server::access::{Role, Token};
use ripcord_server::serve::{Parts, ServeError, serve};
use ripcord_server::source::{Secret, Source, Sources};
use ripcord_store::{Records as _, Sqlite};
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub(crate) const FIRING: &str = r#"{"version":"4","groupKey":"g","status":"firing","alerts":[{"status":"firing",
    "labels":{"alertname":"PaymentsFail","service":"payments"},"annotations":{},
    "startsAt":"2026-11-27T17:15:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f1"}]}"#;

/// What was written, to be read while it is written.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    pub(crate) fn read(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) file: PathBuf,
    pub(crate) audit: Lines,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
    _folder: tempfile::TempDir,
}

fn five_fifteen() -> Timestamp {
    "2026-11-27T17:15:30Z".parse().unwrap()
}

fn token(name: &str, role: Role) -> Token {
    Token {
        name: name.to_owned(),
        role,
        secret: Secret::new(format!("token-of-{name}")),
    }
}

fn parts(file: &Path, audit: Lines) -> Parts {
    let file = file.to_owned();
    let source = Source {
        kind: SourceKind::Alertmanager,
        mapping: Mapping::default(),
        secrets: vec![Secret::new("test-secret")],
    };
    Parts {
        name: "test".to_owned(),
        sources: Sources::from([("prometheus".to_owned(), source)]),
        tokens: vec![
            token("vera", Role::Viewer),
            token("rosa", Role::Responder),
            token("ada", Role::Admin),
        ],
        calls_per_minute: NonZeroU32::new(600).unwrap(),
        zone: TimeZone::UTC,
        announce: Vec::new(),
        close_after: None,
        looks: Vec::new(),
        say: |_| {},
        audit: Box::new(audit),
        records: Box::new(move || Ok(Box::new(Sqlite::open(&file)?))),
        clock: five_fifteen,
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("incidents.sqlite");
        let audit = Lines::default();
        let (end, ended) = oneshot::channel();
        let (listening, address) = mpsc::channel();
        let (its_file, its_audit) = (file.clone(), audit.clone());
        let thread = std::thread::spawn(move || {
            let any = "127.0.0.1:0".parse().unwrap();
            let parts = parts(&its_file, its_audit);
            let told = move |address| listening.send(address).unwrap();
            serve(parts, any, told, async {
                let _ended = ended.await;
            })
        });
        Self {
            address: format!("http://{}", address.recv().unwrap()),
            file,
            audit,
            end: Some(end),
            thread: Some(thread),
            _folder: folder,
        }
    }

    pub(crate) fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        // Built along with other crates the client wants a provider for TLS, although none is spoken here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut request = client.request(method, format!("{}{path}", self.address));
            if !token.is_empty() {
                request = request.bearer_auth(token);
            }
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            (
                status,
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            )
        })
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, "token-of-ada", None)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, "token-of-ada", Some(body))
    }

    pub(crate) fn tell(&self, body: &str) -> u16 {
        let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
        let (status, _) = self.call(
            Method::POST,
            "/intake/prometheus",
            "test-secret",
            Some(body),
        );
        status
    }

    /// Looks until something is so.
    pub(crate) fn until<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn end(&mut self) -> Result<(), ServeError> {
        let _ended = self.end.take().unwrap().send(());
        self.thread.take().unwrap().join().unwrap()
    }
}

#[test]
fn an_alert_that_came_in_is_listed_and_shown_with_what_is_to_be_done() {
    let server = Server::start();
    assert_eq!(server.tell(FIRING), 202);
    let id = server.until("an incident", |server| {
        let (_, listed) = server.get("/api/v1/incidents");
        listed["incidents"][0]["id"].as_str().map(str::to_owned)
    });
    let (status, case) = server.get(&format!("/api/v1/incidents/{id}"));
    assert_eq!(status, 200);
    assert_eq!(case["brief"]["title"], "PaymentsFail");
    assert_eq!(case["brief"]["firing"], 1);
    assert_eq!(case["deadlines"].as_array().unwrap().len(), 4);
    assert_eq!(case["events"][0]["source"]["name"], "prometheus");
}

#[test]
fn a_role_may_do_what_is_its_own_and_no_more() {
    let server = Server::start();
    let open = json!({"say": "open", "title": "payments fail"});
    let tries = [
        ("", Method::GET, "/api/v1/incidents", None, 401),
        ("nonsense", Method::GET, "/api/v1/incidents", None, 401),
        ("token-of-vera", Method::GET, "/api/v1/incidents", None, 200),
        (
            "token-of-vera",
            Method::POST,
            "/api/v1/incidents",
            Some(&open),
            403,
        ),
        (
            "token-of-rosa",
            Method::POST,
            "/api/v1/incidents",
            Some(&open),
            201,
        ),
        (
            "token-of-rosa",
            Method::GET,
            "/api/v1/dead-letters",
            None,
            403,
        ),
        (
            "token-of-ada",
            Method::GET,
            "/api/v1/dead-letters",
            None,
            200,
        ),
        (
            "token-of-ada",
            Method::POST,
            "/api/v1/incidents",
            Some(&open),
            201,
        ),
        ("test-secret", Method::GET, "/api/v1/incidents", None, 401),
    ];
    for (token, method, path, body, expected) in &tries {
        let (status, said) = server.call(method.clone(), path, token, body.cloned());
        assert_eq!(status, *expected, "{token} {method} {path}: {said}");
    }
    let lines = server.audit.read();
    assert_eq!(lines.len(), tries.len());
    let told = |line: &Value| {
        (
            line["who"].as_str().map(str::to_owned),
            line["status"].as_u64(),
        )
    };
    assert_eq!(told(&lines[0]), (None, Some(401)));
    assert_eq!(told(&lines[3]), (Some("vera".to_owned()), Some(403)));
    assert_eq!(told(&lines[4]), (Some("rosa".to_owned()), Some(201)));
    let text = serde_json::to_string(&lines).unwrap();
    assert!(!text.contains("token-of"), "{text}");
}

#[test]
fn what_is_said_has_the_callers_name_and_a_refusal_says_what_to_do() {
    let server = Server::start();
    let open = json!({"say": "open", "title": "payments fail", "name": "INC-7"});
    let rosa = "token-of-rosa";
    let (status, _) = server.call(Method::POST, "/api/v1/incidents", rosa, Some(open));
    assert_eq!(status, 201);
    let sayings = "/api/v1/incidents/INC-7/sayings";
    let note = json!({"say": "note", "text": "the provider is fine"});
    assert_eq!(server.call(Method::POST, sayings, rosa, Some(note)).0, 200);
    let (_, case) = server.get("/api/v1/incidents/INC-7");
    let events = case["events"].as_array().unwrap();
    assert!(
        events.iter().all(|event| event["author"] == "rosa"),
        "{events:#?}"
    );
    let close = json!({"say": "close", "why": "done"});
    let (status, refused) = server.post(sayings, close);
    assert_eq!(status, 409);
    assert_eq!(refused["error"]["code"], "not_over");
    let unknown = server.post(
        "/api/v1/incidents/INC-8/sayings",
        json!({"say": "reopen", "why": "x"}),
    );
    assert_eq!(unknown.0, 404);
    let wrong = server.post(sayings, json!({"say": "shout", "text": "x"}));
    assert_eq!(wrong.0, 422);
}

#[test]
fn each_call_of_the_document_is_there_wants_a_token_and_answers_what_its_schema_says() {
    let server = Server::start();
    let (status, document) = server.call(Method::GET, "/api/v1/openapi.json", "", None);
    assert_eq!(status, 200, "whoever writes a client needs no token");
    let mut calls = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            calls += 1;
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = (method == Method::POST).then(|| json!({}));
            let path = path.replace("{name}", "INC-7");
            let (status, _) = server.call(method.clone(), &path, "", body.clone());
            assert_eq!(status, 401, "{method} {path}");
            let (status, _) = server.call(method.clone(), &path, "token-of-ada", body);
            let (none, wrong) = (status == 404, status == 422);
            let fits = if path.contains("INC-7") {
                none || wrong
            } else {
                wrong || status < 300
            };
            assert!(fits, "{method} {path}: {status}");
            assert!(call["summary"].is_string(), "{method} {path}");
        }
    }
    assert_eq!(calls, 7);
    let (_, listing) = server.get("/api/v1/incidents");
    let mut schema = document.clone();
    schema["$ref"] = document["paths"]["/api/v1/incidents"]["get"]["responses"]["200"]["content"]
        ["application/json"]["schema"]["$ref"]
        .clone();
    let checked = jsonschema::validator_for(&schema).unwrap();
    assert!(checked.is_valid(&listing));
    assert!(!checked.is_valid(&json!({"schema": 1})));
}

#[test]
fn events_of_a_command_line_are_taken_once_and_those_of_a_pager_are_not() {
    let server = Server::start();
    let mut event = json!({
        "id": "said/1/0", "observed": "2026-11-27T17:00:00Z", "received": "2026-11-27T17:00:00Z",
        "source": {"kind": "ripcord", "name": "laptop"}, "confidence": "reported",
        "incident": "i-abcdefgh", "author": "anna",
        "fact": {"kind": "opened", "title": "payments fail"},
    });
    for _ in 0..2 {
        let (status, said) = server.post("/api/v1/events", json!({"events": [event]}));
        assert_eq!(status, 202, "{said}");
    }
    let (_, case) = server.get("/api/v1/incidents/i-abcdefgh");
    assert_eq!(case["events"].as_array().unwrap().len(), 1);
    assert_eq!(case["events"][0]["author"], "anna (sent by ada)");
    event["source"]["kind"] = json!("pagerduty");
    let (status, refused) = server.post("/api/v1/events", json!({"events": [event]}));
    assert_eq!(status, 422, "{refused}");
}

#[test]
fn what_was_not_understood_can_be_read_and_tried_again() {
    let server = Server::start();
    assert_eq!(server.tell("nothing that an Alertmanager says"), 202);
    let number = server.until("a dead letter", |server| {
        let (_, letters) = server.get("/api/v1/dead-letters");
        letters["dead_letters"][0]["number"].as_i64()
    });
    let (status, replayed) = server.post(
        "/api/v1/dead-letters/replay",
        json!({"numbers": [number, 999]}),
    );
    assert_eq!((status, &replayed["waiting"]), (200, &json!(1)));
    server.until("the same dead letter", |server| {
        let (_, letters) = server.get("/api/v1/dead-letters");
        letters["dead_letters"][0]["number"].as_i64()
    });
}

#[test]
fn the_server_says_that_it_lives_is_ready_and_what_it_did() {
    let server = Server::start();
    let open = |path| server.call(Method::GET, path, "", None);
    assert_eq!(open("/healthz").0, 200);
    server.until("ready", |_| (open("/readyz").0 == 200).then_some(()));
    assert_eq!(server.tell(FIRING), 202);
    assert_eq!(server.tell(FIRING), 202);
    assert_eq!(
        server
            .call(
                Method::POST,
                "/intake/prometheus",
                "forged",
                Some(json!({}))
            )
            .0,
        401
    );
    let (_, figures) = open("/metrics");
    let figures = figures.as_str().unwrap();
    for line in [
        "ripcord_deliveries_total{outcome=\"kept\"} 1",
        "ripcord_deliveries_total{outcome=\"again\"} 1",
        "ripcord_deliveries_total{outcome=\"unsigned\"} 1",
        "ripcord_delivery_answer_seconds_count 3",
    ] {
        assert!(figures.contains(line), "{line} in\n{figures}");
    }
}

#[test]
fn what_was_accepted_before_the_end_is_kept() {
    let mut server = Server::start();
    for number in 0..50 {
        let body = FIRING.replace("f1", &format!("f{number}"));
        assert_eq!(server.tell(&body), 202);
    }
    server.end().unwrap();
    let mut records = Sqlite::open(&server.file).unwrap();
    let waiting = records.waiting(100).unwrap().len();
    let incidents = records.incidents(100).unwrap();
    let filed: usize = incidents.iter().map(|incident| incident.alerts.len()).sum();
    assert_eq!(waiting + filed, 50);
}

#[test]
fn an_address_that_is_taken_is_an_error_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let parts = parts(&folder.path().join("x.sqlite"), Lines::default());
    let address = taken.local_addr().unwrap();
    let refused = serve(parts, address, |_| (), std::future::ready(()));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains(&address.to_string()), "{refused}");
}
