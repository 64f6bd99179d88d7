//! Which commit a service's image was built of.
//!
//! The image's own label says it, else its tag names a commit or a tag of Git. A registry that shows the image
//! checks what the repository says; one that does not answer is said, and leaves the tag.

use ripcord_domain::catalog::Unit;
use ripcord_domain::config::SourceOf;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::Oid;
use ripcord_registry::{Labels, Presence, Registries};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::source::Source;

/// The image that an environment declares, as a registry and a repository of source know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Registry and name, without tag and digest.
    pub name: String,
    /// With the declared tag or digest.
    pub reference: String,
    /// The declared version.
    pub version: String,
    /// What the registry says of it.
    pub labels: Result<Labels, Presence>,
}

/// How a commit was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The image's label.
    Label,
    /// The image's tag.
    Tag,
}

/// The commit that an image was built of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The commit.
    pub commit: Oid,
    /// How it was found.
    pub by: By,
    /// What could not be checked.
    pub unchecked: Option<String>,
}

/// The first image of a unit, asked for at its registry.
///
/// # Errors
/// The unit runs no image whose registry is known.
pub fn image_of(unit: &Unit, registries: &Registries, runtime: &Runtime) -> Result<Image, Problem> {
    let place = unit
        .places
        .iter()
        .find(|place| place.image_name().contains('/'));
    let Some(place) = place else {
        return Err(Problem::new(
            Kind::Nothing,
            "no_image",
            format!(
                "no file says from which registry {} in {} runs its image",
                unit.service, unit.environment
            ),
        )
        .hint(
            "hotfixes need the name of the image in the infra repo, such as `ghcr.io/acme/pay`",
        ));
    };
    let name = place.image_name().to_owned();
    let of = |role: &str| {
        let mut values = place.values.iter();
        values
            .find(|value| value.role == role)
            .map(|value| &value.value)
    };
    let digest = of("digest").filter(|digest| digest.contains(':'));
    let reference = match digest {
        Some(digest) => format!("{name}@{digest}"),
        None if place.version.contains(':') => format!("{name}@{}", place.version),
        None => format!("{name}:{}", place.version),
    };
    let labels = runtime.block_on(registries.labels(&reference));
    Ok(Image {
        name,
        reference,
        version: place.version.clone(),
        labels,
    })
}

/// The commit that an image was built of.
///
/// # Errors
/// The image is gone from its registry, or neither label nor tag names a commit of the source.
pub fn built_of(image: &Image, source: &Source, known: &SourceOf) -> Result<Built, Problem> {
    let reference = &image.reference;
    let unchecked = match &image.labels {
        Ok(labels) => {
            if let Some(revision) = &labels.revision {
                return Ok(Built {
                    commit: source.commit(revision)?,
                    by: By::Label,
                    unchecked: None,
                });
            }
            None
        }
        Err(Presence::Gone) => {
            return Err(Problem::new(
                Kind::Refused,
                "image_gone",
                format!("{reference} is declared and not in its registry: what it was built of is not known"),
            )
            .hint("`--from COMMIT` names the commit to begin at"));
        }
        Err(Presence::Hidden) => Some(format!("{reference} is not shown to whoever asks here")),
        Err(Presence::Unknown { why }) => Some(why.clone()),
        Err(Presence::There { .. }) => None,
    };
    let commit = named_by_tag(&image.version, source, known).ok_or_else(|| {
        Problem::new(
            Kind::Nothing,
            "unknown_revision",
            format!("neither a label of {reference} nor its tag names a commit of {}", source.repo.remote()),
        )
        .hint("build images with the label org.opencontainers.image.revision, or say how tags are made: `sources: {SERVICE: {revision: 'v{version}'}}`")
        .hint("`--from COMMIT` names the commit to begin at")
    })?;
    Ok(Built {
        commit,
        by: By::Tag,
        unchecked,
    })
}

/// The commit that a tag names: a tag of Git by the configured form or of the same name, or a commit in it.
fn named_by_tag(version: &str, source: &Source, known: &SourceOf) -> Option<Oid> {
    let form = known.revision.as_deref().unwrap_or("{version}");
    let as_configured = form.replace("{version}", version);
    let is_hex = |text: &str| text.len() >= 7 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let in_it = version
        .rsplit(|c: char| !c.is_ascii_alphanumeric())
        .find(|word| is_hex(word) || word.strip_prefix('g').is_some_and(is_hex))
        .map(|word| if is_hex(word) { word } else { &word[1..] });
    let tag = source.tag(&as_configured);
    tag.or_else(|| in_it.and_then(|hex| source.repo.resolve(hex).ok()))
}
