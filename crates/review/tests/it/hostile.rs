//! What others write must not become anything but text, wherever it is shown.

use proptest::prelude::*;
use pulldown_cmark::{Event as Part, Options, Parser, Tag};

use ripcord_domain::incident::event::{Event, Fact, SourceKind};
use ripcord_domain::incident::report::{AlertState, CheckReport, CheckResult, DeployStage};
use ripcord_review::{Knowledge, html, markdown, svg};

use crate::scenario::{alert, analysis, charge, deploy, event, recovery, report, review};

const CORPUS: [&str; 20] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "[x](javascript:alert(1))",
    "](javascript:alert(1)) [x",
    "![x](https://evil.example/pixel)",
    "<javascript:alert(1)>",
    "<https://evil.example>",
    "https://evil.example www.evil.example",
    "-->\n<script>alert(1)</script><!--",
    "<!-- ripcord:end timeline -->",
    "\n<!-- ripcord:end timeline -->\n# owned",
    "``` ` `code` ~~~",
    "a | b | c \\| d \\",
    "</style></title></desc><script>alert(1)</script>",
    "\u{202e}txet dehctiws\u{2066}\u{200b}",
    "\u{1b}[31mred\u{1b}]8;;https://evil.example\u{7}",
    "&lt;script&gt; &#106;avascript: &amp;",
    "*_~#=$!@everyone {% raw %} {{ 1 }} \u{0}\u{fffe}",
];

/// An incident in which every text is this one.
fn hostile(text: &str) -> Vec<Event> {
    let mut begun = deploy("a1", 0, DeployStage::Started, text);
    let told = report(&mut begun);
    told.subject = Some(text.into());
    told.replaced = Some(text.into());
    told.checks = vec![CheckReport {
        name: text.into(),
        result: CheckResult::Failed,
    }];
    let mut firing = alert(text, AlertState::Firing, 60, None, Some(50));
    firing.link = Some(text.into());
    firing.author = Some(text.into());
    firing.source.name = text.into();
    let mut charged = charge(Some("a1"));
    if let Fact::Charged { why, .. } = &mut charged.fact {
        *why = text.into();
    }
    let note = event(
        text,
        70,
        SourceKind::Generic,
        Fact::Note { text: text.into() },
    );
    let named = event(
        "n",
        71,
        SourceKind::Generic,
        Fact::Named { name: text.into() },
    );
    vec![
        begun,
        analysis(10, 20, text, &[(text, "Failed", true, &[text])]),
        firing,
        recovery([80, 90, 95, 97, 100], "a1"),
        charged,
        note,
        named,
    ]
}

/// Tags and attributes that templates of ours and Markdown may write.
const TAGS: &str = " !doctype html head meta title style body main header section dl div dt dd h1 h2 h3 h4 h5 h6 p \
    strong em del ul ol li table caption thead tbody tr th td time figure figcaption a code pre blockquote hr br input \
    svg desc defs rect pattern path g text ";

fn check_tags(text: &str) {
    for tag in text.split('<').skip(1) {
        let inner = tag.split('>').next().unwrap();
        let name: String = inner
            .trim_start_matches('/')
            .chars()
            .take_while(|sign| !sign.is_whitespace() && *sign != '/')
            .collect();
        let known = TAGS.contains(&format!(" {} ", name.to_lowercase()));
        assert!(known, "<{name}> in the page");
        for handler in [" on", "javascript:", "srcdoc"] {
            // Values of attributes are escaped, so only what is outside of quotes counts.
            let outside: String = inner.split('"').step_by(2).collect();
            assert!(!outside.to_lowercase().contains(handler), "{inner}");
        }
    }
    for link in text.split("href=\"").skip(1) {
        let address = link.split('"').next().unwrap();
        assert!(
            address == "#" || address.starts_with("https://") || address.starts_with("http://"),
            "{address}"
        );
    }
}

fn check(text: &str) {
    let review = review(&hostile(text), &Knowledge::default());
    let document = markdown(&review, None);
    assert_eq!(
        markdown(&review, Some(&document)),
        document,
        "no text is taken for a marker"
    );
    for line in document
        .lines()
        .filter(|line| !line.starts_with("<!-- ripcord:"))
    {
        assert!(
            !line.contains(['<', '>']) || line.contains("(<http"),
            "{line}"
        );
        assert!(!line.contains("-->"), "{line}");
    }
    let plain = markdown(
        &crate::scenario::review(&hostile("plain"), &Knowledge::default()),
        None,
    );
    let all = Options::all() - Options::ENABLE_SMART_PUNCTUATION;
    let count = |document: &str, fits: fn(&Part<'_>) -> bool| {
        Parser::new_ext(document, all)
            .filter(|part| fits(part))
            .count()
    };
    for part in Parser::new_ext(&document, all) {
        match &part {
            Part::Html(html) => assert!(html.trim().starts_with("<!-- ripcord:"), "{html}"),
            Part::InlineHtml(_) | Part::Start(Tag::Image { .. }) => {
                unreachable!("{part:?} of {text:?}");
            }
            Part::Start(Tag::Link { dest_url, .. }) => {
                assert!(dest_url.starts_with("http"), "{dest_url}");
            }
            _ => {}
        }
    }
    for fits in [
        (|part| matches!(part, Part::Start(Tag::TableCell))) as fn(&Part<'_>) -> bool,
        |part| matches!(part, Part::Start(Tag::Heading { .. })),
        |part| matches!(part, Part::Code(_) | Part::Start(Tag::CodeBlock(_))),
        |part| matches!(part, Part::Start(Tag::Emphasis | Tag::Strikethrough)),
        |part| matches!(part, Part::InlineMath(_) | Part::DisplayMath(_)),
    ] {
        // An invitation has one piece of code; what others wrote adds none of anything.
        assert_eq!(
            count(&document, fits),
            count(&plain, fits),
            "{text:?} in\n{document}"
        );
    }
    for shown in [document.as_str(), &html(&review, None), &svg(&review)] {
        let hidden = |sign: char| {
            sign.is_control() && sign != '\n'
                || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}')
        };
        assert!(!shown.contains(hidden));
    }
    check_tags(&html(&review, None));
    check_tags(&svg(&review));
}

#[test]
fn the_corpus_stays_text_everywhere() {
    for text in CORPUS {
        check(text);
    }
}

#[test]
fn what_people_write_is_markdown_and_never_html() {
    let review = review(&hostile("plain"), &Knowledge::default());
    for text in CORPUS {
        let document = markdown(&review, None).replace(
            "## Impact\n",
            &format!("## Impact\n\n{text}\n\n**strong**\n"),
        );
        let page = html(&review, Some(&document));
        assert!(page.contains("<strong>strong</strong>"), "{text}");
        check_tags(&page);
    }
}

#[test]
fn a_link_that_ended_with_dashes_looked_like_the_end_of_a_comment() {
    check("https://evil.example/--");
    check("https://evil.example www.evil.example--> <script>alert(1)</script><!--");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_stays_text(parts in proptest::collection::vec(prop_oneof![
        prop::sample::select(CORPUS.to_vec()).prop_map(str::to_owned),
        "[-<>&\"'`*_\\[\\](){}|~#!\\\\:/.@= \n\ra-c]{0,12}",
    ], 0..4)) {
        let text = parts.concat();
        if !text.trim().is_empty() {
            check(&text);
        }
    }
}
