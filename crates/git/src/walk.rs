//! The first-parent line with what each commit changed, on several threads.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use gix::odb::pack::cache::lru::MemoryCappedHashmap;

use crate::pieces::{Comparison, Done, Pieces, Step, Work};
use crate::{Change, Interest, Link, Oid, Repo, RepoError};

/// Commits that are compared before threads are started: most walks end within them.
const ALONE: usize = 48;
/// Commits in one piece of work. At the start of a piece a thread has no tree at hand and must
/// rebuild a chain of deltas; a long piece makes that cheap, a short one keeps the threads even.
const PIECE: usize = 512;
/// The first pieces are short: from them a thread learns in which direction to read.
const SHORT: usize = 64;
/// Pieces under way for each thread.
const AHEAD: usize = 3;
/// Bytes of delta bases that one thread keeps: some ten generations of a large tree. More would be
/// slower: every base is copied in and out, and should still be in the cache of the processor.
const BASES: usize = 6 << 20;

/// What the person who asked gets for each commit.
type Sink<'a> = dyn FnMut(Link, Vec<Change>) -> ControlFlow<()> + 'a;

impl Repo {
    /// Walks the first-parent line from `tip`, newest first, with the files that each commit changed
    /// against its first parent; ends before `stop`, or when `sink` breaks off. The oldest commit is
    /// compared with nothing; at the boundary of a shallow repository nothing is known to have
    /// changed.
    ///
    /// Up to `threads` threads compare; `sink` is called on this one, in order, with at most a few
    /// thousand commits waiting.
    ///
    /// # Errors
    /// Missing or damaged objects, after everything before them was delivered.
    pub fn walk_changes(
        &self,
        tip: Oid,
        stop: Option<Oid>,
        interest: &Interest,
        threads: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), RepoError> {
        let reader = self.for_trees();
        let mut steps = Steps::new(self.first_parents(tip), stop);
        let mut comparison = Comparison::new(&reader, interest);
        for step in steps.by_ref().take(ALONE) {
            let step = step?;
            let changes = comparison.changes(&step)?;
            if sink(step.link, changes).is_break() {
                return Ok(());
            }
        }
        drop(comparison);
        let Some(first) = steps.next() else {
            return Ok(());
        };
        let steps = std::iter::once(first).chain(steps);
        if threads > 1 {
            self.spread(steps, interest, threads, sink)
        } else {
            drop(reader);
            self.one_by_one(steps, interest, sink)
        }
    }

    fn one_by_one(
        &self,
        mut steps: impl Iterator<Item = Result<Step, RepoError>>,
        interest: &Interest,
        sink: &mut Sink<'_>,
    ) -> Result<(), RepoError> {
        let reader = self.for_trees();
        let mut pieces = Pieces::new(&reader, interest);
        let mut failed = None;
        let mut count = 0;
        loop {
            let size = if count < 2 { SHORT } else { PIECE };
            count += 1;
            let piece = next_piece(&mut steps, size, &mut failed);
            let ended = piece.len() < size;
            if let Some(result) = deliver(pieces.compare(piece, || false), sink) {
                return result;
            }
            if ended {
                return failed.map_or(Ok(()), Err);
            }
        }
    }

    /// A handle whose cache of delta bases suits walks over large trees.
    fn for_trees(&self) -> Self {
        let mut handle = self.handle();
        handle
            .inner
            .objects
            .set_pack_cache(|| Box::new(MemoryCappedHashmap::new(BASES)));
        handle
    }

    fn spread(
        &self,
        mut steps: impl Iterator<Item = Result<Step, RepoError>>,
        interest: &Interest,
        threads: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), RepoError> {
        let enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let workers: Vec<(SyncSender<Work>, Receiver<Done>)> = (0..threads)
                .map(|_| {
                    let (give, work) = sync_channel::<Work>(AHEAD);
                    let (done, take) = sync_channel::<Done>(AHEAD);
                    let handle = self.for_trees();
                    let enough = &enough;
                    scope.spawn(move || compare_pieces(&handle, interest, enough, &work, &done));
                    (give, take)
                })
                .collect();
            let mut waiting: VecDeque<&Receiver<Done>> = VecDeque::new();
            let mut turn = workers.iter().cycle();
            let mut failed = None;
            let mut ended = false;
            let mut count = 0;
            let result = loop {
                while !ended && waiting.len() < threads * AHEAD {
                    let size = if count < 2 * threads { SHORT } else { PIECE };
                    count += 1;
                    let piece = next_piece(&mut steps, size, &mut failed);
                    ended = piece.len() < size;
                    if let Some((give, take)) = turn.next().filter(|_| !piece.is_empty()) {
                        waiting.push_back(take);
                        let _ = give.send(piece);
                    }
                }
                let Some(take) = waiting.pop_front() else {
                    break failed.map_or(Ok(()), Err);
                };
                // A worker that is gone took its work with it; its panic is passed on by the scope.
                let Ok(done) = take.recv() else {
                    break Ok(());
                };
                if let Some(result) = deliver(done, sink) {
                    break result;
                }
            };
            enough.store(true, Ordering::Relaxed);
            result
        })
    }
}

/// The next commits of the line; an error ends the line and is kept for its turn.
fn next_piece(
    steps: &mut impl Iterator<Item = Result<Step, RepoError>>,
    size: usize,
    failed: &mut Option<RepoError>,
) -> Work {
    let mut piece = Vec::with_capacity(size);
    for step in steps.take(size) {
        match step {
            Ok(step) => piece.push(step),
            Err(error) => {
                *failed = Some(error);
                break;
            }
        }
    }
    piece
}

/// Hands over a piece; `Some` when the walk is at its end.
fn deliver(done: Done, sink: &mut Sink<'_>) -> Option<Result<(), RepoError>> {
    for (link, changes) in done.commits {
        if sink(link, changes).is_break() {
            return Some(Ok(()));
        }
    }
    done.failed.map(Err)
}

fn compare_pieces(
    repo: &Repo,
    interest: &Interest,
    enough: &AtomicBool,
    work: &Receiver<Work>,
    done: &SyncSender<Done>,
) {
    let mut pieces = Pieces::new(repo, interest);
    for piece in work {
        let compared = pieces.compare(piece, || enough.load(Ordering::Relaxed));
        if enough.load(Ordering::Relaxed) || done.send(compared).is_err() {
            return;
        }
    }
}

/// The line with each commit's parent beside it.
struct Steps<I> {
    line: I,
    stop: Option<Oid>,
    ahead: Option<Link>,
    started: bool,
}

impl<I: Iterator<Item = Result<Link, RepoError>>> Steps<I> {
    fn new(line: I, stop: Option<Oid>) -> Self {
        Self {
            line,
            stop,
            ahead: None,
            started: false,
        }
    }
}

impl<I: Iterator<Item = Result<Link, RepoError>>> Iterator for Steps<I> {
    type Item = Result<Step, RepoError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.started {
            self.started = true;
            match self.line.next()? {
                Ok(link) => self.ahead = Some(link),
                Err(error) => return Some(Err(error)),
            }
        }
        let link = self.ahead.take()?;
        if Some(link.commit) == self.stop {
            return None;
        }
        match self.line.next() {
            Some(Ok(parent)) => {
                self.ahead = Some(parent);
                Some(Ok(Step {
                    link,
                    parent_tree: Some(parent.tree),
                }))
            }
            Some(Err(error)) => Some(Err(error)),
            None => Some(Ok(Step {
                link,
                parent_tree: None,
            })),
        }
    }
}
