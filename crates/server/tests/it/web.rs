//! The pages over real connections: who is let in, what is taken from whom, and what a stream of news tells.

use std::future::Future;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode};
use ripcord_casebook::{Saying, Teller};
use ripcord_store::Sqlite;
use serde_json::{Value, json};

use crate::serve::{FIRING, Server};

/// What a browser sent and got.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let header = self.headers.get(name);
        header.map_or("", |header| header.to_str().unwrap())
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap().block_on(work)
}

/// A browser, with the cookie of its session.
struct Browser<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn new(server: &'a Server) -> Self {
        Self {
            server,
            cookie: String::new(),
        }
    }

    fn signed_in(server: &'a Server, who: &str) -> Self {
        let browser = Self::new(server);
        let form = format!("token=token-of-{who}&next=%2F");
        let entered = browser.post("/login", &form);
        assert_eq!(entered.status, 303, "{}", entered.text);
        let set = entered.header("set-cookie");
        Self {
            cookie: set.split(';').next().unwrap().to_owned(),
            ..browser
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        extra: &[(&str, &str)],
        form: &str,
    ) -> Response {
        let client = Client::builder().no_proxy();
        let client = client
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut request = client.request(method.clone(), format!("{}{path}", self.server.address));
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        if method == Method::POST {
            let kind = "application/x-www-form-urlencoded";
            request = request.header("content-type", kind).body(form.to_owned());
        }
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    fn call(&self, method: Method, path: &str, extra: &[(&str, &str)], form: &str) -> Answer {
        wait(async {
            let response = self.send(method, path, extra, form).await;
            Answer {
                status: response.status(),
                headers: response.headers().clone(),
                text: response.text().await.unwrap(),
            }
        })
    }

    fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[("sec-fetch-site", "same-origin")], "")
    }

    fn post(&self, path: &str, form: &str) -> Answer {
        let origin = self.server.address.clone();
        self.call(Method::POST, path, &[("origin", &origin)], form)
    }
}

/// A server with an incident; its address.
fn with_incident() -> (Server, String) {
    let server = Server::start();
    assert_eq!(server.tell(FIRING), 202);
    let id = server.until("an incident", |server| {
        let (_, listed) = server.get("/api/v1/incidents");
        listed["incidents"][0]["id"].as_str().map(str::to_owned)
    });
    (server, format!("/incidents/{id}"))
}

fn events_of(server: &Server, page: &str) -> Vec<Value> {
    let (_, case) = server.get(&format!("/api/v1{page}"));
    case["events"].as_array().unwrap().clone()
}

#[test]
fn who_is_not_signed_in_is_led_to_the_door_and_from_there_to_where_they_wanted() {
    let (server, page) = with_incident();
    let browser = Browser::new(&server);
    let wanted = format!("{page}?show=people");
    let led = browser.get(&wanted);
    assert_eq!(led.status, 303);
    let door = browser.get(led.header("location"));
    assert_eq!(door.status, 200);
    assert!(
        door.text.contains(&format!("value=\"{wanted}\"")),
        "{}",
        door.text
    );
    let entered = browser.post("/login", &format!("token=token-of-vera&next={wanted}"));
    assert_eq!(
        (entered.status.as_u16(), entered.header("location")),
        (303, &*wanted)
    );
    let cookie = entered.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("token-of"), "{cookie}");
    let elsewhere = browser.post("/login", "token=token-of-vera&next=//evil.example");
    assert_eq!(elsewhere.header("location"), "/");
}

#[test]
fn a_link_of_another_site_is_followed_once_more_from_here_where_the_cookie_is_sent() {
    let (server, page) = with_incident();
    let browser = Browser::new(&server);
    let come = browser.call(Method::GET, &page, &[("sec-fetch-site", "cross-site")], "");
    assert_eq!(come.status, 200);
    assert!(
        come.text.contains(&format!("content=\"0;url={page}\"")),
        "{}",
        come.text
    );
    assert!(!come.text.contains("PaymentsFail"), "{}", come.text);
}

#[test]
fn a_token_that_is_not_known_or_comes_from_another_page_opens_nothing() {
    let server = Server::start();
    let browser = Browser::new(&server);
    let key = "token=token-of-ada";
    let tries = [
        (browser.post("/login", "token=nonsense-nonsense"), 401),
        (browser.post("/login", "token="), 401),
        (
            browser.call(
                Method::POST,
                "/login",
                &[("origin", "https://evil.example")],
                key,
            ),
            403,
        ),
        (
            browser.call(
                Method::POST,
                "/login",
                &[("sec-fetch-site", "cross-site")],
                key,
            ),
            403,
        ),
        (browser.call(Method::POST, "/login", &[], key), 403),
        (
            browser.call(
                Method::POST,
                "/login",
                &[
                    ("host", "ripcord.example"),
                    ("origin", "http://ripcord.example"),
                ],
                key,
            ),
            403,
        ),
    ];
    for (number, (answer, status)) in tries.iter().enumerate() {
        assert_eq!(answer.status, *status, "{number}: {}", answer.text);
        assert_eq!(answer.header("set-cookie"), "", "{number}");
    }
    let forged = Browser {
        cookie: "ripcord=AAAA; __Host-ripcord=AAAA".to_owned(),
        ..browser
    };
    assert_eq!(forged.get("/").status, 303);
}

#[test]
fn a_role_sees_and_does_what_is_its_own_and_the_audit_says_who() {
    let (server, page) = with_incident();
    let say = format!("{page}/say");
    let note = "say=note&text=seen";
    let called = server.audit.read().len();
    let vera = Browser::signed_in(&server, "vera");
    let rosa = Browser::signed_in(&server, "rosa");
    let ada = Browser::signed_in(&server, "ada");
    let tries = [
        ("vera", vera.get("/"), 200),
        ("vera", vera.get(&page), 200),
        ("vera", vera.post(&say, note), 403),
        ("vera", vera.post("/incidents", "title=x"), 403),
        ("rosa", rosa.post(&say, note), 303),
        ("rosa", rosa.get("/dead-letters"), 403),
        ("rosa", rosa.post("/dead-letters", "number=1"), 403),
        ("ada", ada.get("/dead-letters"), 200),
        ("ada", ada.post("/dead-letters", "number=1"), 303),
        ("ada", ada.get("/incidents/i-nowhere"), 404),
    ];
    let lines = server.audit.read();
    let lines = &lines[called..];
    assert_eq!(lines[0]["who"], "vera");
    assert_eq!(
        (&lines[0]["path"], &lines[0]["status"]),
        (&json!("/login"), &json!(303))
    );
    for ((who, answer, status), line) in tries.iter().zip(&lines[3..]) {
        assert_eq!(answer.status, *status, "{who}: {line}");
        assert_eq!(line["who"], *who, "{line}");
        assert_eq!(line["status"], *status, "{line}");
    }
    assert!(!serde_json::to_string(lines).unwrap().contains("token-of"));
    let told = events_of(&server, &page);
    assert_eq!(told.last().unwrap()["author"], "rosa");
}

#[test]
fn a_form_of_another_site_writes_nothing_whoever_is_signed_in() {
    let (server, page) = with_incident();
    let before = events_of(&server, &page).len();
    let rosa = Browser::signed_in(&server, "rosa");
    let others: [&[(&str, &str)]; 5] = [
        &[],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", &server.address)],
    ];
    for headers in others {
        let say = rosa.call(
            Method::POST,
            &format!("{page}/say"),
            headers,
            "say=note&text=x",
        );
        assert_eq!(say.status, 403, "{headers:?}");
        let left = rosa.call(Method::POST, "/logout", headers, "");
        assert_eq!(left.status, 403, "{headers:?}");
    }
    assert_eq!(events_of(&server, &page).len(), before);
    assert_eq!(rosa.get("/").status, 200, "nor is anybody signed out");
}

#[test]
fn what_was_written_when_the_session_had_ended_is_given_back() {
    let (server, page) = with_incident();
    let rosa = Browser::signed_in(&server, "rosa");
    assert_eq!(rosa.post("/logout", "").status, 303);
    let lost = rosa.post(
        &format!("{page}/say"),
        "say=note&text=an+hour+of+thought+%3Cb%3E",
    );
    assert_eq!(lost.status, 401);
    assert!(
        lost.text.contains("an hour of thought &lt;b&gt;"),
        "{}",
        lost.text
    );
}

#[test]
fn an_incident_that_is_not_over_is_closed_on_purpose_alone() {
    let (server, page) = with_incident();
    let rosa = Browser::signed_in(&server, "rosa");
    let say = format!("{page}/say");
    let refused = rosa.post(&say, "say=close&text=it+was+nothing");
    assert_eq!(refused.status, 409);
    for part in [
        "the alert `PaymentsFail` fires",
        "it was nothing",
        "although",
    ] {
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    let closed = rosa.post(&say, "say=close&text=it+was+nothing&although=yes");
    assert_eq!(closed.status, 303);
    let shown = rosa.get(closed.header("location").split('#').next().unwrap());
    assert!(shown.text.contains("Written down."), "{}", shown.text);
    assert!(
        shown.text.contains("Closed by rosa: it was nothing"),
        "{}",
        shown.text
    );
    let empty = rosa.post(&say, "say=note&text=+");
    assert_eq!(empty.status, 422);
    let strange = rosa.post(&say, "say=shout&text=words");
    assert_eq!(strange.status, 422);
    assert!(strange.text.contains("words"), "{}", strange.text);
}

#[test]
fn an_incident_is_opened_on_a_page_and_found_under_its_address() {
    let server = Server::start();
    let rosa = Browser::signed_in(&server, "rosa");
    let form = "title=carts+are+lost&service=cart&environment=production";
    let opened = rosa.post("/incidents", form);
    assert_eq!(opened.status, 303);
    let shown = rosa.get(opened.header("location").split('#').next().unwrap());
    let command = "ripcord rollback cart production --incident i-";
    assert!(shown.text.contains(command), "{}", shown.text);
}

#[test]
fn no_page_lets_a_browser_run_or_frame_or_keep_what_is_not_ours() {
    let (server, page) = with_incident();
    let ada = Browser::signed_in(&server, "ada");
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                  form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    let pages = [
        "/",
        "/incidents",
        &page,
        "/dead-letters",
        "/login",
        "/nowhere",
        "/incidents/x",
    ];
    for path in pages {
        let answer = ada.get(path);
        assert_eq!(answer.header("content-security-policy"), policy, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    }
    let review = ada.get(&format!("{page}/review"));
    assert_eq!(review.status, 200);
    let own = review.header("content-security-policy");
    assert!(
        own.starts_with("default-src 'none'; style-src 'sha256-"),
        "{own}"
    );
    assert!(
        own.contains("frame-ancestors 'none'") && !own.contains("script-src"),
        "{own}"
    );
}

#[test]
fn what_pages_load_is_kept_for_a_year_under_a_name_of_its_content() {
    let server = Server::start();
    let browser = Browser::new(&server);
    let door = browser.get("/login").text;
    let paths: Vec<&str> = door
        .split('"')
        .filter(|part| part.starts_with("/static/"))
        .collect();
    assert_eq!(paths.len(), 3, "{door}");
    for path in paths {
        let asset = browser.get(path);
        assert_eq!(asset.status, 200, "{path}");
        assert!(
            asset.header("cache-control").contains("immutable"),
            "{path}"
        );
        assert_eq!(
            asset.headers.get("x-content-type-options"),
            Some(&HeaderValue::from_static("nosniff"))
        );
    }
    assert_eq!(
        browser.get("/static/style-0000000000000000.css").status,
        404
    );
}

/// The next event of a stream, as its fields.
async fn next_of(stream: &mut Response, read: &mut String) -> Option<Vec<(String, String)>> {
    loop {
        if let Some((event, rest)) = read.split_once("\n\n") {
            let fields = event.lines().filter_map(|line| line.split_once(':'));
            let fields = fields
                .map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()))
                .collect();
            let read_to = read.len() - rest.len();
            read.drain(..read_to);
            return Some(fields);
        }
        let bytes = tokio::time::timeout(Duration::from_mins(1), stream.chunk());
        let bytes = bytes.await.expect("nothing came for a minute").ok()??;
        read.push_str(std::str::from_utf8(&bytes).unwrap());
    }
}

fn field<'a>(event: &'a [(String, String)], name: &str) -> &'a str {
    let found = event.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value.as_str())
}

/// Writes to the records as a command line does: the server is not told.
fn note_beside(server: &Server, page: &str, chance: u128) {
    let mut records = Sqlite::open(&server.file).unwrap();
    let teller = Teller {
        author: "anna",
        place: "laptop",
        now: "2026-11-27T17:16:00Z".parse().unwrap(),
        chance,
    };
    let note = Saying::Note {
        text: format!("note {chance}"),
    };
    let id = page.strip_prefix("/incidents/").unwrap();
    ripcord_casebook::say(&mut records, Some(id), &note, &teller).unwrap();
}

#[test]
fn a_stream_names_what_changed_whoever_wrote_it_and_goes_on_where_a_browser_was_cut_off() {
    let (server, page) = with_incident();
    let id = page.strip_prefix("/incidents/").unwrap();
    let vera = Browser::signed_in(&server, "vera");
    let html = vera.get(&page).text;
    let known = html.split("data-news=\"").nth(1).unwrap();
    let known = known.split('"').next().unwrap();
    let last = wait(async {
        let mut stream = vera
            .send(Method::GET, &format!("/events?after={known}"), &[], "")
            .await;
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        let mut read = String::new();
        let (server, page) = (&server, &page);
        std::thread::scope(|scope| scope.spawn(|| note_beside(server, page, 1)).join().unwrap());
        let event = next_of(&mut stream, &mut read).await.unwrap();
        assert_eq!(field(&event, "event"), "changed");
        let told: Value = serde_json::from_str(field(&event, "data")).unwrap();
        assert_eq!(told, json!({"incidents": [id], "production": false}));
        field(&event, "id").to_owned()
    });
    note_beside(&server, &page, 2);
    wait(async {
        let again = [("last-event-id", last.as_str())];
        let mut stream = vera.send(Method::GET, "/events?after=0", &again, "").await;
        let event = next_of(&mut stream, &mut String::new()).await.unwrap();
        assert!(field(&event, "id").parse::<i64>().unwrap() > last.parse().unwrap());
        assert!(field(&event, "data").contains(id));
    });
    // A page of other records, which were put in the place of these.
    wait(async {
        let mut stream = vera
            .send(Method::GET, "/events?after=999999", &[], "")
            .await;
        let event = next_of(&mut stream, &mut String::new()).await.unwrap();
        assert!(field(&event, "data").contains("\"production\":true"));
    });
    assert_eq!(Browser::new(&server).get("/events").status, 401);
}

#[test]
fn a_silent_stream_says_that_it_lives_and_ends_with_its_session() {
    let server = Server::start();
    let vera = Browser::signed_in(&server, "vera");
    wait(async {
        let mut stream = vera.send(Method::GET, "/events", &[], "").await;
        let alive = tokio::time::timeout(Duration::from_mins(1), stream.chunk()).await;
        assert_eq!(&*alive.unwrap().unwrap().unwrap(), b": alive\n\n");
        let origin = server.address.clone();
        let left = vera
            .send(Method::POST, "/logout", &[("origin", &origin)], "")
            .await;
        assert_eq!(left.status(), 303);
        let mut read = String::new();
        while let Some(event) = next_of(&mut stream, &mut read).await {
            assert_eq!(field(&event, "event"), "", "{event:?}");
        }
    });
}

#[test]
fn the_server_ends_although_pages_are_open() {
    let mut server = Server::start();
    let address = server.address.strip_prefix("http://").unwrap().to_owned();
    let vera = Browser::signed_in(&server, "vera");
    let (runtime, streams) = wait_with(|| async {
        let mut streams = Vec::new();
        for _ in 0..3 {
            streams.push(vera.send(Method::GET, "/events", &[], "").await);
        }
        streams
    });
    server.end().unwrap();
    runtime.block_on(async {
        for mut stream in streams {
            while let Ok(Some(_)) = stream.chunk().await {}
        }
    });
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// As `wait`, with the runtime that what was begun lives on.
fn wait_with<T, F: Future<Output = T>>(work: impl FnOnce() -> F) -> (tokio::runtime::Runtime, T) {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
    let done = runtime.block_on(work());
    (runtime, done)
}
