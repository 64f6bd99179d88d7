//! The hotfixes that a change of the infra repo takes out, for whoever guards its branch.
//!
//! A receiver is told what an image was built of. A change in a pull request or a push says only its name: the
//! registry and the source have to be asked.

use ripcord_domain::message::trailer;
use ripcord_domain::problem::Problem;
use ripcord_git::trailers;
use ripcord_lineage::not_in;
use ripcord_recovery::guard::{Dropped, Replaced};
use ripcord_recovery::problems::from_repo;
use ripcord_registry::Registries;
use tokio::runtime::Runtime;

use crate::drop_guard::{self, Fate};
use crate::production::{built_of, image_of};
use crate::source::Sources;

/// Commits of a change in which is looked for who takes a hotfix out on purpose.
const MOST: usize = 2_000;

/// Whether a change takes a hotfix out; none where it does not, or where a commit of it says that it does.
///
/// # Errors
/// The infra repo cannot be read. What else cannot be looked at is said in the answer.
pub fn dropped(
    replaced: &Replaced<'_>,
    registries: &Registries,
    sources: &Sources,
    runtime: &Runtime,
) -> Result<Option<Dropped>, Problem> {
    let Replaced {
        before, after, fix, ..
    } = replaced;
    if drop_guard::serves(fix, after) || is_on_purpose(replaced)? {
        return Ok(None);
    }
    let known = replaced.settings.config.sources.get(&fix.service);
    let opened = sources.of(fix, known);
    let known = known.cloned().unwrap_or_default();
    let of = |unit| -> Result<String, Problem> {
        let source = opened.as_ref().map_err(Clone::clone)?;
        let image = image_of(unit, registries, runtime)?;
        Ok(built_of(&image, source, &known)?.commit.to_string())
    };
    let holds = |fix: &_, commit: &str| {
        let source = opened.as_ref().map_err(Clone::clone)?;
        let commit = source.commit(commit)?;
        Ok(source.contains(fix, commit)?.is_contained())
    };
    let next = of(after);
    let fate = drop_guard::fate(fix, before, next.as_deref(), &|| of(before).ok(), &holds);
    let why = match fate {
        Fate::Kept => return Ok(None),
        Fate::Dropped => None,
        Fate::Unknown(why) => Some(why),
    };
    let mut places = after.places.iter();
    let place = places.find(|place| place.image_name() == fix.image);
    let place = place.or(after.places.first());
    Ok(Some(Dropped {
        path: place.map_or_else(String::new, |place| place.id.path.clone()),
        service: fix.service.clone(),
        environment: fix.environment.clone(),
        version: after.version().to_owned(),
        hotfix: fix.name.clone(),
        incident: fix.incident.clone(),
        opened: fix.opened,
        is_refused: why.is_none() || drop_guard::serves(fix, before),
        message: format!(
            "{} in {}: {}: {}",
            fix.service,
            fix.environment,
            after.version(),
            drop_guard::sentence(fix, why.as_ref(), replaced.now)
        ),
    }))
}

/// Whether a commit of the change says that the hotfix goes.
fn is_on_purpose(replaced: &Replaced<'_>) -> Result<bool, Problem> {
    let Some(base) = replaced.base else {
        return Ok(false);
    };
    for named in not_in(replaced.repo, base, replaced.head, MOST)?.commits {
        let message = replaced
            .repo
            .commit(named.commit)
            .map_err(from_repo)?
            .message;
        let says = trailers::trailers(&message).iter().any(|(key, value)| {
            key.eq_ignore_ascii_case(trailer::DROPS_HOTFIX) && value == replaced.fix.name.as_str()
        });
        if says {
            return Ok(true);
        }
    }
    Ok(false)
}
