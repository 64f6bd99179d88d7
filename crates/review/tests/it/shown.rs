//! What is shown, word by word.

use ripcord_domain::incident::event::Event;
use ripcord_domain::incident::report::AlertState;
use ripcord_review::{Canary, CurrentPolicy, Knowledge, Lane, Review, html, markdown, svg};

use crate::scenario::{alert, at, bare, cloud, contradictory, full, review};

fn known() -> Knowledge {
    Knowledge {
        checks_read: true,
        required_checks: Some(["unit".to_owned()].into()),
        canary: Canary::Present,
        current: CurrentPolicy::Off,
        stricter: Vec::new(),
    }
}

fn all() -> [(&'static str, Vec<Event>, Knowledge); 4] {
    [
        ("full", full(), known()),
        ("bare", bare(), Knowledge::default()),
        ("contradictory", contradictory(), Knowledge::default()),
        (
            "cloud",
            cloud(),
            Knowledge {
                canary: Canary::Absent,
                ..Knowledge::default()
            },
        ),
    ]
}

#[test]
fn each_incident_is_shown_in_each_form() {
    insta::with_settings!({omit_expression => true}, {
        for (name, events, knowledge) in all() {
            let review = review(&events, &knowledge);
            insta::assert_snapshot!(format!("{name}.md"), markdown(&review, None));
            insta::assert_snapshot!(format!("{name}.html"), html(&review, None));
            insta::assert_snapshot!(format!("{name}.svg"), svg(&review));
            insta::assert_json_snapshot!(format!("{name}.json"), review);
        }
    });
}

#[test]
fn the_json_fits_its_schema_and_is_read_back() {
    let schema = serde_json::to_value(schemars::schema_for!(Review)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, events, knowledge) in all() {
        let review = review(&events, &knowledge);
        let json = serde_json::to_value(&review).unwrap();
        assert!(validator.is_valid(&json), "{name}");
        assert_eq!(serde_json::from_value::<Review>(json).unwrap(), review);
    }
}

#[test]
fn events_in_another_order_and_told_twice_are_the_same_review() {
    let events = full();
    let mut shuffled: Vec<Event> = events.iter().rev().cloned().collect();
    shuffled.extend(events.iter().step_by(2).cloned());
    assert_eq!(review(&events, &known()), review(&shuffled, &known()));
}

#[test]
fn noise_is_marked_and_not_lost() {
    let review = review(&full(), &known());
    let hidden: Vec<&str> = review
        .timeline
        .iter()
        .filter(|entry| entry.hidden.is_some())
        .map(|entry| entry.event.as_str())
        .collect();
    assert_eq!(hidden, ["told again", "reminder"]);
    assert!(
        review
            .timeline
            .iter()
            .any(|entry| entry.text.starts_with("correction: “somebody informed”"))
    );
}

/// Every number of an attribute, tag by tag.
fn number(tag: &str, name: &str) -> f64 {
    let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

#[test]
fn no_label_of_the_chart_is_over_another_however_close_and_however_long() {
    let close: Vec<Event> = (0..30)
        .map(|one| {
            alert(
                &format!("Alert number {one}"),
                AlertState::Firing,
                one,
                Some(one + 2),
                None,
            )
        })
        .collect();
    let mut apart = close.clone();
    apart.push(alert(
        "Much later",
        AlertState::Firing,
        86_400 * 9,
        None,
        None,
    ));
    for events in [close, apart, full(), cloud(), contradictory(), bare()] {
        let drawing = svg(&review(&events, &Knowledge::default()));
        let mut boxes: Vec<(f64, f64, f64)> = Vec::new();
        for text in drawing.split("<text").skip(1) {
            let (tag, rest) = text.split_once('>').unwrap();
            if !tag.contains("text-anchor=") {
                continue;
            }
            let label = rest.split('<').next().unwrap();
            let wide = label.chars().count() as f64 * 6.5;
            let x = number(tag, "x");
            let from = if tag.contains("end") { x - wide } else { x };
            assert!(
                from >= 0.0 && from + wide <= 1010.0,
                "{label} leaves the chart at {from}"
            );
            let y = number(tag, "y");
            for (other_from, other_to, other_y) in &boxes {
                let over =
                    from < *other_to && *other_from < from + wide && (y - other_y).abs() < 12.0;
                assert!(!over, "{label} is over another");
            }
            boxes.push((from, from + wide, y));
        }
        assert!(!boxes.is_empty());
    }
}

#[test]
fn a_fix_days_later_does_not_press_the_minutes_together() {
    let drawing = svg(&review(&full(), &known()));
    let decided = drawing
        .split("decided</text>")
        .next()
        .unwrap()
        .rsplit("<text")
        .next()
        .unwrap()
        .to_owned();
    let restored = drawing
        .split("restored</text>")
        .next()
        .unwrap()
        .rsplit("<text")
        .next()
        .unwrap()
        .to_owned();
    assert!(number(&restored, "x") - number(&decided, "x") > 40.0);
    assert!(
        drawing.contains("≈ 22 h 59 min") || drawing.contains("≈ 23 h"),
        "the cut says how long it is"
    );
}

#[test]
fn an_end_before_its_beginning_is_drawn_as_no_end() {
    let review = review(&contradictory(), &Knowledge::default());
    let alert = review
        .activity
        .iter()
        .find(|one| one.lane == Lane::Alerts)
        .unwrap();
    assert_eq!(
        (alert.from, alert.to, alert.open),
        (at(480), at(500), false)
    );
    let bars = svg(&review);
    assert!(!bars.contains("width=\"-"), "{bars}");
}

#[test]
fn the_page_allows_exactly_its_own_style() {
    let page = html(&review(&full(), &known()), None);
    assert_eq!(page.matches("<style>").count(), 1);
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert!(
        !page.contains(" style=\""),
        "an attribute would be refused by the policy"
    );
}
