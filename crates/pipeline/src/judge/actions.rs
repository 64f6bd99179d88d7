//! The rules for every workflow that runs ripcord or ships a hotfix.

use ripcord_manifest::yaml::Node;

use super::blocking::{self, Step as Does, soft};
use super::workflow::{Job, Step, Workflow};
use super::{Role, hotfix, receiver};
use crate::document::View;
use crate::expression::{expressions, from_outside, paths};
use crate::finding::{Finding, Rule};

/// The findings so far, and the file they are about.
pub(super) struct Findings<'p> {
    path: &'p str,
    found: Vec<Finding>,
}

impl Findings<'_> {
    pub(super) fn add(&mut self, line: usize, rule: Rule, sentence: impl Into<String>) {
        self.found
            .push(Finding::new(self.path, line, rule, sentence));
    }
}

pub(super) fn judge(view: &View<'_>, path: &str) -> Vec<Finding> {
    let workflow = Workflow::of(view);
    let mut findings = Findings {
        path,
        found: Vec::new(),
    };
    let Some(role) = role(&workflow, path) else {
        return Vec::new();
    };
    if workflow.jobs.is_empty() {
        findings.add(1, Rule::Unreadable, "the workflow has no jobs");
        return findings.found;
    }
    triggers(&workflow, &mut findings);
    permissions(&workflow, role, &mut findings);
    pins(&workflow, &mut findings);
    timeouts(&workflow, &mut findings);
    interpolations(&workflow, &mut findings);
    checks(&workflow, &mut findings);
    match role {
        Role::Hotfix => hotfix::judge(&workflow, &mut findings),
        Role::Receiver => receiver::judge(&workflow, &mut findings),
        Role::Other => {}
    }
    findings.found
}

/// What a workflow is for; nothing if it is not about hotfixes.
fn role(workflow: &Workflow<'_>, path: &str) -> Option<Role> {
    let stem = path.rsplit('/').next().unwrap_or(path);
    let stem = stem
        .strip_suffix(".yml")
        .or(stem.strip_suffix(".yaml"))
        .unwrap_or(stem);
    if !workflow.ripcord(Does::Receive).is_empty()
        || stem == "deploy-service"
        || receiver::takes_deploys(workflow)
    {
        return Some(Role::Receiver);
    }
    let named = || {
        let name = workflow
            .view
            .text_at(workflow.view.root, "name")
            .unwrap_or_default();
        stem.to_lowercase().contains("hotfix") || name.to_lowercase().contains("hotfix")
    };
    let ships = !hotfix::dispatches(workflow).is_empty();
    if stem == "hotfix"
        || !workflow.ripcord(Does::Gate).is_empty()
        || !workflow.ripcord(Does::Ship).is_empty()
        || (hotfix::starts_for_hotfixes(workflow) && (ships || named()))
    {
        return Some(Role::Hotfix);
    }
    workflow.runs_ripcord().then_some(Role::Other)
}

fn triggers(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    if let Some((line, _)) = workflow.trigger("pull_request_target") {
        findings.add(
            line,
            Rule::PullRequestTarget,
            "`pull_request_target` runs beside a token that may write, for whoever opens a pull request",
        );
    }
}

fn permissions(workflow: &Workflow<'_>, role: Role, findings: &mut Findings<'_>) {
    let view = workflow.view;
    let top = view.get(view.root, "permissions");
    if let Some(top) = top {
        for (line, what) in writes(view, top, &[]) {
            let sentence = format!("every job may {what}");
            findings.add(line, Rule::PermissionsTooWide, sentence);
        }
    }
    // Least for what each does; what only a team's own steps may need, such as a signature without a key, is let be.
    let allowed: &[&str] = match role {
        Role::Hotfix => &["packages", "id-token", "attestations", "security-events"],
        Role::Receiver => &["contents", "id-token"],
        Role::Other => &[
            "issues",
            "pull-requests",
            "checks",
            "statuses",
            "security-events",
            "id-token",
        ],
    };
    for job in &workflow.jobs {
        match view.get(job.node, "permissions") {
            Some(own) => {
                for (line, what) in writes(view, own, allowed) {
                    let sentence = format!("the job `{}` may {what}, and needs not", job.id);
                    findings.add(line, Rule::PermissionsTooWide, sentence);
                }
            }
            None if top.is_none() => {
                let sentence =
                    format!("nothing says what the token of the job `{}` may do", job.id);
                findings.add(job.line, Rule::PermissionsMissing, sentence);
            }
            None => {}
        }
    }
}

/// What a node gives leave to write, but for what is allowed.
fn writes<'a>(view: &'a View<'a>, node: &'a Node<'a>, allowed: &[&str]) -> Vec<(usize, String)> {
    if let Some(all) = node.text() {
        return if all == "write-all" {
            vec![(view.line(node), "write everything".to_owned())]
        } else {
            Vec::new()
        };
    }
    view.entries(node)
        .into_iter()
        .filter(|(scope, _, value)| value.text() == Some("write") && !allowed.contains(scope))
        .map(|(scope, key, _)| (view.line(key), format!("write `{scope}`")))
        .collect()
}

fn pins(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let view = workflow.view;
    let called = workflow.jobs.iter().filter_map(|job| {
        let uses = view.get(job.node, "uses")?;
        Some((uses.text()?, view.line(uses)))
    });
    let used = workflow
        .jobs
        .iter()
        .flat_map(|job| &job.steps)
        .filter_map(|step| step.uses);
    for (uses, line) in called.chain(used) {
        if !is_pinned(uses) {
            let sentence = format!("`{uses}` may be something else tomorrow");
            findings.add(line, Rule::UnpinnedAction, sentence);
        }
    }
}

fn is_pinned(uses: &str) -> bool {
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if uses.starts_with("./") {
        return true;
    }
    match uses.rsplit_once('@') {
        Some((image, digest)) if image.starts_with("docker://") => digest
            .strip_prefix("sha256:")
            .is_some_and(|digest| hex(digest, 64)),
        Some((_, commit)) => hex(commit, 40) || hex(commit, 64),
        None => false,
    }
}

fn timeouts(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    for job in &workflow.jobs {
        let view = workflow.view;
        if view.get(job.node, "uses").is_none() && view.get(job.node, "timeout-minutes").is_none() {
            let sentence = format!(
                "the job `{}` may hang for as long as the forge lets it",
                job.id
            );
            findings.add(job.line, Rule::NoTimeout, sentence);
        }
    }
}

fn interpolations(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let view = workflow.view;
    for job in &workflow.jobs {
        for step in &job.steps {
            let script = view.get(step.node, "run");
            let with = view.get(step.node, "with");
            let javascript = step
                .uses
                .filter(|(uses, _)| uses.contains("github-script"))
                .and_then(|_| view.get(with?, "script"));
            for node in [script, javascript].into_iter().flatten() {
                for expression in expressions(node.text().unwrap_or_default()) {
                    if let Some(path) = outside(workflow, job, step, expression.body) {
                        let line = view.line_within(node, expression.line);
                        let sentence = format!(
                            "`{path}` becomes a part of the script before the shell reads it"
                        );
                        findings.add(line, Rule::PayloadInShell, sentence);
                    }
                }
            }
        }
    }
}

/// The first thing from outside that an expression reads, by itself or by way of `env`.
fn outside(workflow: &Workflow<'_>, job: &Job<'_>, step: &Step<'_>, body: &str) -> Option<String> {
    let view = workflow.view;
    for path in paths(body) {
        if from_outside(&path) {
            return Some(path);
        }
        let Some(name) = path.strip_prefix("env.") else {
            continue;
        };
        let tainted = [step.node, job.node, view.root]
            .into_iter()
            .filter_map(|node| view.get(node, "env"))
            .flat_map(|env| view.entries(env))
            .filter(|(key, ..)| key.eq_ignore_ascii_case(name) || name == "*")
            .filter_map(|(.., value)| value.text())
            .flat_map(expressions)
            .flat_map(|expression| paths(expression.body))
            .any(|path| from_outside(&path));
        if tainted {
            return Some(path);
        }
    }
    None
}

/// Whether a step or job says that its failure does not count. What is computed may say so.
pub(super) fn continues<'a>(view: &'a View<'a>, node: &'a Node<'a>) -> Option<usize> {
    let value = view.get(node, "continue-on-error")?;
    (value.text() != Some("false")).then(|| view.line(value))
}

/// The checks of ripcord whose answer has to count.
fn checks(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let view = workflow.view;
    for does in [Does::Check, Does::Receive, Does::Ship] {
        for at in workflow.ripcord(does) {
            let line = workflow.line(at.script, at.command);
            let name = at.script.commands[at.command].words.join(" ");
            if let Some(why) = soft(&at.script.commands, at.command, at.script.shell) {
                findings.add(line, Rule::CheckNotBlocking, format!("`{name}` {why}"));
            }
            for node in [at.step.node, at.job.node] {
                if let Some(line) = continues(view, node) {
                    let sentence = format!("`{name}` can fail and the run goes on");
                    findings.add(line, Rule::CheckNotBlocking, sentence);
                }
            }
        }
    }
    scans(workflow, findings);
}

fn scans(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let view = workflow.view;
    for job in &workflow.jobs {
        for step in &job.steps {
            let mut scans = false;
            if let Some((uses, line)) = step.uses
                && let Some(passes) = scan_action(view, step.node, uses)
            {
                scans = true;
                if let Some(why) = passes {
                    findings.add(line, Rule::ScanNotBlocking, why);
                }
            }
            if let Some(script) = &step.script {
                for (at, command) in script.commands.iter().enumerate() {
                    let Some(passes) = blocking::scan(command) else {
                        continue;
                    };
                    scans = true;
                    let line = workflow.line(script, at);
                    if let Some(why) = passes {
                        findings.add(line, Rule::ScanNotBlocking, why);
                    }
                    if let Some(why) = soft(&script.commands, at, script.shell) {
                        let sentence = format!("`{}` {why}", command.program());
                        findings.add(line, Rule::ScanNotBlocking, sentence);
                    }
                }
            }
            for node in [step.node, job.node] {
                if let (true, Some(line)) = (scans, continues(view, node)) {
                    findings.add(
                        line,
                        Rule::ScanNotBlocking,
                        "the scan can fail and the run goes on",
                    );
                }
            }
        }
    }
}

/// As [`blocking::scan`], for the actions of the scanners.
#[expect(
    clippy::option_option,
    reason = "no scan, a scan that can fail, and one that cannot"
)]
fn scan_action<'a>(
    view: &'a View<'a>,
    step: &'a Node<'a>,
    uses: &str,
) -> Option<Option<&'static str>> {
    let with = |key: &str| {
        view.get(step, "with")
            .and_then(|with| view.text_at(with, key))
    };
    let name = uses.split('@').next().unwrap_or(uses).to_lowercase();
    if name.ends_with("trivy-action") {
        let passes = with("exit-code").is_none_or(|code| code == "0");
        Some(passes.then_some("Trivy ends with 0 whatever it finds, without `exit-code`"))
    } else if name.ends_with("anchore/scan-action") {
        let passes = with("fail-build") == Some("false");
        Some(passes.then_some("the scan was told not to fail the build"))
    } else {
        name.contains("osv-scanner").then_some(None)
    }
}
