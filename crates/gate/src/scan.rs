//! A scan: which scanner is called how, and which of the four results it came to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::gate::{Checked, Command, Finding, Scan, Scanner, Tool, Verdict};

use self::call::{Files, Update, call, hides, ignore_file, variables};
use self::unread::unread;
use crate::command::{self, Ended, Place};
use crate::report::{Report, read_components, read_grype, read_osv, read_sarif, read_trivy};

mod call;
mod database;
mod unread;

/// What is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What<'a> {
    /// The sources in a folder.
    Sources,
    /// An image by its digest.
    Image(&'a str),
}

/// A scan to be made.
pub(crate) struct Asked<'a> {
    pub(crate) policy: &'a Scan,
    pub(crate) what: What<'a>,
    pub(crate) name: &'a str,
    pub(crate) folder: &'a Path,
    /// Where reports and logs go.
    pub(crate) out: &'a Path,
    pub(crate) time_box: Duration,
    pub(crate) oldest: SignedDuration,
    pub(crate) now: Timestamp,
}

/// A scan as it ended, and whether it went by an older database because a newer was not to be had.
pub(crate) struct Scanned {
    pub(crate) checked: Checked,
    pub(crate) is_outage: bool,
}

/// Scans, and tells the results apart.
pub(crate) fn scan(asked: &Asked<'_>) -> Scanned {
    let files = Files {
        components: asked
            .out
            .join(format!("{}-components.json", slug(asked.name))),
        report: asked.out.join(format!("{}.json", slug(asked.name))),
        settings: asked
            .out
            .join(format!("{}-settings.yaml", slug(asked.name))),
    };
    let Some(first) = call(asked, &files, Update::Yes) else {
        return Scanned {
            checked: Checked {
                verdict: Verdict::ScannerFailed,
                why: Some(
                    "the policy says neither `with` nor `run` and `sarif` for this scan".to_owned(),
                ),
                ..empty(asked, "")
            },
            is_outage: false,
        };
    };
    let mut checked = attempt(asked, &first, &files, Update::Yes);
    let mut is_outage = false;
    // A database that cannot be renewed: one from before is gone by, as long as it is not too old.
    if checked.verdict == Verdict::ScannerFailed
        && let Some(second) = call(asked, &files, Update::No)
    {
        let again = attempt(asked, &second, &files, Update::No);
        let seconds = checked.seconds + again.seconds;
        if again.verdict != Verdict::ScannerFailed {
            is_outage = true;
            let because = checked.why.take().unwrap_or_default();
            let said = again
                .why
                .clone()
                .map_or_else(String::new, |why| format!("{why}; "));
            checked = Checked {
                why: Some(format!("{said}by the database from before: {because}")),
                ..again
            };
        }
        checked.seconds = seconds;
    }
    Scanned { checked, is_outage }
}

fn empty(asked: &Asked<'_>, command: &str) -> Checked {
    Checked {
        name: asked.name.to_owned(),
        command: command.to_owned(),
        verdict: Verdict::NotRun,
        why: None,
        seconds: 0.0,
        tool: None,
        findings: Vec::new(),
        found: 0,
        last_lines: Vec::new(),
    }
}

/// What understands a scanner's report.
type Reader = fn(&[u8]) -> Result<Report, String>;

/// One call of a scanner. A report from before is none of this call: it goes first.
fn attempt(asked: &Asked<'_>, command: &Command, files: &Files, update: Update) -> Checked {
    let mut checked = empty(asked, &command.to_string());
    let program = asked.policy.with.program();
    let (path, read): (PathBuf, Reader) = match asked.policy.with {
        Scanner::Trivy => (files.report.clone(), read_trivy),
        Scanner::Grype => (files.report.clone(), read_grype),
        Scanner::OsvScanner => (files.report.clone(), read_osv),
        Scanner::Sarif => {
            let named = asked.policy.sarif.as_deref().unwrap_or_default();
            (asked.folder.join(named), read_sarif)
        }
    };
    for old in [&path, &files.components] {
        if let Err(error) = std::fs::remove_file(old)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            checked.verdict = Verdict::ScannerFailed;
            checked.why = Some(format!(
                "the report from before cannot be removed: {}: {error}",
                old.display()
            ));
            return checked;
        }
    }
    if let Err(error) = std::fs::write(&files.settings, "") {
        checked.verdict = Verdict::ScannerFailed;
        checked.why = Some(format!(
            "{} cannot be written: {error}",
            files.settings.display()
        ));
        return checked;
    }
    let log = asked.out.join(format!("{}.log", slug(asked.name)));
    let variables = variables(asked.policy.with, update);
    let place = Place {
        folder: asked.folder,
        variables: &variables,
        without: hides,
        time_box: asked.time_box,
        log: &log,
    };
    let ended = match command::run(command, &place) {
        Ok(ended) => ended,
        Err(error) => {
            let is_missing = error.kind() == std::io::ErrorKind::NotFound;
            checked.verdict = Verdict::ScannerFailed;
            checked.why = Some(if is_missing {
                format!(
                    "there is no `{program}` on PATH: install it, or name another by `gate: {{scan: {{with: …}}}}`"
                )
            } else {
                format!("`{program}` could not be started: {error}")
            });
            return checked;
        }
    };
    checked.seconds = ended.seconds;
    checked.last_lines.clone_from(&ended.last_lines);
    let mut report = std::fs::read(&path)
        .map_err(|_| "it wrote no report".to_owned())
        .and_then(|bytes| read(&bytes).map_err(|why| format!("its report cannot be read: {why}")));
    if asked.policy.with == Scanner::Grype {
        report = report.and_then(|report| {
            let looked_at = std::fs::read(&files.components)
                .map_err(|_| "it wrote no list of what it looked at".to_owned())
                .and_then(|bytes| read_components(&bytes))?;
            Ok(Report {
                looked_at: Some(looked_at.packages),
                looked_into: Some(looked_at.files),
                ..report
            })
        });
    }
    judge(asked, &ended, report, update, &mut checked);
    checked
}

/// Which of the results it is. The report decides; the status must not contradict it.
fn judge(
    asked: &Asked<'_>,
    ended: &Ended,
    report: Result<Report, String>,
    update: Update,
    checked: &mut Checked,
) {
    let program = asked.policy.with.program();
    let mut fail = |verdict, why: String| {
        checked.verdict = verdict;
        checked.why = Some(why);
    };
    let Some(status) = ended.status else {
        return fail(
            Verdict::ScannerFailed,
            format!("{program} was ended after {} s", asked.time_box.as_secs()),
        );
    };
    let code = status.code();
    // It says so by its status, and writes no report then.
    let is_empty = asked.policy.with == Scanner::OsvScanner && code == Some(128);
    let report = if is_empty {
        Ok(Report {
            looked_at: Some(0),
            ..Report::default()
        })
    } else {
        report
    };
    let words = || last_words(&ended.last_lines);
    let may_be_found = match asked.policy.with {
        Scanner::Trivy => code == Some(10),
        Scanner::OsvScanner => code == Some(1),
        Scanner::Grype => code == Some(2),
        Scanner::Sarif => code.is_some(),
    };
    if !status.success() && !may_be_found && !is_empty {
        let how = code.map_or_else(|| "a signal".to_owned(), |code| format!("status {code}"));
        return fail(
            Verdict::ScannerFailed,
            format!("{program} ended with {how}{}", words()),
        );
    }
    let report = match report {
        Ok(report) => report,
        Err(why) => {
            return fail(
                Verdict::ScannerFailed,
                format!("{program}: {why}{}", words()),
            );
        }
    };
    if !status.success() && report.findings.is_empty() && !is_empty {
        let code = code.unwrap_or_default();
        return fail(
            Verdict::ScannerFailed,
            format!(
                "{program} ended with status {code}, and its report has no finding{}",
                words()
            ),
        );
    }
    let scanner = asked.policy.with;
    let database = report.database.or_else(|| database::built(scanner, update));
    checked.tool = Some(Tool {
        name: program.to_owned(),
        version: report.version.clone(),
        database,
        ignore_file: ignore_file(asked.policy.with, asked.folder),
    });
    let silent = report.ignored.iter();
    let silent = silent.filter(|one| **one >= asked.policy.fails_on).count();
    let mut findings: Vec<Finding> = report.findings;
    findings.retain(|one| one.severity >= asked.policy.fails_on);
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
    findings.dedup();
    if !findings.is_empty() {
        checked.verdict = Verdict::Found;
        checked.found = findings.len();
        checked.why = findings.first().map(|one| {
            let fixed = one
                .fixed
                .as_ref()
                .map_or_else(String::new, |to| format!(", fixed in {to}"));
            format!("{} in {} {}{fixed}", one.id, one.package, one.installed)
        });
        checked.findings = findings;
        return;
    }
    // An image may hold a program and no package that a scanner knows, and that it was read its digest says. Of
    // sources it is not known whether they were the right ones.
    let is_nothing = report.looked_at == Some(0);
    if is_nothing && asked.what == What::Sources {
        return fail(
            Verdict::NothingScanned,
            format!("{program} found nothing that it could look at: is the folder the right one?"),
        );
    }
    match database {
        Some(built) if asked.now.duration_since(built) > asked.oldest => fail(
            Verdict::DatabaseTooOld,
            format!(
                "its database is of {built}, {} h old; the policy takes {} h",
                asked.now.duration_since(built).as_hours(),
                asked.oldest.as_hours()
            ),
        ),
        None if database::is_needed(scanner, update) => {
            fail(
                Verdict::DatabaseTooOld,
                format!("how old the database of {program} is, is not known"),
            );
        }
        _ => {
            checked.verdict = Verdict::Passed;
            let nothing =
                is_nothing.then(|| format!("{program} found no packages in the image to look at"));
            // Rules of its own, such as for packages that the distribution says are mended.
            let silent = (silent > 0).then(|| {
                format!("{program} itself left {silent} finding(s) out that the policy would count")
            });
            let passed_over = report
                .looked_into
                .filter(|_| asked.what == What::Sources)
                .and_then(|files| passed_over(program, &unread(asked.folder, &files)));
            let notes = [nothing, silent, passed_over].into_iter().flatten();
            let notes: Vec<String> = notes.collect();
            checked.why = (!notes.is_empty()).then(|| notes.join("; "));
        }
    }
}

/// The most characters of what a scanner said last.
const MOST_WORDS: usize = 500;

/// What a scanner said last says why, as its report is not there then. Lines that are set in go on the one above.
fn last_words(lines: &[String]) -> String {
    let is_begin = |line: &String| line.starts_with(|c: char| !c.is_whitespace());
    let from = lines.iter().rposition(is_begin).unwrap_or_default();
    let words = lines
        .iter()
        .skip(from)
        .flat_map(|line| line.split_whitespace());
    let said = words.collect::<Vec<_>>().join(" ");
    if said.is_empty() {
        return said;
    }
    let shown: String = said.chars().take(MOST_WORDS).collect();
    format!(": {shown}")
}

/// Says which lock files a scanner took nothing from. That is no failure: a lock file may name no package.
fn passed_over(program: &str, files: &[String]) -> Option<String> {
    const SHOWN: usize = 3;
    let shown = files.get(..SHOWN).unwrap_or(files);
    let more = match files.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!files.is_empty()).then(|| {
        format!(
            "{program} took nothing from {}{more}: each names no package or cannot be read",
            shown.join(", ")
        )
    })
}

/// A name for a file.
pub(crate) fn slug(name: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    name.chars().map(letter).take(60).collect()
}
