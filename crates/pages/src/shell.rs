//! What every page has: its head, the ways past the navigation, who is signed in, and how fresh it is.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};
use ripcord_review::escape;

use crate::asset::{ICON, SCRIPT, STYLE};

/// Who reads a page.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Their name.
    pub name: &'a str,
    /// The word for what they may do.
    pub role: &'a str,
    /// They may say something of incidents.
    pub may_write: bool,
    /// They may look at what was not understood.
    pub is_admin: bool,
}

/// For whom, when and from what a page is made.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Who reads it.
    pub reader: Reader<'a>,
    /// Now.
    pub now: Timestamp,
    /// The time zone of the team.
    pub zone: &'a TimeZone,
    /// The number of the last event that the page knows: what comes after it is news.
    pub news: i64,
}

/// Where in the navigation a page is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Board,
    Incidents,
    DeadLetters,
    None,
}

/// What a page says of itself.
pub(crate) struct Frame<'a> {
    /// The title of the browser's tab, the most telling word first.
    pub(crate) title: &'a str,
    pub(crate) tab: Tab,
    /// It is kept fresh: by news of this incident, or by any.
    pub(crate) live: Option<Live<'a>>,
    /// A form further down that people come for.
    pub(crate) write: Option<&'static str>,
}

#[derive(Clone, Copy)]
pub(crate) enum Live<'a> {
    Any,
    Of(&'a str),
}

/// A page of somebody who is signed in.
pub(crate) fn page(view: &View<'_>, frame: &Frame<'_>, main: &Markup) -> String {
    let incident = match frame.live {
        Some(Live::Of(incident)) => Some(incident),
        _ => None,
    };
    let news = frame.live.map(|_| view.news);
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(frame.title))
            body data-now=(view.now) data-news=[news] data-incident=[incident] {
                a.skip href="#main" { "To the content" }
                @if let Some(form) = frame.write { a.skip href={ "#" (form) } { "To writing a note" } }
                (banner(view, frame.tab))
                @if frame.live.is_some() { (freshness(view)) }
                main id="main" tabindex="-1" { (main) }
            }
        }
    }
    .into_string()
}

/// A page of somebody who is not signed in.
pub(crate) fn outside(title: &str, refresh: Option<&str>, main: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head_with(title, refresh))
            body {
                header.banner { p.brand { "ripcord" } }
                main.narrow id="main" { (main) }
            }
        }
    }
    .into_string()
}

fn head(title: &str) -> Markup {
    head_with(title, None)
}

fn head_with(title: &str, refresh: Option<&str>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            @if let Some(address) = refresh { meta http-equiv="refresh" content={ "0;url=" (address) }; }
            title { (escape::line(title)) " · ripcord" }
            link rel="icon" href=(ICON.path);
            link rel="stylesheet" href=(STYLE.path);
            script defer src=(SCRIPT.path) {}
        }
    }
}

fn banner(view: &View<'_>, tab: Tab) -> Markup {
    let current = |of: Tab| (of == tab).then_some("page");
    html! {
        header.banner {
            p.brand { a href="/" { "ripcord" } }
            nav aria-label="Pages" {
                ul {
                    li { a href="/" aria-current=[current(Tab::Board)] { "Board" } }
                    li { a href="/incidents" aria-current=[current(Tab::Incidents)] { "Incidents" } }
                    @if view.reader.is_admin {
                        li { a href="/dead-letters" aria-current=[current(Tab::DeadLetters)] { "Dead letters" } }
                    }
                }
            }
            form.who method="post" action="/logout" {
                span { (escape::line(view.reader.name)) " (" (view.reader.role) ")" }
                button.quiet type="submit" { "Sign out" }
            }
        }
    }
}

/// Says how fresh the page is. The script takes it over; without one the page says when it was made.
fn freshness(view: &View<'_>) -> Markup {
    html! {
        div.freshness {
            p id="freshness" role="status" { "As of " (view.clock(view.now)) " " (view.zone_name()) "." }
            noscript { p { "Without a script this page does not update: reload it." } }
            button.quiet id="show-news" type="button" hidden { "Show what is new" }
            button.quiet id="pause" type="button" aria-pressed="false" hidden { "Pause updates" }
        }
    }
}

/// A part of a page that the script replaces when something changed.
pub(crate) fn region(name: &str, content: &Markup) -> Markup {
    html! { div id=(name) data-region { (content) } }
}
