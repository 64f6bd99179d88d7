//! Text of other systems made fit to be kept and shown: whoever can raise an alert writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use ripcord_domain::incident::event::EventId;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Characters of a title or a value.
const LONGEST: usize = 1024;
/// Bytes of an address.
const LONGEST_LINK: usize = 2048;
/// Labels of one alert that are kept.
const MOST_LABELS: usize = 64;

/// A text in one line: without control characters and without those that turn the direction of writing, which
/// make a title read otherwise than it is.
pub(crate) fn line(text: &str) -> String {
    let shown = text.chars().take(LONGEST).map(|c| match c {
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    });
    shown.collect::<String>().trim().to_owned()
}

/// A text of a body by its JSON pointer, in one line; none where it is empty or no text.
pub(crate) fn text(body: &Value, pointer: &str) -> Option<String> {
    let text = line(body.pointer(pointer)?.as_str()?);
    (!text.is_empty()).then_some(text)
}

/// An instant of a body by its JSON pointer, as RFC 3339. Go writes "none" as the year 1.
pub(crate) fn instant(body: &Value, pointer: &str) -> Option<Timestamp> {
    let at: Timestamp = body.pointer(pointer)?.as_str()?.parse().ok()?;
    (at > Timestamp::UNIX_EPOCH).then_some(at)
}

/// An address of a body by its JSON pointer, where it is of the web.
pub(crate) fn link(body: &Value, pointer: &str) -> Option<String> {
    address(body.pointer(pointer)?.as_str()?)
}

/// An address that a browser may be sent to: another scheme than the web's runs something.
pub(crate) fn address(link: &str) -> Option<String> {
    let is_web = link.starts_with("https://") || link.starts_with("http://");
    let is_plain = !link.chars().any(|c| c.is_control() || c.is_whitespace());
    (is_web && is_plain && link.len() <= LONGEST_LINK).then(|| link.to_owned())
}

/// The texts of an object, such as labels.
pub(crate) fn labels(body: &Value, pointer: &str) -> BTreeMap<String, String> {
    let Some(object) = body.pointer(pointer).and_then(Value::as_object) else {
        return BTreeMap::new();
    };
    let texts = object
        .iter()
        .filter_map(|(name, value)| Some((line(name), line(value.as_str()?))));
    texts.take(MOST_LABELS).collect()
}

/// The one text of a list; of several none says what the whole is.
pub(crate) fn only(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)?.as_array()?.as_slice() {
        [one] => text(one, ""),
        _ => None,
    }
}

/// The id of an event out of what its source calls it. The parts are kept apart whatever they hold, and what
/// would be too long for an index becomes its hash.
pub(crate) fn id(parts: &[&str]) -> EventId {
    let parts = parts.iter().map(|part| part_of_id(part));
    let whole = parts.collect::<Vec<_>>().join("/");
    if whole.len() <= EventId::MAX_BYTES {
        return EventId::new(whole);
    }
    let kind = whole.split('/').next().unwrap_or_default();
    let kind: String = kind.chars().take(32).collect();
    EventId::new(format!("{kind}/sha256:{}", hash(whole.as_bytes())))
}

/// The SHA-256 of bytes, in hex: what tells two apart that have no name.
pub fn hash(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    sum.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn part_of_id(part: &str) -> String {
    let mut written = String::new();
    for c in part.chars() {
        if c == '/' || c == '%' || c.is_control() || c.is_whitespace() {
            let _ = write!(written, "%{:02X}", u32::from(c));
        } else {
            written.push(c);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_short_and_shows_what_it_is() {
        assert_eq!(line("  a\n\u{1b}[31mb\u{202e}c\0 "), "a  [31mb c");
        assert_eq!(line(&"é".repeat(5000)).chars().count(), 1024);
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        let link = |text: &str| link(&serde_json::json!({ "l": text }), "/l");
        assert!(link("https://prom.example/graph?g0.expr=up").is_some());
        assert!(link("http://prom.example").is_some());
        for wrong in [
            "javascript:alert(1)",
            "HTTPS://x",
            "/graph",
            "data:text/html,x",
            "https://x y",
            "https://x\n",
            "",
        ] {
            assert_eq!(link(wrong), None, "{wrong}");
        }
        assert_eq!(link(&format!("https://x/{}", "y".repeat(3000))), None);
    }

    #[test]
    fn ids_of_different_parts_differ_and_fit_an_index() {
        assert_ne!(id(&["k", "a/b", "c"]), id(&["k", "a", "b/c"]));
        assert_ne!(id(&["k", "a%2Fb"]), id(&["k", "a/b"]));
        let long = "x".repeat(10_000);
        assert_ne!(id(&["k", &long, "1"]), id(&["k", &long, "2"]));
        assert!(id(&[&long, &long]).as_str().len() <= EventId::MAX_BYTES);
    }
}
