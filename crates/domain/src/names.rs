//! The names people use for what runs where.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// Takes the name as it is written.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// A service as the infra repo names it: a folder, a file or an object, such as `payments`.
    Service
}

name! {
    /// Where a service runs, such as `production`, or `production/eu` where clusters differ.
    Environment
}

/// The words for the same environment, most usual spelling first.
const SAME: &[&[&str]] = &[
    &["production", "prod", "prd", "live"],
    &["staging", "stage", "stg"],
    &["development", "dev", "develop"],
    &["preproduction", "preprod", "pre-prod", "pre-production"],
    &["testing", "test", "tst"],
    &["integration", "int"],
    &["acceptance", "uat"],
    &["qa"],
    &["sandbox", "sbx"],
    &["preview"],
    &["canary"],
    &["demo"],
    &["perf", "performance"],
    &["dr"],
];

/// The usual spelling of an environment word (`prd` is `production`), if it is one.
pub fn environment_word(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    SAME.iter()
        .find(|group| group.contains(&lower.as_str()))
        .map(|group| group[0])
}

impl Environment {
    /// The environment of a repository (or a service in it) that names none.
    pub const UNNAMED: &'static str = "default";

    /// Whether a person who types `asked` means this environment: the same name, another spelling
    /// of the same word, or the part before or after the slash of a joined name.
    pub fn answers_to(&self, asked: &str) -> bool {
        let same = |name: &str| {
            name.eq_ignore_ascii_case(asked)
                || matches!((environment_word(name), environment_word(asked)), (Some(a), Some(b)) if a == b)
        };
        same(&self.0) || self.0.split('/').any(same)
    }

    /// Whether this is production by its name: the word itself or one of its spellings.
    pub fn is_production(&self) -> bool {
        self.answers_to("production")
    }
}

/// Letters and digits that nobody mistakes for others when they are read aloud.
const LETTERS: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";

/// A name from chance that can be read aloud: so many letters after a prefix, twelve at the most.
pub fn name_from_chance(prefix: &str, letters: usize, mut chance: u64) -> String {
    let mut id = prefix.to_owned();
    let count = LETTERS.len() as u64;
    for _ in 0..letters {
        let at = usize::try_from(chance % count).unwrap_or(0);
        id.push(char::from(LETTERS[at]));
        chance /= count;
    }
    id
}

/// Up to three of `known` that a person who typed `asked` may have meant, nearest first.
pub fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| {
            let contains = name.contains(asked) || asked.contains(name);
            (
                strsim::jaro_winkler(asked, name) + if contains { 0.2 } else { 0.0 },
                name,
            )
        })
        .filter(|(score, _)| *score > 0.78)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored
        .into_iter()
        .take(3)
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_answers_to_its_other_spellings_and_to_the_part_of_a_joined_name() {
        let prod = Environment::new("prod");
        assert!(
            prod.answers_to("production") && prod.answers_to("PROD") && !prod.answers_to("staging")
        );
        let joined = Environment::new("eu-west-1/production");
        assert!(joined.answers_to("production") && joined.answers_to("eu-west-1"));
        assert!(!Environment::new("productive").is_production());
    }

    #[test]
    fn a_typo_gets_the_nearest_names() {
        let known = ["payments", "payments-worker", "cart", "search"];
        assert_eq!(nearest("paymets", known), ["payments", "payments-worker"]);
        assert!(nearest("zzz", known).is_empty());
    }
}
