//! Edits: what changes, what does not, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails the test"
)]

mod refusals;

use ripcord_manifest::{EditError, ReadRules, Unsafe, restore_version};

fn restore_in(path: &str, current: &str, target: &str, key: &str) -> Result<String, EditError> {
    let key = key.parse().unwrap();
    let rules = ReadRules::default();
    restore_version(current.as_bytes(), target.as_bytes(), path, &key, &rules)
        .map(|bytes| String::from_utf8(bytes).unwrap())
}

#[track_caller]
fn kustomization(current: &str, target: &str, expected: &str) {
    let edited = restore_in("kustomization.yaml", current, target, "images[a]");
    assert_eq!(edited.as_deref(), Ok(expected));
}

#[track_caller]
fn values(current: &str, target: &str, expected: &str) {
    assert_eq!(
        restore_in("values.yaml", current, target, "image").as_deref(),
        Ok(expected)
    );
}

#[track_caller]
fn refused(path: &str, current: &str, target: &str, key: &str, expected: Unsafe) {
    match restore_in(path, current, target, key) {
        Err(EditError::Unsafe { why, .. }) => assert_eq!(why, expected),
        other => panic!("{other:?}"),
    }
}

const TARGET: &str = "images:\n- name: a\n  newTag: v1\n";

#[test]
fn only_the_bytes_of_the_value_change() {
    kustomization(
        "\u{feff}# top\r\nimages:   # list\r\n    -   name: a\r\n        newTag:   'v2'   # {\"$imagepolicy\": \"x:y:tag\"}\r\n\r\n    -   name: b\r\n        newTag: v2",
        TARGET,
        "\u{feff}# top\r\nimages:   # list\r\n    -   name: a\r\n        newTag:   'v1'   # {\"$imagepolicy\": \"x:y:tag\"}\r\n\r\n    -   name: b\r\n        newTag: v2",
    );
}

#[test]
fn equal_versions_leave_the_file_alone() {
    let current = "images:\n- name: a # c\n  newTag: \"v\\u0031\"\n";
    kustomization(current, TARGET, current);
}

#[test]
fn a_quoted_number_stays_text() {
    let target = "images:\n- name: a\n  newTag: '1.10'\n";
    kustomization(TARGET, target, target);
    let plain = "images:\n- name: a\n  newTag: 1.10\n";
    // The target's tools saw a number where the current file has text in quotes: quotes stay.
    kustomization(target, plain, target);
    // Next to a plain value the target's bytes are copied.
    kustomization(TARGET, plain, plain);
    kustomization(plain, target, target);
}

#[test]
fn quotes_of_the_current_file_stay() {
    let double = "images:\n- name: a\n  newTag: \"v2\"\n";
    kustomization(double, TARGET, &double.replace("v2", "v1"));
    let single = "images:\n- name: a\n  newTag: 'v2'\n";
    kustomization(single, TARGET, &single.replace("v2", "v1"));
}

#[test]
fn fields_are_inserted_behind_the_one_they_follow_in_the_target() {
    let target = "images:\n- name: a\n  newName: b\n  newTag: v1\n  digest: sha256:1\n";
    kustomization(
        "images:\n  - name: a # x\n    newTag: v2 # y\n  - name: c\n",
        target,
        "images:\n  - name: a # x\n    newName: b\n    newTag: v1 # y\n    digest: sha256:1\n  - name: c\n",
    );
    kustomization(
        "images:\r\n- newTag: v2\r\n  name: a",
        target,
        "images:\r\n- newTag: v1\r\n  digest: sha256:1\r\n  name: a\r\n  newName: b",
    );
}

#[test]
fn surplus_fields_go_with_their_line() {
    kustomization(
        "images:\n- name: a\n  digest: sha256:1 # pinned\n  newTag: v2\n# end\n",
        TARGET,
        "images:\n- name: a\n  newTag: v1\n# end\n",
    );
    kustomization(
        "images:\n- digest: sha256:1 # pinned\n  name: a\n  newTag: v2\n",
        TARGET,
        "images:\n- name: a\n  newTag: v1\n",
    );
    kustomization(
        "images:\n- name: a\n  newTag: v2\n  digest: sha256:1",
        TARGET,
        "images:\n- name: a\n  newTag: v1",
    );
}

#[test]
fn a_digest_takes_the_place_of_a_tag() {
    let target = "images:\n- name: a\n  digest: sha256:1\n";
    kustomization("images:\n- name: a\n  newTag: v2\n", target, target);
    values(
        "image:\n  tag: v1 # c\nx: 1\n",
        "image:\n  digest: sha256:1\n",
        "image:\n  digest: sha256:1 # c\nx: 1\n",
    );
}

#[test]
fn flow_maps_and_json() {
    values(
        "image: {repository: r, tag: v2, digest: 'sha256:2'} # c\n",
        "image: {repository: r, tag: v1}\n",
        "image: {repository: r, tag: v1} # c\n",
    );
    values(
        "image: {repository: r, tag: v2}\n",
        "image:\n  repository: r\n  tag: v1\n  digest: sha256:1\n",
        "image: {repository: r, tag: v1, digest: sha256:1}\n",
    );
    let edited = restore_in(
        "config.json",
        "{\n\t\"image\": {\n\t\t\"repository\": \"r\",\n\t\t\"tag\": \"v2\"\n\t}\n}\n",
        "{\"image\": {\"repository\": \"r\", \"tag\": \"1\", \"digest\": \"sha256:1\"}}",
        "image",
    );
    assert_eq!(
        edited.unwrap(),
        "{\n\t\"image\": {\n\t\t\"repository\": \"r\",\n\t\t\"tag\": \"1\",\n\t\t\"digest\": \"sha256:1\"\n\t}\n}\n"
    );
}

#[test]
fn an_absent_value_is_filled_in() {
    values(
        "image:\n  repository: r\n  tag:   # none\n",
        "image: {repository: r, tag: '1'}\n",
        "image:\n  repository: r\n  tag: '1'   # none\n",
    );
    values(
        "image:\n  tag: ''\n",
        "image: {tag: v1}\n",
        "image:\n  tag: 'v1'\n",
    );
    values(
        "image:\n  tag: ~\n",
        "image: {tag: v1}\n",
        "image:\n  tag: v1\n",
    );
}

#[test]
fn a_missing_image_entry_is_appended() {
    kustomization(
        "images:\n  -  name: b\n     newTag: v2 # c\n\n# end\n",
        "images:\n- name: a\n  newTag: '1'\n",
        "images:\n  -  name: b\n     newTag: v2 # c\n  -  name: a\n     newTag: '1'\n\n# end\n",
    );
}

#[test]
fn a_container_image_in_one_of_two_documents() {
    let file = |tag: &str| {
        format!(
            "# a\n---\nkind: Service\napiVersion: v1\nmetadata: {{name: p}}\n--- # b\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: p\nspec:\n  template:\n    spec:\n      containers:\n      - image: side:1\n        name: side\n      - image: \"reg:5000/a:{tag}\"\n        name: app\n"
        )
    };
    let key = "Deployment/p:spec.template.spec.containers[app]";
    assert_eq!(
        restore_in("p.yaml", &file("v2"), &file("v1"), key).unwrap(),
        file("v1")
    );
}

#[test]
fn a_tag_inside_helm_values_text() {
    let file = |tag: &str, extra: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\r\nkind: Application\r\nmetadata: {{name: p}}\r\nspec:\r\n  source:\r\n    helm:\r\n      values: |\r\n        # c\r\n        image:\r\n          tag: {tag} # x\r\n{extra}\r\n        b: 1\r\n"
        )
    };
    let key = "Application/p:spec.source.helm.values.image";
    let edited = restore_in("p.yaml", &file("v2", ""), &file("\"1.0\"", ""), key);
    assert_eq!(edited.unwrap(), file("\"1.0\"", ""));
    refused(
        "p.yaml",
        &file("v2", ""),
        &file("v1", "          digest: sha256:1"),
        key,
        Unsafe::Embedded,
    );
}

#[test]
fn kustomize_images_of_an_application() {
    let file = |image: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: p}}\nspec:\n  source:\n    kustomize:\n      images: [{image}, b:1]\n"
        )
    };
    let key = "Application/p:spec.source.kustomize.images[a]";
    let edited = restore_in("p.yaml", &file("a=x:2"), &file("a:1"), key);
    assert_eq!(edited.unwrap(), file("a:1"));
}

#[test]
fn list_items_that_moved_are_found_by_name() {
    let item = |name: &str, tag: &str| {
        format!(
            "- apiVersion: v1\n  kind: Pod\n  metadata: {{name: {name}}}\n  spec:\n    containers:\n    - name: c\n      image: x:{tag}\n"
        )
    };
    let list = |items: &[String]| format!("apiVersion: v1\nkind: List\nitems:\n{}", items.concat());
    let current = list(&[item("b", "2"), item("a", "2")]);
    let target = list(&[item("a", "1"), item("b", "1")]);
    let edited = restore_in("l.yaml", &current, &target, "Pod/a:spec.containers[c]");
    assert_eq!(edited.unwrap(), list(&[item("b", "2"), item("a", "1")]));
}

#[test]
fn plain_text_keeps_what_surrounds_the_version() {
    let rules = ReadRules {
        plain_text_version: true,
        ..ReadRules::default()
    };
    let key = ".".parse().unwrap();
    let edited = restore_version(b"\n v2\r\n\r\n", b"v1", "VERSION", &key, &rules);
    assert_eq!(edited.unwrap(), b"\n v1\r\n\r\n");
}

#[test]
fn a_broken_neighbour_document_does_not_prevent_an_edit() {
    let file = |tag: &str| format!("x: [\n---\nimage: a:{tag}\n--- # end\n");
    assert_eq!(
        restore_in("values.yaml", &file("2"), &file("1"), "image").unwrap(),
        file("1")
    );
}

#[test]
fn several_entries_leave_a_flow_map_without_overlap() {
    values(
        "image: {tag: v2, digest: 'sha256:2', registry: r, repository: x}\n",
        "image: {repository: x, version: v1}\n",
        "image: {repository: x, version: v1}\n",
    );
}

#[test]
fn a_chart_version_comes_back_where_it_is_missing() {
    let file = |version: &str| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: p}}\nspec:\n  chart:\n    spec:\n      chart: podinfo\n{version}      sourceRef: {{kind: HelmRepository}}\n"
        )
    };
    let key = "HelmRelease/p:spec.chart.spec";
    let target = file("      version: 6.5.0\n");
    assert_eq!(
        restore_in("r.yaml", &file(""), &target, key).unwrap(),
        target
    );
}
