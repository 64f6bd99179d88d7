//! What is to be done by when: back at once, durable in Git within 5 minutes, cause or hotfix within an hour,
//! the review on the next business day.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Incident, earliest};

/// The tasks of the recommended flow.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The way back is begun.
    GoBack,
    /// The way back is in Git.
    MakeDurable,
    /// The cause is named, or a hotfix is begun.
    FindCause,
    /// The review is written.
    Review,
}

impl Task {
    /// Every one, in the order of their deadlines.
    pub const ALL: [Self; 4] = [
        Self::GoBack,
        Self::MakeDurable,
        Self::FindCause,
        Self::Review,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::GoBack => "begin the way back, or say that it is no deploy",
            Self::MakeDurable => "have the way back in Git",
            Self::FindCause => "name the cause, or begin a hotfix",
            Self::Review => "write the review",
        }
    }

    /// When it is due, counted from when somebody was informed. The review is due at the end of the working
    /// day that follows, in the time zone of the team.
    pub fn due(self, informed: Timestamp, zone: &TimeZone) -> Timestamp {
        let after = |span| informed.saturating_add(span).unwrap_or(Timestamp::MAX);
        match self {
            // "Immediate" for a person who was just woken: a deadline of nothing would only be noise.
            Self::GoBack => after(SignedDuration::from_mins(2)),
            Self::MakeDurable => after(SignedDuration::from_mins(5)),
            Self::FindCause => after(SignedDuration::from_hours(1)),
            Self::Review => end_of_next_working_day(informed, zone).unwrap_or(Timestamp::MAX),
        }
    }
}

fn end_of_next_working_day(from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut day = from.to_zoned(zone.clone()).date().tomorrow().ok()?;
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        day = day.tomorrow().ok()?;
    }
    let evening = day.to_datetime(Time::constant(18, 0, 0, 0));
    evening
        .to_zoned(zone.clone())
        .ok()
        .map(|end| end.timestamp())
}

/// A task with its deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deadline {
    /// What is to be done.
    pub task: Task,
    /// By when.
    pub due: Timestamp,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<Timestamp>,
}

impl Deadline {
    /// Whether it is neither done nor in time.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.met.is_none() && now > self.due
    }
}

impl Incident {
    /// The tasks with their deadlines, in the time zone of the team.
    pub fn deadlines(&self, zone: &TimeZone) -> Vec<Deadline> {
        let Some(informed) = self.informed() else {
            return Vec::new();
        };
        let recoveries = || self.recovery_reports();
        let no_deploy = self
            .charged
            .value()
            .is_some_and(|charge| charge.deploy.is_none());
        let cleared = self.charged.at().filter(|_| no_deploy);
        let hotfix = self
            .hotfix_reports()
            .filter_map(|report| report.started.or(report.committed))
            .min();
        let quiet = self.quiet_since().filter(|_| self.decided.0.is_none());
        Task::ALL
            .iter()
            .map(|task| Deadline {
                task: *task,
                due: task.due(informed, zone),
                met: match task {
                    // An alert that ended by itself leaves nothing to go back from.
                    Task::GoBack => earliest(earliest(self.decided.at(), cleared), quiet),
                    Task::MakeDurable => {
                        let committed = recoveries().filter_map(|report| report.committed).min();
                        earliest(earliest(committed, cleared), quiet)
                    }
                    Task::FindCause => earliest(self.charged.at(), hotfix),
                    Task::Review => self.reviewed.at(),
                },
            })
            .collect()
    }
}
