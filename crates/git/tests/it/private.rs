//! Private repositories for people without a clone.

use ripcord_git::{FetchDepth, Filter, Interest, PushOutcome, Repo, SafeUrl};

use crate::fixture::{Fixture, commit_file};

fn open(fixture: &Fixture) -> Repo {
    Repo::open_remote(&SafeUrl::new(fixture.url()), &fixture.path("cache")).unwrap()
}

#[test]
fn from_nothing_to_a_pushed_commit() {
    let fixture = Fixture::with_origin();
    let repo = open(&fixture);
    assert_eq!(repo.default_branch().unwrap(), "main");
    assert_eq!(repo.local_tip("main").unwrap(), None);
    let tip = repo.fetch_tip("main", repo.depth()).unwrap();
    assert_eq!(repo.local_tip("main").unwrap(), Some(tip));
    assert_eq!(repo.first_parents(tip).count(), 3);
    let commit = commit_file(&repo, tip, "x", "1");
    assert_eq!(
        repo.push(commit, "main", Some(tip)).unwrap(),
        PushOutcome::Updated
    );
    assert_eq!(repo.local_tip("main").unwrap(), Some(commit));
    let theirs = {
        fixture.git("seed", &["pull", "-q", "origin", "main"]);
        fixture.somebody_pushes("theirs")
    };
    assert_eq!(
        open(&fixture).fetch_tip("main", FetchDepth::Full).unwrap(),
        theirs
    );
}

#[test]
fn a_window_is_small_and_grows_on_demand() {
    let fixture = Fixture::with_origin();
    let repo = open(&fixture);
    let window = FetchDepth::Window {
        commits: 2,
        filter: Filter::Trees,
    };
    let tip = repo.fetch_tip("main", window).unwrap();
    assert!(repo.is_shallow() && repo.is_partial());
    assert_eq!(repo.first_parents(tip).count(), 2);
    let tree = repo.commit(tip).unwrap().tree;
    assert_eq!(repo.files(tree, "apps").unwrap().len(), 2);
    // The next one continues from what is here.
    let theirs = fixture.somebody_pushes("theirs");
    assert_eq!(repo.fetch_tip("main", window).unwrap(), theirs);
    assert_eq!(repo.first_parents(theirs).count(), 3);
    repo.deepen("main", None).unwrap();
    assert_eq!(repo.first_parents(theirs).count(), 4);
    // Opened again, it still knows that objects are missing on purpose.
    let again = open(&fixture);
    assert!(again.is_partial());
    let mut changed = 0;
    again
        .walk_changes(theirs, None, &Interest::All, 2, &mut |_, changes| {
            changed += changes.len();
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(changed, 6);
    let commit = commit_file(&again, theirs, "x", "1");
    assert_eq!(
        again.push(commit, "main", Some(theirs)).unwrap(),
        PushOutcome::Updated
    );
}

#[test]
fn a_default_branch_that_was_renamed_is_asked_for_again() {
    let fixture = Fixture::with_origin();
    assert_eq!(open(&fixture).default_branch().unwrap(), "main");
    fixture.git("origin.git", &["branch", "-m", "main", "trunk"]);
    let repo = open(&fixture);
    assert!(repo.fetch_tip("main", FetchDepth::Full).is_err());
    assert_eq!(repo.default_branch().unwrap(), "trunk");
}

#[test]
fn the_token_of_a_url_is_stored_nowhere() {
    let fixture = Fixture::new();
    let url = SafeUrl::new("http://me:hunter2@127.0.0.1:1/infra.git");
    let repo = Repo::open_remote(&url, &fixture.path("cache")).unwrap();
    let error = repo.fetch_tip("main", FetchDepth::Full).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let found = fixture.try_git(
        ".",
        &["grep", "--no-index", "-a", "hunter2", "--", "."],
        b"",
    );
    assert!(found.stdout.is_empty());
}
