//! Keeping deliveries: what is accepted is kept, what cannot be kept is refused, nothing is lost in between.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use jiff::Timestamp;
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::event::{Event, EventId, IncidentId};
use ripcord_domain::incident::joining::Key;
use ripcord_server::clerk::{Clerk, NotKept};
use ripcord_store::{
    Accepted, Claims, DeadLetter, Delivery, DeliveryNumber, EventNumber, Filing, News, Records,
    StoreError,
};
use tokio::sync::Barrier;

fn delivery(key: usize) -> Delivery {
    Delivery {
        source: "prometheus".into(),
        key: key.to_string(),
        received: Timestamp::UNIX_EPOCH,
        headers: Vec::new(),
        body: b"{}".to_vec(),
    }
}

/// Records whose disk answers when the test lets it. Each transaction is told with how many it keeps.
struct SlowDisk {
    begun: Sender<usize>,
    goes_on: Receiver<Result<(), &'static str>>,
    kept: BTreeSet<String>,
}

impl Records for SlowDisk {
    fn accept(&mut self, deliveries: &[Delivery]) -> Result<Vec<Accepted>, StoreError> {
        self.begun.send(deliveries.len()).unwrap();
        self.goes_on
            .recv()
            .unwrap()
            .map_err(|why| StoreError::Unusable {
                place: "here".into(),
                why: why.into(),
            })?;
        let mut keep = |one: &Delivery| {
            if self.kept.insert(one.key.clone()) {
                Accepted::New
            } else {
                Accepted::Again
            }
        };
        Ok(deliveries.iter().map(&mut keep).collect())
    }

    fn waiting(&mut self, _: u32) -> Result<Vec<(DeliveryNumber, Delivery)>, StoreError> {
        Ok(Vec::new())
    }
    fn version(&mut self) -> Result<i64, StoreError> {
        Ok(self.kept.len().try_into().unwrap())
    }
    fn news(&mut self, _: EventNumber) -> Result<News, StoreError> {
        Ok(News::default())
    }
    fn known(&mut self, _: &BTreeSet<Key>) -> Result<Vec<Incident>, StoreError> {
        Ok(Vec::new())
    }
    fn told(&mut self, _: &[Event]) -> Result<BTreeSet<String>, StoreError> {
        Ok(BTreeSet::new())
    }
    fn waiting_for(&mut self, _: &IncidentId) -> Result<Vec<Event>, StoreError> {
        Ok(Vec::new())
    }
    fn file(&mut self, _: &Filing) -> Result<(), StoreError> {
        Ok(())
    }
    fn events_of(&mut self, _: &IncidentId) -> Result<Vec<Event>, StoreError> {
        Ok(Vec::new())
    }
    fn incident_of(&mut self, _: &EventId) -> Result<Option<Incident>, StoreError> {
        Ok(None)
    }
    fn events_of_production(
        &mut self,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Vec<Event>, StoreError> {
        Ok(Vec::new())
    }
    fn events_after(
        &mut self,
        _: EventNumber,
        _: u32,
    ) -> Result<Vec<(EventNumber, Event)>, StoreError> {
        Ok(Vec::new())
    }
    fn passed_on(&mut self, _: &str) -> Result<EventNumber, StoreError> {
        Ok(EventNumber(0))
    }
    fn pass_on(&mut self, _: &str, _: EventNumber) -> Result<(), StoreError> {
        Ok(())
    }
    fn incidents(&mut self, _: u32) -> Result<Vec<Incident>, StoreError> {
        Ok(Vec::new())
    }
    fn dead_letters(&mut self, _: u32) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(Vec::new())
    }
    fn replay(&mut self, _: &[DeliveryNumber]) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl Claims for SlowDisk {
    fn claim(&mut self, _: &str, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        Ok(true)
    }
    fn disclaim(&mut self, _: &str, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
    fn forget_claims(&mut self, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

type Disk = (Receiver<usize>, Sender<Result<(), &'static str>>);

fn slow_disk() -> (Box<SlowDisk>, Disk) {
    let (begun, begins) = channel();
    let (go_on, goes_on) = channel();
    let disk = SlowDisk {
        begun,
        goes_on,
        kept: BTreeSet::new(),
    };
    (Box::new(disk), (begins, go_on))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_while_the_disk_is_busy_is_kept_in_one_transaction() {
    let (disk, (begins, go_on)) = slow_disk();
    let (clerk, keeping) = Clerk::begin(disk, 100).unwrap();
    let first = tokio::spawn({
        let clerk = clerk.clone();
        async move { clerk.keep(delivery(0)).await }
    });
    assert_eq!(begins.recv().unwrap(), 1);
    // All of them have handed theirs in when the last one waits at the barrier.
    let handed = Arc::new(Barrier::new(51));
    let others: Vec<_> = (0..50)
        .map(|key| {
            let (clerk, handed) = (clerk.clone(), Arc::clone(&handed));
            tokio::spawn(async move {
                let keeping = clerk.keep(delivery(key));
                tokio::pin!(keeping);
                tokio::select! {
                    biased;
                    kept = &mut keeping => return kept,
                    _ = handed.wait() => {}
                }
                keeping.await
            })
        })
        .collect();
    handed.wait().await;
    go_on.send(Ok(())).unwrap();
    assert_eq!(begins.recv().unwrap(), 50);
    go_on.send(Ok(())).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), Accepted::New);
    let mut again = 0;
    for other in others {
        again += usize::from(other.await.unwrap().unwrap() == Accepted::Again);
    }
    assert_eq!(again, 1);
    drop(clerk);
    assert_eq!(keeping.end().unwrap().version().unwrap(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_is_refused_at_once_and_not_kept() {
    let (disk, (begins, go_on)) = slow_disk();
    let (clerk, keeping) = Clerk::begin(disk, 1).unwrap();
    let keep = |key| {
        let clerk = clerk.clone();
        tokio::spawn(async move { clerk.keep(delivery(key)).await })
    };
    let first = keep(0);
    assert_eq!(begins.recv().unwrap(), 1);
    // One of the two has the room, whichever is handed in first; only the other one is answered now.
    let (mut second, mut third) = (keep(1), keep(2));
    let refused = tokio::select! {
        refused = &mut second => refused,
        refused = &mut third => refused,
    };
    assert!(matches!(refused.unwrap(), Err(NotKept::Overloaded)));
    go_on.send(Ok(())).unwrap();
    assert_eq!(begins.recv().unwrap(), 1);
    go_on.send(Ok(())).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), Accepted::New);
    drop(clerk);
    assert_eq!(keeping.end().unwrap().version().unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_to_each_sender_and_the_next_is_kept_when_there_is_space() {
    let (disk, (_begins, go_on)) = slow_disk();
    let (clerk, keeping) = Clerk::begin(disk, 10).unwrap();
    go_on.send(Err("no space left")).unwrap();
    let refused = clerk.keep(delivery(0)).await;
    assert!(matches!(refused, Err(NotKept::Trouble(why)) if why.contains("no space left")));
    go_on.send(Ok(())).unwrap();
    assert_eq!(clerk.keep(delivery(0)).await.unwrap(), Accepted::New);
    drop(clerk);
    assert_eq!(keeping.end().unwrap().version().unwrap(), 1);
}
