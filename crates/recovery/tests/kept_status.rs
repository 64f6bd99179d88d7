//! A status that was kept and brought up to date says what a fresh one says.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fmt::Write;
use std::path::Path;

use proptest::prelude::*;
use ripcord_git::Repo;
use ripcord_recovery::status::{Filter, Status, status};
use ripcord_recovery::survey::Branch;
use ripcord_testkit::{InfraRepo, Scratch};

const SERVICES: &[&str] = &["cart", "pay"];
const ENVIRONMENTS: &[&str] = &["staging", "production"];

/// What one service's files say.
#[derive(Clone, Copy)]
struct Files {
    there: bool,
    versions: [u8; 2],
    base: u8,
    sidecar: Option<u8>,
    broken: bool,
    comment: u8,
}

#[derive(Clone, Debug)]
enum Event {
    Deploy {
        environment: usize,
        version: u8,
    },
    Base(u8),
    Sidecar(Option<u8>),
    Break(bool),
    Comment(u8),
    There(bool),
    /// Versions of two services in one file without an owner for a third.
    Values(u8),
    Notes(u8),
}

fn event() -> impl Strategy<Value = (usize, Event)> {
    let what = prop_oneof![
        8 => (0..2usize, 1u8..5).prop_map(|(environment, version)| Event::Deploy { environment, version }),
        1 => (1u8..4).prop_map(Event::Base),
        1 => prop::option::of(1u8..4).prop_map(Event::Sidecar),
        1 => any::<bool>().prop_map(Event::Break),
        2 => (0u8..4).prop_map(Event::Comment),
        1 => any::<bool>().prop_map(Event::There),
        1 => (1u8..4).prop_map(Event::Values),
        1 => any::<u8>().prop_map(Event::Notes),
    ];
    (0..SERVICES.len(), what)
}

fn write(infra: &mut InfraRepo, service: &str, files: Files) {
    for (environment, version) in ENVIRONMENTS.iter().zip(files.versions) {
        let path = format!("services/{service}/overlays/{environment}/kustomization.yaml");
        if !files.there {
            infra.remove(&path);
            continue;
        }
        let mut text = format!(
            "# {}\nresources: [../../base]\nimages:\n  - name: acme/{service}\n    newTag: v{version}\n",
            "x".repeat(usize::from(files.comment))
        );
        if let Some(version) = files.sidecar {
            let _ = writeln!(text, "  - name: acme/sidecar\n    newTag: s{version}");
        }
        if files.broken && *environment == "staging" {
            text += "  - {\n";
        }
        infra.write(&path, text);
    }
    let base = format!("services/{service}/base/kustomization.yaml");
    if files.there {
        let text = format!(
            "images:\n  - name: acme/proxy\n    newTag: p{}\n",
            files.base
        );
        infra.write(&base, text);
    } else {
        infra.remove(&base);
    }
}

fn place(infra: &InfraRepo, cache: Option<&Path>) -> Branch {
    Branch {
        repo: Repo::open_clone(infra.path()).unwrap(),
        name: "main".into(),
        is_default: true,
        configuration: None,
        inherited: None,
        cache: cache.map(Path::to_path_buf),
    }
}

fn look(infra: &InfraRepo, cache: Option<&Path>) -> Status {
    let branch = place(infra, cache);
    let at = branch.newest().unwrap();
    status(&branch.repo, &at, &Filter::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn a_status_brought_up_to_date_is_the_status_read_anew(
        looks in proptest::collection::vec(proptest::collection::vec(event(), 1..4), 1..6),
    ) {
        let scratch = Scratch::new().unwrap();
        let cache = scratch.path().join("cache");
        let mut infra = InfraRepo::new(&scratch, "infra.git").unwrap();
        let first = Files { there: true, versions: [1, 1], base: 1, sidecar: None, broken: false, comment: 0 };
        let mut all = [first; 2];
        for service in SERVICES {
            write(&mut infra, service, first);
        }
        infra.commit("Lay out").land().unwrap();
        let mut number = 0;
        for events in looks {
            look(&infra, Some(&cache));
            for (service, event) in events {
                let files = &mut all[service];
                match event {
                    Event::Deploy { environment, version } => files.versions[environment] = version,
                    Event::Base(version) => files.base = version,
                    Event::Sidecar(version) => files.sidecar = version,
                    Event::Break(broken) => files.broken = broken,
                    Event::Comment(length) => files.comment = length,
                    Event::There(there) => files.there = there,
                    Event::Values(version) => {
                        infra.write("values.yaml", format!("image: {{repository: acme/x, tag: v{version}}}\n"));
                    }
                    Event::Notes(text) => {
                        infra.write("NOTES.md", format!("{text}\n"));
                    }
                }
                write(&mut infra, SERVICES[service], all[service]);
                number += 1;
                infra.write("count.txt", format!("{number}\n"));
                infra.commit("Change").land().unwrap();
            }
            prop_assert_eq!(look(&infra, Some(&cache)), look(&infra, None));
        }
    }
}

#[test]
fn a_deploy_that_was_taken_back_between_two_looks_is_seen() {
    let scratch = Scratch::new().unwrap();
    let cache = scratch.path().join("cache");
    let mut infra = InfraRepo::new(&scratch, "infra.git").unwrap();
    infra.deploy("pay", "production", "v1").land().unwrap();
    let before = look(&infra, Some(&cache));
    infra.deploy("pay", "production", "v2").land().unwrap();
    infra.deploy("pay", "production", "v1").land().unwrap();
    let after = look(&infra, Some(&cache));
    assert_eq!(after, look(&infra, None));
    assert_ne!(before.services[0].commit, after.services[0].commit);
    assert_eq!(after.services[0].flags, ["rolled_back"]);
}

#[test]
fn a_return_over_two_deploys_is_a_rollback_in_a_kept_status_too() {
    let scratch = Scratch::new().unwrap();
    let cache = scratch.path().join("cache");
    let mut infra = InfraRepo::new(&scratch, "infra.git").unwrap();
    for version in ["v1", "v2"] {
        infra.deploy("pay", "production", version).land().unwrap();
    }
    look(&infra, Some(&cache));
    for version in ["v3", "v1"] {
        infra.deploy("pay", "production", version).land().unwrap();
    }
    for cache in [Some(cache.as_path()), None] {
        let flags = &look(&infra, cache).services[0].flags;
        assert!(flags.iter().any(|flag| flag == "rolled_back"), "{flags:?}");
    }
}

#[test]
fn how_many_deploys_happen_to_be_known_does_not_decide_what_is_a_rollback() {
    let scratch = Scratch::new().unwrap();
    let mut infra = InfraRepo::new(&scratch, "infra.git").unwrap();
    infra.deploy("cart", "production", "v1").land().unwrap();
    for version in ["v1", "v2", "v3", "v4", "v5", "v6", "v1"] {
        infra.deploy("pay", "production", version).land().unwrap();
    }
    let branch = place(&infra, None);
    let at = branch.newest().unwrap();
    let alone = Filter {
        services: vec!["pay".to_owned()],
        ..Filter::default()
    };
    let alone = status(&branch.repo, &at, &alone).unwrap();
    // Beside a service that was deployed first of all, every deploy of the other is read.
    let beside = look(&infra, None);
    assert_eq!(alone.services[0].flags, beside.services[1].flags);
}
