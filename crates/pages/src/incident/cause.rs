//! Is it the deploy? The answer, then each suspect factor by factor, then those that are not suspected and why.

use maud::{Markup, html};
use ripcord_casebook::Case;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_suspect::{Answer, Suspect, Verdict};

use crate::View;
use crate::text::{count, line};

/// How many suspects are shown without asking.
const LIKELY: usize = 3;

pub(super) fn cause(view: &View<'_>, case: &Case) -> Markup {
    html! {
        section.panel aria-labelledby="cause-title" {
            h2 id="cause-title" { "Is it the deploy?" }
            @if let Some(cause) = &case.cause { p { strong { "The cause is deploy " (line(cause)) "." } " " (because(case)) } }
            @else if case.no_deploy { p { strong { "No deploy explains this" } ", somebody said. " (because(case)) } }
            @match &case.suspicion {
                Some(verdict) => (suspicion(view, case, verdict)),
                None => p { "Unknown: nothing tells where it began, so no deploy can be looked at." },
            }
        }
    }
}

fn because(case: &Case) -> Markup {
    let charge = case.incident.charged.value();
    html! {
        @match charge {
            Some(charge) => { (line(&charge.why)) @if let Some(by) = &charge.by { " (" (line(by)) ")" } },
            None => "A recovery undid it.",
        }
    }
}

fn suspicion(view: &View<'_>, case: &Case, verdict: &Verdict) -> Markup {
    html! {
        p { (answer(verdict, case)) }
        @if !case.deploys.is_empty() {
            @let (likely, others) = verdict.suspects.split_at(verdict.suspects.len().min(LIKELY));
            ol.suspects {
                @for one in likely { li { (suspect(view, case, one)) } }
                li { p.first { span.share { (percent(verdict.no_change)) } strong { "No deploy explains this" } } }
            }
            @if !others.is_empty() {
                details id="less-likely" {
                    summary { (count(others.len(), "deploy")) " less likely" }
                    ol.suspects { @for one in others { li { (suspect(view, case, one)) } } }
                }
            }
        }
        @if !verdict.excluded.is_empty() {
            details id="excluded" {
                summary { (count(verdict.excluded.len(), "deploy")) " not suspected" }
                ul {
                    @for one in &verdict.excluded {
                        li { (line(&one.deploy.to_string())) ": " (line(&one.reason.to_string())) }
                    }
                }
            }
        }
    }
}

fn answer(verdict: &Verdict, case: &Case) -> Markup {
    html! {
        @match &verdict.answer {
            Answer::Deploy(deploy) => { "Most likely " strong { "deploy " (line(&deploy.id)) " of " (line(&deploy.concern.to_string())) } ". A suspicion is not a cause: that is what a person says." },
            Answer::NoDeploy if case.deploys.is_empty() => "No deploy is known of the day before. What was not told here cannot be suspected.",
            Answer::NoDeploy => { strong { "No deploy explains this" } ", as far as the records tell." },
            Answer::Unclear => { strong { "It cannot be told" } " from the records: no deploy stands out." },
        }
    }
}

fn suspect(view: &View<'_>, case: &Case, suspect: &Suspect) -> Markup {
    let name = &suspect.deploy;
    let known = case
        .deploys
        .iter()
        .find(|deploy| deploy.id == name.id && deploy.concern == name.concern);
    let version = known.and_then(|deploy| deploy.version.as_deref());
    html! {
        p.first {
            span.share { (percent(suspect.probability)) }
            strong { (line(version.unwrap_or(&name.id))) }
            " of " (line(&name.concern.to_string()))
            @if let Some(began) = known.and_then(Deployed::began) { ", " (view.ago(began)) }
        }
        @if let Some(deploy) = known { (facts(deploy)) }
        ul.factors {
            @for factor in &suspect.factors {
                @let against = factor.weight < 0.0;
                li.against[against] {
                    span.sign aria-hidden="true" { (if against { "−" } else { "+" }) }
                    span.unseen { (if against { "Against it: " } else { "For it: " }) }
                    (line(&factor.sentence))
                }
            }
        }
    }
}

fn facts(deploy: &Deployed) -> Markup {
    html! {
        p.second {
            @if let Some(subject) = &deploy.subject { span { q { (line(subject)) } } }
            @if let Some(replaced) = &deploy.replaced { span { "before it ran " (line(replaced)) } }
            @if let Some(commit) = &deploy.commit { span.dim { "commit " (line(commit)) } }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
