//! Files that exist to hold a version.

use crate::collect::{Collector, Scope, field, field_at};
use crate::facts::{Declaration, DeclarationKind, Role, VersionField};
use crate::field_path::FieldPath;
use crate::formats::values;
use crate::image::ImageReference;
use crate::key::DeclarationKey;
use crate::restore::locate;
use crate::yaml::Node;
use std::ops::Range;

/// Reads `image-tags/<environment>/<service>`: a small map with the tag under one of the usual
/// names. Whatever else such a file holds is read like values.
pub(crate) fn image_tag(collector: &mut Collector, scope: Scope<'_>, root: &Node<'_>) {
    let file = scope.of_kind(DeclarationKind::VersionFile);
    for key in ["tag", "version"] {
        if let Some(field) = field_at(Role::Tag, scope.top, root, key) {
            collector.declare(file, field.path.clone(), "", vec![field]);
        }
    }
    values::read_without(collector, file, root, &["tag", "version"]);
}

/// Reads the fields that configuration names.
pub(crate) fn configured(
    collector: &mut Collector,
    scope: Scope<'_>,
    root: &Node<'_>,
    paths: &[FieldPath],
) {
    let scope = scope.of_kind(DeclarationKind::VersionFile);
    for path in paths {
        let Some(node) = locate::node(root, path) else {
            continue;
        };
        let image = node.text().and_then(ImageReference::parse);
        let (role, subject) = match image.filter(|i| i.is_pinned() && is_image_path(path)) {
            Some(image) => (Role::Image, image.name),
            None => (Role::Tag, ""),
        };
        let fields = field(role, path.clone(), node).into_iter().collect();
        collector.declare(scope, path.clone(), subject, fields);
    }
}

fn is_image_path(path: &FieldPath) -> bool {
    path.to_string().ends_with("mage")
}

/// Reads a file whose whole trimmed content is the version.
pub(crate) fn plain_text(collector: &mut Collector, text: &str) {
    let Some(span) = plain_text_span(text) else {
        return;
    };
    let root = FieldPath::root();
    let field = VersionField {
        role: Role::Tag,
        path: root.clone(),
        value: text[span.clone()].to_owned(),
        span,
    };
    collector.facts.declarations.push(Declaration {
        key: DeclarationKey::new(None, false, &root),
        kind: DeclarationKind::PlainText,
        object: None,
        subject: String::new(),
        fields: vec![field],
        document: 0,
        owner: root,
    });
}

/// Where the version stands in a plain text file; `None` when it is blank or has several lines.
pub(crate) fn plain_text_span(text: &str) -> Option<Range<usize>> {
    let body = text.trim_start_matches('\u{feff}');
    let trimmed = body.trim();
    if trimmed.is_empty() || trimmed.contains('\n') {
        return None;
    }
    let start = text.len() - body.len() + (body.len() - body.trim_start().len());
    Some(start..start + trimmed.len())
}
