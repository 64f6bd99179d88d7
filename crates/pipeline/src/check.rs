//! `--check`: what of the repository's CI files is missing, old, changed, or wrong.

use ripcord_domain::Problem;
use ripcord_domain::config::Forge;
use ripcord_manifest::yaml::Stream;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Texts;
use crate::document::View;
use crate::files::{GITLAB_OURS, GITLAB_ROOT, GeneratedFile, files, folders};
use crate::finding::{Finding, Level, Rule};
use crate::judge::judge;
use crate::regenerate::{base_of, new_beside, taking_over, unix};
use crate::settings::{SETTINGS_FILE, Settings};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    /// By path and line.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Those that have to be mended.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.level == Level::Failure)
    }
}

/// Compares what is there with what the settings ask for, and judges every file of the forge's that has to do with
/// hotfixes.
pub fn check(settings: &Settings, there: &Texts) -> Result<Report, Problem> {
    let mut findings = Vec::new();
    for file in files(settings)? {
        drift(&file, there, &mut findings);
    }
    if !there.contains_key(SETTINGS_FILE) {
        let sentence = "nothing says what the files were made for";
        findings.push(Finding::new(SETTINGS_FILE, 1, Rule::Missing, sentence));
    }
    for (path, text) in there {
        if is_judged(settings.forge, path) {
            findings.extend(judge(settings.forge, path, text));
        }
    }
    findings.sort();
    findings.dedup();
    Ok(Report { findings })
}

fn is_judged(forge: Forge, path: &str) -> bool {
    let yaml = path.ends_with(".yml") || path.ends_with(".yaml");
    let folder = folders(forge)
        .iter()
        .any(|folder| path.starts_with(folder) && !folder.starts_with(".ripcord/"));
    // Forges read no folders below that of their workflows.
    let deep = forge != Forge::Gitlab && path.matches('/').count() > 2;
    yaml && folder && !deep
}

fn drift(file: &GeneratedFile, there: &Texts, findings: &mut Vec<Finding>) {
    let GeneratedFile {
        path,
        text,
        only_if_absent,
    } = file;
    let mut add = |rule, sentence: &str| findings.push(Finding::new(path, 1, rule, sentence));
    let Some(ours) = there.get(path) else {
        add(Rule::Missing, "the file is not there");
        return;
    };
    if *only_if_absent {
        if path == GITLAB_ROOT && !includes_ours(ours) {
            add(Rule::NotIncluded, "it does not include ripcord's jobs");
        }
        return;
    }
    let ours = unix(ours);
    match there.get(&base_of(path)).map(|base| unix(base)) {
        None if ours == *text => {}
        None => add(
            Rule::HandWritten,
            "it was not written by `ripcord pipeline init`",
        ),
        Some(base) => {
            // Somebody may have taken over by hand what is new.
            if base != *text && ours != *text {
                add(Rule::Outdated, "ripcord writes it differently now");
            }
            if ours != base && ours != *text {
                add(Rule::LocalEdits, "it was changed after it was written");
            }
        }
    }
    if there.contains_key(&new_beside(path)) {
        let mut finding = Finding::new(
            path,
            1,
            Rule::NotTakenOver,
            "a new text of it waits beside it",
        );
        finding.hint = taking_over(path);
        findings.push(finding);
    }
}

/// Whether GitLab's own file includes ripcord's.
fn includes_ours(text: &str) -> bool {
    let stream = Stream::parse(text);
    let Ok(view) = View::of(&stream, text) else {
        return false;
    };
    let Some(include) = view.get(view.root, "include") else {
        return false;
    };
    let is_ours = |path: &str| path.trim_start_matches('/') == GITLAB_OURS;
    let mut entries = view.items(include);
    entries.push(include);
    entries.into_iter().any(|entry| {
        entry.text().is_some_and(is_ours)
            || view
                .get(entry, "local")
                .is_some_and(|local| view.texts(local).into_iter().any(is_ours))
    })
}
