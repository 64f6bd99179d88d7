//! Programs that write new versions by themselves, and how one is made to pass a version over.

use std::fmt;

use jiff::Timestamp;
use ripcord_manifest::ImageReference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::live::application::ObjectKey;
use crate::live::image::{Aim, Verdict};

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// Argo CD Image Updater.
    ImageUpdater,
    /// Flux' image automation.
    Flux,
}

/// Where it is written down which tags a bot passes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// `ignoreTags` of an image in an `ImageUpdater`, found by what it is called there.
    Ignored {
        /// The `namePattern` of the reference that the image is in.
        pattern: String,
        /// The image's `alias`.
        alias: String,
    },
    /// An annotation of the Application: tags with commas between them.
    Annotation {
        /// Its name.
        name: String,
        /// The annotation whose tags count as long as this one is not there.
        #[serde(skip_serializing_if = "Option::is_none")]
        inherits: Option<String>,
    },
    /// `exclusionList` of an `ImageRepository`: regular expressions.
    Excluded,
}

/// A bot that would bump the version of an image again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bot {
    /// Which program.
    pub program: Program,
    /// The object that tells it what to do.
    pub object: ObjectKey,
    /// The image that it watches, without a version.
    pub image: String,
    /// Where the tags stand that it passes over.
    pub list: List,
    /// Why that list cannot be extended, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
}

impl fmt::Display for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, image, .. } = self;
        match (self.program, &self.list) {
            (Program::ImageUpdater, List::Annotation { .. }) => {
                write!(f, "Argo CD Image Updater watches {image} by annotation")
            }
            (Program::ImageUpdater, _) => {
                write!(
                    f,
                    "Argo CD Image Updater watches {image} by ImageUpdater {}",
                    object.name
                )
            }
            (Program::Flux, _) => write!(f, "Flux watches {image} by {object}"),
        }
    }
}

/// A bot that was told to pass tags over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Passing {
    /// Which bot.
    pub bot: Bot,
    /// The tags.
    pub tags: Vec<String>,
    /// What stood in the list's place before: null where nothing did.
    pub before: serde_json::Value,
    /// Who wanted it.
    pub owner: String,
    /// Since when: recorded before it is done.
    pub since: Timestamp,
    /// When the version may be deployed again. Nothing ends by itself then.
    pub until: Timestamp,
    /// When the list was put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Timestamp>,
}

/// Whether two names mean the same image. A registry may stand before one of them only.
pub fn same_image(one: &str, other: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    !one.is_empty() && !other.is_empty() && (ends(one, other) || ends(other, one))
}

/// The tags of an image that a bot must not bring back: those that are seen to run, and those that the
/// infra repo names.
pub fn bad_tags<'a>(
    aim: &Aim,
    seen: impl IntoIterator<Item = &'a str>,
    image: &str,
) -> Vec<String> {
    let seen = seen
        .into_iter()
        .filter(|seen| aim.of([*seen]) == Verdict::Bad)
        .filter_map(ImageReference::parse)
        .filter(|seen| same_image(seen.name, image))
        .filter_map(|seen| seen.tag.map(str::to_owned));
    let named = aim
        .bad
        .iter()
        .filter(|mark| {
            mark.name
                .as_deref()
                .is_some_and(|name| same_image(name, image))
        })
        .filter_map(|mark| mark.tag.clone());
    let mut tags: Vec<String> = seen.chain(named).collect();
    tags.sort();
    tags.dedup();
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::image::Mark;

    fn aim(name: Option<&str>) -> Aim {
        let mark = |tag: &str| Mark {
            name: name.map(str::to_owned),
            tag: Some(tag.to_owned()),
            digest: None,
        };
        Aim {
            good: vec![mark("v1")],
            bad: vec![mark("v2")],
            ..Aim::default()
        }
    }

    #[test]
    fn an_image_is_the_same_with_and_without_its_registry() {
        assert!(same_image("acme/pay", "ghcr.io/acme/pay"));
        assert!(same_image("ghcr.io/acme/pay", "acme/pay"));
        assert!(!same_image("acme/pay", "acme/prepay"));
        assert!(!same_image("other/pay", "acme/pay"));
        assert!(!same_image("", "acme/pay"));
    }

    #[test]
    fn only_the_bad_tag_of_that_image_is_passed_over() {
        let seen = ["acme/pay:v2", "acme/pay:v1", "acme/proxy:v2"];
        assert_eq!(bad_tags(&aim(None), seen, "acme/pay"), ["v2"]);
        assert_eq!(
            bad_tags(&aim(Some("acme/pay")), [], "ghcr.io/acme/pay"),
            ["v2"]
        );
        assert!(bad_tags(&aim(Some("acme/pay")), seen, "acme/cart").is_empty());
    }

    #[test]
    fn a_version_without_a_tag_gives_none_to_pass_over() {
        let by_digest = Aim {
            good: Vec::new(),
            bad: vec![Mark {
                name: Some("acme/pay".into()),
                tag: None,
                digest: Some("sha256:aa".into()),
            }],
            ..Aim::default()
        };
        assert!(bad_tags(&by_digest, ["acme/pay@sha256:aa"], "acme/pay").is_empty());
    }
}
