//! What holds for every alert and every set of deploys.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::Concern;
use ripcord_domain::incident::report::{Change, DeployStage};
use ripcord_domain::{Environment, Service};
use ripcord_suspect::{Answer, DeployName, Knowledge, Onset, Pods, rank};

const ONSET: i64 = 1_800_000_000;

fn concern(service: usize, environment: usize) -> Concern {
    Concern {
        service: Service::new(["pay", "cart", "stock", "mail"][service]),
        environment: Environment::new(["production", "staging"][environment]),
    }
}

fn deploy(number: usize, told: (usize, usize, i64, usize, bool, u8)) -> Deployed {
    let (service, environment, minutes, change, is_rollback, commit) = told;
    let began = Timestamp::constant(ONSET, 0) - SignedDuration::from_mins(minutes);
    let change = [
        Change::Version,
        Change::Config,
        Change::SharedBase,
        Change::Migration,
        Change::ByHand,
    ][change];
    Deployed {
        id: format!("d{number}"),
        concern: concern(service, environment),
        stages: BTreeMap::from([(DeployStage::Started, began)]),
        commit: Some(format!("c{commit}")),
        version: Some(format!("v{number}")),
        replaced: None,
        changes: vec![change],
        paths: Vec::new(),
        subject: None,
        by: None,
        is_rollback,
        hotfix: None,
        application: None,
        cluster: None,
        checks: Vec::new(),
        analyses: Vec::new(),
        events: Vec::new(),
    }
}

fn deploys() -> impl Strategy<Value = Vec<Deployed>> {
    let told = (
        0..4usize,
        0..2usize,
        -60..2000i64,
        0..5usize,
        any::<bool>(),
        0..9u8,
    );
    prop::collection::vec(told, 0..12).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(|(n, told)| deploy(n, told))
            .collect()
    })
}

fn onset(pods: [(u32, u32); 3]) -> Onset {
    let mut onset = Onset::new(concern(0, 0), Timestamp::constant(ONSET, 0));
    for (number, (alerting, quiet)) in pods.into_iter().enumerate() {
        onset
            .running
            .insert(format!("v{number}"), Pods { alerting, quiet });
    }
    onset
}

fn knowledge(rate: f64, half_life: f64) -> Knowledge {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| Service::new(*name))
            .collect::<BTreeSet<_>>()
    };
    Knowledge {
        depends_on: BTreeMap::from([
            (Service::new("pay"), set(&["cart"])),
            (Service::new("cart"), set(&["stock", "pay"])),
        ]),
        alerts_per_hour: BTreeMap::from([(Service::new("pay"), rate)]),
        half_life_minutes: BTreeMap::from([(Service::new("pay"), half_life)]),
        ..Knowledge::default()
    }
}

proptest! {
    #[test]
    fn probabilities_are_such_and_sum_to_one(
        changes in deploys(),
        pods in prop::array::uniform3((any::<u32>(), any::<u32>())),
        rate in any::<f64>(),
        half_life in any::<f64>(),
    ) {
        let verdict = rank(&onset(pods), &changes, &knowledge(rate, half_life));
        let mut sum = verdict.no_change;
        for suspect in &verdict.suspects {
            prop_assert!((0.0..=1.0).contains(&suspect.probability));
            sum += suspect.probability;
        }
        prop_assert!((0.0..=1.0).contains(&verdict.no_change));
        prop_assert!((sum - 1.0).abs() < 1e-9, "{}", sum);
        prop_assert_eq!(verdict.suspects.len() + verdict.excluded.len(), changes.len());
    }

    #[test]
    fn the_order_of_the_deploys_does_not_matter(
        (changes, shuffled) in deploys().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        pods in prop::array::uniform3((0..20u32, 0..20u32)),
    ) {
        let (onset, knowledge) = (onset(pods), knowledge(0.01, 20.0));
        prop_assert_eq!(rank(&onset, &changes, &knowledge), rank(&onset, &shuffled, &knowledge));
    }

    #[test]
    fn what_began_after_the_alert_or_elsewhere_is_never_a_suspect(changes in deploys()) {
        let onset = onset([(3, 1), (0, 4), (1, 0)]);
        let verdict = rank(&onset, &changes, &knowledge(0.01, 20.0));
        let suspects: BTreeSet<&DeployName> = verdict.suspects.iter().map(|one| &one.deploy).collect();
        for deploy in &changes {
            let wrong = deploy.began().unwrap() > onset.began || deploy.concern.environment != onset.concern.environment;
            prop_assert!(!wrong || !suspects.contains(&DeployName::from(deploy)));
        }
        if let Answer::Deploy(named) = &verdict.answer {
            prop_assert_eq!(named, &verdict.suspects[0].deploy);
        }
    }
}

#[test]
fn a_verdict_is_read_as_it_was_written() {
    let changes = [
        deploy(1, (0, 0, 4, 0, false, 1)),
        deploy(2, (3, 0, 4, 0, false, 2)),
    ];
    let verdict = rank(
        &onset([(0, 0), (1, 1), (0, 3)]),
        &changes,
        &Knowledge::default(),
    );
    let text = serde_json::to_string(&verdict).unwrap();
    let read: ripcord_suspect::Verdict = serde_json::from_str(&text).unwrap();
    assert_eq!(read.answer, verdict.answer);
    assert_eq!(read.excluded, verdict.excluded);
    assert!(text.contains("started 4 min before the alert"), "{text}");
}
