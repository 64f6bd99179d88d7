//! What holds for any input. Shared by the property tests and the fuzz targets in `/fuzz`.

use ripcord_manifest::{
    DeclarationKey, EditError, FieldPath, FileFacts, ReadRules, read, restore_version, risks,
};
use std::collections::HashSet;

/// Paths that make one file read in every way.
pub(crate) const PATHS: [&str; 6] = [
    "overlays/prod/kustomization.yaml",
    "apps/payments/values.yaml",
    "apps/config.json",
    "charts/x/Chart.yaml",
    "deploy/image-tags/prod/payments",
    "apps/manifest.yml",
];

/// Reads a file and checks what can be said about any facts.
pub(crate) fn read_holds(path: &str, bytes: &[u8]) -> FileFacts {
    let facts = read(path, bytes, &ReadRules::default());
    let mut keys = HashSet::new();
    for declaration in &facts.declarations {
        let key = &declaration.key;
        assert!(keys.insert(key.clone()), "key {key} twice");
        if !key.as_str().contains(char::is_control) {
            assert_eq!(Ok(key), key.to_string().parse::<DeclarationKey>().as_ref());
        }
        assert!(!declaration.fields.is_empty(), "{key} without fields");
        assert!(!declaration.version().is_empty(), "{key} without version");
        for field in &declaration.fields {
            assert_eq!(
                Ok(&field.path),
                field.path.to_string().parse::<FieldPath>().as_ref()
            );
            assert!(
                bytes.get(field.span.clone()).is_some_and(|b| !b.is_empty()),
                "{field:?}"
            );
        }
    }
    facts
}

/// Restores every declaration of `target` in `current` and checks each result.
pub(crate) fn restore_holds(path: &str, current: &[u8], target: &[u8]) {
    let rules = ReadRules::default();
    let before = read_holds(path, current);
    for wanted in &read_holds(path, target).declarations {
        let edited = match restore_version(current, target, path, &wanted.key, &rules) {
            Ok(edited) => edited,
            // A refusal is fine, a wrong edit that only the proof at the end caught is not.
            Err(error @ EditError::Verification { .. }) => unexpected(&error, current, target),
            Err(_) => continue,
        };
        let after = read_holds(path, &edited);
        for declaration in &after.declarations {
            if declaration.key == wanted.key {
                assert_eq!(declaration.version(), wanted.version());
                continue;
            }
            let old = before
                .declarations
                .iter()
                .find(|old| old.key == declaration.key);
            let old = old.map(ripcord_manifest::Declaration::version);
            assert_eq!(
                old,
                Some(declaration.version()),
                "{} changed, too",
                declaration.key
            );
        }
        let again = restore_version(&edited, target, path, &wanted.key, &rules);
        assert_eq!(
            again.as_deref(),
            Ok(edited.as_slice()),
            "a second restore changes more"
        );
    }
    let _ = risks(path, Some(current), Some(target));
}

#[expect(clippy::panic, reason = "this is how a test fails")]
fn unexpected(error: &EditError, current: &[u8], target: &[u8]) -> ! {
    let (current, target) = (
        String::from_utf8_lossy(current),
        String::from_utf8_lossy(target),
    );
    panic!("{error}\n--- current\n{current}\n--- target\n{target}\n{current:?}\n{target:?}")
}
