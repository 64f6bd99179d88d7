//! Folders with repositories that the real git makes and judges.
#![expect(
    clippy::disallowed_methods,
    reason = "tests ask the real git, without the crate between"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ripcord_git::{NewCommit, Oid, Person, Repo};

/// A folder that goes when the test ends.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    /// Nothing but an empty folder.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A bare `origin.git` with three commits on `main`, and a clone of it in `clone`.
    pub(crate) fn with_clone() -> Self {
        let fixture = Self::with_origin();
        fixture.git(".", &["clone", "-q", &fixture.url(), "clone"]);
        fixture.configure("clone");
        fixture
    }

    pub(crate) fn with_origin() -> Self {
        let fixture = Self::new();
        fixture.git(".", &["init", "-q", "-b", "main", "seed"]);
        fixture.configure("seed");
        for n in 1..=3 {
            fixture.write("seed/apps/a/deploy.yaml", &format!("image: a:{n}\n"));
            fixture.write("seed/apps/b/deploy.yaml", "image: b:1\n");
            fixture.write("seed/README", "hello\n");
            fixture.commit_all("seed", &format!("deploy: a {n}"));
        }
        fixture.git(".", &["clone", "-q", "--bare", "seed", "origin.git"]);
        fixture.git("seed", &["remote", "add", "origin", &fixture.url()]);
        for (key, value) in [
            ("uploadpack.allowFilter", "true"),
            ("uploadpack.allowAnySHA1InWant", "true"),
        ] {
            fixture.git("origin.git", &["config", key, value]);
        }
        fixture
    }

    pub(crate) fn configure(&self, repo: &str) {
        for (key, value) in [
            ("user.name", "Test Person"),
            ("user.email", "test@example.org"),
            ("commit.gpgSign", "false"),
        ] {
            self.git(repo, &["config", key, value]);
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path("origin.git").display())
    }

    pub(crate) fn open(&self, name: &str) -> Repo {
        Repo::open_clone(&self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn commit_all(&self, repo: &str, message: &str) -> Oid {
        self.git(repo, &["add", "-A"]);
        self.git(repo, &["commit", "-q", "--allow-empty", "-m", message]);
        self.id(repo, "HEAD")
    }

    /// Commits to the origin behind everybody's back.
    pub(crate) fn somebody_pushes(&self, message: &str) -> Oid {
        self.write("seed/other", message);
        let id = self.commit_all("seed", message);
        self.git("seed", &["push", "-q", "origin", "HEAD:main"]);
        id
    }

    pub(crate) fn id(&self, repo: &str, spec: &str) -> Oid {
        self.git(repo, &["rev-parse", "--verify", spec])
            .trim()
            .parse()
            .unwrap()
    }

    /// Runs git and gives its stdout.
    #[track_caller]
    pub(crate) fn git(&self, repo: &str, args: &[&str]) -> String {
        String::from_utf8(self.git_bytes(repo, args, b"")).unwrap()
    }

    #[track_caller]
    pub(crate) fn git_bytes(&self, repo: &str, args: &[&str], stdin: &[u8]) -> Vec<u8> {
        let output = self.try_git(repo, args, stdin);
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    pub(crate) fn try_git(&self, repo: &str, args: &[&str], stdin: &[u8]) -> Output {
        let mut child = Command::new("git")
            .args(args)
            .current_dir(self.path(repo))
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_AUTHOR_DATE", "@1700000000 +0000")
            .env("GIT_COMMITTER_DATE", "@1700000000 +0000")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let bytes = stdin.to_vec();
        let writer = std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Everything of a clone that must not change: refs, HEAD, index, work tree, stash, settings.
    pub(crate) fn snapshot(&self, repo: &str) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        for args in [
            &["for-each-ref"][..],
            &["stash", "list"],
            &["status", "--porcelain=v2", "--branch", "--ignored"],
            &["reflog", "--all"],
        ] {
            all.insert(args.join(" "), self.git_bytes(repo, args, b""));
        }
        files_below(&self.path(repo), &mut all);
        all
    }
}

fn files_below(folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        // Objects may be added, and `shallow` is written when a clone is deepened.
        if name.ends_with("/objects") || name.ends_with("/shallow") {
            continue;
        }
        if path.is_dir() {
            files_below(&path, all);
        } else if let Ok(bytes) = fs::read(&path) {
            all.insert(name, bytes);
        }
    }
}

pub(crate) fn person() -> Person {
    Person {
        name: "Test Person".into(),
        email: "test@example.org".into(),
        seconds: 1_700_000_000,
        offset_seconds: 5400,
    }
}

/// A commit by nobody in particular.
pub(crate) fn new_commit(tree: Oid, parents: &[Oid], message: &str) -> NewCommit {
    NewCommit {
        tree,
        parents: parents.to_vec(),
        author: person(),
        committer: person(),
        message: message.into(),
        sign: false,
    }
}

/// Puts a commit on `parent` that writes one file.
pub(crate) fn commit_file(repo: &Repo, parent: Oid, path: &str, text: &str) -> Oid {
    let mut staged = repo.stage();
    let blob = staged.blob(text.as_bytes()).unwrap();
    let edit = ripcord_git::TreeEdit {
        path: path.into(),
        entry: Some((ripcord_git::Mode::Blob, blob)),
    };
    let base = repo.commit(parent).unwrap().tree;
    let tree = staged.edit_tree(base, &[edit]).unwrap();
    staged.commit(&new_commit(tree, &[parent], text)).unwrap()
}
