//! Which lines of a change another commit took back: for where the lines beside were changed as well,
//! and a merge cannot tell.

use std::cmp::Ordering;
use std::collections::HashMap;

use bstr::BString;
use ripcord_git::{Oid, RepoError, Staged};

use crate::effect::{Step, count};

/// The lines of a step that another takes back: it removes what the first added, or brings what the
/// first removed.
pub(crate) struct Taken {
    lines: Vec<Line>,
    /// Whether the first step adds any line at all.
    adds: bool,
}

struct Line {
    path: BString,
    text: BString,
    was_added: bool,
    /// How often it was there before it was taken back.
    times: usize,
}

impl Taken {
    pub(crate) fn of(staged: &Staged<'_>, step: Step, by: Step) -> Result<Self, RepoError> {
        let mut found = Self {
            lines: Vec::new(),
            adds: false,
        };
        for path in staged.differing_paths(step.before, step.after)? {
            let was = lines(staged, step.before, &path)?;
            let is = lines(staged, step.after, &path)?;
            let before = lines(staged, by.before, &path)?;
            let after = lines(staged, by.after, &path)?;
            let of = |side: &HashMap<BString, usize>, line| side.get(line).copied().unwrap_or(0);
            let removed = was.keys().filter(|line| !is.contains_key(*line));
            for line in is.keys().chain(removed) {
                let done = of(&is, line).cmp(&of(&was, line));
                let was_added = done == Ordering::Greater;
                found.adds |= was_added;
                let times = of(&before, line);
                if done.is_ne() && of(&after, line).cmp(&times) == done.reverse() {
                    found.lines.push(Line {
                        path: path.clone(),
                        text: line.clone(),
                        was_added,
                        times,
                    });
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a tree has all of it as before. Where the step adds lines, one of them must be among
    /// these: that a removed line is gone again says little, as anything may have replaced it.
    pub(crate) fn is_back_in(&self, staged: &Staged<'_>, tree: Oid) -> Result<bool, RepoError> {
        for one in &self.lines {
            let now = lines(staged, tree, &one.path)?;
            let now = now.get(&one.text).copied().unwrap_or(0);
            let is_back = if one.was_added {
                now >= one.times
            } else {
                now <= one.times
            };
            if !is_back {
                return Ok(false);
            }
        }
        let has_added = self.lines.iter().any(|one| one.was_added);
        Ok(!self.is_empty() && (has_added || !self.adds))
    }
}

/// How often every line of a file is there.
fn lines(
    staged: &Staged<'_>,
    tree: Oid,
    path: &BString,
) -> Result<HashMap<BString, usize>, RepoError> {
    let file = staged.file(tree, path)?;
    Ok(file.map_or_else(HashMap::new, |(_, bytes)| count(&bytes)))
}
