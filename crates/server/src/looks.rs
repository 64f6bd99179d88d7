//! The threads that ask other systems again and again for what their webhooks may have lost.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use ripcord_domain::Problem;
use ripcord_domain::incident::event::Event;
use ripcord_store::{Records, filing};
use tokio::sync::watch;

use crate::figures::Figures;

/// Asks for what is known by now.
type Ask = Box<dyn FnMut(Timestamp) -> Result<Vec<Event>, Problem> + Send>;

/// A system that is asked again and again.
pub struct Look {
    /// What it is called in figures and messages.
    pub name: String,
    /// How often it is asked.
    pub every: Duration,
    /// Asks it. What it tells again changes nothing.
    pub ask: Ask,
}

/// What all of them are done with.
pub(crate) struct Desk {
    /// Tells the time.
    pub(crate) clock: fn() -> Timestamp,
    /// Tells people.
    pub(crate) say: fn(&str),
    /// Counts.
    pub(crate) figures: Figures,
    /// Is told that something was written.
    pub(crate) changed: Arc<watch::Sender<u64>>,
}

/// A thread that asks; it ends soon after this is dropped. It is not waited for: what it was about to tell is
/// found again.
pub(crate) struct Looking {
    _end: Sender<()>,
}

/// Begins to ask.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn begin(
    mut look: Look,
    mut records: Box<dyn Records>,
    desk: Desk,
) -> std::io::Result<Looking> {
    let (end, ended) = mpsc::channel::<()>();
    let thread = thread::Builder::new().name(format!("look {}", look.name));
    thread.spawn(move || {
        let mut trouble = None;
        loop {
            let asked = (look.ask)((desk.clock)()).map_err(|problem| problem.message);
            let told = asked.and_then(|events| {
                let fresh = || ripcord_casebook::fresh(fastrand::u128(..));
                let filed = filing::file(records.as_mut(), &events, fresh);
                filed
                    .map(|()| events.len())
                    .map_err(|error| error.to_string())
            });
            desk.figures.looked(&look.name, told.is_ok());
            if told.as_ref().is_ok_and(|events| *events > 0) {
                desk.changed
                    .send_modify(|count| *count = count.wrapping_add(1));
            }
            // Said once, and not each minute of a night.
            let now = told.err();
            if now != trouble {
                match &now {
                    Some(why) => (desk.say)(&format!("`{}` cannot be asked: {why}", look.name)),
                    None => (desk.say)(&format!("`{}` answers again", look.name)),
                }
                trouble = now;
            }
            match ended.recv_timeout(look.every) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })?;
    Ok(Looking { _end: end })
}
