//! The review as one page: no script, nothing fetched, style by its hash.
//!
//! What is generated is written by templates that escape; what people wrote is Markdown whose HTML is shown as text,
//! whose links go to the web only and whose pictures are links.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html as page};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};
use sha2::{Digest as _, Sha256};

use crate::chart;
use crate::escape;
use crate::markdown;
use crate::question::{self, Answer};
use crate::regions::{self, Piece};
use crate::review::Review;
use crate::wording::{
    self, CANARY_HEADS, ESTIMATE_HEADS, GATE_HEADS, canary_row, capital, estimate_row, gate_row,
    named,
};
use crate::words;

const STYLE: &str = include_str!("page.css");

/// What a browser lets the review's page do, as the value of a `Content-Security-Policy`: show itself, in its one style.
pub fn policy() -> String {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

/// The review as a page, in the order of the Markdown that people wrote on, or of a new one.
pub fn html(review: &Review, previous: Option<&str>) -> String {
    let document = markdown::markdown(review, previous);
    let title = escape::line(&review.title);
    page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "Review: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    @for piece in regions::pieces(&document) {
                        @match piece {
                            Piece::Human(text) => @if !text.trim().is_empty() { section { (written(text)) } },
                            Piece::Generated { name, body, .. } => (generated(review, name, body)),
                        }
                    }
                }
            }
        }
    }
    .into_string()
}

fn generated(review: &Review, name: &str, body: &str) -> Markup {
    match name {
        "summary" => summary(review),
        "figures" => figures(review),
        "timeline" => timeline(review),
        "pipeline" => pipeline(review),
        _ => page! { section { (written(body)) } },
    }
}

fn summary(review: &Review) -> Markup {
    page! {
        header {
            h1 { "Review: " (escape::line(&review.title)) }
            dl {
                div { dt { "Incident" } dd { (escape::line(review.id.as_str())) } }
                @for (name, value) in wording::facts(review) {
                    div { dt { (name) } dd { (escape::line(&value)) } }
                }
            }
        }
    }
}

/// A table that scrolls by itself where the page is narrow; the first cell of a row is its head.
fn table<const N: usize>(
    caption: &str,
    heads: [&str; N],
    rows: impl IntoIterator<Item = [Markup; N]>,
) -> Markup {
    page! {
        div.wide role="region" tabindex="0" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (column, cell) in row.into_iter().enumerate() {
                                @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(text: &str) -> Markup {
    page! { (escape::line(text)) }
}

fn figures(review: &Review) -> Markup {
    let durations = review.figures.iter().map(|figure| {
        let ends = format!(
            "{} → {}",
            figure.from.moment.words(),
            figure.to.moment.words()
        );
        [
            cell(&figure.name),
            cell(figure.part.word()),
            cell(&figure.words()),
            cell(&ends),
            cell(&figure.quality()),
        ]
    });
    let instants = review.instants.iter().map(|reached| {
        [
            cell(reached.moment.words()),
            reached.at.map_or_else(|| page! {}, time),
            cell(reached.known.word()),
            cell(&reached.note()),
        ]
    });
    page! {
        section {
            h2 { "Figures" }
            @for note in &review.notes { p { (escape::line(note)) } }
            figure.chart aria-label="Chart of the incident" {
                div.wide role="region" tabindex="0" aria-label="Chart, scrolls sideways" {
                    (PreEscaped(chart::svg(review)))
                }
                figcaption { "The same is told by the tables below." }
            }
            (table("How long each part took", ["Figure", "Part", "Took", "From → to", "How sure"], durations))
            h3 { "Instants" }
            (table("The instants that the figures derive from", ["Instant", "When", "Known", "Note"], instants))
        }
    }
}

fn time(at: jiff::Timestamp) -> Markup {
    page! { time datetime=(at) { (words::instant(at)) } }
}

fn timeline(review: &Review) -> Markup {
    let entries = review.shown().map(|entry| {
        let text = page! {
            (escape::line(&entry.text))
            @if let Some(link) = entry.link.as_deref().and_then(escape::link) {
                " " a href=(link) rel="noopener noreferrer nofollow" { "more" }
            }
        };
        [
            time(entry.at),
            text,
            cell(&format!("{} {}", entry.source.word(), entry.source_name)),
            cell(wording::confidence(entry.confidence)),
            cell(entry.author.as_deref().unwrap_or_default()),
        ]
    });
    page! {
        section {
            h2 { "Timeline" }
            p { (wording::hidden(review)) }
            (table("What happened, oldest first", ["When", "What", "Source", "Known", "Who"], entries))
        }
    }
}

fn pipeline(review: &Review) -> Markup {
    let questions = &review.pipeline;
    let assumptions = wording::assumptions(review);
    page! {
        section {
            h2 { "The pipeline" }
            (answer(question::WARNINGS, &questions.warnings))
            (answer(question::CANARY, &questions.canary.answer))
            @if !questions.canary.data.is_empty() {
                (table("What the canary measured", CANARY_HEADS,
                    questions.canary.data.iter().map(|one| canary_row(one).map(|text| cell(&text)))))
            }
            (answer(question::AUTOMATIC, &questions.automatic.answer))
            @if !questions.automatic.data.is_empty() {
                (table("What policies would have done", ESTIMATE_HEADS,
                    questions.automatic.data.iter().map(|one| estimate_row(one).map(|text| cell(&text)))))
                @if !assumptions.is_empty() { p { "Taken for granted: " (escape::line(&assumptions.join("; "))) "." } }
            }
            (answer(question::GATES, &questions.gates.answer))
            @if !questions.gates.data.is_empty() {
                (table("Gates, the likeliest first", GATE_HEADS,
                    questions.gates.data.iter().enumerate().map(|(rank, one)| gate_row(rank, one).map(|text| cell(&text)))))
            }
        }
    }
}

fn answer(question: &str, answer: &Answer) -> Markup {
    page! {
        h3 { (question) }
        p { strong { (capital(answer.state.word())) "." } " " (escape::line(&answer.text)) }
        @if !answer.evidence.is_empty() {
            ul {
                @for evidence in &answer.evidence {
                    li { (escape::line(&format!("{}{}", evidence.what, named(&evidence.events)))) }
                }
            }
        }
    }
}

/// What people wrote, as HTML.
fn written(text: &str) -> Markup {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, Parser::new_ext(text, options).map(harmless));
    PreEscaped(html)
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        // The page's own heading is the only one of the first level.
        Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
            level: level.max(pulldown_cmark::HeadingLevel::H2),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        }),
        Event::End(TagEnd::Heading(level)) => {
            Event::End(TagEnd::Heading(level.max(pulldown_cmark::HeadingLevel::H2)))
        }
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Event::Start(Tag::Link {
                link_type: LinkType::Inline,
                // An address that is not of the web leads nowhere.
                dest_url: escape::link(&dest_url).map_or(CowStr::Borrowed("#"), CowStr::from),
                title: CowStr::Borrowed(""),
                id: CowStr::Borrowed(""),
            })
        }
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        other => other,
    }
}
