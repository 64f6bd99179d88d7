//! A YAML file as CI systems read it: aliases and merge keys followed, every node with its line.

use std::collections::HashMap;

use ripcord_manifest::yaml::{Node, NodeKind, ScalarStyle, Stream};

/// How far aliases and merge keys are followed, so that a file that points at itself ends.
const DEEPEST: usize = 8;

/// A file that was read.
pub(crate) struct View<'a> {
    text: &'a str,
    /// The top node.
    pub(crate) root: &'a Node<'a>,
    anchors: HashMap<usize, &'a Node<'a>>,
}

impl<'a> View<'a> {
    /// The first document of a stream; else the line of what is wrong with it, and what.
    pub(crate) fn of(stream: &'a Stream<'a>, text: &'a str) -> Result<Self, (usize, String)> {
        let document = match stream.documents.first() {
            None => return Err((1, "the file is empty".to_owned())),
            Some(Err(problem)) => return Err((problem.line, problem.message.clone())),
            Some(Ok(document)) => document,
        };
        if !document.root.is_map() {
            return Err((1, "the file holds no mapping".to_owned()));
        }
        let mut anchors = HashMap::new();
        let mut rest = vec![&document.root];
        while let Some(node) = rest.pop() {
            if let Some(anchor) = node.anchor {
                anchors.insert(anchor, node);
            }
            rest.extend(node.items());
            rest.extend(node.entries().iter().flat_map(|(key, value)| [key, value]));
        }
        Ok(Self {
            text,
            root: &document.root,
            anchors,
        })
    }

    /// The node itself, where it is an alias.
    fn real(&self, node: &'a Node<'a>) -> &'a Node<'a> {
        let mut node = node;
        for _ in 0..DEEPEST {
            match node.kind {
                NodeKind::Alias(Some(anchor)) => match self.anchors.get(&anchor) {
                    Some(there) => node = there,
                    None => break,
                },
                _ => break,
            }
        }
        node
    }

    /// The entries of a mapping: key, key's node, value; merged ones last.
    pub(crate) fn entries(&self, node: &'a Node<'a>) -> Vec<(&'a str, &'a Node<'a>, &'a Node<'a>)> {
        let mut found = Vec::new();
        self.gather(node, DEEPEST, &mut found);
        found
    }

    fn gather(
        &self,
        node: &'a Node<'a>,
        depth: usize,
        found: &mut Vec<(&'a str, &'a Node<'a>, &'a Node<'a>)>,
    ) {
        let mut merged = Vec::new();
        for (key, value) in self.real(node).entries() {
            let NodeKind::Scalar { value: name, .. } = &self.real(key).kind else {
                continue;
            };
            if name == "<<" {
                merged.push(self.real(value));
            } else if !found.iter().any(|(known, ..)| *known == name.as_ref()) {
                found.push((name.as_ref(), key, self.real(value)));
            }
        }
        if depth == 0 {
            return;
        }
        for other in merged {
            if other.is_map() {
                self.gather(other, depth - 1, found);
            }
            for one in other.items() {
                self.gather(one, depth - 1, found);
            }
        }
    }

    /// The value under a key.
    pub(crate) fn get(&self, node: &'a Node<'a>, key: &str) -> Option<&'a Node<'a>> {
        self.entries(node)
            .into_iter()
            .find(|(name, ..)| *name == key)
            .map(|(.., value)| value)
    }

    /// The text under a key.
    pub(crate) fn text_at(&self, node: &'a Node<'a>, key: &str) -> Option<&'a str> {
        self.get(node, key).and_then(Node::text)
    }

    /// The items of a sequence.
    pub(crate) fn items(&self, node: &'a Node<'a>) -> Vec<&'a Node<'a>> {
        self.real(node)
            .items()
            .iter()
            .map(|item| self.real(item))
            .collect()
    }

    /// The texts of a sequence, or the one text there is instead.
    pub(crate) fn texts(&self, node: &'a Node<'a>) -> Vec<&'a str> {
        let node = self.real(node);
        match node.text() {
            Some(one) => vec![one],
            None => self
                .items(node)
                .into_iter()
                .filter_map(Node::text)
                .collect(),
        }
    }

    /// The line of a node, from one.
    pub(crate) fn line(&self, node: &Node<'_>) -> usize {
        let before = self.text.get(..node.span.start).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    /// The line of the file that holds a line, from zero, of a text.
    pub(crate) fn line_within(&self, node: &Node<'_>, line: usize) -> usize {
        let block = matches!(
            node.kind,
            NodeKind::Scalar {
                style: ScalarStyle::Literal | ScalarStyle::Folded,
                ..
            }
        );
        self.line(node) + if block { line } else { 0 }
    }
}
