//! Finds the bytes for an insertion or a removal, from how the lines around are laid out.

use crate::yaml::{Node, NodeKind};
use std::ops::Range;

/// Whether a carriage return stands alone. YAML takes it for a line end; nothing here does.
pub(super) fn has_lone_return(text: &str) -> bool {
    memchr::memchr_iter(b'\r', text.as_bytes()).any(|at| {
        text.as_bytes()
            .get(at + 1)
            .is_some_and(|next| *next != b'\n')
    })
}

/// Where a value goes behind `key:`, whose key ends at `key_end`.
pub(super) fn behind_colon(text: &str, key_end: usize) -> Option<usize> {
    let rest = text.get(key_end..)?;
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[blanks..]
        .starts_with(':')
        .then_some(key_end + blanks + 1)
}

/// Place and text of a new entry behind the `after`th of a map.
pub(super) fn insertion(
    text: &str,
    map: &Node<'_>,
    after: usize,
    key: &str,
    value: &str,
) -> Option<(usize, String)> {
    let (sibling, sibling_value) = map.entries().get(after)?;
    if matches!(map.kind, NodeKind::Map { flow: true, .. }) {
        if sibling_value.is_absent() {
            return None;
        }
        let quoted = text.get(sibling.span.clone())?.starts_with('"');
        let key = if quoted {
            format!("\"{key}\"")
        } else {
            key.to_owned()
        };
        // Entries on lines of their own stay so; the indentation is copied, JSON may use tabs.
        let indent = text.get(line_start(text, sibling.span.start)..sibling.span.start)?;
        let own_line = indent.trim().is_empty() && sibling.span.start > indent.len();
        let line_end = line_end_at(text, sibling.span.start);
        let gap = if own_line {
            format!("{line_end}{indent}")
        } else {
            " ".to_owned()
        };
        return Some((sibling_value.span.end, format!(",{gap}{key}: {value}")));
    }
    if !is_simple_entry(text, sibling) {
        return None;
    }
    let end = end_of_entry(text, sibling, sibling_value);
    let column = column(text, sibling.span.start)?;
    let line = format!(
        "{}{column}{key}: {value}",
        line_end_at(text, sibling.span.start)
    );
    Some((end_of_line(text, end), line))
}

/// Place and text of a new last item of a block sequence of maps, given the lines of the item.
pub(super) fn append(text: &str, items: &Node<'_>, lines: &[String]) -> Option<(usize, String)> {
    if matches!(items.kind, NodeKind::Seq { flow: true, .. }) {
        return None;
    }
    let last = items.items().last()?;
    let (first_key, _) = last.entries().first()?;
    let start = line_start(text, first_key.span.start);
    let dash = text.get(start..first_key.span.start)?;
    // `  - `: anything else, such as an anchor or a nested list, is not copied.
    let blanks = dash
        .strip_suffix(' ')?
        .trim_end_matches(' ')
        .strip_suffix('-')?;
    if !blanks.bytes().all(|b| b == b' ') || matches!(last.kind, NodeKind::Map { flow: true, .. }) {
        return None;
    }
    let (key, value) = last.entries().last()?;
    let at = end_of_line(text, end_of_entry(text, key, value));
    let line_end = line_end_at(text, first_key.span.start);
    let indent = " ".repeat(dash.len());
    let mut added = String::new();
    for (index, line) in lines.iter().enumerate() {
        added.push_str(line_end);
        added.push_str(if index == 0 { dash } else { &indent });
        added.push_str(line);
    }
    Some((at, added))
}

/// The bytes of an entry of a map with what belongs to it alone: its line, or its comma.
/// `gone` tells which entries of the map are removed, this one among them.
pub(super) fn removal(
    text: &str,
    map: &Node<'_>,
    entry: usize,
    gone: impl Fn(usize) -> bool,
) -> Option<Range<usize>> {
    let entries = map.entries();
    let (key, value) = entries.get(entry)?;
    if (0..entries.len()).all(&gone) {
        return None;
    }
    let next = entries.get(entry + 1).map(|(key, _)| key.span.start);
    if matches!(map.kind, NodeKind::Map { flow: true, .. }) {
        // The comma before the entry goes with it; at the start of the map, the one behind.
        return match entry.checked_sub(1).and_then(|before| entries.get(before)) {
            Some((_, before)) if !(0..entry).all(&gone) => Some(before.span.end..value.span.end),
            _ => next.map(|next| key.span.start..next),
        };
    }
    if !is_simple_entry(text, key) {
        return None;
    }
    let end = end_of_line(text, end_of_entry(text, key, value));
    let start = line_start(text, key.span.start);
    if text.get(start..key.span.start)?.bytes().all(|b| b == b' ') {
        if let Some(length) = line_end_length(&text[end..]) {
            return Some(start..end + length);
        }
        // The last line of a file without a final newline takes the newline before it along.
        let before = text[..start]
            .strip_suffix('\n')
            .map(|t| t.strip_suffix('\r').unwrap_or(t));
        return before.map(|before| before.len()..end);
    }
    // Behind a dash: the next entry moves up, when nothing but blanks stands between.
    let next = next.filter(|_| !gone(entry + 1))?;
    text.get(end..next)?
        .trim()
        .is_empty()
        .then_some(key.span.start..next)
}

/// Whether an entry is `key: …` at the start of its line or behind dashes: no `? key`, no anchor or
/// tag before the key.
fn is_simple_entry(text: &str, key: &Node<'_>) -> bool {
    let before = text
        .get(line_start(text, key.span.start)..key.span.start)
        .unwrap_or("?");
    before
        .trim_start_matches('\u{feff}')
        .bytes()
        .all(|b| matches!(b, b' ' | b'-'))
        && behind_colon(text, key.span.end).is_some()
}

/// Where the last byte of an entry ends, without the blank lines a block scalar may include.
fn end_of_entry(text: &str, key: &Node<'_>, value: &Node<'_>) -> usize {
    let end = value.content_end().max(key.span.end);
    text[..end]
        .trim_end_matches(['\n', '\r', ' '])
        .len()
        .max(key.span.end)
}

/// The blanks that put something in the column of `at`.
fn column(text: &str, at: usize) -> Option<String> {
    let before = text.get(line_start(text, at)..at)?;
    let before = before.trim_start_matches('\u{feff}');
    Some(" ".repeat(before.chars().count()))
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line of `at` ends, before its line end.
fn end_of_line(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let line = rest.find('\n').map_or(rest, |newline| &rest[..newline]);
    at + line.strip_suffix('\r').unwrap_or(line).len()
}

/// The line end that the line of `at` uses, or the file when that line is the last.
fn line_end_at(text: &str, at: usize) -> &'static str {
    let newline = text[at..]
        .find('\n')
        .map(|found| at + found)
        .or_else(|| text.find('\n'));
    match newline {
        Some(newline) if text[..newline].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn line_end_length(rest: &str) -> Option<usize> {
    match rest.as_bytes() {
        [b'\r', b'\n', ..] => Some(2),
        [b'\n', ..] => Some(1),
        _ => None,
    }
}
