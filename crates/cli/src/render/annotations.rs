//! What is found, in the words of forges.

use jiff::Timestamp;
use ripcord_domain::Problem;
use ripcord_domain::hotfix::debt::{Debt, Stage};
use ripcord_recovery::guard::{Dropped, Finding, Verdict};
use serde_json::json;

use super::hotfix::standing;

/// Workflow commands of GitHub Actions: one line each, shown beside the changed line
/// (<https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>).
pub(crate) fn github(verdict: Result<&Verdict, &Problem>) -> String {
    match verdict {
        Ok(verdict) => {
            let findings = verdict.findings.iter().map(command);
            findings.chain(verdict.drops.iter().map(dropped)).collect()
        }
        Err(problem) => format!("::error title=ripcord guard::{}\n", data(&problem.message)),
    }
}

fn command(finding: &Finding) -> String {
    let line = finding
        .line
        .map_or_else(String::new, |line| format!(",line={line}"));
    format!(
        "::error file={}{line},title={}::{}\n",
        property(&finding.path),
        property("quarantined version"),
        data(&finding.sentence())
    )
}

fn dropped(drop: &Dropped) -> String {
    let level = if drop.is_refused { "error" } else { "notice" };
    format!(
        "::{level} file={},title={}::{}\n",
        property(&drop.path),
        property("hotfix"),
        data(&drop.message)
    )
}

/// Workflow commands of GitHub Actions that remind of debts: an error where one is overdue, a warning where a reminder
/// is due, and a notice before that.
pub(crate) fn reminders(debts: &[Debt], now: Timestamp) -> String {
    let level = |stage| match stage {
        Stage::Overdue => "error",
        Stage::Reminded { .. } => "warning",
        Stage::Open | Stage::Paid => "notice",
    };
    let line = |debt: &Debt| {
        let missing: Vec<&str> = debt.owed().map(|part| part.what.words()).collect();
        let text = format!(
            "{} {} in {}: {}; not shown that {}",
            debt.service,
            debt.version,
            debt.environment,
            standing(debt, now),
            missing.join(", that ")
        );
        let title = property(&format!("hotfix {}", debt.hotfix));
        format!("::{} title={title}::{}\n", level(debt.stage), data(&text))
    };
    debts.iter().map(line).collect()
}

/// The escapes of `@actions/core`: a line end in a name must not begin another command. What else
/// could move a cursor is not for a log.
fn data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A code quality report of GitLab, as its merge requests show it
/// (<https://docs.gitlab.com/ci/testing/code_quality/>).
pub(crate) fn gitlab(verdict: &Verdict) -> String {
    let mut findings: Vec<serde_json::Value> = verdict
        .findings
        .iter()
        .map(|finding| {
            json!({
                "description": finding.sentence(),
                "check_name": "ripcord/quarantined",
                "fingerprint": fingerprint(&[
                    &finding.path,
                    finding.service.as_str(),
                    finding.environment.as_str(),
                    &finding.subject,
                    &finding.version,
                ]),
                "severity": "blocker",
                "location": {
                    "path": finding.path,
                    "lines": {"begin": finding.line.unwrap_or(1)},
                },
            })
        })
        .collect();
    findings.extend(verdict.drops.iter().map(|drop| {
        json!({
            "description": drop.message,
            "check_name": "ripcord/hotfix",
            "fingerprint": fingerprint(&[
                &drop.path,
                drop.service.as_str(),
                drop.environment.as_str(),
                drop.hotfix.as_str(),
                &drop.version,
            ]),
            "severity": if drop.is_refused { "blocker" } else { "info" },
            "location": {"path": drop.path, "lines": {"begin": 1}},
        })
    }));
    let text = serde_json::to_string_pretty(&findings).unwrap_or_default();
    format!("{text}\n")
}

/// The same for the same finding however often it is looked for: GitLab tells by it what is new.
fn fingerprint(parts: &[&str; 5]) -> String {
    let text = parts.join("\0");
    // FNV-1a with two starts: wide enough that no two findings of a change meet.
    let hash = |start: u64| {
        text.bytes().fold(start, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    format!(
        "{:016x}{:016x}",
        hash(0xcbf2_9ce4_8422_2325),
        hash(0x9e37_79b9_7f4a_7c15)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_repository_holds_cannot_begin_a_command_of_its_own() {
        assert_eq!(data("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        assert_eq!(property("a:b,c\n%"), "a%3Ab%2Cc%0A%25");
        assert_eq!(data("\x1b[2J"), "\\u{1b}[2J");
    }
}
