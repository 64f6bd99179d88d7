//! Which commits changed what a service runs.
//!
//! One walk along the first-parent line serves any number of units: for every changed file it asks
//! which units have a place there, and compares what the file said before and after. Messages are
//! read only for the commits that turn out to be deploys.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use jiff::Timestamp;
use ripcord_domain::Unit;
use ripcord_domain::catalog::UnitName;
use ripcord_domain::config::Settings;
use ripcord_domain::message;
use ripcord_domain::problem::Problem;
use ripcord_domain::timeline::{Deploy, State, Timeline};
use ripcord_git::{Change, Entry, Interest, Oid, Repo, trailers};

use crate::index::{self, Step};
use crate::moved;
use crate::places::{Keeper, Said, said, state_now};
use crate::problems::from_repo;
use crate::survey::Place;

/// When a walk has seen enough.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// The first commit of the branch, or of every unit.
    Beginning,
    /// Enough to choose a target by: this many deploys of each unit, or this many commits after
    /// every unit has two.
    Enough {
        /// Deploys of each unit.
        deploys: usize,
        /// Commits, counted from the last time a unit got its second deploy.
        commits: usize,
    },
    /// Every deploy after this commit (not included) is known.
    After(Oid),
    /// The last deploy of each unit is known.
    Last,
}

/// Commits by which a shallow clone is deepened, one after the other; then all of them. Each step
/// costs a few times the one before, so one too many costs little, and one too few never a full clone
/// for a deploy that lies in the newest tenth of half a million commits.
pub(crate) const DEEPER: [u32; 6] = [200, 1000, 4000, 16_000, 64_000, 256_000];

/// Reads the timelines of units along the line that ends at the tip. A shallow clone is deepened
/// until there is something to go back to.
///
/// # Errors
/// Missing or corrupt objects; a remote that cannot be reached for more of the past.
pub fn timelines(
    repo: &Repo,
    place: &Place,
    units: &[&Unit],
    until: Until,
) -> Result<BTreeMap<UnitName, Timeline>, Problem> {
    let mut steps = DEEPER.into_iter();
    loop {
        let (timelines, unsettled) = read(repo, place, units, until)?;
        if unsettled == 0 || !repo.is_shallow() {
            return Ok(timelines);
        }
        repo.deepen(&place.branch, steps.next())
            .map_err(from_repo)?;
    }
}

/// Reads what is here; also tells how many units have nothing to go back to.
fn read(
    repo: &Repo,
    place: &Place,
    units: &[&Unit],
    until: Until,
) -> Result<(BTreeMap<UnitName, Timeline>, usize), Problem> {
    let goal = match until {
        Until::Beginning | Until::After(_) => usize::MAX,
        Until::Last => 1,
        Until::Enough { deploys, .. } => deploys,
    };
    let mut walk = Walk::new(repo, &place.settings, units, goal);
    let stop = match until {
        Until::After(commit) => Some(commit),
        _ => None,
    };
    let (mut seen, mut settled_at) = (0usize, 0usize);
    let mut from = Some(place.tip);
    while let Some(tip) = from {
        let paths: Vec<Vec<u8>> = walk
            .by_path
            .keys()
            .map(|path| path.clone().into())
            .collect();
        let paths: Vec<&[u8]> = paths.iter().map(Vec::as_slice).collect();
        // Where to go on from: before a move the files stood elsewhere.
        let mut result = Ok(None);
        let mut take = |step: Step| {
            seen += 1;
            let unsettled = walk.unsettled;
            let moved = match walk.step(step.commit, step.seconds, &step.changes) {
                Ok(moved) => moved,
                Err(problem) => {
                    result = Err(problem);
                    return ControlFlow::Break(());
                }
            };
            if walk.unsettled < unsettled {
                settled_at = seen;
            }
            let looked_on = match until {
                Until::Enough { commits, .. } => seen - settled_at > commits,
                _ => false,
            };
            if walk.short == 0 || (walk.unsettled == 0 && looked_on) {
                return ControlFlow::Break(());
            }
            result = Ok(moved);
            if moved.is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let mut batches = Batches::new(repo);
        let index = place.index.as_ref();
        index::walk(repo, index, tip, stop, &paths, &mut |step| {
            batches.add(step, &mut take)
        })?;
        batches.end(&mut take)?;
        from = result?;
    }
    let unsettled = match until {
        Until::Last => walk.short,
        _ => walk.unsettled,
    };
    Ok((walk.finish(), unsettled))
}

/// Steps that wait for their files: in a partial clone these come in one request for many commits.
struct Batches<'a> {
    repo: &'a Repo,
    waiting: Vec<Step>,
    /// Those of them that changed something.
    changed: usize,
    size: usize,
    failed: Option<Problem>,
    done: bool,
}

impl<'a> Batches<'a> {
    fn new(repo: &'a Repo) -> Self {
        Self {
            repo,
            waiting: Vec::new(),
            changed: 0,
            size: if repo.is_partial() { 32 } else { 0 },
            failed: None,
            done: false,
        }
    }

    fn add(
        &mut self,
        step: Step,
        take: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.changed += usize::from(!step.changes.is_empty());
        self.waiting.push(step);
        if self.changed > self.size || self.waiting.len() > 32 * self.size {
            // Who asks for much history needs many files: fewer and fewer requests.
            self.size *= 2;
            self.hand_over(take)
        } else {
            ControlFlow::Continue(())
        }
    }

    fn hand_over(&mut self, take: &mut dyn FnMut(Step) -> ControlFlow<()>) -> ControlFlow<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.changed = 0;
        let changes = waiting.iter().flat_map(|step| &step.changes);
        let entries = changes
            .flat_map(|change| [change.old, change.new])
            .flatten();
        let files = entries.filter(|entry| entry.mode.is_blob());
        if let Err(error) = self.repo.prefetch(files.map(|entry| entry.id)) {
            self.failed = Some(from_repo(error));
            return ControlFlow::Break(());
        }
        let flow = waiting.into_iter().try_for_each(take);
        self.done = flow.is_break();
        flow
    }

    fn end(mut self, take: &mut dyn FnMut(Step) -> ControlFlow<()>) -> Result<(), Problem> {
        if !self.done && self.failed.is_none() {
            let _ = self.hand_over(take);
        }
        self.failed.map_or(Ok(()), Err)
    }
}

/// One unit on the way back in time.
struct Tracker {
    keeper: Keeper,
    /// What ran after the commit that is looked at next.
    state: State,
    /// Newest first.
    deploys: Vec<Deploy>,
    complete: bool,
    /// See [`Timeline::moves`].
    moves: Vec<(String, String)>,
}

impl Tracker {
    /// Whether it has this many deploys, or all that there ever were.
    fn has(&self, deploys: usize) -> bool {
        self.complete || self.deploys.len() >= deploys
    }
}

struct Walk<'a> {
    repo: &'a Repo,
    settings: &'a Settings,
    trackers: Vec<Tracker>,
    /// Where files stand at the commit that is looked at next: whose they are, and where they stand
    /// today.
    by_path: HashMap<String, Vec<(usize, String)>>,
    known: HashMap<(Oid, String), Said>,
    /// What the last commit that added one of our files changed in all.
    added_in: Option<(Oid, Vec<Change>)>,
    goal: usize,
    /// Units that are short of the goal.
    short: usize,
    /// Units without a deploy before the last one: nothing to go back to is known yet.
    unsettled: usize,
}

impl<'a> Walk<'a> {
    fn new(repo: &'a Repo, settings: &'a Settings, units: &[&Unit], goal: usize) -> Self {
        let mut by_path: HashMap<String, Vec<(usize, String)>> = HashMap::new();
        let mut trackers = Vec::with_capacity(units.len());
        for (index, unit) in units.iter().enumerate() {
            let paths: BTreeSet<&str> = unit
                .places
                .iter()
                .map(|place| place.id.path.as_str())
                .collect();
            for path in paths {
                let path = path.to_owned();
                by_path.entry(path.clone()).or_default().push((index, path));
            }
            trackers.push(Tracker {
                keeper: Keeper::of(unit),
                state: state_now(unit),
                deploys: Vec::new(),
                complete: false,
                moves: Vec::new(),
            });
        }
        let open = trackers.len();
        Self {
            repo,
            settings,
            trackers,
            by_path,
            known: HashMap::new(),
            added_in: None,
            goal,
            short: open,
            unsettled: open,
        }
    }

    /// Takes a commit in; the one to go on from when files of ours came from elsewhere in it.
    fn step(
        &mut self,
        commit: Oid,
        seconds: i64,
        changes: &[Change],
    ) -> Result<Option<Oid>, Problem> {
        let mut concerned: BTreeMap<usize, Vec<(String, &Change)>> = BTreeMap::new();
        for change in changes {
            let Ok(path) = std::str::from_utf8(&change.path) else {
                continue;
            };
            for (index, today) in self.by_path.get(path).into_iter().flatten() {
                let mine = concerned.entry(*index).or_default();
                mine.push((today.clone(), change));
            }
        }
        let mut moved = None;
        for (index, changes) in concerned {
            if !self.trackers[index].complete && self.look(index, commit, seconds, &changes)? {
                let parents = self.repo.commit(commit).map_err(from_repo)?.parents;
                moved = parents.first().copied();
            }
        }
        Ok(moved)
    }

    /// Looks at a commit that changed a unit's files, given by where they stand today; whether some
    /// of them stood elsewhere before.
    fn look(
        &mut self,
        index: usize,
        commit: Oid,
        seconds: i64,
        changes: &[(String, &Change)],
    ) -> Result<bool, Problem> {
        let mut before = self.trackers[index].state.clone();
        let mut moved = false;
        for (today, change) in changes {
            before.retain(|id, _| id.path != *today);
            let mut old = change.old.filter(|entry| entry.mode.is_blob());
            if let (None, Some(added)) = (change.old, change.new)
                && let Some((from, entry)) = self.origin(commit, change, added)?
            {
                self.follow(index, today, &change.path.to_string(), from);
                (old, moved) = (Some(entry), true);
            }
            if let Some(old) = old {
                let said = self.read(old.id, today)?;
                before.extend(self.trackers[index].keeper.state_in(&said));
            }
        }
        if before == self.trackers[index].state {
            return Ok(moved);
        }
        let ran = (!before.is_empty()).then(|| before.clone());
        let deploy = describe(self.repo, commit, seconds, ran, &self.trackers[index].state)?;
        let tracker = &mut self.trackers[index];
        let was = (tracker.has(self.goal), tracker.has(2));
        tracker.complete = before.is_empty();
        tracker.state = before;
        tracker.deploys.push(deploy);
        self.short -= usize::from(tracker.has(self.goal) && !was.0);
        self.unsettled -= usize::from(tracker.has(2) && !was.1);
        Ok(moved)
    }

    /// Where a file came from that a commit added.
    fn origin(
        &mut self,
        commit: Oid,
        change: &Change,
        added: Entry,
    ) -> Result<Option<(String, Entry)>, Problem> {
        let Ok(path) = std::str::from_utf8(&change.path) else {
            return Ok(None);
        };
        if self
            .added_in
            .as_ref()
            .is_none_or(|(known, _)| *known != commit)
        {
            let read = |commit: Oid| self.repo.commit(commit).map_err(from_repo);
            let at = read(commit)?;
            let changes = match at.parents.first() {
                Some(parent) => self
                    .repo
                    .changes(Some(read(*parent)?.tree), at.tree, &Interest::All)
                    .map_err(from_repo)?,
                // The first commit moved nothing.
                None => Vec::new(),
            };
            self.added_in = Some((commit, changes));
        }
        let changes = self
            .added_in
            .as_ref()
            .map_or(&[][..], |(_, changes)| changes);
        moved::origin(self.repo, self.settings, changes, path, added)
    }

    /// From here on the unit's file stands at `from`.
    fn follow(&mut self, index: usize, today: &str, here: &str, from: String) {
        let mine = (index, today.to_owned());
        if let Some(units) = self.by_path.get_mut(here) {
            units.retain(|other| *other != mine);
        }
        self.by_path.entry(from.clone()).or_default().push(mine);
        self.trackers[index].moves.push((today.to_owned(), from));
    }

    fn read(&mut self, blob: Oid, path: &str) -> Result<Said, Problem> {
        let key = (blob, path.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let bytes = self.repo.blob(blob).map_err(from_repo)?;
        let said = said(self.settings, path, &bytes);
        self.known.insert(key, said.clone());
        Ok(said)
    }

    fn finish(self) -> BTreeMap<UnitName, Timeline> {
        self.trackers
            .into_iter()
            .map(|mut tracker| {
                tracker.deploys.reverse();
                (
                    tracker.keeper.name,
                    Timeline {
                        deploys: tracker.deploys,
                        complete: tracker.complete,
                        moves: tracker.moves,
                    },
                )
            })
            .collect()
    }
}

/// The deploy that a commit is, with what its message says.
fn describe(
    repo: &Repo,
    commit: Oid,
    seconds: i64,
    before: Option<State>,
    after: &State,
) -> Result<Deploy, Problem> {
    let read = repo.commit(commit).map_err(from_repo)?;
    Ok(Deploy {
        commit: commit.to_string(),
        at: Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH),
        author: read.author.name.clone(),
        subject: read.message.lines().next().unwrap_or_default().to_owned(),
        pull_request: message::pull_request(&read.message),
        claim: message::claim(&read.message, &trailers::trailers(&read.message)),
        before,
        after: after.clone(),
    })
}
