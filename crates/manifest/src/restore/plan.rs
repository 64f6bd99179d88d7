//! Decides what has to change so that a declaration has the fields of the target.

use super::change::{Change, Effect};
use super::error::{EditError, Side, Unsafe};
use super::walk::{self, Reached};
use super::{layout, locate, relative};
use crate::facts::{Declaration, FileFacts, VersionField};
use crate::field_path::{FieldPath, Step};
use crate::image::is_placeholder;
use crate::key::DeclarationKey;
use crate::yaml::{Document, NodeKind, Stream};

/// Both versions of the file and what is wanted from them.
pub(super) struct Sides<'a> {
    pub(super) path: &'a str,
    pub(super) key: &'a DeclarationKey,
    /// The declaration in the target.
    pub(super) wanted: &'a Declaration,
    /// The declaration in the current file, when it has one.
    pub(super) present: Option<&'a Declaration>,
    pub(super) current_facts: &'a FileFacts,
    pub(super) current_text: &'a str,
    pub(super) current: Stream<'a>,
    pub(super) target_text: &'a str,
    pub(super) target: Stream<'a>,
}

/// All changes, in no particular order.
pub(super) fn changes(sides: &Sides<'_>) -> Result<Vec<Change>, EditError> {
    let (document, owner) = home(sides).ok_or_else(|| not_found(sides, Side::Current))?;
    let Some(Ok(root)) = sides.current.documents.get(document) else {
        return Err(not_found(sides, Side::Current));
    };
    let plan = Plan {
        sides,
        document,
        owner,
        root,
    };
    let mut missing = Vec::new();
    let mut changes = Vec::new();
    for field in &sides.wanted.fields {
        match plan.set(field)? {
            Done::Same => {}
            Done::Set(change) => changes.push(change),
            Done::Missing => missing.push(field),
        }
    }
    let surplus = plan.surplus()?;
    let entry = plan.has_entry()?;
    let structural = !entry || !missing.is_empty() || !surplus.is_empty();
    if structural && layout::has_lone_return(sides.current_text) {
        return plan.refuse(&plan.owner, Unsafe::Layout);
    }
    if entry {
        plan.restructure(&missing, &surplus, &mut changes)?;
    } else {
        changes.push(plan.append_entry()?);
    }
    Ok(changes)
}

pub(super) fn not_found(sides: &Sides<'_>, side: Side) -> EditError {
    EditError::NotFound {
        key: sides.key.clone(),
        side,
    }
}

/// In which document of the current file the declaration stands or belongs, and where.
fn home(sides: &Sides<'_>) -> Option<(usize, FieldPath)> {
    if let Some(present) = sides.present {
        return Some((present.document, present.owner.clone()));
    }
    let wanted = sides.wanted;
    let Some(object) = &wanted.object else {
        let same_shape = sides.current.documents.len() == sides.target.documents.len();
        return same_shape.then(|| (wanted.document, wanted.owner.clone()));
    };
    // An item of a list may stand at another position now, and only declarations know which.
    if wanted.owner.steps().first() == Some(&Step::Key("items".to_owned())) {
        return None;
    }
    let mut same = sides.current_facts.objects.iter().filter(|candidate| {
        candidate.kind == object.kind
            && candidate.name == object.name
            && candidate.namespace == object.namespace
    });
    let found = same.next()?;
    same.next()
        .is_none()
        .then(|| (found.document, wanted.owner.clone()))
}

/// What became of one wanted field.
pub(super) enum Done {
    Same,
    Set(Change),
    Missing,
}

/// The plan in the making.
pub(super) struct Plan<'p, 'a> {
    pub(super) sides: &'p Sides<'a>,
    /// The document of the current file.
    pub(super) document: usize,
    /// Where the declaration stands or belongs in it.
    pub(super) owner: FieldPath,
    pub(super) root: &'p Document<'a>,
}

impl<'p, 'a> Plan<'p, 'a> {
    pub(super) fn refuse<T>(&self, path: &FieldPath, why: Unsafe) -> Result<T, EditError> {
        let _ = self;
        Err(EditError::Unsafe {
            place: path.to_string(),
            why,
        })
    }

    pub(super) fn change(
        &self,
        span: std::ops::Range<usize>,
        text: String,
        effect: Effect,
    ) -> Change {
        Change {
            span,
            text,
            document: self.document,
            effect,
        }
    }

    /// Where a field of the target stands in the current file.
    pub(super) fn path_of(&self, field: &VersionField) -> FieldPath {
        self.owner.join(relative(self.sides.wanted, field))
    }

    pub(super) fn walk<'s>(&self, path: &'s FieldPath) -> Result<Reached<'p, 'a, 's>, EditError> {
        walk::to(&self.root.root, path).or_else(|why| self.refuse(path, why))
    }

    /// Fields that the current declaration has and the target lacks.
    fn surplus(&self) -> Result<Vec<FieldPath>, EditError> {
        let Some(present) = self.sides.present else {
            return Ok(Vec::new());
        };
        let wanted = self.sides.wanted;
        let mut surplus = Vec::new();
        for field in &present.fields {
            let steps = relative(present, field);
            if wanted
                .fields
                .iter()
                .any(|other| relative(wanted, other) == steps)
            {
                continue;
            }
            // The target may have the field without it being a version there: a placeholder.
            let there = self
                .sides
                .target
                .documents
                .get(wanted.document)
                .and_then(|document| {
                    let document = document.as_ref().ok()?;
                    locate::node(&document.root, &wanted.owner.join(steps))
                });
            match there {
                Some(node) if node.text().is_some_and(is_placeholder) => {
                    return self.refuse(&field.path, Unsafe::Template);
                }
                Some(node) if node.text().is_none_or(str::is_empty) && !node.is_map() => {
                    surplus.push(field.path.clone());
                }
                Some(_) => return self.refuse(&field.path, Unsafe::Shape),
                None => surplus.push(field.path.clone()),
            }
        }
        Ok(surplus)
    }

    /// Whether the list entry that owns the declaration is there; true when no list is involved.
    fn has_entry(&self) -> Result<bool, EditError> {
        let reached = self.walk(&self.owner)?;
        Ok(!matches!(
            (&reached.node.kind, reached.rest),
            (NodeKind::Seq { .. }, [Step::Entry { .. }])
        ))
    }
}
