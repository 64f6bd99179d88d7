//! A deploy.

use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{DeployReport, DeployStage};

use super::Said;
use super::pick::Item;
use crate::mapping::body::DeployFields;
use crate::understand::Arrival;
use crate::wording;

/// The words for a stage that need no table.
const STAGES: [(&str, DeployStage); 8] = [
    ("committed", DeployStage::Committed),
    ("started", DeployStage::Started),
    ("serving", DeployStage::Serving),
    ("synced", DeployStage::Synced),
    ("healthy", DeployStage::Healthy),
    ("aborted", DeployStage::Aborted),
    ("failed", DeployStage::Failed),
    ("degraded", DeployStage::Degraded),
];

/// Reads one; an error says what is amiss with which path.
pub(super) fn read(
    arrival: &Arrival<'_>,
    fields: &DeployFields,
    item: Item<'_>,
) -> Result<Said, String> {
    let Some(stage) = item.word("stage", &fields.stage, &fields.words, &STAGES)? else {
        return Ok(Said::Nothing("its stage says nothing here".to_owned()));
    };
    let deploy = item.needed("id", &fields.id)?;
    let at = Some(&fields.at);
    let observed = item.instant("at", at)?;
    let observed = observed.ok_or_else(|| item.without_instant(&[("at", at)]))?;
    let labels = item.labels("labels", fields.labels.as_ref())?;
    let service = item.text("service", fields.service.as_ref())?;
    let environment = item.text("environment", fields.environment.as_ref())?;
    let by = item.text("by", fields.by.as_ref())?;
    let (word, at) = (format!("{stage:?}").to_lowercase(), observed.to_string());
    let id = ["generic", arrival.source, "deploy", &deploy, &word, &at];
    Ok(Said::Event(Box::new(Event {
        id: wording::id(&id),
        observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Generic),
        confidence: Confidence::Reported,
        incident: None,
        concern: arrival
            .mapping
            .concern_told(service.as_deref(), environment.as_deref(), &labels),
        link: item.link("link", fields.link.as_ref())?,
        author: by.clone(),
        fact: Fact::Deploy(DeployReport {
            stage: Some(stage),
            commit: item.text("commit", fields.commit.as_ref())?,
            version: item.text("version", fields.version.as_ref())?,
            replaced: item.text("replaced", fields.replaced.as_ref())?,
            subject: item.text("subject", fields.subject.as_ref())?,
            by,
            is_rollback: item.is_so("rollback", fields.rollback.as_ref())?,
            cluster: item.text("cluster", fields.cluster.as_ref())?,
            deploy,
            ..DeployReport::default()
        }),
    })))
}
