//! An incident, told by all who tell of incidents. Every text in it is the teller's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ripcord_casebook::{Board, Brief, Case};
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, IncidentId, Source, SourceKind,
};
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::{
    AlertReport, AlertState, AnalysisReport, CheckReport, CheckResult, DeployReport, DeployStage,
    DriftReport, HotfixReport, MetricReport, RecoveryReport,
};
use ripcord_domain::recovery::{RecoveryId, Standing};
use ripcord_domain::{Environment, Service};
use ripcord_pages::{Filter, Letter, Notice, Reader, View};
use ripcord_review::{Knowledge, Review};
use ripcord_store::{Records, Sqlite, filing};

pub(crate) fn at(time: &str) -> Timestamp {
    format!("2026-11-20T{time}Z").parse().unwrap()
}

static ZONE: TimeZone = TimeZone::UTC;

/// Records of their own.
pub(crate) struct Told {
    records: Sqlite,
    number: usize,
    _folder: tempfile::TempDir,
}

pub(crate) fn place(service: &str, environment: &str) -> Concern {
    Concern {
        service: Service::new(service),
        environment: Environment::new(environment),
    }
}

pub(crate) fn alert(title: &str, state: AlertState, ended: Option<&str>) -> AlertReport {
    AlertReport {
        alert: "a1".to_owned(),
        state,
        started: at("17:15:00"),
        ended: ended.map(at),
        condition: Some(at("17:14:00")),
        title: title.to_owned(),
        severity: None,
        group: None,
        labels: BTreeMap::new(),
    }
}

pub(crate) fn deploy(version: &str, stage: DeployStage) -> DeployReport {
    DeployReport {
        deploy: format!("c0ffee-{version}"),
        stage: Some(stage),
        version: Some(version.to_owned()),
        replaced: Some("v15".to_owned()),
        subject: Some(format!("Deploy {version}")),
        ..DeployReport::default()
    }
}

pub(crate) fn recovery(standing: Standing) -> RecoveryReport {
    RecoveryReport {
        recovery: RecoveryId::new("r-abcdefgh"),
        standing,
        incident: None,
        started: at("17:18:00"),
        from: "v16".to_owned(),
        to: "v15".to_owned(),
        committed: Some(at("17:18:20")),
        commit: None,
        good: None,
        synced: None,
        durable: None,
        undoes: Vec::new(),
        missing: Vec::new(),
    }
}

impl Told {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = Sqlite::open(&folder.path().join("incidents.db")).unwrap();
        Self {
            records,
            number: 0,
            _folder: folder,
        }
    }

    pub(crate) fn event(&mut self, when: &str, concern: &Concern, fact: Fact) -> Event {
        self.number += 1;
        Event {
            id: EventId::new(format!("event-{}", self.number)),
            observed: at(when),
            received: at(when),
            source: Source {
                kind: SourceKind::Alertmanager,
                name: "prometheus".to_owned(),
            },
            confidence: Confidence::Reported,
            incident: None,
            concern: Some(concern.clone()),
            link: None,
            author: None,
            fact,
        }
    }

    pub(crate) fn tell(&mut self, when: &str, concern: &Concern, fact: Fact) {
        let event = self.event(when, concern, fact);
        self.file(&[event]);
    }

    pub(crate) fn file(&mut self, events: &[Event]) {
        let mut number = 0;
        let fresh = || {
            number += 1;
            IncidentId::from_chance(number)
        };
        filing::file(&mut self.records, events, fresh).unwrap();
    }

    pub(crate) fn case(&mut self) -> Case {
        let incident = self.records.incidents(1).unwrap().remove(0);
        ripcord_casebook::case(&mut self.records, incident, &TimeZone::UTC).unwrap()
    }

    pub(crate) fn board(&mut self) -> Board {
        ripcord_casebook::board(&mut self.records, at("17:20:00")).unwrap()
    }

    pub(crate) fn briefs(&mut self) -> Vec<Brief> {
        ripcord_casebook::briefs(&mut self.records, 10).unwrap()
    }

    pub(crate) fn incident_page(&mut self) -> String {
        let case = self.case();
        let review = review(&case);
        ripcord_pages::incident(&view("olga"), &case, &review, Filter::default(), false)
    }
}

pub(crate) fn review(case: &Case) -> Review {
    let knowledge = Knowledge::default();
    Review::of(&case.incident, &case.events, &case.deploys, &knowledge)
}

pub(crate) fn view(name: &str) -> View<'_> {
    View {
        reader: Reader {
            name,
            role: "admin",
            may_write: true,
            is_admin: true,
        },
        now: at("17:20:00"),
        zone: &ZONE,
        news: 7,
    }
}

/// Every page there is, of an incident in which every text is the given one.
pub(crate) fn pages_full_of(text: &str) -> Vec<(&'static str, String)> {
    let mut told = Told::new();
    let owned = || text.to_owned();
    let some = || Some(text.to_owned());
    let concern = place(text, text);
    let facts = [
        (
            "17:00:00",
            Fact::Deploy(DeployReport {
                deploy: owned(),
                stage: Some(DeployStage::Started),
                commit: some(),
                version: some(),
                replaced: some(),
                paths: vec![owned()],
                subject: some(),
                by: some(),
                application: some(),
                checks: vec![CheckReport {
                    name: owned(),
                    result: CheckResult::Failed,
                }],
                ..DeployReport::default()
            }),
        ),
        (
            "17:05:00",
            Fact::Analysis(AnalysisReport {
                run: owned(),
                rollout: some(),
                version: some(),
                phase: owned(),
                started: None,
                ended: None,
                metrics: vec![MetricReport {
                    name: owned(),
                    phase: owned(),
                    dry_run: false,
                    values: vec![owned()],
                    query: some(),
                }],
            }),
        ),
        (
            "17:06:00",
            Fact::Drift(DriftReport {
                object: owned(),
                field: owned(),
                by: some(),
                what: owned(),
            }),
        ),
        (
            "17:07:00",
            Fact::Other {
                summary: owned(),
                details: BTreeMap::from([(owned(), owned())]),
            },
        ),
        (
            "17:15:00",
            Fact::Alert(AlertReport {
                alert: owned(),
                severity: some(),
                group: some(),
                labels: BTreeMap::from([(owned(), owned()), ("version".to_owned(), owned())]),
                ..alert(text, AlertState::Firing, None)
            }),
        ),
        (
            "17:16:00",
            Fact::Opened {
                title: owned(),
                severity: some(),
            },
        ),
        ("17:16:05", Fact::Named { name: owned() }),
        ("17:16:06", Fact::Note { text: owned() }),
        ("17:16:07", Fact::Decision { what: owned() }),
        (
            "17:16:08",
            Fact::Corrected {
                moment: Moment::Fired,
                at: None,
                why: owned(),
            },
        ),
        (
            "17:17:00",
            Fact::Hotfix(HotfixReport {
                hotfix: owned(),
                incident: None,
                started: Some(at("17:17:00")),
                committed: None,
                ready: None,
                overridden: vec![owned()],
            }),
        ),
        (
            "17:18:00",
            Fact::Recovery(RecoveryReport {
                recovery: RecoveryId::new(text),
                from: owned(),
                to: owned(),
                commit: some(),
                missing: vec![owned()],
                ..recovery(Standing::Partial)
            }),
        ),
    ];
    for (number, (when, fact)) in facts.into_iter().enumerate() {
        let mut event = told.event(when, &concern, fact);
        // What another system calls an event is hostile, too.
        event.id = EventId::new(format!("{text}{number}"));
        event.link = some();
        event.author = some();
        event.source.name = owned();
        told.file(&[event]);
    }
    let case = told.case();
    let mut charged = case.clone();
    charged.cause = some();
    let review = review(&case);
    let view = view(text);
    let letter = Letter {
        number: 7,
        source: text,
        received: at("17:00:00"),
        why: text,
        body: text,
    };
    let refusal = Notice {
        title: text,
        text,
        onward: ("/", text),
        written: Some(text),
    };
    let filter = Filter {
        kind: None,
        noise: true,
        all: true,
    };
    vec![
        ("board", ripcord_pages::board(&view, &told.board())),
        ("incidents", ripcord_pages::incidents(&view, &told.briefs())),
        (
            "incident",
            ripcord_pages::incident(&view, &case, &review, filter, true),
        ),
        (
            "incident with a cause",
            ripcord_pages::incident(&view, &charged, &review, filter, false),
        ),
        (
            "dead letters",
            ripcord_pages::dead_letters(&view, &[letter]),
        ),
        ("notice", ripcord_pages::notice(Some(&view), &refusal)),
        ("notice to nobody", ripcord_pages::notice(None, &refusal)),
        ("login", ripcord_pages::login(text, Some(text))),
    ]
}
