//! What each target is sent of the same news.

use jiff::Timestamp;
use proptest::prelude::*;
use ripcord_announce::news::{self, Came, Change, News, What};
use ripcord_announce::{Secret, SlackChannel, Target};
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, Source, SourceKind,
};
use ripcord_domain::incident::report::{DeployReport, DeployStage, RecoveryReport};
use ripcord_domain::names::{Environment, Service};
use ripcord_domain::recovery::{RecoveryId, Standing};
use ripcord_intake::{Headers, Mapping, Understood, understand};
use serde_json::{Value, json};

const HOSTILE: &str =
    "<!channel> <https://evil.example|click> & \"q\" <script>alert(1)</script>\n*b* \u{202e}";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn event(fact: &Fact) -> Event {
    Event {
        id: EventId::new("argocd/main/u-1/2026-11-20T17:00:00Z/synced"),
        observed: at("2026-11-20T17:00:00Z"),
        received: at("2026-11-20T17:00:05Z"),
        source: Source {
            kind: SourceKind::Argocd,
            name: "main".to_owned(),
        },
        confidence: Confidence::Reported,
        incident: None,
        concern: Some(Concern {
            service: Service::new("pay"),
            environment: Environment::new("production"),
        }),
        link: Some("https://argocd.example/applications/pay|x".to_owned()),
        author: None,
        fact: fact.clone(),
    }
}

/// News of a deploy, out of its event.
pub(crate) fn deployed() -> News {
    let report = DeployReport {
        deploy: "d1".to_owned(),
        stage: Some(DeployStage::Synced),
        version: Some("registry.example/shop/pay:v2".to_owned()),
        replaced: Some("v1".to_owned()),
        commit: Some("0123abc".to_owned()),
        subject: Some(HOSTILE.to_owned()),
        by: Some("ada".to_owned()),
        ..DeployReport::default()
    };
    news::of_event(&event(&Fact::Deploy(report))).remove(0)
}

fn restored() -> News {
    let report = RecoveryReport {
        recovery: RecoveryId::new("r-1"),
        standing: Standing::Restored,
        incident: Some("INC-7".to_owned()),
        started: at("2026-11-20T16:55:00Z"),
        from: "v2".to_owned(),
        to: "v1".to_owned(),
        committed: None,
        commit: Some("4567def".to_owned()),
        good: None,
        synced: None,
        durable: None,
        undoes: Vec::new(),
        missing: Vec::new(),
    };
    news::of_event(&event(&Fact::Recovery(report))).remove(1)
}

fn incident(change: Change) -> News {
    let ended = matches!(change, Change::Quiet | Change::Closed);
    News {
        key: format!("incident/i-1/{change:?}"),
        incident: Some("i-1".to_owned()),
        from: None,
        what: What::Incident {
            change,
            title: HOSTILE.to_owned(),
            severity: Some("page".to_owned()),
            began: Some(at("2026-11-20T16:50:00Z")),
            quiet: ended.then(|| at("2026-11-20T17:00:00Z")),
        },
        ..deployed()
    }
}

fn targets() -> [Target; 5] {
    let secret = || Secret::new("s3cr3t-token");
    [
        Target::Pagerduty {
            url: Target::PAGERDUTY.to_owned(),
            routing_key: secret(),
        },
        Target::Cdevents {
            url: "https://broker.example/default".to_owned(),
            source: "/ripcord".to_owned(),
            token: Some(secret()),
        },
        Target::Slack(SlackChannel::Webhook(Secret::new(
            "https://user:pw@hooks.slack.com/services/s3cr3t-token",
        ))),
        Target::Slack(SlackChannel::Api {
            url: Target::SLACK.to_owned(),
            token: secret(),
            channel: "C1".to_owned(),
        }),
        Target::Grafana {
            url: "https://grafana.example/".to_owned(),
            token: secret(),
        },
    ]
}

fn body(target: usize, news: &News) -> Option<Value> {
    let outgoing = targets()[target].outgoing(news)?;
    Some(serde_json::from_slice(outgoing.body()).unwrap())
}

#[test]
fn pagerduty_is_told_of_changes_and_not_of_incidents() {
    let target = &targets()[0];
    let outgoing = target.outgoing(&deployed()).unwrap();
    assert_eq!(
        outgoing.url(),
        "https://events.pagerduty.com/v2/change/enqueue"
    );
    let body = body(0, &deployed()).unwrap();
    assert_eq!(body["routing_key"], "s3cr3t-token");
    let payload = &body["payload"];
    assert_eq!(
        payload["summary"],
        "pay in production: deployed registry.example/shop/pay:v2 (was v1)"
    );
    assert_eq!(payload["source"], "pay");
    assert_eq!(payload["timestamp"], "2026-11-20T17:00:00Z");
    assert_eq!(payload["custom_details"]["commit"], "0123abc");
    assert_eq!(payload["custom_details"]["id"], deployed().key);
    assert_eq!(
        body["links"][0]["href"],
        "https://argocd.example/applications/pay|x"
    );
    assert_eq!(super::bodies::body(0, &incident(Change::Opened)), None);
}

#[test]
fn a_cdevent_is_what_the_specification_demands_and_is_known_again() {
    let outgoing = targets()[1].outgoing(&deployed()).unwrap();
    let headers: Vec<_> = outgoing.headers().collect();
    assert_eq!(
        headers[0],
        (
            "content-type",
            "application/cloudevents+json; charset=utf-8"
        )
    );
    assert_eq!(headers[1], ("authorization", "Bearer s3cr3t-token"));
    let body = body(1, &deployed()).unwrap();
    let kind = "dev.cdevents.service.upgraded.0.3.0";
    for (of, name) in [(&body, "time"), (&body["data"]["context"], "timestamp")] {
        assert_eq!(of["id"], deployed().key);
        assert_eq!(
            (&of["type"], &of["source"]),
            (&json!(kind), &json!("/ripcord"))
        );
        assert_eq!(of[name], "2026-11-20T17:00:00Z");
    }
    assert_eq!(body["data"]["context"]["specversion"], "0.5.1");
    let expected = json!({"id": "pay", "content": {"environment": {"id": "production"},
        "artifactId": "pkg:oci/pay?repository_url=registry.example%2Fshop%2Fpay&tag=v2"}});
    assert_eq!(body["data"]["subject"], expected);
    let kind = |news: &News| Some(super::bodies::body(1, news)?["type"].clone());
    assert_eq!(
        kind(&restored()).unwrap(),
        "dev.cdevents.service.rolledback.0.3.0"
    );
    assert_eq!(
        kind(&incident(Change::Opened)).unwrap(),
        "dev.cdevents.incident.detected.0.3.0"
    );
    assert_eq!(
        kind(&incident(Change::Quiet)).unwrap(),
        "dev.cdevents.incident.resolved.0.3.0"
    );
    // It was resolved when nothing fired any more; that it was closed is no second end.
    assert_eq!(kind(&incident(Change::Closed)), None);
}

#[test]
fn a_cdevent_is_never_told_back_to_where_it_came_from() {
    let mut own = deployed();
    own.from = Some(SourceKind::Cdevents);
    assert_eq!(targets()[1].outgoing(&own), None);
    assert!(targets()[0].outgoing(&own).is_some());
}

#[test]
fn what_is_told_as_cdevents_is_understood_as_it_was_meant() {
    let understood = |news: &News| {
        let body = body(1, news).unwrap().to_string();
        let (kind, headers) = (SourceKind::Cdevents, Headers::default());
        let said = understand(
            kind,
            "c",
            &Mapping::default(),
            headers,
            body.as_bytes(),
            news.at,
        );
        let Ok(Understood::Told(mut told)) = said else {
            panic!("{said:?}")
        };
        told.events.remove(0)
    };
    let deploy = understood(&deployed());
    assert_eq!(deploy.concern, deployed().concern);
    assert!(
        matches!(deploy.fact, Fact::Deploy(report) if report.stage == Some(DeployStage::Synced))
    );
    let back = understood(&restored());
    assert!(matches!(back.fact, Fact::Deploy(report) if report.is_rollback));
    let (opened, quiet) = (
        understood(&incident(Change::Opened)),
        understood(&incident(Change::Quiet)),
    );
    let alert = |event: Event| match event.fact {
        Fact::Alert(report) => report.alert,
        other => panic!("{other:?}"),
    };
    assert_eq!(alert(opened), alert(quiet));
}

#[test]
fn what_others_wrote_is_no_markup_of_slack_and_calls_nobody() {
    for target in [2, 3] {
        for news in [deployed(), restored(), incident(Change::Opened)] {
            let body = body(target, &news).unwrap();
            let texts = [
                &body["text"],
                &body["blocks"][0]["text"]["text"],
                &body["blocks"][1]["elements"][0]["text"],
            ];
            for text in texts.map(|text| text.as_str().unwrap()) {
                let own = text
                    .split('<')
                    .skip(1)
                    .map(|rest| rest.split_once('>').unwrap().0);
                for own in own {
                    let is_ours = own.starts_with("!date^")
                        || own == "https://argocd.example/applications/pay%7Cx|details";
                    assert!(is_ours, "{text}");
                }
                assert!(!text.contains('\u{202e}') && !text.contains('\n'), "{text}");
            }
            for block in [
                &body["blocks"][0]["text"],
                &body["blocks"][1]["elements"][0],
            ] {
                assert_eq!(block["verbatim"], true);
            }
        }
    }
    let api = targets()[3].outgoing(&deployed()).unwrap();
    assert_eq!(api.url(), "https://slack.com/api/chat.postMessage");
    assert_eq!(body(3, &deployed()).unwrap()["channel"], "C1");
}

#[test]
fn grafana_marks_a_deploy_and_spans_an_incident_as_text() {
    let outgoing = targets()[4].outgoing(&deployed()).unwrap();
    assert_eq!(outgoing.url(), "https://grafana.example/api/annotations");
    let mark = body(4, &deployed()).unwrap();
    assert_eq!(mark["time"], at("2026-11-20T17:00:00Z").as_millisecond());
    assert_eq!(mark.get("timeEnd"), None);
    assert_eq!(
        mark["tags"],
        json!(["ripcord", "deploy", "service:pay", "environment:production"])
    );
    let span = body(4, &incident(Change::Quiet)).unwrap();
    assert_eq!(span["time"], at("2026-11-20T16:50:00Z").as_millisecond());
    assert_eq!(span["timeEnd"], at("2026-11-20T17:00:00Z").as_millisecond());
    let text = span["text"].as_str().unwrap();
    assert!(
        text.contains("&lt;script&gt;") && !text.contains("<script>"),
        "{text}"
    );
    assert_eq!(body(4, &incident(Change::Closed)), None);
    let back = body(4, &restored()).unwrap();
    assert_eq!(back["time"], at("2026-11-20T16:55:00Z").as_millisecond());
}

#[test]
fn no_secret_is_ever_shown() {
    for target in targets() {
        let outgoing = target.outgoing(&deployed()).unwrap();
        let shown = format!("{target:?} {outgoing:?} {outgoing}");
        for secret in ["s3cr3t", "pw@"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(format!("{outgoing}").starts_with("POST to "), "{outgoing}");
    }
}

#[test]
fn a_link_of_another_scheme_is_no_link() {
    for link in ["javascript:alert(1)", "https://x y", "data:text/html,x"] {
        let mut news = deployed();
        news.link = Some(link.to_owned());
        for (target, _) in targets().iter().enumerate() {
            let body = body(target, &news).unwrap().to_string();
            assert!(!body.contains(link), "{body}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_body_that_is_too_long_or_differs_from_try_to_try(
        text in ".{0,400}", version in prop::option::of(".{0,40}"), came in 0..5_usize,
    ) {
        let came = [Came::Deployed, Came::Healthy, Came::Aborted, Came::Failed, Came::Degraded][came];
        let report = DeployReport {
            version,
            subject: Some(text.clone()),
            commit: Some(text.repeat(20)),
            ..DeployReport::default()
        };
        let news = News {
            key: text.clone(),
            by: Some(text.clone()),
            link: Some(format!("https://x/{text}")),
            what: What::Deploy { came, report: Box::new(report) },
            ..deployed()
        };
        for target in targets() {
            let first = target.outgoing(&news);
            prop_assert_eq!(&first, &target.outgoing(&news));
            if let Some(outgoing) = first {
                prop_assert!(outgoing.body().len() < 64 << 10);
                let body: Value = serde_json::from_slice(outgoing.body()).unwrap();
                if let Some(summary) = body["payload"]["summary"].as_str() {
                    prop_assert!(summary.chars().count() <= 1024);
                }
                if let Some(section) = body["blocks"][0]["text"]["text"].as_str() {
                    prop_assert!(section.chars().count() <= 3000);
                }
            }
        }
    }
}
