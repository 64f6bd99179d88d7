//! Whether a hotfix went through its gate: the record must be of this image and this commit.

use ripcord_domain::gate::{Record, SCHEMA};
use ripcord_domain::hotfix::Payload;
use ripcord_domain::problem::{Kind, Problem};

/// Refuses a hotfix whose record is missing, of something else, or of a gate that stopped. A normal deploy has
/// none.
pub(crate) fn check(payload: &Payload) -> Result<(), Problem> {
    let Some(hotfix) = &payload.hotfix else {
        return Ok(());
    };
    let refused = |why: String| {
        Problem::new(
            Kind::Refused,
            "not_gated",
            format!("hotfix {}: {why}", hotfix.name),
        )
        .hint("`ripcord hotfix gate --record FILE`, then `ripcord hotfix ship --record FILE`")
    };
    let Some(said) = &payload.gate else {
        return Err(refused("the request has no record of a gate".to_owned()));
    };
    let record: Record = serde_json::from_value(said.clone())
        .map_err(|error| refused(format!("the gate's record cannot be read: {error}")))?;
    if record.schema > SCHEMA {
        return Err(refused(
            "a newer ripcord wrote the gate's record".to_owned(),
        ));
    }
    if record.digest.as_deref() != Some(payload.digest.as_str()) {
        let of = record.digest.as_deref().unwrap_or("no image");
        return Err(refused(format!(
            "the gate's record is of {of}, not of {}",
            payload.digest
        )));
    }
    if record.hotfix.as_ref() != Some(&hotfix.name) {
        let of = record
            .hotfix
            .as_ref()
            .map_or("no hotfix", |name| name.as_str());
        return Err(refused(format!("the gate's record is of {of}")));
    }
    let is_other =
        |said: &Option<String>, asked: &str| said.as_ref().is_some_and(|said| said != asked);
    if is_other(&record.image, &payload.image) || is_other(&record.tag, &payload.tag) {
        return Err(refused(format!(
            "the gate's record is of {}:{}",
            record.image.as_deref().unwrap_or_default(),
            record.tag.as_deref().unwrap_or_default()
        )));
    }
    let commit = payload.source.as_ref().map(|source| source.commit.as_str());
    if commit != Some(record.commit.as_str()) {
        return Err(refused(format!(
            "the gate's record is of commit {}",
            record.commit
        )));
    }
    // What it says of itself is not enough: a check that stops must have been decided about.
    if let Some(stopped) = record.stopped_by() {
        return Err(refused(format!(
            "the gate stopped at `{}`: {}",
            stopped.name,
            stopped.verdict.words()
        )));
    }
    let is_wrong = |one: &ripcord_domain::gate::Override| {
        !one.verdict.may_be_overridden() && one.verdict != ripcord_domain::gate::Verdict::Dropped
    };
    if let Some(one) = record.overrides.iter().find(|one| is_wrong(one)) {
        return Err(refused(format!(
            "`{}` {} and nobody may override that",
            one.check,
            one.verdict.words()
        )));
    }
    let contradicts = record.checks.iter().find(|check| {
        let decided = record.overrides.iter().find(|one| one.check == check.name);
        decided.is_some_and(|one| one.verdict != check.verdict)
    });
    if let Some(check) = contradicts {
        return Err(refused(format!(
            "what was decided about `{}` is not what it came to",
            check.name
        )));
    }
    if !record.passed || record.checks.is_empty() {
        return Err(refused("the gate did not pass".to_owned()));
    }
    Ok(())
}
