//! What an image was built of, by the labels of its configuration and the annotations of its manifest.

use std::collections::BTreeMap;

use oci_client::errors::OciDistributionError;
use oci_client::manifest::{OciImageManifest, OciManifest};
use serde::Deserialize;

use crate::Asked;

/// Names by which images say what they were built of
/// (<https://github.com/opencontainers/image-spec/blob/main/annotations.md>).
const REVISION: &str = "org.opencontainers.image.revision";
const SOURCE: &str = "org.opencontainers.image.source";

/// What an image says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The digest of what was asked for: of the index, where there is one for each platform.
    pub digest: String,
    /// The commit that it was built of.
    pub revision: Option<String>,
    /// The address of the repository.
    pub source: Option<String>,
}

/// The part of an image's configuration that is of use here.
#[derive(Deserialize)]
struct Configuration {
    config: Option<Inside>,
}

#[derive(Deserialize)]
struct Inside {
    #[serde(rename = "Labels", alias = "labels")]
    labels: Option<BTreeMap<String, String>>,
}

pub(crate) async fn read(asked: Asked) -> Result<Labels, OciDistributionError> {
    let (manifest, digest) = asked.client.pull_manifest(&asked.image, &asked.who).await?;
    let mut said = BTreeMap::new();
    let image = match manifest {
        OciManifest::Image(image) => image,
        OciManifest::ImageIndex(index) => {
            said.extend(index.annotations.unwrap_or_default());
            // All platforms are built of the same commit; what attests to a build is no platform.
            let is_platform = |platform: &str| platform != "unknown";
            let chosen = index.manifests.iter().find(|one| {
                let platform = one.platform.as_ref();
                platform.is_none_or(|platform| is_platform(&platform.os.to_string()))
            });
            let Some(chosen) = chosen else {
                return Ok(of(digest, &said));
            };
            let image = asked.image.clone_with_digest(chosen.digest.clone());
            asked
                .client
                .pull_image_manifest(&image, &asked.who)
                .await?
                .0
        }
    };
    for (name, value) in labels_of(&asked, &image).await? {
        said.entry(name).or_insert(value);
    }
    for (name, value) in image.annotations.unwrap_or_default() {
        said.entry(name).or_insert(value);
    }
    Ok(of(digest, &said))
}

async fn labels_of(
    asked: &Asked,
    image: &OciImageManifest,
) -> Result<BTreeMap<String, String>, OciDistributionError> {
    let mut bytes = Vec::new();
    asked
        .client
        .pull_blob(&asked.image, &image.config, &mut bytes)
        .await?;
    // What is no image, such as a signature, has another configuration.
    let read: Option<Configuration> = serde_json::from_slice(&bytes).ok();
    let labels = read.and_then(|read| read.config?.labels);
    Ok(labels.unwrap_or_default())
}

fn of(digest: String, said: &BTreeMap<String, String>) -> Labels {
    let find = |name: &str| said.get(name).filter(|value| !value.is_empty()).cloned();
    Labels {
        digest,
        revision: find(REVISION),
        source: find(SOURCE),
    }
}
