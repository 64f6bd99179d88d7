//! The same with many, at the same time.

use anyhow::{Result, bail};

/// Does it with each, and gives what came of them in their order.
pub(crate) fn at_once<T: Send, R: Send>(
    all: impl IntoIterator<Item = T>,
    each: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    std::thread::scope(|scope| {
        let each = &each;
        let begun: Vec<_> = all
            .into_iter()
            .map(|one| scope.spawn(move || each(one)))
            .collect();
        begun
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|_| bail!("one of them panicked")))
            .collect()
    })
}
