//! A page as a browser reads it.

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// An element: its name, its attributes, and the text in it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut found = self.attributes.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

/// All elements of a page, in order.
pub(crate) struct Page {
    pub(crate) elements: Vec<Element>,
    pub(crate) text: String,
    pub(crate) comments: usize,
}

impl Page {
    pub(crate) fn of(html: &str) -> Self {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
        let mut page = Self {
            elements: Vec::new(),
            text: String::new(),
            comments: 0,
        };
        page.read(&dom.document);
        page.text = text(&dom.document);
        page
    }

    fn read(&mut self, node: &Handle) {
        match &node.data {
            NodeData::Element { name, attrs, .. } => {
                let attributes = attrs.borrow();
                let pair = |one: &html5ever::Attribute| {
                    (one.name.local.to_string(), one.value.to_string())
                };
                self.elements.push(Element {
                    name: name.local.to_string(),
                    attributes: attributes.iter().map(pair).collect(),
                    text: text(node),
                });
            }
            NodeData::Comment { .. } => self.comments += 1,
            _ => {}
        }
        for child in node.children.borrow().iter() {
            self.read(child);
        }
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |one| one.name == name)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Element> {
        let mut found = self.elements.iter();
        found.find(|one| one.attribute("id") == Some(id))
    }
}

fn text(node: &Handle) -> String {
    let mut all = String::new();
    if let NodeData::Text { contents } = &node.data {
        all.push_str(&contents.borrow());
    }
    for child in node.children.borrow().iter() {
        all.push_str(&text(child));
    }
    all
}
