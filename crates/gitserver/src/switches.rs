//! What can be made to go wrong, and how it is asked for.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the server behaves until told otherwise.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// User and password that every request must carry.
    pub auth: Option<(String, String)>,
    /// Whether pushes are refused with 403.
    pub read_only: bool,
    /// Time before each request is looked at.
    pub latency: Duration,
    /// Limit of each connection in each direction.
    pub bytes_per_second: Option<u64>,
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Every request.
    Any,
    /// `GET info/refs`: references or capabilities, before a fetch and before a push.
    Refs,
    /// `POST git-upload-pack`.
    Fetch,
    /// `POST git-receive-pack`. The empty probe that git sends before a large push is none.
    Push,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before git hears of the request: nothing happened.
    CutBefore,
    /// Git does all its work, then the connection breaks behind the answer's status line: a
    /// push has landed, and its client cannot know.
    CutAfter,
    /// The connection breaks once this many bytes of the answer, headers included, are sent.
    /// With zero, a client that keeps connections may silently repeat its request.
    CutAnswerAfter(u64),
    /// The server answers with this status, such as 503, 403 or 401, and git hears nothing.
    Status(u16),
}

pub(crate) type Action = Box<dyn FnMut() + Send>;

#[derive(Default)]
struct State {
    options: Options,
    faults: Vec<(Step, Fault, u32)>,
    before_push: Option<(u32, Action)>,
}

/// The switches, shared between the handle and the requests.
pub(crate) struct Switches(Mutex<State>);

impl Switches {
    pub(crate) fn new(options: Options) -> Self {
        Self(Mutex::new(State {
            options,
            ..State::default()
        }))
    }

    pub(crate) fn options(&self) -> Options {
        self.state().options.clone()
    }

    pub(crate) fn bytes_per_second(&self) -> Option<u64> {
        self.state().options.bytes_per_second
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.state().options);
    }

    pub(crate) fn set_before_push(&self, times: u32, action: Action) {
        self.state().before_push = (times > 0).then_some((times, action));
    }

    pub(crate) fn add_fault(&self, step: Step, fault: Fault, times: u32) {
        self.state().faults.push((step, fault, times));
    }

    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.before_push = None;
    }

    /// The fault for a request of this kind, used up by one.
    pub(crate) fn take_fault(&self, step: Step) -> Option<Fault> {
        let mut state = self.state();
        let fits = |wanted: Step| wanted == Step::Any || wanted == step;
        let at = state
            .faults
            .iter()
            .position(|(wanted, _, left)| fits(*wanted) && *left > 0)?;
        state.faults[at].2 -= 1;
        let fault = state.faults[at].1;
        state.faults.retain(|(_, _, left)| *left > 0);
        Some(fault)
    }

    /// Runs the `before_push` action if one is due. It blocks for as long as the action does.
    pub(crate) fn run_before_push(&self) {
        // Taken out while it runs: the action may push through this very server.
        let Some((times, mut action)) = self.state().before_push.take() else {
            return;
        };
        action();
        let mut state = self.state();
        if times > 1 && state.before_push.is_none() {
            state.before_push = Some((times - 1, action));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in an action happens outside the lock; the state is whole either way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Switches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Switches")
            .field("options", &state.options)
            .field("faults", &state.faults)
            .field(
                "before_push",
                &state.before_push.as_ref().map(|(times, _)| times),
            )
            .finish()
    }
}
