//! The rules for the workflow that takes a hotfix to production.

use ripcord_manifest::yaml::Node;

use super::actions::{Findings, continues};
use super::blocking::{Step as Does, soft};
use super::workflow::{Job, Workflow};
use crate::document::View;
use crate::expression::{expressions, paths};
use crate::finding::Rule;

/// What a hotfix's branch begins with.
const PREFIX: &str = "hotfix/";

/// Something that tells the infra repo to deploy.
pub(super) struct Dispatch<'w, 'a> {
    job: &'w Job<'a>,
    /// Which step of the job, and which command of it.
    index: usize,
    command: Option<usize>,
    line: usize,
    /// It says by which id the deploy is followed.
    correlated: bool,
}

pub(super) fn judge(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    branches(workflow, findings);
    gates(workflow, findings);
    ships(workflow, findings);
    secrets(workflow, findings);
    cancelling(workflow, findings);
}

/// Whether it starts on pushes to a branch that is called a hotfix.
pub(super) fn starts_for_hotfixes(workflow: &Workflow<'_>) -> bool {
    patterns(workflow)
        .iter()
        .any(|(pattern, _)| pattern.to_lowercase().contains("hotfix"))
}

/// The branches of `on.push`, each with its line.
fn patterns<'a>(workflow: &Workflow<'a>) -> Vec<(&'a str, usize)> {
    let view = workflow.view;
    let Some((_, Some(push))) = workflow.trigger("push") else {
        return Vec::new();
    };
    let Some(branches) = view.get(push, "branches") else {
        return Vec::new();
    };
    match branches.text() {
        Some(one) => vec![(one, view.line(branches))],
        None => view
            .items(branches)
            .into_iter()
            .filter_map(|item| Some((item.text()?, view.line(item))))
            .collect(),
    }
}

/// The line by which pushes of tags start it besides those of branches.
fn tags(workflow: &Workflow<'_>) -> Option<usize> {
    let view = workflow.view;
    let (_, push) = workflow.trigger("push")?;
    ["tags", "tags-ignore"]
        .into_iter()
        .find_map(|key| view.get(push?, key))
        .map(|node| view.line(node))
}

fn branches(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let gates = workflow.ripcord(Does::Gate);
    let guarded = !gates.is_empty()
        && gates
            .iter()
            .all(|gate| only_hotfixes(workflow.view, gate.job.node));
    let patterns = patterns(workflow);
    for (pattern, line) in &patterns {
        let exact = pattern.starts_with('!')
            || (pattern.starts_with(PREFIX) && pattern.len() > PREFIX.len());
        if !exact {
            let sentence =
                format!("`{pattern}` also takes branches that do not begin with `{PREFIX}`");
            findings.add(*line, Rule::BranchNotExact, sentence);
        }
    }
    if let Some(line) = tags(workflow)
        && !patterns.is_empty()
        && !guarded
    {
        let sentence = format!("a tag that is pushed starts it too, and that is no `{PREFIX}**`");
        findings.add(line, Rule::BranchNotExact, sentence);
    }
    let triggers = workflow.triggers();
    if !triggers.iter().any(|(event, ..)| *event == "push") {
        findings.add(
            1,
            Rule::BranchNotExact,
            format!("a push to `{PREFIX}**` does not start it"),
        );
    }
    for (event, line, _) in triggers {
        match event {
            "push" if patterns.is_empty() => {
                findings.add(line, Rule::BranchNotExact, "a push to any branch starts it");
            }
            "push" => {}
            other if !guarded => {
                let sentence = format!("`{other}` starts it for any branch");
                findings.add(line, Rule::BranchNotExact, sentence);
            }
            _ => {}
        }
    }
}

/// Whether a job says that it is for hotfixes alone.
fn only_hotfixes<'a>(view: &'a View<'a>, job: &'a Node<'a>) -> bool {
    let condition: String = view
        .text_at(job, "if")
        .unwrap_or_default()
        .chars()
        .filter(|char| !char.is_whitespace())
        .collect();
    condition.contains("startsWith(github.ref,'refs/heads/hotfix/')") && !condition.contains("||")
}

fn gates(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let view = workflow.view;
    let gates = workflow.ripcord(Does::Gate);
    if gates.is_empty() {
        let line = dispatches(workflow)
            .first()
            .map_or(1, |dispatch| dispatch.line);
        findings.add(
            line,
            Rule::GateMissing,
            "a hotfix gets to production without `ripcord hotfix gate`",
        );
    }
    for gate in gates {
        let line = workflow.line(gate.script, gate.command);
        if let Some(why) = soft(&gate.script.commands, gate.command, gate.script.shell) {
            findings.add(line, Rule::GateNotBlocking, format!("the gate {why}"));
        }
        for node in [gate.step.node, gate.job.node] {
            if let Some(line) = continues(view, node) {
                findings.add(
                    line,
                    Rule::GateNotBlocking,
                    "the gate can fail and the run goes on",
                );
            }
        }
        if let Some(condition) = view.get(gate.step.node, "if") {
            findings.add(
                view.line(condition),
                Rule::GateNotBlocking,
                "the gate only runs on a condition",
            );
        }
    }
}

/// Everything that tells the infra repo to deploy.
pub(super) fn dispatches<'w, 'a>(workflow: &'w Workflow<'a>) -> Vec<Dispatch<'w, 'a>> {
    let view = workflow.view;
    let mut found = Vec::new();
    for job in &workflow.jobs {
        for (index, step) in job.steps.iter().enumerate() {
            if let Some((uses, line)) = step.uses
                && uses.to_lowercase().contains("repository-dispatch")
            {
                let payload = view
                    .get(step.node, "with")
                    .and_then(|with| view.text_at(with, "client-payload"));
                found.push(Dispatch {
                    job,
                    index,
                    command: None,
                    line,
                    correlated: payload
                        .is_some_and(|payload| payload.contains("\"correlation_id\"")),
                });
            }
            let Some(script) = &step.script else {
                continue;
            };
            let text = script.node.text().unwrap_or_default();
            for (at, command) in script.commands.iter().enumerate() {
                let ripcord = super::blocking::step(command) == Some(Does::Ship);
                let forge = command.words.iter().any(|word| {
                    word.ends_with("/dispatches") || word.ends_with("/trigger/pipeline")
                }) || command.is("gh", &["workflow", "run"]);
                if ripcord || forge {
                    found.push(Dispatch {
                        job,
                        index,
                        command: Some(at),
                        line: workflow.line(script, at),
                        correlated: ripcord || text.contains("correlation_id"),
                    });
                }
            }
        }
    }
    found
}

fn ships(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let gates = workflow.ripcord(Does::Gate);
    for dispatch in dispatches(workflow) {
        if !dispatch.correlated {
            findings.add(
                dispatch.line,
                Rule::NoCorrelationId,
                "the dispatch has no `correlation_id`, so nobody can tell its run from another",
            );
        }
        if gates.is_empty() {
            continue;
        }
        let here = (dispatch.index, dispatch.command.unwrap_or(0));
        let same = gates
            .iter()
            .any(|gate| gate.job.id == dispatch.job.id && (gate.index, gate.command) < here);
        let behind = gates
            .iter()
            .any(|gate| waits_for(workflow, dispatch.job, gate.job.id));
        if !same && !behind {
            findings.add(
                dispatch.line,
                Rule::ShipWithoutGate,
                "it ships without waiting for the gate",
            );
        }
        let step = dispatch.job.steps.get(dispatch.index).map(|step| step.node);
        for node in step.into_iter().chain([dispatch.job.node]) {
            if let Some(line) = runs_anyway(workflow.view, node) {
                findings.add(
                    line,
                    Rule::ShipWithoutGate,
                    "it ships even if the gate failed",
                );
            }
        }
    }
}

/// Whether a job waits for another, by way of others too.
fn waits_for(workflow: &Workflow<'_>, job: &Job<'_>, other: &str) -> bool {
    let mut waiting = job.needs.clone();
    let mut seen: Vec<&str> = Vec::new();
    while let Some(id) = waiting.pop() {
        if id == other {
            return true;
        }
        if !seen.contains(&id) {
            seen.push(id);
            waiting.extend(
                workflow
                    .job(id)
                    .into_iter()
                    .flat_map(|job| job.needs.iter().copied()),
            );
        }
    }
    false
}

/// The line of a condition that lets a step or job run after a failure.
fn runs_anyway<'a>(view: &'a View<'a>, node: &'a Node<'a>) -> Option<usize> {
    let condition = view.get(node, "if")?;
    let text = condition.text()?;
    let mut bodies: Vec<&str> = expressions(text)
        .iter()
        .map(|expression| expression.body)
        .collect();
    if bodies.is_empty() {
        bodies.push(text);
    }
    let anyway = bodies
        .iter()
        .flat_map(|body| paths(body))
        .any(|path| ["always", "failure", "cancelled"].contains(&path.as_str()));
    anyway.then(|| view.line(condition))
}

fn secrets(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let view = workflow.view;
    let gates = workflow.ripcord(Does::Gate);
    let jobs = gates.iter().map(|gate| gate.job.node);
    for node in jobs.chain([view.root]) {
        let Some(env) = view.get(node, "env") else {
            continue;
        };
        for (name, key, value) in view.entries(env) {
            let secret = expressions(value.text().unwrap_or_default())
                .iter()
                .flat_map(|expression| paths(expression.body))
                .any(|path| path == "secrets" || path.starts_with("secrets."));
            if secret {
                let sentence = format!(
                    "every step sees the secret in `{name}`, and so do the tests that the gate runs"
                );
                findings.add(view.line(key), Rule::SecretTooWide, sentence);
            }
        }
    }
}

/// A run that was begun must not be cancelled by the next one.
pub(super) fn cancelling(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let view = workflow.view;
    for node in workflow.jobs.iter().map(|job| job.node).chain([view.root]) {
        let cancel = view
            .get(node, "concurrency")
            .and_then(|concurrency| view.get(concurrency, "cancel-in-progress"));
        if let Some(cancel) = cancel
            && cancel.text() != Some("false")
        {
            findings.add(
                view.line(cancel),
                Rule::Cancelling,
                "the next run may cancel one that is half through a deploy",
            );
        }
    }
}
