//! Any bytes are read. The first byte chooses the path.

#![no_main]

#[path = "../../crates/manifest/tests/invariants/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some((first, bytes)) = data.split_first() {
        let path = invariants::PATHS[usize::from(*first) % invariants::PATHS.len()];
        invariants::read_holds(path, bytes);
    }
});
