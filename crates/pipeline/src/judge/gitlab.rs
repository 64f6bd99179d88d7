//! The rules for GitLab's files.
//!
//! What keys mean: <https://docs.gitlab.com/ci/yaml/>. A job is judged with what it extends in the same file.

use ripcord_manifest::yaml::Node;

use super::Role;
use super::blocking::{self, Step as Does, Strictness, scan, soft};
use crate::document::View;
use crate::finding::{Finding, Rule};
use crate::shell::{Command, commands};

/// Keys at the top that are no jobs.
const NO_JOBS: [&str; 12] = [
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "pages",
    "spec",
];

/// How many jobs may extend one another in a row.
const DEEPEST: usize = 10;

struct Job<'a> {
    name: &'a str,
    line: usize,
    node: &'a Node<'a>,
    /// The lines of the script: command and line of the file.
    script: Vec<(Command, usize)>,
}

pub(super) fn judge(view: &View<'_>, path: &str) -> Vec<Finding> {
    let jobs: Vec<Job<'_>> = view
        .entries(view.root)
        .into_iter()
        .filter(|(name, _, node)| {
            node.is_map() && !name.starts_with('.') && !NO_JOBS.contains(name)
        })
        .map(|(name, key, node)| Job {
            name,
            line: view.line(key),
            node,
            script: script(view, node),
        })
        .collect();
    let mut found = Vec::new();
    let mut add =
        |line, rule, sentence: String| found.push(Finding::new(path, line, rule, sentence));
    let mut ours = false;
    for job in &jobs {
        let Some(role) = role(job) else {
            continue;
        };
        ours = true;
        commands_of(view, job, &mut add);
        templates(view, job, &mut add);
        if get(view, job.node, "timeout").is_none() {
            add(
                job.line,
                Rule::NoTimeout,
                format!(
                    "the job `{}` may hang for as long as the project lets it",
                    job.name
                ),
            );
        }
        match role {
            Role::Hotfix => hotfix(view, job, &jobs, &mut add),
            Role::Receiver => receiver(view, job, &mut add),
            Role::Other => {}
        }
        if role != Role::Other
            && let Some(value) = get(view, job.node, "interruptible")
            && value.text() != Some("false")
        {
            let sentence = format!(
                "the next pipeline may cancel `{}` half through a deploy",
                job.name
            );
            add(view.line(value), Rule::Cancelling, sentence);
        }
    }
    if ours {
        includes(view, &mut add);
    }
    found
}

fn role(job: &Job<'_>) -> Option<Role> {
    let does = |wanted: &[Does]| {
        job.script
            .iter()
            .any(|(command, _)| blocking::step(command).is_some_and(|step| wanted.contains(&step)))
    };
    if does(&[Does::Gate, Does::Ship]) || dispatches(job).next().is_some() {
        Some(Role::Hotfix)
    } else if does(&[Does::Receive]) {
        Some(Role::Receiver)
    } else {
        does(&[Does::Check, Does::Else]).then_some(Role::Other)
    }
}

/// A key of a job, or of what it extends.
fn get<'a>(view: &'a View<'a>, job: &'a Node<'a>, key: &str) -> Option<&'a Node<'a>> {
    extended(view, job, key, DEEPEST)
}

fn extended<'a>(
    view: &'a View<'a>,
    job: &'a Node<'a>,
    key: &str,
    depth: usize,
) -> Option<&'a Node<'a>> {
    if let Some(own) = view.get(job, key) {
        return Some(own);
    }
    let parents = view.get(job, "extends")?;
    view.texts(parents)
        .into_iter()
        .rev()
        .filter(|_| depth > 0)
        .filter_map(|parent| view.get(view.root, parent))
        .find_map(|parent| extended(view, parent, key, depth - 1))
}

fn script<'a>(view: &'a View<'a>, job: &'a Node<'a>) -> Vec<(Command, usize)> {
    let mut found = Vec::new();
    for key in ["before_script", "script"] {
        let Some(node) = get(view, job, key) else {
            continue;
        };
        let parts = if node.text().is_some() {
            vec![node]
        } else {
            view.items(node)
        };
        for part in parts {
            for command in commands(part.text().unwrap_or_default()) {
                let line = view.line_within(part, command.line);
                found.push((command, line));
            }
        }
    }
    found
}

fn commands_of(view: &View<'_>, job: &Job<'_>, add: &mut impl FnMut(usize, Rule, String)) {
    let all: Vec<Command> = job
        .script
        .iter()
        .map(|(command, _)| command.clone())
        .collect();
    let allowed: Vec<&Node<'_>> = said(view, job, "allow_failure")
        .into_iter()
        .filter(|value| value.text() != Some("false"))
        .collect();
    for (at, (command, line)) in job.script.iter().enumerate() {
        let scans = scan(command);
        let rule = match (blocking::step(command), &scans) {
            (Some(Does::Gate), _) => Rule::GateNotBlocking,
            (Some(Does::Check | Does::Ship | Does::Receive), _) => Rule::CheckNotBlocking,
            (_, Some(_)) => Rule::ScanNotBlocking,
            _ => continue,
        };
        let name = command.words.join(" ");
        if let Some(why) = soft(&all, at, Strictness::gitlab()) {
            add(*line, rule, format!("`{name}` {why}"));
        }
        if let Some(Some(why)) = scans {
            add(*line, rule, why.to_owned());
        }
        for value in &allowed {
            add(
                view.line(value),
                rule,
                format!("`{name}` can fail and the pipeline goes on"),
            );
        }
    }
}

/// Inputs are put into the file as text before a shell reads it.
fn templates(view: &View<'_>, job: &Job<'_>, add: &mut impl FnMut(usize, Rule, String)) {
    for key in ["before_script", "script", "after_script"] {
        let Some(node) = get(view, job.node, key) else {
            continue;
        };
        let parts = if node.text().is_some() {
            vec![node]
        } else {
            view.items(node)
        };
        for part in parts {
            for (at, line) in part.text().unwrap_or_default().lines().enumerate() {
                let input = line.contains("$[[") && line.contains("inputs.");
                let again = commands(line)
                    .iter()
                    .any(|command| command.program() == "eval");
                if input || again {
                    let sentence = format!(
                        "in `{}` text from outside becomes a part of the script",
                        job.name
                    );
                    add(view.line_within(part, at), Rule::PayloadInShell, sentence);
                }
            }
        }
    }
}

fn conditions<'a>(view: &'a View<'a>, job: &Job<'a>) -> Vec<(&'a str, usize)> {
    let rules = get(view, job.node, "rules").map_or_else(Vec::new, |rules| view.items(rules));
    rules
        .into_iter()
        .filter(|rule| view.text_at(rule, "when") != Some("never"))
        .map(|rule| {
            let condition = view.get(rule, "if");
            let line = condition.map_or_else(|| view.line(rule), |node| view.line(node));
            (condition.and_then(Node::text).unwrap_or_default(), line)
        })
        .collect()
}

/// A key of a job and of each of its rules: what a rule says goes before what the job says.
fn said<'a>(view: &'a View<'a>, job: &Job<'a>, key: &str) -> Vec<&'a Node<'a>> {
    let rules = get(view, job.node, "rules").map_or_else(Vec::new, |rules| view.items(rules));
    rules
        .into_iter()
        .filter_map(|rule| view.get(rule, key))
        .chain(get(view, job.node, key))
        .collect()
}

/// Whatever tells the infra repo to deploy: index of the command, line, whether it has an id.
fn dispatches(job: &Job<'_>) -> impl Iterator<Item = (usize, usize, bool)> {
    job.script
        .iter()
        .enumerate()
        .filter_map(|(at, (command, line))| {
            let ripcord = blocking::step(command) == Some(Does::Ship);
            let forge = command
                .words
                .iter()
                .any(|word| word.ends_with("/trigger/pipeline") || word.ends_with("/dispatches"));
            let correlated = command
                .words
                .iter()
                .any(|word| word.to_lowercase().contains("correlation_id"));
            (ripcord || forge).then_some((at, *line, ripcord || correlated))
        })
}

fn hotfix<'a>(
    view: &'a View<'a>,
    job: &Job<'a>,
    jobs: &[Job<'a>],
    add: &mut impl FnMut(usize, Rule, String),
) {
    let conditions = conditions(view, job);
    if conditions.is_empty() {
        add(
            job.line,
            Rule::BranchNotExact,
            format!("`{}` runs for any branch", job.name),
        );
    }
    for (condition, line) in conditions {
        if !is_exact(condition) {
            add(
                line,
                Rule::BranchNotExact,
                format!("`{condition}` also takes branches that do not begin with `hotfix/`"),
            );
        }
    }
    let gate_in = |job: &Job<'_>| {
        job.script
            .iter()
            .position(|(command, _)| blocking::step(command) == Some(Does::Gate))
    };
    let here = gate_in(job);
    let needed = || {
        get(view, job.node, "needs")
            .map_or_else(Vec::new, |needs| view.items(needs))
            .into_iter()
            // An optional one may be absent, and then nothing is waited for.
            .filter(|need| {
                view.text_at(need, "optional")
                    .is_none_or(|text| text == "false")
            })
            .filter_map(|need| need.text().or_else(|| view.text_at(need, "job")))
            .filter_map(|name| jobs.iter().find(|job| job.name == name))
            .any(|job| gate_in(job).is_some())
    };
    let anywhere = jobs.iter().any(|job| gate_in(job).is_some());
    for (at, line, correlated) in dispatches(job) {
        if !correlated {
            add(
                line,
                Rule::NoCorrelationId,
                "the trigger has no correlation id, so nobody can tell its pipeline from another"
                    .to_owned(),
            );
        }
        if !anywhere {
            add(
                line,
                Rule::GateMissing,
                "a hotfix gets to production without `ripcord hotfix gate`".to_owned(),
            );
        } else if here.is_none_or(|gate| gate >= at) && !needed() {
            add(
                line,
                Rule::ShipWithoutGate,
                "it ships without waiting for the gate".to_owned(),
            );
        }
        for when in said(view, job, "when") {
            if matches!(when.text(), Some("always" | "on_failure")) {
                add(
                    view.line(when),
                    Rule::ShipWithoutGate,
                    "it ships even if the gate failed".to_owned(),
                );
            }
        }
    }
}

/// Whether a condition holds for branches alone that begin with `hotfix/`: it says so, and has no other way out.
fn is_exact(condition: &str) -> bool {
    let exact = [
        "/^hotfix\\//",
        "/^hotfix\\/./",
        "/^hotfix\\/.+/",
        "/^hotfix\\/.*/",
        "/^hotfix\\/.+$/",
        "/^hotfix\\/.*$/",
    ];
    let plain = |part: &str| {
        let words: Vec<&str> = part.split_whitespace().collect();
        matches!(words.as_slice(), [left, "=~", right]
            if ["$CI_COMMIT_BRANCH", "$CI_COMMIT_REF_NAME"].contains(left) && exact.contains(right))
    };
    !condition.contains("||") && condition.split("&&").any(plain)
}

fn receiver<'a>(view: &'a View<'a>, job: &Job<'a>, add: &mut impl FnMut(usize, Rule, String)) {
    let conditions = conditions(view, job);
    if conditions.is_empty() {
        add(
            job.line,
            Rule::EventNotFiltered,
            format!("`{}` runs in any pipeline", job.name),
        );
    }
    for (condition, line) in conditions {
        if !condition.contains("\"trigger\"") {
            add(
                line,
                Rule::EventNotFiltered,
                format!("`{condition}` is not about triggers alone"),
            );
        }
        if !condition.contains("$RIPCORD_CORRELATION_ID") {
            add(
                line,
                Rule::NoCorrelationId,
                format!("`{condition}` takes a trigger without correlation id"),
            );
        }
    }
}

fn includes(view: &View<'_>, add: &mut impl FnMut(usize, Rule, String)) {
    let Some(include) = view.get(view.root, "include") else {
        return;
    };
    let entries = if include.is_map() {
        vec![include]
    } else {
        view.items(include)
    };
    for entry in entries {
        let from = view.text_at(entry, "project");
        let pinned = view
            .text_at(entry, "ref")
            .is_some_and(|at| at.len() == 40 && at.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let remote = view.text_at(entry, "remote");
        let checked = view.get(entry, "integrity").is_some();
        if let (Some(project), false) = (from, pinned) {
            add(
                view.line(entry),
                Rule::UnpinnedAction,
                format!("what is included from `{project}` may be something else tomorrow"),
            );
        }
        if let (Some(remote), false) = (remote, checked) {
            add(
                view.line(entry),
                Rule::UnpinnedAction,
                format!("`{remote}` may be something else tomorrow"),
            );
        }
    }
}
