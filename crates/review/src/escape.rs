//! Text from outside, made harmless for where it is shown.
//!
//! Titles, labels and subjects of commits are written by anybody. [`line`] takes away what a terminal, a viewer or
//! a reader would be misled by; [`markdown`] and [`link`] write it where Markdown is read. HTML and SVG are escaped
//! where they are made, by their templates.

use std::fmt::Write as _;

/// The longest text of one label, in characters: a title of a megabyte must not be a review of one.
const LONGEST: usize = 2000;

/// One line without control characters and without signs that are not seen or turn the order of others.
pub fn line(text: &str) -> String {
    let mut clean = String::new();
    for (count, sign) in text.trim().chars().enumerate() {
        if count == LONGEST {
            clean.push('…');
            break;
        }
        match sign {
            '\n' | '\r' | '\t' | '\u{0b}' | '\u{0c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                clean.push(' ');
            }
            sign if sign.is_control() || is_unseen(sign) => clean.push('\u{fffd}'),
            sign => clean.push(sign),
        }
    }
    clean
}

/// Marks of direction, of no width, tags, and what no encoding of XML may hold.
fn is_unseen(sign: char) -> bool {
    matches!(u32::from(sign),
        0x00ad | 0x061c | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff
        | 0xfff9..=0xfffb | 0xfdd0..=0xfdef | 0xfffe..=0xffff | 0xe_0000..=0xe_0fff)
}

/// Text for a line or a cell of Markdown, whichever program reads it. Must not stand first in a line.
pub(crate) fn markdown(text: &str) -> String {
    let mut escaped = String::new();
    for sign in line(text).chars() {
        match sign {
            // Entities and not backslashes: they are safe where somebody takes the Markdown for HTML, too.
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A forge would tell whoever is called so.
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' | '!' | '=' => {
                escaped.push('\\');
                escaped.push(sign);
            }
            sign => escaped.push(sign),
        }
    }
    // Some readers make a link of a bare address, and know more schemes than they should.
    escaped
        .replace("://", "&#58;//")
        .replace("www.", "www&#46;")
}

/// An address of the web as it may stand in a link; none for any other scheme.
pub fn link(address: &str) -> Option<String> {
    let address = address.trim();
    let lower = address.to_ascii_lowercase();
    let host = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"))?;
    if !host.starts_with(|sign: char| sign.is_alphanumeric() || sign == '[') {
        return None;
    }
    let mut safe = String::new();
    for byte in address.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b':'
            | b'/'
            | b'?'
            | b'#'
            | b'@'
            | b'!'
            | b'$'
            | b'&'
            | b'+'
            | b','
            | b';'
            | b'='
            | b'%' => safe.push(char::from(byte)),
            other => {
                // Writing to a text does not fail.
                let _ = write!(safe, "%{other:02X}");
            }
        }
    }
    Some(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_shown_as_a_replacement() {
        assert_eq!(
            line("a\u{1b}[31mb\u{202e}c\u{200b}d"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d"
        );
        assert_eq!(line("one\r\ntwo\u{2028}three"), "one  two three");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(line(&"ä".repeat(5000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        for bad in [
            "javascript:alert(1)",
            " data:text/html,x",
            "//evil",
            "https://",
            "https:///x",
            "ftp://a",
        ] {
            assert_eq!(link(bad), None, "{bad}");
        }
        assert_eq!(
            link("HTTPS://a.example/?q=(x)|`<\"' \u{202e}").as_deref(),
            Some("HTTPS://a.example/?q=%28x%29%7C%60%3C%22%27%20%E2%80%AE")
        );
    }
}
