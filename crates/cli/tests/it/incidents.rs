//! Incidents on the command line, with and without a server.

use ripcord_testkit::{Output, Ripcord, Scratch, Serving};
use serde_json::{Value, json};

use crate::stage::{BINARY, assert_says, json as parsed};

pub(crate) const FIRING: &str = r#"{"version":"4","groupKey":"g","status":"firing","alerts":[{"status":"firing",
    "labels":{"alertname":"PaymentsFail","service":"payments"},"annotations":{},
    "startsAt":"2026-10-01T11:58:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f1"}]}"#;

/// The token of anna, who is a responder.
pub(crate) const TOKEN: &str = "0123456789abcdef-anna";

/// A machine without a repository.
pub(crate) struct Desk {
    scratch: Scratch,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            scratch: Scratch::new().unwrap(),
        }
    }

    pub(crate) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// A new folder; its path.
    pub(crate) fn folder(&self, name: &str) -> String {
        let folder = self.scratch.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder.to_str().unwrap().to_owned()
    }

    pub(crate) fn ripcord(&self) -> Ripcord {
        Ripcord::new(&self.scratch, BINARY).env("RIPCORD_AUTHOR", "Olga Call")
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.ripcord().run(args).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let file = self.scratch.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn open(&self) {
        let words = ["incident", "open", "payments fail", "--service", "payments"];
        let output = self
            .run(&[&words[..], &["--name", "INC-7"]].concat())
            .assert_code(0);
        assert_says(
            &output,
            &[
                "payments fail",
                "ripcord rollback payments production --incident i-",
            ],
        );
    }
}

#[test]
fn what_is_said_of_an_incident_is_listed_shown_and_in_its_review() {
    let desk = Desk::new();
    desk.open();
    let _ = desk
        .run(&["incident", "note", "INC-7", "the provider is fine"])
        .assert_code(0);
    let _ = desk
        .run(&["incident", "decide", "INC-7", "roll back"])
        .assert_code(0);
    let list = parsed(desk.run(&["incident", "list", "-o", "json"]), 0);
    assert_eq!(list["incidents"][0]["title"], "payments fail");
    assert_eq!(list["incidents"][0]["names"], json!(["INC-7"]));
    let shown = desk.run(&["incident", "show"]).assert_code(0);
    assert_says(
        &shown,
        &[
            "the provider is fine (Olga Call)",
            "due",
            "missing",
            "payments in production",
        ],
    );
    let review = desk.run(&["review", "INC-7", "-o", "md"]).assert_code(0);
    assert_says(
        &review,
        &["# Review: payments fail", "the provider is fine", "unknown"],
    );
    let page = desk.run(&["review", "INC-7", "-o", "html"]).assert_code(0);
    assert_says(
        &page,
        &["<!DOCTYPE html>", "Content-Security-Policy", "<svg"],
    );
}

#[test]
fn an_incident_that_is_not_over_is_closed_only_on_purpose() {
    let desk = Desk::new();
    desk.open();
    let close = ["incident", "close", "INC-7", "--why", "done"];
    let refused = desk.run(&close).assert_code(3);
    assert!(
        refused.stderr.contains("--although-not-over"),
        "{refused:?}"
    );
    let _ = desk
        .run(&[&close[..], &["--although-not-over"]].concat())
        .assert_code(0);
    let none = desk.run(&["incident", "list"]).assert_code(0);
    assert_says(&none, &["no incident is open"]);
    let all = desk.run(&["incident", "list", "--all"]).assert_code(0);
    assert_says(&all, &["closed", "INC-7"]);
    // Two things that are said at the same instant have no order.
    let later = desk.ripcord().at("2026-10-01T13:00:00Z");
    let _ = later
        .run(["incident", "reopen", "INC-7", "--why", "again"])
        .unwrap()
        .assert_code(0);
    let _ = desk.run(&["incident", "show"]).assert_code(0);
}

#[test]
fn a_wrong_name_instant_or_time_is_told_with_what_would_do() {
    let desk = Desk::new();
    desk.open();
    let cases: [(&[&str], &str); 4] = [
        (&["incident", "note", "INC-8", "x"], "ripcord incident list"),
        (&["incident", "note", "INC-7", "  "], "is empty"),
        (
            &[
                "incident", "correct", "INC-7", "fird", "12:00", "--why", "x",
            ],
            "fired",
        ),
        (
            &[
                "incident", "correct", "INC-7", "fired", "noonish", "--why", "x",
            ],
            "noonish",
        ),
    ];
    for (args, said) in cases {
        let refused = desk.run(args).assert_code(2);
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
    let wrong = desk.run(&["incident", "list", "-o", "md"]).assert_code(2);
    assert!(wrong.stderr.contains("review"), "{wrong:?}");
}

#[test]
fn a_review_that_is_written_again_keeps_what_people_wrote() {
    let desk = Desk::new();
    desk.open();
    let file = desk.scratch.path().join("reviews/INC-7.md");
    let path = file.to_str().unwrap();
    let write = ["review", "INC-7", "--write", path];
    let _ = desk.run(&write).assert_code(0);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("## Impact\n", "## Impact\n\nAnna forgot the migration.\n");
    std::fs::write(&file, &text).unwrap();
    let _ = desk
        .run(&["incident", "note", "INC-7", "a later fact"])
        .assert_code(0);
    let _ = desk.run(&write).assert_code(0);
    let again = std::fs::read_to_string(&file).unwrap();
    assert!(again.contains("Anna forgot the migration."), "{again}");
    assert!(again.contains("a later fact"), "{again}");
    let lint = desk
        .run(&["review", "INC-7", "--from", path, "--lint"])
        .assert_code(3);
    assert_says(&lint, &["forgot", "no action item"]);
    let items = desk
        .run(&["review", "INC-7", "--from", path, "--items"])
        .assert_code(0);
    assert_says(&items, &["no action item is open"]);
}

#[test]
fn a_body_is_tried_without_being_kept() {
    let desk = Desk::new();
    let file = desk.write("alert.json", FIRING);
    let tried = parsed(
        desk.run(&[
            "intake",
            "try",
            &file,
            "--kind",
            "alertmanager",
            "-o",
            "json",
        ]),
        0,
    );
    assert_eq!(tried["events"][0]["concern"]["service"], "payments");
    let _ = desk
        .run(&["intake", "try", &file, "--kind", "alertmanager"])
        .assert_code(0);
    let wrong = desk
        .run(&["intake", "try", &file, "--kind", "pagerduty"])
        .assert_code(1);
    assert!(wrong.stderr.contains("dead letter"), "{wrong:?}");
    let none = parsed(desk.run(&["incident", "list", "--all", "-o", "json"]), 0);
    assert_eq!(none["incidents"], json!([]));
}

#[test]
fn a_mapping_is_tried_before_it_is_in_any_settings() {
    let desk = Desk::new();
    let body = desk.write(
        "body.json",
        r#"{"n":7,"up":false,"svc":"payments","t":1763658000}"#,
    );
    let mapping = |up: &str| {
        let text = format!(
            "body: {{alert: {{id: $.n, state: {up}, words: {{'false': firing, 'true': resolved}}, at: $.t, service: $.svc}}}}"
        );
        desk.write("mapping.yaml", &text)
    };
    let run = |file: &str| {
        let args = [
            "intake",
            "try",
            &body,
            "--kind",
            "generic",
            "--mapping",
            file,
        ];
        desk.run(&[&args[..], &["-o", "json"]].concat())
    };
    let tried = parsed(run(&mapping("$.up")), 0);
    assert_eq!(tried["events"][0]["concern"]["service"], "payments");
    assert_eq!(tried["events"][0]["fact"]["state"], "firing");
    let wrong = run(&mapping("$.down")).assert_code(1);
    let words = "`state`: the path `$.down` gave nothing of an object with n, up, svc, t";
    assert!(format!("{wrong:?}").contains(words), "{wrong:?}");
    let _ = run(&mapping("down")).assert_code(2);
    let _ = desk
        .run(&["intake", "try", &body, "--kind", "generic"])
        .assert_code(2);
}

#[test]
fn records_that_are_no_database_or_need_one_that_is_away_are_told_without_the_password() {
    let desk = Desk::new();
    let file = desk.write(
        "text.db",
        "this is no database, and longer than a page header would be ......",
    );
    let refused = desk
        .run(&["incident", "list", "--records", &file])
        .assert_code(7);
    assert!(refused.stderr.contains("text.db"), "{refused:?}");
    let away = "postgres://ripcord:hunter2@127.0.0.1:9/incidents";
    let refused = desk
        .run(&["incident", "list", "--records", away])
        .assert_code(7);
    assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    let help = desk
        .ripcord()
        .env("RIPCORD_RECORDS", away)
        .run(["incident", "list", "--help"]);
    assert!(!help.unwrap().stdout.contains("hunter2"));
}

/// A server of this machine.
pub(crate) fn serving(desk: &Desk, settings: &str) -> Serving {
    let ripcord = desk.ripcord().env("ALERTS", "alert-secret");
    Serving::start(&ripcord, settings).unwrap()
}

pub(crate) fn settings(desk: &Desk) -> String {
    desk.write("token", "0123456789abcdef-anna\n");
    let token = desk.scratch.path().join("token");
    desk.write(
        "server.yaml",
        &format!(
            "sources:\n  prometheus: {{kind: alertmanager, secrets: [{{env: ALERTS}}]}}\n\
             tokens:\n  - {{name: anna, role: responder, secret: {{file: '{}'}}}}\n",
            token.display()
        ),
    )
}

#[test]
fn a_page_that_the_server_took_in_is_on_the_command_line_and_the_other_way_round() {
    let desk = Desk::new();
    let server = serving(&desk, &settings(&desk));
    let token = TOKEN;
    assert_eq!(
        server
            .call("POST", "/intake/prometheus", "alert-secret", FIRING)
            .unwrap()
            .0,
        202
    );
    assert_eq!(
        server
            .call("POST", "/intake/prometheus", "other", FIRING)
            .unwrap()
            .0,
        401
    );
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let listed = loop {
        let list = parsed(desk.run(&["incident", "list", "-o", "json"]), 0);
        if list["incidents"][0].is_object() {
            break list;
        }
        assert!(std::time::Instant::now() < until, "nothing was filed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(listed["incidents"][0]["title"], "PaymentsFail");
    let id = listed["incidents"][0]["id"].as_str().unwrap().to_owned();
    let _ = desk
        .run(&["incident", "note", &id, "seen from the laptop"])
        .assert_code(0);
    let (status, shown) = server
        .call("GET", &format!("/api/v1/incidents/{id}"), token, "")
        .unwrap();
    assert_eq!(status, 200);
    assert!(shown.contains("seen from the laptop"), "{shown}");
    let said = server.end().unwrap();
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["who"], "anna");
    assert!(
        !said.contains(token) && !said.contains("alert-secret"),
        "{said}"
    );
}

#[test]
fn settings_that_cannot_be_used_are_told_before_anything_is_served() {
    let desk = Desk::new();
    let check = |text: &str| {
        let file = desk.write("bad.yaml", text);
        desk.run(&["serve", "--check", "--settings", &file])
            .assert_code(2)
            .stderr
    };
    let cases = [
        ("sources: {a: {kind: pager, secrets: []}}", "kind"),
        ("sources: {a: {kind: pagerduty, secrets: []}}", "no secret"),
        (
            "sources: {a: {kind: pagerduty, secrets: [{env: NOWHERE_SET}]}}",
            "NOWHERE_SET",
        ),
        (
            "sources: {'a/b': {kind: pagerduty, secrets: []}}",
            "address",
        ),
        ("tokens: [{name: a, role: boss, secret: {env: X}}]", "role"),
        ("listens: here", "listens"),
        ("time_zone: Mars/Olympus", "Mars"),
    ];
    for (text, said) in cases {
        let refused = check(text);
        assert!(refused.contains(said), "{text}: {refused}");
    }
    let short = desk.write("short", "tiny-secret");
    let refused = check(&format!(
        "tokens: [{{name: a, role: admin, secret: {{file: '{short}'}}}}]"
    ));
    assert!(
        refused.contains("could be guessed") && !refused.contains("tiny-secret"),
        "{refused}"
    );
    let file = settings(&desk);
    let good = desk.ripcord().env("ALERTS", "alert-secret");
    let good = good
        .run(["serve", "--check", "--settings", &file])
        .unwrap()
        .assert_code(0);
    assert!(good.stderr.contains("1 sources"), "{good:?}");
}

#[test]
fn what_was_written_without_a_server_is_told_to_one_later_and_once() {
    let (desk, elsewhere) = (Desk::new(), Desk::new());
    desk.open();
    let server = serving(&elsewhere, &settings(&elsewhere));
    let address = format!("http://{}", server.address());
    let sync = |more: &[&str]| {
        let words = ["incident", "sync", "--server", &address, "-o", "json"];
        let as_anna = desk.ripcord().env("RIPCORD_TOKEN", TOKEN);
        as_anna.run([&words[..], more].concat()).unwrap()
    };
    let would = parsed(sync(&["--dry-run"]), 0);
    assert!(would["events"].as_u64().unwrap() > 0, "{would}");
    let (_, none) = server.call("GET", "/api/v1/incidents", TOKEN, "").unwrap();
    assert!(!none.contains("payments fail"), "a dry run sends nothing");

    let told = parsed(sync(&[]), 0);
    assert_eq!(told["events"], would["events"]);
    let _ = desk
        .run(&["incident", "note", "INC-7", "the provider is fine"])
        .assert_code(0);
    assert_eq!(parsed(sync(&[]), 0)["events"], 1, "only what is new");
    assert_eq!(parsed(sync(&[]), 0)["events"], 0);
    let (status, there) = server
        .call("GET", "/api/v1/incidents/INC-7", TOKEN, "")
        .unwrap();
    assert_eq!(status, 200, "{there}");
    assert!(there.contains("payments fail") && there.contains("the provider is fine"));
    assert!(there.contains("Olga Call (sent by anna)"), "{there}");
    let _ = server.end().unwrap();
}

#[test]
fn a_server_that_is_away_or_refuses_loses_nothing_of_what_it_is_to_be_told() {
    let (desk, elsewhere) = (Desk::new(), Desk::new());
    desk.open();
    let server = serving(&elsewhere, &settings(&elsewhere));
    let address = format!("http://{}", server.address());
    let sync = |token: &str| {
        let told = desk.ripcord().env("RIPCORD_TOKEN", token);
        told.env("RIPCORD_SERVER", &address)
            .run(["incident", "sync"])
            .unwrap()
    };
    let refused = sync("0123456789abcdef-nobody").assert_code(6);
    assert_says(&refused, &["RIPCORD_TOKEN"]);
    assert!(!refused.stderr.contains("nobody"), "{}", refused.stderr);
    let _ = server.end().unwrap();
    let away = sync(TOKEN).assert_code(6);
    assert_says(&away, &["does not answer", "ripcord incident sync"]);

    let again = serving(&elsewhere, &settings(&elsewhere));
    let address = format!("http://{}", again.address());
    let told = desk
        .ripcord()
        .env("RIPCORD_TOKEN", TOKEN)
        .run(["incident", "sync", "--server", &address])
        .unwrap()
        .assert_code(0);
    assert_says(&told, &["sent to"]);
    let _ = again.end().unwrap();
}
