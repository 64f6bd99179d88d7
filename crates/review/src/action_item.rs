//! What is to be done after an incident, as people write it down: one line of a task list each.
//!
//! `- [ ] prevent: add a canary to payments @team-payments due 2026-12-11 https://forge.example/issues/7`, under the
//! heading “Action items”. The type and the text are in this order, the rest in any.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::escape;
use crate::regions::{self, Piece};

/// What an item is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// Find out more.
    Investigate,
    /// Make the harm smaller next time.
    Mitigate,
    /// Put right what is broken.
    Repair,
    /// See it sooner next time.
    Detect,
    /// Keep it from happening again.
    Prevent,
}

impl Type {
    fn read(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "investigate" => Self::Investigate,
            "mitigate" => Self::Mitigate,
            "repair" => Self::Repair,
            "detect" => Self::Detect,
            "prevent" => Self::Prevent,
            _ => return None,
        })
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionItem {
    /// The line in the document, from 1.
    pub line: usize,
    /// What it is for.
    pub kind: Type,
    /// What is to be done.
    pub text: String,
    /// Who sees to it, without `@`.
    pub owner: String,
    /// By when.
    pub due: Option<Date>,
    /// Where it is followed.
    pub link: Option<String>,
    /// It is done.
    pub done: bool,
}

/// A line that is no item, or what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The line in the document, from 1; none: it is about all of them.
    pub line: Option<usize>,
    /// What is wrong, and what to write.
    pub what: String,
}

/// The items of a review.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionItems {
    /// Those that could be read.
    pub items: Vec<ActionItem>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// An item could not be given its link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The line is another one by now.
    #[error("line {0} does not hold the action item any more; read the items again")]
    Moved(usize),
    /// It has one.
    #[error("the action item in line {line} is followed at {link} already")]
    Linked {
        /// The line.
        line: usize,
        /// Its link.
        link: String,
    },
    /// Not an address of the web.
    #[error("{0:?} is not an address that begins with https:// or http://")]
    Address(String),
}

/// Reads the action items of a review.
pub fn items(markdown: &str) -> ActionItems {
    let mut found = ActionItems::default();
    for (number, line) in item_lines(markdown) {
        match read(number, line) {
            Some(Ok(item)) => found.items.push(item),
            Some(Err(what)) => found.findings.push(Finding {
                line: Some(number),
                what,
            }),
            None => {}
        }
    }
    let learns = |item: &ActionItem| matches!(item.kind, Type::Prevent | Type::Detect);
    if !found.items.iter().any(learns) {
        let what = "no action item prevents or detects it next time; write at least one".to_owned();
        found.findings.push(Finding { line: None, what });
    }
    found
}

/// The items that are not done.
pub fn open_items(markdown: &str) -> Vec<ActionItem> {
    let mut found = items(markdown).items;
    found.retain(|item| !item.done);
    found
}

/// The document with the item's link at the end of its line, and nothing else changed.
pub fn with_link(markdown: &str, item: &ActionItem, link: &str) -> Result<String, LinkError> {
    let safe = escape::link(link).ok_or_else(|| LinkError::Address(link.to_owned()))?;
    let now = items(markdown)
        .items
        .into_iter()
        .find(|known| known.line == item.line);
    let now =
        now.filter(|now| (&now.text, now.kind, &now.owner) == (&item.text, item.kind, &item.owner));
    let now = now.ok_or(LinkError::Moved(item.line))?;
    match now.link {
        Some(known) if known == safe => return Ok(markdown.to_owned()),
        Some(link) => {
            return Err(LinkError::Linked {
                line: item.line,
                link,
            });
        }
        None => {}
    }
    let mut linked = String::new();
    for (index, line) in markdown.split_inclusive('\n').enumerate() {
        if index + 1 == item.line {
            let text = line.trim_end();
            linked.extend([text, " ", &safe, &line[text.len()..]]);
        } else {
            linked.push_str(line);
        }
    }
    Ok(linked)
}

/// The lines under the heading, with their numbers in the document. Generated parts and code are passed over.
fn item_lines(markdown: &str) -> Vec<(usize, &str)> {
    human_lines(markdown)
        .into_iter()
        .filter(|line| line.section.eq_ignore_ascii_case("action items"))
        .map(|line| (line.number, line.text))
        .collect()
}

/// Whether a line is an item, for who must not take its owner for a name in a cause.
pub(crate) fn is_item(line: &str) -> bool {
    task(line).is_some()
}

/// A line that people wrote.
pub(crate) struct HumanLine<'a> {
    pub(crate) number: usize,
    pub(crate) text: &'a str,
    /// The text of the last heading before it.
    pub(crate) section: &'a str,
}

/// Every line that people wrote, without headings and code.
pub(crate) fn human_lines(markdown: &str) -> Vec<HumanLine<'_>> {
    let (mut found, mut number, mut section) = (Vec::new(), 0, "");
    // The whole document is read for fences, so that one that is not closed does not reach over a generated part.
    for piece in regions::pieces(markdown) {
        match piece {
            Piece::Generated { body, .. } => {
                number += body.lines().count() + 2;
                section = "";
            }
            Piece::Human(text) => {
                let mut fence: Option<&str> = None;
                for line in text.lines() {
                    number += 1;
                    let start = line.trim_start();
                    if let Some(open) = fence {
                        if start.starts_with(open) {
                            fence = None;
                        }
                        continue;
                    }
                    fence = ["```", "~~~"]
                        .into_iter()
                        .find(|mark| start.starts_with(mark));
                    if fence.is_some() {
                        continue;
                    }
                    let title = line.trim_start_matches('#');
                    if line.starts_with('#') && title.starts_with(' ') {
                        section = title.trim().trim_end_matches('#').trim_end();
                        continue;
                    }
                    found.push(HumanLine {
                        number,
                        text: line,
                        section,
                    });
                }
            }
        }
    }
    found
}

/// Whether a task is done, and what stands behind its box.
fn task(line: &str) -> Option<(bool, &str)> {
    let line = line.trim_start();
    let rest = ["- [", "* [", "+ ["]
        .into_iter()
        .find_map(|mark| line.strip_prefix(mark))?;
    let (mark, rest) = rest.split_once(']')?;
    match mark {
        " " => Some((false, rest)),
        "x" | "X" => Some((true, rest)),
        _ => None,
    }
}

/// The item of a line; none where it is no task.
fn read(line: usize, text: &str) -> Option<Result<ActionItem, String>> {
    let (done, rest) = task(text)?;
    Some(parts(line, done, rest))
}

fn parts(line: usize, done: bool, rest: &str) -> Result<ActionItem, String> {
    const TYPES: &str = "investigate, mitigate, repair, detect or prevent";
    let Some((kind, rest)) = rest.split_once(':') else {
        return Err(format!("begin with what it is for and a colon: {TYPES}"));
    };
    let kind = Type::read(kind.trim())
        .ok_or_else(|| format!("“{}” is not a type; write {TYPES}", escape::line(kind)))?;
    let (mut owner, mut due, mut link, mut text) = (None, None, None, Vec::new());
    let mut words = rest.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if let Some(name) = word.strip_prefix('@').filter(|name| !name.is_empty()) {
            if owner
                .replace(name.trim_end_matches([',', '.', ';']))
                .is_some()
            {
                return Err("it has two owners; one sees to it".to_owned());
            }
        } else if word.eq_ignore_ascii_case("due")
            && words.peek().is_some_and(|next| is_dated(next))
        {
            let date = words
                .next()
                .unwrap_or_default()
                .trim_end_matches([',', '.', ';']);
            let date: Date = date.parse().map_err(|_| {
                format!("“{}” is no date; write due 2026-12-11", escape::line(date))
            })?;
            if due.replace(date).is_some() {
                return Err("it is due at two dates".to_owned());
            }
        } else if let Some(address) = escape::link(word.trim_matches(['<', '>'])) {
            if link.replace(address).is_some() {
                return Err("it has two links; it is followed in one place".to_owned());
            }
        } else {
            text.push(word);
        }
    }
    if text.is_empty() {
        return Err("it does not say what is to be done".to_owned());
    }
    let owner = owner.ok_or("it has no owner; write @ and who sees to it")?;
    Ok(ActionItem {
        line,
        kind,
        text: text.join(" "),
        owner: owner.to_owned(),
        due,
        link,
        done,
    })
}

/// `due` before something with a digit is meant as a date; “due to the migration” is not.
fn is_dated(word: &str) -> bool {
    word.starts_with(|sign: char| sign.is_ascii_digit())
}
