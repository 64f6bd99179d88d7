//! The generated parts of a review's Markdown, and what people wrote around, between and in them.
//!
//! A generated part stands between two comments of which the first has a hash of it. What stands outside belongs to
//! people and is never touched. A part whose hash is another was changed by hand: it is kept beside the new one.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

const BEGIN: &str = "<!-- ripcord:begin ";
const END: &str = "<!-- ripcord:end ";
const CLOSE: &str = " -->";

/// A piece of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// What people wrote, byte for byte.
    Human(&'a str),
    /// A generated part.
    Generated {
        /// Which.
        name: &'a str,
        /// What stands in it.
        body: &'a str,
        /// It is as it was generated.
        untouched: bool,
    },
}

/// A part of the document as it is generated.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// For people to write on; only put down where the document has no generated part yet.
    Invitation(String),
    /// Made anew each time.
    Generated {
        /// Which: lower-case letters.
        name: &'static str,
        /// Its text, which ends with a line's end and has no marker in it.
        body: String,
    },
}

/// The pieces of a document, in order; put together they are the document.
///
/// A beginning whose next marker is not its end is no part: it and all that follows it is people's.
pub fn pieces(document: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut human_from = 0;
    let mut open: Option<(&str, &str, usize, usize)> = None;
    let mut at = 0;
    for line in document.split_inclusive('\n') {
        let next = at + line.len();
        if let Some((name, hash)) = begins(line) {
            open = Some((name, hash, at, next));
        } else if let Some(name) = ends(line)
            && let Some((begun, hash, outside, inside)) = open.take()
            && begun == name
        {
            if human_from < outside {
                found.push(Piece::Human(&document[human_from..outside]));
            }
            let body = &document[inside..at];
            let untouched = digest(body) == hash;
            found.push(Piece::Generated {
                name,
                body,
                untouched,
            });
            human_from = next;
        }
        at = next;
    }
    if human_from < document.len() {
        found.push(Piece::Human(&document[human_from..]));
    }
    found
}

fn begins(line: &str) -> Option<(&str, &str)> {
    let inner = line.trim_end().strip_prefix(BEGIN)?.strip_suffix(CLOSE)?;
    let (name, hash) = inner.split_once(" sha256=")?;
    is_name(name).then_some((name, hash))
}

fn ends(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_prefix(END)?.strip_suffix(CLOSE)?;
    is_name(name).then_some(name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The hash of a part, the same whichever way its lines end: Git and editors change that by themselves.
fn digest(body: &str) -> String {
    let hash = Sha256::digest(body.replace("\r\n", "\n").as_bytes());
    let mut hex = String::new();
    for byte in hash.iter().take(16) {
        // Writing to a text does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The document anew: parts that are there are made again where they stand, those that are not are put behind the
/// part that they follow. Lines end as the first line of `previous` does.
pub(crate) fn merge(parts: &[Part], previous: Option<&str>) -> String {
    let previous = previous
        .filter(|text| !text.trim().is_empty())
        .unwrap_or_default();
    let crlf = ends_in_crlf(previous);
    let known = pieces(previous);
    let first = !known
        .iter()
        .any(|piece| matches!(piece, Piece::Generated { .. }));
    let mut blocks: Vec<(Option<&str>, String)> = Vec::new();
    for piece in &known {
        match piece {
            Piece::Human(text) => blocks.push((None, (*text).to_owned())),
            Piece::Generated {
                name,
                body,
                untouched,
            } => {
                let fresh = parts.iter().find_map(|part| match part {
                    Part::Generated { name: of, body } if of == name => Some(body.as_str()),
                    _ => None,
                });
                // A part that is not made any more stays as it is: it may be of a later version.
                let Some(fresh) = fresh else {
                    blocks.push((Some(name), framed(name, body, crlf)));
                    continue;
                };
                blocks.push((Some(name), framed(name, fresh, crlf)));
                if !untouched && body.replace("\r\n", "\n") != fresh {
                    blocks.push((None, kept(name, body, crlf)));
                }
            }
        }
    }
    if first {
        if !previous.is_empty() {
            blocks.push((None, lines("\n", crlf)));
        }
        for part in parts {
            blocks.push(match part {
                Part::Invitation(text) => (None, lines(text, crlf)),
                Part::Generated { name, body } => (Some(*name), framed(name, body, crlf)),
            });
        }
    } else {
        add_missing(parts, &mut blocks, crlf);
    }
    join(blocks, crlf)
}

fn add_missing<'a>(parts: &'a [Part], blocks: &mut Vec<(Option<&'a str>, String)>, crlf: bool) {
    let mut after = None;
    for part in parts {
        let Part::Generated { name, body } = part else {
            continue;
        };
        if !blocks.iter().any(|(known, _)| *known == Some(*name)) {
            let place = blocks
                .iter()
                .rposition(|(known, _)| known.is_some() && *known == after);
            let block = (Some(*name), framed(name, body, crlf));
            blocks.insert(place.map_or(0, |place| place + 1), block);
        }
        after = Some(*name);
    }
}

fn framed(name: &str, body: &str, crlf: bool) -> String {
    let text = format!(
        "{BEGIN}{name} sha256={}{CLOSE}\n{body}{END}{name}{CLOSE}\n",
        digest(body)
    );
    lines(&text, crlf)
}

/// The part as somebody changed it, under words that say so.
fn kept(name: &str, body: &str, crlf: bool) -> String {
    let label = format!(
        "\n> **Kept from the part “{name}”.** Somebody changed it by hand; above it was made anew. Move what is wanted \
         and delete the rest.\n\n"
    );
    format!("{}{body}", lines(&label, crlf))
}

fn lines(text: &str, crlf: bool) -> String {
    let text = text.replace("\r\n", "\n");
    if crlf {
        text.replace('\n', "\r\n")
    } else {
        text
    }
}

fn ends_in_crlf(text: &str) -> bool {
    text.split_inclusive('\n')
        .next()
        .is_some_and(|first| first.ends_with("\r\n"))
}

/// A marker must stand alone in its line, so what people wrote last gets an end where it has none.
fn join(blocks: Vec<(Option<&str>, String)>, crlf: bool) -> String {
    let mut document = String::new();
    for (_, text) in blocks {
        if !document.is_empty() && !document.ends_with('\n') {
            document.push_str(if crlf { "\r\n" } else { "\n" });
        }
        document.push_str(&text);
    }
    document
}
