//! What scanners report, each in its own form. The report decides, not the exit status alone.

use jiff::Timestamp;
use ripcord_domain::gate::{Finding, Severity};
use serde_json::Value;

/// A report as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Every vulnerability, whatever its severity.
    pub findings: Vec<Finding>,
    /// How bad those are that the scanner found and left out.
    pub ignored: Vec<Severity>,
    /// How many packages or targets were looked at; none where the report does not tell.
    pub looked_at: Option<usize>,
    /// The files that packages were taken from; none where the report does not tell.
    pub looked_into: Option<Vec<String>>,
    /// The version of the scanner.
    pub version: Option<String>,
    /// When its database was built.
    pub database: Option<Timestamp>,
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// JSON of Trivy (`SchemaVersion` 2). Without `Results` it looked at nothing, and ends with 0 all the same.
///
/// # Errors
/// It is no report of Trivy.
pub fn read_trivy(bytes: &[u8]) -> Result<Report, String> {
    let said = json(bytes)?;
    if said["SchemaVersion"].as_u64() != Some(2) {
        return Err("it is no report of Trivy in the form 2".to_owned());
    }
    let targets = list(&said["Results"]).iter();
    let mut report = Report {
        version: text(&said["Trivy"]["Version"]),
        looked_at: Some(list(&said["Results"]).len()),
        looked_into: Some(targets.filter_map(|one| text(&one["Target"])).collect()),
        ..Report::default()
    };
    for one in list(&said["Results"])
        .iter()
        .flat_map(|result| list(&result["Vulnerabilities"]))
    {
        report.findings.push(Finding {
            id: text(&one["VulnerabilityID"]).unwrap_or_default(),
            package: text(&one["PkgName"]).unwrap_or_default(),
            installed: text(&one["InstalledVersion"]).unwrap_or_default(),
            fixed: text(&one["FixedVersion"]),
            severity: Severity::of_word(one["Severity"].as_str().unwrap_or_default()),
        });
    }
    Ok(report)
}

/// JSON of grype. What it looked at it does not tell: [`read_components`] does.
///
/// # Errors
/// It is no report of grype.
pub fn read_grype(bytes: &[u8]) -> Result<Report, String> {
    let said = json(bytes)?;
    let about = &said["descriptor"];
    if about["name"] != "grype" || !said["matches"].is_array() {
        return Err("it is no report of grype".to_owned());
    }
    let built = [
        &about["db"]["status"]["built"],
        &about["db"]["built"],
        &about["db"]["schemaVersion"]["built"],
    ];
    let built = built.into_iter().find_map(Value::as_str);
    let mut report = Report {
        version: text(&about["version"]),
        database: built.and_then(|text| text.parse().ok()),
        ..Report::default()
    };
    for one in list(&said["matches"]) {
        let (about, artifact) = (&one["vulnerability"], &one["artifact"]);
        report.findings.push(Finding {
            id: text(&about["id"]).unwrap_or_default(),
            package: text(&artifact["name"]).unwrap_or_default(),
            installed: text(&artifact["version"]).unwrap_or_default(),
            fixed: list(&about["fix"]["versions"]).first().and_then(text),
            severity: Severity::of_word(about["severity"].as_str().unwrap_or_default()),
        });
    }
    report.ignored = list(&said["ignoredMatches"])
        .iter()
        .map(|one| one["vulnerability"]["severity"].as_str())
        .map(|word| Severity::of_word(word.unwrap_or_default()))
        .collect();
    Ok(report)
}

/// What a list of CycloneDX names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Components {
    /// How many packages. Files and the system itself are none.
    pub(crate) packages: usize,
    /// The files that they were taken from.
    pub(crate) files: Vec<String>,
}

/// Reads a list of CycloneDX.
///
/// # Errors
/// It is no such list.
pub(crate) fn read_components(bytes: &[u8]) -> Result<Components, String> {
    let said = json(bytes).map_err(|why| format!("its list of components: {why}"))?;
    if said["bomFormat"] != "CycloneDX" {
        return Err("what it says that it looked at is no list of CycloneDX".to_owned());
    }
    let is_package = |one: &&Value| {
        !matches!(
            one["type"].as_str(),
            Some("file" | "operating-system" | "container")
        )
    };
    let all = list(&said["components"]);
    let files = all.iter().filter(|one| one["type"] == "file");
    Ok(Components {
        packages: all.iter().filter(is_package).count(),
        files: files.filter_map(|one| text(&one["name"])).collect(),
    })
}

/// JSON of osv-scanner. It lists only packages with a vulnerability.
///
/// # Errors
/// It is no report of osv-scanner.
pub fn read_osv(bytes: &[u8]) -> Result<Report, String> {
    let said = json(bytes)?;
    if !said["results"].is_array() {
        return Err("it is no report of osv-scanner".to_owned());
    }
    let mut report = Report::default();
    for one in list(&said["results"])
        .iter()
        .flat_map(|result| list(&result["packages"]))
    {
        let package = &one["package"];
        let score = |ids: &Value| {
            let groups = list(&one["groups"]).iter();
            groups
                .filter(|group| list(&group["ids"]).contains(ids))
                .find_map(|group| group["max_severity"].as_str()?.parse::<f64>().ok())
        };
        for vulnerability in list(&one["vulnerabilities"]) {
            let word = vulnerability["database_specific"]["severity"].as_str();
            let severity = score(&vulnerability["id"]).map_or_else(
                || Severity::of_word(word.unwrap_or_default()),
                Severity::of_score,
            );
            report.findings.push(Finding {
                id: text(&vulnerability["id"]).unwrap_or_default(),
                package: text(&package["name"]).unwrap_or_default(),
                installed: text(&package["version"]).unwrap_or_default(),
                fixed: None,
                severity,
            });
        }
    }
    Ok(report)
}

/// SARIF 2.1.0 of any scanner: how bad a result is stands at its rule, as `security-severity`
/// (<https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>).
/// Where it does not, the level tells, and the worst level may be the worst there is.
///
/// # Errors
/// It is no SARIF 2.1.0, has no run, or a run says of itself that it failed.
pub fn read_sarif(bytes: &[u8]) -> Result<Report, String> {
    let said = json(bytes)?;
    if said["version"] != "2.1.0" {
        return Err("it is no SARIF 2.1.0".to_owned());
    }
    let runs = list(&said["runs"]);
    if runs.is_empty() {
        return Err("it has no run: nothing reported anything".to_owned());
    }
    let mut report = Report::default();
    for run in runs {
        let is_failed = |call: &Value| call["executionSuccessful"] == Value::Bool(false);
        if list(&run["invocations"]).iter().any(is_failed) {
            return Err("it says itself that the run did not end well".to_owned());
        }
        let driver = &run["tool"]["driver"];
        report.version = report.version.or_else(|| {
            let version = text(&driver["semanticVersion"]).or_else(|| text(&driver["version"]))?;
            Some(format!(
                "{} {version}",
                driver["name"].as_str().unwrap_or_default()
            ))
        });
        let looked = list(&run["artifacts"]).len();
        if run["artifacts"].is_array() {
            report.looked_at = Some(report.looked_at.unwrap_or_default() + looked);
        }
        for result in list(&run["results"]) {
            let id = result["ruleId"].as_str();
            let at = result["ruleIndex"]
                .as_u64()
                .and_then(|at| usize::try_from(at).ok());
            let rules = list(&driver["rules"]);
            let rule = id
                .and_then(|id| rules.iter().find(|rule| rule["id"] == id))
                .or_else(|| at.and_then(|at| rules.get(at)));
            let empty = Value::Null;
            let rule = rule.unwrap_or(&empty);
            let said = [&result["properties"], &rule["properties"]]
                .into_iter()
                .find_map(|of| severity_of(&of["security-severity"]));
            let level = result["level"]
                .as_str()
                .or_else(|| rule["defaultConfiguration"]["level"].as_str());
            let severity = said.unwrap_or_else(|| Severity::of_word(level.unwrap_or("warning")));
            let location = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            report.findings.push(Finding {
                id: id
                    .or_else(|| rule["id"].as_str())
                    .unwrap_or_default()
                    .to_owned(),
                package: text(location).unwrap_or_default(),
                installed: String::new(),
                fixed: None,
                severity,
            });
        }
    }
    Ok(report)
}

/// What `security-severity` says: a score, as the specification has it, or a word, as some scanners write it.
fn severity_of(said: &Value) -> Option<Severity> {
    let text = said.as_str().map(str::trim);
    let score = text.map_or_else(|| said.as_f64(), |text| text.parse().ok());
    match score.filter(|score| score.is_finite()) {
        Some(score) => Some(Severity::of_score(score)),
        None => text
            .map(Severity::of_word)
            .filter(|severity| *severity != Severity::Unknown),
    }
}

fn json(bytes: &[u8]) -> Result<Value, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned());
    }
    serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))
}

#[cfg(test)]
#[path = "report/tests.rs"]
mod tests;
