//! The one thing to do now, and what is missing until it is over.

use maud::{Markup, html};
use ripcord_casebook::{Back, Case, Doubt, NextStep};
use ripcord_domain::incident::event::{Event, Fact};
use ripcord_domain::incident::report::RecoveryReport;

use crate::View;
use crate::command;
use crate::text::{count, few, line};

pub(super) fn now(view: &View<'_>, case: &Case) -> Markup {
    let missing = &case.brief.missing_to_close;
    html! {
        section.panel.now aria-labelledby="now-title" {
            @match case.next_step() {
                NextStep::Nothing => {
                    h2 id="now-title" { "It is over" }
                    p { (closing(case)) }
                }
                NextStep::Close => {
                    h2 id="now-title" { "Nothing fires: close it when you are sure" }
                    p { "Every alert is quiet, and every recovery holds." }
                    @if view.reader.may_write { p { a.button href="#close" { "Close the incident" } } }
                }
                NextStep::Wait(report) => {
                    h2 id="now-title" { "A recovery is under way" }
                    p { (recovery(view, case, report)) }
                    p.note { "There is nothing to press. This page tells when it is done; until then, do not begin another one." }
                }
                NextStep::GoOn(report) => {
                    h2 id="now-title" { "The recovery is half done: go on with it" }
                    p { (recovery(view, case, report)) }
                    @if !report.missing.is_empty() { ul { @for one in few(&report.missing) { li { (line(&one)) } } } }
                    (command_box(command::resume(&report.recovery), "go on with the recovery"))
                    p.note { "Run it on the machine where the recovery was begun: its record is there." }
                }
                NextStep::LookFurther(report) => {
                    h2 id="now-title" { "It was put back, and it is not over" }
                    p { (recovery(view, case, report)) }
                    p.note { "An alert may need minutes to end. If it does not, that deploy was not all of it: look at the other suspects." }
                }
                NextStep::FindCause => {
                    h2 id="now-title" { "No deploy explains it: find the cause" }
                    p { "Somebody said that no deploy is the cause. Going back would not help; nothing is proposed." }
                }
                NextStep::FindPlace => {
                    h2 id="now-title" { "Find out where it is" }
                    p { "Nothing tells which service is wrong, so no way back can be proposed." }
                }
                NextStep::GoBack(back) => (go_back(case, &back)),
            }
            @if let Some(due) = case.deadlines.iter().find(|due| due.met.is_none()).filter(|_| !is_over(case)) {
                p.next-due { "Next: " (due.task.words()) " — " (view.due(due.due)) }
            }
            @if !missing.is_empty() {
                h3 { "Missing until it can be closed" }
                ul { @for one in few(missing) { li { (line(&one)) } } }
            }
        }
    }
}

fn is_over(case: &Case) -> bool {
    matches!(case.next_step(), NextStep::Nothing | NextStep::Close)
}

fn closing(case: &Case) -> String {
    let Some(closing) = case.incident.closing.value() else {
        return String::new();
    };
    let by = closing.by.as_deref().unwrap_or("ripcord");
    let mut text = format!("Closed by {by}: {}", closing.why);
    if !closing.although.is_empty() {
        text = format!("{text} Although {}.", closing.although.join(", "));
    }
    ripcord_review::escape::line(&text)
}

fn go_back(case: &Case, back: &Back<'_>) -> Markup {
    let concern = back.concern;
    let doubt = match back.doubt {
        None => None,
        Some(Doubt::NoDeploy) => Some(
            "Going back to the last good version may not help. The command for it, all the same:",
        ),
        Some(Doubt::Unclear) => {
            Some("It cannot be told whether a deploy is the cause: look at the suspects first.")
        }
        Some(Doubt::NothingDeployed) => Some(
            "No deploy of it is known here. ripcord looks in Git itself and tells what it would go back to.",
        ),
    };
    let command = command::rollback(concern, &case.brief.id);
    let can_run = command.is_some();
    html! {
        h2 id="now-title" {
            @if back.doubt == Some(Doubt::NoDeploy) {
                "Find the cause: no deploy explains this"
            } @else {
                "Put " (line(concern.service.as_str())) " in " (line(concern.environment.as_str()))
                " back on its last good version"
            }
        }
        @if let Some(report) = back.undone {
            p { strong { "The bad version came back" } " after recovery " (line(report.recovery.as_str())) "." }
        }
        @if let Some(deploy) = back.leaves {
            p { "This leaves " strong { (line(deploy.version.as_deref().unwrap_or(&deploy.id))) }
                @if let Some(replaced) = &deploy.replaced { "; before it ran " strong { (line(replaced)) } }
                @if let Some(subject) = &deploy.subject { " — " q { (line(subject)) } }
                "." }
        }
        @if let Some(doubt) = doubt { p.doubt { (doubt) } }
        (command_box(command, "roll back"))
        p.note {
            @if can_run {
                "This server does not run recoveries itself yet: run the command where ripcord reaches the infra repo. "
                "It shows the plan, and asks before it changes anything. "
            }
            "Nothing goes back by itself."
        }
        @if case.brief.concerns.len() > 1 {
            p.note { "The incident is about " (count(case.brief.concerns.len(), "place")) ": this is the one that is most likely to help." }
        }
    }
}

/// The command and a button that copies it. Without a script the command alone is there.
fn command_box(command: Option<String>, does: &str) -> Markup {
    html! {
        @match command {
            Some(command) => {
                p.command { code id="command" { (command) } }
                p { button.main type="button" data-copy="command" hidden { "Copy the command to " (does) } }
            }
            None => p.doubt {
                "A name in it has letters that mean something to a shell, so no command is shown to copy. "
                "Look at the name before you type it."
            },
        }
    }
}

/// How far a recovery is, and who began it where.
fn recovery(view: &View<'_>, case: &Case, report: &RecoveryReport) -> Markup {
    let told = case.events.iter().rev().find(|event| is_of(event, report));
    html! {
        "From " strong { (line(&report.from)) } " to " strong { (line(&report.to)) }
        @if let Some(concern) = told.and_then(|event| event.concern.as_ref()) { ", " (line(&concern.to_string())) }
        ", begun " (view.ago(report.started))
        @if let Some(author) = told.and_then(|event| event.author.as_deref()) { " by " (line(author)) }
        @if let Some(event) = told { " on " (line(&event.source.name)) }
        " (" (line(report.recovery.as_str())) ")."
    }
}

fn is_of(event: &Event, report: &RecoveryReport) -> bool {
    matches!(&event.fact, Fact::Recovery(told) if told.recovery == report.recovery)
}
