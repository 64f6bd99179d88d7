//! Rights by the rules of Argo CD itself, where everything goes by its API server.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use ripcord_connect::{Cluster, access};
use ripcord_domain::live::application::{AppName, Application, Resource};
use ripcord_domain::live::bot::{Bot, List};
use ripcord_domain::live::release::Release;
use ripcord_domain::live::workload::Kind;

use super::permissions::{Asked, NOT_HELD, judged, owned};
use super::{Finding, Light};
use crate::observe::workload_keys;

/// Whether the rules of Argo CD let one read and sync every Application. Some only are no fault.
pub(super) async fn everywhere(argo: &Cluster) -> Finding {
    let verbs = ["get", "sync"];
    let ask = |verb| access::is_allowed_by_argocd(argo, "applications", verb, "*/*");
    let answers = join_all(verbs.map(ask)).await;
    let missing: Vec<&str> = verbs
        .into_iter()
        .zip(&answers)
        .filter(|(_, answer)| !matches!(answer, Ok(true)))
        .map(|(verb, _)| verb)
        .collect();
    if missing.is_empty() {
        let all = "every Application may be read and synced";
        return Finding::green("permission", all);
    }
    Finding::amber(
        "permission",
        format!(
            "not for every Application, but perhaps for those of a service: applications, {}",
            missing.join(" and ")
        ),
        "`ripcord doctor SERVICE` asks for its own",
    )
}

/// Where Argo CD's own rules stand.
const IN_POLICY: &str = "in policy.csv of argocd-rbac-cm";

/// An Application as Argo CD's rules name it: with its namespace, where that is not Argo CD's own
/// (<https://argo-cd.readthedocs.io/en/stable/operator-manual/app-any-namespace/#application-names>).
fn named(app: &Application, of_argo_cd: &str) -> String {
    let AppName { namespace, name } = &app.name;
    if namespace.is_empty() || namespace == of_argo_cd {
        format!("{}/{name}", app.project)
    } else {
        format!("{}/{namespace}/{name}", app.project)
    }
}

/// What `--hold-bots` needs for bots that are told by an annotation; others are not reached so.
pub(super) async fn of_bots(argo: &Cluster, bots: &[&Bot], app: &Application) -> Vec<Finding> {
    let mut bots = bots.iter().filter(|bot| bot.beyond.is_none());
    if !bots.any(|bot| matches!(bot.list, List::Annotation { .. })) {
        return Vec::new();
    }
    let (action, object) = ("update", named(app, argo.namespace()));
    let asked = Asked {
        answer: access::is_allowed_by_argocd(argo, "applications", action, &object).await,
        what: format!("applications, {action}, {object}"),
        light: Light::Amber,
        lost: NOT_HELD,
    };
    owned(judged([asked], IN_POLICY), &app.name)
}

/// The rights for an Application by the rules of Argo CD itself.
pub(super) async fn of(
    argo: &Cluster,
    app: &Application,
    release: Option<Release>,
) -> Vec<Finding> {
    let object = named(app, argo.namespace());
    let ask = |resource: &'static str, action: &'static str, object: String, light, lost| async move {
        Asked {
            answer: access::is_allowed_by_argocd(argo, resource, action, &object).await,
            what: format!("{resource}, {action}, {object}"),
            light,
            lost,
        }
    };
    let of_app = |action, light, lost| ask("applications", action, object.clone(), light, lost);
    let of_project = |action, lost| {
        let project = app.project.clone();
        ask("projects", action, project, Light::Amber, lost)
    };
    let (asked, whole) = futures_util::future::join(
        join_all([
            of_app(
                "get",
                Light::Red,
                "nothing that Argo CD does can be followed",
            ),
            of_app("sync", Light::Red, "Argo CD cannot be asked for a sync"),
            of_project("get", "windows are not seen, and none can hold"),
            of_project("update", "no window can hold"),
        ]),
        // Nobody is given this as such: whoever has it has `*`.
        of_app("action", Light::Green, ""),
    )
    .await;
    let mut findings = judged(asked, IN_POLICY);
    let needed = of_objects(app, release);
    if !matches!(whole.answer, Ok(true)) && !needed.is_empty() {
        findings.push(not_told(&needed, &object));
    }
    owned(findings, &app.name)
}

/// Rights of which Argo CD does not say whether they are there.
fn not_told(needed: &[&str], object: &str) -> Finding {
    Finding::amber(
        "permission",
        format!(
            "not asked, because Argo CD does not say: applications, {}; without it no undo, no abort, no deletion",
            needed.join(" and ")
        ),
        format!(
            "see that policy.csv of argocd-rbac-cm, or the role of the project, grants it for {object}; \
             what has `applications, *` has it"
        ),
    )
}

/// Whether it is a Job that a recovery may have to delete: those of hooks are Argo CD's own matter.
pub(super) fn is_job(resource: &Resource) -> bool {
    let key = &resource.key;
    !resource.is_hook && key.kind == "Job" && key.group == "batch"
}

/// The rules for what an Application consists of. Argo CD tells nobody whether those hold: it answers for
/// actions without a slash only.
fn of_objects(app: &Application, release: Option<Release>) -> Vec<&'static str> {
    let kinds: BTreeSet<Kind> = workload_keys(app).iter().filter_map(Kind::of).collect();
    let mut needed = Vec::new();
    // Before 3.0 whoever may change an Application may change what it consists of.
    let is_apart = release.is_none_or(|release| release.major >= 3);
    if !kinds.is_empty() {
        needed.push(if is_apart { "`update/*`" } else { "`update`" });
    }
    let by_hand = kinds.contains(&Kind::StatefulSet) || kinds.contains(&Kind::DaemonSet);
    // A Job that cannot be changed is deleted before the sync, as pods are that are waited for.
    if by_hand || app.resources.iter().any(is_job) {
        needed.push(if is_apart { "`delete/*`" } else { "`delete`" });
    }
    if kinds.contains(&Kind::Rollout) {
        needed.push("`action/argoproj.io/Rollout/*`");
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::permissions::ARGO;
    use ripcord_domain::live::application::ObjectKey;

    #[test]
    fn rules_for_objects_are_those_of_the_release_and_of_what_there_is() {
        let app = |kind: &str, group: &str| Application {
            resources: vec![Resource {
                key: ObjectKey {
                    kind: kind.into(),
                    group: group.into(),
                    ..ObjectKey::default()
                },
                ..Resource::default()
            }],
            ..Application::default()
        };
        let rollout = app("Rollout", ARGO);
        let newer = of_objects(&rollout, Release::parse("v3.2.11"));
        assert_eq!(newer, ["`update/*`", "`action/argoproj.io/Rollout/*`"]);
        let set = app("StatefulSet", "apps");
        let older = of_objects(&set, Release::parse("v2.14.2"));
        assert_eq!(older, ["`update`", "`delete`"]);
        assert!(of_objects(&app("Service", ""), None).is_empty());
        // A Job is deleted too; one of a hook is Argo CD's own matter.
        let mut job = app("Job", "batch");
        assert_eq!(of_objects(&job, Release::parse("v3.2.11")), ["`delete/*`"]);
        job.resources[0].is_hook = true;
        assert!(of_objects(&job, None).is_empty());
    }

    #[test]
    fn an_application_in_a_namespace_of_its_own_is_asked_for_by_its_whole_name() {
        let mut app = Application {
            project: "team".into(),
            name: AppName {
                namespace: "argocd".into(),
                name: "pay".into(),
            },
            ..Application::default()
        };
        assert_eq!(named(&app, "argocd"), "team/pay");
        app.name.namespace = "team-a".into();
        assert_eq!(named(&app, "argocd"), "team/team-a/pay");
    }

    #[test]
    fn a_right_that_argo_cd_does_not_tell_of_is_not_green() {
        let finding = not_told(&["`update/*`"], "team/pay");
        assert_eq!(finding.light, Light::Amber);
        assert!(finding.mend.unwrap().contains("for team/pay"));
    }
}
