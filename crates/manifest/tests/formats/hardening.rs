//! Templates, broken, huge and hostile files.

use crate::{declared, facts};
use ripcord_manifest::{ReadRules, read};
use std::fmt::Write;

#[test]
fn templates_are_text() {
    for (path, text) in [
        ("chart/templates/deploy.yaml", "kind: X\n"),
        ("a.yaml", "kind: X\n{{- if .x }}\nimage: a:1\n{{- end }}\n"),
        ("values.yaml.gotmpl", "image: a:1\n"),
    ] {
        let facts = facts(path, text);
        assert!(facts.is_template, "{path}");
        assert!(
            facts.declarations.is_empty() && facts.problems.is_empty(),
            "{path}"
        );
    }
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let text = "image: a:1\n---\nx: [\n---\nimage: b:2\n";
    let facts = facts("values.yaml", text);
    assert_eq!(facts.declarations.len(), 2);
    assert_eq!(facts.declarations[1].document, 2);
    assert_eq!(facts.declarations[1].key.as_str(), "image~2");
    assert_eq!((facts.problems[0].document, facts.problems[0].line), (1, 3));
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    let read = |bytes: &[u8]| read("values.yaml", bytes, &ReadRules::default());
    assert_eq!(read(b"tag: a\n\xff\n").problems[0].line, 2);
    let deep = format!("tag: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(read(deep.as_bytes()).problems.len(), 1);
    let mut deep = String::from("tag:\n");
    for depth in 0..2000 {
        deep.push_str(&" ".repeat(depth));
        deep.push_str("a:\n");
    }
    assert_eq!(read(deep.as_bytes()).problems.len(), 1);
    let big = vec![b'#'; 17 * 1024 * 1024];
    assert!(read(&big).problems.is_empty(), "nothing to find in it");
    let mut big = big;
    big.extend_from_slice(b"\nimage: a:1\n");
    assert_eq!(
        read(&big).problems[0].message,
        "file too large to read: 17 MB"
    );
}

#[test]
fn aliases_are_never_expanded() {
    let mut bomb = String::from("a0: &a0 {image: 'x:1'}\n");
    for n in 1..60 {
        writeln!(bomb, "a{n}: &a{n} [*a{p},*a{p},*a{p},*a{p}]", p = n - 1).unwrap();
    }
    assert_eq!(declared("values.yaml", &bomb), ["a0.image = 1 (x)"]);
}

#[test]
fn a_long_list_is_read_in_one_pass() {
    let list = "- {name: a, image: 'a:1'}\n".repeat(20_000);
    let start = std::time::Instant::now();
    assert_eq!(facts("values.yaml", &list).declarations.len(), 20_000);
    // Counting equal names once per entry took minutes.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}
