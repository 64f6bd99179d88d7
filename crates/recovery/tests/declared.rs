//! What a service declares is found where there is nothing to go back to, and where Git is away.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::path::Path;

use ripcord_git::Repo;
use ripcord_recovery::declared::declared;
use ripcord_recovery::survey::Branch;
use ripcord_testkit::{InfraRepo, Scratch};

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

#[test]
fn a_service_that_had_one_version_only_has_its_files_all_the_same() {
    let scratch = Scratch::new().unwrap();
    let mut infra = InfraRepo::new(&scratch, "infra.git").unwrap();
    infra.deploy("pay", "production", "v1").land().unwrap();
    let found = declared(&branch(infra.path()), "pay", None).unwrap();
    let part = &found.plan.services[0];
    assert_eq!(part.current.version, "v1");
    let overlay = "services/pay/overlays/production/kustomization.yaml";
    assert!(part.files.iter().any(|file| file == overlay), "{part:?}");
    assert!(found.before.is_empty(), "{:?}", found.before);
    assert_eq!(found.git_is_away, None);
}

#[test]
fn what_is_known_is_used_and_said_while_git_is_away() {
    let scratch = Scratch::new().unwrap();
    let mut infra = InfraRepo::new(&scratch, "infra.git").unwrap();
    infra.deploy("pay", "production", "v1").land().unwrap();
    infra.deploy("pay", "production", "v2").land().unwrap();
    let clone = scratch.clone_of(&infra.url(), "clone").unwrap();
    let nowhere = "http://127.0.0.1:9/nowhere.git";
    scratch
        .git(&clone, &["remote", "set-url", "origin", nowhere])
        .unwrap();
    let found = declared(&branch(&clone), "pay", Some("production")).unwrap();
    assert!(found.git_is_away.is_some());
    assert_eq!(found.plan.base, infra.tip().unwrap());
    let before: Vec<&str> = found
        .before
        .iter()
        .map(|one| one.version.as_str())
        .collect();
    assert_eq!(before, ["v1"]);
}
