//! Random histories of deploys, merges, config edits and rollbacks, with git itself as the oracle.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use ripcord_domain::plan::{Outcome, Plan, Scope};
use ripcord_git::Repo;
use ripcord_recovery::request::{Consent, Request, Selection, To, Words};
use ripcord_recovery::ship::{self, Shipping};
use ripcord_recovery::survey::Branch;
use ripcord_recovery::undo::{self, UndoRequest};
use ripcord_testkit::{InfraRepo, Scratch};

const SERVICES: &[&str] = &["cart", "pay", "search"];

/// One thing that happens to the repository.
#[derive(Clone, Debug)]
enum Event {
    Deploy { service: usize, version: u8 },
    Staging { service: usize, version: u8 },
    Replicas { service: usize, count: u8 },
    Base { service: usize, memory: u8 },
    Train { version: u8 },
    MergedDeploy { service: usize, version: u8 },
    Notes(u8),
}

fn event() -> impl Strategy<Value = Event> {
    let service = 0..SERVICES.len();
    prop_oneof![
        4 => (service.clone(), 1u8..7).prop_map(|(service, version)| Event::Deploy { service, version }),
        2 => (service.clone(), 1u8..7).prop_map(|(service, version)| Event::Staging { service, version }),
        2 => (service.clone(), 1u8..9).prop_map(|(service, count)| Event::Replicas { service, count }),
        1 => (service.clone(), 1u8..9).prop_map(|(service, memory)| Event::Base { service, memory }),
        1 => (1u8..7).prop_map(|version| Event::Train { version }),
        1 => (service, 1u8..7).prop_map(|(service, version)| Event::MergedDeploy { service, version }),
        1 => any::<u8>().prop_map(Event::Notes),
    ]
}

fn overlay(service: &str, environment: &str) -> String {
    format!("services/{service}/overlays/{environment}/kustomization.yaml")
}

/// The files of one service as this test writes them.
#[derive(Clone, Copy)]
struct Written {
    production: u8,
    staging: u8,
    replicas: u8,
    memory: u8,
}

fn write(infra: &mut InfraRepo, service: &str, written: Written) {
    for (environment, version) in [
        ("production", written.production),
        ("staging", written.staging),
    ] {
        let text = format!(
            "resources:\n  - ../../base\n# who: {service}\nimages:\n  - name: acme/{service}\n    newTag: \"v{version}\" # bot\n\
             replicas:\n  - name: {service}\n    count: {}\n",
            if environment == "production" {
                written.replicas
            } else {
                1
            }
        );
        infra.write(&overlay(service, environment), text);
    }
    let base = format!("services/{service}/base");
    infra.write(
        &format!("{base}/kustomization.yaml"),
        "resources:\n  - deployment.yaml\n",
    );
    infra.write(
        &format!("{base}/deployment.yaml"),
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {service}\nspec:\n  template:\n    spec:\n      \
             containers:\n        - name: {service}\n          image: acme/{service}\n          resources: {{limits: {{memory: {}Mi}}}}\n",
            written.memory
        ),
    );
}

/// Plays the events; returns the versions that production of `pay` ran.
fn play(infra: &mut InfraRepo, events: &[Event]) -> Vec<u8> {
    let mut files = [Written {
        production: 0,
        staging: 0,
        replicas: 1,
        memory: 1,
    }; 3];
    for (service, written) in SERVICES.iter().zip(files) {
        write(infra, service, written);
    }
    infra.commit("Lay out").land().unwrap();
    let mut ran = vec![0];
    for (number, event) in events.iter().enumerate() {
        let subject = match event {
            Event::Deploy { service, version } | Event::MergedDeploy { service, version } => {
                files[*service].production = *version;
                // Whatever the message says, the content counts.
                ["deploy: x", "chore", "Revert things", "bump"][usize::from(*version) % 4]
            }
            Event::Staging { service, version } => {
                files[*service].staging = *version;
                "deploy: staging"
            }
            Event::Replicas { service, count } => {
                files[*service].replicas = *count;
                "scale"
            }
            Event::Base { service, memory } => {
                files[*service].memory = *memory;
                "memory"
            }
            Event::Train { version } => {
                for written in &mut files {
                    written.production = *version;
                }
                "release train"
            }
            Event::Notes(_) => "notes",
        };
        for (service, written) in SERVICES.iter().zip(files) {
            write(infra, service, written);
        }
        if let Event::Notes(text) = event {
            infra.write("NOTES.md", format!("deploy: pay v{text} to production\n"));
        }
        // A commit with nothing in it is refused by some tools, and says nothing here.
        infra.write("count.txt", format!("{number}\n"));
        if matches!(event, Event::MergedDeploy { .. }) {
            let side = format!("side-{number}");
            infra.commit("side work").on(&side).land().unwrap();
            infra
                .merge_commit("Merge pull request #1", &side)
                .land()
                .unwrap();
        } else {
            infra.commit(subject).land().unwrap();
        }
        if ran.last() != Some(&files[1].production) {
            ran.push(files[1].production);
        }
    }
    ran
}

/// Which version is last good by the rule written another way: replay with a stack.
fn last_good(ran: &[u8]) -> Option<u8> {
    let mut line: Vec<u8> = Vec::new();
    let mut went_back = false;
    for version in ran {
        went_back = line.contains(version);
        if let Some(at) = line.iter().position(|other| other == version) {
            line.truncate(at);
        }
        line.push(*version);
    }
    if went_back {
        None
    } else {
        line.iter().rev().nth(1).copied()
    }
}

fn branch(path: &Path) -> Branch {
    Branch {
        repo: Repo::open_clone(path).unwrap(),
        name: "main".into(),
        is_default: true,
        configuration: None,
        inherited: None,
        cache: None,
    }
}

fn request(scope: Option<Scope>, to: Option<To>) -> Request {
    Request {
        selection: Selection::Services(vec!["pay".into()]),
        environment: Some("production".into()),
        to,
        scope,
        again: false,
        consent: Consent {
            include_shared: false,
            accept_risk: false,
            onto_latest: false,
        },
        words: Words::default(),
        quarantine: Some(jiff::SignedDuration::from_hours(14 * 24)),
    }
}

fn clock() -> Timestamp {
    "2026-11-20T17:15:00Z".parse().unwrap()
}

fn shipping() -> Shipping {
    Shipping {
        push_to: None,
        patience: Duration::from_mins(1),
        longest_pause: Duration::from_secs(10),
    }
}

/// Every file of a commit with its blob, by git.
fn tree(infra: &InfraRepo, revision: &str) -> BTreeMap<String, String> {
    let listed = infra.git(&["ls-tree", "-r", revision]).unwrap();
    listed
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(entry, path)| (path.to_owned(), entry.to_owned()))
        .collect()
}

fn roll_back(
    branch: &Branch,
    scope: Option<Scope>,
    to: Option<To>,
) -> Result<Plan, ripcord_domain::Problem> {
    ship::rollback(
        branch,
        &request(scope, to),
        &shipping(),
        &clock,
        &mut |_| Ok(true),
        &mut |_| (),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_rollback_changes_what_it_must_and_undo_takes_it_back(
        events in proptest::collection::vec(event(), 1..14),
        exact in any::<bool>(),
    ) {
        let scratch = Scratch::new().unwrap();
        let mut infra = InfraRepo::new(&scratch, "infra.git").unwrap();
        // The library commits as whoever git says; the scratch folder is not its home.
        infra.git(&["config", "user.name", "Dana"]).unwrap();
        infra.git(&["config", "user.email", "dana@acme.example"]).unwrap();
        let ran = play(&mut infra, &events);
        let branch = branch(infra.path());
        let before = tree(&infra, "main");
        let scope = if exact { Scope::Exact } else { Scope::Version };
        let overlay = overlay("pay", "production");
        // Exact also restores the base, which staging shares, when it was edited since.
        let outcome = roll_back(&branch, Some(scope), None);
        let expected = last_good(&ran);
        let plan = match (outcome, expected) {
            (Ok(plan), _) => plan,
            (Err(problem), _) if problem.code == "shared_files" => {
                prop_assert!(exact, "{problem:?}");
                prop_assert_eq!(tree(&infra, "main"), before);
                return Ok(());
            }
            (Err(problem), None) => {
                prop_assert_eq!(problem.code.as_str(), "no_earlier_version");
                prop_assert_eq!(tree(&infra, "main"), before);
                return Ok(());
            }
            (Err(problem), Some(version)) => {
                return Err(TestCaseError::fail(format!("to v{version}: {problem:?}")));
            }
        };
        let Some(version) = expected else {
            prop_assert_eq!(plan.outcome, Outcome::NothingToDo);
            prop_assert_eq!(tree(&infra, "main"), before);
            return Ok(());
        };
        prop_assert_eq!(plan.outcome, Outcome::Pushed);
        let target = plan.services[0].target.clone().unwrap();
        prop_assert_eq!(&target.version, &format!("v{version}"));

        // Nothing else in the tree differs.
        let after = tree(&infra, "main");
        for (path, entry) in &before {
            if *path != overlay {
                prop_assert_eq!(Some(entry), after.get(path), "{}", path);
            }
        }
        // But for the file that keeps the bad version out.
        let kept_out = after.keys().filter(|path| !before.contains_key(*path));
        prop_assert_eq!(kept_out.collect::<Vec<_>>(), [".ripcord/quarantine/pay.quarantine"]);
        prop_assert_eq!(before.len() + 1, after.len());
        let text = infra.read_at("main", &overlay).unwrap();
        if exact {
            prop_assert_eq!(&text, &infra.read_at(&target.commit, &overlay).unwrap());
        } else {
            let current = format!("newTag: \"v{}\" # bot", ran.last().unwrap());
            let wanted = infra.read_at("main^", &overlay).unwrap().replace(&current, &format!("newTag: \"v{version}\" # bot"));
            prop_assert_eq!(&text, &wanted);
        }
        // One parent, and that is the old tip.
        prop_assert_eq!(infra.git(&["rev-list", "--parents", "-1", "main"]).unwrap().split_whitespace().count(), 2);

        // A second run brings nothing back.
        let again = roll_back(&branch, Some(scope), None).unwrap();
        prop_assert_eq!(again.outcome, Outcome::NothingToDo);
        prop_assert_eq!(&tree(&infra, "main"), &after);

        // And undo restores the tree bit for bit.
        let request = UndoRequest { rollback: None, accept_risk: false, words: Words::default() };
        let undone = undo::undo(&branch, &request, &shipping(), &clock, &mut |_| Ok(true), &mut |_| ()).unwrap();
        prop_assert_eq!(undone.outcome, Outcome::Pushed);
        prop_assert_eq!(tree(&infra, "main"), before);
    }

    #[test]
    fn the_default_scope_keeps_later_edits_of_the_same_file(
        before in 1u8..4, replicas in 2u8..9, memory in 2u8..9,
    ) {
        let scratch = Scratch::new().unwrap();
        let mut infra = InfraRepo::new(&scratch, "infra.git").unwrap();
        infra.git(&["config", "user.name", "Dana"]).unwrap();
        infra.git(&["config", "user.email", "dana@acme.example"]).unwrap();
        play(&mut infra, &[
            Event::Deploy { service: 1, version: before },
            Event::Deploy { service: 1, version: 6 },
            Event::Replicas { service: 1, count: replicas },
            Event::Base { service: 1, memory },
        ]);
        let branch = branch(infra.path());
        let plan = roll_back(&branch, None, None).unwrap();
        prop_assert_eq!(plan.services[0].scope, Scope::Deploy);
        let text = infra.read_at("main", &overlay("pay", "production")).unwrap();
        let (tag, count) = (format!("\"v{before}\""), format!("count: {replicas}"));
        prop_assert!(text.contains(&tag) && text.contains(&count), "{}", text);
        prop_assert_eq!(plan.changes.len(), 2);
    }
}
