//! What came in and was not understood.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::View;
use crate::shell::{Frame, Tab, page};
use crate::text::{count, line, lines};

/// A delivery that was not understood.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// Its number.
    pub number: i64,
    /// The source that sent it.
    pub source: &'a str,
    /// When it came in.
    pub received: Timestamp,
    /// Why it was not understood.
    pub why: &'a str,
    /// Its body, where it is text.
    pub body: &'a str,
}

/// What was not understood, as a page.
pub fn dead_letters(view: &View<'_>, letters: &[Letter<'_>]) -> String {
    let main = html! {
        h1 { "Dead letters" }
        p.note {
            "What was signed and not understood is kept here. Once its source is mended, or a newer ripcord understands "
            "it, have it read again."
        }
        @if letters.is_empty() {
            p { "All that came in was understood." }
        } @else {
            p { (count(letters.len(), "dead letter")) "." }
            @for one in letters { (letter(view, one)) }
        }
    };
    let frame = Frame {
        title: "Dead letters",
        tab: Tab::DeadLetters,
        live: None,
        write: None,
    };
    page(view, &frame, &main)
}

fn letter(view: &View<'_>, letter: &Letter<'_>) -> Markup {
    let heading = format!("letter-{}", letter.number);
    html! {
        section.panel aria-labelledby=(heading) {
            h2 id=(heading) { (letter.number) " from " (line(letter.source)) }
            p { "came in " (view.ago(letter.received)) ": " (line(letter.why)) }
            details {
                summary { "Its body" }
                pre tabindex="0" role="region" aria-label={ "Body of " (letter.number) } { (lines(letter.body)) }
            }
            form method="post" action="/dead-letters" {
                input type="hidden" name="number" value=(letter.number);
                button type="submit" { "Read " (letter.number) " again" }
            }
        }
    }
}
