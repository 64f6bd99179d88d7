//! The threads that tell others what was filed: one for each target, so that none waits for another.
//!
//! News are claimed before they are told, so each is told at most once, by whichever server and across restarts: one
//! that is killed while it tells has told it or never will. What surely was not taken is let go of and told later,
//! until it is too old to be news.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ripcord_announce::news::{News, of_event, of_incident};
use ripcord_announce::{Outcome, Sender, Target};
use ripcord_domain::incident::event::Event;
use ripcord_store::{Records, StoreError};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::figures::Figures;

/// How old news may be: what an outage kept back for longer is known by now.
const OLDEST: SignedDuration = SignedDuration::from_hours(1);
/// How long is remembered what was told: longer than anything is told late.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(48);
/// How long it looks for nothing new before it looks by itself: another server may have filed something.
const LOOKS_AFTER: Duration = Duration::from_secs(2);
/// How long it waits when the records cannot be used.
const TRIES_AFTER: Duration = Duration::from_secs(1);
/// How long news that are being told may take when the server ends.
const GRACE: Duration = Duration::from_secs(5);
/// How many events are looked at at once.
const AT_ONCE: u32 = 100;

/// Somebody who is told, by the name in the settings.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name: by it is remembered what was told.
    pub name: String,
    /// Who, and how.
    pub target: Target,
}

/// What all of them are done with.
pub struct Desk {
    /// Says when something was filed.
    pub changed: Arc<watch::Sender<u64>>,
    /// Counts.
    pub figures: Figures,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
    /// Tells people.
    pub say: fn(&str),
}

/// A thread that tells.
pub struct Announcing {
    thread: JoinHandle<()>,
    end: watch::Sender<bool>,
}

impl Announcing {
    /// Begins to tell a target what is filed from now on, and what was filed since it was told last.
    ///
    /// # Errors
    /// The system gives no thread, or no client for HTTP.
    pub fn begin(records: Box<dyn Records>, named: Named, with: &Desk) -> Result<Self, String> {
        let sender = Sender::new()?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (end, ending) = watch::channel(false);
        let mut announcer = Announcer {
            records,
            named,
            sender,
            changes: with.changed.subscribe(),
            ending,
            figures: with.figures.clone(),
            clock: with.clock,
            say: with.say,
            trouble: None,
        };
        let thread = thread::Builder::new().name("announcer".to_owned());
        let thread = thread.spawn(move || announcer.run(&runtime));
        let thread = thread.map_err(|error| error.to_string())?;
        Ok(Self { thread, end })
    }

    /// Ends several, and waits until what is being told is told, but not long. It must not be called where other work
    /// of an async runtime would be kept from going on.
    pub fn end_all(all: Vec<Self>) {
        for one in &all {
            let _it_ended = one.end.send(true);
        }
        for one in all {
            let _it_broke = one.thread.join();
        }
    }
}

struct Announcer {
    records: Box<dyn Records>,
    named: Named,
    sender: Sender,
    changes: watch::Receiver<u64>,
    ending: watch::Receiver<bool>,
    figures: Figures,
    clock: fn() -> Timestamp,
    say: fn(&str),
    /// What was said last of why nothing is taken.
    trouble: Option<String>,
}

/// Why it does not go on with what it does.
enum Stop {
    /// The records cannot be used.
    Records,
    /// The server ends.
    End,
}

impl From<StoreError> for Stop {
    fn from(_: StoreError) -> Self {
        Self::Records
    }
}

impl Announcer {
    fn run(&mut self, runtime: &Runtime) {
        loop {
            let wait = match self.catch_up(runtime) {
                Ok(()) => LOOKS_AFTER,
                Err(Stop::Records) => TRIES_AFTER,
                Err(Stop::End) => return,
            };
            let (changes, ending) = (&mut self.changes, &mut self.ending);
            let ends = runtime.block_on(async {
                tokio::select! {
                    _ = ending.wait_for(|ends| *ends) => true,
                    // Who filed is gone: look by itself until the end is told.
                    Ok(()) = changes.changed() => false,
                    () = tokio::time::sleep(wait) => false,
                }
            });
            if ends {
                return;
            }
        }
    }

    /// Tells everything that was filed and not told. Who is new is told of the last hour.
    fn catch_up(&mut self, runtime: &Runtime) -> Result<(), Stop> {
        let reader = format!("announce/{}", self.named.name);
        loop {
            let from = self.records.passed_on(&reader)?;
            let filed = self.records.events_after(from, AT_ONCE)?;
            let Some((last, _)) = filed.last() else {
                return Ok(());
            };
            let last = *last;
            for (_, event) in &filed {
                for news in self.news(event)? {
                    self.tell(runtime, &news)?;
                }
            }
            self.records.pass_on(&reader, last)?;
            let forget = (self.clock)().saturating_sub(REMEMBERED);
            self.records
                .forget_claims(forget.unwrap_or(Timestamp::MIN))?;
        }
    }

    /// The news that an event makes: its own, and those of how its incident stands now.
    fn news(&mut self, event: &Event) -> Result<Vec<News>, Stop> {
        let is_old = |at| (self.clock)().duration_since(at) > OLDEST;
        if is_old(event.observed) && is_old(event.received) {
            return Ok(Vec::new());
        }
        let mut news = of_event(event);
        let incident = self.records.incident_of(&event.id)?;
        news.extend(incident.iter().flat_map(of_incident));
        Ok(news)
    }

    /// Tells one thing, unless somebody did, and waits while it cannot be told.
    fn tell(&mut self, runtime: &Runtime, news: &News) -> Result<(), Stop> {
        let Some(outgoing) = self.named.target.outgoing(news) else {
            return Ok(());
        };
        loop {
            let age = (self.clock)().duration_since(news.at);
            if age > OLDEST || !self.records.claim(&self.named.name, &news.key, news.at)? {
                return Ok(());
            }
            let (sender, ending) = (&self.sender, &mut self.ending);
            let told = runtime.block_on(async {
                let grace = async {
                    let _ended = ending.wait_for(|ends| *ends).await;
                    tokio::time::sleep(GRACE).await;
                };
                tokio::select! {
                    outcome = sender.send(&outgoing) => Some(outcome),
                    () = grace => None,
                }
            });
            let Some(outcome) = told else {
                return Err(Stop::End);
            };
            self.figures.announced(&self.named.name, &outcome);
            self.say_trouble(&outcome);
            let Outcome::Later { after, .. } = outcome else {
                return Ok(());
            };
            self.records.disclaim(&self.named.name, &news.key)?;
            let ending = &mut self.ending;
            let ends = runtime.block_on(async {
                tokio::select! {
                    _ = ending.wait_for(|ends| *ends) => true,
                    () = tokio::time::sleep(after) => false,
                }
            });
            if ends {
                return Err(Stop::End);
            }
        }
    }

    /// Tells people why nothing is taken: once, and not each time.
    fn say_trouble(&mut self, outcome: &Outcome) {
        let name = &self.named.name;
        let now = match outcome {
            Outcome::Taken => None,
            Outcome::Refused { why } => Some(format!("`{name}` is not told: {why}")),
            Outcome::Later { why, .. } => Some(format!("`{name}` is told later: {why}")),
            Outcome::Unknown { why } => {
                Some(format!("whether `{name}` was told is not known: {why}"))
            }
        };
        if now != self.trouble {
            match &now {
                Some(text) => (self.say)(text),
                None => (self.say)(&format!("`{name}` is told again")),
            }
            self.trouble = now;
        }
    }
}
