//! Gives one declaration the tag and digest of an image that is deployed.
//!
//! A declaration keeps its form: where a tag stands a tag is written, where a digest stands a digest, where
//! both stand both. Which of them decides what runs is the file's own business, and it is told.

use crate::facts::{Declaration, ReadRules, Role, VersionField};
use crate::image::{ImageReference, is_placeholder};
use crate::key::DeclarationKey;
use crate::read::{read, text_of};
use crate::restore::{EditError, Side, restore_version};

/// What an image is deployed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewImage<'a> {
    /// The tag.
    pub tag: &'a str,
    /// The digest of its manifest, with its algorithm.
    pub digest: &'a str,
}

/// Rewrites the declaration `key` so that it names the image; every other byte stays.
///
/// # Errors
/// There is no such declaration, it says nothing of an image (a chart's version, a git revision), or it is
/// written in a way that cannot be edited safely; see [`EditError`].
pub fn deploy_image(
    current: &[u8],
    path: &str,
    key: &DeclarationKey,
    rules: &ReadRules,
    new: NewImage<'_>,
) -> Result<Vec<u8>, EditError> {
    let not_found = || EditError::NotFound {
        key: key.clone(),
        side: Side::Current,
    };
    let text = text_of(current).map_err(|problem| EditError::Unreadable {
        side: Side::Current,
        message: problem.message,
    })?;
    let facts = read(path, current, rules);
    let declaration = facts.declarations.iter().find(|one| one.key == *key);
    let declaration = declaration.ok_or_else(not_found)?;
    let mut edits: Vec<(&VersionField, String)> = Vec::new();
    for field in &declaration.fields {
        if let Some(value) = value_of(field, declaration, new)
            && value != field.value
        {
            edits.push((field, value));
        }
    }
    if edits.is_empty() {
        return if names_an_image(declaration) {
            Ok(current.to_vec())
        } else {
            Err(not_found())
        };
    }
    // A text that declares the image, in whatever wording; the edit itself keeps the file's.
    edits.sort_by_key(|(field, _)| std::cmp::Reverse(field.span.start));
    let mut target = text.to_owned();
    for (field, value) in edits {
        let written = if rules.plain_text_version {
            value
        } else {
            format!("\"{value}\"")
        };
        if target.get(field.span.clone()).is_none() {
            return Err(not_found());
        }
        target.replace_range(field.span.clone(), &written);
    }
    restore_version(current, target.as_bytes(), path, key, rules)
}

/// Whether the declaration's image is told by its digest: then the tag does not decide what runs.
pub fn is_pinned_by_digest(declaration: &Declaration) -> bool {
    declaration.fields.iter().any(|field| match field.role {
        Role::Digest => !field.value.is_empty(),
        Role::Image | Role::Tag => field.value.contains("@sha256:"),
        _ => false,
    })
}

fn names_an_image(declaration: &Declaration) -> bool {
    let mut fields = declaration.fields.iter();
    fields.any(|field| matches!(field.role, Role::Image | Role::Tag | Role::Digest))
}

/// What a field is to say; none where it says nothing about the tag or digest.
fn value_of(field: &VersionField, declaration: &Declaration, new: NewImage<'_>) -> Option<String> {
    let NewImage { tag, digest } = new;
    match field.role {
        Role::Digest => Some(digest.to_owned()),
        // Charts that take a digest in the place of a tag have it behind an `@` there.
        Role::Tag => Some(match field.value.split_once('@') {
            Some(_) => format!("{tag}@{digest}"),
            None if field.value.starts_with("sha256:") => digest.to_owned(),
            None => tag.to_owned(),
        }),
        Role::Image if !is_placeholder(&field.value) => {
            // An override of Kustomize says first what it is of: `name=new:tag`.
            let (before, image) = match field.value.split_once('=') {
                Some((name, image)) => (format!("{name}="), image),
                None => (String::new(), field.value.as_str()),
            };
            let image = ImageReference::parse(image)?;
            let name = image.name;
            Some(match (image.tag, image.digest) {
                (None, Some(_)) => format!("{before}{name}@{digest}"),
                (Some(_), Some(_)) => format!("{before}{name}:{tag}@{digest}"),
                // A tag that stands in a field of its own stays there.
                (None, None) if has_own_version(declaration) => return None,
                _ => format!("{before}{name}:{tag}"),
            })
        }
        _ => None,
    }
}

fn has_own_version(declaration: &Declaration) -> bool {
    let mut fields = declaration.fields.iter();
    fields.any(|field| matches!(field.role, Role::Tag | Role::Digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const OLD: &str = "sha256:4d0ccca1d151f860b3f469c60df78bf1ab798f15e88dc1912d31d6741653eb99";

    fn deployed(path: &str, text: &str) -> String {
        let rules = ReadRules::default();
        let facts = read(path, text.as_bytes(), &rules);
        let key = facts.declarations[0].key.clone();
        let new = NewImage {
            tag: "hotfix-1",
            digest: DIGEST,
        };
        String::from_utf8(deploy_image(text.as_bytes(), path, &key, &rules, new).unwrap()).unwrap()
    }

    #[test]
    fn a_tag_stays_a_tag_and_keeps_its_quotes_and_comments() {
        let text = "images:\n  - name: ghcr.io/acme/pay # ours\n    newTag: 'v14' # by the bot\n";
        assert_eq!(
            deployed("apps/pay/production/kustomization.yaml", text),
            text.replace("v14", "hotfix-1")
        );
    }

    #[test]
    fn a_digest_stays_a_digest_and_both_stay_both() {
        let pinned = format!("images:\n  - name: ghcr.io/acme/pay\n    digest: {OLD}\n");
        assert_eq!(
            deployed("apps/pay/production/kustomization.yaml", &pinned),
            pinned.replace(OLD, DIGEST)
        );
        let pod = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: pay}}\nspec:\n  template:\n    spec:\n      containers:\n        - name: pay\n          image: ghcr.io/acme/pay:v14@{OLD}\n"
        );
        assert_eq!(
            deployed("apps/pay/production/deployment.yaml", &pod),
            pod.replace(&format!("v14@{OLD}"), &format!("hotfix-1@{DIGEST}"))
        );
    }

    #[test]
    fn an_image_in_one_piece_and_values_are_set() {
        let pod = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: pay}\nspec:\n  template:\n    spec:\n      containers:\n        - name: pay\n          image: host:5000/acme/pay:v14\n";
        assert_eq!(
            deployed("apps/pay/production/deployment.yaml", pod),
            pod.replace("v14", "hotfix-1")
        );
        let values = "image:\n  repository: ghcr.io/acme/pay\n  tag: 1.10\n";
        assert_eq!(
            deployed("apps/pay/production/values.yaml", values),
            values.replace("1.10", "hotfix-1")
        );
    }

    #[test]
    fn a_chart_is_no_image() {
        let text = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: pay}\nspec:\n  source:\n    chart: pay\n    repoURL: https://charts.example\n    targetRevision: 1.2.3\n";
        let rules = ReadRules::default();
        let facts = read("apps/pay.yaml", text.as_bytes(), &rules);
        let new = NewImage {
            tag: "v1",
            digest: DIGEST,
        };
        let key = &facts.declarations[0].key;
        let refused = deploy_image(text.as_bytes(), "apps/pay.yaml", key, &rules, new);
        assert!(matches!(refused, Err(EditError::NotFound { .. })));
    }
}
