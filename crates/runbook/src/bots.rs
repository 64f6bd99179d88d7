//! Bots that would bump the version again: found, told to pass it over, and let go.

use futures_util::future::join_all;
use jiff::Timestamp;
use ripcord_connect::bots::{Certainty, Roster, Unseen};
use ripcord_connect::{Cluster, ConnectError, bots};
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::bot::{Bot, Passing, bad_tags};
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::proof::Missing;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{Recovery, StepKind, StepState};
use ripcord_ledger::Ledger;

use crate::holds::{again, gone_is_fine};
use crate::observe::Observed;
use crate::record::Record;

/// What would bump the version again.
pub(crate) enum Bumper {
    /// A bot that was found.
    Seen(Box<Watcher>),
    /// Bots that were looked for and not seen.
    Unseen(Unseen),
}

/// A bot, and the tags that it would bring back.
pub(crate) struct Watcher {
    pub(crate) bot: Bot,
    /// Whose version it bumps.
    pub(crate) application: AppName,
    /// Empty where the bad version has no tag.
    tags: Vec<String>,
}

/// The bots among all that watch an Application which are about the version that goes back.
pub(crate) fn of_aim(found: Vec<Bot>, aim: &Aim, observed: &Observed) -> Vec<Bumper> {
    let seen: Vec<&str> = observed
        .workloads
        .iter()
        .flat_map(|watched| {
            let pods = watched.seen.pods.iter().flat_map(|pod| &pod.images);
            watched.seen.workload.images.iter().chain(pods)
        })
        .map(String::as_str)
        .collect();
    let watchers = found.into_iter().map(|bot| Watcher {
        tags: bad_tags(aim, seen.iter().copied(), &bot.image),
        application: observed.app.name.clone(),
        bot,
    });
    // A version that is only a digest is told by nobody; else a bot for another image is none of ours.
    let has_tags = aim.bad.iter().any(|mark| mark.tag.is_some());
    watchers
        .filter(|watcher| !has_tags || !watcher.tags.is_empty())
        .map(|watcher| Bumper::Seen(Box::new(watcher)))
        .collect()
}

/// The bots that were not seen: of no Application alone.
pub(crate) fn unseen(roster: &Roster) -> Vec<Bumper> {
    let unseen = roster.unseen().iter();
    unseen.cloned().map(Bumper::Unseen).collect()
}

impl Bumper {
    /// The bot, where one was found.
    pub(crate) fn bot(&self) -> Option<&Bot> {
        match self {
            Self::Seen(watcher) => Some(&watcher.bot),
            Self::Unseen(_) => None,
        }
    }

    /// What it would do, and what is done about it.
    pub(crate) fn says(&self, until: Option<Timestamp>) -> String {
        match self {
            Self::Seen(watcher) => watcher.says(until),
            Self::Unseen(Unseen { what, why, .. }) => {
                format!("whether {what} would bump the version again is not seen: {why}")
            }
        }
    }

    /// What to do about it before an incident.
    pub(crate) fn mend(&self) -> String {
        match self {
            Self::Seen(watcher) if watcher.hindrance().is_none() => {
                "`ripcord rollback … --hold-bots` does it, and `ripcord release` ends it".to_owned()
            }
            Self::Seen(_) => {
                "after a rollback, exclude the tag where the bot is set up, in Git".to_owned()
            }
            Self::Unseen(unseen) => match unseen.certainty {
                Certainty::Writes => {
                    "let whoever recovers get `imagepolicies` and `imagerepositories` of image.toolkit.fluxcd.io, or exclude the tag where Flux runs".to_owned()
                }
                Certainty::NotShown => {
                    "grant `list imageupdaters.argocd-image-updater.argoproj.io in every namespace` by a ClusterRole, and look again".to_owned()
                }
                Certainty::NotOffered => {
                    "`--context NAME` reaches them by the Kubernetes API".to_owned()
                }
            },
        }
    }

    /// That it is not held back, where that is to be said of it.
    fn not_held(&self, why: Option<String>) -> Option<Missing> {
        let what = match self {
            Self::Seen(watcher) => {
                format!("{} is not held back: {}", watcher.bot, why?)
            }
            // Nobody who goes by Argo CD's API could ever do it: that is said, and no half is missing.
            Self::Unseen(unseen) if unseen.certainty == Certainty::NotOffered => return None,
            Self::Unseen(Unseen { what, why, .. }) => {
                format!("{what} is not held back, because it is not seen: {why}")
            }
        };
        Some(Missing::new("bot_not_held", what))
    }
}

impl Watcher {
    /// Why it cannot be held, if so.
    fn hindrance(&self) -> Option<String> {
        let Self { bot, tags, .. } = self;
        let no_tag = || {
            tags.is_empty()
                .then(|| "the bad version has no tag".to_owned())
        };
        bot.beyond.clone().or_else(no_tag)
    }

    fn says(&self, until: Option<Timestamp>) -> String {
        let bumps = format!("{}: it would bump the version again", self.bot);
        let tags = self.tags.join(", ");
        match (self.hindrance(), until) {
            (Some(why), _) => format!("{bumps}, and cannot be held back: {why}"),
            (None, Some(until)) => format!("{bumps}; it is told to pass {tags} over until {until}"),
            (None, None) => format!("{bumps}; `--hold-bots` makes it pass {tags} over"),
        }
    }
}

/// Tells every bot to pass the bad version over. What could not be done is missing.
pub(crate) async fn hold_all(
    argo: &Cluster,
    record: &Record,
    bumpers: &[Bumper],
    until: Timestamp,
) -> Vec<Missing> {
    let each = bumpers.iter().map(|bumper| async move {
        let why = match bumper {
            Bumper::Seen(watcher) => {
                let mut why = watcher.hindrance();
                if why.is_none() {
                    let held = hold(argo, record, watcher, until).await;
                    why = held.err().map(|problem| problem.message);
                }
                why
            }
            Bumper::Unseen(_) => None,
        };
        bumper.not_held(why)
    });
    join_all(each).await.into_iter().flatten().collect()
}

async fn hold(
    argo: &Cluster,
    record: &Record,
    watcher: &Watcher,
    until: Timestamp,
) -> Result<(), Problem> {
    let Watcher { bot, tags, .. } = watcher;
    let recovery = record.snapshot();
    let is_known = recovery
        .held_bots()
        .any(|passing| passing.bot == *bot && passing.tags == *tags);
    let passing = if is_known {
        None
    } else {
        Some(Passing {
            bot: bot.clone(),
            tags: tags.clone(),
            before: bots::list_of(argo, bot).await?,
            owner: recovery.owner,
            since: record.now(),
            until,
            released: None,
        })
    };
    let begun = record.start_with(
        StepKind::HoldBot,
        Some(&watcher.application),
        bot.to_string(),
        |recovery| recovery.bots.extend(passing),
    )?;
    match again(|| bots::pass_over(argo, bot, tags)).await {
        Ok(()) => record.end(
            begun,
            StepState::Done,
            format!("{bot} and passes {} over until {until}", tags.join(", ")),
        ),
        Err(error) => {
            record.end(begun, StepState::Failed, error.to_string())?;
            Err(error.into())
        }
    }
}

/// Puts the list back; what other recoveries still hold stays in it.
async fn put_back(
    argo: &Cluster,
    others: &[Recovery],
    recovery: &Recovery,
    passing: &Passing,
) -> Result<(), ConnectError> {
    // Another cluster may have a bot of the same name.
    let here = others
        .iter()
        .filter(|other| place(other) == place(recovery));
    let known = here.chain([recovery]).flat_map(|one| &one.bots);
    let ours = alone(known, passing);
    gone_is_fine(again(|| bots::put_list_back(argo, &ours)).await)
}

/// What is a passing's alone: the tags that no other holds, and what the list was before the first of
/// those that overlap, because a list that was read meanwhile has the tags of the others in it.
fn alone<'p>(known: impl Iterator<Item = &'p Passing>, passing: &Passing) -> Passing {
    let others: Vec<&Passing> = known
        .filter(|other| *other != passing && is_same_list(other, passing))
        .collect();
    let mut ours = passing.clone();
    let standing = others.iter().filter(|other| other.released.is_none());
    let held: Vec<&String> = standing.flat_map(|other| &other.tags).collect();
    ours.tags.retain(|tag| !held.contains(&tag));
    let mut first = passing;
    let stood_at = |other: &Passing, at: Timestamp| {
        other.since < at && other.released.is_none_or(|released| released > at)
    };
    while let Some(earlier) = others
        .iter()
        .filter(|other| stood_at(other, first.since))
        .min_by_key(|other| other.since)
    {
        first = earlier;
    }
    ours.before.clone_from(&first.before);
    ours
}

/// How the cluster of a recovery was reached.
fn place(recovery: &Recovery) -> Option<(Option<&str>, Option<&str>)> {
    let part = recovery.parts.first()?;
    Some((part.context.as_deref(), part.server.as_deref()))
}

/// Whether two passings are about one list.
fn is_same_list(one: &Passing, other: &Passing) -> bool {
    let key = |passing: &Passing| {
        let Bot { object, list, .. } = &passing.bot;
        // The same object may be asked for by another release of its kind.
        let object = (&object.group, &object.kind, &object.namespace, &object.name);
        format!("{object:?} {list:?}")
    };
    key(one) == key(other)
}

/// Lets every bot go that a recovery held back, and records it. Which ones.
///
/// # Errors
/// The cluster does not answer or allow it: the bot goes on passing the version over.
pub async fn release_bots(
    argo: &Cluster,
    ledger: &Ledger,
    recovery: &mut Recovery,
    now: Timestamp,
) -> Result<Vec<Bot>, Problem> {
    let mut gone = Vec::new();
    if recovery.held_bots().next().is_none() {
        return Ok(gone);
    }
    let mut others = ledger.all()?;
    others.retain(|other| other.id != recovery.id);
    for at in 0..recovery.bots.len() {
        if recovery.bots[at].released.is_some() {
            continue;
        }
        put_back(argo, &others, recovery, &recovery.bots[at]).await?;
        recovery.bots[at].released = Some(now);
        gone.push(recovery.bots[at].bot.clone());
        ledger.save(recovery)?;
    }
    Ok(gone)
}

/// The same for a recovery under way that gives way.
pub(crate) async fn release(argo: &Cluster, record: &Record) -> Result<(), Problem> {
    let begun = record.snapshot();
    if begun.held_bots().next().is_none() {
        return Ok(());
    }
    let others = record.others()?;
    for passing in begun.held_bots() {
        let now = record.snapshot();
        put_back(argo, &others, &now, passing).await?;
        let now = record.now();
        record.change(|recovery| {
            let known = recovery.bots.iter_mut();
            for one in known.filter(|one| *one == passing) {
                one.released = Some(now);
            }
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ripcord_domain::live::application::ObjectKey;
    use ripcord_domain::live::bot::{List, Program};
    use serde_json::{Value, json};

    fn bot() -> Bot {
        Bot {
            program: Program::Flux,
            object: ObjectKey {
                kind: "ImageRepository".into(),
                name: "pay".into(),
                ..ObjectKey::default()
            },
            image: "acme/pay".into(),
            list: List::Excluded,
            beyond: None,
        }
    }

    fn unseen(certainty: Certainty) -> Bumper {
        Bumper::Unseen(Unseen {
            what: "Argo CD Image Updater by ImageUpdaters".into(),
            why: "imageupdaters is forbidden".into(),
            certainty,
        })
    }

    #[test]
    fn bots_that_cannot_be_read_are_told_in_the_plan_and_missing_when_they_were_to_be_held() {
        let hidden = unseen(Certainty::NotShown);
        assert!(
            hidden
                .says(None)
                .contains("is not seen: imageupdaters is forbidden")
        );
        let missing = hidden.not_held(None).unwrap();
        assert_eq!(missing.code, "bot_not_held");
        assert!(missing.what.contains("imageupdaters is forbidden"));
        assert!(unseen(Certainty::Writes).not_held(None).is_some());
        // By Argo CD's API nobody sees them: a hold by annotation is all that can be asked for.
        assert_eq!(unseen(Certainty::NotOffered).not_held(None), None);
    }

    #[test]
    fn every_bot_has_something_to_do_about_it() {
        let watcher = |tags: &[&str]| {
            Bumper::Seen(Box::new(Watcher {
                bot: bot(),
                application: AppName::default(),
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            }))
        };
        assert!(watcher(&["v2"]).mend().contains("--hold-bots"));
        assert!(watcher(&[]).mend().contains("exclude the tag"));
        for certainty in [
            Certainty::Writes,
            Certainty::NotShown,
            Certainty::NotOffered,
        ] {
            assert!(!unseen(certainty).mend().is_empty());
        }
    }

    fn passing(tags: &[&str], before: Value, (since, released): (&str, Option<&str>)) -> Passing {
        let at = |time: &str| format!("2026-11-27T{time}:00Z").parse().unwrap();
        Passing {
            bot: bot(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            before,
            owner: "ops".into(),
            since: at(since),
            until: at("23:00"),
            released: released.map(at),
        }
    }

    #[test]
    fn a_tag_that_a_newer_recovery_still_holds_is_not_taken_out_with_the_older_one() {
        let older = passing(&["v2"], Value::Null, ("17:00", None));
        let newer = passing(&["v2"], json!(["v2"]), ("17:10", None));
        let ours = alone([&newer].into_iter(), &older);
        assert!(ours.tags.is_empty(), "{ours:?}");
        // With the newer one it goes, although the list had it when that one began.
        let released = passing(&["v2"], Value::Null, ("17:00", Some("17:20")));
        let ours = alone([&released].into_iter(), &newer);
        assert_eq!(
            (ours.tags, ours.before),
            (vec!["v2".to_owned()], Value::Null)
        );
    }

    #[test]
    fn what_a_recovery_that_was_over_before_had_held_is_no_part_of_it() {
        let over = passing(&["v1"], Value::Null, ("15:00", Some("16:00")));
        let ours = passing(&["v2"], json!(["latest"]), ("17:00", None));
        assert_eq!(alone([&over].into_iter(), &ours), ours);
        let mut elsewhere = passing(&["v2"], Value::Null, ("16:00", None));
        elsewhere.bot.object.name = "cart".into();
        assert_eq!(alone([&elsewhere].into_iter(), &ours), ours);
    }
}
