//! What becomes of files that are there when they are generated again: a three-way merge.
//!
//! The base is what was generated last, kept in `.ripcord/pipeline/`; one side is the file as people left it, the
//! other the new text. Nothing that was changed by hand is ever overwritten.

use ripcord_domain::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Texts;
use crate::files::{GeneratedFile, files};
use crate::settings::{SETTINGS_FILE, Settings};

/// Where what was generated last is kept: under the path of the file.
const BASES: &str = ".ripcord/pipeline/";

/// What becomes of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// The file.
    pub path: String,
    /// What becomes of it.
    pub outcome: Outcome,
    /// What to do next, where a person has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What has to be written for it.
    #[serde(skip)]
    pub writes: Vec<Write>,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It is as it should be, with whatever people changed.
    Unchanged,
    /// Nobody had changed it; it is replaced.
    Updated,
    /// What is new was merged into what people changed.
    Merged,
    /// What is new and what people changed are about the same lines: the file is left alone, and what is new stands
    /// beside it.
    Conflict,
    /// It is the repository's own and is left alone.
    Kept,
}

/// A file that has to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its path from the root of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Says for each file what becomes of it, and last for the settings; `there` is what the repository holds.
pub fn regenerate(settings: &Settings, there: &Texts) -> Result<Vec<Change>, Problem> {
    let mut changes: Vec<Change> = files(settings)?
        .into_iter()
        .map(|file| change(file, there))
        .collect();
    let text = settings.text()?;
    let outcome = match there.get(SETTINGS_FILE) {
        None => Outcome::Created,
        Some(old) if *old == text => Outcome::Unchanged,
        Some(_) => Outcome::Updated,
    };
    changes.push(Change {
        path: SETTINGS_FILE.to_owned(),
        outcome,
        hint: None,
        writes: needed(there, [(SETTINGS_FILE.to_owned(), text)]),
    });
    Ok(changes)
}

/// Where the text of a file is kept as it was generated.
pub(crate) fn base_of(path: &str) -> String {
    format!("{BASES}{path}")
}

/// Where a new text waits for a person.
pub(crate) fn new_beside(path: &str) -> String {
    format!("{path}.new")
}

/// How a person says that a new text is taken over: it becomes the base, and what differs is a local edit.
pub(crate) fn taking_over(path: &str) -> String {
    format!(
        "take over what you need from {new}, then `mv {new} {base}`",
        new = new_beside(path),
        base = base_of(path)
    )
}

fn change(file: GeneratedFile, there: &Texts) -> Change {
    let GeneratedFile {
        path,
        text,
        only_if_absent,
    } = file;
    let base = base_of(&path);
    let done = |outcome, ours: String| Change {
        writes: needed(there, [(path.clone(), ours), (base.clone(), text.clone())]),
        path: path.clone(),
        outcome,
        hint: None,
    };
    let Some(ours) = there.get(&path) else {
        if only_if_absent {
            return Change {
                writes: needed(there, [(path.clone(), text)]),
                path,
                outcome: Outcome::Created,
                hint: None,
            };
        }
        return done(Outcome::Created, text.clone());
    };
    if only_if_absent {
        return Change {
            path,
            outcome: Outcome::Kept,
            hint: None,
            writes: Vec::new(),
        };
    }
    match merge(there.get(&base).map(String::as_str), ours, &text) {
        Some(merged) if merged == *ours => done(Outcome::Unchanged, merged),
        Some(merged) if unix(&merged) == text => done(Outcome::Updated, merged),
        Some(merged) => done(Outcome::Merged, merged),
        None => Change {
            outcome: Outcome::Conflict,
            hint: Some(taking_over(&path)),
            writes: needed(there, [(new_beside(&path), text)]),
            path,
        },
    }
}

/// The file with what is new, or nothing where a person has to decide.
pub(crate) fn merge(base: Option<&str>, ours: &str, theirs: &str) -> Option<String> {
    // Git may have given the file the line ends of another system.
    let (plain, dos) = (unix(ours), ours.contains("\r\n"));
    let merged = if plain == theirs {
        theirs.to_owned()
    } else {
        let base = unix(base?);
        if plain == base {
            theirs.to_owned()
        } else if base == theirs {
            plain
        } else {
            diffy::merge(&base, &plain, theirs).ok()?
        }
    };
    Some(if dos {
        merged.replace('\n', "\r\n")
    } else {
        merged
    })
}

/// The text with the line ends that ripcord writes.
pub(crate) fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// What of these is not there yet.
fn needed(there: &Texts, wanted: impl IntoIterator<Item = (String, String)>) -> Vec<Write> {
    wanted
        .into_iter()
        .filter(|(path, text)| there.get(path) != Some(text))
        .map(|(path, text)| Write { path, text })
        .collect()
}
