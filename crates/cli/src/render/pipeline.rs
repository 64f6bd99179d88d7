//! `ripcord pipeline init`.

use std::io;

use ripcord_pipeline::{Change, Finding, Level, Outcome, Settings};
use schemars::JsonSchema;
use serde::Serialize;

use super::Screen;

/// What became of the CI files.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Initialised {
    /// The number of the JSON form.
    pub(crate) schema: u32,
    /// Nothing was written.
    pub(crate) dry_run: bool,
    /// What the files were made for.
    pub(crate) settings: Settings,
    /// Each file, the settings last.
    pub(crate) changes: Vec<Change>,
    /// The secrets that the files read from the forge.
    pub(crate) secrets: Vec<String>,
}

/// What is wrong with the CI files.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Checked {
    /// The number of the JSON form.
    pub(crate) schema: u32,
    /// By path and line.
    pub(crate) findings: Vec<Finding>,
}

impl Checked {
    /// Those that have to be mended.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.level == Level::Failure)
    }
}

/// A line for each file.
pub(crate) fn initialised(screen: &mut Screen<'_>, done: &Initialised) -> io::Result<()> {
    for change in &done.changes {
        let word = match change.outcome {
            Outcome::Created => "created",
            Outcome::Unchanged => "unchanged",
            Outcome::Updated => "updated",
            Outcome::Merged => "merged",
            Outcome::Conflict => "CONFLICT",
            Outcome::Kept => "kept",
        };
        let painted = match change.outcome {
            Outcome::Conflict => screen.red(&format!("{word:<9}")),
            _ => format!("{word:<9}"),
        };
        writeln!(screen.out, "{painted}  {}", change.path)?;
        if let Some(hint) = &change.hint {
            writeln!(screen.out, "           {hint}")?;
        }
    }
    let is_new = |change: &Change| change.outcome == Outcome::Created;
    if done.changes.iter().any(is_new) && !done.secrets.is_empty() {
        writeln!(screen.out, "\nsecrets: {}", done.secrets.join(", "))?;
    }
    if done.dry_run {
        writeln!(screen.out, "\nnothing was written")?;
    } else if done.changes.iter().any(|change| !change.writes.is_empty()) {
        writeln!(screen.out, "\nit counts once it is committed and pushed")?;
    }
    Ok(())
}

/// A line for each finding, with what to do.
pub(crate) fn checked(screen: &mut Screen<'_>, checked: &Checked) -> io::Result<()> {
    for finding in &checked.findings {
        let word = match finding.level {
            Level::Failure => screen.red("wrong"),
            Level::Information => "note ".to_owned(),
        };
        writeln!(screen.out, "{word}  {finding}")?;
        writeln!(screen.out, "       {}", finding.hint)?;
    }
    if checked.failures().next().is_none() {
        let fine = screen.green("the CI files are as they should be");
        writeln!(screen.out, "{fine}")?;
    }
    Ok(())
}
