//! Pages that come in faster than anybody reads: what a server loses, doubles, and how long senders wait.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, StatusCode};
use ripcord_testkit::{PostgresServer, Ripcord, Running, Scratch};
use serde_json::{Value, json};

use crate::report::{Table, say};

/// What signs the deliveries, and who reads the records afterwards. They are only of these runs.
const SECRET: &str = "a-secret-of-the-bench";
const TOKEN: &str = "a-token-of-the-bench";

/// Services that the alerts are about, in turn.
const SERVICES: u64 = 200;

/// Of so many deliveries one is sent twice at the same moment, as a pager does that missed an answer.
const TWICE: u64 = 20;

/// For how long a sender waits before it sends again what was not answered 202.
const AGAIN: Duration = Duration::from_millis(500);

/// For how long records that do not grow any more are waited for.
const SETTLED: Duration = Duration::from_secs(20);

/// How much, for how long, and what is done to the server meanwhile.
pub(crate) struct Flood {
    /// Deliveries a minute.
    pub(crate) rate: u64,
    /// How many minutes.
    pub(crate) minutes: u64,
    /// After how many seconds the server is killed and started again, each time; 0: never.
    pub(crate) kill_every: u64,
    /// Also with PostgreSQL.
    pub(crate) postgres: bool,
}

pub(crate) fn run(ripcord: &Path, flood: &Flood) -> Result<Vec<Table>> {
    let head = [
        "records",
        "sent",
        "twice",
        "killed",
        "lost",
        "doubled",
        "again",
        "p50 ms",
        "p99 ms",
        "max ms",
        "filed after s",
        "MB at 1 min",
        "MB at the end",
    ];
    let title = format!(
        "{} deliveries a minute for {} min",
        flood.rate, flood.minutes
    );
    let mut table = Table::new(&title, &head);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()?;
    // Whoever was first has chosen; there is one provider only.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let scratch = Scratch::new()?;
    let file = scratch.path().join("incidents.sqlite");
    let file = file.to_str().context("the folder has no name in UTF-8")?;
    table.row(runtime.block_on(one(&scratch, ripcord, flood, "SQLite", file))?);
    if flood.postgres {
        let server = PostgresServer::start()?;
        let url = server.database("flood")?;
        table.row(runtime.block_on(one(&scratch, ripcord, flood, "PostgreSQL", &url))?);
    }
    table.note(
        "Waits are counted from the moment at which a delivery was due, until it was answered 202 for the first time; \
         with kills, the time in which no server was there is in them. The senders share the machine with the server.",
    );
    Ok(vec![table])
}

/// A server that can be killed and begun again at the same address.
struct Server<'a> {
    ripcord: Ripcord,
    settings: String,
    address: String,
    running: Option<Running>,
    http: &'a Client,
}

impl<'a> Server<'a> {
    fn new(scratch: &Scratch, binary: &Path, records: &str, http: &'a Client) -> Result<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let settings = scratch.path().join("server.yaml");
        let text = json!({
            "listen": free,
            "records": {"env": "BENCH_RECORDS"},
            "audit": scratch.path().join("audit.jsonl"),
            "sources": {"prometheus": {"kind": "alertmanager", "secrets": [{"env": "BENCH_SECRET"}]}},
            "tokens": [{"name": "bench", "role": "viewer", "secret": {"env": "BENCH_TOKEN"}}],
        });
        std::fs::write(&settings, text.to_string())?;
        let ripcord = Ripcord::new(scratch, binary.canonicalize()?)
            .env("BENCH_RECORDS", records)
            .env("BENCH_SECRET", SECRET)
            .env("BENCH_TOKEN", TOKEN);
        Ok(Self {
            ripcord,
            settings: settings.to_string_lossy().into_owned(),
            address: format!("http://{free}"),
            running: None,
            http,
        })
    }

    async fn begin(&mut self) -> Result<()> {
        self.running = Some(
            self.ripcord
                .spawn(["serve", "--settings", &self.settings])?,
        );
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let asked = self
                .http
                .get(format!("{}/readyz", self.address))
                .send()
                .await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("the server does not begin");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn kill(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            let _ = running.kill()?;
        }
        Ok(())
    }

    /// The memory that it has, in MB.
    fn memory(&self) -> Option<f64> {
        let id = self.running.as_ref()?.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes / 1024.0)
    }

    async fn ask(&self, path: &str) -> Result<Value> {
        let asked = self.http.get(format!("{}{path}", self.address));
        let answer = asked
            .bearer_auth(TOKEN)
            .timeout(Duration::from_mins(2))
            .send()
            .await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// How many firings of alerts the records have, and how many different ones.
    async fn firings(&self) -> Result<(u64, u64)> {
        let listed = self.ask("/api/v1/incidents?limit=1000").await?;
        let mut all = 0;
        let mut different = std::collections::BTreeSet::new();
        for incident in listed["incidents"].as_array().into_iter().flatten() {
            let id = incident["id"]
                .as_str()
                .context("an incident without an id")?;
            let case = self.ask(&format!("/api/v1/incidents/{id}")).await?;
            for event in case["events"].as_array().into_iter().flatten() {
                if event["fact"]["kind"] == "alert" {
                    all += 1;
                    let what = &event["fact"];
                    different.insert(format!("{} {}", what["alert"], what["started"]));
                }
            }
        }
        Ok((all, u64::try_from(different.len())?))
    }
}

/// What senders saw.
#[derive(Default)]
struct Seen {
    again: AtomicU64,
    waits: std::sync::Mutex<Vec<f64>>,
}

async fn one(
    scratch: &Scratch,
    binary: &Path,
    flood: &Flood,
    name: &str,
    records: &str,
) -> Result<Vec<Value>> {
    say(&format!("{name}: {} min", flood.minutes));
    let http = Client::builder().timeout(Duration::from_secs(10)).build()?;
    let mut server = Server::new(scratch, binary, records, &http)?;
    server.begin().await?;
    let count = flood.rate * flood.minutes;
    let gap = Duration::from_mins(1).div_f64(u32::try_from(flood.rate)?.into());
    let began = Instant::now();
    let seen = Arc::new(Seen::default());
    let to = format!("{}/intake/prometheus", server.address);
    let pace = tokio::spawn(pace(http.clone(), to, count, gap, began, Arc::clone(&seen)));
    let (mut killed, mut at_a_minute) = (0_u64, None);
    while !pace.is_finished() {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let so_far = began.elapsed().as_secs();
        if so_far >= 60 && at_a_minute.is_none() {
            at_a_minute = server.memory();
        }
        if flood.kill_every > 0 && so_far >= flood.kill_every * (killed + 1) {
            server.kill()?;
            killed += 1;
            server.begin().await?;
        }
    }
    pace.await??;
    let at_the_end = server.memory();
    let (stopped, mut settled, mut last) = (Instant::now(), Instant::now(), (0, 0));
    while last.1 < count && settled.elapsed() < SETTLED {
        let now = server.firings().await?;
        if now != last {
            (last, settled) = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let filed_after = stopped.elapsed().as_secs_f64();
    server.kill()?;
    let (all, different) = last;
    let mut waits = std::mem::take(
        &mut *seen
            .waits
            .lock()
            .map_err(|_| anyhow::anyhow!("a sender broke"))?,
    );
    waits.sort_by(f64::total_cmp);
    let at = |percent: usize| {
        let rank = (waits.len() * percent).div_ceil(100).max(1);
        waits.get(rank - 1).copied()
    };
    Ok(vec![
        json!(name),
        json!(count),
        json!(count / TWICE),
        json!(killed),
        json!(count - different.min(count)),
        json!(all - different),
        json!(seen.again.load(Ordering::Relaxed)),
        json!(at(50)),
        json!(at(99)),
        json!(at(100)),
        json!(filed_after),
        json!(at_a_minute),
        json!(at_the_end),
    ])
}

/// Sends each delivery when it is due, whatever became of those before it.
async fn pace(
    http: Client,
    to: String,
    count: u64,
    gap: Duration,
    began: Instant,
    seen: Arc<Seen>,
) -> Result<()> {
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..count {
        let due = began + gap.mul_f64(number as f64);
        tokio::time::sleep_until(due.into()).await;
        let times = if number % TWICE == 0 { 2 } else { 1 };
        for _ in 0..times {
            let (http, to, seen) = (http.clone(), to.clone(), Arc::clone(&seen));
            senders.spawn(send(http, to, number, due, seen));
        }
        while senders.try_join_next().is_some() {}
    }
    while senders.join_next().await.is_some() {}
    Ok(())
}

/// Sends until it is accepted, as pagers do.
async fn send(http: Client, to: String, number: u64, due: Instant, seen: Arc<Seen>) {
    let body = body(number);
    loop {
        let sent = http.post(&to).bearer_auth(SECRET).body(body.clone());
        let sent = sent.header("content-type", "application/json").send().await;
        if sent.is_ok_and(|answer| answer.status() == StatusCode::ACCEPTED) {
            break;
        }
        seen.again.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(AGAIN).await;
    }
    if let Ok(mut waits) = seen.waits.lock() {
        waits.push(due.elapsed().as_secs_f64() * 1e3);
    }
}

/// A group as Alertmanager sends it, with one alert that fires for the first time.
fn body(number: u64) -> String {
    let service = format!("service-{}", number % SERVICES);
    let started = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_793_000_000);
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{service=\"{service}\"}}"),
        "status": "firing",
        "receiver": "ripcord",
        "groupLabels": {"service": service},
        "commonLabels": {"service": service, "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "https://alerts.example",
        "truncatedAlerts": 0,
        "alerts": [{
            "status": "firing",
            "labels": {
                "alertname": "ErrorsAreHigh", "service": service, "severity": "critical",
                "pod": format!("{service}-{number}"),
            },
            "annotations": {"summary": format!("5 % of requests to {service} fail")},
            "startsAt": started,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://prometheus.example/graph",
            "fingerprint": format!("{number:016x}"),
        }],
    })
    .to_string()
}
