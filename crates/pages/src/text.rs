//! Text from outside, made harmless for a page.

use std::fmt::Write as _;

use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ripcord_review::escape;
use sha2::{Digest as _, Sha256};

const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The longest text of several lines that a page shows, in lines: a note of a thousand lines must not hide the rest.
const MOST_LINES: usize = 200;

/// The address of an incident's page.
pub fn address(incident: &str) -> String {
    format!("/incidents/{}", utf8_percent_encode(incident, IN_A_PATH))
}

/// A short name of a text, of letters and digits alone: the same text has the same.
pub(crate) fn digest(text: &str) -> String {
    let mut name = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(8) {
        // Writing to a text does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// One line of text.
pub(crate) fn line(text: &str) -> Markup {
    html! { (escape::line(text)) }
}

/// Text whose line ends stay; the style keeps them.
pub(crate) fn lines(text: &str) -> Markup {
    let mut lines: Vec<String> = text.lines().take(MOST_LINES).map(escape::line).collect();
    if text.lines().count() > MOST_LINES {
        lines.push("…".to_owned());
    }
    html! { (lines.join("\n")) }
}

/// A link to elsewhere, if the address is one of the web.
pub(crate) fn elsewhere(address: Option<&str>, words: &str) -> Markup {
    html! {
        @if let Some(address) = address.and_then(escape::link) {
            a href=(address) rel="noopener noreferrer nofollow" { (words) }
        }
    }
}

/// How many of something, such as `1 alert`, `3 alerts`.
pub(crate) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// The first of many, and how many more there are: a burst of alerts must not hide the rest of a page.
pub(crate) fn few(all: &[String]) -> Vec<String> {
    const FEW: usize = 8;
    let mut few: Vec<String> = all.iter().take(FEW).cloned().collect();
    if all.len() > FEW {
        few.push(format!("and {} more", all.len() - FEW));
    }
    few
}
