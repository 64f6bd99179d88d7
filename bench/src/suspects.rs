//! How often it is right about which deploy caused an alert, beside the two rules that other tools have.

use ripcord_scenarios::{Case, Scenario, latest, measure, nearest, ripcord};
use ripcord_suspect::accuracy::{Accuracy, Outcome};
use serde_json::{Value, json};

use crate::report::Table;

/// A rule by the name that it has in the table.
type Rule = (&'static str, fn(&Case) -> Outcome);

const RULES: [Rule; 3] = [
    ("ripcord", ripcord),
    ("latest deploy", latest),
    ("nearest within 30 min", nearest),
];

pub(crate) fn run(cases: u64) -> Vec<Table> {
    let head = [
        "rule",
        "precision",
        "recall",
        "first",
        "in first three",
        "“no deploy” where none was",
        "“no deploy” right",
        "left open",
    ];
    let mut whole = Table::new("Which deploy caused it, over all scenarios", &head);
    for (name, rule) in RULES {
        let all = Scenario::ALL.len() as u64 * cases;
        let accuracy = measure(&Scenario::ALL, cases, rule);
        whole.row(row(json!(name), &accuracy, all));
    }
    whole.note(
        "Precision: of the deploys that were named, the share that was the cause. Recall: of the alerts that a deploy \
         caused, the share where it was named. Each scenario has as many cases, made from chance with fixed seeds; the \
         generator does not know the numbers of the scorer. Real incidents are mixed otherwise, so the table by \
         scenario says more.",
    );
    let mut head = head;
    head[0] = "scenario, rule";
    let mut each = Table::new("The same by scenario", &head);
    for scenario in Scenario::ALL {
        for (name, rule) in RULES {
            let accuracy = measure(&[scenario], cases, rule);
            each.row(row(
                json!(format!("{scenario:?}, {name}")),
                &accuracy,
                cases,
            ));
        }
    }
    vec![whole, each]
}

fn row(name: Value, accuracy: &Accuracy, cases: u64) -> Vec<Value> {
    let open = cases - u64::from(accuracy.named + accuracy.none);
    let shares = [
        accuracy.precision(),
        accuracy.recall(),
        accuracy.top_1(),
        accuracy.top_3(),
        accuracy.no_deploy(),
        accuracy.no_deploy_precision(),
        Some(open as f64 / cases as f64),
    ];
    let percent = |share: Option<f64>| match share {
        Some(share) => json!(format!("{:.1} %", share * 100.0)),
        None => json!("-"),
    };
    std::iter::once(name).chain(shares.map(percent)).collect()
}
