//! What people write: action items, and how they speak of each other.

use proptest::prelude::*;

use ripcord_review::action_item::{ActionItem, LinkError, Type, items, open_items, with_link};
use ripcord_review::blame::lint;
use ripcord_review::{Knowledge, markdown};

use crate::scenario::{full, review};

fn document(lines: &str) -> String {
    let made = markdown(&review(&full(), &Knowledge::default()), None);
    let (before, _) = made.split_once("## Action items\n").unwrap();
    format!("{before}## Action items\n\n{lines}\n## Appendix\n\n- [ ] not one of them\n")
}

fn only(lines: &str) -> ActionItem {
    let found = items(&document(lines));
    assert_eq!(found.findings, [], "{lines}");
    found.items.into_iter().next().unwrap()
}

#[test]
fn an_item_is_read_from_a_line_of_a_task_list() {
    let item = only(
        "- [ ] prevent: add canary to payments @team-payments due 2026-12-11 https://forge.example/issues/7\n",
    );
    assert_eq!((item.kind, item.done), (Type::Prevent, false));
    assert_eq!(item.text, "add canary to payments");
    assert_eq!(item.owner, "team-payments");
    assert_eq!(item.due.unwrap().to_string(), "2026-12-11");
    assert_eq!(item.link.as_deref(), Some("https://forge.example/issues/7"));
    let text = document("* [X] Detect: alert on refunds due to cards, @ada\n");
    let item = items(&text).items.remove(0);
    assert_eq!((item.kind, item.done, item.due), (Type::Detect, true, None));
    assert_eq!(item.text, "alert on refunds due to cards,");
    assert_eq!(
        text.lines().nth(item.line - 1).unwrap(),
        "* [X] Detect: alert on refunds due to cards, @ada"
    );
    assert_eq!(open_items(&text), []);
}

#[test]
fn what_is_no_item_says_its_line_and_what_to_write() {
    for (line, word) in [
        ("- [ ] add a canary", "begin with what it is for"),
        ("- [ ] fixit: add a canary @ada", "is not a type"),
        ("- [ ] repair: add a canary", "no owner"),
        ("- [ ] repair: @ada", "what is to be done"),
        ("- [ ] repair: a @ada @bob", "two owners"),
        ("- [ ] repair: a @ada due 2026-13-11", "is no date"),
        (
            "- [ ] repair: a @ada https://a.example https://b.example",
            "two links",
        ),
    ] {
        let text = document(&format!("- [ ] detect: x @ada\n{line}\n"));
        let found = items(&text);
        assert_eq!(found.findings.len(), 1, "{line}");
        let finding = &found.findings[0];
        assert!(finding.what.contains(word), "{}", finding.what);
        assert_eq!(text.lines().nth(finding.line.unwrap() - 1), Some(line));
    }
}

#[test]
fn one_item_must_prevent_or_detect_it() {
    let missing = |lines: &str| {
        items(&document(lines))
            .findings
            .iter()
            .any(|one| one.line.is_none())
    };
    assert!(missing("- [ ] repair: a @ada\n"));
    assert!(missing(""));
    assert!(!missing("- [ ] repair: a @ada\n- [ ] detect: b @ada\n"));
}

#[test]
fn examples_in_code_and_in_the_invitation_are_no_items() {
    assert_eq!(
        items(&document("```\n- [ ] prevent: a @ada\n```\n")).items,
        []
    );
    assert_eq!(
        items(&markdown(&review(&full(), &Knowledge::default()), None)).items,
        []
    );
}

#[test]
fn the_link_is_put_at_the_end_of_the_line_and_nothing_else_changes() {
    for end in ["\n", "\r\n"] {
        let text = document("- [ ] detect: a @ada due 2026-12-11  \n- [ ] repair: b @bob\n")
            .replace('\n', end);
        let item = items(&text).items.remove(0);
        let linked = with_link(&text, &item, "https://forge.example/7").unwrap();
        let expected = text.replace("2026-12-11  ", "2026-12-11 https://forge.example/7  ");
        assert_eq!(linked, expected);
        assert_eq!(
            with_link(&linked, &item, "https://forge.example/7").unwrap(),
            linked
        );
        assert!(matches!(
            with_link(&linked, &item, "https://forge.example/8"),
            Err(LinkError::Linked { .. })
        ));
        let moved = format!("x{end}{text}");
        assert_eq!(
            with_link(&moved, &item, "https://forge.example/7"),
            Err(LinkError::Moved(item.line))
        );
        assert!(matches!(
            with_link(&text, &item, "javascript:1"),
            Err(LinkError::Address(_))
        ));
    }
}

fn blamed(section: &str, line: &str) -> Vec<String> {
    let text = format!("## {section}\n\n{line}\n");
    lint(&text, &["Anna Example", "anna"])
        .into_iter()
        .map(|finding| finding.words)
        .collect()
}

#[test]
fn names_and_words_that_blame_are_found_in_causes() {
    for (line, words) in [
        (
            "@anna forgot to update the limit",
            &["@anna", "forgot to"][..],
        ),
        ("Anna's change took the limit away", &["Anna's"]),
        ("It was Anna Example who merged", &["Anna Example"]),
        ("**anna** merged", &["anna"]),
        ("@bob merged it", &["@bob"]),
        ("This was human error.", &["human error"]),
        ("The reviewer should have seen it", &["should have"]),
        ("The Root Cause was a limit", &["Root Cause"]),
        ("a careless, sloppy change", &["careless", "sloppy"]),
        ("the developer failed to test", &["failed to"]),
        ("anna failed to test", &["anna", "failed to"]),
        ("it is the fault of the platform team", &["fault of"]),
    ] {
        assert_eq!(blamed("Contributing factors", line), words, "{line}");
    }
}

#[test]
fn facts_owners_and_thanks_are_not_blame() {
    for (section, line) in [
        (
            "Contributing factors",
            "The pod failed to start, by default.",
        ),
        (
            "Contributing factors",
            "Annapolis was not reached; mail ops@team.example",
        ),
        (
            "Contributing factors",
            "The limit was not known to those on call.",
        ),
        ("What went well", "Thanks to Anna, who saw it first"),
        ("Action items", "- [ ] prevent: add a limit @anna"),
    ] {
        assert_eq!(blamed(section, line), [""; 0], "{line}");
    }
    assert_eq!(
        blamed(
            "Action items",
            "- [ ] prevent: keep Anna from merging @anna"
        ),
        ["Anna"]
    );
}

#[test]
fn the_generated_timeline_and_the_invitations_are_not_looked_at() {
    let text = markdown(&review(&full(), &Knowledge::default()), None);
    assert!(text.contains("Ada Example"));
    assert_eq!(lint(&text, &["Ada Example"]), []);
}

#[test]
fn a_finding_names_its_line() {
    let made = markdown(&review(&full(), &Knowledge::default()), None);
    let text = made.replace(
        "## What went badly\n",
        "## What went badly\n\nhuman error\n",
    );
    let finding = lint(&text, &[]).remove(0);
    assert_eq!(text.lines().nth(finding.line - 1), Some("human error"));
    assert!(finding.instead.contains("what made the slip easy"));
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_read(text in "(?s).{0,200}", name in ".{0,10}") {
        let text = format!("## Action items\n- [ ] repair: {text}\n");
        let found = items(&text);
        for item in &found.items {
            let linked = with_link(&text, item, "https://a.example/1");
            if let Ok(linked) = linked {
                prop_assert_eq!(items(&linked).items.len(), found.items.len());
            }
        }
        for finding in lint(&text, &[&name]) {
            prop_assert!(text.contains(&finding.words));
        }
    }
}
