//! A testbed that outlives the command which started it: a process of its own holds it, and a file
//! says what others must know of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use ripcord_testbed::{FORGE_USER, Options, PASSWORD, Scene, Testbed};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::{ERROR, Extra, Wanted, build};

/// What is known of a testbed that is up.
#[derive(Serialize, Deserialize)]
struct Up {
    /// The process that holds it.
    keeper: i32,
    since: SystemTime,
    folder: PathBuf,
    logs: PathBuf,
    git: String,
    argocd: String,
    forge: Option<String>,
    registry: Option<String>,
    environment: BTreeMap<String, String>,
    components: BTreeMap<String, u32>,
}

const GLANCE: Duration = Duration::from_millis(50);
/// A start that takes longer has failed without saying so.
const UP_WITHIN: Duration = Duration::from_mins(3);

fn state(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/testbed/up");
    Path::new(root).join(format!("{name}.json"))
}

fn read(name: &str) -> Result<Option<Up>> {
    let Ok(text) = fs::read_to_string(state(name)) else {
        return Ok(None);
    };
    let up: Up = serde_json::from_str(&text)
        .with_context(|| format!("{} is damaged: remove it", state(name).display()))?;
    // Of one whose keeper was killed nothing is left but the file.
    if is_keeper(up.keeper) {
        return Ok(Some(up));
    }
    fs::remove_file(state(name))?;
    Ok(None)
}

/// Whether the number is still that of a keeper, and not of who got it later.
fn is_keeper(id: i32) -> bool {
    fs::read(format!("/proc/{id}/cmdline"))
        .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"keep"))
}

fn needed(name: &str) -> Result<Up> {
    read(name)?
        .with_context(|| format!("no testbed `{name}` is up; `cargo xtask testbed up` starts one"))
}

/// The scene that is more than its objects: the deploy that broke it has just landed.
pub(super) const FRIDAY: &str = "friday";

/// What a scene's repository, namespace and Application are called.
const PAYMENTS: &str = "payments";

pub(super) fn up(wanted: &Wanted) -> Result<()> {
    let (name, scene) = (&wanted.which.name, wanted.scene.as_deref());
    let with = &wanted.with;
    if read(name)?.is_some() {
        println!("testbed `{name}` is up already");
        if scene.is_some() {
            bail!("a scene is set when a testbed starts: `cargo xtask testbed down` first");
        }
        return status(name);
    }
    if let Some(scene) = scene
        && scene != FRIDAY
        && !ripcord_testbed::scenes()?
            .iter()
            .any(|known| known == scene)
    {
        bail!("no scene `{scene}`; `cargo xtask testbed scenes` lists them");
    }
    // Here, where a person sees what is built.
    build::build(with)?;
    let started = Instant::now();
    let state = state(name);
    let folder = state.parent().context("a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let log = state.with_extension("log");
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut keeper = Command::new(std::env::current_exe()?)
        .args(["keep", "--name", name])
        .args(scene.iter().flat_map(|scene| ["--scene", scene]))
        .args(with.iter().flat_map(|extra| ["--with", extra.word()]))
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .context("cannot start the keeper")?;
    loop {
        if read(name)?.is_some() {
            break;
        }
        if keeper.try_wait()?.is_some() {
            let said = fs::read_to_string(&log)?;
            let said = said.trim();
            bail!("{}", said.strip_prefix(ERROR).unwrap_or(said));
        }
        if started.elapsed() > UP_WITHIN {
            let _ = keeper.kill();
            bail!("not up after {}", build::spoken(UP_WITHIN));
        }
        std::thread::sleep(GLANCE);
    }
    println!("up after {}", build::spoken(started.elapsed()));
    status(name)?;
    println!("\nnext: cargo xtask testbed shell");
    if let (Some(_), Some(up)) = (scene, read(name)?) {
        println!("      kubectl -n {PAYMENTS} get pods");
        println!("      argocd app get {PAYMENTS}");
        println!("      git clone {}{PAYMENTS}.git", up.git);
    }
    Ok(())
}

fn set<'a>(bed: &'a Testbed, scene: &str) -> Result<Scene<'a>> {
    if scene != FRIDAY {
        return Scene::set(bed, scene, PAYMENTS);
    }
    let mut friday = Scene::set(bed, "auto-heal", PAYMENTS)?;
    friday.wait_until("Healthy")?;
    friday.deploy("payments-service", "v15-crash")?;
    friday.refresh()?;
    Ok(friday)
}

pub(super) fn keep(wanted: &Wanted) -> Result<()> {
    let options = Options {
        forge: wanted.with.contains(&Extra::Forge),
        bots: wanted.with.contains(&Extra::Bots),
        ci: wanted.with.contains(&Extra::Ci),
        ..Options::default()
    };
    let bed = Testbed::start(&options)?;
    let scene = wanted.scene.as_ref();
    let scene = scene.map(|scene| set(&bed, scene)).transpose()?;
    let text = |path: &Path| path.display().to_string();
    let components = bed
        .processes()
        .into_iter()
        .filter_map(|(name, id)| Some((name.to_owned(), id?)));
    let environment = bed.environment()?.into_iter();
    let up = Up {
        keeper: i32::try_from(std::process::id())?,
        since: SystemTime::now(),
        folder: bed.folder().to_path_buf(),
        logs: bed.logs().to_path_buf(),
        git: bed.git().url(""),
        argocd: format!("http://{}", bed.argocd_address()?),
        forge: bed.forge().ok().map(|forge| forge.url().to_owned()),
        registry: bed.registry().ok().map(|registry| registry.host()),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        components: components.collect(),
    };
    let state = state(&wanted.which.name);
    // Whole or not at all: others look for it.
    let beside = state.with_extension("new");
    fs::write(&beside, serde_json::to_string_pretty(&up)?)
        .with_context(|| format!("cannot write {}", text(&beside)))?;
    let ended = bed.block_on(async {
        let mut asked = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        fs::rename(&beside, &state)?;
        asked.recv().await;
        anyhow::Ok(())
    });
    drop(scene);
    drop(bed);
    fs::remove_file(&state)?;
    ended
}

pub(super) fn status(name: &str) -> Result<()> {
    let up = needed(name)?;
    let age = up.since.elapsed().unwrap_or_default();
    println!("testbed `{name}`, up for {}", build::spoken(age));
    let mut all = 0;
    for (component, id) in &up.components {
        let memory = resident(*id);
        all += memory.unwrap_or(0);
        let state = match memory {
            Some(kilobytes) => format!("{id:>8} {:>6} MB", kilobytes / 1024),
            None => "   ended".to_owned(),
        };
        println!("  {component:34}{state}");
    }
    println!("  {:34}{:>15} MB", "together", all / 1024);
    println!("Argo CD     {} (admin, {PASSWORD})", up.argocd);
    println!("Git         {}", up.git);
    if let Some(forge) = &up.forge {
        println!("Gitea       {forge} ({FORGE_USER}, {PASSWORD})");
    }
    if let Some(registry) = &up.registry {
        println!("images      {registry}");
    }
    println!(
        "kubeconfig  {}",
        up.environment.get("KUBECONFIG").map_or("", String::as_str)
    );
    println!("logs        {}", up.logs.display());
    Ok(())
}

/// The resident memory of a process in kB.
fn resident(id: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

pub(super) fn shell(name: &str, command: &[String]) -> Result<()> {
    let up = needed(name)?;
    let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".into());
    let (program, args) = command
        .split_first()
        .map_or((shell.as_str(), &[][..]), |(program, args)| (program, args));
    // In place of this process: signals and the exit code are the command's.
    let error = Command::new(program)
        .args(args)
        .envs(&up.environment)
        .exec();
    Err(error).with_context(|| format!("cannot start {program}"))
}

pub(super) fn down(name: &str) -> Result<()> {
    let Some(up) = read(name)? else {
        println!("no testbed `{name}` is up");
        return Ok(());
    };
    let keeper = Pid::from_raw(up.keeper).context("a process without a number")?;
    kill_process(keeper, Signal::TERM).context("the keeper cannot be reached")?;
    let asked = Instant::now();
    while is_keeper(up.keeper) {
        if asked.elapsed() > UP_WITHIN {
            bail!("process {} did not end", up.keeper);
        }
        std::thread::sleep(GLANCE);
    }
    println!("testbed `{name}` is down");
    Ok(())
}
