//! What a hotfix is called: its branch without the prefix.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::{Kind, Problem};

/// What the branches of hotfixes begin with.
pub const PREFIX: &str = "hotfix/";

/// Letters of a summary that a branch takes: names are typed, and stand in messages.
const LONGEST_SUMMARY: usize = 48;
/// Bytes of a name: a branch is a file for some servers, and images take 128 in a tag.
const LONGEST: usize = 100;

/// A hotfix by its name, such as `INC-31-double-charge`: the branch without [`PREFIX`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct HotfixName(String);

impl HotfixName {
    /// The name of a hotfix for an incident.
    ///
    /// # Errors
    /// An incident of which nothing can stand in a branch's name.
    pub fn of_incident(incident: &str, summary: Option<&str>) -> Result<Self, Problem> {
        let mut name = words(incident.trim(), usize::MAX, false);
        if name.is_empty() {
            return Err(bad_name(
                incident,
                "nothing of it can stand in a branch's name",
            ));
        }
        let summary = words(summary.unwrap_or_default(), LONGEST_SUMMARY, true);
        if !summary.is_empty() {
            name.push('-');
            name.push_str(&summary);
        }
        Self::parse(&name)
    }

    /// A name as somebody wrote it.
    ///
    /// # Errors
    /// Letters that a branch, a file or a message must not have.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > LONGEST {
            return Err(bad_name(text, &format!("it takes 1 to {LONGEST} letters")));
        }
        if let Some(other) = text.chars().find(|c| !plain(*c)) {
            return Err(bad_name(
                text,
                &format!(
                    "`{}` is none of letters, digits, `-`, `_` and `.`",
                    other.escape_default()
                ),
            ));
        }
        // What git refuses in the name of a branch (git-check-ref-format).
        if text.starts_with(['-', '.']) || text.ends_with('.') || text.contains("..") {
            return Err(bad_name(text, "git takes no such branch"));
        }
        if text.to_ascii_lowercase().ends_with(".lock") {
            return Err(bad_name(text, "git takes no branch that ends in `.lock`"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The hotfix of a branch; none where the branch is no hotfix's.
    ///
    /// # Errors
    /// A branch with exactly the prefix and a name that cannot be.
    pub fn of_branch(branch: &str) -> Result<Option<Self>, Problem> {
        branch.strip_prefix(PREFIX).map(Self::parse).transpose()
    }

    /// The branch.
    pub fn branch(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for HotfixName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for HotfixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The letters and digits of a text, joined by dashes, cut between words.
fn words(text: &str, longest: usize, lower: bool) -> String {
    let mut joined = String::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        if word.is_empty() {
            continue;
        }
        let room = joined.len() + usize::from(!joined.is_empty()) + word.len();
        if room > longest {
            if joined.is_empty() {
                joined.push_str(&word[..longest]);
            }
            break;
        }
        if !joined.is_empty() {
            joined.push('-');
        }
        joined.push_str(word);
    }
    if lower {
        joined.make_ascii_lowercase();
    }
    joined
}

fn bad_name(text: &str, why: &str) -> Problem {
    let shown: String = text.chars().take(LONGEST).collect();
    Problem::new(
        Kind::Usage,
        "bad_hotfix_name",
        format!("`{}` names no hotfix: {why}", shown.escape_default()),
    )
    .hint("such as `INC-31-double-charge`, on the branch `hotfix/INC-31-double-charge`")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_incident_and_a_summary_make_a_branch() {
        let name = HotfixName::of_incident("INC-31", Some("Double charge, on retry!")).unwrap();
        assert_eq!(name.branch(), "hotfix/INC-31-double-charge-on-retry");
        let bare = HotfixName::of_incident(" Q1 B/7 ", None).unwrap();
        assert_eq!(bare.as_str(), "Q1-B-7");
    }

    #[test]
    fn a_long_summary_ends_between_words() {
        let summary = "the retry of a payment that timed out charges the card a second time";
        let name = HotfixName::of_incident("7", Some(summary)).unwrap();
        assert_eq!(
            name.as_str(),
            "7-the-retry-of-a-payment-that-timed-out-charges"
        );
    }

    #[test]
    fn only_exactly_the_prefix_makes_a_hotfix() {
        assert!(HotfixName::of_branch("main").unwrap().is_none());
        assert!(HotfixName::of_branch("hotfixes/a").unwrap().is_none());
        assert!(HotfixName::of_branch("feature/hotfix/a").unwrap().is_none());
        assert!(HotfixName::of_branch("hotfix/a/b").is_err());
        assert!(HotfixName::of_branch("hotfix/").is_err());
    }

    #[test]
    fn what_no_branch_can_be_is_said() {
        for name in [
            "", "-a", "a..b", "a b", "a;rm", "a.lock", ".a", "a.", "ä", "a\n",
        ] {
            let problem = HotfixName::parse(name).unwrap_err();
            assert_eq!(problem.code, "bad_hotfix_name", "{name:?}");
        }
        assert!(HotfixName::of_incident("§§", Some("x")).is_err());
    }

    proptest! {
        #[test]
        fn whatever_was_typed_makes_a_name_that_is_read_again_or_an_error(
            incident in ".{0,40}", summary in ".{0,120}"
        ) {
            if let Ok(name) = HotfixName::of_incident(&incident, Some(&summary)) {
                let again = HotfixName::of_branch(&name.branch()).unwrap();
                prop_assert_eq!(again, Some(name));
            }
        }
    }
}
