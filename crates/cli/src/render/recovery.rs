//! Recoveries for people: lines on the way, the receipt at the end.

use std::io;

use jiff::Timestamp;
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::bot::{Bot, Passing};
use ripcord_domain::live::proof::Missing;
use ripcord_domain::live::route::Hold;
use ripcord_domain::recovery::{Recovery, Standing, StepState};
use ripcord_runbook::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::human::{duration, short};
use super::{Screen, table};

/// One line for what happened; none where it is of no use to a person.
pub(crate) fn event(event: &Event) -> Option<String> {
    match event {
        Event::Begun { recovery } => Some(format!("recovery {}", recovery.id)),
        Event::Step { step, seconds, .. } => {
            let word = match step.state {
                StepState::Running => "…",
                StepState::Done => "done",
                StepState::Skipped => "nothing to do",
                StepState::Failed => "FAILED",
            };
            // What takes a moment only is said once, at its end.
            if step.state == StepState::Running && step.what.is_empty() {
                return None;
            }
            let app = step
                .application
                .as_ref()
                .map_or_else(String::new, |app| format!(" {}:", app.name));
            Some(format!(
                "{seconds:6.2} s  {:<9}{app} {} {word}",
                step.kind.word(),
                step.what
            ))
        }
        Event::Waiting {
            missing, seconds, ..
        } => Some(format!(
            "{seconds:6.2} s  waiting   {}",
            waited_for(missing)
        )),
        Event::Good { seconds, .. } => Some(format!(
            "{seconds:6.2} s  GOOD      only pods of the good version, all of them ready"
        )),
        Event::Note { what, seconds, .. } => Some(format!("{seconds:6.2} s  note      {what}")),
        Event::Ended { .. } => None,
    }
}

/// What is waited for, in a line: what stands first matters most, and often brings the rest.
fn waited_for(missing: &[Missing]) -> String {
    let first: Vec<&str> = missing
        .iter()
        .take(SHOWN)
        .map(|one| one.what.as_str())
        .collect();
    let more = missing.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" (and {more} more)")
    } else {
        String::new()
    };
    format!("{}{more}", first.join("; "))
}

/// How many things that are waited for are shown at once.
const SHOWN: usize = 2;

/// An instant to the second.
fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The ways that were chosen, and why.
pub(crate) fn routes(screen: &mut Screen<'_>, recovery: &Recovery) -> io::Result<()> {
    writeln!(screen.out)?;
    for part in &recovery.parts {
        let heading = screen.bold(&part.application.to_string());
        writeln!(screen.out, "in the cluster, {heading}:")?;
        for why in &part.route.why {
            writeln!(screen.out, "  {why}")?;
        }
        if part.route.push {
            let then = if part.route.operate {
                "Argo CD is asked to sync it"
            } else {
                "Argo CD is told to look"
            };
            writeln!(
                screen.out,
                "  the commit is pushed at the same time; then {then}"
            )?;
        }
    }
    Ok(())
}

fn seconds(from: Timestamp, to: Option<Timestamp>) -> Option<f64> {
    to.map(|to| to.duration_since(from).as_secs_f64())
}

/// What it came to.
pub(crate) fn receipt(screen: &mut Screen<'_>, recovery: &Recovery) -> io::Result<()> {
    for one in &recovery.services {
        let to = screen.bold(&one.to);
        writeln!(
            screen.out,
            "{} in {}: {} -> {to}",
            one.service, one.environment, one.from
        )?;
        if let (Some(since), Some(good)) = (one.bad_since, recovery.good()) {
            writeln!(
                screen.out,
                "  {} served from {} to {} ({})",
                one.from,
                shown(since),
                shown(good),
                duration(good.as_second() - since.as_second())
            )?;
        }
    }
    let standing = match recovery.standing {
        Standing::Restored => screen.green("restored"),
        Standing::Partial => screen.red("half done"),
        Standing::Relapsed => screen.red("undone by somebody"),
        Standing::GaveWay => screen.red("given way to a newer deploy"),
        Standing::Failed => screen.red("not done"),
        Standing::Running => "under way or interrupted".to_owned(),
    };
    writeln!(screen.out, "  {standing}: recovery {}", recovery.id)?;
    let from = recovery.started;
    let mut hops = Vec::new();
    if let Some(good) = seconds(from, recovery.good()) {
        hops.push(format!("only good pods after {good:.2} s"));
    }
    if let Some(commit) = recovery.commit() {
        let pushed = recovery
            .steps
            .iter()
            .find(|step| step.kind == ripcord_domain::recovery::StepKind::Push)
            .and_then(|step| seconds(from, step.ended));
        let after = pushed.map_or_else(String::new, |at| format!(" after {at:.2} s"));
        hops.push(format!(
            "{} pushed to {}{after}",
            short(commit),
            recovery.plan.branch
        ));
    }
    let synced = recovery
        .parts
        .iter()
        .filter_map(|part| part.synced)
        .max()
        .filter(|_| recovery.parts.iter().all(|part| part.synced.is_some()));
    if let Some(synced) = seconds(from, synced) {
        hops.push(format!("Argo CD synced after {synced:.2} s"));
    }
    if let Some(durable) = seconds(from, recovery.durable()) {
        hops.push(format!("all agreed after {durable:.2} s"));
    }
    for hop in hops {
        writeln!(screen.out, "  {hop}")?;
    }
    for hold in recovery.standing_holds() {
        writeln!(
            screen.out,
            "  {}: {} is held until {} by {}",
            screen.bold("held"),
            hold.application,
            shown(hold.until),
            hold.owner
        )?;
    }
    for passing in recovery.held_bots() {
        writeln!(
            screen.out,
            "  {}: {}; `ripcord release {}` lets it bump again",
            screen.bold("held"),
            passes_over(passing),
            recovery.id
        )?;
    }
    for missing in &recovery.missing {
        writeln!(screen.out, "  {}: {}", screen.bold("missing"), missing.what)?;
    }
    if recovery.standing == Standing::Restored
        && let Some(commit) = recovery.commit()
    {
        writeln!(
            screen.out,
            "to take it back: ripcord undo {}",
            short(commit)
        )?;
    }
    Ok(())
}

/// What a bot was told, and until when.
pub(crate) fn passes_over(passing: &Passing) -> String {
    let Passing {
        bot, tags, until, ..
    } = passing;
    format!(
        "{bot} and is to pass {} over until {}",
        tags.join(", "),
        shown(*until)
    )
}

/// What `ripcord release` let go.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Released {
    /// The number of the JSON form.
    pub(crate) schema: u32,
    /// Applications that Argo CD syncs by itself again.
    pub(crate) applications: Vec<AppName>,
    /// Bots that bump the version again.
    pub(crate) bots: Vec<Bot>,
}

/// `ripcord release`.
pub(crate) fn released(screen: &mut Screen<'_>, released: &Released) -> io::Result<()> {
    if released.applications.is_empty() && released.bots.is_empty() {
        return writeln!(screen.out, "nothing is held");
    }
    for app in &released.applications {
        writeln!(screen.out, "{app}: let go; Argo CD deploys what Git says")?;
    }
    for bot in &released.bots {
        writeln!(screen.out, "{bot}: let go; it takes every version again")?;
    }
    Ok(())
}

/// `ripcord show`.
pub(crate) fn all(screen: &mut Screen<'_>, recovery: &Recovery) -> io::Result<()> {
    receipt(screen, recovery)?;
    writeln!(
        screen.out,
        "\nasked for at {} by {}",
        shown(recovery.started),
        recovery.owner
    )?;
    for (what, value) in [
        ("reason", &recovery.reason),
        ("incident", &recovery.incident),
    ] {
        if let Some(value) = value {
            writeln!(screen.out, "{what}: {value}")?;
        }
    }
    routes(screen, recovery)?;
    writeln!(screen.out)?;
    let rows: Vec<Vec<String>> = recovery
        .steps
        .iter()
        .map(|step| {
            let at = seconds(recovery.started, Some(step.started)).unwrap_or_default();
            let took = step.ended.map_or("-".to_owned(), |ended| {
                format!("{:.2}", ended.duration_since(step.started).as_secs_f64())
            });
            let state = match step.state {
                StepState::Running => "running",
                StepState::Done => "done",
                StepState::Skipped => "skipped",
                StepState::Failed => "failed",
            };
            vec![
                format!("{at:.2}"),
                took,
                step.kind.word().to_owned(),
                state.to_owned(),
                step.what.clone(),
            ]
        })
        .collect();
    table::print(
        screen.out,
        &["AT S", "TOOK S", "STEP", "STATE", "WHAT"],
        &rows,
    )?;
    for hold in &recovery.holds {
        let how = match hold.kind {
            Hold::Window => "a window of its project",
            Hold::State => "the state of its last operation",
            Hold::NotNeeded | Hold::Impossible => "nothing",
        };
        let end = hold.released.map_or_else(
            || format!("stands until {}", shown(hold.until)),
            |at| format!("let go at {}", shown(at)),
        );
        writeln!(
            screen.out,
            "hold of {} by {how}, taken at {}, {end}",
            hold.application,
            shown(hold.taken)
        )?;
    }
    for passing in &recovery.bots {
        let end = passing
            .released
            .map_or_else(String::new, |at| format!("; let go at {}", shown(at)));
        writeln!(screen.out, "{}{end}", passes_over(passing))?;
    }
    Ok(())
}

/// `ripcord recoveries`.
pub(crate) fn list(
    screen: &mut Screen<'_>,
    recoveries: &[Recovery],
    now: Timestamp,
) -> io::Result<()> {
    let rows: Vec<Vec<String>> = recoveries
        .iter()
        .map(|recovery| {
            let names: Vec<String> = recovery
                .services
                .iter()
                .map(|one| {
                    format!(
                        "{} in {}: {} -> {}",
                        one.service, one.environment, one.from, one.to
                    )
                })
                .collect();
            let good = seconds(recovery.started, recovery.good())
                .map_or("-".to_owned(), |good| format!("{good:.1} s"));
            let standing = match recovery.standing {
                Standing::Restored => "restored",
                Standing::Partial => "half done",
                Standing::Relapsed => "relapsed",
                Standing::GaveWay => "gave way",
                Standing::Failed => "not done",
                Standing::Running => "under way",
            };
            vec![
                recovery.id.to_string(),
                format!(
                    "{} ago",
                    duration(now.as_second() - recovery.started.as_second())
                ),
                standing.to_owned(),
                good,
                recovery.held().to_string(),
                names.join(", "),
            ]
        })
        .collect();
    table::print(
        screen.out,
        &["RECOVERY", "STARTED", "STANDING", "GOOD", "HOLDS", "WHAT"],
        &rows,
    )
}
