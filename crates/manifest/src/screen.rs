//! Decides from path and raw bytes what a file can be, before any parsing.

use memchr::memmem::Finder;
use std::sync::LazyLock;

/// What a path says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileShape {
    /// Not a file that ripcord reads.
    Foreign,
    /// Input of a template engine.
    Template,
    /// `kustomization.yaml`, `kustomization.yml` or `Kustomization`
    /// (<https://kubectl.docs.kubernetes.io/references/kustomize/glossary/#kustomization>).
    Kustomization,
    /// `Chart.yaml`.
    Chart,
    /// `image-tags/<environment>/<service>`: a small map with the tag.
    ImageTag,
    /// Any other YAML or JSON.
    Manifest {
        /// The name says that top-level fields such as `version` are meant as versions.
        versions: bool,
    },
}

/// Files of other tools whose `version` or `image` is not about a deployed service.
const OTHER_TOOLS: &[&str] = &[
    "package.json",
    "package-lock.json",
    "composer.json",
    "composer.lock",
    "tsconfig.json",
    "pnpm-lock.yaml",
    "Chart.lock",
    "values.schema.json",
    "Taskfile.yml",
    "Taskfile.yaml",
    "mkdocs.yml",
    "renovate.json",
    "lerna.json",
    "manifest.json",
];

/// Parts of a file name that mark a version file.
const VERSION_NAMES: &[&str] = &[
    "value", "version", "image", "tag", "release", "config", "params",
];

pub(crate) fn shape(path: &str) -> FileShape {
    let (folder, name) = path.rsplit_once(['/', '\\']).unwrap_or(("", path));
    let mut folders = folder.split(['/', '\\']);
    if matches!(
        name,
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    ) {
        return FileShape::Kustomization;
    }
    // Dot folders and files belong to CI and editors, not to what runs in a cluster.
    if OTHER_TOOLS.contains(&name)
        || name.starts_with('.')
        || folders
            .clone()
            .any(|f| f.starts_with('.') && f != "." && f != "..")
    {
        return FileShape::Foreign;
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    if matches!(extension, "tpl" | "gotmpl" | "tmpl" | "j2" | "jinja2") {
        return FileShape::Template;
    }
    let is_yaml = matches!(extension, "yaml" | "yml" | "json");
    if is_yaml && folders.any(|f| f == "templates") {
        return FileShape::Template;
    }
    if folder.split('/').rev().nth(1) == Some("image-tags") && (is_yaml || !name.contains('.')) {
        return FileShape::ImageTag;
    }
    match (name, is_yaml) {
        ("Chart.yaml", _) => FileShape::Chart,
        (_, true) => {
            let stem = stem.to_ascii_lowercase();
            FileShape::Manifest {
                versions: VERSION_NAMES.iter().any(|part| stem.contains(part)),
            }
        }
        (_, false) => FileShape::Foreign,
    }
}

/// Whether a file can hold anything to report. One of these words is in every format that is read.
pub(crate) fn can_matter(bytes: &[u8]) -> bool {
    static WORDS: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| {
        [
            "kind", "mage", "tag", "ersion", "Tag", "digest", "chart", "evision",
        ]
        .map(Finder::new)
        .into()
    });
    WORDS.iter().any(|word| word.find(bytes).is_some())
}
