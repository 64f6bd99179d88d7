//! Many at one branch: who waits, and for how long.

use std::time::Duration;

use ripcord_domain::message::trailer;
use ripcord_domain::problem::Problem;
use ripcord_git::{Oid, Repo, trailers};

use crate::problems::from_repo;

/// How long to wait after a lost race; `chance` is between 0 and 1.
///
/// Among runs of ripcord every loss doubles the range: when many push at once most tries are in vain
/// and only slow the server down. Others do not wait for us; to wait for them loses more races.
pub(crate) fn pause(losses: u32, to_peers: bool, chance: f64) -> Duration {
    let range = if to_peers {
        PEER_RANGE * 2u32.pow(losses.min(DOUBLINGS))
    } else {
        RANGE
    };
    range.mul_f64(chance)
}

/// The range of pauses when others deploy: enough that two do not march in step.
const RANGE: Duration = Duration::from_millis(40);
/// The same among runs of ripcord, to be doubled: about two pushes.
const PEER_RANGE: Duration = Duration::from_millis(400);
/// The range is doubled no more often than this.
const DOUBLINGS: u32 = 5;

/// Whether a run of ripcord made one of the commits between two tips of the line.
pub(crate) fn made_by_peers(repo: &Repo, old: Oid, new: Oid) -> Result<bool, Problem> {
    for link in repo.first_parents(new).take(SEEN) {
        let commit = link.map_err(from_repo)?.commit;
        if commit == old {
            break;
        }
        let message = repo.commit(commit).map_err(from_repo)?.message;
        if trailers::trailers(&message)
            .iter()
            .any(|(key, _)| key == trailer::VERSION)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Commits that are looked at for who made them.
const SEEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_among_peers_only_and_not_for_ever() {
        assert_eq!(pause(1, false, 1.0), pause(9, false, 1.0));
        assert!(pause(3, true, 1.0) == 2 * pause(2, true, 1.0));
        assert_eq!(pause(5, true, 0.5), pause(40, true, 0.5));
        assert_eq!(pause(5, true, 0.0), Duration::ZERO);
    }
}
