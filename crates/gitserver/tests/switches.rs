//! Real git clients against the server, with every switch turned once.
#![expect(
    clippy::disallowed_methods,
    reason = "runs the git clients that the server is for"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ripcord_gitserver::{Fault, GitServer, Options, Step};
use tempfile::TempDir;

struct World {
    folder: TempDir,
    server: Arc<GitServer>,
}

impl World {
    /// A server with `infra.git` of one commit, and a clone of it in `clone`.
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("repos"))?;
        let server = GitServer::start(&folder.path().join("repos"), Options::default())?;
        server.create("infra.git")?;
        let world = Self {
            folder,
            server: Arc::new(server),
        };
        ok(world.folder.path(), &["init", "-q", "-b", "main", "clone"])?;
        ok(
            &world.clone_dir(),
            &["remote", "add", "origin", &world.url()],
        )?;
        world.commit("one")?;
        ok(&world.clone_dir(), &["push", "-q", "-u", "origin", "main"])?;
        world.server.reset_traffic();
        Ok(world)
    }

    fn url(&self) -> String {
        self.server.url("infra.git")
    }

    fn clone_dir(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    /// Commits in the clone and gives the commit's id.
    fn commit(&self, content: &str) -> Result<String> {
        fs::write(self.clone_dir().join("file"), content)?;
        ok(&self.clone_dir(), &["add", "-A"])?;
        ok(&self.clone_dir(), &["commit", "-q", "-m", content])?;
        ok(&self.clone_dir(), &["rev-parse", "HEAD"])
    }

    fn push(&self) -> Result<Output> {
        git(&self.clone_dir(), &["push", "origin", "main"])
    }

    fn tip(&self) -> Result<String> {
        ok(&self.server.path("infra.git"), &["rev-parse", "main"])
    }
}

fn git(dir: &Path, args: &[&str]) -> Result<Output> {
    let output = Command::new("git")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("LC_ALL", "C"),
        ])
        .envs([
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@acme.io"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@acme.io"),
        ])
        .env("GIT_TERMINAL_PROMPT", "0")
        .current_dir(dir)
        .args(args)
        .output()?;
    Ok(output)
}

/// What git printed; an error if it failed.
fn ok(dir: &Path, args: &[&str]) -> Result<String> {
    let output = git(dir, args)?;
    ensure!(output.status.success(), "{args:?}: {}", words(&output));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn clones_and_takes_pushes() -> Result<()> {
    let world = World::new()?;
    let pushed = world.commit("two")?;
    assert!(world.push()?.status.success());
    assert_eq!(world.tip()?, pushed);
    let other = world.folder.path().join("other");
    ok(world.folder.path(), &["clone", "-q", &world.url(), "other"])?;
    assert_eq!(ok(&other, &["rev-parse", "HEAD"])?, pushed);
    Ok(())
}

#[test]
fn takes_and_gives_more_than_any_buffer_holds() -> Result<()> {
    let world = World::new()?;
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    });
    // Larger than http.postBuffer: git probes first and then sends chunks.
    fs::write(
        world.clone_dir().join("large"),
        noise.take(5_000_000).collect::<Vec<u8>>(),
    )?;
    world.commit("large")?;
    let output = world.push()?;
    assert!(output.status.success(), "{}", words(&output));
    ok(world.folder.path(), &["clone", "-q", &world.url(), "other"])?;
    let copy = fs::read(world.folder.path().join("other/large"))?;
    assert!(copy == fs::read(world.clone_dir().join("large"))?);
    let traffic = world.server.traffic();
    assert!(
        traffic.up > 5_000_000 && traffic.down > 5_000_000,
        "{traffic:?}"
    );
    assert_eq!(traffic.pushes, 1, "the probe is not a push");
    Ok(())
}

#[test]
fn gives_partial_clones() -> Result<()> {
    let world = World::new()?;
    let args = [
        "clone",
        "-q",
        "--bare",
        "--filter=tree:0",
        &world.url(),
        "partial",
    ];
    ok(world.folder.path(), &args)?;
    let partial = world.folder.path().join("partial");
    let missing = ok(
        &partial,
        &["rev-list", "--objects", "--missing=print", "--all"],
    )?;
    assert_eq!(
        missing.lines().filter(|line| line.starts_with('?')).count(),
        1,
        "{missing}"
    );
    Ok(())
}

#[test]
fn wants_credentials_when_told() -> Result<()> {
    let world = World::new()?;
    world.server.set_auth(Some(("ann", "s3cret")));
    let refused = git(&world.clone_dir(), &["fetch"])?;
    assert!(!refused.status.success());
    assert!(
        words(&refused).contains("could not read Username"),
        "{}",
        words(&refused)
    );
    let with_user = world.url().replace("http://", "http://ann:s3cret@");
    ok(&world.clone_dir(), &["fetch", &with_user])?;
    let wrong = git(
        &world.clone_dir(),
        &["fetch", &with_user.replace("s3", "s4")],
    )?;
    assert!(
        words(&wrong).contains("Authentication failed"),
        "{}",
        words(&wrong)
    );
    world.server.set_auth(None);
    ok(&world.clone_dir(), &["fetch"])?;
    Ok(())
}

#[test]
fn read_only_refuses_pushes_and_serves_fetches() -> Result<()> {
    let world = World::new()?;
    let before = world.tip()?;
    world.commit("two")?;
    world.server.set_read_only(true);
    let output = world.push()?;
    assert!(words(&output).contains("403"), "{}", words(&output));
    assert_eq!(world.tip()?, before);
    ok(&world.clone_dir(), &["fetch"])?;
    Ok(())
}

#[test]
fn somebody_pushes_between_the_references_and_the_push() -> Result<()> {
    let world = World::new()?;
    ok(world.folder.path(), &["clone", "-q", &world.url(), "rival"])?;
    let rival = world.folder.path().join("rival");
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    // Through the same server: the rival's own push must not trigger the action again.
    world.server.before_push(1, move || {
        counter.fetch_add(1, Relaxed);
        git(&rival, &["commit", "-q", "--allow-empty", "-m", "rival"]).expect("git runs");
        let output = git(&rival, &["push", "origin", "main"]).expect("git runs");
        assert!(output.status.success(), "{}", words(&output));
    });
    let mine = world.commit("two")?;
    let output = world.push()?;
    assert!(!output.status.success());
    // The references that the client had were good: it is the server that says no.
    assert!(
        words(&output).contains("[remote rejected]"),
        "{}",
        words(&output)
    );
    assert_ne!(world.tip()?, mine);
    ok(
        &world.clone_dir(),
        &["pull", "-q", "--rebase", "origin", "main"],
    )?;
    assert!(world.push()?.status.success());
    assert_eq!(runs.load(Relaxed), 1);
    Ok(())
}

#[test]
fn cut_after_the_push_landed() -> Result<()> {
    let world = World::new()?;
    let mine = world.commit("two")?;
    world.server.fail(Step::Push, Fault::CutAfter, 1);
    let output = world.push()?;
    assert!(!output.status.success());
    assert_eq!(
        world.tip()?,
        mine,
        "git must have finished before the connection broke"
    );
    Ok(())
}

#[test]
fn cut_before_the_push_lands() -> Result<()> {
    let world = World::new()?;
    let before = world.tip()?;
    let mine = world.commit("two")?;
    world.server.fail(Step::Push, Fault::CutBefore, 1);
    assert!(!world.push()?.status.success());
    assert_eq!(world.tip()?, before);
    assert!(world.push()?.status.success(), "the fault is used up");
    assert_eq!(world.tip()?, mine);
    Ok(())
}

#[test]
fn cut_in_the_middle_of_an_answer() -> Result<()> {
    let world = World::new()?;
    world
        .server
        .fail(Step::Fetch, Fault::CutAnswerAfter(100), 1);
    let output = git(world.folder.path(), &["clone", &world.url(), "other"])?;
    assert!(!output.status.success());
    let down = world.server.traffic().down;
    ok(world.folder.path(), &["clone", "-q", &world.url(), "other"])?;
    assert!(world.server.traffic().down > down);
    Ok(())
}

#[test]
fn answers_with_the_status_it_is_told() -> Result<()> {
    let world = World::new()?;
    for status in [503, 403] {
        world.server.fail(Step::Refs, Fault::Status(status), 1);
        let output = git(&world.clone_dir(), &["fetch"])?;
        assert!(
            words(&output).contains(&status.to_string()),
            "{}",
            words(&output)
        );
    }
    world.server.fail(Step::Any, Fault::Status(401), 5);
    assert!(!git(&world.clone_dir(), &["fetch"])?.status.success());
    world.server.heal();
    ok(&world.clone_dir(), &["fetch"])?;
    Ok(())
}

#[test]
fn a_hook_rejects_with_its_own_words() -> Result<()> {
    let world = World::new()?;
    let script = "#!/bin/sh\necho 'freeze: talk to #release' >&2\nexit 1\n";
    world
        .server
        .install_hook("infra.git", "pre-receive", script)?;
    world.commit("two")?;
    let output = world.push()?;
    assert!(
        words(&output).contains("remote: freeze: talk to #release"),
        "{}",
        words(&output)
    );
    Ok(())
}

#[test]
fn a_distant_and_narrow_link_takes_its_time() -> Result<()> {
    let world = World::new()?;
    world.server.set_latency(Duration::from_millis(40));
    world.server.set_throttle(Some(20_000));
    let start = Instant::now();
    ok(world.folder.path(), &["clone", "-q", &world.url(), "other"])?;
    let traffic = world.server.traffic();
    // Each request waits; a loaded machine only makes it longer.
    let least = Duration::from_millis(40) * u32::try_from(traffic.requests)?;
    assert!(
        start.elapsed() >= least,
        "{:?} {traffic:?}",
        start.elapsed()
    );
    assert!(
        traffic.requests >= 3 && traffic.connections >= 1,
        "{traffic:?}"
    );
    Ok(())
}

#[test]
fn stops_when_dropped() -> Result<()> {
    let world = World::new()?;
    let url = world.url();
    let World { folder, server } = world;
    drop(server);
    assert!(!git(folder.path(), &["ls-remote", &url])?.status.success());
    Ok(())
}
