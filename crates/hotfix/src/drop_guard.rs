//! Whether a deploy would take an open hotfix out of an environment.
//!
//! What holds a fix is a question to Git: the commit that an image was built of has the hotfix's commit among
//! its ancestors, or its content. Where that cannot be answered and the hotfix serves, nothing is dropped by
//! guessing.

use jiff::Timestamp;
use ripcord_domain::catalog::Unit;
use ripcord_domain::hotfix::{Payload, Shipped};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_recovery::risk::DROPS_HOTFIX;

/// Whether a commit of a service's source holds a fix; an error is what kept it from being known.
pub(crate) type Holds<'f> = dyn Fn(&Shipped, &str) -> Result<bool, Problem> + 'f;

/// Refuses a deploy that drops one of the hotfixes. `running` is the commit that the environment's image was
/// built of, where it is known.
pub(crate) fn refuse(
    payload: &Payload,
    unit: &Unit,
    hotfixes: &[Shipped],
    running: &dyn Fn() -> Option<String>,
    holds: &Holds<'_>,
    now: Timestamp,
) -> Result<(), Problem> {
    let name = payload.hotfix.as_ref().map(|fix| &fix.name);
    let next = payload.source.as_ref().map(|source| source.commit.as_str());
    for fix in hotfixes.iter().filter(|fix| Some(&fix.name) != name) {
        let kept = match next {
            Some(next) if next == fix.source.commit => continue,
            Some(next) => holds(fix, next),
            None => Err(Problem::new(
                Kind::Refused,
                "unknown_source",
                "what the new image was built of is not known",
            )),
        };
        if matches!(kept, Ok(true)) {
            continue;
        }
        if !serves(fix, unit) && is_gone_already(fix, running, holds) {
            continue;
        }
        return Err(refusal(fix, kept.err().as_ref(), now));
    }
    Ok(())
}

/// Whether the environment declares the hotfix's own image.
fn serves(fix: &Shipped, unit: &Unit) -> bool {
    let mut values = unit.places.iter().flat_map(|place| &place.values);
    values.any(|value| fix.is_declared_as(&value.value))
}

/// Whether what runs is known not to hold the fix: a rollback took it out, and nothing is dropped by going on.
fn is_gone_already(fix: &Shipped, running: &dyn Fn() -> Option<String>, holds: &Holds<'_>) -> bool {
    running().is_some_and(|commit| matches!(holds(fix, &commit), Ok(false)))
}

fn refusal(fix: &Shipped, unknown: Option<&Problem>, now: Timestamp) -> Problem {
    let live = fix.words(now);
    let message = match unknown {
        None => {
            format!("this would remove {live}: the commit it was built of does not hold the fix")
        }
        Some(why) => format!(
            "whether this would remove {live}, is not known: {}",
            why.message
        ),
    };
    let mut problem = Problem::new(Kind::Refused, DROPS_HOTFIX, message);
    problem = problem.hint(format!(
        "merge `{}` and build again; `ripcord hotfix status` shows what is missing",
        fix.name.branch()
    ));
    problem.hint(format!(
        "`ripcord receive --drops-hotfix {} --reason TEXT` deploys it all the same, and says so in the commit",
        fix.name
    ))
}
