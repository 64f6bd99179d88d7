//! The documents and the tests name the same facts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_fact_of_the_documents_has_its_test_and_every_test_its_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let concepts = root.join("../../docs/concepts");
    let text: String = ["argo-cd", "argo-rollouts", "kubernetes-undo"]
        .map(|what| fs::read_to_string(concepts.join(format!("{what}-facts.md"))).unwrap())
        .concat();
    let cells = text.lines().filter_map(|line| line.strip_suffix(" |"));
    let named: BTreeSet<String> = cells
        .filter_map(|line| line.rsplit("| `").next()?.strip_suffix('`'))
        .filter(|name| !name.contains(' '))
        .map(str::to_owned)
        .collect();
    let mut tests = BTreeSet::new();
    for file in fs::read_dir(root.join("tests/facts")).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("document.rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line == "#[test]" {
                let name = lines.next().unwrap().trim_start_matches("fn ");
                tests.insert(name.split('(').next().unwrap().to_owned());
            }
        }
    }
    assert!(named.len() > 20, "{named:?}");
    assert_eq!(named, tests);
}
