//! A Friday evening: what was told of seven services until twenty past five.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, IncidentId, Source, SourceKind,
};
use ripcord_domain::incident::report::{
    AlertReport, AlertState, AnalysisReport, CheckReport, CheckResult, DeployReport, DeployStage,
    MetricReport, RecoveryReport,
};
use ripcord_domain::recovery::{RecoveryId, Standing};
use ripcord_domain::{Environment, Service};
use ripcord_store::{Delivery, DeliveryNumber, Records, Sqlite, filing};
use serde_json::json;

fn at(time: &str) -> Timestamp {
    let day = if time.contains('T') {
        ""
    } else {
        "2026-11-27T"
    };
    format!("{day}{time}Z").parse().unwrap()
}

struct Evening<'a> {
    records: &'a mut Sqlite,
    told: u64,
    /// The incident that is meant by name.
    incident: Option<IncidentId>,
}

impl Evening<'_> {
    fn tell(&mut self, when: &str, place: (&str, &str), source: SourceKind, fact: Fact) {
        self.tell_as(when, place, source, None, fact);
    }

    fn tell_as(
        &mut self,
        when: &str,
        place: (&str, &str),
        kind: SourceKind,
        author: Option<&str>,
        fact: Fact,
    ) {
        self.told += 1;
        let name = match kind {
            SourceKind::Ripcord => "laptop-of-olga",
            SourceKind::Argocd => "argocd",
            _ => "prometheus",
        };
        let link = matches!(fact, Fact::Alert(_)).then(|| "https://alerts.example/a/17".to_owned());
        let event = Event {
            id: EventId::new(format!("evening-{}", self.told)),
            observed: at(when),
            received: at(when),
            source: Source {
                kind,
                name: name.to_owned(),
            },
            confidence: Confidence::Reported,
            incident: self.incident.clone(),
            concern: Some(Concern {
                service: Service::new(place.0),
                environment: Environment::new(place.1),
            }),
            link,
            author: author.map(str::to_owned),
            fact,
        };
        let mut chance = self.told * 1_000_003;
        let fresh = || {
            chance += 1;
            IncidentId::from_chance(chance)
        };
        filing::file(self.records, &[event], fresh).unwrap();
    }

    fn deploy(
        &mut self,
        when: &str,
        place: (&str, &str),
        to: &str,
        from: &str,
        stage: DeployStage,
    ) {
        let report = DeployReport {
            deploy: format!("4f2a91c{}", to.len() + place.0.len()),
            stage: Some(stage),
            commit: Some(format!("4f2a91c{}", to.len() + place.0.len())),
            version: Some(to.to_owned()),
            replaced: Some(from.to_owned()),
            subject: Some(format!("Deploy {} {to} to {}", place.0, place.1)),
            by: Some("image-updater".to_owned()),
            checks: vec![CheckReport {
                name: "integration".to_owned(),
                result: CheckResult::Flaky,
            }],
            ..DeployReport::default()
        };
        self.tell(when, place, SourceKind::Argocd, Fact::Deploy(report));
    }

    fn alert(&mut self, when: &str, place: (&str, &str), title: &str, state: AlertState) {
        let report = AlertReport {
            alert: format!("{}-{title}", place.0),
            state,
            started: at(if state == AlertState::Firing {
                when
            } else {
                "17:15:04"
            }),
            ended: (state == AlertState::Resolved).then(|| at(when)),
            condition: None,
            title: title.to_owned(),
            severity: Some("critical".to_owned()),
            group: None,
            labels: BTreeMap::from([("service".to_owned(), place.0.to_owned())]),
        };
        let author = (state == AlertState::Acknowledged).then_some("Olga Call");
        let fact = Fact::Alert(report);
        self.tell_as(when, place, SourceKind::Alertmanager, author, fact);
    }

    fn of(&mut self, service: &str) -> String {
        let incidents = self.records.incidents(100).unwrap();
        let of = |place: &Concern| place.service.as_str() == service;
        let mut found = incidents.iter();
        let found = found.find(|incident| incident.concerns.iter().any(of));
        found.unwrap().id.to_string()
    }
}

/// Tells it; the incidents by what they are for, as JSON.
pub(crate) fn tell(records: &mut Sqlite) -> String {
    let mut evening = Evening {
        records,
        told: 0,
        incident: None,
    };
    let (payments, cart) = (("payments", "production"), ("cart", "production"));
    let odd = (
        "a-service-with-quite-a-long-name-that-does-not-end-soon",
        "staging",
    );
    let hostile = ("<script>alert(1)</script>", "production");

    evening.deploy(
        "2026-11-26T09:12:00",
        payments,
        "v2.41.0",
        "v2.40.3",
        DeployStage::Healthy,
    );
    evening.deploy(
        "17:09:50",
        payments,
        "v2.41.1-rc.1",
        "v2.41.0",
        DeployStage::Started,
    );
    evening.deploy(
        "17:12:30",
        payments,
        "v2.41.1-rc.1",
        "v2.41.0",
        DeployStage::Synced,
    );
    let analysis = AnalysisReport {
        run: "payments/payments-6c9".to_owned(),
        rollout: None,
        version: Some("v2.41.1-rc.1".to_owned()),
        phase: "Inconclusive".to_owned(),
        started: Some(at("17:10:30")),
        ended: Some(at("17:12:00")),
        metrics: vec![MetricReport {
            name: "error-rate".to_owned(),
            phase: "Inconclusive".to_owned(),
            dry_run: true,
            values: vec!["0.011".to_owned(), "0.046".to_owned()],
            query: None,
        }],
    };
    evening.tell(
        "17:12:00",
        payments,
        SourceKind::Rollouts,
        Fact::Analysis(analysis),
    );
    evening.alert(
        "17:15:04",
        payments,
        "payments fail: 5xx above 4 %",
        AlertState::Firing,
    );
    evening.alert(
        "17:17:31",
        payments,
        "payments fail: 5xx above 4 %",
        AlertState::Acknowledged,
    );

    evening.deploy("16:40:00", cart, "v8", "v7", DeployStage::Healthy);
    evening.alert("17:02:00", cart, "carts are lost", AlertState::Firing);
    let recovery = RecoveryReport {
        recovery: RecoveryId::new("r-7f3k9qxy"),
        standing: Standing::Running,
        incident: None,
        started: at("17:18:40"),
        from: "v8".to_owned(),
        to: "v7".to_owned(),
        committed: Some(at("17:18:44")),
        commit: Some("9d0e11f".to_owned()),
        good: None,
        synced: None,
        durable: None,
        undoes: Vec::new(),
        missing: Vec::new(),
    };
    let fact = Fact::Recovery(recovery);
    evening.tell_as(
        "17:18:44",
        cart,
        SourceKind::Ripcord,
        Some("Olga Call"),
        fact,
    );

    let search = ("search", "production");
    evening.alert("17:15:04", search, "search is slow", AlertState::Firing);
    evening.alert("17:19:00", search, "search is slow", AlertState::Resolved);
    evening.deploy(
        "15:00:00",
        search,
        "2026.11.3",
        "2026.11.2",
        DeployStage::Degraded,
    );

    let ledger = ("ledger", "production");
    evening.alert("17:15:04", ledger, "ledger lags", AlertState::Firing);
    evening.alert("17:16:00", ledger, "ledger lags", AlertState::Resolved);
    let closed = Fact::Closed {
        why: "a batch ran long; nothing was lost".to_owned(),
        although: Vec::new(),
    };
    evening.incident = Some(IncidentId::new(evening.of("ledger")));
    evening.tell_as(
        "17:18:00",
        ledger,
        SourceKind::Ripcord,
        Some("Olga Call"),
        closed,
    );
    evening.incident = None;

    for stage in [DeployStage::Started, DeployStage::Healthy] {
        evening.deploy(
            "2026-11-25T11:00:00",
            ("web", "production"),
            "v301",
            "v300",
            stage,
        );
        evening.deploy(
            "2026-11-27T17:19:30",
            ("web", "staging"),
            "v302",
            "v301",
            stage,
        );
    }
    evening.deploy(
        "17:00:00",
        ("payments", "staging"),
        "v2.41.1-rc.1",
        "v2.41.0",
        DeployStage::Healthy,
    );
    evening.deploy(
        "2026-11-20T08:00:00",
        odd,
        "v1",
        "v0",
        DeployStage::Committed,
    );
    let shout = "\"><img src=x onerror=alert(1)></title><script>alert(1)</script>";
    evening.alert("16:00:00", hostile, shout, AlertState::Firing);

    let letter = Delivery {
        source: "prometheus".to_owned(),
        key: "k".to_owned(),
        received: at("17:01:00"),
        headers: Vec::new(),
        body: br#"{"version":"9","<script>alert(1)</script>":"a long line of JSON that nobody broke, so that it is wider than a phone"}"#.to_vec(),
    };
    evening.records.accept(&[letter]).unwrap();
    let waiting: Vec<DeliveryNumber> = evening
        .records
        .waiting(1)
        .unwrap()
        .iter()
        .map(|(number, _)| *number)
        .collect();
    let dead: Vec<_> = waiting
        .iter()
        .map(|number| (*number, "version 9 is not known".to_owned()))
        .collect();
    let fresh = || IncidentId::from_chance(1);
    filing::file_with(evening.records, &[], &[], &dead, fresh).unwrap();

    json!({
        "firing": evening.of("payments"),
        "recovering": evening.of("cart"),
        "quiet": evening.of("search"),
        "closed": evening.of("ledger"),
        "hostile": evening.of(hostile.0),
        "deploy": format!("4f2a91c{}", "v2.41.1-rc.1".len() + "payments".len()),
    })
    .to_string()
}
