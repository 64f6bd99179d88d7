//! What was done: recoveries, hotfixes, decisions; and who is on it.

use jiff::Timestamp;
use maud::{Markup, html};
use ripcord_casebook::Case;
use ripcord_domain::incident::event::{Event, Fact};
use ripcord_domain::incident::report::{AlertState, HotfixReport, RecoveryReport};

use crate::View;
use crate::mark;
use crate::text::line;

pub(super) fn done(view: &View<'_>, case: &Case) -> Markup {
    let mut recoveries: Vec<&RecoveryReport> = case
        .incident
        .recoveries
        .values()
        .filter_map(|said| said.value())
        .collect();
    recoveries.sort_by_key(|report| report.started);
    let hotfixes = case.incident.hotfixes.values();
    let hotfixes: Vec<&HotfixReport> = hotfixes.filter_map(|said| said.value()).collect();
    let decisions: Vec<(&Event, &str)> = case
        .events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Decision { what } => Some((event, what.as_str())),
            _ => None,
        })
        .collect();
    html! {
        section.panel aria-labelledby="done-title" {
            h2 id="done-title" { "What was done" }
            @if recoveries.is_empty() && hotfixes.is_empty() && decisions.is_empty() {
                p { "Nothing was told here yet." }
            }
            @for report in recoveries { (recovery(view, report)) }
            @for report in hotfixes { (hotfix(view, report)) }
            @if !decisions.is_empty() {
                h3 { "Decided" }
                ul { @for (event, what) in decisions {
                    li { (view.clock(event.observed)) " " (line(what)) @if let Some(by) = &event.author { " (" (line(by)) ")" } }
                } }
            }
        }
    }
}

fn recovery(view: &View<'_>, report: &RecoveryReport) -> Markup {
    let reached = [
        ("begun", Some(report.started)),
        ("in Git", report.committed),
        ("only good pods", report.good),
        ("synced", report.synced),
        ("healthy", report.durable),
    ];
    html! {
        h3 { "Recovery from " (line(&report.from)) " to " (line(&report.to)) " " (mark::standing(report.standing)) }
        (milestones(view, &reached))
        @if !report.missing.is_empty() { ul { @for one in &report.missing { li { "missing: " (line(one)) } } } }
    }
}

fn hotfix(view: &View<'_>, report: &HotfixReport) -> Markup {
    let reached = [
        ("begun", report.started),
        ("in the infra repo", report.committed),
        ("pods ready", report.ready),
    ];
    html! {
        h3 { "Hotfix " (line(&report.hotfix)) }
        (milestones(view, &reached))
        @if !report.overridden.is_empty() {
            p { "Its gate was overridden: " (line(&report.overridden.join(", "))) }
        }
    }
}

fn milestones(view: &View<'_>, reached: &[(&str, Option<Timestamp>)]) -> Markup {
    html! {
        dl.milestones {
            @for (what, at) in reached {
                div { dt { (what) } dd { @match at { Some(at) => (view.clock(*at)), None => span.dim { "not yet, or not told" } } } }
            }
        }
    }
}

/// Who took it on, decided or began a way back.
pub(super) fn on_it(case: &Case) -> String {
    let acts = |event: &&Event| match &event.fact {
        Fact::Alert(report) => report.state == AlertState::Acknowledged,
        Fact::Opened { .. } | Fact::Decision { .. } | Fact::Recovery(_) => true,
        _ => false,
    };
    let mut people: Vec<&str> = Vec::new();
    for author in case
        .events
        .iter()
        .filter(acts)
        .filter_map(|event| event.author.as_deref())
    {
        if !people.contains(&author) {
            people.push(author);
        }
    }
    if people.is_empty() {
        "nobody said so".to_owned()
    } else {
        people.join(", ")
    }
}
