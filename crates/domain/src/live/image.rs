//! Versions as containers name them.

use ripcord_manifest::ImageReference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::Value;
use crate::plan::ServicePlan;
use crate::timeline::State;

/// The tag or digest by which a declared version is recognised in a container's image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// The image's name, where the declaration says it; its registry may differ in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The digest with its algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Which images a recovery goes away from, and which it goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Aim {
    /// What shall run.
    pub good: Vec<Mark>,
    /// What shall not.
    pub bad: Vec<Mark>,
    /// The digests that nodes pulled for pods of the bad version: whoever runs one of them runs that,
    /// whatever its tag says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ran: Vec<String>,
}

/// What a set of images is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Of the good version.
    Good,
    /// Of the bad one.
    Bad,
    /// Of a version that is neither.
    Other,
    /// It has nothing to do with the version that moves.
    Unconcerned,
}

/// The image of a reference, without tag and digest.
pub fn without_version(image: &str) -> &str {
    ImageReference::parse(image).map_or(image, |image| image.name)
}

/// The tag of a reference, if it has one.
pub fn tag_of(image: &str) -> Option<&str> {
    ImageReference::parse(image)?.tag
}

fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

impl Mark {
    /// The mark of a declared version; none where it is no image's (a chart, a revision).
    fn of(values: &[Value], subject: Option<&str>) -> Option<Self> {
        let role = |word: &str| values.iter().find(|value| value.role == word);
        if let Some(image) = role("image") {
            // Kustomize overrides in an Application are written `name=new:tag`.
            let text = image.value.rsplit('=').next().unwrap_or(&image.value);
            let parts = ImageReference::parse(text)?;
            return Self {
                name: Some(parts.name.to_owned()),
                tag: parts.tag.map(str::to_owned),
                digest: parts.digest.map(str::to_owned),
            }
            .if_pinned();
        }
        Self {
            name: role("name")
                .map(|value| value.value.clone())
                .or_else(|| subject.map(str::to_owned)),
            tag: role("tag").map(|value| value.value.clone()),
            digest: role("digest").map(|value| value.value.clone()),
        }
        .if_pinned()
    }

    fn if_pinned(self) -> Option<Self> {
        (self.tag.is_some() || self.digest.is_some()).then_some(self)
    }

    /// Whether an image is one of the same name, as far as the mark has one.
    fn is_about(&self, image: &ImageReference<'_>) -> bool {
        self.name
            .as_deref()
            .is_none_or(|name| last_segment(name) == last_segment(image.name))
    }

    fn fits(&self, image: &ImageReference<'_>) -> bool {
        if !self.is_about(image) {
            return false;
        }
        // A digest says exactly what runs; a tag can be moved.
        match (self.digest.as_deref(), image.digest) {
            (Some(wanted), Some(found)) => wanted == found,
            (Some(_), None) => self.tag.is_some() && self.tag.as_deref() == image.tag,
            (None, _) => self.tag.as_deref() == image.tag,
        }
    }
}

/// The marks of a state, in the order of its places.
fn marks(state: &State) -> Vec<Option<Mark>> {
    state
        .iter()
        .map(|(place, values)| Mark::of(values, overridden(place.key.as_str())))
        .collect()
}

/// Whether an image is one that a state declares: of its name, with its tag or digest.
///
/// A declaration may name no image, as a chart's `tag` does. Then what the same container is given in Git
/// now, and by which state, shows whose image it is.
pub fn is_declared(state: &State, image: &str, given: Option<(&State, &str)>) -> bool {
    let Some(parts) = ImageReference::parse(image) else {
        return false;
    };
    let is_nameless_there = || {
        given.is_some_and(|(now, given)| {
            ImageReference::parse(given).is_some_and(|given| {
                let mut nameless = marks(now).into_iter().flatten();
                last_segment(given.name) == last_segment(parts.name)
                    && nameless.any(|mark| mark.name.is_none() && mark.fits(&given))
            })
        })
    };
    marks(state)
        .iter()
        .flatten()
        .filter(|mark| mark.fits(&parts))
        .any(|mark| mark.name.is_some() || is_nameless_there())
}

/// The image that an entry of a kustomization's `images` is about.
fn overridden(key: &str) -> Option<&str> {
    key.strip_prefix("images[")?.strip_suffix(']')
}

impl Aim {
    /// The images that tell the versions of some services apart.
    pub fn of_services<'p>(services: impl IntoIterator<Item = &'p ServicePlan>) -> Self {
        let mut aim = Self::default();
        for part in services {
            aim.good.extend(part.images.good.iter().cloned());
            aim.bad.extend(part.images.bad.iter().cloned());
        }
        aim
    }

    /// The aim of going from one state to another. What both have in common tells nothing apart.
    pub fn between(from: &State, to: &State) -> Self {
        let mut good: Vec<Mark> = marks(to).into_iter().flatten().collect();
        let mut bad: Vec<Mark> = marks(from).into_iter().flatten().collect();
        let common: Vec<Mark> = good
            .iter()
            .filter(|mark| bad.contains(mark))
            .cloned()
            .collect();
        good.retain(|mark| !common.contains(mark));
        bad.retain(|mark| !common.contains(mark));
        good.sort();
        good.dedup();
        bad.sort();
        bad.dedup();
        Self {
            good,
            bad,
            ran: Vec::new(),
        }
    }

    /// Whether images tell good from bad at all: else only configuration goes back.
    pub fn tells(&self) -> bool {
        !self.good.is_empty() || !self.bad.is_empty()
    }

    /// What one image is.
    fn of_image(&self, image: &str) -> Verdict {
        let Some(parts) = ImageReference::parse(image) else {
            return Verdict::Unconcerned;
        };
        let fits = |marks: &[Mark]| marks.iter().any(|mark| mark.fits(&parts));
        if fits(&self.good) {
            return Verdict::Good;
        }
        if fits(&self.bad) {
            return Verdict::Bad;
        }
        // Without a name every image would be "about" the version: a proxy beside it is not.
        let named = |mark: &Mark| mark.name.is_some() && mark.is_about(&parts);
        if self.good.iter().chain(&self.bad).any(named) {
            Verdict::Other
        } else {
            Verdict::Unconcerned
        }
    }

    /// The image that shall run in the place of one of the version: its name with what is gone to. None
    /// where it has nothing to do with the version, or where it could be one of several: nothing is guessed.
    pub fn good_for(&self, image: &str) -> Option<String> {
        match self.of_image(image) {
            Verdict::Good => return Some(image.to_owned()),
            Verdict::Unconcerned => return None,
            Verdict::Bad | Verdict::Other => {}
        }
        let parts = ImageReference::parse(image)?;
        let about = self.good.iter().filter(|mark| mark.is_about(&parts));
        // What names the image counts more than a version of whatever image.
        let (named, others): (Vec<&Mark>, Vec<&Mark>) = about.partition(|mark| mark.name.is_some());
        let chosen = if named.is_empty() { others } else { named };
        let [mark] = chosen.as_slice() else {
            return None;
        };
        let tag = mark.tag.as_ref().map(|tag| format!(":{tag}"));
        let digest = mark.digest.as_ref().map(|digest| format!("@{digest}"));
        Some(format!(
            "{}{}{}",
            parts.name,
            tag.unwrap_or_default(),
            digest.unwrap_or_default()
        ))
    }

    /// Whether settings name the bad version: its tag or digest as a word of its own.
    pub fn is_bad_in(&self, settings: &str) -> bool {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let marks = self.bad.iter();
        marks
            .filter_map(|mark| mark.digest.as_deref().or(mark.tag.as_deref()))
            .any(|version| {
                settings.match_indices(version).any(|(at, _)| {
                    let before = settings[..at].chars().next_back();
                    let after = settings[at + version.len()..].chars().next();
                    !before.is_some_and(is_inside) && !after.is_some_and(is_inside)
                })
            })
    }

    /// What the images of one pod or template are together: bad if one is.
    pub fn of<'a>(&self, images: impl IntoIterator<Item = &'a str>) -> Verdict {
        let mut verdict = Verdict::Unconcerned;
        for image in images {
            match (self.of_image(image), verdict) {
                (Verdict::Bad, _) => return Verdict::Bad,
                (Verdict::Other, _) => verdict = Verdict::Other,
                (Verdict::Good, Verdict::Unconcerned) => verdict = Verdict::Good,
                _ => {}
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(name: Option<&str>, tag: Option<&str>, digest: Option<&str>) -> Mark {
        Mark {
            name: name.map(str::to_owned),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        }
    }

    fn aim(good: Mark, bad: Mark) -> Aim {
        Aim {
            good: vec![good],
            bad: vec![bad],
            ..Aim::default()
        }
    }

    #[test]
    fn a_tag_is_recognised_behind_a_registry_with_a_port() {
        let aim = aim(mark(None, Some("v1"), None), mark(None, Some("v2"), None));
        assert_eq!(aim.of(["registry:5000/acme/pay:v1"]), Verdict::Good);
        assert_eq!(aim.of(["registry:5000/acme/pay:v2"]), Verdict::Bad);
        assert_eq!(aim.of(["registry:5000/acme/pay"]), Verdict::Unconcerned);
    }

    #[test]
    fn the_good_image_is_told_from_the_one_that_runs_and_not_guessed() {
        let unnamed = aim(mark(None, Some("v1"), None), mark(None, Some("v2"), None));
        let good = |aim: &Aim, image: &str| aim.good_for(image);
        assert_eq!(
            good(&unnamed, "registry:5000/acme/pay:v2").as_deref(),
            Some("registry:5000/acme/pay:v1")
        );
        assert_eq!(good(&unnamed, "envoy:1.30"), None);
        let by_digest = aim(
            mark(Some("acme/pay"), Some("v1"), Some("sha256:aa")),
            mark(Some("acme/pay"), Some("v2"), None),
        );
        assert_eq!(
            good(&by_digest, "ghcr.io/acme/pay:v2").as_deref(),
            Some("ghcr.io/acme/pay:v1@sha256:aa")
        );
        let mut several = unnamed.clone();
        several.good.push(mark(None, Some("v9"), None));
        assert_eq!(good(&several, "acme/pay:v2"), None);
        several.good.push(mark(Some("pay"), Some("v1"), None));
        assert_eq!(
            good(&several, "acme/pay:v2").as_deref(),
            Some("acme/pay:v1")
        );
    }

    #[test]
    fn one_bad_container_makes_a_bad_pod() {
        let aim = aim(mark(None, Some("v1"), None), mark(None, Some("v2"), None));
        assert_eq!(aim.of(["acme/pay:v1", "acme/pay-worker:v2"]), Verdict::Bad);
        assert_eq!(aim.of(["envoy:1.30", "acme/pay:v1"]), Verdict::Good);
    }

    #[test]
    fn a_tag_of_another_image_with_the_same_number_is_not_the_version() {
        let aim = aim(
            mark(Some("acme/pay"), Some("1.0"), None),
            mark(Some("acme/pay"), Some("1.1"), None),
        );
        assert_eq!(aim.of(["mirror/proxy:1.1"]), Verdict::Unconcerned);
        assert_eq!(aim.of(["mirror.example/acme/pay:1.1"]), Verdict::Bad);
        assert_eq!(aim.of(["acme/pay:0.9"]), Verdict::Other);
    }

    #[test]
    fn settings_name_a_version_by_a_whole_word() {
        let aim = aim(mark(None, Some("v1"), None), mark(None, Some("v2"), None));
        for settings in ["acme/pay:v2", r#"{"value":"v2"}"#, "tag: v2\n", "v2"] {
            assert!(aim.is_bad_in(settings), "{settings}");
        }
        for settings in ["acme/pay:v1", "v20", "v2-hotfix", "rev2", "1.v2", ""] {
            assert!(!aim.is_bad_in(settings), "{settings}");
        }
    }

    #[test]
    fn a_digest_wins_over_a_tag_that_was_moved() {
        let aim = aim(
            mark(None, Some("v1"), Some("sha256:aa")),
            mark(None, Some("v1"), Some("sha256:bb")),
        );
        assert_eq!(aim.of(["acme/pay:v1@sha256:bb"]), Verdict::Bad);
        assert_eq!(aim.of(["acme/pay:v1@sha256:aa"]), Verdict::Good);
    }

    #[test]
    fn a_proxy_with_the_tag_of_a_version_is_not_the_service() {
        use crate::catalog::PlaceId;
        let state = |key: &str, tag: &str| -> State {
            let id = PlaceId {
                path: "p".into(),
                key: key.parse().unwrap(),
            };
            let tag = Value {
                role: "tag".into(),
                value: tag.into(),
            };
            [(id, vec![tag])].into()
        };
        let before = state("images[acme/pay]", "v14");
        assert!(is_declared(&before, "mirror.example/acme/pay:v14", None));
        assert!(!is_declared(&before, "envoy:v14", None));
        assert!(!is_declared(&before, "acme/pay:v15", None));
        let (chart, now) = (state("image.tag", "v14"), state("image.tag", "v15"));
        assert!(
            !is_declared(&chart, "acme/pay:v14", None),
            "whose it is is not known"
        );
        assert!(is_declared(
            &chart,
            "acme/pay:v14",
            Some((&now, "acme/pay:v15"))
        ));
        assert!(!is_declared(&chart, "envoy:v14", Some((&now, "envoy:v13"))));
    }

    #[test]
    fn an_image_that_both_have_tells_nothing_apart() {
        use crate::catalog::PlaceId;
        use std::collections::BTreeMap;
        let place = |path: &str| PlaceId {
            path: path.to_owned(),
            key: "image".parse().unwrap(),
        };
        let tag = |text: &str| {
            vec![Value {
                role: "tag".into(),
                value: text.into(),
            }]
        };
        let from: State = BTreeMap::from([(place("a"), tag("v2")), (place("b"), tag("proxy-1"))]);
        let to: State = BTreeMap::from([(place("a"), tag("v1")), (place("b"), tag("proxy-1"))]);
        let aim = Aim::between(&from, &to);
        assert_eq!(aim.good, [mark(None, Some("v1"), None)]);
        assert_eq!(aim.bad, [mark(None, Some("v2"), None)]);
        assert!(!Aim::between(&from, &from).tells());
    }
}
