//! Gathers the facts while the formats are read.

use crate::facts::{
    Declaration, DeclarationKind, FileFacts, ObjectRef, Reference, Role, VersionField,
};
use crate::field_path::{FieldPath, Step};
use crate::image::is_placeholder;
use crate::key::DeclarationKey;
use crate::yaml::Node;
use std::collections::HashMap;

/// Collects what the formats find in one file.
#[derive(Default)]
pub(crate) struct Collector {
    pub(crate) facts: FileFacts,
    /// How many declarations asked for a key.
    taken: HashMap<DeclarationKey, usize>,
}

/// Where the reader is: which document, in which object.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s> {
    pub(crate) document: usize,
    pub(crate) object: Option<&'s ObjectRef>,
    /// The steps to the object, when it is an item of a `List`.
    pub(crate) top: &'s FieldPath,
    pub(crate) kind: DeclarationKind,
}

impl Scope<'_> {
    /// The same place, declaring another kind.
    pub(crate) fn of_kind(self, kind: DeclarationKind) -> Self {
        Self { kind, ..self }
    }
}

impl Collector {
    /// Adds a declaration whose fields belong to `owner`. No fields with a version, no declaration.
    pub(crate) fn declare(
        &mut self,
        scope: Scope<'_>,
        owner: FieldPath,
        subject: &str,
        mut fields: Vec<VersionField>,
    ) {
        let versioned = fields.iter().any(|f| {
            matches!(
                f.role,
                Role::Image | Role::Tag | Role::Digest | Role::Revision
            )
        });
        if !versioned {
            return;
        }
        let subject = match (subject, scope.object) {
            // An Application or a HelmRelease is usually named after what it deploys.
            ("", Some(object)) => &object.name,
            _ => subject,
        };
        fields.sort_by_key(|field| field.span.start);
        let named = FieldPath::from_steps(owner.behind(scope.top).unwrap_or_default().to_vec());
        let key = self.free_key(scope.object, &named);
        self.facts.declarations.push(Declaration {
            key,
            kind: scope.kind,
            object: scope.object.cloned(),
            subject: subject.to_owned(),
            fields,
            document: scope.document,
            owner,
        });
    }

    fn free_key(&mut self, object: Option<&ObjectRef>, path: &FieldPath) -> DeclarationKey {
        let key = DeclarationKey::new(object, false, path);
        let mut count = self.count(&key);
        if count == 1 {
            return key;
        }
        let mut base = key;
        if object.is_some_and(|object| object.namespace.is_some()) {
            base = DeclarationKey::new(object, true, path);
            count = self.count(&base);
            if count == 1 {
                return base;
            }
        }
        base.numbered(count)
    }

    fn count(&mut self, key: &DeclarationKey) -> usize {
        let count = self.taken.entry(key.clone()).or_insert(0);
        *count += 1;
        *count
    }

    /// Adds a reference to another file.
    pub(crate) fn refer(&mut self, reference: Reference) {
        self.facts.references.push(reference);
    }
}

/// A field from a scalar, when the scalar is present and says a value now (not after templating).
pub(crate) fn field(role: Role, path: FieldPath, node: &Node<'_>) -> Option<VersionField> {
    let value = node.text()?;
    if value.trim().is_empty() || is_placeholder(value) {
        return None;
    }
    Some(VersionField {
        role,
        path,
        value: value.to_owned(),
        span: node.span.clone(),
    })
}

/// The field of `map` under `key`.
pub(crate) fn field_at(
    role: Role,
    owner: &FieldPath,
    map: &Node<'_>,
    key: &str,
) -> Option<VersionField> {
    field(role, owner.key(key), map.get(key)?)
}

/// How to address each entry of a list: by the first of `naming` fields that it has and that no
/// other entry shares, else by its position. One pass per field: lists can be long.
pub(crate) fn entry_steps(items: &[Node<'_>], naming: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Option<Step>> = vec![None; items.len()];
    for name in naming {
        if steps.iter().all(Option::is_some) {
            break;
        }
        let values: Vec<Option<&str>> = items.iter().map(|item| item.text_at(name)).collect();
        let mut counts: HashMap<&str, usize> = HashMap::with_capacity(values.len());
        for value in values.iter().flatten() {
            *counts.entry(value).or_insert(0) += 1;
        }
        for (step, value) in steps.iter_mut().zip(values) {
            if let (None, Some(value)) = (&step, value.filter(|value| !value.is_empty()))
                && counts.get(value) == Some(&1)
            {
                let field = (*name != "name").then(|| (*name).to_owned());
                *step = Some(Step::Entry {
                    field,
                    value: value.to_owned(),
                });
            }
        }
    }
    let positions = steps.into_iter().enumerate();
    positions
        .map(|(index, step)| step.unwrap_or(Step::Index(index)))
        .collect()
}
