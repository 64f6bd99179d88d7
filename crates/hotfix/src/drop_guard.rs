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

/// The commit that the image was built of which the environment declares, where it is known.
pub(crate) type Running<'f> = dyn Fn(&Shipped) -> Option<String> + 'f;

/// What becomes of a hotfix.
pub(crate) enum Fate {
    /// It stays, or it was gone before.
    Kept,
    /// It goes.
    Dropped,
    /// It may go.
    Unknown(Problem),
}

/// What becomes of a hotfix by a deploy of what was built of `next`.
pub(crate) fn fate(
    fix: &Shipped,
    before: &Unit,
    next: Result<&str, &Problem>,
    running: &Running<'_>,
    holds: &Holds<'_>,
) -> Fate {
    let fate = match next {
        Ok(next) if next == fix.source.commit => return Fate::Kept,
        Ok(next) => match holds(fix, next) {
            Ok(true) => return Fate::Kept,
            Ok(false) => Fate::Dropped,
            Err(why) => Fate::Unknown(why),
        },
        Err(why) => Fate::Unknown(why.clone()),
    };
    // A rollback took it out before, and nothing is dropped by going on.
    let is_gone = || running(fix).is_some_and(|commit| matches!(holds(fix, &commit), Ok(false)));
    if !serves(fix, before) && is_gone() {
        return Fate::Kept;
    }
    fate
}

/// Whether a place of the environment declares the hotfix's own image.
pub(crate) fn serves(fix: &Shipped, unit: &Unit) -> bool {
    let mut places = unit.places.iter();
    places.any(|place| fix.is_declared_as(&place.values))
}

/// Whether every place of the environment that runs this image declares the hotfix's own.
pub(crate) fn serves_everywhere(fix: &Shipped, unit: &Unit) -> bool {
    let mut places = unit.places.iter();
    let own = places
        .by_ref()
        .filter(|place| fix.is_of_image(place.image_name()));
    let own: Vec<_> = own.collect();
    !own.is_empty() && own.iter().all(|place| fix.is_declared_as(&place.values))
}

/// What happens to a hotfix, in words.
pub(crate) fn sentence(fix: &Shipped, unknown: Option<&Problem>, now: Timestamp) -> String {
    let live = fix.words(now);
    match unknown {
        None => {
            format!("this would remove {live}: the commit it was built of does not hold the fix")
        }
        Some(why) => format!(
            "whether this would remove {live}, is not known: {}",
            why.message
        ),
    }
}

/// Refuses a deploy that drops one of the hotfixes, or may.
pub(crate) fn refuse(
    payload: &Payload,
    unit: &Unit,
    hotfixes: &[Shipped],
    running: &Running<'_>,
    holds: &Holds<'_>,
    now: Timestamp,
) -> Result<(), Problem> {
    let own = payload.hotfix.as_ref().map(|fix| &fix.name);
    let unknown = Problem::new(
        Kind::Refused,
        "unknown_source",
        "what the new image was built of is not known",
    );
    let next = payload.source.as_ref().map(|source| source.commit.as_str());
    for fix in hotfixes.iter().filter(|fix| Some(&fix.name) != own) {
        let why = match fate(fix, unit, next.ok_or(&unknown), running, holds) {
            Fate::Kept => continue,
            Fate::Dropped => None,
            Fate::Unknown(why) => Some(why),
        };
        return Err(refusal(fix, why.as_ref(), now));
    }
    Ok(())
}

fn refusal(fix: &Shipped, unknown: Option<&Problem>, now: Timestamp) -> Problem {
    Problem::new(Kind::Refused, DROPS_HOTFIX, sentence(fix, unknown, now))
        .hint(format!(
            "merge `{}` and build again; `ripcord hotfix status` shows what is missing",
            fix.name.branch()
        ))
        .hint(format!(
            "`ripcord receive --drops-hotfix {} --reason TEXT` deploys it all the same, and says so in the commit",
            fix.name
        ))
}
