//! How much of the processor a run of ripcord takes itself: not the gits that it starts.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// What the kernel says of each thread, ended ones as they were seen last.
pub(crate) struct Processor {
    threads: PathBuf,
    nanoseconds: BTreeMap<String, u64>,
    /// Seconds from the start of the run, and the sum so far in seconds.
    seen: Vec<(f64, f64)>,
}

impl Processor {
    pub(crate) fn of(process: u32) -> Self {
        Self {
            threads: PathBuf::from(format!("/proc/{process}/task")),
            nanoseconds: BTreeMap::new(),
            seen: Vec::new(),
        }
    }

    /// Looks once; where the kernel does not say it, nothing is seen.
    pub(crate) fn look(&mut self, now: f64) {
        let threads = fs::read_dir(&self.threads).into_iter().flatten().flatten();
        for thread in threads {
            let taken = fs::read_to_string(thread.path().join("schedstat"))
                .ok()
                .and_then(|text| text.split_whitespace().next()?.parse().ok());
            if let Some(taken) = taken {
                let name = thread.file_name().to_string_lossy().into_owned();
                self.nanoseconds.insert(name, taken);
            }
        }
        let sum: u64 = self.nanoseconds.values().sum();
        if sum > 0 {
            self.seen.push((now, sum as f64 / 1e9));
        }
    }

    /// What was taken until a moment.
    pub(crate) fn until(&self, end: f64) -> Option<f64> {
        let before = self.seen.iter().take_while(|(at, _)| *at <= end);
        before.last().map(|(_, sum)| *sum)
    }
}
