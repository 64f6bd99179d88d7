//! One infra repository behind a server, and the binary.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ripcord_testkit::{GitServer, InfraRepo, Options, Output, Ripcord, Scratch, Snapshot};
use serde_json::Value;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_ripcord");

/// The file of the quarantined versions of `payments`.
pub(crate) const QUARANTINE: &str = ".ripcord/quarantine/payments.quarantine";

/// A scratch folder with `infra.git`, served over HTTP.
pub(crate) struct Stage {
    pub(crate) server: Arc<GitServer>,
    pub(crate) infra: InfraRepo,
    pub(crate) scratch: Scratch,
}

impl Stage {
    /// With an empty repository.
    pub(crate) fn empty() -> Self {
        let scratch = Scratch::new().unwrap();
        let infra = InfraRepo::new(&scratch, "infra.git").unwrap();
        let server = GitServer::start(&scratch.repos(), Options::default()).unwrap();
        Self {
            server: Arc::new(server),
            infra,
            scratch,
        }
    }

    /// With a history.
    pub(crate) fn with(history: impl FnOnce(&mut InfraRepo)) -> Self {
        let mut stage = Self::empty();
        history(&mut stage.infra);
        stage
    }

    /// `payments` went from good000 to bad1111 in production.
    pub(crate) fn payments() -> Self {
        Self::with(payments)
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("infra.git")
    }

    /// The URL with a user and a password in it.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        self.url()
            .replace("http://", &format!("http://{user}:{password}@"))
    }

    /// A person's clone of the server's repository.
    pub(crate) fn clone(&self, name: &str) -> PathBuf {
        self.scratch.clone_of(&self.url(), name).unwrap()
    }

    pub(crate) fn git(&self, dir: &Path, args: &[&str]) -> String {
        self.scratch.git(dir, args).unwrap()
    }

    /// The binary, outside of any clone.
    pub(crate) fn ripcord(&self) -> Ripcord {
        Ripcord::new(&self.scratch, BINARY)
    }

    /// Runs it with `--repo URL`.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let url = self.url();
        self.ripcord()
            .run(["--repo", &url].iter().chain(args))
            .unwrap()
    }

    /// Runs it in a clone, and asserts that nothing of the clone changes.
    pub(crate) fn run_in(&self, dir: &Path, args: &[&str]) -> Output {
        let before = self.snapshot(dir);
        let output = self.ripcord().in_dir(dir).run(args).unwrap();
        before.assert_same(&self.snapshot(dir));
        output
    }

    pub(crate) fn snapshot(&self, dir: &Path) -> Snapshot {
        Snapshot::of(&self.scratch, dir).unwrap()
    }

    /// `ripcord rollback payments production --yes`, by URL.
    pub(crate) fn roll_back(&self) -> Output {
        self.run(&["rollback", "payments", "production", "--yes"])
    }

    /// The same with a variable set.
    pub(crate) fn roll_back_with(&self, name: &str, value: impl AsRef<str>) -> Output {
        let url = self.url();
        let args = [
            "--repo",
            &url,
            "rollback",
            "payments",
            "production",
            "--yes",
        ];
        self.ripcord().env(name, value).run(args).unwrap()
    }

    /// Lifts the quarantine of a version of payments.
    pub(crate) fn lift(&self, version: &str) {
        let lift = [
            "quarantine",
            "lift",
            "payments",
            version,
            "--yes",
            "--reason",
            "x",
        ];
        let _ = self.run(&lift).assert_code(0);
    }

    pub(crate) fn tip(&self) -> String {
        self.infra.tip().unwrap()
    }

    /// The tag that `payments` has in production on the server's main.
    pub(crate) fn live(&self) -> String {
        live(&self.infra, "payments", "production")
    }

    /// How many commits main has.
    pub(crate) fn commits(&self) -> usize {
        count(&self.infra)
    }

    /// Asserts that main changed since `before` in the overlay of `payments` in production and in the
    /// file that keeps the bad version out, and nowhere else.
    #[track_caller]
    pub(crate) fn assert_only_payments_changed_since(&self, before: &str) {
        let changed = self
            .infra
            .git(&["diff", "--name-only", before, "main"])
            .unwrap();
        let expected = [QUARANTINE, &overlay("payments", "production")].join("\n");
        assert_eq!(changed, expected);
    }

    /// Asserts that main got exactly one commit with one parent on top of `before`.
    #[track_caller]
    pub(crate) fn assert_one_on_top_of(&self, before: &str) {
        let parents = self
            .infra
            .git(&["log", "-1", "--format=%P", "main"])
            .unwrap();
        assert_eq!(parents, before, "not one commit on top");
    }
}

/// Two deploys, the second one bad; another service beside.
pub(crate) fn payments(infra: &mut InfraRepo) {
    deploy(infra, "orders", "production", "o1");
    deploy(infra, "payments", "production", "good000");
    deploy(infra, "payments", "production", "bad1111");
}

pub(crate) fn deploy(infra: &mut InfraRepo, service: &str, environment: &str, version: &str) {
    infra.deploy(service, environment, version).land().unwrap();
}

pub(crate) fn overlay(service: &str, environment: &str) -> String {
    format!("services/{service}/overlays/{environment}/kustomization.yaml")
}

/// The tag of a service on main; nothing where it has no file.
pub(crate) fn live(infra: &InfraRepo, service: &str, environment: &str) -> String {
    let text = infra
        .read(&overlay(service, environment))
        .unwrap_or_default();
    text.lines()
        .find_map(|line| line.trim().strip_prefix("newTag: "))
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned()
}

pub(crate) fn count(infra: &InfraRepo) -> usize {
    let text = infra.git(&["rev-list", "--count", "main"]).unwrap();
    text.parse().unwrap()
}

/// The JSON of a run that ended with `code`.
#[track_caller]
pub(crate) fn json(output: Output, code: i32) -> Value {
    output.assert_code(code).json().unwrap()
}

/// Asserts that both streams together hold all these words.
#[track_caller]
pub(crate) fn assert_says(output: &Output, words: &[&str]) {
    let text = format!("{}{}", output.stdout, output.stderr);
    for word in words {
        assert!(text.contains(word), "nothing of `{word}` in {output:?}");
    }
}
