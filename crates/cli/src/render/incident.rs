//! Incidents and what came in about them, for people.

use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ripcord_casebook::{Brief, Case, Saying};
use ripcord_domain::incident::State;
use ripcord_domain::incident::deadline::Deadline;
use ripcord_review::action_item::ActionItem;
use ripcord_review::{Entry, Knowledge, Review, action_item, blame};
use ripcord_server::api::Letter;
use ripcord_suspect::{Answer, Suspect, Verdict};
use schemars::JsonSchema;
use serde::Serialize;

use super::human::duration;
use super::{Screen, table};
use crate::commands::{Synced, Tried};

/// What is to be looked at in a review.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Linted {
    /// Where it blames people.
    pub(crate) blamed: Vec<blame::Finding>,
    /// What is wrong with its action items.
    pub(crate) items: Vec<action_item::Finding>,
}

fn ago(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or("-".to_owned(), |at| {
        format!("{} ago", duration(now.as_second() - at.as_second()))
    })
}

fn concerns(brief: &Brief) -> String {
    let each: Vec<String> = brief.concerns.iter().map(ToString::to_string).collect();
    if each.is_empty() {
        "-".to_owned()
    } else {
        each.join(", ")
    }
}

/// What it is called: its id, and its other names.
fn called(brief: &Brief) -> String {
    let mut names: Vec<&str> = vec![brief.id.as_str()];
    names.extend(brief.names.iter().map(String::as_str));
    names.join(", ")
}

/// `incident list`.
pub(crate) fn list(
    screen: &mut Screen<'_>,
    briefs: &[Brief],
    all: bool,
    now: Timestamp,
) -> io::Result<()> {
    if briefs.is_empty() {
        return if all {
            writeln!(screen.out, "no incident is known")
        } else {
            writeln!(
                screen.out,
                "no incident is open; `--all` shows those that are closed"
            )
        };
    }
    let rows: Vec<Vec<String>> = briefs
        .iter()
        .map(|brief| {
            vec![
                called(brief),
                brief.state.word().to_owned(),
                ago(brief.began, now),
                concerns(brief),
                brief.title.clone(),
            ]
        })
        .collect();
    let headings = ["INCIDENT", "STATE", "SINCE", "WHERE", "WHAT"];
    table::print(screen.out, &headings, &rows)
}

/// What `incident open` and the other sayings came to.
pub(crate) fn said(screen: &mut Screen<'_>, saying: &Saying, brief: &Brief) -> io::Result<()> {
    let id = &brief.id;
    match saying {
        Saying::Open { .. } => {
            writeln!(screen.out, "incident {id} is open: {}", brief.title)?;
            let place = brief.concerns.first();
            if let Some(place) = place {
                writeln!(
                    screen.out,
                    "  to go back: ripcord rollback {} {} --incident {id}",
                    place.service, place.environment
                )?;
            }
            writeln!(screen.out, "  to read it: ripcord incident show {id}")
        }
        _ => writeln!(
            screen.out,
            "written down; incident {id} is {}",
            brief.state.word()
        ),
    }
}

/// `incident sync`.
pub(crate) fn synced(screen: &mut Screen<'_>, synced: &Synced) -> io::Result<()> {
    let Synced { server, events, .. } = synced;
    match (synced.dry_run, events) {
        (_, 0) => writeln!(screen.out, "{server} knows all that this machine wrote"),
        (true, 1) => writeln!(screen.out, "1 event would be sent to {server}"),
        (true, _) => writeln!(screen.out, "{events} events would be sent to {server}"),
        (false, 1) => writeln!(screen.out, "1 event sent to {server}"),
        (false, _) => writeln!(screen.out, "{events} events sent to {server}"),
    }
}

/// `incident show`.
pub(crate) fn show(
    screen: &mut Screen<'_>,
    case: &Case,
    noise: bool,
    zone: &TimeZone,
    now: Timestamp,
) -> io::Result<()> {
    let brief = &case.brief;
    let title = screen.bold(&brief.title);
    writeln!(screen.out, "{title}")?;
    writeln!(screen.out, "  incident   {}", called(brief))?;
    writeln!(screen.out, "  where      {}", concerns(brief))?;
    let severity = brief.severity.as_deref().unwrap_or("not said");
    writeln!(screen.out, "  severity   {severity}")?;
    writeln!(
        screen.out,
        "  state      {}, since {}, {}",
        brief.state.word(),
        ago(brief.began, now),
        match brief.firing {
            0 => "no alert fires".to_owned(),
            1 => "1 alert fires".to_owned(),
            many => format!("{many} alerts fire"),
        }
    )?;
    for missing in &brief.missing_to_close {
        writeln!(screen.out, "  missing    {missing}")?;
    }
    if brief.state != State::Closed {
        due(screen, &case.deadlines, now)?;
    }
    cause(screen, case, now)?;
    timeline(screen, case, noise, zone)
}

fn due(screen: &mut Screen<'_>, deadlines: &[Deadline], now: Timestamp) -> io::Result<()> {
    for deadline in deadlines.iter().filter(|deadline| deadline.met.is_none()) {
        let left = deadline.due.as_second() - now.as_second();
        let when = if deadline.is_overdue(now) {
            screen.red(&format!("overdue for {}", duration(-left)))
        } else {
            format!("within {}", duration(left))
        };
        writeln!(screen.out, "  due        {}: {when}", deadline.task.words())?;
    }
    Ok(())
}

fn cause(screen: &mut Screen<'_>, case: &Case, now: Timestamp) -> io::Result<()> {
    writeln!(screen.out, "\nIs it the deploy?")?;
    if let Some(cause) = &case.cause {
        writeln!(screen.out, "  the cause is deploy {cause}")?;
    } else if case.no_deploy {
        writeln!(screen.out, "  somebody said that no deploy explains it")?;
    }
    match &case.suspicion {
        Some(verdict) => suspicion(screen, verdict, case, now),
        None => writeln!(
            screen.out,
            "  unknown: nothing tells where it began, so no deploy can be looked at"
        ),
    }
}

fn suspicion(
    screen: &mut Screen<'_>,
    verdict: &Verdict,
    case: &Case,
    now: Timestamp,
) -> io::Result<()> {
    let answer = match &verdict.answer {
        Answer::Deploy(deploy) => format!("most likely deploy {} of {}", deploy.id, deploy.concern),
        Answer::NoDeploy if case.deploys.is_empty() => {
            "no deploy is known of the day before; what was not told here cannot be suspected"
                .to_owned()
        }
        Answer::NoDeploy => "no deploy explains this".to_owned(),
        Answer::Unclear => "it cannot be told".to_owned(),
    };
    if case.deploys.is_empty() {
        return writeln!(screen.out, "  {answer}");
    }
    writeln!(
        screen.out,
        "  {answer} (that it is none of them: {})",
        percent(verdict.no_change)
    )?;
    for suspect in &verdict.suspects {
        self::suspect(screen, suspect, case, now)?;
    }
    Ok(())
}

fn suspect(
    screen: &mut Screen<'_>,
    suspect: &Suspect,
    case: &Case,
    now: Timestamp,
) -> io::Result<()> {
    let known = case
        .deploys
        .iter()
        .find(|deploy| deploy.id == suspect.deploy.id && deploy.concern == suspect.deploy.concern);
    let version = known.and_then(|deploy| deploy.version.as_deref());
    let subject = known.and_then(|deploy| deploy.subject.as_deref());
    writeln!(
        screen.out,
        "  {:>4}  {} of {}{}, {}{}",
        percent(suspect.probability),
        suspect.deploy.id,
        suspect.deploy.concern,
        version.map_or_else(String::new, |version| format!(" to {version}")),
        ago(
            known.and_then(ripcord_domain::incident::deploy::Deployed::began),
            now
        ),
        subject.map_or_else(String::new, |subject| format!(": {subject}")),
    )?;
    for factor in &suspect.factors {
        let sign = if factor.weight < 0.0 { '-' } else { '+' };
        writeln!(screen.out, "        {sign} {}", factor.sentence)?;
    }
    Ok(())
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn timeline(screen: &mut Screen<'_>, case: &Case, noise: bool, zone: &TimeZone) -> io::Result<()> {
    let known = Knowledge::default();
    let review = Review::of(&case.incident, &case.events, &case.deploys, &known);
    writeln!(screen.out, "\nTimeline ({})", zone_name(zone))?;
    let mut hidden = 0;
    for entry in &review.timeline {
        if entry.hidden.is_some() && !noise {
            hidden += 1;
            continue;
        }
        self::entry(screen, entry, zone)?;
    }
    if hidden > 0 {
        writeln!(screen.out, "  ({hidden} more are hidden: `--noise`)")?;
    }
    Ok(())
}

fn entry(screen: &mut Screen<'_>, entry: &Entry, zone: &TimeZone) -> io::Result<()> {
    let at = entry.at.to_zoned(zone.clone()).strftime("%m-%d %H:%M:%S");
    let by = entry.author.as_deref();
    let by = by.map_or_else(String::new, |author| format!(" ({author})"));
    writeln!(
        screen.out,
        "  {at}  {:<12}  {}{by}",
        entry.source_name, entry.text
    )
}

fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("local time").to_owned()
}

/// `intake try`.
pub(crate) fn tried(screen: &mut Screen<'_>, tried: &Tried) -> io::Result<()> {
    if tried.events.is_empty() {
        writeln!(
            screen.out,
            "understood, and it tells nothing of an incident"
        )?;
    }
    for event in &tried.events {
        let place = event.concern.as_ref().map_or_else(
            || "no service: `mapping` says which labels name one".to_owned(),
            ToString::to_string,
        );
        writeln!(screen.out, "{} at {}", event.id, event.observed)?;
        writeln!(screen.out, "  where  {place}")?;
        let fact = serde_json::to_value(&event.fact).unwrap_or_default();
        for (name, value) in fact.as_object().into_iter().flatten() {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            writeln!(screen.out, "  {name}: {value}")?;
        }
    }
    if tried.cut_off > 0 {
        writeln!(
            screen.out,
            "{} alerts were left out by the sender",
            tried.cut_off
        )?;
    }
    for passed_over in &tried.passed_over {
        writeln!(screen.out, "passed over: {passed_over}")?;
    }
    Ok(())
}

/// `intake dead-letters`.
pub(crate) fn dead_letters(screen: &mut Screen<'_>, letters: &[Letter]) -> io::Result<()> {
    if letters.is_empty() {
        return writeln!(screen.out, "everything that came in was understood");
    }
    let rows: Vec<Vec<String>> = letters
        .iter()
        .map(|letter| {
            vec![
                letter.number.to_string(),
                letter.source.clone(),
                letter.received.to_string(),
                letter.why.clone(),
            ]
        })
        .collect();
    table::print(screen.out, &["NUMBER", "SOURCE", "RECEIVED", "WHY"], &rows)
}

/// `review --items`.
pub(crate) fn items(screen: &mut Screen<'_>, items: &[ActionItem]) -> io::Result<()> {
    if items.is_empty() {
        return writeln!(screen.out, "no action item is open");
    }
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let kind = serde_json::to_value(item.kind).unwrap_or_default();
            vec![
                item.line.to_string(),
                kind.as_str().unwrap_or_default().to_owned(),
                item.owner.clone(),
                item.due.map_or("-".to_owned(), |due| due.to_string()),
                item.link.clone().unwrap_or("-".to_owned()),
                item.text.clone(),
            ]
        })
        .collect();
    let headings = ["LINE", "TYPE", "OWNER", "DUE", "LINK", "WHAT"];
    table::print(screen.out, &headings, &rows)
}

/// `review --lint`.
pub(crate) fn linted(screen: &mut Screen<'_>, linted: &Linted) -> io::Result<()> {
    for finding in &linted.blamed {
        writeln!(
            screen.out,
            "line {}: `{}`: {}",
            finding.line, finding.words, finding.instead
        )?;
    }
    for finding in &linted.items {
        let line = finding.line.map(|line| format!("line {line}: "));
        writeln!(screen.out, "{}{}", line.unwrap_or_default(), finding.what)?;
    }
    if linted.blamed.is_empty() && linted.items.is_empty() {
        writeln!(screen.out, "nothing to mend")?;
    }
    Ok(())
}
