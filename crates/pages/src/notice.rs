//! A page that says why something was not done.

use maud::html;

use crate::View;
use crate::shell::{Frame, Tab, outside, page};
use crate::text::{line, lines};

/// Why something was not done.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// In a line.
    pub title: &'a str,
    /// What went wrong, and what to do.
    pub text: &'a str,
    /// Where to go on, and what is there.
    pub onward: (&'a str, &'a str),
    /// What the person had written: it is not lost.
    pub written: Option<&'a str>,
}

/// Says it, to somebody who is signed in or not.
pub fn notice(view: Option<&View<'_>>, notice: &Notice<'_>) -> String {
    let (address, words) = notice.onward;
    let main = html! {
        h1 { (line(notice.title)) }
        p.lines { (lines(notice.text)) }
        @if let Some(written) = notice.written {
            label for="written" { "What you wrote was not kept. It is still here, to copy:" }
            textarea id="written" rows="6" readonly { (written) }
        }
        p { a href=(address) { (line(words)) } }
    };
    let frame = Frame {
        title: notice.title,
        tab: Tab::None,
        live: None,
        write: None,
    };
    match view {
        Some(view) => page(view, &frame, &main),
        None => outside(notice.title, None, &main),
    }
}
