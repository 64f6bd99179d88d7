//! Clones of every kind, and what fetching does to them.

use std::path::Path;
use std::time::Duration;

use ripcord_git::{FetchDepth, Filter, Interest, Repo, RepoError};

use crate::fixture::{Fixture, commit_file};

#[test]
fn worktrees_bare_ones_and_detached_heads_are_all_alike() {
    let fixture = Fixture::with_clone();
    fixture.git(
        "clone",
        &["worktree", "add", "-q", "../linked", "-b", "side"],
    );
    fixture.git("clone", &["checkout", "-q", "--detach"]);
    fixture.git(".", &["clone", "-q", "--bare", &fixture.url(), "bare.git"]);
    let tip = fixture.id("origin.git", "main");
    for (place, has_worktree) in [
        ("clone", true),
        ("clone/apps/a", true),
        ("clone/README", true),
        ("linked", true),
        ("bare.git", false),
    ] {
        let repo = fixture.open(place);
        assert_eq!(repo.worktree().is_some(), has_worktree, "{place}");
        assert_eq!(repo.default_branch().unwrap(), "main", "{place}");
        assert_eq!(
            repo.fetch_tip("main", FetchDepth::AsIs).unwrap(),
            tip,
            "{place}"
        );
        let commit = commit_file(&repo, tip, "x", place);
        fixture.git("clone", &["rev-parse", "HEAD"]);
        assert_eq!(repo.commit(commit).unwrap().parents, [tip]);
    }
    assert_eq!(fixture.open("clone").local_tip("main").unwrap(), Some(tip));
    assert_eq!(fixture.open("clone").local_tip("none").unwrap(), None);
}

#[test]
fn the_default_branch_is_the_remotes_and_not_the_one_checked_out() {
    let fixture = Fixture::with_clone();
    fixture.git("clone", &["checkout", "-q", "-b", "feature"]);
    fixture.git("clone", &["remote", "set-head", "origin", "--delete"]);
    assert_eq!(fixture.open("clone").default_branch().unwrap(), "main");
}

#[test]
fn what_is_wrong_with_a_place_or_a_branch_is_said() {
    let fixture = Fixture::with_clone();
    let open = |name: &str| Repo::open_clone(&fixture.path(name)).map(drop);
    assert!(matches!(
        open("nowhere"),
        Err(RepoError::NotARepository { .. })
    ));
    fixture.write("plain/file", "");
    assert!(matches!(
        open("plain"),
        Err(RepoError::NotARepository { .. })
    ));
    fixture.git(".", &["init", "-q", "lonely"]);
    assert!(matches!(open("lonely"), Err(RepoError::NoRemote { .. })));
    fixture.write("lonely/.git/config", "[core\nnonsense");
    assert!(
        matches!(open("lonely"), Err(RepoError::Corrupt { .. })),
        "{:?}",
        open("lonely")
    );

    let repo = fixture.open("clone");
    let missing = repo.fetch_tip("prod", FetchDepth::AsIs);
    assert!(
        matches!(&missing, Err(RepoError::NoSuchBranch { known, .. }) if known == &["main"]),
        "{missing:?}"
    );
    fixture.git(".", &["init", "-q", "--bare", "empty.git"]);
    fixture.git("clone", &["remote", "set-url", "origin", "../empty.git"]);
    let repo = fixture.open("clone");
    assert!(matches!(
        repo.fetch_tip("main", FetchDepth::AsIs),
        Err(RepoError::EmptyRepository { .. })
    ));
    fixture.git("clone", &["remote", "set-url", "origin", "../gone.git"]);
    let repo = fixture
        .open("clone")
        .with_time_limit(Some(Duration::from_mins(1)));
    let gone = repo.fetch_tip("main", FetchDepth::AsIs);
    assert!(
        matches!(&gone, Err(RepoError::Unreachable { .. })),
        "{gone:?}"
    );
}

#[test]
fn a_remote_that_refuses_connections_is_unreachable_and_no_password_is_shown() {
    let fixture = Fixture::with_clone();
    let url = "http://me:hunter2@127.0.0.1:1/x.git";
    fixture.git("clone", &["remote", "set-url", "origin", url]);
    let repo = fixture.open("clone");
    let error = repo.remote_tip("main").unwrap_err();
    assert!(matches!(&error, RepoError::Unreachable { .. }), "{error:?}");
    for text in [
        error.to_string(),
        format!("{error:?}"),
        format!("{:?}", repo.remote()),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_fetch_writes_no_ref_and_no_fetch_head() {
    let fixture = Fixture::with_clone();
    fixture.git("clone", &["config", "fetch.prune", "true"]);
    fixture.git("clone", &["config", "remote.origin.tagOpt", "--tags"]);
    let _ = fixture.snapshot("clone");
    let before = fixture.snapshot("clone");
    let theirs = fixture.somebody_pushes("new");
    fixture.git("origin.git", &["tag", "v1", "main"]);
    let repo = fixture.open("clone");
    let old = repo.local_tip("main").unwrap().unwrap();
    assert_eq!(repo.fetch_tip("main", FetchDepth::AsIs).unwrap(), theirs);
    assert!(repo.is_ancestor(old, theirs).unwrap());
    assert_eq!(before, fixture.snapshot("clone"));
}

#[test]
fn a_fetch_leaves_nothing_of_its_way_in_the_clone() {
    for limit in ["1", "100"] {
        let fixture = Fixture::with_clone();
        fixture.git("clone", &["config", "fetch.unpackLimit", limit]);
        let config = fixture.git("clone", &["config", "--local", "--list"]);
        let repo = fixture.open("clone");
        let objects = repo.git_dir().join("objects");
        let names = |folder: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(folder).unwrap();
            entries
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect()
        };
        let packs = || {
            let files = names(&objects.join("pack"));
            files.iter().filter(|name| name.ends_with(".idx")).count()
        };
        let packs_before = packs();

        let theirs = fixture.somebody_pushes("new");
        assert_eq!(repo.fetch_tip("main", FetchDepth::AsIs).unwrap(), theirs);

        let config_now = fixture.git("clone", &["config", "--local", "--list"]);
        assert_eq!(config_now, config);
        let left = |name: &String| name.starts_with("tmp_") || name.ends_with(".promisor");
        assert!(!names(&objects).iter().any(left));
        assert!(!names(&objects.join("pack")).iter().any(left));
        // As git would have stored it.
        assert_eq!(packs() - packs_before, usize::from(limit == "1"));
        fixture.git("clone", &["fsck", "--strict", &theirs.to_string()]);
    }
}

#[test]
fn packs_that_arrive_in_a_long_race_are_seen() {
    let fixture = Fixture::with_clone();
    fixture.git("clone", &["config", "fetch.unpackLimit", "1"]);
    let repo = fixture.open("clone");
    for number in 0..40 {
        let theirs = fixture.somebody_pushes(&format!("new {number}"));
        let tip = repo.fetch_tip("main", FetchDepth::AsIs);
        assert_eq!(tip.unwrap(), theirs, "fetch {number}");
        // Also read from, as planning does.
        repo.commit(theirs).unwrap();
    }
}

#[test]
fn a_shallow_clone_says_where_it_ends_and_can_be_deepened() {
    let fixture = Fixture::with_origin();
    fixture.git(
        ".",
        &["clone", "-q", "--depth=1", &fixture.url(), "shallow"],
    );
    fixture.configure("shallow");
    let repo = fixture.open("shallow");
    assert!(repo.is_shallow());
    let _ = fixture.snapshot("shallow");
    let before = fixture.snapshot("shallow");
    let newest = fixture.somebody_pushes("new");
    let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
    assert_eq!(tip, newest);
    let line: Vec<_> = repo.first_parents(tip).map(Result::unwrap).collect();
    assert_eq!(line.len(), 2);
    assert!(line[1].boundary && line[1].parent.is_none());
    assert!(!line[0].boundary);
    // Nothing is known to have changed at the boundary: above all not that every file is new.
    let mut seen = Vec::new();
    repo.walk_changes(tip, None, &Interest::All, 1, &mut |link, changes| {
        seen.push((link.boundary, changes.len()));
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen, [(false, 1), (true, 0)]);

    repo.deepen("main", Some(1)).unwrap();
    assert_eq!(repo.first_parents(tip).count(), 3);
    repo.deepen("main", None).unwrap();
    assert!(!repo.is_shallow());
    assert_eq!(repo.first_parents(tip).count(), 4);
    repo.deepen("main", Some(5)).unwrap();
    assert_eq!(before, fixture.snapshot("shallow"));

    // A push from what was a shallow clone.
    let commit = commit_file(&repo, tip, "x", "1");
    repo.push(commit, "main", Some(tip)).unwrap();
    assert_eq!(fixture.id("origin.git", "main"), commit);
}

#[test]
fn a_window_never_cuts_off_what_a_clone_has() {
    let fixture = Fixture::with_clone();
    fixture.somebody_pushes("new");
    let repo = fixture.open("clone");
    let window = FetchDepth::Window {
        commits: 1,
        filter: Filter::Trees,
    };
    let tip = repo.fetch_tip("main", window).unwrap();
    assert!(!repo.is_shallow() && !repo.is_partial());
    assert_eq!(repo.first_parents(tip).count(), 4);
}

#[test]
fn missing_objects_of_a_partial_clone_are_fetched_when_they_are_read() {
    let fixture = Fixture::with_origin();
    for (filter, name) in [("blob:none", "blobless"), ("tree:0", "treeless")] {
        let filter = format!("--filter={filter}");
        let args = [
            "clone",
            "-q",
            "--no-checkout",
            &filter,
            &fixture.url(),
            name,
        ];
        fixture.git(".", &args);
        let before = fixture.snapshot(name);
        let repo = fixture.open(name);
        assert!(repo.is_partial(), "{name}");
        let tip = repo.fetch_tip("main", FetchDepth::AsIs).unwrap();
        let old = repo.resolve("origin/main~2").unwrap();
        let tree = repo.commit(old).unwrap().tree;
        let entry = repo.entry(tree, "apps/a/deploy.yaml").unwrap().unwrap();
        assert_eq!(repo.blob(entry.id).unwrap(), b"image: a:1\n");
        let commit = commit_file(&repo, tip, "apps/a/deploy.yaml", "image: a:1\n");
        assert_eq!(
            repo.changes(
                Some(repo.commit(tip).unwrap().tree),
                repo.commit(commit).unwrap().tree,
                &Interest::All,
            )
            .unwrap()
            .len(),
            1
        );
        assert_eq!(before, fixture.snapshot(name));
    }
}

#[test]
fn objects_of_a_partial_clone_come_in_one_request() {
    let fixture = Fixture::with_origin();
    let args = [
        "clone",
        "-q",
        "--no-checkout",
        "--filter=blob:none",
        &fixture.url(),
        "p",
    ];
    fixture.git(".", &args);
    let repo = fixture.open("p");
    let tree = repo.resolve("origin/main^{tree}");
    assert!(tree.is_err(), "a tree is no commit");
    let tree = repo
        .commit(repo.resolve("origin/main").unwrap())
        .unwrap()
        .tree;
    let ids: Vec<_> = repo
        .files(tree, "")
        .unwrap()
        .into_iter()
        .map(|(_, e)| e.id)
        .collect();
    repo.fetch_objects(&ids, Some("blob:none")).unwrap();
    let offline = fixture.path("origin.git");
    std::fs::rename(&offline, fixture.path("away.git")).unwrap();
    for id in ids {
        repo.blob(id).unwrap();
    }
}

#[test]
fn repositories_of_the_sha256_format_work() {
    let fixture = Fixture::new();
    fixture.git(
        ".",
        &["init", "-q", "-b", "main", "--object-format=sha256", "seed"],
    );
    fixture.configure("seed");
    fixture.write("seed/apps/a", "1\n");
    fixture.write("seed/b", "1\n");
    fixture.commit_all("seed", "one");
    fixture.write("seed/apps/a", "2\n");
    let tip = fixture.commit_all("seed", "two");
    fixture.git(".", &["clone", "-q", "--bare", "seed", "origin.git"]);
    fixture.git(".", &["clone", "-q", &fixture.url(), "clone"]);
    let repo = fixture.open("clone");
    assert_eq!(repo.fetch_tip("main", FetchDepth::AsIs).unwrap(), tip);
    let commit = commit_file(&repo, tip, "apps/a", "1\n");
    repo.push(commit, "main", Some(tip)).unwrap();
    assert_eq!(fixture.id("origin.git", "main"), commit);
    assert_eq!(fixture.git("origin.git", &["show", "main:apps/a"]), "1\n");
    fixture.git("origin.git", &["fsck", "--strict"]);

    let cache = fixture.path("cache");
    let private = Repo::open_remote(&ripcord_git::SafeUrl::new(fixture.url()), &cache).unwrap();
    let error = private.fetch_tip("main", FetchDepth::Full).unwrap_err();
    assert!(
        matches!(error, RepoError::OtherObjectFormat { .. }),
        "{error:?}"
    );
}

#[test]
fn an_identity_comes_from_the_configuration() {
    let fixture = Fixture::with_clone();
    fixture.git("clone", &["config", "author.name", "Author <x>"]);
    let found = fixture.open("clone").identity(17).unwrap();
    assert_eq!(found.committer.email, "test@example.org");
    assert_eq!(found.committer.seconds, 17);
    assert!(!fixture.open("clone").signing_wanted());
}
