//! ripcord and the other ways back from the same broken deploy, side by side in one testbed.
//!
//! What a way is measured against is the time that pods need: `kubectl rollout undo` on an Application
//! without self-heal, which changes nothing but the pods' template. The others pay for Git and Argo CD, and
//! what that costs is swept over: pushes and rendering that take long, Git that is away, more replicas.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ripcord_testbed::{Options, Scene, Testbed};
use ripcord_testkit::{Ripcord, Scratch};
use serde_json::{Value, json};

use crate::report::{Table, say};
use crate::ways::{BAD, GLANCE, GOOD, PATIENCE, is_good, median, wait};

/// For how long it is watched afterwards whether the bad version comes back.
const AFTERWARDS: Duration = Duration::from_secs(6);
/// An address where nothing answers.
const NOWHERE: &str = "http://127.0.0.1:9/infra.git";

/// Who puts the service back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Ripcord,
    /// The floor: pods and nothing else.
    UndoWithoutHeal,
    Undo,
    Webhook,
    Refresh,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Ripcord => "ripcord",
            Self::UndoWithoutHeal => "kubectl rollout undo, no self-heal",
            Self::Undo => "kubectl rollout undo",
            Self::Webhook => "script, webhook",
            Self::Refresh => "script, refresh",
        }
    }
}

/// One point of the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    scene: &'static str,
    service: &'static str,
    application: &'static str,
    /// The bad version was promoted fully; for a Rollout.
    promoted: bool,
    replicas: usize,
    push: Push,
    rendering: Duration,
}

/// What a push takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Push {
    Seconds(u64),
    /// Git does not answer at all.
    Away,
}

impl Point {
    const USUAL: Self = Self {
        scene: "auto-heal",
        service: "payments-service",
        application: "",
        promoted: false,
        replicas: 4,
        push: Push::Seconds(0),
        rendering: Duration::ZERO,
    };

    fn name(self) -> String {
        let push = match self.push {
            Push::Seconds(seconds) => format!("push {seconds} s"),
            Push::Away => "Git away".to_owned(),
        };
        let promoted = if self.promoted { " promoted" } else { "" };
        format!(
            "{}{promoted}, {} replicas, {push}, rendering {} s",
            self.scene,
            self.replicas,
            self.rendering.as_secs()
        )
    }
}

#[derive(Debug, Default)]
struct Seen {
    good: Option<f64>,
    durable: Option<f64>,
    pushed: Option<f64>,
    relapsed: bool,
    /// Until the cluster was changed, as ripcord says.
    changed: Option<f64>,
}

fn sweep() -> Vec<Point> {
    let usual = Point::USUAL;
    let mut points = vec![usual];
    for push in [Push::Seconds(2), Push::Seconds(10), Push::Away] {
        points.push(Point { push, ..usual });
    }
    for seconds in [10, 30] {
        points.push(Point {
            rendering: Duration::from_secs(seconds),
            ..usual
        });
    }
    for replicas in [1, 40] {
        points.push(Point { replicas, ..usual });
    }
    points.push(Point {
        scene: "auto",
        ..usual
    });
    points.push(Point {
        scene: "applicationset-git",
        application: "-payments-service",
        ..usual
    });
    for promoted in [false, true] {
        points.push(Point {
            scene: "canary",
            service: "checkout",
            promoted,
            ..usual
        });
    }
    points
}

/// Runs every point whose name contains `only`.
pub(crate) fn run(ripcord: &Path, runs: usize, only: &str) -> Result<Vec<Table>> {
    let ripcord = ripcord
        .canonicalize()
        .with_context(|| format!("no {}", ripcord.display()))?;
    let slow = Slow::new()?;
    let tools =
        ripcord_testbed::tools::prepare(&[ripcord_testbed::tools::Group::Core], &mut |_| {})?;
    let tools = slow.instead(&tools)?;
    let bed = Testbed::start_with(&Options::default(), &tools)?;
    let head = [
        "point",
        "way",
        "runs",
        "all pods good, s",
        "of the floor",
        "durable, s",
        "after the push, s",
        "cluster changed, s",
        "bad again",
    ];
    let mut table = Table::new("ripcord and the other ways back", &head);
    let mut number = 0;
    for point in sweep() {
        if !point.name().contains(only) {
            continue;
        }
        let mut floor = None;
        for way in ways(point) {
            let mut seen = Vec::new();
            for _ in 0..runs {
                number += 1;
                slow.set(Duration::ZERO)?;
                seen.push(one(
                    &bed,
                    &slow,
                    &ripcord,
                    point,
                    way,
                    &format!("rec-{number}"),
                )?);
            }
            let row = row(point, way, &seen, &mut floor);
            say(&json!(row).to_string());
            table.row(row);
        }
    }
    table.note("The floor is `kubectl rollout undo` on an Application without self-heal at the same number of replicas; where a Rollout is aborted or promoted, there is none. Medians.");
    Ok(vec![table])
}

fn ways(point: Point) -> Vec<Way> {
    let mut ways = Vec::new();
    if point.service == "payments-service" {
        ways.push(Way::UndoWithoutHeal);
    }
    ways.push(Way::Ripcord);
    if point.push != Push::Away {
        ways.push(Way::Webhook);
    }
    if point == Point::USUAL {
        ways.extend([Way::Refresh, Way::Undo]);
    }
    ways
}

fn row(point: Point, way: Way, seen: &[Seen], floor: &mut Option<f64>) -> Vec<Value> {
    let of = |part: &dyn Fn(&Seen) -> Option<f64>| {
        let found: Vec<f64> = seen.iter().filter_map(part).collect();
        (!found.is_empty()).then(|| median(&found))
    };
    let good = of(&|seen| seen.good);
    if way == Way::UndoWithoutHeal {
        *floor = good;
    }
    let ratio = good.zip(*floor).map(|(good, floor)| good / floor);
    let after = of(&|seen| Some(seen.durable? - seen.pushed?));
    let back = seen.iter().filter(|seen| seen.relapsed).count();
    vec![
        point.name().into(),
        way.name().into(),
        seen.len().into(),
        json!(good),
        json!(ratio),
        json!(of(&|seen| seen.durable)),
        json!(after),
        json!(of(&|seen| seen.changed)),
        format!("{back} of {}", seen.len()).into(),
    ]
}

/// A kustomize that takes its time.
struct Slow {
    folder: tempfile::TempDir,
}

impl Slow {
    fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
        })
    }

    fn instead(
        &self,
        tools: &ripcord_testbed::tools::Toolbox,
    ) -> Result<ripcord_testbed::tools::Toolbox> {
        use std::os::unix::fs::PermissionsExt as _;
        let real = tools.program("kustomize")?.display().to_string();
        let script = self.folder.path().join("kustomize");
        let delay = self.folder.path().join("delay").display().to_string();
        std::fs::write(
            &script,
            format!(
                "#!/bin/sh\ncase \"$1\" in build) sleep \"$(cat {delay})\";; esac\nexec {real} \"$@\"\n"
            ),
        )?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
        self.set(Duration::ZERO)?;
        Ok(tools.with_program("kustomize", &script))
    }

    fn set(&self, delay: Duration) -> Result<()> {
        Ok(std::fs::write(
            self.folder.path().join("delay"),
            delay.as_secs().to_string(),
        )?)
    }
}

fn one(
    bed: &Testbed,
    slow: &Slow,
    ripcord: &Path,
    point: Point,
    way: Way,
    name: &str,
) -> Result<Seen> {
    let scene_name = match way {
        Way::UndoWithoutHeal => "auto",
        _ => point.scene,
    };
    let mut scene = Scene::set(bed, scene_name, name)?;
    scene.wait_until("Healthy")?;
    scale(&mut scene, point)?;
    let bad_version = if point.promoted { "v15" } else { BAD };
    let scratch = Scratch::new()?;
    let clone = scratch.clone_of(&bed.git().url(&format!("{name}.git")), "clone")?;
    let bad = scene.deploy(point.service, bad_version)?;
    scene.refresh()?;
    let application = bed.application(&application(&scene, scene_name, point));
    wait("the bad version is live", || {
        let app = application.get()?;
        let pods = scene.pods(point.service)?;
        Ok(app["status"]["sync"]["revision"] == *bad
            && app["operation"].is_null()
            && pods.iter().any(|pod| pod.version == bad_version))
    })?;
    if point.promoted {
        scene.kubectl(&["argo", "rollouts", "promote", "--full", point.service])?;
        wait("promoted", || {
            let pods = scene.pods(point.service)?;
            Ok(pods.len() == point.replicas && pods.iter().all(|pod| pod.version == bad_version))
        })?;
        scene.wait_until("Healthy")?;
    }
    scratch.git(&clone, &["fetch", "--quiet"])?;
    make_slow(bed, slow, &scratch, &clone, point, name)?;
    let seen = back(
        bed,
        &mut scene,
        ripcord,
        point,
        way,
        &scratch,
        &clone,
        bad_version,
    )?;
    slow.set(Duration::ZERO)?;
    scene.end()?;
    Ok(seen)
}

fn application(scene: &Scene<'_>, scene_name: &str, point: Point) -> String {
    let ending = if scene_name == point.scene {
        point.application
    } else {
        ""
    };
    format!("{}{ending}", scene.name())
}

fn scale(scene: &mut Scene<'_>, point: Point) -> Result<()> {
    if point.replicas == 4 {
        return Ok(());
    }
    let path = format!("services/{}/base/deployment.yaml", point.service);
    let text = scene.infra().read(&path)?;
    let text = text.replace("replicas: 4", &format!("replicas: {}", point.replicas));
    let infra = scene.infra();
    infra.write(&path, text);
    infra.commit("Scale").land()?;
    scene.refresh()?;
    wait("scaled", || {
        Ok(is_good(&scene.pods(point.service)?, point.replicas))
    })?;
    scene.wait_until("Healthy")
}

/// Makes pushes and rendering take what the point says, from now on.
fn make_slow(
    bed: &Testbed,
    slow: &Slow,
    scratch: &Scratch,
    clone: &Path,
    point: Point,
    name: &str,
) -> Result<()> {
    slow.set(point.rendering)?;
    match point.push {
        Push::Seconds(0) => Ok(()),
        Push::Seconds(seconds) => bed.git().install_hook(
            &format!("{name}.git"),
            "pre-receive",
            &format!("#!/bin/sh\nsleep {seconds}\n"),
        ),
        Push::Away => scratch
            .git(clone, &["remote", "set-url", "origin", NOWHERE])
            .map(drop),
    }
}

#[expect(clippy::too_many_arguments, reason = "it is the whole of a run")]
fn back(
    bed: &Testbed,
    scene: &mut Scene<'_>,
    ripcord: &Path,
    point: Point,
    way: Way,
    scratch: &Scratch,
    clone: &Path,
    bad: &str,
) -> Result<Seen> {
    let started = Instant::now();
    let since = || started.elapsed().as_secs_f64();
    let mut seen = Seen::default();
    let before = scene.infra().tip()?;
    let mut child = match way {
        Way::Ripcord => Some(start(bed, ripcord, scratch, clone, point)?),
        Way::Undo | Way::UndoWithoutHeal => {
            scene.kubectl(&["rollout", "undo", &format!("deployment/{}", point.service)])?;
            None
        }
        Way::Webhook | Way::Refresh => {
            revert(scratch, clone)?;
            seen.pushed = Some(since());
            let tip = scene.infra().tip()?;
            if way == Way::Webhook {
                scene.notify(&tip)?;
            } else {
                scene.refresh()?;
            }
            None
        }
    };
    let pushes = way != Way::Undo && way != Way::UndoWithoutHeal && point.push != Push::Away;
    let mut tip = before.clone();
    let mut done: Option<Instant> = None;
    let name = application(
        scene,
        if way == Way::UndoWithoutHeal {
            "auto"
        } else {
            point.scene
        },
        point,
    );
    let mut was_good = false;
    loop {
        let pods = scene.pods(point.service)?;
        if seen.good.is_none() && is_good(&pods, point.replicas) {
            seen.good = Some(since());
        }
        if pushes {
            if tip == before {
                tip = scene.infra().tip()?;
                if tip != before {
                    seen.pushed.get_or_insert(since());
                }
            }
            let app = bed.application(&name).get()?;
            let is_synced = tip != before
                && app["status"]["sync"]["revision"] == *tip
                && app["status"]["sync"]["status"] == "Synced"
                && app["operation"].is_null();
            if is_synced {
                seen.durable.get_or_insert(since());
            }
        }
        // Wanted again after it had gone: also for a moment only.
        if point.service == "payments-service" {
            let wanted = scene.version(point.service)?;
            was_good |= wanted == GOOD;
            seen.relapsed |= was_good && wanted == bad;
        } else {
            was_good |= seen.good.is_some();
            seen.relapsed |= was_good && pods.iter().any(|pod| pod.version == bad);
        }
        let is_done = seen.good.is_some() && (!pushes || seen.durable.is_some());
        if is_done {
            done.get_or_insert_with(Instant::now);
        }
        let gives_up = way == Way::Undo && started.elapsed() > 2 * AFTERWARDS;
        if done.is_some_and(|at| at.elapsed() > AFTERWARDS) || gives_up {
            break;
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "{}, {}: {pods:?}",
            way.name(),
            point.name()
        );
        std::thread::sleep(GLANCE);
    }
    if let Some(child) = child.take() {
        seen.changed = changed(child, point)?;
    }
    Ok(seen)
}

fn start(
    bed: &Testbed,
    ripcord: &Path,
    scratch: &Scratch,
    clone: &Path,
    point: Point,
) -> Result<std::process::Child> {
    let kubeconfig: PathBuf = bed.kubeconfig()?;
    let patience = if point.push == Push::Away {
        "4s"
    } else {
        "10m"
    };
    let ripcord = Ripcord::new(scratch, ripcord)
        .in_dir(clone)
        .at("")
        .env("KUBECONFIG", kubeconfig.display().to_string());
    ripcord
        .command([
            "rollback",
            point.service,
            "production",
            "--yes",
            "--watch",
            "0",
            "--wait",
            patience,
            "-o",
            "json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("ripcord could not be started")
}

/// When ripcord had changed the cluster, by its own record; it must have ended as it should.
fn changed(child: std::process::Child, point: Point) -> Result<Option<f64>> {
    let output = child.wait_with_output()?;
    let wanted = if point.push == Push::Away { 8 } else { 0 };
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.code() == Some(wanted),
        "ripcord ended with {:?}: {said}",
        output.status.code()
    );
    let changes = ["undo", "abort", "sync_old"];
    Ok(said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| {
            event["step"]["state"] == "done"
                && changes.iter().any(|kind| event["step"]["kind"] == *kind)
        })
        .find_map(|event| event["seconds"].as_f64()))
}

/// The script's way: revert the last deploy and push.
fn revert(scratch: &Scratch, clone: &Path) -> Result<()> {
    scratch.git(clone, &["pull", "--quiet"])?;
    scratch.git(clone, &["revert", "--no-edit", "HEAD"])?;
    scratch.git(clone, &["push", "--quiet"]).map(drop)
}
