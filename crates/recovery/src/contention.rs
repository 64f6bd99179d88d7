//! Many at one branch: who waits, and for how long.

use std::time::Duration;

use ripcord_domain::message::trailer;
use ripcord_domain::problem::Problem;
use ripcord_git::{Oid, Repo, trailers};

use crate::problems::from_repo;

/// The pauses of one run after races that it lost.
///
/// Nobody knows how many others there are. What shows is how busy the branch is: how many commits it got in a time,
/// and how long a try takes. Where runs of ripcord fill it, the range of pauses doubles with every loss, for when all
/// try at once nearly every try is in vain and only slows the server down; where it is idle most of the time the
/// range shrinks again, so that the last of a crowd need not wait as long as the crowd did.
///
/// Others do not wait for us; to wait for them loses more races.
pub(crate) struct Pauses {
    range: Duration,
    longest: Duration,
    are_peers: bool,
}

/// What happened on the branch from one tip that was planned on to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since {
    /// How many runs of ripcord landed.
    pub(crate) peers: u32,
    /// How long our try took, from the tip to the push that was refused.
    pub(crate) took: Duration,
    /// From the one tip to the other.
    pub(crate) passed: Duration,
}

impl Pauses {
    /// Of a run that lost nothing yet; no pause is longer than this.
    pub(crate) fn up_to(longest: Duration) -> Self {
        Self {
            range: PEER_RANGE.min(longest),
            longest,
            are_peers: false,
        }
    }

    /// How long to wait now; `chance` is between 0 and 1.
    pub(crate) fn next(&self, chance: f64) -> Duration {
        let range = if self.are_peers { self.range } else { RANGE };
        range.mul_f64(chance)
    }

    /// Takes what was seen after a race that was lost.
    pub(crate) fn learn(&mut self, since: Since) {
        self.are_peers = since.peers > 0;
        let busy = since.took.mul_f64(f64::from(since.peers)).as_secs_f64()
            / since.passed.as_secs_f64().max(f64::EPSILON);
        if busy > FULL {
            self.range = self.range.saturating_mul(2).min(self.longest);
        } else if busy < IDLE {
            self.range = (self.range / 2).max(PEER_RANGE.min(self.longest));
        }
    }
}

/// The range of pauses when others deploy: enough that two do not march in step.
const RANGE: Duration = Duration::from_millis(40);
/// The same among runs of ripcord, to be doubled: about two pushes.
const PEER_RANGE: Duration = Duration::from_millis(800);
/// The share of the time that landed tries fill when about every second one is in vain.
const FULL: f64 = 0.6;
/// The same when about every fifth one is.
const IDLE: f64 = 0.25;

/// How many of the commits between two tips of the line runs of ripcord made.
pub(crate) fn peers_between(repo: &Repo, old: Oid, new: Oid) -> Result<u32, Problem> {
    let mut peers = 0;
    for link in repo.first_parents(new).take(SEEN) {
        let commit = link.map_err(from_repo)?.commit;
        if commit == old {
            break;
        }
        let message = repo.commit(commit).map_err(from_repo)?.message;
        let trailers = trailers::trailers(&message);
        peers += u32::from(trailers.iter().any(|(key, _)| key == trailer::VERSION));
    }
    Ok(peers)
}

/// Commits that are looked at for who made them.
const SEEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn since(peers: u32, took_ms: u64, passed_ms: u64) -> Since {
        Since {
            peers,
            took: Duration::from_millis(took_ms),
            passed: Duration::from_millis(passed_ms),
        }
    }

    #[test]
    fn pauses_grow_in_a_crowd_of_peers_and_not_for_ever() {
        let longest = Duration::from_mins(4);
        let mut pauses = Pauses::up_to(longest);
        assert_eq!(pauses.next(1.0), RANGE, "nobody is known yet");
        let mut before = Duration::ZERO;
        for _ in 0..8 {
            pauses.learn(since(10, 200, 2000));
            assert_eq!(pauses.next(1.0), 2 * before.max(PEER_RANGE));
            before = pauses.next(1.0);
        }
        for _ in 0..80 {
            pauses.learn(since(10, 200, 2000));
        }
        assert_eq!(pauses.next(1.0), longest);
        assert_eq!(pauses.next(0.0), Duration::ZERO);
    }

    #[test]
    fn the_last_of_a_crowd_do_not_wait_as_long_as_it_did() {
        let mut pauses = Pauses::up_to(Duration::from_mins(4));
        for _ in 0..8 {
            pauses.learn(since(10, 200, 2000));
        }
        let crowded = pauses.next(1.0);
        pauses.learn(since(5, 200, 2000));
        assert_eq!(pauses.next(1.0), crowded, "half of the time it is busy");
        for _ in 0..20 {
            pauses.learn(since(1, 200, 20_000));
        }
        assert_eq!(pauses.next(1.0), PEER_RANGE);
    }

    #[test]
    fn nobody_waits_for_those_who_do_not_wait() {
        let mut pauses = Pauses::up_to(Duration::from_mins(4));
        for _ in 0..9 {
            pauses.learn(since(10, 200, 2000));
        }
        pauses.learn(since(0, 200, 2000));
        assert_eq!(pauses.next(1.0), RANGE);
    }
}
