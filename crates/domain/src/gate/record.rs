//! What a gate found.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::Severity;
use crate::hotfix::HotfixName;

/// The number of the record's form.
pub const SCHEMA: u32 = 1;
/// Findings of a check that travel with a payload.
pub const FOUND_MOST: usize = 20;

/// The record of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The hotfix, where the branch names one.
    pub hotfix: Option<HotfixName>,
    /// The commit, in hex.
    pub commit: String,
    /// Where it left the main line, in hex, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The address of the repository, without credentials.
    pub repository: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// Seconds until it ended.
    pub seconds: f64,
    /// Whether the hotfix may go on.
    pub passed: bool,
    /// Each check, in the order in which they are told.
    pub checks: Vec<Checked>,
    /// The image, without tag and digest.
    pub image: Option<String>,
    /// Its tag.
    pub tag: Option<String>,
    /// Its digest.
    pub digest: Option<String>,
    /// What the normal pipeline runs and this gate did not.
    pub skipped: Vec<Skipped>,
    /// What people decided.
    pub overrides: Vec<Override>,
    /// A scan went by an older database than it would have had: the content is to be scanned again.
    pub rescan_owed: bool,
    /// Who stands for it.
    pub signed_off_by: String,
    /// Which ripcord made it.
    pub ripcord: String,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// What ran.
    pub command: String,
    /// How it ended.
    pub verdict: Verdict,
    /// In words: the reason, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// The program that scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Tool>,
    /// What was found at or above the threshold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How many that are.
    #[serde(default)]
    pub found: usize,
    /// The last lines of its output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Well.
    Passed,
    /// With another status than 0.
    Failed,
    /// It was ended after its time box.
    TimedOut,
    /// Something was found at or above the threshold.
    Found,
    /// The scanner failed: what is in the content is not known.
    ScannerFailed,
    /// The scanner's database is older than the policy allows: what is new in the world is not known.
    DatabaseTooOld,
    /// The scanner looked at nothing: nothing is known.
    NothingScanned,
    /// It did not run: something before it failed.
    NotRun,
    /// It was dropped by a person's decision.
    Dropped,
}

impl Verdict {
    /// Whether it stops the hotfix where nobody decides otherwise.
    pub fn stops(self) -> bool {
        !matches!(self, Self::Passed | Self::Dropped)
    }

    /// Whether a person may decide to go on all the same: only where nothing is known, never against what was
    /// found.
    pub fn may_be_overridden(self) -> bool {
        matches!(
            self,
            Self::ScannerFailed | Self::DatabaseTooOld | Self::NothingScanned
        )
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Found => "found",
            Self::ScannerFailed => "scanner failed",
            Self::DatabaseTooOld => "database too old",
            Self::NothingScanned => "nothing scanned",
            Self::NotRun => "not run",
            Self::Dropped => "dropped",
        }
    }
}

/// A program with its data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// When its database was built.
    pub database: Option<Timestamp>,
    /// A file that tells it what to keep silent about, if one is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_file: Option<String>,
}

/// A vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Its name, such as `CVE-2026-1234`.
    pub id: String,
    /// Where it is.
    pub package: String,
    /// The version that is there.
    pub installed: String,
    /// The version without it.
    pub fixed: Option<String>,
    /// How bad it is.
    pub severity: Severity,
}

/// A check that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// What the forge calls it.
    pub context: String,
}

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// The check.
    pub check: String,
    /// What it was about.
    pub verdict: Verdict,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Record {
    /// What travels with a payload: without output, and with the first findings only.
    #[must_use]
    pub fn short(&self) -> Self {
        let mut short = self.clone();
        for check in &mut short.checks {
            check.last_lines.clear();
            check.findings.truncate(FOUND_MOST);
            if let Some(why) = &mut check.why {
                *why = why.chars().take(300).collect();
            }
        }
        short
    }

    /// The first check that stops the hotfix, if one does.
    pub fn stopped_by(&self) -> Option<&Checked> {
        self.checks.iter().find(|check| {
            let is_overridden = |one: &Override| one.check == check.name;
            check.verdict.stops() && !self.overrides.iter().any(is_overridden)
        })
    }
}
