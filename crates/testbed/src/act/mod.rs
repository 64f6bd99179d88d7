//! Workflows of GitHub, run on this machine by act: no container, no network, nothing of the user's
//! environment.
//!
//! What act does not do as GitHub: it does not look at `on.push.branches` and `repository_dispatch.types`,
//! ignores `services:`, and skips a job whose `runs-on` it does not know and calls that a success. The last
//! is a failure here, and so is a run in which no step ran ([`Ran::check`]).

mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

pub(crate) use self::log::Line;
pub use self::log::{Ran, StepRan};
use crate::process::{Broom, Launch, Process, Starter};
use crate::tools::Toolbox;

/// How often it is looked whether a run has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// What the jobs of most workflows say that they run on.
pub(crate) const LABEL: &str = "ubuntu-latest";

/// Workflows to be run, and with what.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub(crate) repository: PathBuf,
    pub(crate) event: String,
    pub(crate) payload: Value,
    pub(crate) file: Option<PathBuf>,
    pub(crate) job: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) actions: BTreeMap<String, PathBuf>,
    pub(crate) programs: Vec<PathBuf>,
    pub(crate) fetches: bool,
    pub(crate) limit: Duration,
}

impl Workflow {
    /// Those of a repository's folder that listen to an event, such as `workflow_dispatch`; `payload` is
    /// what GitHub sends with it. `actions/checkout` copies the folder.
    pub fn of(repository: &Path, event: &str, payload: &Value) -> Self {
        Self {
            repository: repository.to_path_buf(),
            event: event.to_owned(),
            payload: payload.clone(),
            file: None,
            job: None,
            actor: None,
            labels: BTreeSet::from([LABEL.to_owned()]),
            secrets: BTreeMap::new(),
            variables: BTreeMap::new(),
            environment: BTreeMap::new(),
            actions: BTreeMap::new(),
            programs: Vec::new(),
            fetches: false,
            limit: Duration::from_mins(5),
        }
    }

    /// This file of the repository and no other: `.gitea/workflows/deploy.yml`.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// This job and those it needs.
    #[must_use]
    pub fn job(mut self, id: &str) -> Self {
        self.job = Some(id.to_owned());
        self
    }

    /// Jobs that run on this run here, too; those on `ubuntu-latest` do already.
    #[must_use]
    pub fn label(mut self, runs_on: &str) -> Self {
        self.labels.insert(runs_on.to_owned());
        self
    }

    /// `secrets.NAME`; it is masked in what is logged.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// `vars.NAME`.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A variable of the environment of every step. `GITHUB_REPOSITORY`, `GITHUB_SERVER_URL` and others
    /// change what act says of itself.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The folder that is this action: `owner/name@ref`, or `owner/name` whatever the workflows pin.
    #[must_use]
    pub fn action(mut self, name: &str, folder: &Path) -> Self {
        self.actions.insert(name.to_owned(), folder.to_path_buf());
        self
    }

    /// Steps find the programs of this folder before those of the machine.
    #[must_use]
    pub fn programs(mut self, folder: &Path) -> Self {
        self.programs.push(folder.to_path_buf());
        self
    }

    /// It fails when it takes longer; 5 minutes when nothing is said.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The actions with every version at which a text of a workflow uses them.
    fn pinned(&self) -> Result<Vec<(String, &Path)>> {
        let mut texts = Vec::new();
        for path in self.files()? {
            texts.push(fs::read_to_string(&path).unwrap_or_default());
        }
        let mut all = Vec::new();
        for (name, folder) in &self.actions {
            if name.contains('@') {
                all.push((name.clone(), folder.as_path()));
                continue;
            }
            let versions: BTreeSet<&str> = texts
                .iter()
                .flat_map(|text| versions_used(text, name))
                .collect();
            for version in versions {
                all.push((format!("{name}@{version}"), folder.as_path()));
            }
        }
        Ok(all)
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let place = match &self.file {
            Some(file) => self.repository.join(file),
            None => self.repository.join(".github/workflows"),
        };
        if !place.is_dir() {
            return Ok(vec![place]);
        }
        let listed = fs::read_dir(&place).with_context(|| format!("no {}", place.display()))?;
        listed.map(|entry| Ok(entry?.path())).collect()
    }
}

/// The versions at which a workflow uses an action.
fn versions_used<'t>(text: &'t str, action: &str) -> Vec<&'t str> {
    let ends = |c: char| c.is_whitespace() || "\"',}".contains(c);
    text.match_indices(action)
        .filter_map(|(at, _)| {
            let begins = text[..at].ends_with(|c: char| c.is_whitespace() || "\"'".contains(c));
            let rest = &text[at + action.len()..];
            let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
            // An action in a folder of its repository has a path before the version.
            let (path, version) = word.split_once('@')?;
            (begins && (path.is_empty() || path.starts_with('/'))).then_some(version)
        })
        .collect()
}

/// act, ready to run workflows; its folder is gone when it is dropped.
pub struct Act {
    program: PathBuf,
    path: String,
    folder: PathBuf,
    starter: Starter,
    broom: Broom,
}

impl Act {
    /// With the programs of [`crate::tools::Group::Ci`]; steps find all that were prepared.
    ///
    /// # Errors
    /// act was not prepared; no folder can be made.
    pub fn new(tools: &Toolbox) -> Result<Self> {
        let program = tools.program("act")?.to_path_buf();
        // Secrets are in it.
        let folder = tempfile::Builder::new()
            .prefix("ripcord-act-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .context("cannot make a folder for act")?
            .keep();
        let broom = Broom::new(&folder)?;
        let bin = folder.join("bin");
        for name in [&bin, &folder.join("tmp")] {
            fs::create_dir(name).with_context(|| format!("cannot make {}", name.display()))?;
        }
        for (name, program) in tools.programs() {
            std::os::unix::fs::symlink(program, bin.join(name))?;
        }
        let others = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{others}", bin.display());
        Ok(Self {
            program,
            starter: Starter::new(&folder, path.clone())?,
            path,
            folder,
            broom,
        })
    }

    /// A folder of its own, for what a run needs.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        let folder =
            tempfile::tempdir_in(&self.folder).context("cannot make a folder for a run")?;
        Ok(folder.keep())
    }

    /// Runs workflows to their end. That something failed is in what is returned: [`Ran::check`].
    ///
    /// # Errors
    /// act cannot be started; it took longer than the limit.
    pub fn run(&self, workflow: &Workflow) -> Result<Ran> {
        let until = Instant::now() + workflow.limit;
        let mut running = self.start(workflow, &self.folder()?)?;
        loop {
            if let Some(status) = running.ended() {
                return running.ran(status);
            }
            if Instant::now() > until {
                running.stop();
                bail!(
                    "act was stopped after {} s:\n{}",
                    workflow.limit.as_secs(),
                    running.text()?
                );
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Begins to run workflows, with files in a folder that is this run's alone.
    pub(crate) fn start(&self, workflow: &Workflow, folder: &Path) -> Result<Running> {
        let write = |name: &str, value: &Value| -> Result<String> {
            let path = folder.join(name);
            fs::write(&path, value.to_string())
                .with_context(|| format!("cannot write {}", path.display()))?;
            Ok(path.display().to_string())
        };
        let home = folder.join("home");
        fs::create_dir_all(&home)?;
        let mut args = vec![
            workflow.event.clone(),
            "--json".to_owned(),
            "--no-cache-server".to_owned(),
        ];
        let mut add = |name: &str, value: String| args.extend([name.to_owned(), value]);
        add("--directory", workflow.repository.display().to_string());
        add("--eventpath", write("event.json", &workflow.payload)?);
        // JSON is YAML, in which any value can be said.
        add(
            "--secret-file",
            write("secrets.yml", &json!(workflow.secrets))?,
        );
        add(
            "--var-file",
            write("variables.yml", &json!(workflow.variables))?,
        );
        add(
            "--env-file",
            write("environment.yml", &json!(workflow.environment))?,
        );
        if let Some(file) = &workflow.file {
            let file = workflow.repository.join(file);
            add("--workflows", file.display().to_string());
        }
        if let Some(job) = &workflow.job {
            add("--job", job.clone());
        }
        if let Some(actor) = &workflow.actor {
            add("--actor", actor.clone());
        }
        for label in &workflow.labels {
            add("--platform", format!("{label}=-self-hosted"));
        }
        for (action, place) in workflow.pinned()? {
            add(
                "--local-repository",
                format!("{action}={}", place.display()),
            );
        }
        if workflow.fetches {
            args.push("--no-skip-checkout".to_owned());
        }
        let first = workflow.programs.iter();
        let mut path: Vec<String> = first.map(|folder| folder.display().to_string()).collect();
        path.push(self.path.clone());
        let launch = Launch::new(&self.program)
            .args(args)
            .env("HOME", home.display().to_string())
            .env("PATH", path.join(":"));
        let log = folder.join("log");
        Ok(Running {
            process: self.starter.start(&launch, &log)?,
            log,
        })
    }
}

impl Drop for Act {
    fn drop(&mut self) {
        let _ = self.broom.dismiss();
    }
}

/// A run that goes on. Everything of it ends when it is dropped.
pub(crate) struct Running {
    process: Process,
    log: PathBuf,
}

impl Running {
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Ends act and every step; those have groups of their own.
    pub(crate) fn stop(&mut self) {
        self.process.kill_tree();
    }

    /// All that was logged until now.
    pub(crate) fn lines(&self) -> Result<Vec<Line>> {
        let bytes =
            fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        // The last one may be written just now.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        Ok(whole.lines().map(Line::read).collect())
    }

    fn text(&self) -> Result<String> {
        Ok(log::text(&self.lines()?))
    }

    pub(crate) fn ran(&self, status: ExitStatus) -> Result<Ran> {
        Ok(Ran::of(status.code(), &self.lines()?))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_found_at_every_version_that_is_pinned() {
        let text = "- uses: acme/tool@aaa # v1\n- {uses: 'acme/tool/sub@bbb', with: {}}\n\
                    - uses: acme/tools@ccc\n- uses: other/acme/tool@ddd\n";
        assert_eq!(versions_used(text, "acme/tool"), ["aaa", "bbb"]);
    }
}
