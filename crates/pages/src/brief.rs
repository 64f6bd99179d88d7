//! An incident in a few lines, as it is listed.

use maud::{Markup, html};
use ripcord_casebook::Brief;
use ripcord_domain::incident::State;

use crate::View;
use crate::mark;
use crate::text::{address, count, line};

/// What it is about, in words.
pub(crate) fn places(brief: &Brief) -> String {
    let each: Vec<String> = brief.concerns.iter().map(ToString::to_string).collect();
    if each.is_empty() {
        "nobody said where".to_owned()
    } else {
        each.join(", ")
    }
}

/// What people call it: its other names, else its id.
pub(crate) fn called(brief: &Brief) -> String {
    let names: Vec<&str> = brief.names.iter().map(String::as_str).collect();
    if names.is_empty() {
        brief.id.to_string()
    } else {
        names.join(", ")
    }
}

/// Incidents as a list of links.
pub(crate) fn list(view: &View<'_>, briefs: &[&Brief]) -> Markup {
    html! {
        ul.briefs {
            @for brief in briefs {
                li id={ "brief-" (brief.id) } {
                    p.first { (mark::state(brief.state)) " " a href=(address(brief.id.as_str())) { (line(&brief.title)) } }
                    p.second {
                        span { (line(&places(brief))) }
                        @if let Some(severity) = &brief.severity { span { (line(severity)) } }
                        @if let Some(began) = brief.began { span { "began " (view.ago(began)) } }
                        @if brief.firing > 0 { strong { (firing(brief)) } }
                        @else if brief.state != State::Closed { span { (firing(brief)) } }
                        span.dim { (line(&called(brief))) }
                    }
                }
            }
        }
    }
}

/// How many alerts fire.
pub(crate) fn firing(brief: &Brief) -> String {
    match brief.firing {
        0 => "no alert fires".to_owned(),
        1 => "1 alert fires".to_owned(),
        many => format!("{} fire", count(many, "alert")),
    }
}
