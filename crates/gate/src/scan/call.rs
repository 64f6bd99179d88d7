//! How each scanner is called, so that nothing but the policy says what it looks for.
//!
//! Scanners take settings from files and variables too. Those that make one see less are kept from it: a gate that
//! passes because of a file in the repository says nothing.

use std::path::Path;

use ripcord_domain::gate::{Command, Scanner};

use super::{Asked, What};

/// Whether the scanner shall renew its database first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Update {
    Yes,
    No,
}

/// Files that a call writes or reads, all in the gate's own folder.
pub(super) struct Files {
    /// The report.
    pub(super) report: std::path::PathBuf,
    /// What a scanner looked at that does not say so in its report.
    pub(super) components: std::path::PathBuf,
    /// Settings without a word, so that a scanner looks for no others.
    pub(super) settings: std::path::PathBuf,
}

/// The command of a scan; none where there is none for this.
pub(super) fn call(asked: &Asked<'_>, files: &Files, update: Update) -> Option<Command> {
    let report = files.report.display().to_string();
    let settings = files.settings.display().to_string();
    let folder = asked.folder.display().to_string();
    let words = |words: &[&str]| {
        Some(Command::Words(
            words.iter().map(|w| (*w).to_owned()).collect(),
        ))
    };
    match (asked.policy.with, asked.what) {
        (Scanner::Trivy, what) => {
            let (kind, subject) = match what {
                What::Sources => ("fs", folder.as_str()),
                What::Image(image) => ("image", image),
            };
            // With 1 a finding could not be told from a failure.
            let mut all = vec![
                "trivy",
                kind,
                "--config",
                &settings,
                "--severity",
                "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL",
                "--scanners",
                "vuln",
                "--exit-code",
                "10",
                "--format",
                "json",
                "--output",
                &report,
                "--quiet",
            ];
            if update == Update::No {
                all.extend([
                    "--skip-db-update",
                    "--skip-java-db-update",
                    "--offline-scan",
                    "--skip-version-check",
                ]);
            }
            all.push(subject);
            words(&all)
        }
        // The first call was the same.
        (Scanner::Grype, _) if update == Update::No && !may_renew_grype() => None,
        (Scanner::Grype, what) => {
            let subject = match what {
                What::Sources => format!("dir:{folder}"),
                What::Image(image) => format!("registry:{image}"),
            };
            let found = format!("json={report}");
            let looked_at = format!("cyclonedx-json={}", files.components.display());
            words(&[
                "grype", &subject, "-c", &settings, "-o", &found, "-o", &looked_at,
            ])
        }
        (Scanner::OsvScanner, What::Sources) => {
            let mut all = vec![
                "osv-scanner",
                "scan",
                "source",
                "--format",
                "json",
                "--output",
                &report,
            ];
            if update == Update::No {
                all.push("--offline");
            }
            all.extend(["--recursive", &folder]);
            words(&all)
        }
        // It looks at an image with the network only.
        (Scanner::OsvScanner, What::Image(_)) if update == Update::No => None,
        (Scanner::OsvScanner, What::Image(image)) => words(&[
            "osv-scanner",
            "scan",
            "image",
            "--format",
            "json",
            "--output",
            &report,
            image,
        ]),
        (Scanner::Sarif, what) => {
            if update == Update::No {
                return None;
            }
            let run = match what {
                What::Sources => asked.policy.run.clone(),
                What::Image(_) => asked.policy.run_image.clone(),
            };
            asked.policy.sarif.as_ref()?;
            let fill = |text: &str| match what {
                What::Sources => text.to_owned(),
                What::Image(image) => text.replace("{image}", image),
            };
            run.map(|run| match run {
                Command::Line(line) => Command::Line(fill(&line)),
                Command::Words(words) => Command::Words(words.iter().map(|w| fill(w)).collect()),
            })
        }
    }
}

/// What a scanner is told by variables.
pub(super) fn variables(scanner: Scanner, update: Update) -> Vec<(&'static str, String)> {
    if scanner != Scanner::Grype {
        return Vec::new();
    }
    let renews = update == Update::Yes && may_renew_grype();
    vec![
        ("GRYPE_DB_AUTO_UPDATE", renews.to_string()),
        // Without it an update that fails is only a warning, and nobody would know that a scan is owed.
        ("GRYPE_DB_REQUIRE_UPDATE_CHECK", renews.to_string()),
        ("GRYPE_CHECK_FOR_APP_UPDATE", "false".to_owned()),
        // Its own limit is five days; how old is too old is the policy's to say.
        ("GRYPE_DB_VALIDATE_AGE", "false".to_owned()),
    ]
}

/// Whether the environment lets grype renew its database: somebody else may do that for it.
fn may_renew_grype() -> bool {
    let said = std::env::var("GRYPE_DB_AUTO_UPDATE").unwrap_or_default();
    !["false", "f", "0"].contains(&said.trim().to_ascii_lowercase().as_str())
}

/// How the names of variables begin that make a scanner see less. What only keeps it from renewing its database is
/// not among them: how old that may be is looked at all the same.
const HIDING: [&str; 20] = [
    "TRIVY_CONFIG",
    "TRIVY_IGNORE",
    "TRIVY_PKG_",
    "TRIVY_SEVERITY",
    "TRIVY_SKIP_DIRS",
    "TRIVY_SKIP_FILES",
    "TRIVY_VEX",
    "TRIVY_VULN_",
    "GRYPE_CONFIG",
    "GRYPE_DISTRO",
    "GRYPE_EXCLUDE",
    "GRYPE_FILE",
    "GRYPE_IGNORE",
    "GRYPE_MATCH_",
    "GRYPE_ONLY_",
    "GRYPE_OUTPUT",
    "GRYPE_PROFILE",
    "GRYPE_SCOPE",
    "GRYPE_SEARCH_",
    "GRYPE_VEX_",
];

/// Whether a variable makes a scanner see less.
pub(super) fn hides(name: &str) -> bool {
    HIDING.iter().any(|begin| name.starts_with(begin))
}

/// Files by which scanners are told to keep silent, and the scanner of ours that reads them.
const IGNORE_FILES: [(&str, Option<Scanner>); 9] = [
    (".trivyignore", Some(Scanner::Trivy)),
    (".trivyignore.yaml", Some(Scanner::Trivy)),
    ("osv-scanner.toml", Some(Scanner::OsvScanner)),
    (".snyk", None),
    (".grype.yaml", None),
    (".grype.yml", None),
    (".grype/config.yaml", None),
    (".grype/config.yml", None),
    ("trivy.yaml", None),
];

/// Folders that are looked into for them.
const DEEP: usize = 6;

/// The first file in a folder that tells the scanner to keep silent about something. Trivy and grype get settings of
/// ours; what reads a scanner that is not known here nobody knows, so any such file counts.
pub(super) fn ignore_file(scanner: Scanner, folder: &Path) -> Option<String> {
    let names: Vec<&str> = IGNORE_FILES
        .iter()
        .filter(|(_, reader)| scanner == Scanner::Sarif || *reader == Some(scanner))
        .map(|(name, _)| *name)
        .collect();
    // Trivy takes the one where it is started, osv-scanner one beside each lock file.
    let deep = if scanner == Scanner::Trivy { 0 } else { DEEP };
    ignoring(&names, folder, Path::new(""), deep).map(|path| path.display().to_string())
}

fn ignoring(
    names: &[&str],
    folder: &Path,
    within: &Path,
    deep: usize,
) -> Option<std::path::PathBuf> {
    let here = folder.join(within);
    if let Some(name) = names.iter().find(|name| here.join(name).is_file()) {
        return Some(within.join(name));
    }
    if deep == 0 {
        return None;
    }
    let mut inner: Vec<_> = std::fs::read_dir(&here)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name())
        .filter(|name| name != ".git")
        .collect();
    inner.sort();
    inner
        .iter()
        .find_map(|name| ignoring(names, folder, &within.join(name), deep - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignore_file_below_the_root_leaves_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let of = |scanner| ignore_file(scanner, folder.path());
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        write("web/app/osv-scanner.toml");
        write("web/.grype/config.yaml");
        write("web/.trivyignore");
        let osv = Some("web/app/osv-scanner.toml".to_owned());
        assert_eq!(of(Scanner::OsvScanner), osv);
        let any = Some("web/.trivyignore".to_owned());
        assert_eq!(of(Scanner::Sarif), any);
        assert_eq!(of(Scanner::Trivy), None, "it reads the one at the root");
        assert_eq!(of(Scanner::Grype), None, "it is given settings of ours");
        write(".trivyignore");
        assert_eq!(of(Scanner::Trivy), Some(".trivyignore".to_owned()));
    }

    #[test]
    fn variables_that_hide_findings_are_told_from_those_that_do_not() {
        for name in [
            "TRIVY_SEVERITY",
            "TRIVY_IGNOREFILE",
            "TRIVY_IGNORE_UNFIXED",
            "TRIVY_SKIP_DIRS",
            "TRIVY_PKG_TYPES",
            "GRYPE_EXCLUDE",
            "GRYPE_ONLY_FIXED",
        ] {
            assert!(hides(name), "{name}");
        }
        for name in [
            "TRIVY_CACHE_DIR",
            "TRIVY_SKIP_DB_UPDATE",
            "TRIVY_DB_REPOSITORY",
            "GRYPE_DB_CACHE_DIR",
            "GRYPE_DB_AUTO_UPDATE",
            "GRYPE_REGISTRY_INSECURE_USE_HTTP",
        ] {
            assert!(!hides(name), "{name}");
        }
    }
}
