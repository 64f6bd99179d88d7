//! The rules for the workflow that takes a deploy into the infra repo.

use ripcord_manifest::yaml::Node;

use super::actions::Findings;
use super::blocking::Step as Does;
use super::hotfix::cancelling;
use super::workflow::Workflow;
use crate::finding::Rule;

/// The event of GitHub, and the payload's property that a deploy is followed by.
const EVENT: &str = "deploy-service";
const ID: &str = "correlation_id";

/// Whether it starts on the event of a deploy.
pub(super) fn takes_deploys(workflow: &Workflow<'_>) -> bool {
    types(workflow).is_some_and(|types| types.contains(&EVENT))
}

/// The types of event that start it; none where it does not listen to dispatches.
fn types<'a>(workflow: &Workflow<'a>) -> Option<Vec<&'a str>> {
    let (_, said) = workflow.trigger("repository_dispatch")?;
    let types = said.and_then(|said| workflow.view.get(said, "types"));
    Some(types.map_or_else(Vec::new, |types| workflow.view.texts(types)))
}

pub(super) fn judge(workflow: &Workflow<'_>, findings: &mut Findings<'_>) {
    let view = workflow.view;
    let name = view.get(view.root, "run-name");
    if !name
        .and_then(Node::text)
        .is_some_and(|name| name.contains(ID))
    {
        let line = name.map_or(1, |name| view.line(name));
        findings.add(
            line,
            Rule::NoCorrelationId,
            "the run's name has no `correlation_id`, so nobody finds the run again",
        );
    }
    if types(workflow).is_some_and(|types| types.is_empty()) {
        let line = workflow
            .trigger("repository_dispatch")
            .map_or(1, |(line, _)| line);
        findings.add(
            line,
            Rule::EventNotFiltered,
            "an event of any type starts it",
        );
    }
    if workflow.ripcord(Does::Receive).is_empty() {
        findings.add(
            1,
            Rule::ReceiveMissing,
            "a deploy gets into the infra repo without `ripcord receive`",
        );
    }
    cancelling(workflow, findings);
    for node in workflow.jobs.iter().map(|job| job.node).chain([view.root]) {
        let Some(concurrency) = view.get(node, "concurrency") else {
            continue;
        };
        let group = concurrency
            .text()
            .or_else(|| view.text_at(concurrency, "group"));
        let queued = view.text_at(concurrency, "queue") == Some("max");
        if !queued && !group.is_some_and(|group| group.contains(ID)) {
            findings.add(
                view.line(concurrency),
                Rule::DropsDeploys,
                "of the deploys that wait in this group the forge drops all but the last",
            );
        }
    }
}
