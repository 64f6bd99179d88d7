//! The forms in which people say something. Each is a plain form: it works without a script.

use maud::{Markup, html};
use ripcord_casebook::Case;
use ripcord_domain::incident::State;

use crate::text::{address, few, line};

fn form(incident: &str, say: &str, content: &Markup) -> Markup {
    html! {
        form.stacked method="post" action={ (address(incident)) "/say" } {
            input type="hidden" name="say" value=(say);
            (content)
        }
    }
}

/// The form for a note, where the timeline ends.
pub(super) fn note(incident: &str) -> Markup {
    html! {
        section.panel aria-labelledby="note-title" {
            h2 id="note-title" { "Write a note" }
            (form(incident, "note", &html! {
                label for="text" { "Note, added to the timeline under your name" }
                textarea id="text" name="text" rows="3" required maxlength="16000" {}
                button type="submit" { "Write it down" }
            }))
        }
    }
}

/// What is said more rarely: a decision, the cause, the end.
pub(super) fn more(case: &Case) -> Markup {
    let id = case.brief.id.as_str();
    html! {
        section.panel aria-labelledby="more-title" {
            h2 id="more-title" { "Say more" }
            details id="decide" {
                summary { "What was decided" }
                (form(id, "decide", &html! {
                    label for="decided" { "Decision, such as “roll back; support is told”" }
                    input id="decided" name="text" required maxlength="2000" autocomplete="off";
                    button type="submit" { "Write the decision down" }
                }))
            }
            details id="charge" {
                summary { "What the cause was" }
                (form(id, "charge", &charge(case)))
            }
            @if case.brief.state == State::Closed {
                details id="reopen" {
                    summary { "It is not over" }
                    (form(id, "reopen", &html! {
                        label for="again" { "Why it is opened again" }
                        input id="again" name="text" required maxlength="2000" autocomplete="off";
                        button type="submit" { "Open it again" }
                    }))
                }
            } @else {
                details id="close" open[case.brief.state == State::Quiet] {
                    summary { "It is over" }
                    (form(id, "close", &close(case)))
                }
            }
        }
    }
}

fn charge(case: &Case) -> Markup {
    let suspects = case.suspicion.iter().flat_map(|verdict| &verdict.suspects);
    html! {
        fieldset {
            legend { "The cause" }
            @for (number, suspect) in suspects.enumerate() {
                @let id = format!("cause-{number}");
                div.choice {
                    input type="radio" id=(id) name="deploy" value=(suspect.deploy.id) required;
                    label for=(id) { (line(&suspect.deploy.to_string())) }
                }
            }
            div.choice {
                input type="radio" id="cause-none" name="deploy" value="" required;
                label for="cause-none" { "No deploy" }
            }
        }
        label for="because" { "Why" }
        input id="because" name="text" required maxlength="2000" autocomplete="off";
        button type="submit" { "Name the cause" }
    }
}

fn close(case: &Case) -> Markup {
    let missing = &case.brief.missing_to_close;
    html! {
        label for="why" { "Why it is over" }
        input id="why" name="text" required maxlength="2000" autocomplete="off";
        @if !missing.is_empty() {
            div.choice {
                input type="checkbox" id="although" name="although" value="yes";
                label for="although" { "Although something is missing: " (line(&few(missing).join("; "))) ". It is recorded." }
            }
        }
        button type="submit" { "Close the incident" }
    }
}
