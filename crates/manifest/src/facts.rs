//! What one file says: declarations of versions, references to other files, objects, problems.

use crate::field_path::FieldPath;
use crate::image::{ImageReference, overridden_image};
use crate::key::DeclarationKey;
use std::ops::Range;

/// What configuration says about one file. The default says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadRules {
    /// The file is a version file: these fields of its documents are versions.
    pub version_fields: Vec<FieldPath>,
    /// The file is plain text whose whole trimmed content is the version.
    pub plain_text_version: bool,
}

impl ReadRules {
    /// Whether configuration says anything about the file.
    pub(crate) fn is_none(&self) -> bool {
        self.version_fields.is_empty() && !self.plain_text_version
    }
}

/// Everything read from one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Versions, in the order of the file.
    pub declarations: Vec<Declaration>,
    /// Other files that this one names.
    pub references: Vec<Reference>,
    /// Kubernetes objects, in the order of the file.
    pub objects: Vec<ObjectRef>,
    /// Documents (or the whole file) that could not be read.
    pub problems: Vec<Problem>,
    /// The file is input of a template engine, not YAML: nothing else is known about it.
    pub is_template: bool,
}

/// One place where a version is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Identity inside the file, stable while values change.
    pub key: DeclarationKey,
    /// What kind of declaration it is.
    pub kind: DeclarationKind,
    /// The Kubernetes object that holds it; none in kustomizations, values and version files.
    pub object: Option<ObjectRef>,
    /// What the version is of: the image name, the chart or the repository when the declaration
    /// says it, else the component (parent key), else the name of the object, else empty.
    pub subject: String,
    /// The fields that together make the version, in the order of the file. Never empty.
    pub fields: Vec<VersionField>,
    /// Which document of the file, from 0.
    pub document: usize,
    /// The node that the fields belong to; their paths start with it.
    pub owner: FieldPath,
}

impl Declaration {
    /// What a person calls the version: the tag, else the digest, else the revision. A tag wins
    /// over a digest because it is the name that people compare; a changed image name is no part
    /// of it.
    pub fn version(&self) -> String {
        let of = |role: Role| self.fields.iter().find(|field| field.role == role);
        if let Some(field) = of(Role::Tag) {
            return field.value.clone();
        }
        if let Some(version) = of(Role::Image).and_then(VersionField::image_version) {
            return version.to_owned();
        }
        of(Role::Digest)
            .or_else(|| of(Role::Revision))
            .or_else(|| self.fields.first())
            .map_or_else(String::new, |field| field.value.clone())
    }
}

/// What kind of file or object declares a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeclarationKind {
    /// An entry of `images` in a kustomization or a component.
    KustomizeImage,
    /// Image fields in a Helm values file, or in any other map that is no Kubernetes object.
    HelmValues,
    /// The image of a container in a pod template.
    Container,
    /// A source of an Argo CD Application, its Helm parameters, values and Kustomize images.
    ArgoApplication,
    /// The same in an ApplicationSet, and the elements of its list generators.
    ArgoApplicationSet,
    /// Chart version and values of a Flux HelmRelease.
    FluxHelmRelease,
    /// An entry of `spec.images` of a Flux Kustomization.
    FluxKustomization,
    /// The reference of a Flux OCIRepository or GitRepository.
    FluxSource,
    /// A chart that another one depends on: `dependencies` in `Chart.yaml`, `helmCharts` in a
    /// kustomization.
    ChartDependency,
    /// `appVersion` in `Chart.yaml`, the default tag of most charts.
    ChartAppVersion,
    /// A field of a version file: `image_tag` in `image-tags/…`, `version` in `config.json`, or
    /// what configuration names.
    VersionFile,
    /// A file whose whole content is the version.
    PlainText,
}

/// One field of a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionField {
    /// What the field means.
    pub role: Role,
    /// Where it stands in its document.
    pub path: FieldPath,
    /// Its value, unquoted.
    pub value: String,
    /// Bytes of the scalar in the file, quotes included.
    pub span: Range<usize>,
}

impl VersionField {
    /// The tag or digest of an image that is written in one piece.
    fn image_version(&self) -> Option<&str> {
        match overridden_image(&self.value) {
            Some((_, image)) => image.version(),
            None => ImageReference::parse(&self.value)?.version(),
        }
    }
}

/// What a field of a declaration means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A whole image reference: `name:tag@digest`.
    Image,
    /// The image name or repository.
    Name,
    /// A tag or a plain version.
    Tag,
    /// A digest with its algorithm.
    Digest,
    /// A chart version or a git revision.
    Revision,
    /// The name of a chart.
    Chart,
    /// Anything else that belongs to the version, such as the registry.
    Other,
}

/// A Kubernetes object in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// The part of `apiVersion` before the slash, empty for the core group.
    pub api_group: String,
    /// The kind.
    pub kind: String,
    /// `metadata.namespace`, when the file says it.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// Which document of the file, from 0.
    pub document: usize,
    /// The label `app.kubernetes.io/name`, else `app`.
    pub labels_service: Option<String>,
    /// Where an Argo CD Application deploys to.
    pub destination: Option<Destination>,
    /// Folders this object deploys: `source.path` of an Application or ApplicationSet, `spec.path`
    /// of a Flux Kustomization.
    pub source_paths: Vec<String>,
}

/// `spec.destination` of an Argo CD Application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// The namespace.
    pub namespace: Option<String>,
    /// The cluster: its name, else the URL of its server.
    pub cluster: Option<String>,
}

/// Another file (or folder) that a file names, relative to the place that its kind defines: the
/// folder of a kustomization, the chart for `valueFiles`, the repository root for generators.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// An entry of `resources`.
    KustomizeResource(String),
    /// An entry of `components`.
    KustomizeComponent(String),
    /// An entry of the old field `bases`.
    KustomizeBase(String),
    /// A values file: `valueFiles` of an Application, `valuesFiles` of a HelmRelease's chart,
    /// `valuesFile` of a kustomization's `helmCharts`.
    HelmValuesFile(String),
    /// A patch file of a kustomization.
    Patch(String),
    /// A file (pattern) that feeds a generator: ApplicationSet git files, `configMapGenerator`.
    GeneratorFile(String),
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which document of the file, from 0.
    pub document: usize,
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong, as a fragment without a period.
    pub message: String,
}
