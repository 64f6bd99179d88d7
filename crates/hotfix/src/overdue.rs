//! What a debt that is overdue blocks, by the policy of the infra repo.
//!
//! Only what Git shows is asked here: whether main holds the fix, and whether the next image does. Whoever deploys
//! an image of main with the fix pays, and is never blocked.

use jiff::Timestamp;
use ripcord_domain::hotfix::debt::{Blocks, DebtPolicy};
use ripcord_domain::hotfix::{HotfixName, Shipped};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::time_span;

/// What is to go out.
pub(crate) enum Next<'a> {
    /// This hotfix.
    Hotfix(&'a HotfixName),
    /// A normal deploy.
    Deploy,
}

/// Refuses what the policy blocks while a debt is overdue that `pays` does not show to be paid.
///
/// # Errors
/// The refusal; a policy that cannot be understood.
pub(crate) fn refuse(
    policy: &DebtPolicy,
    next: &Next<'_>,
    hotfixes: &[Shipped],
    pays: &dyn Fn(&Shipped) -> bool,
    now: Timestamp,
) -> Result<(), Problem> {
    let (own, what) = match (next, policy.overdue_blocks) {
        (Next::Hotfix(name), Blocks::Hotfixes | Blocks::Deploys) => (Some(*name), "the next one"),
        (Next::Deploy, Blocks::Deploys) => (None, "a deploy without it"),
        _ => return Ok(()),
    };
    let time = time_span::read("hotfix.within", &policy.within)?;
    let overdue = hotfixes
        .iter()
        .find(|fix| Some(&fix.name) != own && now.duration_since(fix.opened) >= time && !pays(fix));
    let Some(fix) = overdue else {
        return Ok(());
    };
    Err(Problem::new(
        Kind::Refused,
        "debt_overdue",
        format!(
            "hotfix {} of {} in {} is overdue, and main is not shown to hold it: {what} waits for it",
            fix.name, fix.service, fix.environment
        ),
    )
    .hint("`ripcord hotfix status` shows what is missing")
    .hint("`hotfix: {overdue_blocks: nothing}` in ripcord.yaml of the infra repo changes that policy"))
}
