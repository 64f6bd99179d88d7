//! Sets scalars that have a place already.

use super::change::{Effect, NewScalar};
use super::error::{EditError, Side, Unsafe};
use super::layout;
use super::plan::{Done, Plan, not_found};
use super::walk::{self, Reached};
use crate::facts::VersionField;
use crate::field_path::FieldPath;
use crate::formats::embedded::EmbeddedText;
use crate::image::is_placeholder;
use crate::yaml::{Node, NodeKind, Place, Reading, ScalarStyle, Stream, Wording, reading, word};

impl Plan<'_, '_> {
    /// Sets a field whose place exists.
    pub(super) fn set(&self, field: &VersionField) -> Result<Done, EditError> {
        let path = self.path_of(field);
        let reached = self.walk(&path)?;
        let text = self.sides.current_text;
        if !reached.rest.is_empty() {
            return match &reached.node.kind {
                NodeKind::Scalar { .. } if reached.node.text().is_some() => {
                    self.set_inside(field, &path, &reached)
                }
                NodeKind::Map { .. } | NodeKind::Seq { .. } => Ok(Done::Missing),
                NodeKind::Scalar { .. } => Err(not_found(self.sides, Side::Current)),
                NodeKind::Alias(_) => self.refuse(&path, Unsafe::Alias),
            };
        }
        let place = self.place(reached.in_flow);
        let Some(wording) = self.reword(field, &path, reached.node, text, place)? else {
            return Ok(Done::Same);
        };
        let to = new_scalar(field, &wording);
        if reached.node.is_absent() {
            // An anchor or a tag may stand where the value goes.
            if reached.node.anchor.is_some() || reached.node.tag.is_some() {
                return self.refuse(&path, Unsafe::Layout);
            }
            let key_end = reached.key_end.unwrap_or(reached.node.span.start);
            let Some(at) = layout::behind_colon(text, key_end) else {
                return self.refuse(&path, Unsafe::Layout);
            };
            let effect = Effect::Set {
                at: reached.trail,
                to,
            };
            return Ok(Done::Set(self.change(
                at..at,
                format!(" {wording}"),
                effect,
            )));
        }
        let span = reached.node.span.clone();
        Ok(Done::Set(self.change(
            span,
            wording,
            Effect::Set {
                at: reached.trail,
                to,
            },
        )))
    }

    /// Sets a value in YAML that is embedded in a literal block.
    fn set_inside(
        &self,
        field: &VersionField,
        path: &FieldPath,
        reached: &Reached<'_, '_, '_>,
    ) -> Result<Done, EditError> {
        let Some(embedded) = EmbeddedText::new(self.sides.current_text, reached.node) else {
            return self.refuse(path, Unsafe::Embedded);
        };
        let stream = Stream::parse(embedded.inner);
        let [Ok(document)] = stream.documents.as_slice() else {
            return self.refuse(path, Unsafe::Embedded);
        };
        let rest = FieldPath::from_steps(reached.rest.to_vec());
        let inside = walk::to(&document.root, &rest).or_else(|why| self.refuse(path, why))?;
        if !inside.rest.is_empty() || inside.node.is_absent() {
            return self.refuse(path, Unsafe::Embedded);
        }
        let place = if inside.in_flow {
            Place::Flow
        } else {
            Place::Block
        };
        let Some(wording) = self.reword(field, path, inside.node, embedded.inner, place)? else {
            return Ok(Done::Same);
        };
        let Some(span) = embedded.outer(&inside.node.span) else {
            return self.refuse(path, Unsafe::Embedded);
        };
        let at = reached.trail.clone();
        let inner = inside.node.span.clone();
        let effect = Effect::SetInside {
            at,
            inner,
            text: wording.clone(),
        };
        Ok(Done::Set(self.change(span, wording, effect)))
    }

    /// The new text for a scalar, `None` when it reads as wanted already.
    fn reword(
        &self,
        field: &VersionField,
        path: &FieldPath,
        node: &Node<'_>,
        text: &str,
        place: Place,
    ) -> Result<Option<String>, EditError> {
        let NodeKind::Scalar { value, style } = &node.kind else {
            let alias = matches!(node.kind, NodeKind::Alias(_));
            return self.refuse(path, if alias { Unsafe::Alias } else { Unsafe::Shape });
        };
        let written = text.get(node.span.clone()).unwrap_or_default();
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) || written.contains('\n') {
            return self.refuse(path, Unsafe::Multiline);
        }
        let custom_tag = node.tag.as_deref().is_some_and(|tag| tag != "!!str");
        if custom_tag || is_placeholder(value) {
            return self.refuse(path, Unsafe::Template);
        }
        // A null that is there (`tag: ~`) has no quotes to keep.
        let current = node.text().map(|_| *style);
        let wording = self.word(field, path, current, place)?;
        Ok((wording != written).then_some(wording).filter(|wording| {
            // Escapes that differ without meaning stay as they are.
            value != &field.value
                || *style == ScalarStyle::Plain
                || !wording.starts_with(['"', '\''])
        }))
    }

    /// How a field is written in place of a scalar, or where none stands.
    pub(super) fn word(
        &self,
        field: &VersionField,
        path: &FieldPath,
        current: Option<ScalarStyle>,
        place: Place,
    ) -> Result<String, EditError> {
        if field.value.contains(['\n', '\r']) {
            return self.refuse(path, Unsafe::Multiline);
        }
        let style = match self.sides.target_text.as_bytes().get(field.span.start) {
            Some(b'"') => ScalarStyle::DoubleQuoted,
            Some(b'\'') => ScalarStyle::SingleQuoted,
            _ => ScalarStyle::Plain,
        };
        let wording = word(
            Wording {
                value: &field.value,
                style,
            },
            current,
            place,
        );
        wording.map_or_else(|| self.refuse(path, Unsafe::Layout), Ok)
    }

    /// What surrounds a scalar.
    pub(super) fn place(&self, in_flow: bool) -> Place {
        match in_flow {
            _ if self.sides.path.ends_with(".json") => Place::Json,
            true => Place::Flow,
            false => Place::Block,
        }
    }
}

/// The scalar that a wording reads as.
pub(super) fn new_scalar(field: &VersionField, wording: &str) -> NewScalar {
    NewScalar {
        value: field.value.clone(),
        reading: reading_of(&field.value, wording),
    }
}

/// How a wording reads.
pub(super) fn reading_of(value: &str, wording: &str) -> Reading {
    if wording.starts_with(['"', '\'']) {
        Reading::Text
    } else {
        reading(value)
    }
}
