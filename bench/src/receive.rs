//! Deploys that are all asked for at the same moment: each a process of its own, as jobs of CI are.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result};
use ripcord_testkit::{GitServer, ImageRegistry, InfraRepo, Options, Ripcord, Scratch};
use serde_json::json;

use crate::at_once::at_once;
use crate::measure::{Run, Sample, time};
use crate::report::{Table, say};
use crate::scripts::DEPLOY_JOB;

/// Services of the infra repo; the requests go to them in turn.
const SERVICES: usize = 50;
/// As patient as such a job is written.
const TRIES: &str = "10";
const SCRIPT: &str = "clone, sed, push, 10 tries";
const RIPCORD: &str = "ripcord receive";

pub(crate) fn run(
    ripcord: Option<&Path>,
    requests: &[usize],
    runners: Option<usize>,
    only: &str,
) -> Result<Vec<Table>> {
    let head = [
        "requests",
        "runners",
        "what",
        "landed",
        "answered",
        "all s",
        "median ms",
        "p95 ms",
        "max ms",
    ];
    let mut table = Table::new("Deploys asked for at the same moment", &head);
    // Each runs in a folder of its own.
    let ripcord = ripcord.map(Path::canonicalize).transpose()?;
    let ripcord = ripcord.as_deref();
    for count in requests {
        let ways = [(SCRIPT, None), (RIPCORD, ripcord)];
        let asked = ways.into_iter().filter(|(name, ripcord)| {
            name.contains(only) && (ripcord.is_some() || *name == SCRIPT)
        });
        for (name, ripcord) in asked {
            let office = Office::open()?;
            let start = Instant::now();
            let waiting = AtomicUsize::new(0);
            let runners = runners.unwrap_or(*count).clamp(1, *count);
            let runs = at_once(0..runners, |_| {
                let mut runs = Vec::new();
                loop {
                    let n = waiting.fetch_add(1, Ordering::Relaxed);
                    if n >= *count {
                        return Ok(runs);
                    }
                    runs.push(match ripcord {
                        Some(ripcord) => office.receive(ripcord, n)?,
                        None => office.job(n)?,
                    });
                }
            })?;
            let runs: Vec<Run> = runs.into_iter().flatten().collect();
            let elapsed = start.elapsed().as_secs_f64();
            let landed = office.landed()?;
            let mut sample = Sample::default();
            for run in &runs {
                sample.add(run, run.succeeded);
            }
            // Whoever did not get through must have been told why, in a line that says it is an error.
            let answered = runs
                .iter()
                .filter(|run| run.succeeded || run.errors.contains("error: "));
            if let Some(failed) = runs.iter().find(|run| !run.succeeded) {
                say(failed.errors.trim());
            }
            table.row(vec![
                json!(count),
                json!(runners),
                json!(name),
                json!(landed),
                json!(answered.count()),
                json!(elapsed),
                json!(sample.median()),
                json!(sample.percentile(95)),
                json!(sample.percentile(100)),
            ]);
        }
    }
    table.note(
        "All processes share the machine with the server: read the figures against each other.",
    );
    Ok(vec![table])
}

/// An infra repo behind a server, and the images that are asked for.
struct Office {
    scratch: Scratch,
    server: GitServer,
    infra: InfraRepo,
    registry: ImageRegistry,
    before: usize,
}

impl Office {
    fn open() -> Result<Self> {
        let scratch = Scratch::new()?;
        let mut infra = InfraRepo::new(&scratch, "infra.git")?;
        let registry = ImageRegistry::start()?;
        for n in 0..SERVICES {
            infra.deploy(&service(n), "production", "v0").queue()?;
        }
        infra.write(
            "ripcord.yaml",
            format!("mirrors: {{ghcr.io: '{}'}}\n", registry.host()),
        );
        infra.commit("Configure").queue()?;
        infra.land_queued()?;
        let server = GitServer::start(&scratch.repos(), Options::default())?;
        let mut office = Self {
            scratch,
            server,
            infra,
            registry,
            before: 0,
        };
        office.before = office.commits()?;
        Ok(office)
    }

    fn commits(&self) -> Result<usize> {
        let count = self.infra.git(&["rev-list", "--count", "main"])?;
        count.trim().parse().context("no count")
    }

    /// How many deploys the branch has got.
    fn landed(&self) -> Result<usize> {
        Ok(self.commits()? - self.before)
    }

    fn receive(&self, ripcord: &Path, n: usize) -> Result<Run> {
        let (service, tag) = (service(n), format!("v{}", n + 1));
        let image = format!("acme/{service}");
        let digest = self.registry.push(&image, &tag, None);
        let payload = json!({
            "service": service, "image": format!("ghcr.io/{image}"), "tag": tag, "digest": digest,
            "environment": "production", "correlation_id": format!("d-many-{n:06}"),
        });
        let folder = self.scratch.path().join(format!("job-{n}"));
        std::fs::create_dir(&folder)?;
        let file = folder.join("payload.json");
        std::fs::write(&file, payload.to_string())?;
        let url = self.server.url("infra.git");
        let ripcord =
            Ripcord::new(&self.scratch, ripcord).env("XDG_CACHE_HOME", folder.to_string_lossy());
        let mut command = ripcord.command(["receive", "-o", "json", "--repo", &url, "--event"]);
        let run = time(command.arg(&file))?;
        std::fs::remove_dir_all(&folder)?;
        Ok(run)
    }

    fn job(&self, n: usize) -> Result<Run> {
        let mut command = self.scratch.command("bash");
        let url = self.server.url("infra.git");
        command.args([
            "-c",
            DEPLOY_JOB,
            "deploy-job.sh",
            &url,
            &service(n),
            &format!("v{}", n + 1),
            TRIES,
        ]);
        time(&mut command)
    }
}

fn service(n: usize) -> String {
    format!("service-{}", n % SERVICES)
}
