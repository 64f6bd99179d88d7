//! The figures for people, in plain text: each with its definition and with what it leaves out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::compare::Before;
use crate::figure::{About, Counts, Row};
use crate::judge::{self, Outcome};
use crate::metrics::{Application, Deployment, Metrics};
use crate::reason::Reason;
use crate::rollout::Kind;
use crate::statistics::FEWEST;
use crate::table;
use crate::value::Value;

/// Where the values begin.
const INDENT: usize = 34;
/// How long a line may be.
const WIDTH: usize = 110;

/// Every figure of every application, each with what it means beside it.
pub fn figures(metrics: &Metrics) -> String {
    let mut text = String::new();
    for application in &metrics.applications {
        head(&mut text, metrics, application);
        for figure in &application.figures {
            text.push('\n');
            beside(&mut text, figure.measure.name(), &value(&figure.value));
            if let Some(before) = &figure.before {
                beside(&mut text, "", &compared(before));
            }
            for line in left_out(&figure.rows) {
                beside(&mut text, "", &line);
            }
            beside(&mut text, "", &figure.definition);
        }
        if !application.undated.is_empty() {
            let _ = writeln!(text, "\nWithout any instant, and so in no period: {}.", {
                let each = application.undated.iter().map(id);
                each.collect::<Vec<_>>().join(", ")
            });
        }
        text.push('\n');
    }
    if metrics.applications.is_empty() {
        text.push_str("no deploy and no incident is known\n");
    }
    text
}

/// Every deployment with what came of it, then every row that a figure counts or leaves out.
pub fn rows(metrics: &Metrics) -> String {
    let mut text = String::new();
    for application in &metrics.applications {
        head(&mut text, metrics, application);
        let deployments = application.deployments.iter().map(deployment).collect();
        table(&mut text, "deployments", deployments);
        for figure in &application.figures {
            let rows = figure.rows.iter().map(row).collect();
            table(&mut text, figure.measure.name(), rows);
        }
        text.push('\n');
    }
    text
}

fn head(text: &mut String, metrics: &Metrics, application: &Application) {
    let period = &metrics.period;
    let length = i64::try_from(period.length().as_millis()).unwrap_or(i64::MAX);
    let _ = writeln!(
        text,
        "{}\n{} to {} ({}), as known at {}",
        plain(&application.concern.to_string()),
        instant(period.from),
        instant(period.to),
        span(length),
        instant(metrics.as_of)
    );
}

/// A name, and beside it a text that is broken between words.
fn beside(text: &mut String, name: &str, said: &str) {
    let mut name = name;
    let mut line = String::new();
    for word in said.split(' ') {
        if !line.is_empty() && INDENT + line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{name:INDENT$}{line}");
            (name, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(text, "{name:INDENT$}{line}");
}

fn value(value: &Value) -> String {
    match value {
        Value::Count { number, per_week } => per_week.map_or_else(
            || number.to_string(),
            |per_week| format!("{number}, {per_week:.1} a week"),
        ),
        Value::Share {
            hits,
            of,
            share,
            interval,
        } => match (share, interval) {
            (Some(share), Some(interval)) => format!(
                "{} ({hits} of {of}; 95 %: {} to {})",
                percent(*share),
                percent(interval.low),
                percent(interval.high)
            ),
            _ => "none to count".to_owned(),
        },
        Value::Spans {
            n,
            going_on,
            median_milliseconds,
            p90_milliseconds,
            interval,
        } => {
            let (Some(median), Some(p90)) = (median_milliseconds, p90_milliseconds) else {
                return format!("none to measure{}", not_over(*going_on));
            };
            let sure = interval.map_or_else(
                || format!("too few for an interval: fewer than {FEWEST}"),
                |interval| {
                    let (low, high) = (whole(interval.low), whole(interval.high));
                    format!("95 %: {} to {}", span(low), span(high))
                },
            );
            format!(
                "median {} ({sure}), p90 {}, n={n}{}",
                span(*median),
                span(*p90),
                not_over(*going_on)
            )
        }
    }
}

fn not_over(going_on: usize) -> String {
    if going_on == 0 {
        String::new()
    } else {
        format!("; {going_on} not over yet")
    }
}

fn compared(before: &Before) -> String {
    let verdict = before.verdict.words();
    format!("before: {}; {verdict}", value(&before.value))
}

/// How many are left out, by why. That a recovery is one of what failed is no news.
fn left_out(rows: &[Row]) -> Vec<String> {
    let mut why: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        if let Counts::No { reason } = &row.counts
            && *reason != Reason::DidNotFail
        {
            *why.entry(reason.group()).or_default() += 1;
        }
    }
    why.into_iter()
        .map(|(reason, number)| format!("left out: {number} ({reason})"))
        .collect()
}

fn deployment(deployment: &Deployment) -> Vec<String> {
    let purpose = match &deployment.purpose {
        Kind::Change => "change".to_owned(),
        Kind::Rollback => "rollback".to_owned(),
        Kind::Hotfix { name } => format!("hotfix {name}"),
    };
    let outcome = match &deployment.outcome {
        Outcome::Good => "good".to_owned(),
        Outcome::Failed { because } => format!("failed: {}", judge::why(because)),
        Outcome::Caught => "caught by the gate".to_owned(),
        Outcome::Undecided { reason } => format!("undecided: {reason}"),
    };
    let version = deployment.version.clone().unwrap_or_else(|| "-".to_owned());
    let began = instant(deployment.began);
    vec![deployment.deploy.clone(), began, version, purpose, outcome]
}

fn row(row: &Row) -> Vec<String> {
    let (counted, _, why) = table::counts(&row.counts);
    let how_long = match row.counts {
        Counts::Took { milliseconds } => span(milliseconds),
        Counts::GoesOn {
            milliseconds: Some(milliseconds),
        } => format!("{} so far", span(milliseconds)),
        _ => String::new(),
    };
    vec![id(&row.about), counted.to_owned(), how_long, why]
}

fn id(about: &About) -> String {
    match about {
        About::Deploy(id) => plain(id),
        About::Incident(id) => plain(id.as_str()),
    }
}

fn table(text: &mut String, name: &str, rows: Vec<Vec<String>>) {
    let _ = writeln!(text, "\n{name}");
    if rows.is_empty() {
        text.push_str("  none\n");
    }
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| row.iter().map(|cell| plain(cell)).collect())
        .collect();
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "  {cell:width$}");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Names and versions come from outside: none may move the cursor or begin a line.
fn plain(text: &str) -> String {
    let each = text.chars();
    each.map(|sign| if sign.is_control() { '\u{fffd}' } else { sign })
        .collect()
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "spans are far below what an integer holds"
)]
fn whole(milliseconds: f64) -> i64 {
    milliseconds.round() as i64
}

/// The two greatest units that are not zero.
fn span(milliseconds: i64) -> String {
    const UNITS: [(i64, &str); 5] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1000, "s"),
        (1, "ms"),
    ];
    let mut left = milliseconds;
    let mut parts = Vec::new();
    for (length, unit) in UNITS {
        let count = left / length;
        left %= length;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() {
        parts.push("0 s".to_owned());
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_says_its_two_greatest_units() {
        assert_eq!(span(0), "0 s");
        assert_eq!(span(5_400_000), "1 h 30 min");
        assert_eq!(span(252_000), "4 min 12 s");
        assert_eq!(span(86_400_000), "1 d");
        assert_eq!(span(40), "40 ms");
    }
}
