//! Stories that figures are counted of: events as they come in, and what they come to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::deploy::{Deployed, deploys};
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, IncidentId, Source, SourceKind,
};
use ripcord_domain::incident::report::{
    AlertReport, AlertState, DeployReport, DeployStage, RecoveryReport,
};
use ripcord_domain::recovery::{RecoveryId, Standing};
use ripcord_domain::{Environment, Service};
use ripcord_metrics::{
    About, Because, Counts, Deployment, Figure, Measure, Metrics, Outcome, Reason, Request, Value,
};

pub(crate) const HOUR: i64 = 60;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Minutes after the first of October.
pub(crate) fn at(minute: i64) -> Timestamp {
    let first: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
    first + SignedDuration::from_mins(minute)
}

pub(crate) fn concern(service: &str) -> Concern {
    Concern {
        service: Service::new(service),
        environment: Environment::new("production"),
    }
}

/// All of October, as known at the end of November.
pub(crate) fn october() -> Request {
    Request::new(at(0), at(31 * DAY), at(60 * DAY))
}

/// What was told of a few services, by incident.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    of_deploys: Vec<Event>,
    of_incidents: BTreeMap<String, Vec<Event>>,
    told: usize,
}

impl Story {
    fn event(&mut self, service: &str, minute: i64, kind: SourceKind, fact: Fact) -> Event {
        self.told += 1;
        Event {
            id: EventId::new(format!("e{:04}", self.told)),
            observed: at(minute),
            received: at(minute),
            source: Source {
                kind,
                name: "main".into(),
            },
            confidence: Confidence::Reported,
            incident: None,
            concern: Some(concern(service)),
            link: None,
            author: Some("alex".into()),
            fact,
        }
    }

    /// A stage of a deploy that is called as its commit and its version.
    pub(crate) fn stage(
        &mut self,
        service: &str,
        id: &str,
        stage: DeployStage,
        minute: i64,
    ) -> &mut DeployReport {
        let report = DeployReport {
            deploy: id.into(),
            stage: Some(stage),
            commit: Some(id.into()),
            version: Some(id.into()),
            ..DeployReport::default()
        };
        let kind = match stage {
            DeployStage::Committed => SourceKind::Git,
            _ => SourceKind::Argocd,
        };
        let event = self.event(service, minute, kind, Fact::Deploy(report));
        self.of_deploys.push(event);
        match &mut self.of_deploys.last_mut().unwrap().fact {
            Fact::Deploy(report) => report,
            _ => unreachable!("a deploy"),
        }
    }

    /// A deploy that is committed, started 1 min later and healthy 10 min later; the report of its start.
    pub(crate) fn deploy(&mut self, service: &str, id: &str, minute: i64) -> &mut DeployReport {
        self.stage(service, id, DeployStage::Committed, minute);
        self.stage(service, id, DeployStage::Healthy, minute + 10);
        self.stage(service, id, DeployStage::Started, minute + 1)
    }

    pub(crate) fn rollback(&mut self, service: &str, id: &str, minute: i64, replaced: &str) {
        let report = self.deploy(service, id, minute);
        report.is_rollback = true;
        report.replaced = Some(replaced.into());
    }

    pub(crate) fn say(
        &mut self,
        incident: &str,
        service: &str,
        minute: i64,
        fact: Fact,
    ) -> &mut Event {
        let event = self.event(service, minute, SourceKind::Ripcord, fact);
        let all = self.of_incidents.entry(incident.into()).or_default();
        all.push(event);
        all.last_mut().unwrap()
    }

    /// An alert from and, where it ended, to a minute.
    pub(crate) fn alert(&mut self, incident: &str, service: &str, from: i64, to: Option<i64>) {
        let report = |state, ended| {
            Fact::Alert(AlertReport {
                alert: format!("{incident}-errors"),
                state,
                started: at(from),
                ended,
                condition: None,
                title: "errors".into(),
                severity: None,
                group: None,
                labels: BTreeMap::new(),
            })
        };
        self.say(incident, service, from, report(AlertState::Firing, None));
        if let Some(to) = to {
            let over = report(AlertState::Resolved, Some(at(to)));
            self.say(incident, service, to, over);
        }
    }

    pub(crate) fn charge(&mut self, incident: &str, service: &str, deploy: Option<&str>) {
        let fact = Fact::Charged {
            deploy: deploy.map(str::to_owned),
            why: "looked at".into(),
        };
        self.say(incident, service, 50 * DAY, fact);
    }

    /// A recovery that undid a deploy and pushed a commit.
    pub(crate) fn recovery(
        &mut self,
        incident: &str,
        service: &str,
        minute: i64,
        undoes: &str,
        commit: &str,
    ) {
        let report = RecoveryReport {
            recovery: RecoveryId::new(format!("r-{incident}")),
            standing: Standing::Restored,
            incident: None,
            started: at(minute),
            from: undoes.into(),
            to: "before".into(),
            committed: Some(at(minute + 1)),
            commit: Some(commit.into()),
            good: Some(at(minute + 1)),
            synced: Some(at(minute + 2)),
            durable: Some(at(minute + 3)),
            undoes: vec![undoes.into()],
            missing: Vec::new(),
        };
        self.say(incident, service, minute + 3, Fact::Recovery(report));
    }

    pub(crate) fn close(&mut self, incident: &str, service: &str, minute: i64) {
        let fact = Fact::Closed {
            why: "ticket done".into(),
            although: Vec::new(),
        };
        self.say(incident, service, minute, fact);
    }

    pub(crate) fn incidents(&self) -> Vec<Incident> {
        let each = self.of_incidents.iter().map(|(id, events)| {
            let mut incident = Incident::new(IncidentId::new(id));
            for event in events {
                incident.absorb(event);
            }
            incident
        });
        each.collect()
    }

    pub(crate) fn deploys(&self) -> Vec<Deployed> {
        deploys(&self.of_deploys)
    }

    pub(crate) fn count(&self, request: &Request) -> Counted {
        Counted(Metrics::of(request, &self.incidents(), &self.deploys()))
    }

    pub(crate) fn october(&self) -> Counted {
        self.count(&october())
    }

    /// Everything told a second time.
    pub(crate) fn repeated(&self) -> Self {
        let mut twice = self.clone();
        twice.of_deploys.extend(self.of_deploys.clone());
        for events in twice.of_incidents.values_mut() {
            events.extend(events.clone());
        }
        twice
    }
}

/// What came out, to be asked.
pub(crate) struct Counted(pub(crate) Metrics);

impl Counted {
    pub(crate) fn figure(&self, service: &str, measure: Measure) -> &Figure {
        let mut applications = self.0.applications.iter();
        let application = applications
            .find(|one| one.concern == concern(service))
            .unwrap();
        let mut figures = application.figures.iter();
        figures.find(|one| one.measure == measure).unwrap()
    }

    /// Hits, and of how many.
    pub(crate) fn share(&self, service: &str, measure: Measure) -> (usize, usize) {
        match self.figure(service, measure).value {
            Value::Share { hits, of, .. } => (hits, of),
            ref other => unreachable!("{other:?}"),
        }
    }

    pub(crate) fn fail_rate(&self) -> (usize, usize) {
        self.share("payments", Measure::ChangeFailRate)
    }

    pub(crate) fn number(&self) -> usize {
        match self.figure("payments", Measure::DeploymentFrequency).value {
            Value::Count { number, .. } => number,
            ref other => unreachable!("{other:?}"),
        }
    }

    /// The median in minutes, of how many, and how many go on.
    pub(crate) fn median(&self, measure: Measure) -> (Option<f64>, usize, usize) {
        match self.figure("payments", measure).value {
            Value::Spans {
                median_milliseconds,
                n,
                going_on,
                ..
            } => {
                let minutes = |milliseconds: i64| milliseconds as f64 / 60_000.0;
                (median_milliseconds.map(minutes), n, going_on)
            }
            ref other => unreachable!("{other:?}"),
        }
    }

    pub(crate) fn recovery(&self) -> (Option<f64>, usize, usize) {
        self.median(Measure::FailedDeploymentRecoveryTime)
    }

    pub(crate) fn counts(&self, measure: Measure, id: &str) -> Counts {
        let rows = &self.figure("payments", measure).rows;
        let is_it = |about: &About| match about {
            About::Deploy(deploy) => deploy == id,
            About::Incident(incident) => incident.as_str() == id,
        };
        let mut of_it = rows.iter().filter(|row| is_it(&row.about));
        let found = of_it.next().unwrap();
        assert!(of_it.next().is_none(), "{id} has two rows");
        found.counts.clone()
    }

    /// Why something is left out of a figure.
    pub(crate) fn left_out(&self, measure: Measure, id: &str) -> Reason {
        match self.counts(measure, id) {
            Counts::No { reason } => reason,
            other => unreachable!("{id}: {other:?}"),
        }
    }

    pub(crate) fn deployment(&self, service: &str, id: &str) -> &Deployment {
        let applications = self.0.applications.iter();
        let mut own = applications.filter(|one| one.concern == concern(service));
        let mut deployments = own.next().unwrap().deployments.iter();
        deployments.find(|one| one.deploy == id).unwrap()
    }

    pub(crate) fn outcome(&self, id: &str) -> Outcome {
        self.deployment("payments", id).outcome.clone()
    }
}

pub(crate) fn failed(because: Because) -> Outcome {
    Outcome::Failed {
        because: BTreeSet::from([because]),
    }
}

pub(crate) fn charged(incident: &str) -> Outcome {
    failed(Because::Charged {
        incident: IncidentId::new(incident),
    })
}

pub(crate) fn undecided(reason: Reason) -> Outcome {
    Outcome::Undecided { reason }
}
