//! Reads one file: decides what it is, reads its documents, hands them to the formats.

use crate::collect::{Collector, Scope};
use crate::facts::{DeclarationKind, FileFacts, Problem, ReadRules};
use crate::field_path::FieldPath;
use crate::formats::{self, object, version_file};
use crate::screen::{self, FileShape};
use crate::yaml::{Document, ParseProblem, Stream};

/// Largest file that is parsed. Bigger ones in infra repos are generated (CRD bundles, dashboards).
pub(crate) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What one file says about versions and about other files.
///
/// Pure: bytes in, facts out. Never panics and never fails whole: a document that cannot be read
/// becomes a [`Problem`] and the others are still read. `path` is the path in the repository, with
/// slashes; names and folders decide how some files are read.
pub fn read(path: &str, bytes: &[u8], rules: &ReadRules) -> FileFacts {
    let shape = screen::shape(path);
    if rules.is_none() {
        match shape {
            FileShape::Foreign => return FileFacts::default(),
            FileShape::Template => {
                return FileFacts {
                    is_template: true,
                    ..FileFacts::default()
                };
            }
            FileShape::Manifest { .. } if !screen::can_matter(bytes) => {
                return FileFacts::default();
            }
            _ => {}
        }
    }
    let text = match text_of(bytes) {
        Ok(text) => text,
        Err(problem) => {
            return FileFacts {
                problems: vec![problem],
                ..FileFacts::default()
            };
        }
    };
    let mut collector = Collector::default();
    if rules.plain_text_version {
        version_file::plain_text(&mut collector, text);
        return collector.facts;
    }
    let stream = Stream::parse(text);
    if is_template(text, &stream) {
        return FileFacts {
            is_template: true,
            ..FileFacts::default()
        };
    }
    for (index, document) in stream.documents.iter().enumerate() {
        match document {
            Ok(document) => read_document(&mut collector, shape, text, index, document, rules),
            Err(problem) => collector.facts.problems.push(to_problem(index, problem)),
        }
    }
    collector.facts
}

fn read_document(
    collector: &mut Collector,
    shape: FileShape,
    text: &str,
    index: usize,
    document: &Document<'_>,
    rules: &ReadRules,
) {
    let top = FieldPath::root();
    let scope = Scope {
        document: index,
        object: None,
        top: &top,
        kind: DeclarationKind::HelmValues,
    };
    if rules.version_fields.is_empty() {
        formats::document(collector, scope, shape, text, &document.root);
    } else {
        object::note_all(collector, index, &document.root);
        version_file::configured(collector, scope, &document.root, &rules.version_fields);
    }
}

/// The text of a file, or why it has none.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, Problem> {
    let whole = |message: String| Problem {
        document: 0,
        line: 1,
        message,
    };
    if bytes.len() > MAX_BYTES {
        let megabytes = bytes.len() / (1024 * 1024);
        return Err(whole(format!("file too large to read: {megabytes} MB")));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let read = &bytes[..error.valid_up_to()];
        let line = memchr::memchr_iter(b'\n', read).count() + 1;
        Problem {
            line,
            ..whole("not UTF-8 text".to_owned())
        }
    })
}

/// Helm, ApplicationSet and other templates live in files that end in `.yaml` without being YAML.
pub(crate) fn is_template(text: &str, stream: &Stream<'_>) -> bool {
    stream.documents.iter().any(Result::is_err)
        && memchr::memmem::find(text.as_bytes(), b"{{").is_some()
}

fn to_problem(document: usize, problem: &ParseProblem) -> Problem {
    Problem {
        document,
        line: problem.line,
        message: problem.message.clone(),
    }
}
