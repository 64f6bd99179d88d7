//! CDEvents 0.5.1 over CloudEvents: how services were deployed. In structured mode the event is in `data`, in binary
//! mode it is the body; its own context says all that the headers do.
//!
//! Only what is about services is read: an incident that is resolved does not say when it began, and what began at
//! an unknown instant is no time of an alert.

use ripcord_domain::incident::event::{Concern, Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{DeployReport, DeployStage};
use ripcord_domain::names::{Environment, Service};
use serde_json::Value;

use crate::shape::{missing, needed};
use crate::understand::{Arrival, NotUnderstood, Understood};
use crate::wording::{self, instant, text};

/// Reads an event of either mode.
pub(crate) fn read(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let inner = body
        .get("data")
        .filter(|data| data.get("context").is_some());
    let body = inner.unwrap_or(body);
    let need = |pointer| needed(arrival, body, pointer);
    let kind = need("/context/type")?;
    // Minor versions add fields; another major version may mean anything.
    let known = kind.strip_prefix("dev.cdevents.service.");
    let known = known.and_then(|rest| rest.split_once('.'));
    let is_rollback = match known {
        Some(("deployed" | "upgraded", version)) if version.starts_with("0.") => false,
        Some(("rolledback", version)) if version.starts_with("0.") => true,
        _ => {
            let why = format!("events of the type `{kind}` say nothing here");
            return Ok(Understood::Nothing(why));
        }
    };
    let (id, from) = (need("/context/id")?, need("/context/source")?);
    let (subject, environment) = (
        need("/subject/id")?,
        need("/subject/content/environment/id")?,
    );
    let observed = instant(body, "/context/timestamp")
        .ok_or_else(|| missing(arrival, body, "/context/timestamp"))?;
    let service = arrival.mapping.service_by_name(&[&subject]);
    Ok(Understood::one(Event {
        id: wording::id(&["cdevents", arrival.source, &from, &id]),
        observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Cdevents),
        confidence: Confidence::Reported,
        incident: None,
        concern: service.map(|service| Concern {
            service: Service::new(service),
            environment: Environment::new(environment),
        }),
        link: None,
        author: None,
        fact: Fact::Deploy(DeployReport {
            deploy: format!("{from} {id}"),
            // It was deployed: nobody said that it is healthy.
            stage: Some(DeployStage::Synced),
            version: text(body, "/subject/content/artifactId"),
            is_rollback,
            ..DeployReport::default()
        }),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Headers, Mapping, understand};

    fn said(body: &Value) -> Result<Understood, NotUnderstood> {
        let (mapping, body) = (Mapping::default(), body.to_string());
        let at = "2026-11-20T17:25:00Z"
            .parse()
            .map_err(|_| NotUnderstood::NotRead(SourceKind::Git))?;
        let kind = SourceKind::Cdevents;
        understand(kind, "c", &mapping, Headers::default(), body.as_bytes(), at)
    }

    fn body(kind: &str) -> Value {
        json!({
            "context": {"version": "0.5.1", "id": "e1", "source": "/ci", "type": kind,
                "timestamp": "2026-11-20T17:00:00Z", "chainId": "c1", "links": []},
            "subject": {"id": "pay", "type": "service", "content": {
                "environment": {"id": "staging"}, "artifactId": "pkg:oci/pay@sha256%3A00"}},
        })
    }

    #[test]
    fn both_modes_tell_the_same_deploy_of_any_minor_version() {
        let binary = body("dev.cdevents.service.rolledback.0.9.1");
        let structured = json!({"specversion": "1.0", "id": "e1", "data": binary});
        assert_eq!(said(&binary), said(&structured));
        let Ok(Understood::Told(told)) = said(&binary) else {
            panic!()
        };
        let event = &told.events[0];
        assert_eq!(event.id.as_str(), "cdevents/c/%2Fci/e1");
        assert_eq!(
            event.concern.as_ref().map(ToString::to_string).as_deref(),
            Some("pay in staging")
        );
        assert!(matches!(&event.fact, Fact::Deploy(report) if report.is_rollback));
    }

    #[test]
    fn another_major_version_says_nothing_and_what_is_missing_is_named() {
        for kind in [
            "dev.cdevents.service.deployed.1.0.0",
            "dev.cdevents.change.merged.0.3.0",
        ] {
            assert!(
                matches!(said(&body(kind)), Ok(Understood::Nothing(_))),
                "{kind}"
            );
        }
        let mut body = body("dev.cdevents.service.deployed.0.3.0");
        assert!(matches!(said(&body), Ok(Understood::Told(_))));
        body["subject"]["content"] = json!({});
        let error = said(&body)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            error.contains("`subject.content.environment.id`"),
            "{error}"
        );
    }
}
