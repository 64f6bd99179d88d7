//! What servers say at the door, in git's words, and what the environment says of the user.
#![expect(
    clippy::disallowed_methods,
    reason = "the environment can only be set for another process"
)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use ripcord_git::{FetchDepth, RepoError};

use crate::fixture::Fixture;

/// A server that answers everything with one status; gives its port.
fn server(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
    });
    port
}

fn error(fixture: &Fixture, url: &str) -> RepoError {
    fixture.git("clone", &["config", "credential.helper", ""]);
    fixture.git("clone", &["remote", "set-url", "origin", url]);
    fixture
        .open("clone")
        .fetch_tip("main", FetchDepth::AsIs)
        .unwrap_err()
}

#[test]
fn servers_that_refuse_are_told_from_servers_that_fail() {
    let fixture = Fixture::with_clone();
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found"] {
        let url = format!("http://me:hunter2@127.0.0.1:{}/x.git", server(status));
        let error = error(&fixture, &url);
        assert!(
            matches!(&error, RepoError::AccessDenied { .. }),
            "{status}: {error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let url = format!("http://127.0.0.1:{}/x.git", server("401 Unauthorized"));
    let unasked = error(&fixture, &url);
    assert!(
        matches!(&unasked, RepoError::AccessDenied { .. }),
        "{unasked:?}"
    );
    for status in ["500 Oops", "502 Bad Gateway", "503 Later"] {
        let url = format!("http://127.0.0.1:{}/x.git", server(status));
        let error = error(&fixture, &url);
        assert!(
            matches!(&error, RepoError::Unreachable { .. }),
            "{status}: {error:?}"
        );
    }
}

#[test]
fn names_that_cannot_be_resolved_are_unreachable() {
    let fixture = Fixture::with_clone();
    let error = error(&fixture, "http://nowhere.invalid/x.git");
    assert!(matches!(&error, RepoError::Unreachable { .. }), "{error:?}");
}

/// The environment of this process cannot be changed safely, so the test runs itself again in one.
#[test]
fn an_identity_comes_from_the_environment_first() {
    const PLACE: &str = "RIPCORD_REPO_TEST_CLONE";
    if let Some(place) = std::env::var_os(PLACE) {
        let repo = ripcord_git::Repo::open_clone(place.as_ref()).unwrap();
        let found = repo.identity(0).unwrap();
        assert_eq!(found.author.name, "From Environment");
        assert_eq!(found.author.email, "test@example.org");
        assert_eq!(found.committer.email, "env@example.org");
        // What would lead git astray is not looked at.
        assert_eq!(
            repo.resolve("HEAD").unwrap(),
            repo.local_tip("main").unwrap().unwrap()
        );
        assert_eq!(
            repo.remote_tip("main").unwrap(),
            repo.local_tip("main").unwrap()
        );
        return;
    }
    let fixture = Fixture::with_clone();
    fixture.git(".", &["init", "-q", "decoy"]);
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "refusals::an_identity_comes_from_the_environment_first",
        ])
        .env(PLACE, fixture.path("clone"))
        .env("GIT_AUTHOR_NAME", "From Environment")
        .env("GIT_COMMITTER_EMAIL", "env@example.org")
        .env("GIT_DIR", fixture.path("decoy/.git"))
        .env("GIT_OBJECT_DIRECTORY", fixture.path("decoy/.git/objects"))
        .env("GIT_INDEX_FILE", "/nowhere")
        .env("GIT_NAMESPACE", "decoy")
        .env("LC_ALL", "de_DE.UTF-8")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
