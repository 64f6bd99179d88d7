//! The CI files in a work tree: written, kept, judged.

use std::fs;
use std::path::{Path, PathBuf};

use ripcord_testkit::Output;
use serde_json::Value;

use crate::contract::valid;
use crate::stage::{Stage, assert_says};

const HOTFIX: &str = ".github/workflows/hotfix.yml";
const SERVICE: [&str; 4] = [
    "--service",
    "checkout-service",
    "--infra",
    "https://git.acme.example/acme/infra",
];

/// A repository without a commit.
struct Project {
    stage: Stage,
    root: PathBuf,
}

impl Project {
    fn new() -> Self {
        let stage = Stage::empty();
        let root = stage.scratch.path().join("project");
        fs::create_dir_all(&root).unwrap();
        stage.git(&root, &["init", "-q"]);
        Self { stage, root }
    }

    /// With what `init github` writes for a service.
    fn initialised() -> Self {
        let project = Self::new();
        let _ = project.init("github", &SERVICE).assert_code(0);
        project
    }

    fn init(&self, forge: &str, args: &[&str]) -> Output {
        self.run(&[&["pipeline", "init", forge], args].concat())
    }

    fn run(&self, args: &[&str]) -> Output {
        let ripcord = self.stage.ripcord().in_dir(&self.root);
        ripcord.run(args).unwrap()
    }

    /// The same, and nothing may change.
    fn look(&self, forge: &str, args: &[&str]) -> Output {
        let before = self.files();
        let output = self.init(forge, args);
        assert_eq!(before, self.files());
        output
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "`{from}` is not in {text}");
        fs::write(self.root.join(path), text.replacen(from, to, 1)).unwrap();
    }

    /// The files with their texts.
    fn files(&self) -> Vec<(String, String)> {
        let list = ["ls-files", "--others", "--cached"];
        let names = self.stage.git(&self.root, &list);
        let names = names.lines().map(str::to_owned);
        names.map(|name| (name.clone(), self.read(&name))).collect()
    }

    fn findings(&self, forge: &str, args: &[&str], code: i32) -> Vec<(String, String)> {
        let output = self.look(forge, &[&["--check", "-o", "json"], args].concat());
        let checked = valid(&self.stage, "pipeline-check", output, code);
        let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let findings = checked["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| (word(finding, "path"), word(finding, "rule")))
            .collect()
    }
}

fn outcomes(output: &Output) -> Vec<&str> {
    let lines = output.stdout.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

#[test]
fn an_empty_repository_gets_the_files_of_its_forge_and_a_second_run_changes_nothing() {
    let infra = ["--side", "infra", "--key", "checkout-ci"];
    for (forge, folder) in [
        ("github", ".github/workflows"),
        ("gitea", ".gitea/workflows"),
    ] {
        for (args, names) in [
            (&SERVICE, ["hotfix.yml", "merge-back.yml", "reland.yml"]),
            (
                &infra,
                ["deploy-service.yml", "guard.yml", "hotfix-debt.yml"],
            ),
        ] {
            let project = Project::new();
            let first = project.init(forge, args).assert_code(0);
            assert_eq!(outcomes(&first), ["created"; 4]);
            for name in names {
                let text = project.read(&format!("{folder}/{name}"));
                assert_eq!(
                    text,
                    project.read(&format!(".ripcord/pipeline/{folder}/{name}"))
                );
            }
            let second = project.look(forge, &[]).assert_code(0);
            assert_eq!(outcomes(&second), ["unchanged"; 4]);
            let checked = project.look(forge, &["--check"]).assert_code(0);
            assert_says(&checked, &["as they should be"]);
        }
    }
    for args in [&SERVICE, &infra] {
        let project = Project::new();
        let first = project.init("gitlab", args).assert_code(0);
        assert_eq!(outcomes(&first), ["created"; 3]);
        assert_says(&first, &[".gitlab-ci.yml", ".gitlab/ripcord.gitlab-ci.yml"]);
        let second = project.look("gitlab", &[]).assert_code(0);
        assert_eq!(outcomes(&second), ["unchanged", "kept", "unchanged"]);
        let _ = project.look("gitlab", &["--check"]).assert_code(0);
    }
}

#[test]
fn what_was_asked_for_is_remembered_and_can_be_taken_back() {
    let project = Project::new();
    let sum = "A".repeat(64);
    let more = [
        "--registry",
        "registry.acme.example:5000",
        "--runner",
        "self-hosted",
        "--runner",
        "linux",
        "--key",
        "checkout-ci",
        "--branch",
        "trunk",
        "--ripcord-url",
        "https://artifacts.acme.example/ripcord",
        "--ripcord-sha256",
        &sum,
        "--ripcord-version",
        "0.0.9",
        "--scanner",
        "grype@0.121.2",
    ];
    let _ = project
        .init("github", &[&SERVICE[..], &more].concat())
        .assert_code(0);
    let text = project.read(HOTFIX);
    for words in [
        "REGISTRY: \"registry.acme.example:5000\"",
        "runs-on: [\"self-hosted\", \"linux\"]",
        "RIPCORD_PROOF_KEY_NAME: \"checkout-ci\"",
        "https://artifacts.acme.example/ripcord'",
        "RIPCORD_VERSION: \"0.0.9\"",
        "grype",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    let _ = project.look("github", &[]).assert_code(0);
    // What is at another address is another version, and has another sum.
    let back = [
        "--registry",
        "",
        "--runner",
        "",
        "--key",
        "",
        "--scanner",
        "",
    ];
    let _ = project.init("github", &back).assert_code(0);
    let other = ["--ripcord-url", "https://artifacts.acme.example/newer"];
    let _ = project.init("github", &other).assert_code(0);
    let settings = project.read(".ripcord/pipeline/settings.yaml");
    for gone in [
        "registry",
        "self-hosted",
        "keys",
        "grype",
        "sha256",
        "0.0.9",
    ] {
        assert!(!settings.contains(gone), "`{gone}` is in {settings}");
    }
    assert!(settings.contains("branch: trunk"));
}

#[test]
fn the_branch_is_the_one_that_the_remotes_head_names() {
    let project = Project::new();
    let head = project.root.join(".git/refs/remotes/origin/HEAD");
    fs::create_dir_all(head.parent().unwrap()).unwrap();
    fs::write(head, "ref: refs/remotes/origin/trunk\n").unwrap();
    let _ = project.init("github", &SERVICE).assert_code(0);
    assert!(
        project
            .read(".github/workflows/reland.yml")
            .contains("branches: [\"trunk\"]")
    );
}

#[test]
fn an_edit_survives_and_one_of_the_same_line_is_a_conflict() {
    let project = Project::initialised();
    project.replace(HOTFIX, "timeout-minutes: 45", "timeout-minutes: 90");
    let next = ["--ripcord-version", "7.0.0"];
    let merged = project.init("github", &next).assert_code(0);
    assert_eq!(
        outcomes(&merged),
        ["merged", "updated", "updated", "updated"]
    );
    assert_says(&merged, &["it counts once it is committed"]);
    let text = project.read(HOTFIX);
    assert!(text.contains("timeout-minutes: 90") && text.contains("\"7.0.0\""));
    project.replace(HOTFIX, "\"7.0.0\"", "\"6.0.0\"");
    let kept = project.read(HOTFIX);
    let next = ["--ripcord-version", "8.0.0"];
    let conflict = project.init("github", &next).assert_code(4);
    assert_says(&conflict, &["CONFLICT", "left alone", "then `mv "]);
    assert_eq!(project.read(HOTFIX), kept);
    assert!(project.read(&format!("{HOTFIX}.new")).contains("\"8.0.0\""));
    // Until a person has taken it over, the check fails.
    let findings = project.findings("github", &next, 3);
    let rules: Vec<&str> = findings.iter().map(|(_, rule)| rule.as_str()).collect();
    assert_eq!(rules, ["outdated", "local-edits", "not-taken-over"]);
}

#[test]
fn each_kind_of_drift_is_found() {
    let project = Project::initialised();
    let only = |rule: &str| vec![(HOTFIX.to_owned(), rule.to_owned())];
    assert_eq!(project.findings("github", &[], 0), []);
    let full = project.read(HOTFIX);
    project.replace(HOTFIX, "timeout-minutes: 45", "timeout-minutes: 9");
    assert_eq!(project.findings("github", &[], 0), only("local-edits"));
    project.replace(HOTFIX, "    timeout-minutes: 9\n", "");
    let findings = project.findings("github", &[], 3);
    assert_eq!(findings, [only("local-edits"), only("no-timeout")].concat());
    fs::write(project.root.join(HOTFIX), &full).unwrap();
    let key = ["--key", "checkout-ci"];
    assert_eq!(project.findings("github", &key, 3), only("outdated"));
    fs::remove_file(project.root.join(HOTFIX)).unwrap();
    assert_eq!(project.findings("github", &[], 3), only("missing"));
    fs::write(project.root.join(HOTFIX), &full).unwrap();
    fs::remove_file(project.root.join(format!(".ripcord/pipeline/{HOTFIX}"))).unwrap();
    assert_eq!(project.findings("github", &[], 0), []);
    project.replace(HOTFIX, "timeout-minutes: 45", "timeout-minutes: 9");
    assert_eq!(project.findings("github", &[], 0), only("hand-written"));
    let said = project.look("github", &["--check"]).assert_code(0);
    assert_says(&said, &["note", "hand-written", "as they should be"]);
    project.replace(
        HOTFIX,
        "ripcord hotfix gate --record",
        "true ripcord hotfix gate --record",
    );
    let said = project.look("github", &["--check"]).assert_code(3);
    assert_says(
        &said,
        &["wrong", "gate-missing", "1 finding(s)", "hint: run"],
    );
}

#[test]
fn results_are_as_their_schema_says() {
    let project = Project::new();
    let json = [&SERVICE[..], &["-o", "json"]].concat();
    let dry = project.look("github", &[&json[..], &["--dry-run"]].concat());
    let dry = valid(&project.stage, "pipeline", dry, 0);
    assert_eq!(dry["dry_run"], true);
    assert_eq!(project.files(), []);
    let done = valid(&project.stage, "pipeline", project.init("github", &json), 0);
    assert_eq!(done["changes"], dry["changes"]);
    assert_eq!(done["changes"][0]["outcome"], "created");
    assert_eq!(done["settings"]["service"], "checkout-service");
    assert_eq!(done["secrets"], serde_json::json!(["INFRA_REPO_TOKEN"]));
    project.replace(HOTFIX, "name: Hotfix", "name: Ours");
    let base = format!(".ripcord/pipeline/{HOTFIX}");
    project.replace(&base, "name: Hotfix", "name: Older");
    let conflict = project.init("github", &["-o", "json"]);
    let conflict = valid(&project.stage, "pipeline", conflict, 4);
    assert_eq!(conflict["changes"][0]["outcome"], "conflict");
}

#[test]
fn what_cannot_stand_in_a_file_is_refused_and_nothing_is_written() {
    let project = Project::new();
    for args in [
        &[][..],
        &["--service", "checkout-service"],
        &[
            "--side",
            "service",
            "--infra",
            "https://git.acme.example/a/b",
        ],
        &["--side", "infra", "--branch", "a$(id)"],
        &["--side", "infra", "--key", "a${{ b }}"],
        &["--side", "infra", "--ripcord-url", "http://acme.example/x"],
        &["--side", "infra", "--ripcord-sha256", "abc"],
        &["--side", "infra", "--scanner", "trivy"],
        &["--side", "infra", "--scanner-url", "https://acme.example/x"],
        &["--side", "infra", "--debt-at", "daily"],
        &["--side", "infra", "--check", "--dry-run"],
        &["--service", "a", "--infra", "https://u:p@acme.example/a/b"],
        &[
            "--service",
            "a",
            "--infra",
            "https://acme.example/a/b",
            "--key",
            "a",
            "--key",
            "b",
        ],
    ] {
        let _ = project.look("github", args).assert_code(2);
    }
    let _ = project.look("bitbucket", &[]).assert_code(2);
    let _ = project.look("github", &["--check"]).assert_code(2);
    let outside = project.stage.scratch.path().to_path_buf();
    let ripcord = project.stage.ripcord().in_dir(&outside);
    let output = ripcord.run(["pipeline", "init", "github", "--side", "infra"]);
    assert_says(&output.unwrap().assert_code(2), &["in no work tree"]);
    let _ = project.init("github", &["--side", "infra"]).assert_code(0);
    let other = project.look("gitea", &["--side", "infra"]).assert_code(3);
    assert_says(&other, &["for another forge or side"]);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    let project = Project::new();
    let elsewhere = project.stage.scratch.path().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, project.root.join(".github")).unwrap();
    let output = project.init("github", &SERVICE).assert_code(3);
    assert_says(&output, &["is a link", "nothing was written"]);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert!(!project.root.join(".ripcord").exists());
}

/// A copy of an example as a repository.
fn example(name: &str) -> Project {
    let project = Project::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/seed")
        .join(name);
    copy(&from, &project.root);
    project
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn the_seeds_own_workflow_fails_for_what_it_does_wrong() {
    let project = example("before/checkout-service");
    let findings = project.findings("github", &SERVICE, 3);
    let rules: Vec<&str> = findings.iter().map(|(_, rule)| rule.as_str()).collect();
    let expected = [
        "hand-written",
        "permissions-missing",
        "no-timeout",
        "unpinned-action",
        "unpinned-action",
        "unpinned-action",
        "unpinned-action",
        "gate-missing",
        "no-correlation-id",
        "missing",
        "missing",
        "missing",
    ];
    assert_eq!(rules, expected);
    let conflict = project.init("github", &SERVICE).assert_code(4);
    assert_eq!(outcomes(&conflict)[0], "CONFLICT");
}

#[test]
fn the_seeds_own_workflow_passes_once_it_is_adapted() {
    for (name, expected) in [("after/checkout-service", 1), ("after/ecommerce-infra", 0)] {
        let project = example(name);
        let findings = project.findings("github", &[], 0);
        assert_eq!(findings.len(), expected, "{findings:?}");
        let again = project.look("github", &[]).assert_code(0);
        assert_eq!(outcomes(&again), ["unchanged"; 4]);
    }
    // The gate that it runs is the seed's.
    let project = example("after/checkout-service");
    let text = project.read("ripcord.yaml");
    let settings = ripcord_domain::config::Settings::parse(&text).unwrap();
    assert_eq!(settings.config.gate.checks[0].name, "unit tests");
    assert!(settings.config.gate.build.is_some());
}
