//! The kit itself: what it promises to the tests that stand on it.

use std::fs;

use anyhow::Result;
use ripcord_testkit::{
    GitServer, InfraRepo, NaiveScript, Options, Ripcord, Scratch, Snapshot, SshServer, Strictness,
};

const OVERLAY: &str = "services/payments-service/overlays/production/kustomization.yaml";

fn payments(scratch: &Scratch) -> Result<InfraRepo> {
    let mut infra = InfraRepo::new(scratch, "infra.git")?;
    infra
        .deploy("payments-service", "production", "aaa1111")
        .land()?;
    infra
        .deploy("payments-service", "production", "def5678")
        .by("Ann", "ann@acme.io")
        .land()?;
    Ok(infra)
}

#[test]
fn a_deploy_changes_the_tag_and_nothing_else() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut infra = payments(&scratch)?;
    let own = infra
        .read(OVERLAY)?
        .replace("resources:", "# keep me\nresources:");
    infra.write(OVERLAY, own).commit("config: say why").land()?;
    let sha = infra
        .deploy("payments-service", "production", "1234567")
        .by("Bob", "bob@acme.io")
        .at("2026-10-01T08:00:00Z")
        .land()?;
    assert_eq!(infra.tip()?, sha);
    let text = infra.read(OVERLAY)?;
    assert!(
        text.contains("# keep me\n") && text.contains("newTag: \"1234567\"\n"),
        "{text}"
    );
    let shown = infra.git(&["show", "-s", "--format=%an %ae %cI %s", &sha])?;
    assert_eq!(
        shown,
        "Bob bob@acme.io 2026-10-01T08:00:00+00:00 deploy: payments-service 1234567 to production"
    );
    assert_eq!(
        infra.git(&["diff", "--name-only", "HEAD~1", "HEAD"])?,
        OVERLAY
    );
    assert_eq!(infra.git(&["fsck", "--strict"])?, "");
    Ok(())
}

#[test]
fn merges_have_both_sides_and_both_parents() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut infra = payments(&scratch)?;
    infra
        .write("docs/a b.md", "from the side\n")
        .commit("docs")
        .on("side")
        .land()?;
    infra
        .deploy("payments-service", "production", "bbb2222")
        .land()?;
    infra
        .merge_commit("Merge pull request #7 from acme/side", "side")
        .land()?;
    assert_eq!(infra.read("docs/a b.md")?, "from the side\n");
    assert!(infra.read(OVERLAY)?.contains("bbb2222"));
    assert_eq!(infra.rev("main^2")?, infra.rev("side")?);
    infra.remove("docs").commit("remove docs").land()?;
    assert!(infra.read("docs/a b.md").is_err());
    Ok(())
}

#[test]
fn the_same_history_has_the_same_ids() -> Result<()> {
    let (one, two) = (Scratch::new()?, Scratch::new()?);
    assert_eq!(payments(&one)?.tip()?, payments(&two)?.tip()?);
    Ok(())
}

#[test]
fn the_naive_script_rolls_back_and_then_forward_again() -> Result<()> {
    let scratch = Scratch::new()?;
    let infra = payments(&scratch)?;
    let clone = scratch.clone_of(&infra.url(), "clone")?;
    let script = NaiveScript::new(&scratch, Strictness::Strict)?;
    let first = script.run(&clone, &["payments-service"])?.assert_code(0);
    assert!(infra.read(OVERLAY)?.contains("aaa1111"), "{first:?}");
    let second = script.run(&clone, &["payments-service"])?.assert_code(0);
    assert!(
        infra.read(OVERLAY)?.contains("def5678"),
        "the known fault is gone: {second:?}"
    );
    Ok(())
}

#[test]
fn a_snapshot_sees_every_kind_of_change() -> Result<()> {
    let scratch = Scratch::new()?;
    let infra = payments(&scratch)?;
    let clone = scratch.clone_of(&infra.url(), "clone")?;
    let before = Snapshot::of(&scratch, &clone)?;
    before.assert_same(&Snapshot::of(&scratch, &clone)?);
    let changes: [(&str, &dyn Fn() -> Result<()>); 6] = [
        ("file new", &|| Ok(fs::write(clone.join("new"), "x")?)),
        ("git index", &|| {
            scratch.git(&clone, &["add", "new"]).map(drop)
        }),
        ("ref refs/stash", &|| {
            scratch.git(&clone, &["stash"]).map(drop)
        }),
        ("ref refs/heads/side", &|| {
            scratch.git(&clone, &["branch", "side"]).map(drop)
        }),
        ("git HEAD", &|| {
            scratch.git(&clone, &["switch", "-q", "side"]).map(drop)
        }),
        ("git config", &|| {
            scratch.git(&clone, &["config", "user.name", "X"]).map(drop)
        }),
    ];
    for (part, change) in changes {
        let before = Snapshot::of(&scratch, &clone)?;
        change()?;
        let changed = before.changes_to(&Snapshot::of(&scratch, &clone)?);
        let prefix = format!("{part}:");
        assert!(
            changed.iter().any(|line| line.starts_with(&prefix)),
            "{part}: {changed:?}"
        );
    }
    Ok(())
}

#[test]
fn a_binary_runs_without_the_machine() -> Result<()> {
    let scratch = Scratch::new()?;
    let environment = Ripcord::new(&scratch, "/usr/bin/env").env("EXTRA", "1");
    let output = environment.run::<&str>([])?.assert_code(0);
    assert!(
        output.stdout.contains("RIPCORD_NOW=2026-10-01T12:00:00Z\n"),
        "{output:?}"
    );
    assert!(output.stdout.contains("EXTRA=1\n"), "{output:?}");
    assert!(!output.stdout.contains("CARGO"), "{output:?}");
    let cat = Ripcord::new(&scratch, "/usr/bin/tail").spawn(["-f", "/dev/null"])?;
    assert_eq!(cat.kill()?.code, -1);
    Ok(())
}

#[test]
fn infra_repositories_are_served_over_http() -> Result<()> {
    let scratch = Scratch::new()?;
    let infra = payments(&scratch)?;
    let server = GitServer::start(&scratch.repos(), Options::default())?;
    let clone = scratch.clone_of(&server.url("infra.git"), "clone")?;
    scratch.git(&clone, &["commit", "-q", "--allow-empty", "-m", "mine"])?;
    scratch.git(&clone, &["push", "-q"])?;
    assert_eq!(scratch.git(&clone, &["rev-parse", "HEAD"])?, infra.tip()?);
    Ok(())
}

#[test]
fn infra_repositories_are_served_over_ssh() -> Result<()> {
    let scratch = Scratch::new()?;
    let infra = payments(&scratch)?;
    let server = SshServer::start(&scratch, &scratch.repos())?;
    let config = format!("core.sshCommand={}", server.git_ssh_command());
    let url = server.url("infra.git");
    let cloned = scratch.try_git(scratch.path(), &["-c", &config, "clone", &url, "clone"])?;
    assert!(cloned.succeeded(), "{cloned:?}\n{}", server.log()?);
    let clone = scratch.path().join("clone");
    scratch.git(&clone, &["commit", "-q", "--allow-empty", "-m", "mine"])?;
    scratch.git(&clone, &["-c", &config, "push", "-q"])?;
    assert_eq!(scratch.git(&clone, &["rev-parse", "HEAD"])?, infra.tip()?);
    Ok(())
}
