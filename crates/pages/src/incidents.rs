//! All incidents that are known: those that are open, then those that are over.

use maud::{Markup, html};
use ripcord_casebook::Brief;
use ripcord_domain::incident::State;

use crate::View;
use crate::brief;
use crate::shell::{Frame, Live, Tab, page, region};

/// Incidents as a page, the newest first.
pub fn incidents(view: &View<'_>, briefs: &[Brief]) -> String {
    let (over, mut open): (Vec<&Brief>, Vec<&Brief>) = briefs
        .iter()
        .partition(|brief| brief.state == State::Closed);
    open.sort_by_key(|brief| brief.state);
    let main = html! {
        h1 { "Incidents" }
        (region("incidents", &html! {
            h2 { "Open" }
            @if open.is_empty() { p { "No incident is open." } } @else { (brief::list(view, &open)) }
            h2 { "Closed" }
            @if over.is_empty() { p { "None is closed yet." } } @else { (brief::list(view, &over)) }
        }))
        @if view.reader.may_write { (opening()) }
    };
    let frame = Frame {
        title: "Incidents",
        tab: Tab::Incidents,
        live: Some(Live::Any),
        write: None,
    };
    page(view, &frame, &main)
}

fn opening() -> Markup {
    html! {
        section.panel aria-labelledby="open" {
            h2 id="open" { "Open an incident" }
            form.stacked method="post" action="/incidents" {
                label for="title" { "What is wrong" }
                input id="title" name="title" required maxlength="500" autocomplete="off";
                label for="service" { "Service, if known" }
                input id="service" name="service" maxlength="200" autocomplete="off" spellcheck="false";
                label for="environment" { "Environment" }
                input id="environment" name="environment" value="production" maxlength="200" autocomplete="off" spellcheck="false";
                button type="submit" { "Open it" }
            }
        }
    }
}
