//! A server that is killed, whose disk is full, whose database is away: nothing that it accepted is lost or doubled.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ripcord_testkit::{PostgresServer, Ripcord, Serving, ask};
use serde_json::{Value, json};

use crate::incidents::{Desk, TOKEN, settings};
use crate::stage::BINARY;

const SECRET: &str = "alert-secret";

/// An alert of its own.
fn page(number: u32) -> String {
    json!({
        "version": "4", "groupKey": format!("g{number}"), "status": "firing",
        "alerts": [{
            "status": "firing",
            "labels": {"alertname": "Errors", "service": format!("service-{}", number % 3)},
            "annotations": {}, "startsAt": "2026-10-01T11:58:00Z", "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": format!("f{number}"),
        }],
    })
    .to_string()
}

/// What the pager does: sends until it is accepted.
fn send_until_accepted(address: &str, number: u32) {
    let body = page(number);
    let until = Instant::now() + Duration::from_mins(2);
    while !matches!(post(address, &body), Ok(answer) if answer.starts_with("HTTP/1.1 202")) {
        assert!(Instant::now() < until, "{number} is never accepted");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One try; the whole answer.
fn post(address: &str, body: &str) -> std::io::Result<String> {
    ask(address, "POST", "/intake/prometheus", SECRET, body)
}

/// Settings whose records are elsewhere.
fn settings_with(desk: &Desk, more: &str) -> String {
    let file = settings(desk);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{more}\n{text}")).unwrap();
    file
}

/// How often each alert is in the records.
fn told(server: &Serving) -> BTreeMap<String, u32> {
    let get = |path: &str| -> Value {
        let (status, body) = server.call("GET", path, TOKEN, "").unwrap();
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let mut told = BTreeMap::new();
    for incident in get("/api/v1/incidents")["incidents"].as_array().unwrap() {
        let id = incident["id"].as_str().unwrap();
        let case = get(&format!("/api/v1/incidents/{id}"));
        for event in case["events"].as_array().unwrap() {
            if let Some(alert) = event["fact"]["alert"].as_str() {
                *told.entry(alert.to_owned()).or_default() += 1;
            }
        }
    }
    told
}

/// Waits until all are filed; each is there once.
fn assert_each_once(server: &Serving, count: u32) {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let told = told(server);
        if told.len() == usize::try_from(count).unwrap() {
            assert!(told.values().all(|times| *times == 1), "{told:?}");
            return;
        }
        assert!(
            Instant::now() < until,
            "{} of {count} are there",
            told.len()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The address of a server that is begun again there.
fn address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

fn killed_while_pages_come_in(desk: &Desk, records: &str) {
    const PAGES: u32 = 240;
    let ripcord = desk.ripcord().env("ALERTS", SECRET).env("RECORDS", records);
    let file = settings_with(desk, "records: {env: RECORDS}");
    let address = address();
    let (next, all_sent) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let mut pagers = Vec::new();
        for _ in 0..6 {
            pagers.push(scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= PAGES {
                        return;
                    }
                    send_until_accepted(&address, number);
                    // A pager whose answer was lost sends the same again.
                    if number % 5 == 0 {
                        send_until_accepted(&address, number);
                    }
                }
            }));
        }
        // Killed after other spans each time: between keeping and filing, in the middle of either, and at rest.
        let killing = scope.spawn(|| {
            let mut chance = fastrand::Rng::with_seed(7);
            while !all_sent.load(Ordering::Relaxed) {
                let server = Serving::start_at(&ripcord, &file, &address).unwrap();
                std::thread::sleep(Duration::from_millis(chance.u64(1..120)));
                server.kill().unwrap();
            }
        });
        for pager in pagers {
            pager.join().unwrap();
        }
        all_sent.store(true, Ordering::Relaxed);
        killing.join().unwrap();
    });
    let server = Serving::start_at(&ripcord, &file, &address).unwrap();
    assert_each_once(&server, PAGES);
    let _ = server.end().unwrap();
}

#[test]
fn killed_at_any_moment_it_loses_and_doubles_nothing_in_sqlite() {
    let desk = Desk::new();
    let records = desk.write("incidents.sqlite", "");
    killed_while_pages_come_in(&desk, &records);
}

#[test]
fn killed_at_any_moment_it_loses_and_doubles_nothing_in_postgresql() {
    let database = PostgresServer::start().unwrap();
    killed_while_pages_come_in(&Desk::new(), &database.database("killed").unwrap());
}

#[test]
fn told_to_end_it_panicked_at_times_when_a_call_was_the_last_to_use_the_database() {
    let database = PostgresServer::start().unwrap();
    let url = database.database("ended").unwrap();
    let desk = Desk::new();
    let file = settings_with(&desk, "records: {env: RECORDS}");
    let ripcord = desk.ripcord().env("ALERTS", SECRET).env("RECORDS", url);
    for _ in 0..20 {
        let server = Serving::start(&ripcord, &file).unwrap();
        for _ in 0..10 {
            let answer = server.call("GET", "/api/v1/incidents", TOKEN, "");
            assert_eq!(answer.unwrap().0, 200);
        }
        let _ = server.end().unwrap();
    }
}

#[test]
fn while_the_database_is_away_senders_are_told_to_try_again_and_afterwards_all_is_taken() {
    let mut database = PostgresServer::start().unwrap();
    let desk = Desk::new();
    let file = settings_with(&desk, "records: {env: RECORDS}");
    let url = database.database("away").unwrap();
    let ripcord = desk.ripcord().env("ALERTS", SECRET).env("RECORDS", url);
    let server = Serving::start(&ripcord, &file).unwrap();
    send_until_accepted(server.address(), 0);
    database.crash().unwrap();
    let answer = post(server.address(), &page(1)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.to_lowercase().contains("retry-after: "), "{answer}");
    assert!(
        !answer.contains("postgres"),
        "what is behind it is not for everybody: {answer}"
    );
    let is_ready = || server.call("GET", "/readyz", "", "").unwrap().0 == 200;
    let until = Instant::now() + Duration::from_mins(1);
    while is_ready() {
        assert!(Instant::now() < until, "it says that it is ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.call("GET", "/healthz", "", "").unwrap().0, 200);
    database.start_again().unwrap();
    for number in 1..4 {
        send_until_accepted(server.address(), number);
    }
    assert_each_once(&server, 4);
    assert!(is_ready());
    let _ = server.end().unwrap();
}

/// Serves from a disk of 600 kB that something else fills until the file `free` appears.
const ON_A_FULL_DISK: &str = r#"
    set -e
    mount -t tmpfs -o size=600k none "$1"
    shift
    head -c 350000 /dev/zero > "$DISK/other"
    (while [ ! -e "$FREE" ]; do sleep 0.05; done; rm "$DISK/other") &
    exec "$@"
"#;

#[test]
fn a_full_disk_is_told_to_senders_and_with_space_again_nothing_that_was_accepted_is_lost() {
    let desk = Desk::new();
    let disk = desk.folder("disk");
    let free = format!("{disk}-is-free");
    let records = format!("records: '{disk}/incidents.sqlite'\naudit: /dev/null");
    let file = settings_with(&desk, &records);
    let wrapped = Ripcord::new(desk.scratch(), "unshare");
    let wrapped = wrapped
        .env("ALERTS", SECRET)
        .env("DISK", &disk)
        .env("FREE", &free);
    let around = [
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        ON_A_FULL_DISK,
        "sh",
        &disk,
        BINARY,
    ];
    let server = Serving::start_around(&wrapped, &around, &file).unwrap();
    let mut accepted = Vec::new();
    let refused = (0..5000).find(|&number| {
        let answer = post(server.address(), &page(number)).unwrap();
        if answer.starts_with("HTTP/1.1 202") {
            accepted.push(number);
            return false;
        }
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.to_lowercase().contains("retry-after: "), "{answer}");
        true
    });
    let refused = refused.expect("the disk is never full");
    assert!(!accepted.is_empty(), "nothing was accepted before");
    std::fs::write(&free, "").unwrap();
    send_until_accepted(server.address(), refused);
    assert_each_once(&server, refused + 1);
    let _ = server.end().unwrap();
}
