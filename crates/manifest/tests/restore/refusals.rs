//! What is refused, and close cases that are not.

use crate::{TARGET, kustomization, refused, restore_in, values};
use ripcord_manifest::{EditError, Side, Unsafe};

#[test]
fn what_is_not_there_is_not_found() {
    let missing = |side| EditError::NotFound {
        key: "images[a]".parse().unwrap(),
        side,
    };
    let edit = |current, target| restore_in("kustomization.yaml", current, target, "images[a]");
    assert_eq!(edit(TARGET, "images: []\n"), Err(missing(Side::Target)));
    assert_eq!(edit("resources: []\n", TARGET), Err(missing(Side::Current)));
}

#[test]
fn shared_values_are_refused() {
    let target = "image:\n  tag: v1\n";
    let cases = [
        ("x: &t v2\nimage:\n  tag: *t\n", Unsafe::Alias),
        ("image:\n  tag: &t v2\nother: *t\n", Unsafe::Alias),
        ("image: &i\n  tag: v2\nother: {<<: *i}\n", Unsafe::Alias),
        (
            "image:\n  tag: v2\nimage:\n  tag: v3\n",
            Unsafe::DuplicateKey,
        ),
        ("image:\n  tag: v2\n  tag: v3\n", Unsafe::DuplicateKey),
        ("image:\n  tag: |-\n    v2\n", Unsafe::Multiline),
        ("image:\n  tag: '{{ .Values.x }}'\n", Unsafe::Template),
        ("image:\n  tag: {a: b}\n", Unsafe::Shape),
    ];
    for (current, why) in cases {
        refused("values.yaml", current, target, "image", why);
    }
    refused(
        "values.yaml",
        "x: &x {digest: 'sha256:1'}\nimage:\n  <<: *x\n  tag: v2\n",
        "image:\n  tag: v1\n  digest: sha256:2\n",
        "image",
        Unsafe::MergeKey,
    );
    // An anchor that nobody uses shares nothing, and a field beside a merge key wins over it.
    values("image:\n  tag: &t v2\n", target, "image:\n  tag: &t v1\n");
    values(
        "x: &x {a: b}\nimage:\n  <<: *x\n  tag: v2\n",
        target,
        "x: &x {a: b}\nimage:\n  <<: *x\n  tag: v1\n",
    );
}

#[test]
fn a_target_that_became_a_placeholder_removes_nothing() {
    refused(
        "values.yaml",
        "image:\n  tag: v2\n  digest: sha256:2\n",
        "image:\n  tag: ${TAG}\n  digest: sha256:1\n",
        "image",
        Unsafe::Template,
    );
}

#[test]
fn templates_are_refused() {
    refused(
        "a.yaml",
        "{{ if }}\nimage: a:1\n",
        "image: a:1\n",
        "image",
        Unsafe::Template,
    );
}

#[test]
fn an_unreadable_file_is_named() {
    let error = restore_in("values.yaml", "image: [\n", "image: a:1\n", "image").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read the current file: line 1: "),
        "{error}"
    );
}

#[test]
fn a_document_of_another_kind_has_no_place_for_the_declaration() {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nimage: {repository: r}\n";
    let error = restore_in("values.yaml", object, "image: {tag: v1}\n", "image").unwrap_err();
    assert!(
        matches!(
            error,
            EditError::NotFound {
                side: Side::Current,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_explicit_key_is_no_place_to_insert_behind() {
    let current = "images:\n- ? name\n  : a\n  ? newTag\n  : v2\n";
    let target = "images:\n- name: a\n  newTag: v1\n  digest: sha256:1\n";
    refused(
        "kustomization.yaml",
        current,
        target,
        "images[a]",
        Unsafe::Layout,
    );
    kustomization(current, TARGET, &current.replace("v2", "v1"));
}

#[test]
fn an_edit_never_renames_another_declaration() {
    // Parts of a list are named by what is unique in it. With `chart: b` in both, they are not.
    let app = |first: &str| {
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: p}\nspec:\n  sources:\n  - {first}\n  - {repoURL: y, chart: b, targetRevision: 2.0.0}\n"
            .replace("{first}", first)
    };
    let current = app("{repoURL: x, path: z, targetRevision: 1.0.0}");
    let target = app("{repoURL: x, path: z, targetRevision: 1.0.1, chart: b}");
    let key = "Application/p:spec.sources[path=z]";
    refused("a.yaml", &current, &target, key, Unsafe::Identity);
}

#[test]
fn a_lone_carriage_return_is_no_line_to_insert_behind() {
    let target = "images:\n- name: a\n  newTag: v1\n";
    refused(
        "kustomization.yaml",
        "images:\r- name: a\r  digest: x:2\r",
        target,
        "images[a]",
        Unsafe::Layout,
    );
    kustomization(
        "images:\r- name: a\r  newTag: v2\r",
        target,
        "images:\r- name: a\r  newTag: v1\r",
    );
}

#[test]
fn an_absent_value_behind_an_anchor_has_no_place() {
    refused(
        "values.yaml",
        "image:\n  tag: &t\n",
        "image:\n  tag: v1\n",
        "image",
        Unsafe::Layout,
    );
    refused(
        "values.yaml",
        "image:\n  tag: !!str\n",
        "image:\n  tag: v1\n",
        "image",
        Unsafe::Layout,
    );
}
