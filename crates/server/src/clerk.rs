//! Keeps deliveries, many in one transaction.
//!
//! Each transaction waits for the disk. One thread owns the records and keeps whatever came in while it waited
//! for the last one, so that a flood costs no more waits than the disk can bear, and a lone delivery waits for
//! nobody. What does not fit into the queue is refused at once: its sender tries again, and memory stays flat.

use std::thread::{self, JoinHandle};

use ripcord_store::{Accepted, Delivery, Records, StoreError};
use tokio::sync::{mpsc, oneshot};

/// How many deliveries are kept in one transaction at the most.
const AT_ONCE: usize = 256;

/// Why a delivery was not accepted. Its sender may try again.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// More came in than can be kept.
    #[error("more comes in than can be kept now")]
    Overloaded,
    /// The records cannot be written, or the server is ending.
    #[error("nothing can be kept now: {0}")]
    Trouble(String),
}

struct Waiting {
    delivery: Delivery,
    answer: oneshot::Sender<Result<Accepted, String>>,
}

/// Hands deliveries to the thread that keeps them. Clones hand them to the same one.
#[derive(Clone)]
pub struct Clerk {
    queue: mpsc::Sender<Waiting>,
}

/// The thread that keeps deliveries; it ends when every [`Clerk`] is gone and what they handed in is kept.
pub struct Keeping {
    thread: JoinHandle<Box<dyn Records>>,
}

impl Keeping {
    /// Waits until everything that was handed in is kept; the records. It must not be called where other work
    /// of an async runtime would be kept from going on.
    ///
    /// # Errors
    /// The thread panicked.
    pub fn end(self) -> Result<Box<dyn Records>, NotKept> {
        let ended = self.thread.join();
        ended
            .map_err(|_| NotKept::Trouble("the thread that keeps deliveries broke down".to_owned()))
    }
}

impl Clerk {
    /// Begins to keep deliveries. At most `room` wait at a time.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn begin(records: Box<dyn Records>, room: usize) -> Result<(Self, Keeping), NotKept> {
        let (queue, waiting) = mpsc::channel(room.max(1));
        let thread = thread::Builder::new().name("clerk".to_owned());
        let thread = thread.spawn(move || keep(records, waiting));
        let thread = thread.map_err(|error| NotKept::Trouble(error.to_string()))?;
        Ok((Self { queue }, Keeping { thread }))
    }

    /// Keeps a delivery: when this returns it is on the disk.
    ///
    /// # Errors
    /// It is not kept, and its sender is to try again.
    pub async fn keep(&self, delivery: Delivery) -> Result<Accepted, NotKept> {
        let (answer, answered) = oneshot::channel();
        let handed = self.queue.try_send(Waiting { delivery, answer });
        handed.map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => NotKept::Overloaded,
            mpsc::error::TrySendError::Closed(_) => {
                NotKept::Trouble("the server is ending".to_owned())
            }
        })?;
        match answered.await {
            Ok(kept) => kept.map_err(NotKept::Trouble),
            Err(_) => Err(NotKept::Trouble("the server is ending".to_owned())),
        }
    }
}

fn keep(mut records: Box<dyn Records>, mut queue: mpsc::Receiver<Waiting>) -> Box<dyn Records> {
    while let Some(first) = queue.blocking_recv() {
        let mut deliveries = vec![first.delivery];
        let mut answers = vec![first.answer];
        while deliveries.len() < AT_ONCE
            && let Ok(next) = queue.try_recv()
        {
            deliveries.push(next.delivery);
            answers.push(next.answer);
        }
        // A sender that has gone away meanwhile sends the same again, and is told that it is known.
        match records.accept(&deliveries) {
            Ok(kept) => {
                for (answer, accepted) in answers.into_iter().zip(kept) {
                    let _gone = answer.send(Ok(accepted));
                }
            }
            Err(error) => refuse(answers, &error),
        }
    }
    records
}

fn refuse(answers: Vec<oneshot::Sender<Result<Accepted, String>>>, error: &StoreError) {
    for answer in answers {
        let _gone = answer.send(Err(error.to_string()));
    }
}
