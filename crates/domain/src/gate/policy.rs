//! What a gate asks for, in `ripcord.yaml` of the service's repository.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The gate of a service's hotfixes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GatePolicy {
    /// The checks. None: the unit tests, as the repository's files tell how they run.
    pub checks: Vec<CheckPolicy>,
    /// How sources and image are scanned for vulnerabilities.
    pub scan: Scan,
    /// How the image is built and pushed. None: the gate ends without an image, and nothing can be shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    /// Whether the image is scanned too. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_scan: Option<bool>,
    /// How the image is signed. None: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<Sign>,
    /// Checks of the normal pipeline that the gate leaves out: they are owed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub normal: Vec<NormalCheck>,
}

/// A check of the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckPolicy {
    /// Its name.
    pub name: String,
    /// What runs.
    pub run: Command,
    /// After that time it is ended and has failed, such as `5m`. Default: 10 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_box: Option<String>,
    /// Whether somebody may drop it, with a reason that is recorded. Default: no.
    #[serde(default)]
    pub droppable: bool,
}

/// A command: a line for the shell, or a program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Command {
    /// For `sh -c`.
    Line(String),
    /// The program, and what it is given.
    Words(Vec<String>),
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => f.write_str(line),
            Self::Words(words) => f.write_str(&words.join(" ")),
        }
    }
}

/// A scan for vulnerabilities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scan {
    /// Which program scans.
    pub with: Scanner,
    /// From which severity on a finding fails the gate.
    pub fails_on: Severity,
    /// How old the scanner's database may be, such as `48h`.
    pub database_at_most: String,
    /// After that time a scan is ended: the scanner failed then.
    pub time_box: String,
    /// What scans the sources, for a program that is not known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Command>,
    /// What scans the image; `{image}` is its reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_image: Option<Command>,
    /// The file with its report, as SARIF 2.1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sarif: Option<String>,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            with: Scanner::Trivy,
            fails_on: Severity::Critical,
            database_at_most: "48h".into(),
            time_box: "5m".into(),
            run: None,
            run_image: None,
            sarif: None,
        }
    }
}

/// A scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scanner {
    /// <https://trivy.dev>
    Trivy,
    /// <https://github.com/anchore/grype>
    Grype,
    /// <https://google.github.io/osv-scanner/>
    OsvScanner,
    /// Any other, by `run` and `sarif`.
    Sarif,
}

impl Scanner {
    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Trivy => "trivy",
            Self::Grype => "grype",
            Self::OsvScanner => "osv-scanner",
            Self::Sarif => "the scanner",
        }
    }
}

/// How bad a vulnerability is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody said.
    Unknown,
    /// By CVSS below 4.0.
    Low,
    /// From 4.0.
    Medium,
    /// From 7.0.
    High,
    /// From 9.0.
    Critical,
}

impl Severity {
    /// By a CVSS score
    /// (<https://www.first.org/cvss/v3.1/specification-document#Qualitative-Severity-Rating-Scale>).
    pub fn of_score(score: f64) -> Self {
        if score >= 9.0 {
            Self::Critical
        } else if score >= 7.0 {
            Self::High
        } else if score >= 4.0 {
            Self::Medium
        } else if score > 0.0 {
            Self::Low
        } else {
            Self::Unknown
        }
    }

    /// By a scanner's word, or by a level of SARIF. `error` is the worst level that there is: what would be critical
    /// has no other, so it counts as that.
    pub fn of_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "critical" | "error" => Self::Critical,
            "high" => Self::High,
            "medium" | "moderate" | "warning" => Self::Medium,
            "low" | "note" | "negligible" => Self::Low,
            _ => Self::Unknown,
        }
    }
}

/// How an image is built. The command ends with the image in its registry, whatever builds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// What builds and pushes. It has `RIPCORD_IMAGE`, `RIPCORD_TAG`, `RIPCORD_COMMIT` and
    /// `RIPCORD_DIGEST_FILE`.
    pub run: Command,
    /// The image, without tag and digest.
    pub image: String,
    /// The tag; `{commit}` is the commit. Default: `hotfix-{commit}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A file into which the command writes the digest. None: `RIPCORD_DIGEST_FILE`, else the last `sha256:…`
    /// that it prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_file: Option<String>,
    /// After that time it is ended. Default: 20 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_box: Option<String>,
}

/// A signature by cosign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// What signs; `{image}` is the image by its digest.
    pub run: Command,
    /// After that time it is ended. Default: 2 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_box: Option<String>,
}

/// A check that the normal pipeline runs and the gate does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalCheck {
    /// Its name.
    pub name: String,
    /// What the forge calls it on a commit. None: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_severities_by_the_bands_of_cvss() {
        let of = |score| Severity::of_score(score);
        assert_eq!(of(9.0), Severity::Critical);
        assert_eq!(of(8.9), Severity::High);
        assert_eq!(of(6.9), Severity::Medium);
        assert_eq!(of(0.1), Severity::Low);
        assert_eq!(of(f64::NAN), Severity::Unknown);
        assert!(Severity::Critical > Severity::High);
    }

    #[test]
    fn a_policy_is_read_and_an_unknown_key_is_not() {
        let text = "checks: [{name: unit, run: [go, test], time_box: 2m}]\nscan: {with: osv-scanner, fails_on: high}\n";
        let policy: GatePolicy = serde_saphyr::from_str(text).unwrap();
        assert_eq!(policy.scan.with, Scanner::OsvScanner);
        assert_eq!(policy.checks[0].run.to_string(), "go test");
        let wrong: Result<GatePolicy, _> = serde_saphyr::from_str("scan: {skip: true}\n");
        assert!(wrong.is_err());
    }
}
