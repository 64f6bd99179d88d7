//! The chart: lanes over one axis of time, as SVG that is read without colours.
//!
//! Each lane has a pattern of its own and its name; bars and instants have their labels beside them, none over
//! another. Long stretches in which nothing happened are cut out and say how long they were.

mod place;
mod scale;

use maud::{Markup, html};

use crate::activity::{Activity, Lane};
use crate::escape;
use crate::review::Review;
use crate::words;
use place::{Placed, Row};
use scale::Scale;

/// Units of the drawing. A page shows it at that many pixels or fewer.
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 44.0;
const ROW: f64 = 24.0;
const BAR: f64 = 14.0;

/// The chart of a review, as a document of its own or to be put into a page.
pub fn svg(review: &Review) -> String {
    let scale = Scale::of(&review.activity, LEFT, WIDTH - RIGHT);
    let lanes: Vec<(Lane, Vec<Row<'_>>, usize)> = Lane::ALL
        .into_iter()
        .map(|lane| {
            let of_lane = review.activity.iter().filter(|one| one.lane == lane);
            let (rows, left_out) = place::rows(of_lane, &scale, LEFT, WIDTH - RIGHT);
            (lane, rows, left_out)
        })
        .collect();
    let mut top = TOP;
    let mut drawn = Vec::new();
    for (lane, rows, left_out) in &lanes {
        let rows_high = rows.len().max(1) + usize::from(*left_out > 0);
        let height = rows_high as f64 * ROW + 10.0;
        drawn.push((*lane, rows, *left_out, top, height));
        top += height;
    }
    let height = top + 44.0;
    let title = format!("Chart of the incident “{}”", escape::line(&review.title));
    html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="review-chart-title review-chart-desc"
            viewBox={ "0 0 " (WIDTH) " " (round(height)) } font-family="system-ui, sans-serif" font-size="12" fill="#1b1b1b" {
            title id="review-chart-title" { (title) }
            desc id="review-chart-desc" { (description(review)) }
            defs { (patterns()) }
            rect width=(WIDTH) height=(round(height)) fill="#fff" {}
            (axis(&scale, top))
            @for (lane, rows, left_out, top, height) in drawn {
                (lane_of(lane, rows, left_out, top, height))
            }
            text x=(LEFT) y=(round(height - 8.0)) fill="#4a4a4a" {
                "Times in UTC. A dashed end: when it ended is not known."
                @if !scale.cuts.is_empty() { " ≈: a stretch without events is cut out." }
            }
        }
    }
    .into_string()
}

/// Coordinates to a tenth: more is noise in a diff.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn description(review: &Review) -> String {
    if review.activity.is_empty() {
        return "No instant of the incident is known.".to_owned();
    }
    let lanes = Lane::ALL.into_iter().map(|lane| {
        let of_lane: Vec<String> = review
            .activity
            .iter()
            .filter(|one| one.lane == lane)
            .map(in_words)
            .collect();
        if of_lane.is_empty() {
            format!("{}: nothing recorded.", lane.word())
        } else {
            format!("{}: {}.", lane.word(), of_lane.join("; "))
        }
    });
    lanes.collect::<Vec<_>>().join(" ")
}

fn in_words(one: &Activity) -> String {
    let label = escape::line(&one.label);
    let from = words::instant(one.from);
    if one.open {
        format!("{label} from {from}, end not known")
    } else if one.from == one.to {
        format!("{label} at {from}")
    } else {
        let took = words::span(one.to.duration_since(one.from));
        format!("{label} from {from} for {took}")
    }
}

fn pattern(lane: Lane) -> &'static str {
    match lane {
        Lane::Deploys => "review-deploys",
        Lane::Alerts => "review-alerts",
        Lane::Response => "review-response",
        Lane::Recovery => "review-recovery",
        Lane::Hotfix => "review-hotfix",
    }
}

fn patterns() -> Markup {
    // Slanted lines, solid, empty, lying lines, dots: told apart in grey and when printed.
    let shapes = [
        (Lane::Deploys, "#fff", "M0 6L6 0M-1 1L1 -1M5 7L7 5"),
        (Lane::Alerts, "#3d3d3d", ""),
        (Lane::Response, "#fff", ""),
        (Lane::Recovery, "#fff", "M0 1.5H6M0 4.5H6"),
        (Lane::Hotfix, "#fff", "M2 3H4"),
    ];
    html! {
        @for (lane, ground, lines) in shapes {
            pattern id=(pattern(lane)) width="6" height="6" patternUnits="userSpaceOnUse" {
                rect width="6" height="6" fill=(ground) {}
                path d=(lines) stroke="#3d3d3d" stroke-width="1.5" {}
            }
        }
    }
}

fn axis(scale: &Scale, bottom: f64) -> Markup {
    html! {
        g stroke="#c4c4c4" {
            @for tick in &scale.ticks { path d={ "M" (round(tick.x)) " " (TOP - 6.0) "V" (round(bottom)) } {} }
        }
        g text-anchor="middle" fill="#4a4a4a" {
            @for tick in &scale.ticks {
                @if let Some(label) = &tick.label { text x=(round(tick.x)) y=(TOP - 12.0) { (label) } }
                @if let Some(day) = &tick.day { text x=(round(tick.x)) y=(TOP - 28.0) font-weight="600" { (day) } }
            }
        }
        @for cut in &scale.cuts {
            path d={ "M" (round(cut.from)) " " (TOP - 6.0) "V" (round(bottom)) "M" (round(cut.to)) " " (TOP - 6.0) "V" (round(bottom)) }
                stroke="#767676" stroke-dasharray="2 3" {}
            text x=(round(f64::midpoint(cut.from, cut.to))) y=(round(bottom + 12.0)) text-anchor="middle" font-size="11" {
                "≈ " (words::span(cut.length))
            }
        }
    }
}

fn lane_of(lane: Lane, rows: &[Row<'_>], left_out: usize, top: f64, height: f64) -> Markup {
    html! {
        g {
            path d={ "M0 " (round(top - 5.0)) "H" (WIDTH) } stroke="#767676" {}
            text x="4" y=(round(top + 14.0)) font-weight="600" { (lane.word()) }
            @if rows.is_empty() {
                text x=(LEFT) y=(round(top + 14.0)) fill="#4a4a4a" font-style="italic" paint-order="stroke" stroke="#fff" stroke-width="4" { "nothing recorded" }
            }
            @for (number, row) in rows.iter().enumerate() {
                @for placed in row { (drawn(lane, placed, top + number as f64 * ROW)) }
            }
            @if left_out > 0 {
                text x=(LEFT) y=(round(top + height - 18.0)) fill="#4a4a4a" font-style="italic" {
                    (left_out) " more, see the timeline"
                }
            }
        }
    }
}

fn drawn(lane: Lane, placed: &Placed<'_>, top: f64) -> Markup {
    let one = placed.activity;
    let middle = top + BAR / 2.0 + 2.0;
    let x = placed.from;
    html! {
        @if one.from == one.to && !one.open {
            path d={ "M" (round(x)) " " (round(middle - 6.0)) "l5 6l-5 6l-5 -6z" } fill="#fff" stroke="#1b1b1b" stroke-width="1.5" {}
        } @else {
            rect x=(round(x)) y=(round(top + 2.0)) width=(round(placed.to - x)) height=(BAR)
                fill={ "url(#" (pattern(lane)) ")" } stroke="#1b1b1b" {}
            @if one.open {
                path d={ "M" (round(placed.to)) " " (round(middle)) "h14" } stroke="#1b1b1b" stroke-width="2" stroke-dasharray="3 3" {}
            }
        }
        // The ground of the page around a label: a line of the axis would strike it through.
        text x=(round(placed.label_x)) y=(round(middle + 4.0)) text-anchor=(if placed.label_before { "end" } else { "start" })
            paint-order="stroke" stroke="#fff" stroke-width="4" {
            (placed.label)
        }
    }
}
