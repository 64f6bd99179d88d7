//! The review as Markdown, to be kept in Git and written on.

use std::fmt::Write as _;

use crate::escape;
use crate::question::{self, Answer};
use crate::regions::{self, Part};
use crate::review::Review;
use crate::wording::{
    CANARY_HEADS, ESTIMATE_HEADS, GATE_HEADS, assumptions, canary_row, capital, confidence,
    estimate_row, facts, gate_row, hidden, named,
};
use crate::words;

/// What people are asked to write: heading and question, in order. The first stands before the figures.
const ASKED: [(&str, &str); 7] = [
    (
        "Impact",
        "who was affected, how many, for how long, and how it showed?",
    ),
    (
        "Contributing factors",
        "what made it possible, likely or worse? There is never only one.",
    ),
    (
        "Why it surprised us",
        "what did people expect, and why did that make sense then?",
    ),
    ("What went well", "what helped?"),
    ("What went badly", "what was in the way?"),
    (
        "Where we were lucky",
        "what could have made it worse, and did not?",
    ),
    (
        "Action items",
        "one line each, such as `- [ ] prevent: add a canary to payments @team-payments due 2026-12-11`; investigate, \
         mitigate, repair, detect or prevent, and at least one to detect or prevent.",
    ),
];

/// The review as Markdown. With the text as it was, all that people wrote in it is kept, wherever it stands; see
/// [`regions`](crate::regions).
pub fn markdown(review: &Review, previous: Option<&str>) -> String {
    regions::merge(&parts(review), previous)
}

/// The headings under which people have written nothing yet. One that they took out is their choice.
pub fn unwritten(document: &str) -> Vec<&'static str> {
    let mut open = Vec::new();
    let mut under = None;
    for line in document.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix("## ") {
            under = ASKED
                .iter()
                .map(|asked| asked.0)
                .find(|asked| *asked == heading);
            open.extend(under);
        } else if !line.is_empty() && !line.starts_with("<!--") && !line.starts_with(INVITES) {
            open.retain(|heading| Some(*heading) != under);
        }
    }
    open
}

fn parts(review: &Review) -> Vec<Part> {
    let generated = |name, body| Part::Generated { name, body };
    let mut parts = vec![
        generated("summary", summary(review)),
        invitation(&ASKED[0]),
        generated("figures", figures(review)),
        Part::Invitation("\n".to_owned()),
        generated("timeline", timeline(review)),
        Part::Invitation("\n".to_owned()),
        generated("pipeline", pipeline(review)),
    ];
    parts.extend(ASKED[1..].iter().map(invitation));
    parts
}

fn invitation((heading, question): &(&str, &str)) -> Part {
    let last = if *heading == "Impact" { "\n" } else { "" };
    Part::Invitation(format!("\n## {heading}\n\n{INVITES}{question}*\n{last}"))
}

/// With what every invitation begins, so that it is not taken for what people wrote.
pub(crate) const INVITES: &str = "*Not written yet: ";

fn rows(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = format!(
        "| {} |\n|{}\n",
        heads.join(" | "),
        " --- |".repeat(heads.len())
    );
    for row in rows {
        // `write!` to a String does not fail.
        let _ = writeln!(table, "| {} |", row.join(" | "));
    }
    table
}

fn summary(review: &Review) -> String {
    let say = escape::markdown;
    let mut table = vec![vec!["Incident".to_owned(), say(review.id.as_str())]];
    for (name, value) in facts(review) {
        table.push(vec![name.to_owned(), say(&value)]);
    }
    let table = rows(&["What", "Recorded"], table);
    format!("# Review: {}\n\n{table}", say(&review.title))
}

fn figures(review: &Review) -> String {
    let durations = review.figures.iter().map(|figure| {
        vec![
            figure.part.word().to_owned(),
            figure.name.clone(),
            figure.words(),
            format!(
                "{} → {}",
                figure.from.moment.words(),
                figure.to.moment.words()
            ),
            figure.quality(),
        ]
    });
    let durations = rows(
        &["Part", "Figure", "Took", "From → to", "How sure"],
        durations,
    );
    let instants = review.instants.iter().map(|reached| {
        vec![
            reached.moment.words().to_owned(),
            reached.at.map_or_else(String::new, words::instant),
            reached.known.word().to_owned(),
            escape::markdown(&reached.note()),
        ]
    });
    let instants = rows(&["Instant", "When", "Known", "Note"], instants);
    let mut notes = review.notes.join("\n\n");
    if !notes.is_empty() {
        notes.push_str("\n\n");
    }
    format!("## Figures\n\n{notes}{durations}\n### Instants\n\n{instants}")
}

fn timeline(review: &Review) -> String {
    let say = escape::markdown;
    let entries = review.shown().map(|entry| {
        let text = match entry.link.as_deref().and_then(escape::link) {
            Some(link) => format!("{} [more](<{}>)", say(&entry.text), destination(&link)),
            None => say(&entry.text),
        };
        vec![
            words::instant(entry.at),
            text,
            say(&format!("{} {}", entry.source.word(), entry.source_name)),
            confidence(entry.confidence).to_owned(),
            say(entry.author.as_deref().unwrap_or_default()),
        ]
    });
    let table = rows(&["When", "What", "Source", "Known", "Who"], entries);
    format!("## Timeline\n\n{}\n\n{table}", hidden(review))
}

/// An address between `<` and `>`: nothing in it is an entity, and a dash before the `>` does not
/// end a comment that a marker began.
fn destination(link: &str) -> String {
    let address = link.replace('&', "&amp;");
    match address.strip_suffix('-') {
        Some(begin) => format!("{begin}%2D"),
        None => address,
    }
}

fn pipeline(review: &Review) -> String {
    let say = escape::markdown;
    let questions = &review.pipeline;
    let mut text = String::from("## The pipeline\n\n");
    text.push_str(&answer(question::WARNINGS, &questions.warnings));
    text.push_str(&answer(question::CANARY, &questions.canary.answer));
    if !questions.canary.data.is_empty() {
        let data = questions
            .canary
            .data
            .iter()
            .map(|result| canary_row(result).map(|cell| say(&cell)).to_vec());
        text.push_str(&rows(&CANARY_HEADS, data));
        text.push('\n');
    }
    text.push_str(&answer(question::AUTOMATIC, &questions.automatic.answer));
    if !questions.automatic.data.is_empty() {
        let data = questions
            .automatic
            .data
            .iter()
            .map(|one| estimate_row(one).map(|cell| say(&cell)).to_vec());
        text.push_str(&rows(&ESTIMATE_HEADS, data));
        let assumptions = assumptions(review);
        if !assumptions.is_empty() {
            let _ = write!(
                text,
                "\nTaken for granted: {}.\n",
                say(&assumptions.join("; "))
            );
        }
        text.push('\n');
    }
    text.push_str(&answer(question::GATES, &questions.gates.answer));
    if !questions.gates.data.is_empty() {
        let data = questions.gates.data.iter().enumerate();
        let data = data.map(|(rank, gate)| gate_row(rank, gate).map(|cell| say(&cell)).to_vec());
        text.push_str(&rows(&GATE_HEADS, data));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn answer(question: &str, answer: &Answer) -> String {
    let say = escape::markdown;
    let mut text = format!(
        "### {question}\n\n**{}.** {}\n\n",
        capital(answer.state.word()),
        say(&answer.text)
    );
    for evidence in &answer.evidence {
        let _ = writeln!(
            text,
            "- {}",
            say(&format!("{}{}", evidence.what, named(&evidence.events)))
        );
    }
    if !answer.evidence.is_empty() {
        text.push('\n');
    }
    text
}
