//! An image reference: `[registry[:port]/]name[:tag][@digest]`.

/// The parts of an image reference, as the container runtimes split it
/// (<https://github.com/distribution/reference/blob/main/reference.go>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// Registry and repository.
    pub name: &'a str,
    /// What stands behind the colon.
    pub tag: Option<&'a str>,
    /// With its algorithm: `sha256:…`.
    pub digest: Option<&'a str>,
}

impl<'a> ImageReference<'a> {
    /// Splits a reference; `None` when it cannot be one (empty, blanks, a placeholder).
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.is_empty() || is_placeholder(text) || text.contains(char::is_whitespace) {
            return None;
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest).filter(|d| d.contains(':'))),
            None => (text, None),
        };
        // A colon before the last slash belongs to the port of the registry.
        let after_slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[after_slash..].rfind(':') {
            Some(at) => (
                &rest[..after_slash + at],
                Some(&rest[after_slash + at + 1..]),
            ),
            None => (rest, None),
        };
        let tag = tag.filter(|tag| !tag.is_empty());
        (!name.is_empty()).then_some(Self { name, tag, digest })
    }

    /// Whether the reference says which version it is.
    pub(crate) fn is_pinned(&self) -> bool {
        self.tag.is_some() || self.digest.is_some()
    }

    /// What a person calls the version: the tag, else the digest.
    pub(crate) fn version(&self) -> Option<&'a str> {
        self.tag.or(self.digest)
    }
}

/// The image that a Kustomize override `[name=]new[:tag][@digest]` is about
/// (<https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/#kustomize>).
pub(crate) fn overridden_image(text: &str) -> Option<(&str, ImageReference<'_>)> {
    match text.split_once('=') {
        Some((name, new)) => Some((name, ImageReference::parse(new)?)),
        None => ImageReference::parse(text).map(|image| (image.name, image)),
    }
}

/// Whether a value is filled in later: Go templates, Flux and shell variables, Helm's and Argo's
/// build environment. It names no version.
pub(crate) fn is_placeholder(value: &str) -> bool {
    value.contains("{{") || value.contains("${") || value.contains("$(") || value.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        let parts = |text| ImageReference::parse(text).map(|i| (i.name, i.tag, i.digest));
        assert_eq!(parts("reg:5000/x"), Some(("reg:5000/x", None, None)));
        assert_eq!(parts("reg:5000/x:1"), Some(("reg:5000/x", Some("1"), None)));
        let both = Some(("a/b", Some("1"), Some("sha256:c")));
        assert_eq!(parts("a/b:1@sha256:c"), both);
        assert_eq!(parts("a:"), Some(("a", None, None)));
        assert_eq!(parts(":1"), None);
        assert_eq!(parts("a:${TAG}"), None);
    }
}
