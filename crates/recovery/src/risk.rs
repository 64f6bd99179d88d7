//! What a person should know before a rollback goes out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ripcord_domain::catalog::UnitName;
use ripcord_domain::hotfix::Shipped;
use ripcord_domain::layout;
use ripcord_domain::plan::{Severity, Warning};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::timeline::{Claim, Deploy};
use ripcord_git::{Entry, Oid};
use ripcord_manifest::{RiskKind, risks};

use crate::change::Ground;
use crate::draft::{Changed, file_of};

/// The code of a deploy that goes, and is called a hotfix.
pub(crate) const UNDOES_HOTFIX: &str = "undoes_hotfix";
/// The code of what takes a hotfix out of production.
pub const DROPS_HOTFIX: &str = "drops_hotfix";
/// The code of the refusal to change what others share.
pub(crate) const SHARED_FILES: &str = "shared_files";

/// Warnings from what the rollback itself changes.
pub(crate) fn of_changes(changes: &[Changed]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for change in changes {
        let Ok(path) = std::str::from_utf8(&change.path) else {
            continue;
        };
        // No cluster reads it, whatever words are in its name.
        if ripcord_domain::quarantine::is_ours(path) {
            continue;
        }
        let bytes = |file: &Option<crate::draft::File>| {
            file.as_ref().and_then(|f| f.bytes().map(<[u8]>::to_vec))
        };
        add_risks(
            path,
            bytes(&change.before).as_deref(),
            bytes(&change.after).as_deref(),
            "going back",
            &mut warnings,
        );
    }
    warnings
}

/// Warnings of hotfixes that the rollback takes out of production.
pub(crate) fn of_hotfixes(unit: &UnitName, lost: &[&Shipped], now: Timestamp) -> Vec<Warning> {
    let of_one = |fix: &&Shipped| {
        warning(
            DROPS_HOTFIX,
            Severity::Warning,
            format!("{}: this would remove {}", unit.0, fix.words(now)),
        )
    };
    lost.iter().map(of_one).collect()
}

/// Warnings from the deploys that are taken back: what shipped with them, and what they were.
pub(crate) fn of_deploys(
    ground: &Ground<'_>,
    unit: &UnitName,
    undone: &[(Oid, &Deploy)],
) -> Result<Vec<Warning>, Problem> {
    let mut warnings = Vec::new();
    for (commit, deploy) in undone {
        let short = &deploy.commit[..10];
        let words = deploy.subject.to_lowercase();
        if words.contains("hotfix")
            || deploy
                .after
                .values()
                .flatten()
                .any(|v| v.value.contains("hotfix"))
        {
            warnings.push(warning(
                UNDOES_HOTFIX,
                Severity::Warning,
                format!(
                    "{}: takes a hotfix back: {short} {}",
                    unit.0, deploy.subject
                ),
            ));
        }
        if matches!(deploy.claim, Claim::Rollback | Claim::Revert) {
            warnings.push(warning(
                "undoes_rollback",
                Severity::Warning,
                format!(
                    "{}: takes an earlier rollback back: {short} {}",
                    unit.0, deploy.subject
                ),
            ));
        }
        shipped_with(ground, unit, *commit, short, &mut warnings)?;
    }
    Ok(warnings)
}

/// What else was in a deploy's commit.
fn shipped_with(
    ground: &Ground<'_>,
    unit: &UnitName,
    commit: Oid,
    short: &str,
    warnings: &mut Vec<Warning>,
) -> Result<(), Problem> {
    let mut others: BTreeSet<UnitName> = BTreeSet::new();
    for change in ground.shipped(commit)?.iter() {
        let Ok(path) = std::str::from_utf8(&change.path) else {
            continue;
        };
        let holders = ground.catalog.holders(ground.settings, path);
        if holders.contains(unit) || belongs_to_service(ground, path, unit) {
            let read = |entry: Option<Entry>| -> Result<Option<Vec<u8>>, Problem> {
                let file = file_of(ground.repo, entry)?;
                Ok(file.and_then(|file| file.bytes().map(<[u8]>::to_vec)))
            };
            let (old, new) = (read(change.old)?, read(change.new)?);
            add_risks(
                path,
                old.as_deref(),
                new.as_deref(),
                &format!("deploy {short}"),
                warnings,
            );
        } else {
            others.extend(holders.difference(&ground.selected).cloned());
        }
    }
    if !others.is_empty() {
        let names: Vec<String> = others
            .iter()
            .take(5)
            .map(|(s, e)| format!("{s} ({e})"))
            .collect();
        let more = others.len().saturating_sub(5);
        let tail = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        warnings.push(warning(
            "other_services_in_commit",
            Severity::Info,
            format!(
                "{short} also deployed {}{tail}: they stay as they are",
                names.join(", ")
            ),
        ));
    }
    Ok(())
}

fn belongs_to_service(ground: &Ground<'_>, path: &str, unit: &UnitName) -> bool {
    let owner = layout::owner_of_path(ground.settings, path);
    owner.service.as_ref() == Some(&unit.0)
        && owner.environment.as_ref().is_none_or(|e| *e == unit.1)
}

fn add_risks(
    path: &str,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
    when: &str,
    warnings: &mut Vec<Warning>,
) {
    for risk in risks(path, before, after) {
        let (code, severity, what) = match risk.kind {
            RiskKind::DatabaseMigration => (
                "database_migration",
                Severity::Irreversible,
                "a database migration is not undone by Git",
            ),
            RiskKind::CustomResourceDefinition => (
                "crd_change",
                Severity::Irreversible,
                "a changed CRD can drop or refuse stored objects",
            ),
            RiskKind::ImmutableField => (
                "immutable_field",
                Severity::Irreversible,
                "Kubernetes refuses to change this field in place",
            ),
            RiskKind::Job => ("job", Severity::Warning, "a Job runs again or is refused"),
            RiskKind::Hook => (
                "hook",
                Severity::Warning,
                "a sync hook runs again, but where ripcord itself has it synced without `--run-hooks`",
            ),
            RiskKind::Secret => (
                "secret",
                Severity::Warning,
                "a secret changes: the old one may be revoked",
            ),
        };
        let detail = if risk.detail.is_empty() {
            String::new()
        } else {
            format!(" ({})", risk.detail)
        };
        let found = warning(code, severity, format!("{when}: {path}: {what}{detail}"));
        if !warnings.contains(&found) {
            warnings.push(found);
        }
    }
}

pub(crate) fn warning(code: &str, severity: Severity, message: String) -> Warning {
    Warning {
        code: code.to_owned(),
        severity,
        message,
    }
}

/// Refuses what cannot be taken back, unless that was accepted.
pub(crate) fn refuse_irreversible(warnings: &[Warning], accepted: bool) -> Result<(), Problem> {
    let worst: Vec<&Warning> = warnings
        .iter()
        .filter(|w| w.severity == Severity::Irreversible)
        .collect();
    match worst.first() {
        Some(first) if !accepted => Err(Problem::new(
            Kind::Refused,
            "irreversible",
            format!(
                "{} irreversible thing(s) would happen or stay: {}",
                worst.len(),
                worst
                    .iter()
                    .map(|w| w.message.as_str())
                    .collect::<Vec<_>>()
                    .join("; ")
            ),
        )
        .hint(format!(
            "read it with `ripcord plan`, then add `--accept-risk` ({})",
            first.code
        ))),
        _ => Ok(()),
    }
}

/// Refuses to change what others share, unless that was asked for.
pub(crate) fn refuse_shared(shared: &BTreeMap<String, BTreeSet<UnitName>>) -> Result<(), Problem> {
    if shared.is_empty() {
        return Ok(());
    }
    let listed: Vec<String> = shared
        .iter()
        .map(|(path, others)| {
            let names: Vec<String> = others.iter().map(|(s, e)| format!("{s} ({e})")).collect();
            format!("{path} is also {}'s", names.join(", "))
        })
        .collect();
    Err(Problem::new(
        Kind::Refused,
        SHARED_FILES,
        format!("the change would touch others: {}", listed.join("; ")),
    )
    .hint("`--include-shared` changes them for all of these")
    .hint("`--scope version` leaves files alone that only hold shared settings"))
}
