//! What becomes of a change by hand, as far as it can be known before.
//!
//! The rules are those of Argo CD's controller; those with a figure were seen of a real one
//! (`docs/concepts/argo-cd-facts.md`).

use jiff::Timestamp;

use super::ignored::Ignored;
use super::{Applier, Difference};
use crate::live::application::{Application, Resource};
use crate::live::route::Windows;
use crate::message::short_commit;

/// What decides whether a change is undone.
#[derive(Clone, Copy, Debug)]
pub struct Undoing<'a> {
    /// The Application.
    pub app: &'a Application,
    /// Until when a recovery holds it; what is past holds no more.
    pub held_until: Option<Timestamp>,
    /// What the windows of its project allow; none where they may not be read.
    pub windows: Option<Windows>,
    /// Its ApplicationSet syncs it in steps; none where that may not be read.
    pub rolls_in_steps: Option<bool>,
    /// The time.
    pub now: Timestamp,
}

/// How long self-heal waits at the most, and how its waits grow, in seconds: Argo CD's defaults.
const LONGEST_WAIT: i64 = 300;
const FIRST_WAIT: i64 = 2;
const GROWS_BY: i64 = 3;

/// The seconds from the end of a sync after which self-heal syncs the same commit again.
fn waits(heals: u32) -> i64 {
    let Some(grown) = heals.checked_sub(1) else {
        return 0;
    };
    GROWS_BY
        .checked_pow(grown)
        .and_then(|times| times.checked_mul(FIRST_WAIT))
        .map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

impl Undoing<'_> {
    /// What undoes a change of an object; none stands for the whole of it. It goes on a sentence that begins
    /// with "undone by".
    pub fn of(&self, resource: &Resource, difference: Option<&Difference>) -> String {
        let ignored = self.ignored(resource, difference);
        if ignored == Ignored::Yes {
            return if self.has_option("RespectIgnoreDifferences=true") {
                "nothing: ignoreDifferences of the Application is about it, and syncs leave it too"
                    .to_owned()
            } else {
                "nothing by itself: ignoreDifferences of the Application is about it; a sync of the object writes it all the same"
                    .to_owned()
            };
        }
        if resource.is_synced && difference.is_some_and(|one| one.is_taken_over) {
            return "nothing as long as Argo CD says Synced: Git says the same, or does not name it"
                .to_owned();
        }
        let mut text = self.by_whom(resource);
        if ignored == Ignored::Perhaps {
            text.push_str(
                "; nothing, should an expression of ignoreDifferences be about it, which is not known",
            );
        }
        if difference.is_some_and(|one| one.is_taken_over) {
            text.push_str("; nothing, should Git not name the field");
        }
        if resource.is_synced {
            text.push_str("; so far Argo CD says Synced");
        }
        text
    }

    fn ignored(&self, resource: &Resource, difference: Option<&Difference>) -> Ignored {
        let Some(difference) = difference else {
            return Ignored::No;
        };
        let entries = self.app.ignored.iter();
        let each = entries.map(|entry| entry.covers(&resource.key, difference));
        each.max().unwrap_or(Ignored::No)
    }

    fn has_option(&self, option: &str) -> bool {
        self.app.sync_options.iter().any(|one| one == option)
    }

    fn by_whom(&self, resource: &Resource) -> String {
        let app = self.app;
        let steps = match app.application_set {
            Some(_) => self.rolls_in_steps,
            None => Some(false),
        };
        let prunes = app.auto_sync.is_none_or(|auto| auto.prunes);
        if let Some(until) = self.held_until.filter(|until| *until > self.now) {
            return format!("nothing while a recovery holds it, until {until}");
        }
        if app.is_skipped {
            return "nothing while Argo CD is told to skip the Application (skip-reconcile)"
                .to_owned();
        }
        if steps == Some(false) && app.auto_sync.is_none() {
            return "nothing until somebody asks for a sync".to_owned();
        }
        if self.windows.is_some_and(|windows| windows != Windows::Open) {
            return "nothing by itself while a sync window of its project is closed, and after it not before Argo CD compares again".to_owned();
        }
        if app.sync == "Unknown" {
            return "nothing until Argo CD can compare: it says Unknown".to_owned();
        }
        let mut text = match steps {
            Some(true) => {
                "its ApplicationSet, which syncs it in about 1.5 s when it is at this step"
                    .to_owned()
            }
            // Auto-sync or not: a set that syncs in steps takes it away from its Applications.
            None if app.auto_sync.is_none() => {
                "not known: its ApplicationSet may not be read, and may sync it in steps".to_owned()
            }
            _ if resource.wants_pruning && !prunes => {
                "nothing until somebody asks for a sync that prunes".to_owned()
            }
            _ => self.by_auto_sync(),
        };
        if self.is_under_way() {
            text = format!("the sync that is under way, if it is about it; else {text}");
        }
        if self.windows.is_none() {
            text.push_str("; the sync windows of its project are not known");
        }
        text
    }

    fn is_under_way(&self) -> bool {
        let state = self.app.operation_state.as_ref();
        let runs =
            state.is_some_and(|state| matches!(state.phase.as_str(), "Running" | "Terminating"));
        self.app.operation.is_some() || runs
    }

    fn by_auto_sync(&self) -> String {
        let app = self.app;
        let heals = app.auto_sync.is_some_and(|auto| auto.self_heals);
        let state = app.operation_state.as_ref();
        let has_failed =
            state.is_some_and(|state| matches!(state.phase.as_str(), "Failed" | "Error"));
        // Without a result Argo CD does not know which commit it was, and tries none again.
        if has_failed && state.is_some_and(|state| state.synced.is_empty()) {
            return "nothing until somebody asks for a sync: the last one failed without a result"
                .to_owned();
        }
        if is_behind(app) {
            return "auto-sync as soon as Argo CD compares: there is a commit that it has not synced yet"
                .to_owned();
        }
        let at_the_next_commit = if app.generate_paths.is_empty() {
            "auto-sync at the next commit, of anybody"
        } else {
            "auto-sync at the next commit that changes its paths"
        };
        if has_failed {
            return format!(
                "{at_the_next_commit}; the last sync failed, and is not tried again before"
            );
        }
        if !heals {
            return at_the_next_commit.to_owned();
        }
        let heals = state.map_or(0, |state| state.operation.heals);
        let since = state
            .and_then(|state| state.ended)
            .map_or(0, |ended| self.now.duration_since(ended).as_secs().max(0));
        match waits(heals) - since {
            left if left > 1 => format!(
                "self-heal, in about {left} s by Argo CD's defaults: it waits longer each time at the same commit, and was there {heals} times"
            ),
            _ => "self-heal, in about 1 s".to_owned(),
        }
    }
}

/// Whether Argo CD compares with another commit than it synced last. Where it looks at paths only, a commit
/// may be none of its own.
fn is_behind(app: &Application) -> bool {
    let synced = app.operation_state.as_ref().map(|state| &state.synced);
    app.generate_paths.is_empty()
        && !app.revisions.is_empty()
        && synced.is_some_and(|synced| !synced.is_empty() && *synced != app.revisions)
}

/// Why an object that Argo CD calls OutOfSync shows no field that is otherwise, or not each.
pub fn untold(app: &Application, resource: &Resource, applied_by: Option<&Applier>) -> String {
    if resource.wants_pruning {
        return "Git no longer has it, and nobody has taken it away".to_owned();
    }
    if let Some(applier) = applied_by {
        let at = applier
            .at
            .map_or_else(String::new, |at| format!(" at {at}"));
        return format!(
            "{} applied it last{at}, not Argo CD: what Git says stands nowhere in it",
            applier.by
        );
    }
    if is_behind(app) {
        let commits: Vec<&str> = app.revisions.iter().map(|one| short_commit(one)).collect();
        return format!("commit {} is not synced yet", commits.join(", "));
    }
    "all that was applied last is there".to_owned()
}

#[cfg(test)]
mod tests;
