//! What happened, oldest first: the newest is beside the form in which people write.

use std::collections::BTreeMap;

use maud::{Markup, html};
use ripcord_casebook::Case;
use ripcord_domain::incident::event::{Confidence, EventId, Fact};
use ripcord_review::{Entry, Review};

use super::filter::{Filter, Kind};
use crate::View;
use crate::shell::region;
use crate::text::{count, digest, elsewhere, line, lines};

/// How many entries are shown if nothing else is asked for: a page of a burst of alerts stays one that a phone can show.
const MOST: usize = 300;

pub(super) fn timeline(view: &View<'_>, case: &Case, review: &Review, filter: Filter) -> Markup {
    let facts: BTreeMap<&EventId, &Fact> = case
        .events
        .iter()
        .map(|event| (&event.id, &event.fact))
        .collect();
    let of = |entry: &&Entry| facts.get(&entry.event).copied();
    let shown: Vec<&Entry> = review
        .timeline
        .iter()
        .filter(|entry| filter.shows(of(entry), entry.hidden.is_some()))
        .collect();
    let hidden = review.timeline.len() - shown.len();
    // The newest: what was before them is asked for by name.
    let early = if filter.all {
        0
    } else {
        shown.len().saturating_sub(MOST)
    };
    let shown = &shown[early..];
    html! {
        section.panel aria-labelledby="timeline-title" {
            h2 id="timeline-title" { "Timeline" }
            (filters(filter))
            (region("left-out", &html! {
                p.note {
                    (count(shown.len(), "entry").replace("entrys", "entries")) ", oldest first, times in " (view.zone_name()) "."
                    @if hidden > 0 { " " (hidden) " not shown." }
                    @if early > 0 { " " a href={ (Filter { all: true, ..filter }.query()) "#timeline-title" } { (early) " earlier" } }
                }
            }))
            div role="log" aria-labelledby="timeline-title" {
                ol.timeline id="entries" data-keyed { @for one in shown { (entry(view, one, case)) } }
            }
        }
    }
}

fn filters(now: Filter) -> Markup {
    let link = |filter: Filter, words: &str| {
        html! { li { a href={ (filter.query()) "#timeline-title" } aria-current=[(filter == now).then_some("true")] { (words) } } }
    };
    html! {
        nav.filters aria-label="What the timeline shows" {
            ul {
                (link(Filter { kind: None, ..now }, "all"))
                @for kind in Kind::ALL { (link(Filter { kind: Some(kind), ..now }, kind.word())) }
            }
            ul { li {
                a href={ (Filter { noise: !now.noise, ..now }.query()) "#timeline-title" } {
                    (if now.noise { "without repetitions" } else { "with repetitions" })
                }
            } }
        }
    }
}

fn entry(view: &View<'_>, entry: &Entry, case: &Case) -> Markup {
    // The place is said where the incident is about more than one.
    let concern = entry
        .concern
        .as_ref()
        .filter(|_| case.brief.concerns.len() > 1);
    html! {
        li id={ "e-" (digest(entry.event.as_str())) } {
            p.when { (view.clock(entry.at)) }
            div.what {
                p.lines { (lines(&entry.text)) }
                p.second {
                    @if let Some(author) = &entry.author { span { (line(author)) } }
                    @if let Some(concern) = concern { span { (line(&concern.to_string())) } }
                    span.dim {
                        (entry.source.word()) " " (line(&entry.source_name))
                        @if entry.confidence == Confidence::Inferred { ", inferred" }
                    }
                    (elsewhere(entry.link.as_deref(), "more"))
                }
            }
        }
    }
}
