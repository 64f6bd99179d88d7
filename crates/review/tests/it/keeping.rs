//! A review is made anew, and what people wrote stays.

use proptest::prelude::*;

use ripcord_review::regions::{Piece, pieces};
use ripcord_review::{Knowledge, markdown, unwritten};

use crate::scenario::{bare, cloud, full, review};

fn first() -> String {
    markdown(&review(&bare(), &Knowledge::default()), None)
}

fn anew(previous: &str) -> String {
    markdown(&review(&full(), &Knowledge::default()), Some(previous))
}

/// The document with a text put before a line.
fn insert(document: &str, line: usize, text: &str) -> String {
    let lines: Vec<&str> = document.split_inclusive('\n').collect();
    let at = line.min(lines.len());
    [lines[..at].concat(), text.to_owned(), lines[at..].concat()].concat()
}

#[test]
fn nothing_new_changes_no_byte() {
    let review = review(&full(), &Knowledge::default());
    let document = markdown(&review, None);
    assert_eq!(markdown(&review, Some(&document)), document);
    let crlf = document.replace('\n', "\r\n");
    assert_eq!(markdown(&review, Some(&crlf)), crlf);
    assert_eq!(markdown(&review, Some(" \n")), document);
}

#[test]
fn the_generated_parts_are_new_and_the_rest_is_as_it_was() {
    let written = first().replace(
        "*Not written yet: who was affected, how many, for how long, and how it showed?*",
        "Two of three payments failed.",
    );
    assert!(written.contains("Two of three"));
    let next = anew(&written);
    assert!(
        next.contains("Two of three payments failed.") && next.contains("9 min"),
        "{next}"
    );
    assert_eq!(next.matches("## Impact").count(), 1);
    let human = |text: &str| {
        let pieces = pieces(text)
            .into_iter()
            .filter(|piece| matches!(piece, Piece::Human(_)));
        pieces.map(|piece| format!("{piece:?}")).collect::<Vec<_>>()
    };
    assert_eq!(human(&next), human(&written));
}

#[test]
fn a_generated_part_that_was_changed_by_hand_is_kept_beside_the_new_one() {
    let edited = first().replace(
        "| Severity | critical |",
        "| Severity | critical, says Ada |",
    );
    let next = anew(&edited);
    assert!(next.contains("| Severity | critical, says Ada |"));
    assert!(next.contains("**Kept from the part “summary”.**"));
    assert_eq!(anew(&next), next);
}

#[test]
fn a_file_whose_lines_end_otherwise_was_not_changed_by_hand() {
    let next = anew(&first().replace('\n', "\r\n"));
    assert!(!next.contains("Kept from"));
    assert_eq!(next, anew(&first()).replace('\n', "\r\n"));
}

#[test]
fn a_part_that_was_taken_out_comes_back_where_it_was() {
    let document = anew(&first());
    let from = document.find("<!-- ripcord:begin timeline").unwrap();
    let to = document.find("<!-- ripcord:begin pipeline").unwrap();
    let without = format!("{}{}", &document[..from], &document[to..]);
    let next = anew(&without);
    assert!(next.find("begin figures").unwrap() < next.find("begin timeline").unwrap());
    assert!(next.find("begin timeline").unwrap() < next.find("begin pipeline").unwrap());
}

#[test]
fn a_file_that_people_began_keeps_what_stands_in_it() {
    let next = anew("---\ntags: payments\n---\nNotes of the call");
    assert!(next.starts_with("---\ntags: payments\n---\nNotes of the call\n"));
    assert!(next.contains("## Contributing factors"));
    assert_eq!(anew(&next), next);
}

#[test]
fn a_part_of_a_later_version_is_left_alone() {
    let known = "<!-- ripcord:begin weather sha256=00 -->\nrain\n<!-- ripcord:end weather -->\n";
    let next = anew(&format!("{}{known}", first()));
    assert!(next.contains("rain"));
    assert_eq!(anew(&next), next);
}

/// What people may write, markers of ours and half of them among it.
fn human() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => "[ -~äß]{1,40}",
        1 => Just("<!-- ripcord:end figures -->".to_owned()),
        1 => Just("<!-- ripcord:end summary -->".to_owned()),
        1 => Just("<!-- ripcord:begin figures sha256=00 -->".to_owned()),
        1 => Just("<!-- ripcord:begin timeline".to_owned()),
        1 => Just("-->".to_owned()),
        1 => Just("```".to_owned()),
        1 => Just("| a | b |".to_owned()),
        1 => Just(String::new()),
    ];
    (
        proptest::collection::vec(line, 1..4),
        prop_oneof![Just("\n"), Just("\r\n")],
    )
        .prop_map(|(lines, end)| {
            lines
                .iter()
                .map(|line| [line.as_str(), end].concat())
                .collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_people_write_at_any_line_survives_and_twice_is_once(
        texts in proptest::collection::vec((any::<prop::sample::Index>(), human()), 1..5),
        crlf in any::<bool>(),
    ) {
        let mut document = first();
        if crlf {
            document = document.replace('\n', "\r\n");
        }
        for (line, text) in &texts {
            let lines = document.split_inclusive('\n').count();
            document = insert(&document, line.index(lines + 1), text);
        }
        let next = anew(&document);
        for (_, text) in &texts {
            // A marker is ours wherever it stands; every other line is a person's.
            for line in text.lines().filter(|line| !line.starts_with("<!-- ripcord:")) {
                prop_assert!(next.lines().filter(|known| *known == line).count() > 0, "{line:?} is lost");
            }
        }
        prop_assert_eq!(&anew(&next), &next);
        // Another review over it loses nothing, either.
        let other = markdown(&review(&cloud(), &Knowledge::default()), Some(&next));
        for (_, text) in &texts {
            for line in text.lines().filter(|line| !line.starts_with("<!-- ripcord:")) {
                prop_assert!(other.lines().any(|known| known == line), "{line:?} is lost later");
            }
        }
    }

    #[test]
    fn the_pieces_are_the_document(text in human(), line in any::<prop::sample::Index>()) {
        let document = insert(&first(), line.index(80), &text);
        let mut at = 0;
        for piece in pieces(&document) {
            let text = match piece {
                Piece::Human(text) => text,
                Piece::Generated { body, .. } => body,
            };
            let found = document[at..].find(text);
            prop_assert!(found.is_some());
            at += found.unwrap_or_default() + text.len();
        }
    }
}

#[test]
fn a_heading_is_unwritten_until_somebody_wrote_under_it() {
    let document = first();
    let all = unwritten(&document);
    assert_eq!(all.len(), 7, "{all:?}");
    // An invitation that was only taken away is no answer, and neither is the part that follows it.
    let impact = "*Not written yet: who was affected, how many, for how long, and how it showed?*";
    assert_eq!(unwritten(&document.replace(impact, "")), all);
    let written = document.replace(impact, "Two of three payments failed.");
    assert_eq!(unwritten(&written), all[1..]);
    assert_eq!(
        unwritten(&anew(&written)),
        all[1..],
        "made anew it stays written"
    );
    assert_eq!(
        unwritten(&document.replace("## Where we were lucky\n", "")).len(),
        6
    );
}
