//! Gives one declaration the fields it has in another version of the file.
//!
//! `plan` decides which fields to set, insert and remove, `layout` finds the bytes for it, `verify`
//! proves that the edited text reads as the old one with exactly these changes.

mod change;
mod error;
mod layout;
pub(crate) mod locate;
mod plan;
mod set;
mod structure;
mod verify;
mod walk;

pub use error::{EditError, Side, Unsafe};

use crate::facts::{Declaration, FileFacts, ReadRules, Role, VersionField};
use crate::field_path::Step;
use crate::formats::version_file::plain_text_span;
use crate::key::DeclarationKey;
use crate::read::{read, text_of};
use crate::yaml::Stream;
use plan::Sides;

/// Rewrites `current` so that the declaration `key` has exactly the fields it has in `target`.
///
/// Everything else keeps its bytes: comments, order, quotes, line ends, byte order mark, a missing
/// final newline. Values keep the quotes they have where they can; see [`EditError`] for when an
/// edit is refused. The result is read again and compared before it is returned.
pub fn restore_version(
    current: &[u8],
    target: &[u8],
    path: &str,
    key: &DeclarationKey,
    rules: &ReadRules,
) -> Result<Vec<u8>, EditError> {
    let current_text = text(current, Side::Current)?;
    let target_text = text(target, Side::Target)?;
    let current_facts = facts(path, current, rules, Side::Current, key)?;
    let target_facts = facts(path, target, rules, Side::Target, key)?;
    let wanted = find(&target_facts, key).ok_or_else(|| EditError::NotFound {
        key: key.clone(),
        side: Side::Target,
    })?;
    if rules.plain_text_version {
        return plain_text(current_text, wanted, key);
    }
    let sides = Sides {
        path,
        key,
        wanted,
        present: find(&current_facts, key),
        current_facts: &current_facts,
        current_text,
        current: Stream::parse(current_text),
        target_text,
        target: Stream::parse(target_text),
    };
    let changes = plan::changes(&sides)?;
    let edited = change::apply(current_text, &changes).ok_or_else(|| EditError::Verification {
        message: "edits overlap".to_owned(),
    })?;
    verify::same_but_for(&sides.current, &Stream::parse(&edited), &changes)?;
    let edited_facts = read(path, edited.as_bytes(), rules);
    match find(&edited_facts, key) {
        Some(found) if sorted_fields(found) == sorted_fields(wanted) => {}
        // The place was a guess: the field stands there now, but not as a declaration, because the
        // document is of another kind than the target's.
        None if sides.present.is_none() => {
            return Err(EditError::NotFound {
                key: key.clone(),
                side: Side::Current,
            });
        }
        _ => {
            let message = format!("{key} does not declare the target's version");
            return Err(EditError::Verification { message });
        }
    }
    if others(&edited_facts, key) != others(&current_facts, key) {
        return Err(EditError::Unsafe {
            place: key.to_string(),
            why: Unsafe::Identity,
        });
    }
    Ok(edited.into_bytes())
}

/// All other declarations: an edit must neither change nor rename them.
fn others<'f>(
    facts: &'f FileFacts,
    key: &DeclarationKey,
) -> Vec<(&'f DeclarationKey, Vec<ComparableField<'f>>)> {
    let others = facts
        .declarations
        .iter()
        .filter(|declaration| declaration.key != *key);
    others
        .map(|declaration| (&declaration.key, sorted_fields(declaration)))
        .collect()
}

fn text(bytes: &[u8], side: Side) -> Result<&str, EditError> {
    text_of(bytes).map_err(|problem| EditError::Unreadable {
        side,
        message: problem.message,
    })
}

fn facts(
    path: &str,
    bytes: &[u8],
    rules: &ReadRules,
    side: Side,
    key: &DeclarationKey,
) -> Result<FileFacts, EditError> {
    let facts = read(path, bytes, rules);
    if facts.is_template {
        return Err(EditError::Unsafe {
            place: key.to_string(),
            why: Unsafe::Template,
        });
    }
    match facts.problems.first() {
        Some(problem) if find(&facts, key).is_none() => Err(EditError::Unreadable {
            side,
            message: format!("line {}: {}", problem.line, problem.message),
        }),
        _ => Ok(facts),
    }
}

fn find<'f>(facts: &'f FileFacts, key: &DeclarationKey) -> Option<&'f Declaration> {
    facts
        .declarations
        .iter()
        .find(|declaration| declaration.key == *key)
}

fn plain_text(
    current: &str,
    wanted: &Declaration,
    key: &DeclarationKey,
) -> Result<Vec<u8>, EditError> {
    let span = plain_text_span(current).ok_or_else(|| EditError::NotFound {
        key: key.clone(),
        side: Side::Current,
    })?;
    let value = wanted
        .fields
        .first()
        .map_or("", |field| field.value.as_str());
    let edited = [&current[..span.start], value, &current[span.end..]].concat();
    if plain_text_span(&edited).is_none_or(|span| edited[span] != *value) {
        return Err(EditError::Verification {
            message: "plain text reads otherwise".to_owned(),
        });
    }
    Ok(edited.into_bytes())
}

/// Role, path behind the owner, and value.
type ComparableField<'f> = (Role, &'f [Step], &'f str);

/// The fields of a declaration as comparable between files.
fn sorted_fields(declaration: &Declaration) -> Vec<ComparableField<'_>> {
    let mut fields: Vec<_> = declaration
        .fields
        .iter()
        .map(|field| {
            (
                field.role,
                relative(declaration, field),
                field.value.as_str(),
            )
        })
        .collect();
    fields.sort();
    fields
}

/// The path of a field behind the owner of its declaration.
fn relative<'d>(declaration: &Declaration, field: &'d VersionField) -> &'d [Step] {
    field
        .path
        .behind(&declaration.owner)
        .unwrap_or(field.path.steps())
}
