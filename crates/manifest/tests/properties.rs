//! What holds for generated, mutated and arbitrary files.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails the test")]

mod invariants;

use invariants::{PATHS, read_holds, restore_holds};
use proptest::prelude::*;
use ripcord_manifest::{ReadRules, read, restore_version};
use std::path::PathBuf;

/// The ugly files of `tests/corpus`.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// How a generated file is laid out.
#[derive(Debug, Clone)]
struct Layout {
    indent: usize,
    quote: &'static str,
    comment: &'static str,
    line_end: &'static str,
    bom: bool,
    final_newline: bool,
    shape: usize,
}

fn layouts() -> impl Strategy<Value = Layout> {
    let text = (
        2..5_usize,
        prop::sample::select(vec!["", "'", "\""]),
        prop::sample::select(vec![
            "",
            " # note",
            "   # {\"$imagepolicy\": \"a:b:tag\"}",
            " #\ttab",
        ]),
        prop::sample::select(vec!["\n", "\r\n"]),
        any::<bool>(),
        any::<bool>(),
        0..4_usize,
    );
    text.prop_map(
        |(indent, quote, comment, line_end, bom, final_newline, shape)| Layout {
            indent,
            quote,
            comment,
            line_end,
            bom,
            final_newline,
            shape,
        },
    )
}

impl Layout {
    fn path(&self) -> &'static str {
        [
            "kustomization.yaml",
            "values.yaml",
            "deploy.yaml",
            "values.yaml",
        ][self.shape]
    }

    fn key(&self) -> &'static str {
        [
            "images[acme/app]",
            "sub.image",
            "Deployment/p:spec.template.spec.containers[app]",
            "sub.image",
        ][self.shape]
    }

    /// A file with `tag`, and the bytes where it stands.
    fn file(&self, tag: &str) -> (Vec<u8>, usize) {
        let (i, q, c) = (" ".repeat(self.indent), self.quote, self.comment);
        let before = match self.shape {
            0 => format!(
                "# top\nimages:{c}\n{i}- name: other{c}\n{i}  newTag: v9\n{i}# between\n{i}- name: acme/app{c}\n{i}  newTag: {q}"
            ),
            1 => format!(
                "a: 1{c}\nsub:\n{i}image:{c}\n{i}{i}repository: acme/app\n\n{i}{i}tag:  {q}"
            ),
            2 => format!(
                "---{c}\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: p}}\nspec:\n{i}template:\n{i}{i}spec:\n{i}{i}{i}containers:\n{i}{i}{i}- name: app{c}\n{i}{i}{i}  image: {q}reg:5000/app:"
            ),
            _ => format!("sub: {{image: {{repository: acme/app, tag: {q}"),
        };
        let after = match self.shape {
            3 => format!("{q}}}, z: 'é'}}{c}\nlast: true"),
            _ => format!("{q}{c}\nlast: true # end"),
        };
        let bom = if self.bom { "\u{feff}" } else { "" };
        let end = if self.final_newline { "\n" } else { "" };
        let lines = |text: String| text.replace('\n', self.line_end);
        let before = lines(format!("{bom}{before}"));
        let at = before.len();
        (
            format!("{before}{tag}{}", lines(format!("{after}{end}"))).into_bytes(),
            at,
        )
    }
}

fn tags() -> impl Strategy<Value = String> {
    prop_oneof![
        "v[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]",
        "[0-9a-f]{7,40}",
        "[0-9]{1,2}\\.[0-9]{1,2}",
        "[0-9]{1,8}",
        "(latest|true|null|0x1f|1e5|2024-01-02|no|0o7|0b1)",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes outside the value are equal, and restoring back gives the original bytes.
    #[test]
    fn a_restore_changes_the_value_and_nothing_else(
        layout in layouts(), old in tags(), new in tags(),
    ) {
        // A plain `null` or `~` is no version.
        prop_assume!(layout.shape == 2 || !layout.quote.is_empty() || (old != "null" && new != "null"));
        let ((current, at), (target, _)) = (layout.file(&new), layout.file(&old));
        let key = layout.key().parse().unwrap();
        let rules = ReadRules::default();
        let edited = restore_version(&current, &target, layout.path(), &key, &rules).unwrap();
        prop_assert_eq!(&edited[..at], &current[..at]);
        prop_assert_eq!(&edited[at + old.len()..], &current[at + new.len()..]);
        prop_assert_eq!(&edited, &target);
        let back = restore_version(&edited, &current, layout.path(), &key, &rules).unwrap();
        prop_assert_eq!(back, current);
    }

    /// Between files of different layouts the version goes over, and the rest stays.
    #[test]
    fn a_restore_between_layouts_declares_the_target_version(
        mut layout in layouts(), other in layouts(), old in tags(), new in tags(),
    ) {
        layout.shape = if other.shape == 3 && layout.shape == 1 { 1 } else { other.shape };
        let ((current, _), (target, _)) = (layout.file(&new), other.file(&old));
        restore_holds(layout.path(), &current, &target);
    }

    #[test]
    fn any_bytes_are_read(path in prop::sample::select(PATHS.to_vec()), bytes: Vec<u8>) {
        read_holds(path, &bytes);
    }

    #[test]
    fn any_yaml_like_text_is_read_and_edited(
        path in prop::sample::select(PATHS.to_vec()),
        current in yaml_like(), target in yaml_like(),
    ) {
        restore_holds(path, current.as_bytes(), target.as_bytes());
    }

    /// A file of the corpus with pieces cut out, doubled or replaced.
    #[test]
    fn mutated_corpus_files_are_read_and_edited(
        name in prop::sample::select(corpus().into_iter().map(|(name, _)| name).collect::<Vec<_>>()),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, yaml_like()), 1..4),
    ) {
        let original = corpus().into_iter().find(|(n, _)| *n == name).unwrap().1;
        let mut mutated = original.clone();
        for (at, length, with) in cuts {
            let at = at.index(mutated.len() + 1);
            let end = (at + length).min(mutated.len());
            let with = &with.as_bytes()[..with.len().min(length)];
            mutated.splice(at..end, with.iter().copied());
        }
        let path = corpus_path(&name);
        restore_holds(&path, &mutated, &original);
        restore_holds(&path, &original, &mutated);
    }
}

/// Text made of what YAML is made of.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "image",
        "tag",
        "newTag",
        "digest",
        "images",
        "name",
        "repository",
        ": ",
        ":",
        "\n",
        "\r\n",
        "  ",
        "    ",
        "- ",
        "v1",
        "1.10",
        "'",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "#",
        " # c",
        "&a ",
        "*a",
        "<<",
        "|",
        ">-",
        "---\n",
        "...\n",
        "\t",
        "? ",
        "!!str ",
        "~",
        "\u{feff}",
        "é",
        "@",
        "image: a:1\n",
        "image:\n  tag: v1\n",
        "images:\n- name: a\n  newTag: v2\n",
        "{{ x }}",
        "image: {tag: v3, digest: 'sha256:1'}\n",
        "%YAML 1.1\n",
        "\\",
        "kind",
        "apiVersion",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// `kustomization.yaml` for `kustomization-….yaml`, else the name.
fn corpus_path(name: &str) -> String {
    if name.starts_with("kustomization") {
        "kustomization.yaml".to_owned()
    } else {
        name.to_owned()
    }
}

/// Every declaration of a corpus file takes a new version and gives it back, byte for byte.
#[test]
fn corpus_files_are_edited_and_restored() {
    let files = corpus();
    assert!(files.len() > 8, "the corpus is missing");
    for (name, bytes) in files {
        let path = corpus_path(&name);
        let rules = ReadRules::default();
        let facts = read(&path, &bytes, &rules);
        assert!(!facts.declarations.is_empty(), "{name} declares nothing");
        restore_holds(&path, &bytes, &bytes);
        for declaration in &facts.declarations {
            let field = declaration.fields.last().unwrap();
            let mut changed = bytes.clone();
            // Behind the first byte of the value, so that quotes stay around it.
            let inside = field.span.end - 1;
            changed.splice(inside..inside, *b"7");
            let key = &declaration.key;
            let edited = match restore_version(&changed, &bytes, &path, key, &rules) {
                Ok(edited) => edited,
                Err(error) => {
                    assert!(name.contains("refused"), "{name} {key}: {error}");
                    continue;
                }
            };
            assert_eq!(
                String::from_utf8_lossy(&edited),
                String::from_utf8_lossy(&bytes),
                "{name}"
            );
        }
    }
}
