//! How people speak of each other in a review: names in causes, words that blame, the one root cause.
//!
//! A review asks what made it possible. Whoever is blamed once tells less the next time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action_item::{self, HumanLine};
use crate::markdown::INVITES;

/// A place that would better be written otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The line in the document, from 1.
    pub line: usize,
    /// The words, as they stand there.
    pub words: String,
    /// What to write instead.
    pub instead: String,
}

const NAME: &str = "leave out who; write what the person saw, and what let it through";
const FACTORS: &str = "write contributing factors, in the plural: one cause hides the others";
const COUNTERFACTUAL: &str =
    "write what happened and why it made sense then, not what did not happen";
const CONDITIONS: &str = "write what made the slip easy, and what did not catch it";

/// Words and what to write instead.
const PHRASES: [(&str, &str); 28] = [
    ("human error", CONDITIONS),
    ("operator error", CONDITIONS),
    ("user error", CONDITIONS),
    ("should have", COUNTERFACTUAL),
    ("should've", COUNTERFACTUAL),
    ("could have easily", COUNTERFACTUAL),
    ("ought to have", COUNTERFACTUAL),
    ("careless", CONDITIONS),
    ("carelessly", CONDITIONS),
    ("carelessness", CONDITIONS),
    ("negligent", CONDITIONS),
    ("negligence", CONDITIONS),
    ("sloppy", CONDITIONS),
    ("lazy", CONDITIONS),
    ("stupid", CONDITIONS),
    ("incompetent", CONDITIONS),
    ("incompetence", CONDITIONS),
    ("forgot", CONDITIONS),
    ("forgot to", CONDITIONS),
    ("neglected to", CONDITIONS),
    ("fault of", CONDITIONS),
    ("to blame", CONDITIONS),
    ("blames", CONDITIONS),
    ("blamed", CONDITIONS),
    ("root cause", FACTORS),
    ("root causes", FACTORS),
    ("single cause", FACTORS),
    ("the cause was", FACTORS),
];

/// Who may fail in a way that blames. A pod that failed to start is a fact.
const PERSONS: [&str; 14] = [
    "he",
    "she",
    "they",
    "we",
    "i",
    "you",
    "somebody",
    "someone",
    "engineer",
    "developer",
    "operator",
    "reviewer",
    "team",
    "on-call",
];

/// What stands in a document's human parts that blames. `people` are names and handles; an action item's owner and
/// thanks under “What went well” are not looked at for names. Nothing generated is looked at.
pub fn lint(markdown: &str, people: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    for line in action_item::human_lines(markdown) {
        if !line.text.starts_with(INVITES) {
            found.extend(judge(&line, people));
        }
    }
    found
}

fn judge(line: &HumanLine<'_>, people: &[&str]) -> Vec<Finding> {
    let words = words(line.text);
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    for (phrase, instead) in PHRASES {
        found.extend(places(&words, phrase).map(|(from, to)| (from, to, instead)));
    }
    for (from, to) in places(&words, "failed to").chain(places(&words, "fails to")) {
        let subject = words.iter().rev().find(|word| word.at < from);
        let is_person = subject.is_some_and(|word| {
            PERSONS.contains(&word.lower.as_str())
                || word.lower.starts_with('@')
                || people
                    .iter()
                    .any(|name| places(std::slice::from_ref(word), name).next().is_some())
        });
        if is_person {
            found.push((from, to, CONDITIONS));
        }
    }
    let thanks = line.section.eq_ignore_ascii_case("what went well");
    if !thanks {
        let is_item = action_item::is_item(line.text);
        for name in people {
            let bare = name.trim_start_matches('@');
            let named = places(&words, bare).chain(places(&words, &format!("@{bare}")));
            found.extend(named.map(|(from, to)| (from, to, NAME)));
        }
        let handles = words
            .iter()
            .filter(|word| word.lower.len() > 1 && word.lower.starts_with('@'));
        found.extend(handles.map(|word| (word.at, word.end(), NAME)));
        // An item's owner is asked for.
        found.retain(|(from, ..)| !(is_item && line.text[*from..].starts_with('@')));
    }
    found.sort_by_key(|(from, to, _)| (*from, std::cmp::Reverse(*to)));
    // The longest of what begins at the same place says it all.
    let mut over = 0;
    found.retain(|(from, to, _)| {
        let new = *from >= over;
        if new {
            over = *to;
        }
        new
    });
    found
        .into_iter()
        .map(|(from, to, instead)| Finding {
            line: line.number,
            words: line.text[from..to].to_owned(),
            instead: instead.to_owned(),
        })
        .collect()
}

/// A word with its place in the line, in bytes.
struct Word<'a> {
    at: usize,
    text: &'a str,
    lower: String,
}

impl Word<'_> {
    fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

fn words(line: &str) -> Vec<Word<'_>> {
    let is_part =
        |sign: char| sign.is_alphanumeric() || matches!(sign, '@' | '-' | '_' | '\'' | '’' | '.');
    let mut found = Vec::new();
    let mut from = 0;
    for piece in line.split_inclusive(|sign: char| !is_part(sign)) {
        let word = piece.trim_matches(|sign: char| {
            !is_part(sign) || matches!(sign, '.' | '-' | '_' | '\'' | '’')
        });
        if !word.is_empty() {
            let at = from + piece.find(word).unwrap_or_default();
            let lower = word.to_lowercase().replace('’', "'");
            found.push(Word {
                at,
                text: word,
                lower,
            });
        }
        from += piece.len();
    }
    found
}

/// Where a phrase stands, word by word, whatever the case. “Anna's” is “Anna”.
fn places<'a>(words: &'a [Word<'_>], phrase: &str) -> impl Iterator<Item = (usize, usize)> + 'a {
    let wanted: Vec<String> = phrase
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let length = wanted.len().max(1);
    words.windows(length).filter_map(move |window| {
        let same = |(word, wanted): (&Word<'_>, &String)| {
            word.lower == *wanted || word.lower.strip_suffix("'s") == Some(wanted.as_str())
        };
        let fits = !wanted.is_empty() && window.iter().zip(&wanted).all(same);
        let (first, last) = (window.first()?, window.last()?);
        fits.then(|| (first.at, last.end()))
    })
}
