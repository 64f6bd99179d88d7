//! Every right that a recovery may need.

use futures_util::future::join_all;
use ripcord_connect::access::{self, Permission};
use ripcord_connect::{Cluster, ConnectError};
use ripcord_domain::live::application::Application;

use super::{Finding, Light};
use crate::observe::Clusters;

/// Every permission that a recovery may need, in the cluster of Argo CD and in that of the workloads.
pub(super) async fn permissions(clusters: &Clusters, app: &Application) -> Vec<Finding> {
    if clusters.argo.is_by_server() {
        return permissions_by_server(&clusters.argo, app).await;
    }
    let argo = (&clusters.argo, app.name.namespace.as_str());
    let target = (&clusters.target, app.destination.namespace.as_str());
    let asked = [
        ("patch", "argoproj.io", "applications", argo, Light::Red),
        ("patch", "argoproj.io", "appprojects", argo, Light::Amber),
        ("create", "", "events", argo, Light::Amber),
        ("list", "", "pods", target, Light::Red),
        ("delete", "", "pods", target, Light::Amber),
        ("list", "apps", "replicasets", target, Light::Amber),
        ("list", "apps", "controllerrevisions", target, Light::Amber),
        ("patch", "apps", "deployments", target, Light::Amber),
        ("patch", "apps", "statefulsets", target, Light::Amber),
        ("patch", "apps", "daemonsets", target, Light::Amber),
        ("patch", "argoproj.io", "rollouts", target, Light::Amber),
        (
            "patch",
            "argoproj.io",
            "rollouts/status",
            target,
            Light::Amber,
        ),
        ("list", "argoproj.io", "analysisruns", target, Light::Amber),
    ];
    let answers = join_all(asked.map(
        |(verb, group, resource, (cluster, namespace), light)| async move {
            let permission = Permission {
                verb,
                group,
                resource,
                namespace: namespace.to_owned(),
            };
            let answer = access::is_allowed(cluster, &permission).await;
            let dot = if group.is_empty() { "" } else { "." };
            let what = format!("{verb} {resource}{dot}{group} in {namespace}");
            (what, light, answer)
        },
    ))
    .await;
    judged(answers, app, "by a Role")
}

/// The same by the rules of Argo CD itself.
async fn permissions_by_server(argo: &Cluster, app: &Application) -> Vec<Finding> {
    let object = format!("{}/{}", app.project, app.name.name);
    let asked = [
        ("applications", "get", object.clone(), Light::Red),
        ("applications", "sync", object.clone(), Light::Red),
        ("applications", "update", object.clone(), Light::Amber),
        ("applications", "delete", object, Light::Amber),
        ("projects", "update", app.project.clone(), Light::Amber),
    ];
    let answers = join_all(asked.map(|(resource, action, object, light)| async move {
        let answer = access::is_allowed_by_argocd(argo, resource, action, &object).await;
        (format!("{resource}, {action}, {object}"), light, answer)
    }))
    .await;
    judged(answers, app, "in policy.csv of argocd-rbac-cm")
}

fn judged(
    answers: Vec<(String, Light, Result<bool, ConnectError>)>,
    app: &Application,
    where_to: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let count = answers.len();
    for (what, light, answer) in answers {
        match answer {
            Ok(true) => {}
            Ok(false) => {
                let mut finding = Finding::new("permission", light, format!("not allowed: {what}"));
                finding.mend = Some(format!("grant `{what}` {where_to}"));
                findings.push(finding.of(&app.name));
            }
            Err(error) => findings
                .push(Finding::new("permission", Light::Amber, error.to_string()).of(&app.name)),
        }
    }
    if findings.is_empty() {
        findings.push(
            Finding::green("permission", format!("all {count} permissions are there"))
                .of(&app.name),
        );
    }
    findings
}
