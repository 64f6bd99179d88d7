//! The pages in a real browser: this starts a server with an evening's records, and `node` drives the browser.
//!
//! `RIPCORD_E2E_SCREENSHOTS=FOLDER` keeps pictures of each page.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod evening;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{OnceLock, mpsc};
use std::time::Instant;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ripcord_domain::incident::event::SourceKind;
use ripcord_intake::Mapping;
use ripcord_server::access::{Role, Token};
use ripcord_server::serve::{Parts, serve};
use ripcord_server::source::{Secret, Source, Sources};
use ripcord_store::Sqlite;
use tokio::sync::oneshot;

/// It is always the same evening, and its clock goes on.
fn clock() -> Timestamp {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let since = BEGAN.get_or_init(Instant::now).elapsed();
    let five_twenty: Timestamp = "2026-11-27T17:20:00Z".parse().unwrap();
    five_twenty + SignedDuration::try_from(since).unwrap()
}

fn token(name: &str, role: Role) -> Token {
    Token {
        name: name.to_owned(),
        role,
        secret: Secret::new(format!("token-of-{name}-0123456789")),
    }
}

fn parts(file: &Path) -> Parts {
    let file = file.to_owned();
    let source = Source {
        kind: SourceKind::Alertmanager,
        mapping: Mapping::default(),
        secrets: vec![Secret::new("test-secret")],
    };
    Parts {
        name: "server".to_owned(),
        sources: Sources::from([("prometheus".to_owned(), source)]),
        tokens: vec![
            token("vera", Role::Viewer),
            token("rosa", Role::Responder),
            token("ada", Role::Admin),
        ],
        calls_per_minute: NonZeroU32::new(600).unwrap(),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        close_after: None,
        audit: Box::new(std::io::sink()),
        announce: Vec::new(),
        looks: Vec::new(),
        say: |_| (),
        records: Box::new(move || Ok(Box::new(Sqlite::open(&file)?))),
        clock,
    }
}

fn command(program: &str) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the browser is driven by a program of its own"
    )]
    Command::new(program)
}

/// The folder with the scripts, and the browser; else what to do.
fn stage() -> (PathBuf, PathBuf) {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e");
    assert!(
        scripts.join("node_modules/playwright-core").is_dir(),
        "the browser's driver is not installed: `npm ci --prefix e2e`"
    );
    let node = command("node").arg("--version").output();
    assert!(
        node.is_ok_and(|node| node.status.success()),
        "`node` (20 or newer) is not installed"
    );
    let browser = std::env::var_os("RIPCORD_E2E_BROWSER");
    let browser = browser.map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    assert!(
        browser.is_file(),
        "{} is not there: `apt-get install chromium`, or name another by RIPCORD_E2E_BROWSER",
        browser.display()
    );
    (scripts.canonicalize().unwrap(), browser)
}

#[test]
fn pages_can_be_read_heard_and_used_in_a_real_browser() {
    let (scripts, browser) = stage();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("incidents.sqlite");
    let incidents = evening::tell(&mut Sqlite::open(&file).unwrap());
    let (end, ended) = oneshot::channel::<()>();
    let (listening, address) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let told = move |address| listening.send(address).unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        serve(parts(&file), any, told, async {
            let _ended = ended.await;
        })
    });
    let address = address.recv().unwrap();
    let tested = command("node")
        .args(["--test", "--test-concurrency=1", "pages.test.mjs"])
        .current_dir(scripts)
        .env("RIPCORD_E2E_SERVER", format!("http://{address}"))
        .env("RIPCORD_E2E_INCIDENTS", incidents)
        .env("RIPCORD_E2E_BROWSER", browser)
        .output()
        .unwrap();
    end.send(()).unwrap();
    thread.join().unwrap().unwrap();
    assert!(
        tested.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&tested.stdout),
        String::from_utf8_lossy(&tested.stderr)
    );
}
