//! Whether what a change did is there: by content alone.
//!
//! To apply a change again where it is in force changes nothing; to take it away where it is not in
//! force changes nothing either. Where both would change something or neither can be done, the lines
//! were changed again since, and only history knows.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};
use ripcord_git::{FileMerge, Mode, Oid, RepoError, Staged, TreeMerge};

/// Two trees: before something was done, and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    pub(crate) before: Oid,
    pub(crate) after: Oid,
}

/// How much of a change is in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// All of it: to apply it again would change nothing.
    Present,
    /// Nothing of it: to take it away would change nothing.
    Absent,
    /// Some of it is gone from these files, the rest is there or was changed again.
    Part(Vec<BString>),
    /// The same lines were changed again since: content cannot tell.
    Evolved,
}

impl Effect {
    /// Whether something is back to what it was before the change.
    pub(crate) fn lacks(&self) -> bool {
        matches!(self, Self::Absent | Self::Part(_))
    }
}

/// How much of a step a tree holds.
pub(crate) fn effect(staged: &mut Staged<'_>, step: Step, tree: Oid) -> Result<Effect, RepoError> {
    if step.before == step.after {
        return Ok(Effect::Present);
    }
    let again = staged.merge_trees(step.before, tree, step.after)?;
    if again == TreeMerge::Clean(tree) {
        return Ok(Effect::Present);
    }
    let away = staged.merge_trees(step.after, tree, step.before)?;
    let files = Files::of(staged, step, tree)?;
    let gone = match again {
        // These are where it would have to be done again, renamed files among them.
        TreeMerge::Clean(again) => staged.differing_paths(tree, again)?,
        TreeMerge::Conflict(_) | TreeMerge::Unrelated => files.gone(staged),
    };
    let mut really = Vec::new();
    for path in gone {
        let elsewhere = files.stands_elsewhere(path.as_bstr())
            || files.was_renamed(path.as_bstr(), staged, step, tree)?;
        if !elsewhere {
            really.push(path);
        }
    }
    let gone = really;
    Ok(if gone.is_empty() {
        Effect::Evolved
    } else if away == TreeMerge::Clean(tree) {
        Effect::Absent
    } else {
        Effect::Part(gone)
    })
}

/// One side of a file.
type Side = Option<(Mode, Vec<u8>)>;

/// The files of a step with what the tree holds there.
struct Files {
    by_path: Vec<(BString, [Side; 3])>,
}

impl Files {
    fn of(staged: &Staged<'_>, step: Step, tree: Oid) -> Result<Self, RepoError> {
        let mut by_path = Vec::new();
        for path in staged.differing_paths(step.before, step.after)? {
            let mut sides = [None, None, None];
            for (side, tree) in sides.iter_mut().zip([step.before, step.after, tree]) {
                *side = staged.file(tree, &path)?;
            }
            by_path.push((path, sides));
        }
        Ok(Self { by_path })
    }

    /// The files of which something is as it was before.
    fn gone(&self, staged: &Staged<'_>) -> Vec<BString> {
        let is_gone = |[before, after, now]: &[Side; 3]| {
            if now == after {
                return false;
            }
            if now == before {
                return true;
            }
            let (Some(before), Some(after), Some(now)) = (before, after, now) else {
                return false;
            };
            let mode_is_back = before.0 != after.0 && now.0 == before.0;
            let again = staged.merge_file(&before.1, &now.1, &after.1);
            mode_is_back || matches!(again, FileMerge::Clean(again) if again != now.1)
        };
        self.by_path
            .iter()
            .filter(|(_, sides)| is_gone(sides))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// Whether every line that the step added to a file is still somewhere in it, and none that it
    /// removed: it was moved, by sorting or by what was put around it.
    fn stands_elsewhere(&self, path: &BStr) -> bool {
        let found = self.by_path.iter().find(|(at, _)| at == path);
        let Some((_, [before, after, Some(now)])) = found else {
            return false;
        };
        let lines = |side: &Side| {
            side.as_ref()
                .map_or_else(HashMap::new, |side| count(&side.1))
        };
        let (before, after, now) = (lines(before), lines(after), count(&now.1));
        let mut told = false;
        let mut names: Vec<&BString> = before.keys().chain(after.keys()).collect();
        names.dedup();
        for line in names {
            let of = |side: &HashMap<BString, usize>| side.get(line).copied().unwrap_or(0);
            let (was, is, there) = (of(&before), of(&after), of(&now));
            told |= was != is;
            if (is > was && there < is) || (is < was && there > is) {
                return false;
            }
        }
        told
    }
}

/// Files that are looked through for one that was renamed.
const MOST_NEW: usize = 1000;

impl Files {
    /// Whether a file that the step made, or made into this, goes by another name now: a new one that
    /// has half of its lines, or all of its bytes.
    fn was_renamed(
        &self,
        path: &BStr,
        staged: &Staged<'_>,
        step: Step,
        tree: Oid,
    ) -> Result<bool, RepoError> {
        let found = self.by_path.iter().find(|(at, _)| at == path);
        let Some((_, [_, Some((_, after)), None])) = found else {
            return Ok(false);
        };
        let lines = count(after);
        let half = lines.values().sum::<usize>().div_ceil(2);
        for other in staged
            .differing_paths(step.after, tree)?
            .iter()
            .take(MOST_NEW)
        {
            let (None, Some((_, now))) =
                (staged.file(step.after, other)?, staged.file(tree, other)?)
            else {
                continue;
            };
            let there = count(&now);
            let shared: usize = lines
                .iter()
                .map(|(line, n)| there.get(line).map_or(0, |m| *n.min(m)))
                .sum();
            if now == *after || (half > 0 && shared >= half) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// How often every line is there.
pub(crate) fn count(bytes: &[u8]) -> HashMap<BString, usize> {
    let mut counts = HashMap::new();
    for line in bytes.lines() {
        *counts.entry(BString::from(line)).or_default() += 1;
    }
    counts
}
