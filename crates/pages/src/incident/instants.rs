//! What is due by when, and the instants that every figure derives from.

use maud::{Markup, html};
use ripcord_casebook::Case;
use ripcord_domain::incident::State;
use ripcord_domain::incident::instant::Instant;

use crate::View;
use crate::mark::{Tone, mark, mark_of};
use crate::text::line;

pub(super) fn deadlines(view: &View<'_>, case: &Case) -> Markup {
    let is_over = case.brief.state == State::Closed;
    html! {
        section.panel aria-labelledby="deadlines-title" {
            h2 id="deadlines-title" { "Deadlines" }
            @if case.deadlines.is_empty() { p { "None: nobody was informed yet." } }
            ul.deadlines {
                @for deadline in &case.deadlines {
                    li {
                        p { (deadline.task.words()) }
                        p.second {
                            @match deadline.met {
                                Some(met) if met <= deadline.due => { (mark(Tone::Good, "met")) span { "at " (view.clock(met)) } },
                                Some(met) => { (mark(Tone::Busy, "met late")) span { "at " (view.clock(met)) } },
                                None if deadline.is_overdue(view.now) && is_over => (mark(Tone::Dim, "never told")),
                                None if deadline.is_overdue(view.now) => (mark_of(Tone::Bad, &view.due(deadline.due))),
                                None => (mark_of(Tone::Dim, &view.due(deadline.due))),
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn instants(view: &View<'_>, case: &Case) -> Markup {
    html! {
        section.panel aria-labelledby="instants-title" {
            h2 id="instants-title" { "Instants" }
            table.instants {
                thead { tr { th scope="col" { "What" } th scope="col" { "When" } } }
                tbody {
                    @for instant in &case.instants {
                        tr { th scope="row" { (instant.moment.words()) } td { (when(view, instant)) } }
                    }
                }
            }
        }
    }
}

fn when(view: &View<'_>, instant: &Instant) -> Markup {
    html! {
        @match instant.at {
            Some(at) => (view.clock(at)),
            None => span.dim { "unknown" },
        }
        @if let Some(inferred) = &instant.inferred { p.note { "inferred: " (line(inferred)) } }
        @if let Some(correction) = &instant.corrected {
            p.note {
                "corrected by " (line(&correction.by)) ": " (line(&correction.why)) "; recorded was "
                @match correction.recorded { Some(at) => (view.clock(at)), None => "nothing" }
            }
        }
    }
}
