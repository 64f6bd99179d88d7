//! Inserts and removes entries.

use super::change::{Change, Effect, NewScalar, Trail};
use super::error::{EditError, Side, Unsafe};
use super::plan::{Plan, not_found};
use super::set::{new_scalar, reading_of};
use super::walk::{self, Reached};
use super::{layout, locate, relative};
use crate::facts::{DeclarationKind, VersionField};
use crate::field_path::{FieldPath, Step};
use crate::yaml::{Node, NodeKind, Place, ScalarStyle, Wording, word};

impl Plan<'_, '_> {
    /// Inserts and removes fields of a map.
    pub(super) fn restructure(
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
        for (from, entry) in &gone {
            let is_gone = |other| gone.iter().any(|(trail, at)| trail == from && *at == other);
            let map = walk::by_trail(&self.root.root, from);
            let removal = map
                .filter(|map| map.get("<<").is_none())
                .and_then(|map| layout::removal(self.sides.current_text, map, *entry, is_gone));
            let Some(span) = removal else {
                return self.refuse(&self.owner, Unsafe::Layout);
            };
            changes.push(self.change(
                span,
                String::new(),
                Effect::Remove {
                    from: from.clone(),
                    entry: *entry,
                },
            ));
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
    pub(super) fn append_entry(&self) -> Result<Change, EditError> {
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
