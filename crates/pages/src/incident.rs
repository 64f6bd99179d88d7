//! The page of an incident: what is wrong, the one thing to do, what caused it, what was done, what happened.

mod cause;
mod done;
pub(crate) mod filter;
mod instants;
mod now;
mod saying;
mod timeline;

use maud::{Markup, PreEscaped, html};
use ripcord_casebook::Case;
use ripcord_domain::incident::State;
use ripcord_review::{Review, svg};

use self::filter::Filter;
use crate::View;
use crate::brief;
use crate::mark;
use crate::shell::{Frame, Live, Tab, page, region};
use crate::text::{address, line};

/// An incident as a page. `review` is computed from the same case; `said` is that the reader has just said something.
pub fn incident(
    view: &View<'_>,
    case: &Case,
    review: &Review,
    filter: Filter,
    said: bool,
) -> String {
    let id = case.brief.id.as_str();
    let main = html! {
        @if said { p.said id="said" role="status" tabindex="-1" { "Written down." } }
        (region("head", &head(view, case)))
        div.columns {
            div.main-column {
                (region("now", &now::now(view, case)))
                (region("cause", &cause::cause(view, case)))
                (region("done", &done::done(view, case)))
                (timeline::timeline(view, case, review, filter))
                @if view.reader.may_write { (saying::note(id)) }
            }
            div.side-column {
                (region("deadlines", &instants::deadlines(view, case)))
                (region("instants", &instants::instants(view, case)))
                @if view.reader.may_write { (region("more", &saying::more(case))) }
            }
        }
        (region("chart", &chart(review)))
    };
    let frame = Frame {
        title: &format!("{}: {}", case.brief.state.word(), case.brief.title),
        tab: Tab::None,
        live: Some(Live::Of(id)),
        write: view.reader.may_write.then_some("text"),
    };
    page(view, &frame, &main)
}

fn head(view: &View<'_>, case: &Case) -> Markup {
    let brief = &case.brief;
    html! {
        p.above {
            (mark::state(brief.state))
            @if brief.state != State::Closed {
                @if brief.firing > 0 { " " (mark::mark(mark::Tone::Bad, &brief::firing(brief))) }
                @else { " " (mark::mark(mark::Tone::Dim, "no alert fires")) }
            }
        }
        h1 { (line(&brief.title)) }
        dl.facts {
            div { dt { "Where" } dd { (line(&brief::places(brief))) } }
            div { dt { "Since" } dd { @match brief.began {
                Some(began) => { (view.ago(began)) " (" (view.clock(began)) " " (view.zone_name()) ")" },
                None => "unknown",
            } } }
            div { dt { "Severity" } dd { @match &brief.severity {
                Some(severity) => (line(severity)),
                None => "not said",
            } } }
            div { dt { "On it" } dd { (line(&done::on_it(case))) } }
            div { dt { "Review" } dd { a href={ (address(brief.id.as_str())) "/review" } { "as far as it is computed" } } }
            div { dt { "Incident" } dd { (line(brief.id.as_str())) @for name in &brief.names { ", " (line(name)) } } }
        }
    }
}

fn chart(review: &Review) -> Markup {
    html! {
        section.panel aria-labelledby="chart-title" {
            h2 id="chart-title" { "Chart" }
            div.wide role="region" tabindex="0" aria-label="Chart, scrolls sideways" { (PreEscaped(svg(review))) }
            p.note { "The chart is in UTC. The timeline and the instants tell the same." }
        }
    }
}
