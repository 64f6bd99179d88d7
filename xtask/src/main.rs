//! Project tasks: `cargo xtask test` is all that CI runs.
#![expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "a task runner starts other programs, and ends as they do"
)]
#![expect(clippy::print_stdout, reason = "a task runner talks to a terminal")]

mod generated;
mod layers;
mod sizes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

/// Project tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that must pass before a change lands
    Test,
    /// The quick half: format, lints, layers, sizes
    Check,
    /// A real control plane and Argo CD on this machine; `testbed help` says more
    #[command(disable_help_flag = true)]
    Testbed {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Write what is generated (schemas, completions) into the tree
    Generate,
}

fn main() -> Result<()> {
    let root = root()?;
    match Cli::parse().task {
        Task::Check => check(&root),
        Task::Generate => {
            build(&root)?;
            generated::write(&root, &program("ripcord")?)
        }
        Task::Testbed { args } => {
            build(&root)?;
            testbed(&root, &args)
        }
        Task::Test => {
            check(&root)?;
            println!("== build");
            build(&root)?;
            generated::write(&root, &program("ripcord")?)?;
            clean(&root)?;
            // Else the first test that needs them would build them, for minutes and in silence.
            println!("== testbed tools");
            let extras = ["forge", "bots", "ci"];
            let with = extras.iter().flat_map(|extra| ["--with", extra]);
            let args: Vec<String> = std::iter::once("build")
                .chain(with)
                .map(str::to_owned)
                .collect();
            testbed(&root, &args)?;
            // Those against the testbed mostly wait: more of them at a time than there are cores.
            step(
                &root,
                "tests",
                "env",
                &[
                    "RUST_TEST_THREADS=4",
                    "cargo",
                    "test",
                    "--workspace",
                    "--locked",
                    "--no-fail-fast",
                ],
            )?;
            deny(&root)
        }
    }
}

/// Builds all programs at once: one at a time, crates that they share would be built for each.
fn build(root: &Path) -> Result<()> {
    let built = Command::new("cargo")
        .args(["build", "--workspace", "--quiet", "--locked"])
        .current_dir(root)
        .status()
        .context("`cargo` could not be started")?;
    if !built.success() {
        bail!("build failed");
    }
    Ok(())
}

/// A program of the workspace: built into the folder of this one.
fn program(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// Runs the testbed's own program, and ends as it does.
fn testbed(root: &Path, args: &[String]) -> Result<()> {
    let program = program("testbed")?;
    let status = Command::new(&program)
        .args(args)
        .current_dir(root)
        .status()
        .with_context(|| format!("{} could not be started", program.display()))?;
    if !status.success() {
        std::process::exit(status.code().unwrap_or(1));
    }
    Ok(())
}

fn check(root: &Path) -> Result<()> {
    step(root, "format", "cargo", &["fmt", "--all", "--check"])?;
    layers::check(root)?;
    sizes::check(root)?;
    step(
        root,
        "lints",
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    )
}

/// Licences, sources and duplicate crates. The advisory database is not read here: it needs the
/// network of its host.
fn deny(root: &Path) -> Result<()> {
    step(
        root,
        "licences and sources",
        "cargo",
        &["deny", "--locked", "check", "bans", "licenses", "sources"],
    )
}

/// Generated files must be committed as they are generated.
fn clean(root: &Path) -> Result<()> {
    let output = Command::new("git")
        .args(["status", "--porcelain", "--", "schemas"])
        .current_dir(root)
        .output()?;
    if output.status.success() && !output.stdout.is_empty() {
        bail!(
            "generated files differ from what is committed; run `cargo xtask generate` and commit:\n{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    Ok(())
}

fn step(root: &Path, name: &str, program: &str, args: &[&str]) -> Result<()> {
    println!("== {name}: {program} {}", args.join(" "));
    let started = Instant::now();
    let status = Command::new(program)
        .args(args)
        .current_dir(root)
        .status()
        .with_context(|| format!("`{program}` could not be started"))?;
    if !status.success() {
        bail!("{name} failed");
    }
    println!("== {name}: {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .context("xtask has no parent folder")
}
