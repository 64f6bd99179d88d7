//! A repository that the real git makes and judges, out of reach of the machine's configuration.
#![expect(
    clippy::disallowed_methods,
    reason = "tests ask the real git, without the crate between"
)]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ripcord_git::{Identities, Oid, Person, Repo};

/// A repository with a work tree; gone when the test ends.
pub(crate) struct World {
    folder: tempfile::TempDir,
    /// Every commit is a minute later.
    minutes: Cell<i64>,
}

const CONFIG: &str = "\
[user]
\tname = Olga Call
\temail = olga@acme.io
[init]
\tdefaultBranch = main
[commit]
\tgpgsign = false
[protocol \"file\"]
\tallow = always
[gc]
\tauto = 0
[advice]
\tdetachedHead = false
[merge]
\tconflictStyle = merge
";

impl World {
    /// One commit on `main`: three files of twenty lines.
    pub(crate) fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            minutes: Cell::new(0),
        };
        fs::create_dir(world.folder.path().join("home")).unwrap();
        fs::create_dir(world.path()).unwrap();
        fs::write(world.folder.path().join("gitconfig"), CONFIG).unwrap();
        world.git(&["init", "-q"]);
        world.git(&[
            "remote",
            "add",
            "origin",
            "https://git.example/acme/app.git",
        ]);
        for name in ["a", "b", "c"] {
            world.write(name, lines(name));
        }
        world.commit("start");
        world
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("r")
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn repo(&self) -> Repo {
        Repo::open_clone(&self.path()).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Sets one line of a file, counted from zero.
    pub(crate) fn set(&self, name: &str, at: usize, text: &str) {
        let old = self.read(name);
        let mut lines: Vec<&str> = old.lines().collect();
        lines[at] = text;
        self.write(name, lines.join("\n") + "\n");
    }

    pub(crate) fn commit(&self, message: &str) -> Oid {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.id("HEAD")
    }

    /// Sets a line and commits that.
    pub(crate) fn change(&self, name: &str, at: usize, text: &str) -> Oid {
        self.set(name, at, text);
        self.commit(&format!("{name} {at}: {text}"))
    }

    pub(crate) fn on(&self, branch: &str) {
        self.git(&["checkout", "-q", "-f", branch]);
    }

    pub(crate) fn branch(&self, name: &str, at: &str) {
        self.git(&["checkout", "-q", "-f", "-b", name, at]);
    }

    /// Merges into the branch that is checked out, with a merge commit.
    pub(crate) fn merge(&self, branch: &str) -> Oid {
        self.git(&[
            "merge",
            "-q",
            "--no-ff",
            "-m",
            &format!("merge {branch}"),
            branch,
        ]);
        self.id("HEAD")
    }

    pub(crate) fn squash(&self, branch: &str) -> Oid {
        self.git(&["merge", "-q", "--squash", branch]);
        self.commit(&format!("squash {branch}"))
    }

    pub(crate) fn pick(&self, range: &str) -> Oid {
        self.git(&[
            "cherry-pick",
            "--allow-empty",
            "--keep-redundant-commits",
            range,
        ]);
        self.id("HEAD")
    }

    pub(crate) fn revert(&self, commit: Oid) -> Oid {
        self.git(&["revert", "--no-edit", &commit.to_string()]);
        self.id("HEAD")
    }

    pub(crate) fn revert_merge(&self, commit: Oid) -> Oid {
        self.git(&["revert", "--no-edit", "-m", "1", &commit.to_string()]);
        self.id("HEAD")
    }

    pub(crate) fn id(&self, spec: &str) -> Oid {
        self.git(&["rev-parse", "--verify", spec])
            .trim()
            .parse()
            .unwrap()
    }

    pub(crate) fn tree(&self, commit: Oid) -> Oid {
        self.id(&format!("{commit}^{{tree}}"))
    }

    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        assert!(
            output.status.success(),
            "git {args:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn try_git(&self, args: &[&str]) -> Output {
        self.try_git_in(&self.path(), args)
    }

    pub(crate) fn try_git_in(&self, folder: &Path, args: &[&str]) -> Output {
        self.minutes.set(self.minutes.get() + 1);
        let date = format!("@{} +0200", 1_790_000_000 + self.minutes.get() * 60);
        Command::new("git")
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path().join("home"))
            .env("GIT_CONFIG_GLOBAL", self.folder.path().join("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_EDITOR", "true")
            .env("LC_ALL", "C")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .output()
            .unwrap()
    }

    /// What `git patch-id --stable` says of a commit.
    pub(crate) fn patch_id(&self, commit: Oid) -> String {
        let patch = self.beside("patch");
        fs::write(&patch, self.git(&["diff-tree", "-p", &commit.to_string()])).unwrap();
        let script = format!("git patch-id --stable < '{}'", patch.display());
        let alias = format!("alias.ids=!{script}");
        let answer = self.git(&["-c", &alias, "ids"]);
        answer.split(' ').next().unwrap().to_owned()
    }

    /// The tree of the real merge, if it is clean.
    pub(crate) fn merged(&self, ours: Oid, theirs: Oid) -> Option<Oid> {
        let output = self.try_git(&[
            "merge-tree",
            "--write-tree",
            &ours.to_string(),
            &theirs.to_string(),
        ]);
        let text = String::from_utf8(output.stdout).unwrap();
        output
            .status
            .success()
            .then(|| text.trim().parse().unwrap())
    }
}

/// Twenty lines, all different.
pub(crate) fn lines(name: &str) -> String {
    let lines: Vec<String> = (0..20).map(|n| format!("{name} line {n}")).collect();
    lines.join("\n") + "\n"
}

pub(crate) fn people() -> Identities {
    let person = Person {
        name: "Rita Lander".into(),
        email: "rita@acme.io".into(),
        seconds: 1_800_000_000,
        offset_seconds: 0,
    };
    Identities {
        author: person.clone(),
        committer: person,
    }
}
