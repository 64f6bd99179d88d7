//! What a gate runs where nothing is configured: the unit tests, as the repository's files tell.

use std::path::Path;

use ripcord_domain::gate::{CheckPolicy, Command};
use ripcord_domain::problem::{Kind, Problem};

/// A file at the root of a repository, and how its unit tests run in short mode.
const KNOWN: [(&str, &str); 9] = [
    ("go.mod", "go test -short ./..."),
    ("Cargo.toml", "cargo test --workspace --lib --bins"),
    ("package.json", "npm test"),
    ("pom.xml", "mvn -q -B test"),
    ("build.gradle", "./gradlew test"),
    ("build.gradle.kts", "./gradlew test"),
    ("pyproject.toml", "python -m pytest -q -m 'not slow'"),
    ("mix.exs", "mix test"),
    ("Gemfile", "bundle exec rake test"),
];

/// The unit tests of the repository in a folder.
///
/// # Errors
/// Nothing there tells how they run.
pub fn unit_tests(folder: &Path) -> Result<CheckPolicy, Problem> {
    let known = KNOWN.iter().find(|(file, _)| folder.join(file).is_file());
    let Some((_, run)) = known else {
        return Err(Problem::new(
            Kind::Usage,
            "no_checks",
            "no file here tells how the unit tests run, and a gate without them is none",
        )
        .hint("say it in ripcord.yaml: `gate: {checks: [{name: unit tests, run: make test}]}`"));
    };
    Ok(CheckPolicy {
        name: "unit tests".to_owned(),
        run: Command::Line((*run).to_owned()),
        time_box: None,
        droppable: false,
    })
}
