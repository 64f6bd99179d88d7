//! Programs that write new versions into the infra repo by themselves: they would undo a rollback.

use std::collections::BTreeSet;

use ripcord_domain::plan::{Severity, Warning};

use crate::draft::Changed;
use crate::risk::warning;

/// How Flux marks a line that its image automation sets
/// (<https://fluxcd.io/flux/guides/image-update/#configure-image-update-for-custom-resources>).
const FLUX_MARK: &str = r#""$imagepolicy":"#;

/// What Argo CD Image Updater calls its files
/// (<https://argocd-image-updater.readthedocs.io/en/stable/basics/update-methods/>).
const UPDATER_FILE: &str = ".argocd-source-";

/// A warning for each bot that writes one of the files.
pub(crate) fn of_changes(changes: &[Changed]) -> Vec<Warning> {
    let mut bots = BTreeSet::new();
    for change in changes {
        let path = crate::draft::shown_path(&change.path);
        let name = path.rsplit('/').next().unwrap_or(&path);
        if name.starts_with(UPDATER_FILE) {
            bots.insert(format!("Argo CD Image Updater writes {path}"));
        }
        for policy in text_of(change).into_iter().flat_map(policies) {
            bots.insert(format!(
                "Flux sets a version in {path} by its image policy {policy}"
            ));
        }
    }
    bots.into_iter()
        .map(|bot| {
            warning(
                "image_bot",
                Severity::Warning,
                format!("{bot}: it would bump the version again"),
            )
        })
        .collect()
}

/// The image policies of Flux that set a version in one of the files.
pub(crate) fn policies_of(changes: &[Changed]) -> Vec<String> {
    let texts = changes.iter().filter_map(text_of);
    let named: BTreeSet<String> = texts.flat_map(policies).collect();
    named.into_iter().collect()
}

/// The text that a file had, if it was one.
fn text_of(change: &Changed) -> Option<&str> {
    let bytes = change.before.as_ref().and_then(|file| file.bytes())?;
    std::str::from_utf8(bytes).ok()
}

/// The image policies that lines of a file name, such as `flux-system:payments`.
fn policies(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once(FLUX_MARK)?;
        let name = rest.trim_start().strip_prefix('"')?.split('"').next()?;
        // `namespace:policy:tag` sets one part of an image.
        let parts: Vec<&str> = name.split(':').take(2).collect();
        (parts.len() == 2).then(|| parts.join(":"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_flux_sets_names_its_policy() {
        let text = "  tag: v2 # {\"$imagepolicy\": \"flux-system:payments:tag\"}\n  other: x\n";
        assert_eq!(policies(text).collect::<Vec<_>>(), ["flux-system:payments"]);
        assert_eq!(policies("# $imagepolicy is explained elsewhere").count(), 0);
    }
}
