//! What holds for every set of incidents and deploys.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ripcord_domain::incident::report::DeployStage;
use ripcord_metrics::{About, Counts, Measure, Metrics, Request, Value};

use crate::story::{DAY, HOUR, Story, at, october};

const SERVICES: [&str; 2] = ["payments", "web"];

/// A deploy: its service, its hour, how it went on, what it is for.
type Deploy = (usize, i64, usize, usize);
/// An incident: its service, its hour, how long it took in minutes, what is said of the cause.
type Trouble = (usize, i64, Option<i64>, usize, usize);

fn stories() -> impl Strategy<Value = Story> {
    let deploy = (0..2usize, 0..31 * 24i64, 0..6usize, 0..5usize);
    let ended = prop::option::weighted(0.8, 1..4000i64);
    let trouble = (0..2usize, 0..31 * 24i64, ended, 0..5usize, 0..14usize);
    let deploys = prop::collection::vec(deploy, 0..14);
    (deploys, prop::collection::vec(trouble, 0..8)).prop_map(|told| story(&told.0, &told.1))
}

fn story(deploys: &[Deploy], troubles: &[Trouble]) -> Story {
    use DeployStage::{Aborted, Committed, Degraded, Failed, Healthy, Serving, Started};
    let mut story = Story::default();
    for (number, (service, hour, went, purpose)) in deploys.iter().enumerate() {
        let (service, id, start) = (SERVICES[*service], format!("d{number}"), hour * HOUR);
        let stages: &[DeployStage] = [
            &[Committed, Started, Serving, Healthy][..],
            &[Committed],
            &[Started, Serving, Aborted],
            &[Started, Failed],
            &[Healthy, Degraded],
            &[Committed, Started],
        ][*went];
        for (minute, stage) in (0..).zip(stages) {
            let report = story.stage(service, &id, *stage, start + minute);
            report.is_rollback = *purpose == 3;
            report.hotfix = (*purpose == 4).then(|| "fix".to_owned());
        }
    }
    for (number, (service, hour, ended, said, deploy)) in troubles.iter().enumerate() {
        let (service, id, start) = (SERVICES[*service], format!("i-{number}"), hour * HOUR);
        story.alert(&id, service, start, ended.map(|minutes| start + minutes));
        let deploy = format!("d{deploy}");
        match said {
            0 => story.charge(&id, service, None),
            1 | 2 => story.charge(&id, service, Some(&deploy)),
            3 => story.recovery(&id, service, start + 5, &deploy, "back"),
            _ => {}
        }
    }
    story
}

fn over(from: i64, to: i64) -> Request {
    Request::new(at(from), at(to), at(60 * DAY))
}

/// What can be added up, by service and figure.
fn sums(metrics: &Metrics) -> BTreeMap<(String, Measure), [usize; 4]> {
    let mut sums = BTreeMap::new();
    for application in &metrics.applications {
        for figure in &application.figures {
            let parts = match figure.value {
                Value::Count { number, .. } => [number, 0],
                Value::Share { hits, of, .. } => [hits, of],
                Value::Spans { n, going_on, .. } => [n, going_on],
            };
            let rows = [figure.rows.len(), application.deployments.len()];
            let key = (application.concern.to_string(), figure.measure);
            sums.insert(key, [parts[0], parts[1], rows[0], rows[1]]);
        }
    }
    sums
}

proptest! {
    #[test]
    fn a_share_is_from_nothing_to_all_and_in_its_interval(story in stories()) {
        for application in story.october().0.applications {
            for figure in application.figures {
                if let Value::Share { hits, of, share, interval } = figure.value {
                    prop_assert!(hits <= of);
                    prop_assert_eq!(share.is_some(), of > 0);
                    if let (Some(share), Some(interval)) = (share, interval) {
                        prop_assert!((0.0..=1.0).contains(&share));
                        prop_assert!(0.0 <= interval.low && interval.high <= 1.0);
                        prop_assert!(interval.low <= share + 1e-12 && share <= interval.high + 1e-12);
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_and_how_often_it_is_told_do_not_matter(
        story in stories(),
        turn in 0..20usize,
    ) {
        let once = story.october().0;
        let (mut incidents, mut deploys) = (story.incidents(), story.deploys());
        incidents.reverse();
        let places = deploys.len().max(1);
        deploys.rotate_left(turn % places);
        prop_assert_eq!(&Metrics::of(&october(), &incidents, &deploys), &once);
        incidents.extend(incidents.clone());
        deploys.extend(deploys.clone());
        prop_assert_eq!(&Metrics::of(&october(), &incidents, &deploys), &once);
        prop_assert_eq!(&story.repeated().october().0, &once);
    }

    #[test]
    fn parts_of_a_period_add_up(story in stories(), cut in 0..31 * DAY) {
        let whole = sums(&story.october().0);
        let (first, second) = (
            sums(&story.count(&over(0, cut)).0),
            sums(&story.count(&over(cut, 31 * DAY)).0),
        );
        for (figure, whole) in whole {
            let (first, second) = (first[&figure], second[&figure]);
            let both: Vec<usize> = first.iter().zip(second).map(|(a, b)| a + b).collect();
            prop_assert_eq!(&both, &whole, "{:?}", figure);
        }
    }

    #[test]
    fn every_deployment_has_one_row_in_every_figure(story in stories()) {
        for application in story.october().0.applications {
            for figure in &application.figures {
                for deployment in &application.deployments {
                    let of_it = figure.rows.iter().filter(|row| {
                        matches!(&row.about, About::Deploy(id) if *id == deployment.deploy)
                    });
                    prop_assert_eq!(of_it.count(), 1);
                }
            }
        }
    }

    #[test]
    fn an_incident_of_which_nobody_said_the_cause_changes_no_fail_rate(
        story in stories(),
        day in 0..31i64,
    ) {
        let rate = |story: &Story| {
            let applications = story.october().0.applications;
            let own = applications.into_iter().find(|one| one.concern.service.as_str() == "web");
            own.map(|one| one.figures[2].value.clone())
        };
        let mut more = story.clone();
        more.deploy("web", "one-more", 0);
        let before = rate(&more);
        more.alert("i-more", "web", day * DAY, Some(day * DAY + 5));
        prop_assert_eq!(rate(&more), before);
    }

    #[test]
    fn no_span_is_negative_and_none_that_goes_on_is_measured(story in stories()) {
        for application in story.october().0.applications {
            for row in application.figures.iter().flat_map(|figure| &figure.rows) {
                if let Counts::Took { milliseconds } = row.counts {
                    prop_assert!(milliseconds >= 0);
                }
            }
        }
    }
}
