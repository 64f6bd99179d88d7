//! Signals that end ripcord. What the gate started is in groups of its own, which no terminal and no CI reaches: it has
//! to be ended here.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use crate::group;

/// Signals, their numbers, and their names.
const SIGNALS: [(i32, &str); 3] = [(1, "SIGHUP"), (2, "SIGINT"), (15, "SIGTERM")];

/// From now on a signal ends what the gate runs, and so the gate.
///
/// # Errors
/// The machine does not let us listen.
pub(crate) fn watch() -> io::Result<()> {
    static WATCHING: Once = Once::new();
    let mut outcome = Ok(());
    WATCHING.call_once(|| outcome = begin());
    outcome
}

fn begin() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
    let mut watched = Vec::new();
    {
        // Here and not in the thread: a command may run before that begins.
        let _inside = runtime.enter();
        for (number, name) in SIGNALS {
            // `nohup` asked for it.
            if ignored & (1 << (number - 1)) == 0 {
                watched.push((signal(SignalKind::from_raw(number))?, name));
            }
        }
    }
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let first = std::future::poll_fn(|context| {
                for (signal, name) in &mut watched {
                    let next = pin!(signal.recv());
                    if next.poll(context) == Poll::Ready(Some(())) {
                        return Poll::Ready(*name);
                    }
                }
                Poll::Pending
            });
            group::end_all(runtime.block_on(first));
        })?;
    Ok(())
}

/// The signals that this process was told to ignore when it was started, a bit each: Linux tells.
fn ignored(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_what_linux_tells() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored(status), 0x1001);
        assert_eq!(ignored(""), 0);
    }
}
