//! One test per format and rule: what is declared, under which key.

mod argo;
mod flux;
mod hardening;
mod kustomize;
mod values;
mod workloads;

use ripcord_manifest::{FileFacts, ReadRules, read};

fn facts(path: &str, text: &str) -> FileFacts {
    let facts = read(path, text.as_bytes(), &ReadRules::default());
    for declaration in &facts.declarations {
        for field in &declaration.fields {
            let bytes = &text[field.span.clone()];
            assert!(bytes.contains(&field.value), "span {bytes:?} of {field:?}");
        }
    }
    facts
}

/// `key = version (subject)` of each declaration.
fn declared(path: &str, text: &str) -> Vec<String> {
    facts(path, text)
        .declarations
        .iter()
        .map(|d| match d.subject.as_str() {
            "" => format!("{} = {}", d.key, d.version()),
            subject => format!("{} = {} ({subject})", d.key, d.version()),
        })
        .collect()
}

fn roles(path: &str, text: &str) -> Vec<String> {
    facts(path, text)
        .declarations
        .iter()
        .flat_map(|d| {
            d.fields
                .iter()
                .map(|f| format!("{:?} {} = {}", f.role, f.path, f.value))
        })
        .collect()
}
