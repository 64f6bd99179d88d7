//! What is shown, word by word.

use ripcord_domain::incident::report::DeployStage;
use ripcord_metrics::{Counts, Measure, Metrics, Reason, Rules, Value, csv, text};

use crate::story::{Counted, DAY, HOUR, Story, at, october};

const PAYMENTS: &str = "payments";

/// Two months in which a bit of everything happened.
fn story() -> Story {
    let mut story = Story::default();
    for day in -31..24 {
        story.deploy(PAYMENTS, &format!("d{day:02}"), day * DAY);
    }
    for (number, minutes) in [
        (-4, 12),
        (1, 9),
        (3, 14),
        (6, 45),
        (9, 31),
        (12, 22),
        (15, 60),
    ] {
        let (incident, start) = (format!("i-{number}"), number * DAY + 20);
        story.alert(&incident, PAYMENTS, start, Some(start + minutes));
        story.charge(&incident, PAYMENTS, Some(&format!("d{number:02}")));
    }
    story.alert("i-open", PAYMENTS, 18 * DAY + 30, None);
    story.recovery("i-open", PAYMENTS, 18 * DAY + 40, "d18", "back");
    story.rollback(PAYMENTS, "back", 18 * DAY + 41, "d18");
    story.deploy(PAYMENTS, "fix", 19 * DAY + HOUR).hotfix = Some("card-limit".into());
    story.stage(PAYMENTS, "canary", DeployStage::Started, 20 * DAY + HOUR);
    story.stage(
        PAYMENTS,
        "canary",
        DeployStage::Aborted,
        20 * DAY + HOUR + 9,
    );
    story.alert("i-cloud", PAYMENTS, 22 * DAY, Some(22 * DAY + 90));
    story.charge("i-cloud", PAYMENTS, None);
    story.alert("i-unknown", PAYMENTS, 23 * DAY, Some(23 * DAY + 90));
    story.stage(PAYMENTS, "merged", DeployStage::Committed, 23 * DAY + HOUR);
    story.stage(PAYMENTS, "begun", DeployStage::Started, 23 * DAY + 2 * HOUR);
    story.alert("i-web", "web", 23 * DAY, None);
    story
}

fn counted() -> Counted {
    let mut request = october();
    request.as_of = at(24 * DAY);
    story().count(&request)
}

#[test]
fn the_figures_stand_beside_what_they_mean() {
    let shown = text::figures(&counted().0);
    assert!(shown.lines().all(|line| line.chars().count() <= 110));
    insta::with_settings!({omit_expression => true}, {
        insta::assert_snapshot!("figures", shown);
        insta::assert_snapshot!("rows", text::rows(&counted().0));
        insta::assert_snapshot!("csv", csv(&counted().0).unwrap());
        insta::assert_snapshot!("nothing", text::figures(&Metrics::of(&october(), &[], &[])));
    });
}

#[test]
fn the_json_fits_its_schema_and_is_read_back() {
    let schema = serde_json::to_value(schemars::schema_for!(Metrics)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let metrics = counted().0;
    let json = serde_json::to_value(&metrics).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&json)
        .map(|one| one.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(json["schema"], 1);
    let text = serde_json::to_string(&json).unwrap();
    assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), metrics);
}

#[test]
fn a_definition_says_the_rules_that_it_was_counted_by() {
    let definition = |rules: Rules, measure| {
        let mut request = october();
        request.rules = rules;
        story()
            .count(&request)
            .figure(PAYMENTS, measure)
            .definition
            .clone()
    };
    let usual = Rules::default();
    let rate = definition(usual, Measure::ChangeFailRate);
    assert!(rate.contains("24 h after") && rate.contains("on a line of its own"));
    let strict = Rules {
        caught_is_failed: true,
        commit_is_deployment: true,
        settles_after_seconds: 5400,
    };
    let rate = definition(strict, Measure::ChangeFailRate);
    assert!(rate.contains("1.5 h after") && !rate.contains("on a line of its own"));
    let frequency = definition(strict, Measure::DeploymentFrequency);
    assert!(frequency.contains("a commit on the branch"));
}

#[test]
fn every_number_can_be_followed_to_its_rows() {
    for figure in counted()
        .0
        .applications
        .into_iter()
        .flat_map(|one| one.figures)
    {
        let number = |is: fn(&Counts) -> bool| {
            let rows = figure.rows.iter();
            rows.filter(|row| is(&row.counts)).count()
        };
        let hit = number(|counts| matches!(counts, Counts::Hit { .. }));
        let within = number(|counts| matches!(counts, Counts::In));
        let took = number(|counts| matches!(counts, Counts::Took { .. }));
        match figure.value {
            Value::Count { number, .. } => assert_eq!(number, within),
            Value::Share { hits, of, .. } => assert_eq!((hits, of), (hit, hit + within)),
            Value::Spans { n, .. } => assert_eq!(n, took),
        }
    }
}

#[test]
fn a_hostile_name_neither_moves_the_cursor_nor_computes() {
    let mut story = Story::default();
    let evil = "=cmd|'/c calc'!A1\u{1b}[2J\nchange fail rate  0.0 %";
    story.deploy(PAYMENTS, evil, DAY);
    let metrics = story.october().0;
    for shown in [text::figures(&metrics), text::rows(&metrics)] {
        assert!(!shown.contains('\u{1b}') && !shown.contains("\nchange fail rate  0.0 %"));
    }
    let csv = csv(&metrics).unwrap();
    assert!(csv.contains("'=cmd") && !csv.contains(",=cmd") && !csv.contains("\"=cmd"));
}

#[test]
fn reasons_that_are_alike_are_counted_together() {
    let deploy = "d1".to_owned();
    let reason = Reason::CauseNotAmong { deploy };
    assert_ne!(reason.to_string(), reason.group());
    assert!(reason.to_string().contains("d1"));
}
