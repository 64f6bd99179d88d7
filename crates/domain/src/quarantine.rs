//! Versions that must not be deployed again: what a rollback leaves behind and `guard` refuses.
//!
//! There is one file for each service, in the infra repo itself, so that it is reviewed, kept and
//! taken back like everything else, and so that rollbacks of different services never meet in it.
//! The files are YAML with an ending of their own: controllers that read every manifest of a folder
//! pass them over.

mod text;

use std::fmt::Write as _;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::Value;
use crate::names::{Environment, Service};
use crate::problem::{Kind, Problem};

/// The folder of the files, from the root of the infra repo.
pub const FOLDER: &str = ".ripcord/quarantine";
/// The ending of the files' names.
pub const ENDING: &str = ".quarantine";
/// The code of the problem of a file that cannot be understood.
pub const UNREADABLE: &str = "quarantine_unreadable";
/// The number of the files' form.
const SCHEMA: u32 = 1;
/// Bytes above which a file was not written by people or by ripcord.
const MOST: usize = 4 << 20;
/// Bytes of a service's name that a file name takes as they are; file systems end at 255.
const LONGEST: usize = 180;

/// Whether a path is ripcord's own: it declares nothing and belongs to no service.
pub fn is_ours(path: &str) -> bool {
    path.strip_prefix(".ripcord")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The file of a service. Whatever the name holds, the path stays in [`FOLDER`].
pub fn path_of(service: &Service) -> String {
    format!("{FOLDER}/{}{ENDING}", file_name(service.as_str()))
}

/// The name with everything escaped that is not the same on every file system.
pub(crate) fn file_name(service: &str) -> String {
    let mut name = String::new();
    for (at, byte) in service.bytes().enumerate() {
        let is_plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && at > 0);
        if is_plain {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > LONGEST {
        // Escapes and letters are all ASCII: any place is good to cut at.
        name.truncate(LONGEST);
        let _ = write!(name, "~{:016x}", fingerprint(service));
    }
    name
}

/// FNV-1a: tells long names apart, and stays the same from release to release.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The quarantined versions of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// The service.
    pub service: Service,
    /// In the order in which they were put there.
    pub entries: Vec<Entry>,
}

/// One quarantined version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where it must not be deployed.
    pub environment: Environment,
    /// What the version is of: an image, a chart; empty is everything that the service runs there.
    #[serde(default)]
    pub subject: String,
    /// As people name it.
    pub version: String,
    /// All that was declared: the tag, the digest.
    #[serde(default)]
    pub values: Vec<Value>,
    /// When it was put here.
    pub since: Timestamp,
    /// From then on it may be deployed again.
    pub until: Timestamp,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// The incident.
    #[serde(default)]
    pub incident: Option<String>,
    /// Who put it here.
    #[serde(default)]
    pub by: Option<String>,
}

/// What the file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: u32,
    service: Service,
    entries: Vec<Entry>,
}

impl Quarantine {
    /// A service without quarantined versions.
    pub fn of(service: Service) -> Self {
        Self {
            service,
            entries: Vec::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong, and in which line. Nothing of such a file counts: what it was to say is unknown.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() > MOST {
            return Err(unreadable(path, "it is larger than 4 MiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let read = &bytes[..error.valid_up_to()];
            let line = read.split(|byte| *byte == b'\n').count();
            unreadable(path, &format!("line {line} is not UTF-8"))
        })?;
        let written: Written = serde_saphyr::from_str(text)
            .map_err(|error| unreadable(path, error.to_string().trim()))?;
        if written.schema != SCHEMA {
            let newer = format!(
                "its schema is {}, this ripcord knows {SCHEMA}",
                written.schema
            );
            return Err(unreadable(path, &newer));
        }
        if path_of(&written.service) != path {
            let other = format!(
                "it names the service `{}`, whose file is {}",
                written.service,
                path_of(&written.service)
            );
            return Err(unreadable(path, &other));
        }
        for (at, entry) in written.entries.iter().enumerate() {
            if entry.version.is_empty() || entry.environment.as_str().is_empty() {
                let which = format!("entry {} names no version or no environment", at + 1);
                return Err(unreadable(path, &which));
            }
        }
        Ok(Self {
            service: written.service,
            entries: written.entries,
        })
    }

    /// The text of the file; the same entries always give the same bytes.
    pub fn text(&self) -> String {
        text::of(self)
    }

    /// Puts a version in, or extends its time where it is there already. What ran out is dropped.
    pub fn add(&mut self, new: Entry, now: Timestamp) {
        self.entries
            .retain(|old| old.same_version(&new) || !old.is_over(now));
        match self.entries.iter_mut().find(|old| old.same_version(&new)) {
            None => self.entries.push(new),
            Some(old) => {
                let since = if old.is_over(now) {
                    new.since
                } else {
                    old.since.min(new.since)
                };
                *old = Entry {
                    since,
                    until: old.until.max(new.until),
                    reason: new.reason.or(old.reason.take()),
                    incident: new.incident.or(old.incident.take()),
                    by: new.by.or(old.by.take()),
                    ..new
                };
            }
        }
    }

    /// The entry that keeps a version out of an environment at a moment.
    pub fn keeping_out(
        &self,
        environment: &Environment,
        subject: &str,
        values: &[Value],
        now: Timestamp,
    ) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| !entry.is_over(now) && entry.is_of(environment, subject, values))
    }
}

impl Entry {
    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until <= now
    }

    /// Whether two entries are about the same version of the same thing in the same environment.
    pub fn same_version(&self, other: &Self) -> bool {
        self.environment == other.environment
            && self.subject == other.subject
            && self.identity() == other.identity()
    }

    /// Whether these values, declared for this subject, are the version.
    pub fn is_of(&self, environment: &Environment, subject: &str, values: &[Value]) -> bool {
        environment.answers_to(self.environment.as_str())
            && same_subject(&self.subject, subject)
            && self.identity().is_same_as(Identity::of(values))
    }

    /// Whether a person who types `asked` means this version: its name, a digest or the start of one.
    pub fn answers_to(&self, asked: &str) -> bool {
        let identity = self.identity();
        let of_digest = identity.digest.is_some_and(|digest| {
            let digits = digest.rsplit(':').next().unwrap_or(digest);
            let typed = asked.strip_prefix("sha256:").unwrap_or(asked);
            digest == asked || (typed.len() >= 7 && digits.starts_with(typed))
        });
        self.version == asked || identity.version == Some(asked) || of_digest
    }

    /// The command that lifts it.
    pub fn lifted_by(&self, service: &Service) -> String {
        format!(
            "ripcord quarantine lift {} {} {} --reason '…'",
            typed(service.as_str()),
            typed(&self.version),
            typed(self.environment.as_str())
        )
    }

    fn identity(&self) -> Identity<'_> {
        let mut identity = Identity::of(&self.values);
        if identity == Identity::default() {
            identity = Identity::of_text(&self.version);
        }
        identity
    }
}

/// What tells versions apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The tag, the chart's version, the revision.
    pub version: Option<&'a str>,
    /// The digest of the image.
    pub digest: Option<&'a str>,
}

impl<'a> Identity<'a> {
    /// Of what a place declares.
    pub fn of(values: &'a [Value]) -> Self {
        let all = |role: &'static str| {
            let of_it = values.iter().filter(move |value| value.role == role);
            of_it.map(|value| value.value.as_str())
        };
        let images = || all("image").map(split_image);
        let tagged = || all("tag").chain(all("revision")).map(Self::of_text);
        let version = tagged()
            .find_map(|one| one.version)
            .or_else(|| images().find_map(|image| image.version));
        let digest = all("digest")
            .next()
            .or_else(|| tagged().find_map(|one| one.digest))
            .or_else(|| images().find_map(|image| image.digest));
        Self { version, digest }
    }

    /// Of `1.2`, `sha256:…` or `1.2@sha256:…`.
    fn of_text(text: &'a str) -> Self {
        let (version, digest) = match text.split_once('@') {
            Some((version, digest)) if digest.contains(':') => (version, Some(digest)),
            _ if text.starts_with("sha256:") => ("", Some(text)),
            _ => (text, None),
        };
        Self {
            version: Some(version).filter(|version| !version.is_empty()),
            digest,
        }
    }

    /// By digest if both have one: a tag can be given to another image.
    pub fn is_same_as(self, other: Identity<'_>) -> bool {
        match (self.digest, other.digest) {
            (Some(mine), Some(theirs)) => mine.eq_ignore_ascii_case(theirs),
            _ => self.version.is_some() && self.version == other.version,
        }
    }
}

/// The tag and digest of `[name=]name:tag@digest`.
fn split_image(text: &str) -> Identity<'_> {
    let text = text.split_once('=').map_or(text, |(_, image)| image);
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let version = name
        .rsplit('/')
        .next()
        .and_then(|last| last.split_once(':'))
        .map(|(_, tag)| tag)
        .filter(|tag| !tag.is_empty());
    Identity { version, digest }
}

/// Another registry or path in front changes nothing about what runs; an entry that does not say
/// what it is of means everything that the service runs.
fn same_subject(kept_out: &str, declared: &str) -> bool {
    let last = |subject: &str| subject.rsplit('/').next().map(str::to_owned);
    kept_out.is_empty() || kept_out == declared || last(kept_out) == last(declared)
}

/// A word as a person can type it into a shell.
fn typed(word: &str) -> String {
    let is_plain = !word.is_empty()
        && !word.starts_with('-')
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@'));
    if is_plain {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A file that cannot be understood. It is trouble of the repository and not of who runs a command,
/// and it stops whoever relies on it.
pub fn unreadable(path: &str, why: &str) -> Problem {
    Problem::new(
        Kind::Local,
        UNREADABLE,
        format!("{path} cannot be read: {why}"),
    )
    .hint(format!(
        "mend it, or bring back an older one: `git log -- {}`",
        typed(path)
    ))
}

#[cfg(test)]
mod tests;
