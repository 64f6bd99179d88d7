//! The release of Argo CD that is in use, and what is known to go wrong in it.

use std::collections::BTreeMap;

use ripcord_domain::live::application::Application;
use ripcord_domain::live::release::{Bug, Release, bugs, refreshes_retries};

use super::Finding;

/// Which release it is.
pub(super) fn named(release: Option<Release>, namespace: &str) -> Finding {
    match release {
        Some(release) => Finding::green("argocd", format!("Argo CD {release}")),
        None => Finding::amber(
            "argocd",
            "the version of Argo CD is not seen from here, so what is known to go wrong in it is not told",
            format!(
                "grant `list statefulsets.apps and deployments.apps in {namespace}` by a Role; \
                 `--argocd-namespace` says where Argo CD is"
            ),
        ),
    }
}

/// What is known to go wrong in it for an Application as it is set up.
pub(super) fn of(app: &Application, release: Option<Release>) -> Vec<Finding> {
    let Some(release) = release else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = bugs(release, app).iter().map(|bug| told(bug, "")).collect();
    let pins = app.auto_sync.is_some_and(|auto| !auto.refreshes_retries);
    if pins && refreshes_retries(release) {
        let mut finding = Finding::green(
            "retry",
            "a sync that fails is tried again with the same commit, also after a newer one; a recovery ends it",
        );
        finding.mend =
            Some("`retry: {refresh: true}` in its syncPolicy ends it without one".to_owned());
        findings.push(finding);
    }
    findings
}

/// What is known to go wrong in it for any of these, once each.
pub(super) fn of_all(apps: &[Application], release: Option<Release>) -> Vec<Finding> {
    let mut found: BTreeMap<u32, (Bug, usize)> = BTreeMap::new();
    for app in apps {
        for bug in release
            .map(|release| bugs(release, app))
            .unwrap_or_default()
        {
            found.entry(bug.issue).or_insert((bug, 0)).1 += 1;
        }
    }
    found
        .into_values()
        .map(|(bug, count)| told(&bug, &format!("{count} Application(s): ")))
        .collect()
}

fn told(bug: &Bug, whose: &str) -> Finding {
    Finding::amber(
        "argocd_bug",
        format!(
            "{whose}{} (https://github.com/argoproj/argo-cd/issues/{})",
            bug.what, bug.issue
        ),
        bug.mend,
    )
}

#[cfg(test)]
mod tests {
    use super::super::Light;
    use super::*;
    use ripcord_domain::live::application::Source;

    #[test]
    fn a_release_that_is_not_seen_is_not_green() {
        let unseen = named(None, "argocd");
        assert_eq!(unseen.light, Light::Amber);
        assert!(unseen.mend.unwrap().contains("in argocd"));
        let seen = named(Release::parse("v3.4.4"), "argocd");
        assert_eq!(seen.light, Light::Green);
    }

    #[test]
    fn a_bug_that_bites_several_is_told_once_with_how_many() {
        let source = Source {
            repository: "https://git.acme.example/infra.git".into(),
            ..Source::default()
        };
        let twice = Application {
            sources: vec![source.clone(), source],
            ..Application::default()
        };
        let apps = [twice.clone(), Application::default(), twice];
        let found = of_all(&apps, Release::parse("v3.4.4"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.starts_with("2 Application(s): "), "{found:?}");
        assert_eq!(of_all(&apps, None), []);
    }
}
