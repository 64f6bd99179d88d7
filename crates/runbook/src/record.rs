//! The recovery under way: what is known of it, on the disk before anything is done.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::proof::Missing;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::{HoldRecord, Part, Recovery, RecoveryId, Step, StepKind, StepState};
use ripcord_ledger::{Ledger, LedgerError};

use crate::event::{Event, Sink};

/// The clock.
pub type Clock = fn() -> Timestamp;

/// The recovery under way, shared by its lanes.
pub(crate) struct Record {
    inner: Mutex<Inner>,
    sink: Sink,
    clock: Clock,
}

struct Inner {
    recovery: Recovery,
    ledger: Ledger,
}

/// A step that was begun.
#[must_use = "its end must be recorded"]
pub(crate) struct Begun(usize);

impl Record {
    /// Records a recovery; when this returns it is on the disk.
    pub(crate) fn begin(
        ledger: Ledger,
        recovery: Recovery,
        sink: Sink,
        clock: Clock,
    ) -> Result<Self, Problem> {
        ledger.save(&recovery)?;
        let record = Self {
            inner: Mutex::new(Inner { recovery, ledger }),
            sink,
            clock,
        };
        record.say(&Event::Begun {
            recovery: Box::new(record.snapshot()),
        });
        Ok(record)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The recovery as it is now.
    pub(crate) fn snapshot(&self) -> Recovery {
        self.lock().recovery.clone()
    }

    /// Its name.
    pub(crate) fn id(&self) -> RecoveryId {
        self.lock().recovery.id.clone()
    }

    /// Every other recovery that is recorded.
    pub(crate) fn others(&self) -> Result<Vec<Recovery>, Problem> {
        self.others_among(Ledger::all)
    }

    /// Every other recovery that holds something, or was not ended.
    pub(crate) fn unfinished_others(&self) -> Result<Vec<Recovery>, Problem> {
        self.others_among(Ledger::unfinished)
    }

    fn others_among(
        &self,
        list: impl Fn(&Ledger) -> Result<Vec<Recovery>, LedgerError>,
    ) -> Result<Vec<Recovery>, Problem> {
        let inner = self.lock();
        let mut others = list(&inner.ledger)?;
        others.retain(|other| other.id != inner.recovery.id);
        Ok(others)
    }

    /// When every Application had good pods only.
    fn all_good(&self) -> Option<Timestamp> {
        self.lock().recovery.good()
    }

    /// Changes the recovery and saves it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Recovery) -> T) -> Result<T, Problem> {
        let mut inner = self.lock();
        let changed = change(&mut inner.recovery);
        inner.ledger.save(&inner.recovery)?;
        Ok(changed)
    }

    /// Writes what became of another recovery.
    pub(crate) fn save_other(&self, other: &Recovery) -> Result<(), Problem> {
        Ok(self.lock().ledger.save(other)?)
    }

    pub(crate) fn say(&self, event: &Event) {
        (self.sink)(event);
    }

    fn id_and_seconds(&self) -> (String, f64) {
        let now = self.now();
        let inner = self.lock();
        let since = now.duration_since(inner.recovery.started);
        (inner.recovery.id.to_string(), since.as_secs_f64())
    }

    /// Records that a step begins. Nothing of it is done before this returns.
    pub(crate) fn start(
        &self,
        kind: StepKind,
        application: Option<&AppName>,
        what: impl Into<String>,
    ) -> Result<Begun, Problem> {
        self.start_with(kind, application, what, |_| ())
    }

    /// The same with something else that is to be known before it: one write, not two.
    pub(crate) fn start_with(
        &self,
        kind: StepKind,
        application: Option<&AppName>,
        what: impl Into<String>,
        change: impl FnOnce(&mut Recovery),
    ) -> Result<Begun, Problem> {
        let step = Step {
            kind,
            application: application.cloned(),
            state: StepState::Running,
            started: self.now(),
            ended: None,
            what: what.into(),
        };
        let shown = step.clone();
        let at = self.change(|recovery| {
            change(recovery);
            recovery.steps.push(step);
            recovery.steps.len() - 1
        })?;
        self.say_step(shown);
        Ok(Begun(at))
    }

    /// Records how a step ended.
    pub(crate) fn end(
        &self,
        begun: Begun,
        state: StepState,
        what: impl Into<String>,
    ) -> Result<(), Problem> {
        self.end_with(begun, state, what, |_| ())
    }

    /// The same with what came of it: one write, not two.
    #[expect(clippy::needless_pass_by_value, reason = "a step ends once")]
    pub(crate) fn end_with(
        &self,
        begun: Begun,
        state: StepState,
        what: impl Into<String>,
        change: impl FnOnce(&mut Recovery),
    ) -> Result<(), Problem> {
        let now = self.now();
        let what = what.into();
        let step = self.change(|recovery| {
            change(recovery);
            let step = &mut recovery.steps[begun.0];
            step.state = state;
            step.ended = Some(now);
            if !what.is_empty() {
                step.what = what;
            }
            step.clone()
        })?;
        self.say_step(step);
        Ok(())
    }

    fn say_step(&self, step: Step) {
        let (id, seconds) = self.id_and_seconds();
        self.say(&Event::Step { id, step, seconds });
    }

    pub(crate) fn note(&self, what: impl Into<String>) {
        let (id, seconds) = self.id_and_seconds();
        self.say(&Event::Note {
            id,
            what: what.into(),
            seconds,
        });
    }

    pub(crate) fn waiting(&self, missing: Vec<Missing>) {
        let (id, seconds) = self.id_and_seconds();
        self.say(&Event::Waiting {
            id,
            missing,
            seconds,
        });
    }

    /// Changes one Application's part.
    pub(crate) fn change_part(
        &self,
        app: &AppName,
        change: impl FnOnce(&mut Part),
    ) -> Result<(), Problem> {
        self.change(|recovery| {
            if let Some(part) = recovery
                .parts
                .iter_mut()
                .find(|part| part.application == *app)
            {
                change(part);
            }
        })
    }

    /// Records that an Application's pods are all good; says so once they are everywhere.
    pub(crate) fn good(&self, app: &AppName) -> Result<(), Problem> {
        let now = self.now();
        let was = self.all_good();
        self.change_part(app, |part| {
            part.good.get_or_insert(now);
        })?;
        if let (None, Some(at)) = (was, self.all_good()) {
            let (id, seconds) = self.id_and_seconds();
            self.say(&Event::Good { id, at, seconds });
        }
        Ok(())
    }

    /// Changes the hold of an Application that stands, the newest where one replaces another.
    pub(crate) fn change_hold(
        &self,
        app: &AppName,
        change: impl FnOnce(&mut HoldRecord),
    ) -> Result<(), Problem> {
        self.change(|recovery| {
            let hold = recovery
                .holds
                .iter_mut()
                .rev()
                .find(|hold| hold.application == *app && hold.released.is_none());
            if let Some(hold) = hold {
                change(hold);
            }
        })
    }
}
