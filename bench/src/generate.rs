//! Synthetic infra repositories that look like real ones: many services, two years, many hands.
//!
//! Everything is streamed into one `git fast-import`, so that half a million commits take minutes
//! and memory holds one small record for each service.

mod content;
mod estate;
mod history;
mod office;
mod stream;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use ripcord_testkit::create_repository;
use serde_json::{Value, json};

use crate::report::say;

/// The bare repository's name inside the folder of a generated estate.
pub(crate) const REPOSITORY: &str = "infra.git";
/// The description of the planted targets, beside it.
pub(crate) const TARGETS: &str = "targets.json";

/// How large an estate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Size {
    /// 50 services in 2 environments, 2,000 commits.
    Small,
    /// 500 services in 3 environments, 50,000 commits.
    Medium,
    /// 3,000 services in 3 environments, 500,000 commits.
    Large,
}

impl Size {
    fn services(self) -> usize {
        match self {
            Self::Small => 50,
            Self::Medium => 500,
            Self::Large => 3_000,
        }
    }

    fn environments(self) -> &'static [&'static str] {
        match self {
            Self::Small => &["production", "staging"],
            Self::Medium | Self::Large => &["production", "staging", "development"],
        }
    }

    fn commits(self) -> usize {
        match self {
            Self::Small => 2_000,
            Self::Medium => 50_000,
            Self::Large => 500_000,
        }
    }
}

/// Makes `OUT/infra.git` and `OUT/targets.json`. The same size and seed give the same commits.
pub(crate) fn generate(size: Size, seed: u64, out: &Path) -> Result<()> {
    ensure!(
        !out.join(REPOSITORY).exists(),
        "{} exists already",
        out.join(REPOSITORY).display()
    );
    let repo = create_repository(out, REPOSITORY)?;
    let start = Instant::now();
    let mut targets = history::write(&repo, size, seed)?;
    let imported = start.elapsed();
    say(&format!(
        "history written in {:.1} s",
        imported.as_secs_f64()
    ));
    targets["generated"] = json!({
        "size": format!("{size:?}").to_lowercase(),
        "seed": seed,
        "history_seconds": imported.as_secs_f64(),
    });
    // Before the repack, too: when that is cut short, an hour's history is still of use.
    write_targets(out, &targets)?;
    repack(&repo)?;
    let packed = start.elapsed().saturating_sub(imported);
    say(&format!("packed in {:.1} s", packed.as_secs_f64()));
    targets["generated"]["pack_seconds"] = json!(packed.as_secs_f64());
    targets["generated"]["pack_bytes"] = json!(pack_bytes(&repo)?);
    write_targets(out, &targets)
}

fn write_targets(out: &Path, targets: &Value) -> Result<()> {
    Ok(std::fs::write(
        out.join(TARGETS),
        serde_json::to_string_pretty(targets)? + "\n",
    )?)
}

/// What a host's maintenance leaves: one pack with a bitmap, packed references, a commit-graph.
///
/// Deltas of the import are kept: searching for better ones takes hours at the large size.
fn repack(repo: &Path) -> Result<()> {
    git(repo, &["repack", "-q", "-adb", "--window=10", "--depth=50"])?;
    git(repo, &["pack-refs", "--all", "--prune"])?;
    git(
        repo,
        &["commit-graph", "write", "--reachable", "--no-progress"],
    )
}

fn pack_bytes(repo: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(repo.join("objects/pack"))? {
        let entry = entry?;
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "pack")
        {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

fn git(repo: &Path, args: &[&str]) -> Result<()> {
    let mut command = Command::new("git");
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let status = command
        .current_dir(repo)
        .args(args)
        .status()
        .context("cannot run git")?;
    ensure!(status.success(), "git {args:?} failed");
    Ok(())
}

/// One service and environment with a known way back.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Where its deploy is: `near`, `mid`, `root`, `absent`, or empty for one of many.
    pub(crate) place: String,
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) bad: String,
    pub(crate) good: String,
}

/// A generated estate on disk.
#[derive(Debug)]
pub(crate) struct Estate {
    pub(crate) repo: PathBuf,
    /// The planted targets, from near to absent.
    pub(crate) targets: Vec<Target>,
    /// Services whose last production deploy is known, for runs with many clients.
    pub(crate) deployed: Vec<Target>,
}

impl Estate {
    /// Reads what [`generate`] wrote into the folder.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(folder.join(TARGETS))
            .with_context(|| format!("{} holds no generated repository", folder.display()))?;
        let json: Value = serde_json::from_str(&text)?;
        let list = |name: &str| {
            json[name]
                .as_array()
                .into_iter()
                .flatten()
                .map(target)
                .collect::<Vec<_>>()
        };
        Ok(Self {
            repo: folder.join(REPOSITORY).canonicalize()?,
            targets: list("targets"),
            deployed: list("deployed"),
        })
    }

    /// The planted targets whose places are named, in the order of the estate.
    pub(crate) fn at(&self, places: &[String]) -> Vec<Target> {
        self.targets
            .iter()
            .filter(|target| places.contains(&target.place))
            .cloned()
            .collect()
    }
}

fn target(json: &Value) -> Target {
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    Target {
        place: text("place"),
        service: text("service"),
        environment: text("environment"),
        bad: text("bad_version"),
        good: text("good_version"),
    }
}

#[cfg(test)]
mod tests {
    use ripcord_testkit::Scratch;

    use super::*;

    #[test]
    fn a_small_estate_is_sound_and_the_same_each_time() -> Result<()> {
        let scratch = Scratch::new()?;
        let mut tips = Vec::new();
        for name in ["one", "two"] {
            let folder = scratch.path().join(name);
            generate(Size::Small, 7, &folder)?;
            tips.push(scratch.git(&folder.join(REPOSITORY), &["rev-parse", "main"])?);
        }
        assert_eq!(tips[0], tips[1]);
        let estate = Estate::open(&scratch.path().join("one"))?;
        let git = |args: &[&str]| scratch.git(&estate.repo, args);
        assert_eq!(git(&["fsck", "--strict"])?, "");
        assert_eq!(git(&["rev-list", "--count", "main"])?, "2000");
        assert_eq!(
            git(&["for-each-ref", "--format=%(refname)"])?,
            "refs/heads/main"
        );
        let [near] = &estate.at(&["near".to_owned()])[..] else {
            anyhow::bail!("no near target")
        };
        let path = format!("services/{}", near.service);
        let bad = git(&["log", "-1", "--format=%H", "main", "--", &path])?;
        let below = git(&[
            "rev-list",
            "--first-parent",
            "--count",
            &format!("{bad}..main"),
        ])?;
        assert!((7..=11).contains(&below.parse::<u32>()?), "{below}");
        let overlay = format!("{path}/overlays/{}/kustomization.yaml", near.environment);
        assert!(git(&["show", &format!("{bad}:{overlay}")])?.contains(&near.bad));
        assert!(git(&["show", &format!("{bad}^:{overlay}")])?.contains(&near.good));
        Ok(())
    }
}
