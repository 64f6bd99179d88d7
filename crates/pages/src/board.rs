//! The board: what is wrong, then what runs where.

use maud::{Markup, html};
use ripcord_casebook::{Board, Brief, Place};
use ripcord_domain::incident::State;
use ripcord_domain::incident::deploy::Deployed;

use crate::View;
use crate::brief;
use crate::mark;
use crate::shell::{Frame, Live, Tab, page, region};
use crate::text::{address, count, line};

/// The board as a page.
pub fn board(view: &View<'_>, board: &Board) -> String {
    let mut open: Vec<&Brief> = board.open.iter().collect();
    // What nobody has taken on comes first, what is quiet last.
    open.sort_by_key(|brief| brief.state);
    let title = title(&open);
    let main = region(
        "board",
        &html! {
            h1 { (title) }
            @if !open.is_empty() { (brief::list(view, &open)) }
            h2 id="services" { "Services" }
            @if board.services.is_empty() {
                p { "Nothing was told of any service yet. Deploys come in from Argo CD, forges and CDEvents; incidents from alerts." }
            } @else {
                (table(view, board))
            }
            p.note {
                "Nobody is asked how a service does: its health is what was told last, by deploys and by alerts. "
                "Shown is what was deployed in the last 30 days."
            }
        },
    );
    let frame = Frame {
        title: &title,
        tab: Tab::Board,
        live: Some(Live::Any),
        write: None,
    };
    page(view, &frame, &main)
}

fn title(open: &[&Brief]) -> String {
    let is_quiet = |brief: &&&Brief| brief.state == State::Quiet;
    let quiet = open.iter().filter(is_quiet).count();
    let are = |number: usize| if number == 1 { "is" } else { "are" };
    let wrong = match open.len() - quiet {
        0 => "No incident is open".to_owned(),
        many => format!("{} {} open", count(many, "incident"), are(many)),
    };
    match quiet {
        0 => wrong,
        many => format!("{wrong}, {many} {} quiet", are(many)),
    }
}

/// Roles are said, since the style of narrow pages makes blocks of rows and cells.
fn table(view: &View<'_>, board: &Board) -> Markup {
    html! {
        table.services role="table" aria-labelledby="services" {
            thead role="rowgroup" {
                tr role="row" {
                    th role="columnheader" scope="col" { "Service" }
                    @for environment in &board.environments {
                        th role="columnheader" scope="col" { (line(environment.as_str())) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for (service, places) in &board.services {
                    tr role="row" {
                        th role="rowheader" scope="row" { (line(service.as_str())) }
                        @for (environment, place) in board.environments.iter().zip(places) {
                            @if let Some(place) = place {
                                td role="cell" {
                                    span.where aria-hidden="true" { (line(environment.as_str())) }
                                    (self::place(view, place, board))
                                }
                            } @else {
                                td.nothing role="cell" { span.dim { "nothing known" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn place(view: &View<'_>, place: &Place, board: &Board) -> Markup {
    html! {
        p {
            (mark::health(view, place.health))
            @for id in &place.incidents {
                @if let Some(brief) = board.open.iter().find(|brief| brief.id == *id) {
                    " " a href=(address(id.as_str())) { (line(&brief.title)) }
                }
            }
        }
        p.deploy {
            @match &place.last_deploy {
                Some(deploy) => (self::deploy(view, deploy)),
                None => span.dim { "no deploy told" },
            }
        }
    }
}

fn deploy(view: &View<'_>, deploy: &Deployed) -> Markup {
    let version = deploy.version.as_deref().unwrap_or("version unknown");
    html! {
        strong { (line(version)) }
        @if deploy.is_rollback { " (rollback)" }
        @if deploy.hotfix.is_some() { " (hotfix)" }
        @if let Some(began) = deploy.began() { " " (view.ago(began)) }
        @if let Some(by) = &deploy.by { " by " (line(by)) }
    }
}
