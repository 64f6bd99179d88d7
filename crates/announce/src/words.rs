//! News in words, the same for all who are told. The texts in them come from everywhere: each target escapes them as
//! its own form wants.

use ripcord_domain::recovery::Standing;

use crate::news::{Came, Change, HotfixStep, News, What};

/// Characters of one part: no version, title or message says more in the line of a chat.
const LONGEST: usize = 300;

/// A text of somebody else in one line, and no longer than is read.
pub(crate) fn line(text: &str) -> String {
    let shown = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = shown.filter(|word| !word.is_empty()).collect();
    let line: String = words.join(" ");
    // What turns the direction of writing makes a line read otherwise than it is.
    let is_shown = |c: &char| !matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let mut shown: String = line.chars().filter(is_shown).take(LONGEST + 1).collect();
    if shown.chars().count() > LONGEST {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// In a line, what happened.
pub(crate) fn headline(news: &News) -> String {
    let place = news.concern.as_ref();
    let place = place.map_or_else(
        || "production".to_owned(),
        |concern| line(&concern.to_string()),
    );
    match &news.what {
        What::Deploy { came, report } => {
            let verb = match came {
                Came::Deployed if report.is_rollback => "went back to",
                Came::Deployed => "deployed",
                Came::Healthy => "healthy everywhere with",
                Came::Aborted => "stopped the rollout of",
                Came::Failed => "failed to deploy",
                Came::Degraded => "unhealthy with",
            };
            let version = report.version.as_deref().or(report.commit.as_deref());
            let version = version.map_or_else(|| "a new version".to_owned(), line);
            let left = report.replaced.as_deref().map(line);
            let left = left.map_or(String::new(), |left| format!(" (was {left})"));
            format!("{place}: {verb} {version}{left}")
        }
        What::Rollback { standing, report } => {
            let (from, to) = (line(&report.from), line(&report.to));
            match standing {
                Standing::Running => format!("{place}: rollback begun from {from} to {to}"),
                Standing::Restored => format!("{place}: rolled back from {from} to {to}"),
                Standing::Partial => format!("{place}: rollback to {to} is half done"),
                Standing::Relapsed => {
                    format!("{place}: {from} came back after the rollback to {to}")
                }
                Standing::GaveWay => {
                    format!("{place}: rollback to {to} gave way to a newer deploy")
                }
                Standing::Failed => {
                    format!("{place}: rollback to {to} failed, nothing was changed")
                }
            }
        }
        What::Hotfix { name, step } => {
            let name = line(name);
            match step {
                HotfixStep::Begun => format!("{place}: hotfix {name} begun"),
                HotfixStep::Committed => format!("{place}: hotfix {name} is in Git"),
                HotfixStep::Ready => format!("{place}: hotfix {name} runs"),
            }
        }
        What::Incident {
            change,
            title,
            severity,
            ..
        } => {
            let id = news.incident.as_deref().map(line).unwrap_or_default();
            let verb = match change {
                Change::Opened => "opened",
                Change::Quiet => "quiet",
                Change::Closed => "closed",
                Change::Reopened => "opened again",
            };
            let severity = severity.as_deref().map(line);
            let severity = severity.map_or(String::new(), |severity| format!(" [{severity}]"));
            format!("incident {id} {verb}{severity}: {}", line(title))
        }
    }
}

/// What more is known, by name.
pub(crate) fn details(news: &News) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut add = |name, value: Option<&str>| {
        let value = value.map(line).filter(|value| !value.is_empty());
        found.extend(value.map(|value| (name, value)));
    };
    if let Some(concern) = &news.concern {
        add("service", Some(concern.service.as_str()));
        add("environment", Some(concern.environment.as_str()));
    }
    add("incident", news.incident.as_deref());
    match &news.what {
        What::Deploy { report, .. } => {
            add("version", report.version.as_deref());
            add("replaced", report.replaced.as_deref());
            add("commit", report.commit.as_deref());
            add("subject", report.subject.as_deref());
            add("hotfix", report.hotfix.as_deref());
            add("application", report.application.as_deref());
            add("cluster", report.cluster.as_deref());
        }
        What::Rollback { report, .. } => {
            add("recovery", Some(report.recovery.as_str()));
            add("from", Some(&report.from));
            add("to", Some(&report.to));
            add("commit", report.commit.as_deref());
            let missing = report.missing.join("; ");
            add("missing", Some(&missing));
        }
        What::Hotfix { name, .. } => add("hotfix", Some(name)),
        What::Incident {
            title, severity, ..
        } => {
            add("title", Some(title));
            add("severity", severity.as_deref());
        }
    }
    add("by", news.by.as_deref());
    found
}

/// A link that a browser may be sent to.
pub(crate) fn link(news: &News) -> Option<&str> {
    let link = news.link.as_deref()?;
    let is_web = link.starts_with("https://") || link.starts_with("http://");
    let is_plain = !link.chars().any(|c| c.is_whitespace() || c.is_control());
    (is_web && is_plain && link.len() <= 2048).then_some(link)
}
