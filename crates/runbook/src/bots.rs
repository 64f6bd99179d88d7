//! Bots that would bump the version again: found, told to pass it over, and let go.

use futures_util::future::join_all;
use jiff::Timestamp;
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

/// A bot, and the tags that it would bring back.
pub(crate) struct Bumper {
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
    let bumpers = found.into_iter().map(|bot| Bumper {
        tags: bad_tags(aim, seen.iter().copied(), &bot.image),
        application: observed.app.name.clone(),
        bot,
    });
    // A version that is only a digest is told by nobody; else a bot for another image is none of ours.
    let has_tags = aim.bad.iter().any(|mark| mark.tag.is_some());
    bumpers
        .filter(|bumper| !has_tags || !bumper.tags.is_empty())
        .collect()
}

impl Bumper {
    /// Why it cannot be held, if so.
    fn hindrance(&self) -> Option<String> {
        let Self { bot, tags, .. } = self;
        let no_tag = || {
            tags.is_empty()
                .then(|| "the bad version has no tag".to_owned())
        };
        bot.beyond.clone().or_else(no_tag)
    }

    /// What it would do, and what is done about it.
    pub(crate) fn says(&self, until: Option<Timestamp>) -> String {
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
        let why = match bumper.hindrance() {
            Some(why) => why,
            None => match hold(argo, record, bumper, until).await {
                Ok(()) => return None,
                Err(problem) => problem.message,
            },
        };
        Some(Missing::new(
            "bot_not_held",
            format!("{} is not held back: {why}", bumper.bot),
        ))
    });
    join_all(each).await.into_iter().flatten().collect()
}

async fn hold(
    argo: &Cluster,
    record: &Record,
    bumper: &Bumper,
    until: Timestamp,
) -> Result<(), Problem> {
    let Bumper { bot, tags, .. } = bumper;
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
        Some(&bumper.application),
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

async fn put_back(argo: &Cluster, passing: &Passing) -> Result<(), ConnectError> {
    gone_is_fine(again(|| bots::put_list_back(argo, passing)).await)
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
    for at in 0..recovery.bots.len() {
        if recovery.bots[at].released.is_some() {
            continue;
        }
        put_back(argo, &recovery.bots[at]).await?;
        recovery.bots[at].released = Some(now);
        gone.push(recovery.bots[at].bot.clone());
        ledger.save(recovery)?;
    }
    Ok(gone)
}

/// The same for a recovery under way that gives way.
pub(crate) async fn release(argo: &Cluster, record: &Record) -> Result<(), Problem> {
    for passing in record.snapshot().held_bots() {
        put_back(argo, passing).await?;
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
