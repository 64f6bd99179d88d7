//! `hotfix gate`.

use std::path::{Path, PathBuf};

use ripcord_domain::config::Settings;
use ripcord_domain::gate::Record;
use ripcord_domain::hotfix::HotfixName;
use ripcord_domain::{Kind, Problem};
use ripcord_gate::{Event, Gate};
use ripcord_git::{Oid, Repo};
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey;

use crate::args::{GateArgs, Global};
use crate::moment;
use crate::render::{Output, hotfix as screen};
use crate::wiring;

pub(super) fn run(global: &Global, args: &GateArgs, output: &mut Output) -> Result<(), Problem> {
    let repo = Repo::open_clone(&args.source).map_err(from_repo)?;
    let (commit, branch) = repo.checked_out().map_err(from_repo)?;
    refuse_changes(&repo)?;
    let hotfix = match (&args.hotfix, branch) {
        (Some(name), _) => Some(HotfixName::parse(name)?),
        (None, Some(branch)) => HotfixName::of_branch(&branch)?,
        (None, None) => None,
    };
    let tree = repo.commit(commit).map_err(from_repo)?.tree;
    let text = match wiring::configuration(global)? {
        Some(text) => Some(text),
        None => survey::written(&repo, tree)?,
    };
    let settings = text.map_or_else(|| Ok(Settings::default()), |text| Settings::parse(&text))?;
    let overrides: Vec<(String, String)> = args
        .overrides
        .iter()
        .map(|text| decision(text))
        .collect::<Result<_, _>>()?;
    let by = if let Some(name) = &args.signed_off_by {
        name.clone()
    } else {
        let now = moment::now().as_second();
        let author = repo.identity(now).map_err(from_repo)?.author;
        format!("{} <{}>", author.name, author.email)
    };
    let folder = repo
        .worktree()
        .map(Path::to_path_buf)
        .ok_or_else(no_work_tree)?;
    let (logs, temporary) = logs(args)?;
    let base = left_main_at(&repo, commit);
    let commit = commit.to_string();
    let gate = Gate {
        policy: &settings.config.gate,
        folder: &folder,
        out: &logs,
        hotfix,
        commit: &commit,
        base,
        repository: Some(repo.remote().url().for_others()),
        overrides: &overrides,
        by: &by,
        clock: &moment::now,
    };
    let record = ripcord_gate::run(&gate, &mut |event| match event {
        Event::Began(name) => Output::note(name),
        Event::Ended(checked) => Output::told(&format!(
            "{}: {} after {:.1} s",
            checked.name,
            checked.verdict.words(),
            checked.seconds
        )),
    })?;
    if let Some(path) = &args.record {
        write(path, &record)?;
    }
    output.answer(&record, |page| screen::gate(page, &record));
    settle(&record, &logs).inspect_err(|_| {
        // Who looks for why finds the logs.
        if let Some(folder) = temporary {
            let _ = folder.keep();
        }
    })
}

/// Where a commit left the main line. A remote that is away must not stop a gate: then it is not known.
fn left_main_at(repo: &Repo, commit: Oid) -> Option<String> {
    let main = repo.default_branch().ok()?;
    let tip = match repo.fetch_tip(&main, repo.depth()) {
        Ok(tip) => tip,
        Err(_) => repo.local_tip(&main).ok()??,
    };
    let base = repo.merge_base(commit, tip).ok()??;
    Some(base.to_string())
}

/// A gate for files that are in no commit would be for something that nobody can build again.
fn refuse_changes(repo: &Repo) -> Result<(), Problem> {
    let changed = repo.changed_files().map_err(from_repo)?;
    match changed.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(
            Kind::Refused,
            "uncommitted_changes",
            format!(
                "{} file(s) are not as in the commit, such as {first}: the gate is for a commit",
                changed.len()
            ),
        )
        .hint("commit them, or put them aside: `git stash`")),
    }
}

fn no_work_tree() -> Problem {
    Problem::new(
        Kind::Usage,
        "no_work_tree",
        "this is a bare repository, and the gate needs the files",
    )
    .hint("stand in a clone of the service's source, or name it: `--source PATH`")
}

fn decision(text: &str) -> Result<(String, String), Problem> {
    match text.split_once('=') {
        Some((check, reason)) if !check.trim().is_empty() && !reason.trim().is_empty() => {
            Ok((check.trim().to_owned(), reason.trim().to_owned()))
        }
        _ => Err(Problem::new(
            Kind::Usage,
            "reason_missing",
            format!("`{}` is no check with a reason", text.escape_default()),
        )
        .hint("such as `--override 'source scan=the database server is down'`")),
    }
}

/// Where logs go, and the folder that goes with the run where nobody named one.
fn logs(args: &GateArgs) -> Result<(PathBuf, Option<tempfile::TempDir>), Problem> {
    if let Some(folder) = &args.logs {
        let made = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
        return Ok((made.map_err(|error| cannot_write(folder, &error))?, None));
    }
    let made = tempfile::Builder::new().prefix("ripcord-gate-").tempdir();
    let folder = made.map_err(|error| cannot_write(&std::env::temp_dir(), &error))?;
    Ok((folder.path().to_path_buf(), Some(folder)))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(
        Kind::Local,
        "cannot_write",
        format!("{} cannot be written: {error}", path.display()),
    )
}

fn write(path: &Path, record: &Record) -> Result<(), Problem> {
    let mut text = serde_json::to_string_pretty(record).unwrap_or_default();
    text.push('\n');
    std::fs::write(path, text).map_err(|error| cannot_write(path, &error))
}

fn settle(record: &Record, logs: &Path) -> Result<(), Problem> {
    let Some(stopped) = record.stopped_by() else {
        return Ok(());
    };
    let why = stopped.why.as_deref().unwrap_or_default();
    let problem = Problem::new(
        Kind::Refused,
        "gate_stopped",
        format!(
            "the gate stopped: `{}` {}: {why}",
            stopped.name,
            stopped.verdict.words()
        ),
    )
    .hint(format!("logs and reports are in {}", logs.display()));
    Err(if stopped.verdict.may_be_overridden() {
        problem.hint(format!(
            "nothing is known to be wrong; a person may decide: `--override '{}=REASON'`",
            stopped.name
        ))
    } else {
        problem
    })
}
