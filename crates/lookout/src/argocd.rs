//! Deploys as Argo CD remembers them: the history of each Application.

use jiff::Timestamp;
use ripcord_connect::{Cluster, Which};
use ripcord_domain::Problem;
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, Source, SourceKind,
};
use ripcord_domain::incident::report::{DeployReport, DeployStage};
use ripcord_domain::live::application::{Application, Synced};
use ripcord_intake::Mapping;

use crate::LOOKS_BACK;

/// The syncs of an Argo CD.
pub struct Syncs {
    name: String,
    which: Which,
    mapping: Mapping,
}

impl Syncs {
    /// Looks at the Applications of an Argo CD that is called so; the mapping tells which services they deploy.
    pub fn of(name: impl Into<String>, which: Which, mapping: Mapping) -> Self {
        Self {
            name: name.into(),
            which,
            mapping,
        }
    }

    /// Asks for the Applications, and tells the syncs of the last days. Of an Application that no mapping and no
    /// label gives to a service nothing is told.
    ///
    /// # Errors
    /// The cluster or Argo CD cannot be reached, or does not show its Applications.
    pub async fn look(&self, now: Timestamp) -> Result<Vec<Event>, Problem> {
        let cluster = Cluster::open(&self.which).await?;
        let applications = ripcord_connect::argocd::applications(&cluster).await?;
        let told = applications.iter().filter_map(|application| {
            let concern = self.concern(application)?;
            Some(self.syncs(application, &concern, now))
        });
        Ok(told.flatten().collect())
    }

    fn concern(&self, application: &Application) -> Option<Concern> {
        let full = application.name.to_string();
        let names = [full.as_str(), application.name.name.as_str()];
        let labels = &application.labels;
        self.mapping
            .concern(labels)
            .or_else(|| self.mapping.concern_by_mapped_name(&names, labels))
    }

    fn syncs(&self, application: &Application, concern: &Concern, now: Timestamp) -> Vec<Event> {
        let since = now.saturating_sub(LOOKS_BACK).unwrap_or(Timestamp::MIN);
        let recent = application
            .history
            .iter()
            .filter(|sync| sync.at.is_some_and(|at| at >= since));
        recent
            .flat_map(|sync| self.sync(application, sync, concern, now))
            .collect()
    }

    /// A sync has a beginning, where Argo CD is new enough to remember it, and an end.
    fn sync(
        &self,
        application: &Application,
        sync: &Synced,
        concern: &Concern,
        now: Timestamp,
    ) -> Vec<Event> {
        let stages = [
            (DeployStage::Started, sync.started),
            (DeployStage::Synced, sync.at),
        ];
        let Some(called) = sync.started.or(sync.at) else {
            return Vec::new();
        };
        let deploy = format!("{}@{called}", application.name);
        let commit = match sync.revisions.as_slice() {
            [one] => Some(one.clone()),
            // Of several sources none is the deploy's.
            _ => None,
        };
        let report = DeployReport {
            deploy: deploy.clone(),
            commit,
            application: Some(application.name.to_string()),
            ..DeployReport::default()
        };
        let each = stages.into_iter().filter_map(|(stage, at)| {
            let observed = at?;
            let word = if stage == DeployStage::Started {
                "started"
            } else {
                "synced"
            };
            Some(Event {
                id: EventId::new(format!("sync/{}/{deploy}/{word}", self.name)),
                observed,
                received: now,
                source: Source {
                    kind: SourceKind::Argocd,
                    name: self.name.clone(),
                },
                confidence: Confidence::Reported,
                incident: None,
                concern: Some(concern.clone()),
                link: None,
                author: None,
                fact: Fact::Deploy(DeployReport {
                    stage: Some(stage),
                    ..report.clone()
                }),
            })
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ripcord_domain::incident::deploy::deploys;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-20T{text}Z").parse().unwrap()
    }

    fn synced(revision: &str, started: Option<&str>, done: &str) -> Synced {
        Synced {
            revisions: vec![revision.to_owned()],
            started: started.map(at),
            at: Some(at(done)),
        }
    }

    fn application(labels: &[(&str, &str)], history: Vec<Synced>) -> Application {
        let labels = labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        Application {
            labels: labels.collect(),
            history,
            ..Application::default()
        }
    }

    fn told(application: &Application) -> Vec<Event> {
        let syncs = Syncs::of("main", Which::default(), Mapping::default());
        let concern = syncs.concern(application);
        concern.map_or_else(Vec::new, |concern| {
            syncs.syncs(application, &concern, at("18:00:00"))
        })
    }

    #[test]
    fn a_commit_that_was_synced_twice_is_two_deploys_whose_instants_are_argo_cds() {
        let history = vec![
            synced("abc", Some("17:00:00"), "17:00:20"),
            synced("abc", Some("17:30:00"), "17:30:10"),
        ];
        let found = deploys(&told(&application(&[("service", "payments")], history)));
        let began: Vec<_> = found.iter().map(|deploy| deploy.began().unwrap()).collect();
        assert_eq!(began, [at("17:00:00"), at("17:30:00")]);
        assert_eq!(found[0].at(DeployStage::Synced), Some(at("17:00:20")));
        assert_eq!(found[1].commit.as_deref(), Some("abc"));
    }

    #[test]
    fn an_old_argo_cd_that_remembers_only_ends_still_tells_of_the_sync() {
        let found = told(&application(
            &[("app", "payments")],
            vec![synced("abc", None, "17:00:20")],
        ));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].observed, at("17:00:20"));
    }

    #[test]
    fn an_application_that_nothing_gives_to_a_service_tells_nothing() {
        assert!(told(&application(&[], vec![synced("abc", None, "17:00:20")])).is_empty());
    }

    #[test]
    fn what_is_told_again_has_the_same_ids() {
        let application = application(
            &[("app", "payments")],
            vec![synced("abc", Some("17:00:00"), "17:00:20")],
        );
        assert_eq!(told(&application), told(&application));
    }
}
