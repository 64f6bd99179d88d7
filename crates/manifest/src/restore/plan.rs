//! Decides what has to change so that a declaration has the fields of the target.

use super::change::{Change, Effect, NewScalar, Trail};
use super::error::{EditError, Side, Unsafe};
use super::walk::{self, Reached};
use super::{layout, locate, relative};
use crate::facts::{Declaration, DeclarationKind, FileFacts, VersionField};
use crate::field_path::{FieldPath, Step};
use crate::formats::embedded::EmbeddedText;
use crate::image::is_placeholder;
use crate::key::DeclarationKey;
use crate::yaml::{
    Document, Node, NodeKind, Place, Reading, ScalarStyle, Stream, Wording, reading, word,
};

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
    if plan.has_entry()? {
        plan.restructure(&missing, &surplus, &mut changes)?;
    } else {
        changes.push(plan.append_entry()?);
    }
    Ok(changes)
}

fn not_found(sides: &Sides<'_>, side: Side) -> EditError {
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
enum Done {
    Same,
    Set(Change),
    Missing,
}

struct Plan<'p, 'a> {
    sides: &'p Sides<'a>,
    document: usize,
    owner: FieldPath,
    root: &'p Document<'a>,
}

impl<'p, 'a> Plan<'p, 'a> {
    fn refuse<T>(&self, path: &FieldPath, why: Unsafe) -> Result<T, EditError> {
        let _ = self;
        Err(EditError::Unsafe {
            place: path.to_string(),
            why,
        })
    }

    fn change(&self, span: std::ops::Range<usize>, text: String, effect: Effect) -> Change {
        Change {
            span,
            text,
            document: self.document,
            effect,
        }
    }

    /// Where a field of the target stands in the current file.
    fn path_of(&self, field: &VersionField) -> FieldPath {
        self.owner.join(relative(self.sides.wanted, field))
    }

    fn walk<'s>(&self, path: &'s FieldPath) -> Result<Reached<'p, 'a, 's>, EditError> {
        walk::to(&self.root.root, path).or_else(|why| self.refuse(path, why))
    }

    fn set(&self, field: &VersionField) -> Result<Done, EditError> {
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

    fn word(
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

    fn place(&self, in_flow: bool) -> Place {
        match in_flow {
            _ if self.sides.path.ends_with(".json") => Place::Json,
            true => Place::Flow,
            false => Place::Block,
        }
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

    /// Inserts and removes fields of a map.
    fn restructure(
        &self,
        missing: &[&VersionField],
        surplus: &[FieldPath],
        changes: &mut Vec<Change>,
    ) -> Result<(), EditError> {
        let mut gone: Vec<(Trail, usize)> = Vec::new();
        for path in surplus {
            let reached = self.walk(path)?;
            if !reached.rest.is_empty() {
                return self.refuse(path, Unsafe::Embedded);
            }
            let mut from = reached.trail;
            let Some(entry) = from.pop() else {
                return self.refuse(path, Unsafe::Layout);
            };
            gone.push((from, entry));
        }
        for field in missing {
            let path = self.path_of(field);
            let reached = self.walk(&path)?;
            let [Step::Key(key)] = reached.rest else {
                return Err(not_found(self.sides, Side::Current));
            };
            if !reached.node.is_map() {
                return Err(not_found(self.sides, Side::Current));
            }
            if reached.node.get("<<").is_some() {
                return self.refuse(&path, Unsafe::MergeKey);
            }
            let change = self.insert(field, &path, key, &reached, &mut gone)?;
            changes.push(change);
        }
        for (from, entry) in gone {
            let map = walk::by_trail(&self.root.root, &from);
            let removal = map
                .filter(|map| map.get("<<").is_none())
                .and_then(|map| layout::removal(self.sides.current_text, map, entry));
            let Some(span) = removal else {
                return self.refuse(&self.owner, Unsafe::Layout);
            };
            changes.push(self.change(span, String::new(), Effect::Remove { from, entry }));
        }
        Ok(())
    }

    fn insert(
        &self,
        field: &VersionField,
        path: &FieldPath,
        key: &str,
        into: &Reached<'_, '_, '_>,
        gone: &mut Vec<(Trail, usize)>,
    ) -> Result<Change, EditError> {
        let flow = into.in_flow || matches!(into.node.kind, NodeKind::Map { flow: true, .. });
        let wording = self.word(field, path, None, self.place(flow))?;
        let value = new_scalar(field, &wording);
        let stays = |at: &usize| {
            !gone
                .iter()
                .any(|(trail, entry)| trail == &into.trail && entry == at)
        };
        let after = self
            .keys_before(field, key)
            .into_iter()
            .rev()
            .find_map(|before| {
                into.node
                    .entries()
                    .iter()
                    .position(|(k, _)| k.is_key(&before))
                    .filter(stays)
            });
        let after = after.or_else(|| (0..into.node.entries().len()).find(stays));
        let text = self.sides.current_text;
        let Some(after) = after else {
            return self.swap(path, key, into, gone, value, &wording);
        };
        let Some((at, text)) = layout::insertion(text, into.node, after, key, &wording) else {
            return self.refuse(path, Unsafe::Layout);
        };
        let key = key.to_owned();
        let effect = Effect::Insert {
            into: into.trail.clone(),
            after,
            key,
            value,
        };
        Ok(self.change(at..at, text, effect))
    }

    /// Turns the only entry of a map, which would be removed, into the one to insert.
    fn swap(
        &self,
        path: &FieldPath,
        key: &str,
        map: &Reached<'_, '_, '_>,
        gone: &mut Vec<(Trail, usize)>,
        value: NewScalar,
        wording: &str,
    ) -> Result<Change, EditError> {
        let [(old_key, old_value)] = map.node.entries() else {
            return self.refuse(path, Unsafe::Layout);
        };
        let text = self.sides.current_text;
        let between = text.get(old_key.span.end..old_value.span.start);
        let Some(between) = between.filter(|between| between.trim() == ":") else {
            return self.refuse(path, Unsafe::Layout);
        };
        let quoted = text[old_key.span.clone()].starts_with('"');
        let new_key = if quoted {
            format!("\"{key}\"")
        } else {
            key.to_owned()
        };
        gone.retain(|(trail, _)| trail != &map.trail);
        let effect = Effect::Swap {
            within: map.trail.clone(),
            entry: 0,
            key: key.to_owned(),
            value,
        };
        let span = old_key.span.start..old_value.span.end;
        Ok(self.change(span, format!("{new_key}{between}{wording}"), effect))
    }

    /// The keys that stand before a field in the target's map.
    fn keys_before(&self, field: &VersionField, key: &str) -> Vec<String> {
        let Some((_, parent)) = field.path.steps().split_last() else {
            return Vec::new();
        };
        let parent = FieldPath::from_steps(parent.to_vec());
        let target = self.sides.target.documents.get(self.sides.wanted.document);
        let map = target
            .and_then(|document| document.as_ref().ok())
            .and_then(|document| locate::node(&document.root, &parent));
        let keys = map
            .map_or(&[][..], Node::entries)
            .iter()
            .filter_map(|(k, _)| k.text());
        keys.take_while(|k| *k != key).map(str::to_owned).collect()
    }

    /// Adds the whole entry of an image that the current list lacks.
    fn append_entry(&self) -> Result<Change, EditError> {
        let wanted = self.sides.wanted;
        let images = matches!(
            wanted.kind,
            DeclarationKind::KustomizeImage | DeclarationKind::FluxKustomization
        );
        let reached = self.walk(&self.owner)?;
        let [
            Step::Entry {
                field: None,
                value: name,
            },
        ] = reached.rest
        else {
            return Err(not_found(self.sides, Side::Current));
        };
        if !images {
            return Err(not_found(self.sides, Side::Current));
        }
        let plain = Wording {
            value: name,
            style: ScalarStyle::Plain,
        };
        let Some(name_wording) = word(plain, None, Place::Block) else {
            return self.refuse(&self.owner, Unsafe::Layout);
        };
        let mut item = vec![(
            "name".to_owned(),
            NewScalar {
                value: name.clone(),
                reading: reading_of(name, &name_wording),
            },
        )];
        let mut lines = vec![format!("name: {name_wording}")];
        for field in &wanted.fields {
            let [Step::Key(key)] = relative(wanted, field) else {
                return self.refuse(&field.path, Unsafe::Shape);
            };
            let wording = self.word(field, &field.path, None, Place::Block)?;
            lines.push(format!("{key}: {wording}"));
            item.push((key.clone(), new_scalar(field, &wording)));
        }
        let Some((at, text)) = layout::append(self.sides.current_text, reached.node, &lines) else {
            return self.refuse(&self.owner, Unsafe::Layout);
        };
        Ok(self.change(
            at..at,
            text,
            Effect::Append {
                into: reached.trail,
                item,
            },
        ))
    }
}

fn new_scalar(field: &VersionField, wording: &str) -> NewScalar {
    NewScalar {
        value: field.value.clone(),
        reading: reading_of(&field.value, wording),
    }
}

fn reading_of(value: &str, wording: &str) -> Reading {
    if wording.starts_with(['"', '\'']) {
        Reading::Text
    } else {
        reading(value)
    }
}
