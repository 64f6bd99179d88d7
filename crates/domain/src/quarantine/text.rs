//! The text of a quarantine file: plain where that is safe, quoted where YAML could read another thing.

use std::fmt::Write as _;

use super::{Quarantine, SCHEMA, file_name};

pub(super) fn of(quarantine: &Quarantine) -> String {
    // Nothing in a name can end the comment: the file's own name has it escaped.
    let name = file_name(quarantine.service.as_str());
    let mut out = format!(
        "# Versions of {name} that must not be deployed; `ripcord guard` refuses changes that do.\n\
         # Kept by ripcord. To allow one again: ripcord quarantine lift SERVICE VERSION ENV --reason '…'\n\
         schema: {SCHEMA}\nservice: {}\n",
        scalar(quarantine.service.as_str())
    );
    if quarantine.entries.is_empty() {
        out.push_str("entries: []\n");
        return out;
    }
    out.push_str("entries:\n");
    for entry in &quarantine.entries {
        let _ = writeln!(
            out,
            "  - environment: {}",
            scalar(entry.environment.as_str())
        );
        field(&mut out, "subject", &entry.subject);
        field(&mut out, "version", &entry.version);
        if !entry.values.is_empty() {
            out.push_str("    values:\n");
            for value in &entry.values {
                let _ = writeln!(out, "      - role: {}", scalar(&value.role));
                let _ = writeln!(out, "        value: {}", scalar(&value.value));
            }
        }
        let _ = writeln!(out, "    since: {}", entry.since);
        let _ = writeln!(out, "    until: {}", entry.until);
        for (key, text) in [
            ("reason", &entry.reason),
            ("incident", &entry.incident),
            ("by", &entry.by),
        ] {
            if let Some(text) = text {
                field(&mut out, key, text);
            }
        }
    }
    out
}

fn field(out: &mut String, key: &str, text: &str) {
    let _ = writeln!(out, "    {key}: {}", scalar(text));
}

/// Words that YAML readers take for something else.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}
